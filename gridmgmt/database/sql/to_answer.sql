-- Which rows were known before the newest rules of who answers?
SELECT c.id, c.edition_id, c.lon, c.lat, c.{when} AS at, {category} AS category, c.unit_code
FROM {current} AS c
LEFT JOIN edition AS e ON e.valid @> (c.{when} AT TIME ZONE :zone)::date
WHERE c.known_at < CAST(:rules_at AS timestamptz)
  AND (CAST(:edition AS text) IS NULL OR e.name = :edition)
