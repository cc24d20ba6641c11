-- Which of some incoming rows have a number that stands here?
SELECT i.row_no FROM incoming_rows AS i JOIN {current} AS c ON c.{key} = i.number WHERE i.row_no = ANY(:rows)
