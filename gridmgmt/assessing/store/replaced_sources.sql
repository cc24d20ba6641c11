-- Which results that an assessment took are no longer those that hold for their rulebook and period, and which hold now?
WITH holds AS (
    SELECT DISTINCT ON (rulebook_id, period) rulebook_id, period, name, sha256
    FROM assessment
    ORDER BY rulebook_id, period, published_at IS NULL, published_at DESC, as_of DESC, confirmed_at DESC
)
SELECT a.name, used.name AS taken, holds.name AS now
FROM assessment AS a
CROSS JOIN LATERAL jsonb_to_recordset(a.header -> 'sources') AS s (assessment text, sha256 text)
JOIN assessment AS used ON used.name = s.assessment
JOIN holds ON holds.rulebook_id = used.rulebook_id AND holds.period = used.period
WHERE holds.sha256 <> s.sha256
  AND (CAST(:assessment AS text) IS NULL OR a.name = :assessment)
ORDER BY a.name, used.name
