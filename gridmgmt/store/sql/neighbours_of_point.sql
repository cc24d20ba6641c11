-- Which leaf grids other than the point's own are near it, how far away is each (metres in the city's own projection)?
SELECT g.code, g.name_zh, g.name_en,
       ST_Distance(ST_Transform(g.geom, CAST(:epsg AS integer)),
                   ST_Transform(ST_SetSRID(ST_MakePoint(:lon, :lat), 4490), CAST(:epsg AS integer))) AS distance_m
FROM grid AS g
WHERE g.edition_id = :edition_id AND g.level = :level AND g.code <> :own
  AND g.geom && ST_Expand(ST_SetSRID(ST_MakePoint(:lon, :lat), 4490), :reach_deg)
ORDER BY distance_m, g.code
LIMIT 5
