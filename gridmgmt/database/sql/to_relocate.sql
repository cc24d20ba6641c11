-- Which rows, located by one edition, may lie in other grids of the one of their day? Those of leaf grids that differ, those where
-- it has new leaf grids (the smallest code on an edge may be one of them), and those in no leaf grid.
SELECT c.id, c.edition_id, c.lon, c.lat, c.{when} AS at, {category} AS category, c.unit_code
FROM {current} AS c
WHERE c.id IN (
    SELECT id FROM {current} WHERE {leaf} = ANY(:gone)
    UNION ALL
    SELECT id FROM {current} WHERE located <> 'leaf' AND (geom IS NOT NULL OR edition_id IS NULL)
    UNION ALL
    SELECT p.id FROM grid AS g JOIN {current} AS p ON p.geom && g.geom WHERE g.id = ANY(:new)
)
  AND c.edition_id IS NOT DISTINCT FROM CAST(:located_by AS bigint)
  AND c.{when} >= :start AND (CAST(:end AS timestamptz) IS NULL OR c.{when} < :end)
