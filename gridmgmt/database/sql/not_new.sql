-- Which of a file's rows are not simply new: of a number that stands here, or that several of its rows bear, or of a case
-- that repeats another one, since all of a chain of them are looked at together?
SELECT row_no FROM (
    SELECT i.row_no FROM incoming_rows AS i JOIN {current} AS c ON c.{key} = i.number
    UNION
    SELECT row_no FROM (
        SELECT row_no, repeat_of, count(*) OVER (PARTITION BY number) AS n FROM incoming_rows
    ) AS i WHERE n > 1 OR repeat_of IS NOT NULL
) AS found ORDER BY row_no
