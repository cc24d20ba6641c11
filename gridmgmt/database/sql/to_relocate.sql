-- Which rows, located by one edition, may lie in other grids of the one of their day? Those where leaf grids are not the same in
-- both (beside one too: the smallest code on an edge may be another), and those in no leaf grid.
WITH change AS (
    SELECT row_number() OVER () AS n, *
    FROM json_to_recordset(CAST(:changes AS json))
        AS change (located_by bigint, start_at timestamptz, end_at timestamptz, leaves bigint[])
),
box AS ( -- grids that only bear another code have one together
    SELECT ST_Envelope(g.geom) AS geom, array_agg(change.n) AS changes
    FROM change CROSS JOIN unnest(change.leaves) AS leaf (id) JOIN grid AS g ON g.id = leaf.id
    GROUP BY ST_Envelope(g.geom)
)
SELECT id, edition_id, lon, lat, at, category, unit_code
FROM (
    SELECT c.*, c.{when} AS at, {category} AS category, box.changes FROM box JOIN {current} AS c ON c.geom && box.geom
    UNION ALL
    SELECT c.*, c.{when}, {category}, NULL FROM {current} AS c
    WHERE c.located <> 'leaf' AND (c.geom IS NOT NULL OR c.edition_id IS NULL)
) AS found
WHERE EXISTS (
    SELECT FROM change
    WHERE change.n = ANY(coalesce(found.changes, ARRAY[change.n])) AND change.located_by IS NOT DISTINCT FROM found.edition_id
      AND found.at >= change.start_at AND (change.end_at IS NULL OR found.at < change.end_at)
)
