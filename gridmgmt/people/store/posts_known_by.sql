-- The posts held on a day by people who are there on it, as was known by an instant (it included); names if asked for?
WITH persons AS (
    SELECT DISTINCT ON (code) code, name, valid FROM person_version
    WHERE known_at <= :known_by ORDER BY code, id DESC
),
held AS (
    SELECT DISTINCT ON (post_id) * FROM post_version WHERE known_at <= :known_by ORDER BY post_id, id DESC
)
SELECT h.person_code AS person, h.unit_code AS unit, h.role, h.level, h.grid_code, h.full_time,
       lower(h.valid) AS first, upper(h.valid) AS last, CASE WHEN :names THEN p.name END AS name
FROM held AS h JOIN persons AS p ON p.code = h.person_code
WHERE h.valid @> CAST(:day AS date) AND p.valid @> CAST(:day AS date)
ORDER BY h.person_code, h.post_id
