-- Which places have so many incoming rows in common, and such a share of those that have a place?
WITH placed AS (
    SELECT lon, lat, count(*) AS n, sum(count(*)) OVER () AS total
    FROM incoming_rows WHERE lon IS NOT NULL AND lat IS NOT NULL GROUP BY lon, lat
)
SELECT lon, lat, n FROM placed WHERE n >= :least AND n >= :share * total ORDER BY n DESC, lon, lat LIMIT :most
