-- Which places have so many incoming rows in common, and such a share of those that have a place?
-- Looked for only among longitudes that so many rows have together, a thousandth of them each: to sort all takes long.
WITH strip AS (
    SELECT hashfloat8(lon) & 1023 AS hash, count(*) AS n, sum(count(*)) OVER () AS total
    FROM incoming_rows WHERE lon IS NOT NULL AND lat IS NOT NULL GROUP BY hashfloat8(lon) & 1023
)
SELECT i.lon, i.lat, count(*) AS n
FROM incoming_rows AS i JOIN strip AS s ON s.hash = hashfloat8(i.lon) & 1023 AND s.n >= :least AND s.n >= :share * s.total
WHERE i.lat IS NOT NULL
GROUP BY i.lon, i.lat, s.total HAVING count(*) >= :least AND count(*) >= :share * s.total
ORDER BY n DESC, i.lon, i.lat LIMIT :most
