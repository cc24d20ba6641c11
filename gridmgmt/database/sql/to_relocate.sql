-- Which rows, located by one edition, may lie in other grids of the one of their day? Those in leaf grids that are not the same in
-- both, or so near that the smallest code on an edge may be another, and those in no leaf grid.
WITH change AS (
    SELECT row_number() OVER () AS n, *
    FROM json_to_recordset(CAST(:changes AS json))
        AS change (located_by bigint, start_at timestamptz, end_at timestamptz, leaves bigint[])
),
shape AS ( -- grids that only bear another code have one together; unpacked once, not for each row
    SELECT ST_Force2D(g.geom) AS geom, array_agg(change.n) AS changes
    FROM change CROSS JOIN unnest(change.leaves) AS leaf (id) JOIN grid AS g ON g.id = leaf.id
    GROUP BY g.geom
),
beside AS (
    SELECT c.id, c.edition_id, c.lon, c.lat, c.{when} AS at, {category} AS category, c.unit_code, shape.changes,
           shape.geom AS shape, c.geom
    FROM shape JOIN {current} AS c ON c.geom && ST_Expand(shape.geom, :near)
    UNION ALL
    SELECT c.id, c.edition_id, c.lon, c.lat, c.{when}, {category}, c.unit_code, NULL, c.geom, c.geom
    FROM {current} AS c
    WHERE c.located <> 'leaf' AND (c.geom IS NOT NULL OR c.edition_id IS NULL)
)
SELECT id, edition_id, lon, lat, at, category, unit_code
FROM beside
WHERE EXISTS (
    SELECT FROM change
    WHERE change.n = ANY(coalesce(beside.changes, ARRAY[change.n])) AND change.located_by IS NOT DISTINCT FROM beside.edition_id
      AND beside.at >= change.start_at AND (change.end_at IS NULL OR beside.at < change.end_at)
) AND coalesce(ST_DWithin(shape, geom, :near), true)
