-- What are an edition's grids on some levels, with their geometry as hexadecimal WKB?
SELECT id, level, code, parent_code, name_zh, name_en, kind, responsible, area_m2,
       encode(ST_AsBinary(geom), 'hex') AS wkb
FROM grid
WHERE edition_id = :edition_id AND level = ANY(:levels)
ORDER BY level, code
