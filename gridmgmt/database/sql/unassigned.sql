-- Which rows lie in no leaf grid, and which leaf grid is nearest to each, how far away (metres in the city's projection)?
SELECT c.{key} AS number, c.{when} AS at, c.lon, c.lat, c.located, c.address,
       near.code AS nearest_code, near.name_zh AS nearest_zh, near.name_en AS nearest_en, near.distance_m
FROM (
    SELECT * FROM {current} WHERE located <> 'leaf'
    ORDER BY geom IS NULL, located, {key}
    LIMIT :limit
) AS c
LEFT JOIN edition AS e ON e.valid @> (c.{when} AT TIME ZONE :zone)::date
LEFT JOIN LATERAL (
    -- nearest in degrees is only nearly nearest in metres: the first few are measured
    SELECT g.code, g.name_zh, g.name_en,
           round(ST_Distance(ST_Transform(g.geom, CAST(:epsg AS integer)), ST_Transform(c.geom, CAST(:epsg AS integer)))::numeric, 1)
               AS distance_m
    FROM (
        SELECT n.* FROM grid AS n JOIN edition_grid AS m ON m.grid_id = n.id
        WHERE m.edition_id = e.id AND m.level = (SELECT max(level) FROM edition_grid WHERE edition_id = e.id)
        ORDER BY n.geom <-> c.geom
        LIMIT 8
    ) AS g
    ORDER BY distance_m, g.code
    LIMIT 1
) AS near ON c.geom IS NOT NULL
ORDER BY c.geom IS NULL, c.located, c.{key}
