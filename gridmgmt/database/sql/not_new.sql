-- Which of a file's rows are not simply new: of a number that stands here, or that several of its rows bear?
SELECT row_no FROM (
    SELECT i.row_no FROM incoming_rows AS i JOIN {current} AS c ON c.{key} = i.number
    UNION
    SELECT row_no FROM (SELECT row_no, count(*) OVER (PARTITION BY number) AS n FROM incoming_rows) AS i WHERE n > 1
) AS found ORDER BY row_no
