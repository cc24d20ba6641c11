-- Levels and codes of a grid and of all below it, in every edition.
WITH RECURSIVE below AS (
    SELECT e.edition_id, g.level, g.code
    FROM edition_grid AS e JOIN grid AS g ON g.id = e.grid_id
    WHERE g.level = :level AND g.code = :code
    UNION
    SELECT e.edition_id, g.level, g.code
    FROM below AS b
    JOIN edition_grid AS e ON e.edition_id = b.edition_id AND e.level = b.level + 1
    JOIN grid AS g ON g.id = e.grid_id AND g.parent_code = b.code
)
SELECT DISTINCT level, code FROM below
