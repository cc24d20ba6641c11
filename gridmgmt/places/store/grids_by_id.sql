-- What are some grids, and which edition had each last by a day (the first one to have it, where none had it by then)?
SELECT e.name AS edition, g.id, g.level, g.code, g.parent_code, g.name_zh, g.name_en, g.kind, g.responsible, g.area_m2
FROM grid AS g
CROSS JOIN LATERAL (
    SELECT e.name, lower(e.valid) AS first
    FROM edition_grid AS m JOIN edition AS e ON e.id = m.edition_id
    WHERE m.grid_id = g.id AND e.valid IS NOT NULL
    ORDER BY lower(e.valid) <= :day DESC, abs(lower(e.valid) - CAST(:day AS date)), e.id
    LIMIT 1
) AS e
WHERE g.id = ANY(:ids)
ORDER BY e.first, g.level, g.code
