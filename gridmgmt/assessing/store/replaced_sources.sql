-- Which results that assessments took, or that these rest on, no longer hold, and which hold now?
WITH RECURSIVE holds AS (
    SELECT DISTINCT ON (rulebook_id, period) rulebook_id, period, name, sha256
    FROM assessment
    ORDER BY rulebook_id, period, published_at IS NULL, published_at DESC, as_of DESC, confirmed_at DESC
),
took AS (
    SELECT a.name, s.assessment, s.sha256
    FROM assessment AS a
    CROSS JOIN LATERAL jsonb_to_recordset(a.header -> 'sources') AS s (assessment text, sha256 text)
    UNION
    SELECT a.name, e.source ->> 'assessment', e.source ->> 'sha256'
    FROM assessment AS a
    CROSS JOIN LATERAL jsonb_each(a.header -> 'earlier') AS e (period, source)
),
rests AS (
    SELECT took.name, used.name AS taken, holds.name AS now, holds.sha256 = took.sha256 AS is_held
    FROM took
    JOIN assessment AS used ON used.name = took.assessment
    JOIN holds ON holds.rulebook_id = used.rulebook_id AND holds.period = used.period
),
replaced AS (
    SELECT name, taken, now, CAST(NULL AS text) AS through FROM rests WHERE NOT is_held
    UNION -- rows of a chain are told once, by whichever ways it leads there: it ends
    SELECT rests.name, replaced.taken, replaced.now, rests.now
    FROM replaced
    JOIN rests ON rests.now = replaced.name AND rests.is_held
)
SELECT DISTINCT ON (name, taken) name, taken, now, through
FROM replaced
WHERE CAST(:assessment AS text) IS NULL OR name = :assessment
ORDER BY name, taken, through NULLS FIRST
