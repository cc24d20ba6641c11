-- Ids and codes of a unit and of all below it; of a grid (level and code of each): of the units that work there, and below them.
WITH RECURSIVE below AS (
    SELECT u.id, u.code FROM unit AS u
    WHERE u.code = :unit
       OR (u.level, u.grid_code) IN (SELECT * FROM unnest(CAST(:levels AS smallint[]), CAST(:codes AS text[])))
    UNION
    SELECT u.id, u.code FROM below AS b JOIN unit AS u ON u.parent_code = b.code
)
SELECT id, code FROM below
