-- How many of the rows loaded repeat a case that is not here?
SELECT count(*) FROM incoming_rows AS i
WHERE i.repeat_of IS NOT NULL AND NOT EXISTS (SELECT FROM cases AS c WHERE c.case_no = i.repeat_of)
