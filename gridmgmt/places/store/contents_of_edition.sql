-- What are an edition's grids, without their shapes, and which content does each hold?
SELECT g.id, g.level, g.code, g.parent_code, g.content_hash
FROM edition_grid AS m JOIN grid AS g ON g.id = m.grid_id
WHERE m.edition_id = :edition_id
ORDER BY g.level, g.code
