-- How many cases of a period count in the same counts, by where they lie and what they are?
SELECT {keys}, mask, count(*) AS n
FROM (SELECT {read}, {mask} AS mask FROM {layers}) AS counted
GROUP BY {keys}, mask
