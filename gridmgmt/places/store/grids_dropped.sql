-- Which grids has only the edition that is dropped? They go with it.
WITH parted AS (
    DELETE FROM edition_grid WHERE edition_id = :edition_id RETURNING grid_id
)
DELETE FROM grid AS g USING parted
WHERE g.id = parted.grid_id
  AND NOT EXISTS (SELECT FROM edition_grid AS m WHERE m.grid_id = g.id AND m.edition_id <> :edition_id)
