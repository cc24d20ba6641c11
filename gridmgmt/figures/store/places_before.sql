-- Where did cases belong before the first step that was taken on them here after a moment? Left out are those that a
-- reassignment has placed by other rules since, and those of which steps until then came in together with that step.
WITH later AS (
    SELECT case_id, min(known_at) FILTER (WHERE at > :cut) AS first_at, max(known_at) FILTER (WHERE at <= :cut) AS seen_at
    FROM step
    WHERE case_id = ANY(:ids) AND origin = 'own'
    GROUP BY case_id
)
SELECT DISTINCT ON (a.case_id) a.case_id AS id, {located}
FROM later JOIN assignment AS a ON a.case_id = later.case_id AND a.known_at < later.first_at
WHERE (later.seen_at IS NULL OR later.seen_at < later.first_at)
  AND NOT EXISTS (SELECT FROM batch AS b WHERE b.kind = 'reassign' AND b.known_at > later.first_at)
ORDER BY a.case_id, a.known_at DESC, a.id DESC
