-- Which grids of an edition cover a point, level by level (the smallest code wins on a shared edge)?
SELECT DISTINCT ON (level) id, level, code, parent_code, name_zh, name_en, kind, responsible, area_m2
FROM grid
WHERE edition_id = :edition_id AND ST_Covers(geom, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490))
ORDER BY level, code
