-- Which cases are assigned in another edition than the one valid on their day (or now could be, or no longer can)?
SELECT c.id, c.lon, c.lat, c.reported_at AS at, c.category_kind || ':' || c.category_code AS category, c.unit_code
FROM cases AS c
LEFT JOIN edition AS e ON e.valid @> (c.reported_at AT TIME ZONE :zone)::date
WHERE c.edition_id IS DISTINCT FROM e.id
  AND (CAST(:edition AS text) IS NULL OR e.name = :edition)
ORDER BY c.id
