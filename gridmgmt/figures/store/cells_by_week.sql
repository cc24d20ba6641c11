-- How many cases of a period count in the same counts, by the week of their report, where they lie and what they are; and when is
-- the first instant not before the cut-off that the counts ask for? Cases that are told as they were are of no week.
SELECT week, {keys}, mask, count(*) AS n, min(next_at) AS next_at
FROM (SELECT week, {read}, {mask} AS mask, next_at FROM {layers}) AS counted
GROUP BY week, {keys}, mask
