-- Which grids of an edition have no assessed subject yet? They get one; codes that stay keep theirs.
INSERT INTO subject (kind, level, code, name_zh, name_en)
SELECT 'grid', g.level, g.code, g.name_zh, g.name_en
FROM edition_grid AS m JOIN grid AS g ON g.id = m.grid_id
WHERE m.edition_id = :edition_id
ON CONFLICT (kind, level, code) DO UPDATE SET name_zh = excluded.name_zh, name_en = excluded.name_en
