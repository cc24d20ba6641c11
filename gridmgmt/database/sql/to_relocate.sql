-- Which rows are assigned in another edition than the one valid on their day, or were before the newest rules?
SELECT c.id, c.edition_id, c.lon, c.lat, c.{when} AS at, {category} AS category, c.unit_code
FROM {current} AS c
LEFT JOIN edition AS e ON e.valid @> (c.{when} AT TIME ZONE :zone)::date
WHERE (c.edition_id IS DISTINCT FROM e.id OR c.known_at < CAST(:rules_at AS timestamptz))
  AND (CAST(:edition AS text) IS NULL OR e.name = :edition)
ORDER BY c.id
