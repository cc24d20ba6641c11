-- Which samples lie in no leaf grid, and which leaf grid is nearest to each, how far away?
SELECT c.sample_no AS number, c.sampled_at AS at, c.lon, c.lat, c.located, c.address,
       near.code AS nearest_code, near.name_zh AS nearest_zh, near.name_en AS nearest_en,
       round(ST_Distance(c.geom::geography, near.geom::geography)::numeric, 1) AS distance_m
FROM samples AS c
LEFT JOIN LATERAL (
    SELECT g.code, g.name_zh, g.name_en, g.geom
    FROM grid AS g
    WHERE g.edition_id = c.edition_id
      AND g.level = (SELECT max(level) FROM grid WHERE edition_id = c.edition_id)
    ORDER BY g.geom <-> c.geom
    LIMIT 1
) AS near ON c.geom IS NOT NULL
WHERE c.located <> 'leaf'
ORDER BY c.geom IS NULL, c.located, c.sample_no
LIMIT :limit
