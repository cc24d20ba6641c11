-- Which cases reported by a cut-off were worked on here after it and are to be told by their steps, and how many others went
-- straight: nothing of their rows has changed since but the state and times that nothing had set; they lie where they did, and what
-- the row states then was stated here, not by an export?
WITH later AS (
    SELECT case_id, min(known_at) FILTER (WHERE origin = 'own') AS first_at, bool_and(kind = ANY(:steady)) AS is_steady
    FROM step
    WHERE at > :cut
    GROUP BY case_id
    HAVING bool_or(origin = 'own')
)
SELECT coalesce(array_agg(case_no ORDER BY case_no) FILTER (WHERE NOT is_straight), '{}') AS others,
       count(*) FILTER (WHERE is_straight) AS n_straight
FROM (
    SELECT c.case_no, coalesce(
        later.is_steady
        AND c.unit_id = (SELECT u.id FROM unit AS u WHERE u.code = c.unit_code)
        AND (SELECT true FROM step AS s WHERE s.case_id = c.id AND s.at <= :cut AND s.origin = 'own' LIMIT 1)
        AND (SELECT true FROM assignment AS a WHERE a.case_id = c.id AND a.known_at >= later.first_at LIMIT 1) IS NULL,
        false
    ) AS is_straight
    FROM later JOIN cases AS c ON c.id = later.case_id
    WHERE c.reported_at <= :cut
) AS worked
