-- What are the features of the layers of a kind that are valid on a day, with their geometry as hexadecimal WKB?
SELECT l.name AS layer, f.code, f.name_zh, f.name_en, f.class, f.unit_code, f.land_owner, f.category, f.buffer_m,
       f.attributes, encode(ST_AsBinary(f.geom), 'hex') AS wkb
FROM layer AS l
JOIN feature AS f ON f.layer_id = l.id
WHERE l.kind = :kind AND l.valid @> CAST(:day AS date) AND (CAST(:name AS text) IS NULL OR l.name = :name)
ORDER BY l.name, f.code
