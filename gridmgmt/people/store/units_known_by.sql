-- The units as they were known by an instant (it included), or, where nothing was known yet, as they were first known?
SELECT DISTINCT ON (v.code) u.id, v.code, v.name_zh, v.name_en, v.kind, v.parent_code, v.level, v.grid_code
FROM unit AS u JOIN unit_version AS v ON v.code = u.code
ORDER BY v.code, v.known_at <= :known_by DESC, CASE WHEN v.known_at <= :known_by THEN -v.id ELSE v.id END
