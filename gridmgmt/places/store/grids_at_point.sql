-- Which grids of one level may cover a point (their box does), with their geometry as hexadecimal WKB?
SELECT id, level, code, parent_code, name_zh, name_en, kind, responsible, area_m2,
       encode(ST_AsBinary(geom), 'hex') AS wkb
FROM grid
WHERE edition_id = :edition_id AND level = :level AND geom && ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)
ORDER BY code
