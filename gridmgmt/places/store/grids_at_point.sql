-- Which grids of one level may cover a point (their box does), with their geometry as hexadecimal WKB?
SELECT g.id, g.level, g.code, g.parent_code, g.name_zh, g.name_en, g.kind, g.responsible, g.area_m2,
       encode(ST_AsBinary(g.geom), 'hex') AS wkb
FROM grid AS g JOIN edition_grid AS m ON m.grid_id = g.id
WHERE m.edition_id = :edition_id AND m.level = :level AND g.geom && ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)
ORDER BY g.code
