-- Which content hash did a case bear at the cut-off of which only the state and some times have changed since?
(
    SELECT md5({hashed})
    FROM (
        SELECT {facts}, (
            SELECT last.state FROM step AS last WHERE last.case_id = cases.id AND last.at <= :cut ORDER BY last.seq DESC LIMIT 1
        ) AS status
    ) AS then_stated
)
