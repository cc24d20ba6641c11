-- Which grids of an edition match a level, a parent, a code and a box; how many are there, and which stand on one page?
-- A box without an area is the point or line that it is: as a polygon it would touch nothing.
WITH matched AS (
    SELECT g.id, g.level, g.code
    FROM edition_grid AS m JOIN grid AS g ON g.id = m.grid_id
    WHERE m.edition_id = :edition_id
      AND (CAST(:level AS integer) IS NULL OR m.level = :level)
      AND (CAST(:parent AS text) IS NULL OR g.parent_code = :parent)
      AND (CAST(:code AS text) IS NULL OR m.code = :code)
      AND (CAST(:west AS float8) IS NULL OR ST_Intersects(
        geom, ST_Envelope(ST_MakeLine(ST_Point(:west, :south, 4490), ST_Point(:east, :north, 4490)))
      ))
), page AS (
    SELECT id FROM matched ORDER BY level, code LIMIT :limit OFFSET :offset
)
SELECT (SELECT count(*) FROM matched) AS n_matched,
       g.id, g.level, g.code, g.parent_code, g.name_zh, g.name_en, g.kind, g.responsible, g.area_m2,
       ST_AsGeoJSON(g.geom, 7, 0) AS geometry
FROM (SELECT 1) AS one
LEFT JOIN (page JOIN grid AS g USING (id)) ON true
ORDER BY g.level, g.code
