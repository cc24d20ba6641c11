-- Who is on a rulebook's list, in which days as known now, and what is said of each there as it was known by an instant
-- (it included; none: as known now), or, where nothing was known yet, as it was first told?
WITH spans AS (
    SELECT DISTINCT ON (subject_id, lower(valid)) subject_id, lower(valid) AS first, upper(valid) AS last
    FROM assessed WHERE rulebook_id = :rulebook
    ORDER BY subject_id, lower(valid), known_at DESC, id DESC
),
said AS (
    SELECT DISTINCT ON (subject_id, lower(valid))
        subject_id, lower(valid) AS first, group_name, role, superiors, attributes
    FROM assessed WHERE rulebook_id = :rulebook
    ORDER BY subject_id, lower(valid), known_at <= coalesce(CAST(:known_by AS timestamptz), 'infinity') DESC,
        CASE WHEN known_at <= coalesce(CAST(:known_by AS timestamptz), 'infinity') THEN -id ELSE id END
),
names AS (
    SELECT DISTINCT ON (code) code, name_zh, name_en FROM unit_version
    ORDER BY code, known_at <= coalesce(CAST(:known_by AS timestamptz), 'infinity') DESC,
        CASE WHEN known_at <= coalesce(CAST(:known_by AS timestamptz), 'infinity') THEN -id ELSE id END
)
SELECT s.kind, s.level, s.code, said.*, spans.last,
    coalesce(n.name_zh, u.name_zh, s.name_zh) AS name_zh, coalesce(n.name_en, u.name_en, s.name_en) AS name_en
FROM spans JOIN said USING (subject_id, first) JOIN subject AS s ON s.id = spans.subject_id
LEFT JOIN unit AS u ON u.code = s.code AND s.kind = 'unit'
LEFT JOIN names AS n ON n.code = u.code
ORDER BY s.level, s.code, spans.first
