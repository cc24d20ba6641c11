-- What are an edition's grids on some levels, with their geometry as hexadecimal WKB?
SELECT g.id, g.level, g.code, g.parent_code, g.name_zh, g.name_en, g.kind, g.responsible, g.area_m2,
       encode(ST_AsBinary(g.geom), 'hex') AS wkb
FROM edition_grid AS m JOIN grid AS g ON g.id = m.grid_id
WHERE m.edition_id = :edition_id AND m.level = ANY(:levels)
ORDER BY g.level, g.code
