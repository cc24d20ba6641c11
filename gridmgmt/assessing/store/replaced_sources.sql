-- Which results that an assessment took, of others or of earlier periods, no longer hold, and which hold now?
WITH holds AS (
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
)
SELECT took.name, used.name AS taken, holds.name AS now
FROM took
JOIN assessment AS used ON used.name = took.assessment
JOIN holds ON holds.rulebook_id = used.rulebook_id AND holds.period = used.period
WHERE holds.sha256 <> took.sha256
  AND (CAST(:assessment AS text) IS NULL OR took.name = :assessment)
ORDER BY took.name, used.name
