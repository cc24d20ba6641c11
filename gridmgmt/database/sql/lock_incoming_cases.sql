-- How many cases may incoming rows change? They are locked, in the order in which steps lock theirs; cases that a row
-- only repeats, and those that are worked on here, are left to whoever takes a step.
SELECT count(*) FROM (
    SELECT FROM cases AS c
    JOIN (SELECT case_no, version_at, md5({hashed}) AS content_hash FROM incoming_cases) AS i ON i.case_no = c.case_no
    WHERE (i.version_at, i.content_hash) IS DISTINCT FROM (c.version_at, c.content_hash)
      AND NOT EXISTS (SELECT FROM step AS s WHERE s.case_id = c.id AND s.origin = 'own')
    ORDER BY c.case_no FOR UPDATE OF c
) AS changed
