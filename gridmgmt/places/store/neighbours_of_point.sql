-- Which leaf grids other than the point's own are nearest, how far away is each (metres in the city's projection)?
-- Nearest in degrees is only nearly nearest in metres: the first few are measured.
SELECT g.code, g.parent_code, g.name_zh, g.name_en, g.kind, g.responsible,
       ST_Distance(ST_Transform(g.geom, CAST(:epsg AS integer)),
                   ST_Transform(ST_SetSRID(ST_MakePoint(:lon, :lat), 4490), CAST(:epsg AS integer))) AS distance_m
FROM (
    SELECT n.* FROM grid AS n JOIN edition_grid AS m ON m.grid_id = n.id
    WHERE m.edition_id = :edition_id AND m.level = :level AND n.code <> :own
    ORDER BY n.geom <-> ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)
    LIMIT 32
) AS g
ORDER BY distance_m, g.code
