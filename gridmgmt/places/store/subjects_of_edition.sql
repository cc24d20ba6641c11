-- Which grids of an edition have no assessed subject yet? They get one; codes that stay keep theirs.
INSERT INTO subject (kind, level, code, name_zh, name_en)
SELECT 'grid', level, code, name_zh, name_en FROM grid WHERE edition_id = :edition_id
ON CONFLICT (kind, level, code) DO UPDATE SET name_zh = excluded.name_zh, name_en = excluded.name_en
