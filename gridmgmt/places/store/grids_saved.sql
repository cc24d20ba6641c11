-- Which of the incoming grids are new? They get rows; the edition consists of these and of those that stood there, the same in all.
WITH hashed AS (
    SELECT md5(ROW(level, code, parent_code, name_zh, name_en, kind, responsible, area_m2,
                   encode(ST_AsEWKB(geom), 'hex'))::text) AS content_hash, *
    FROM incoming_grid
), added AS (
    INSERT INTO grid (content_hash, level, code, parent_code, name_zh, name_en, kind, responsible, area_m2, geom)
    SELECT * FROM hashed
    ORDER BY level, code
    ON CONFLICT (content_hash) DO NOTHING
    RETURNING id, content_hash
)
INSERT INTO edition_grid (edition_id, level, code, grid_id)
SELECT :edition_id, h.level, h.code, coalesce(a.id, g.id)
FROM hashed AS h LEFT JOIN added AS a USING (content_hash) LEFT JOIN grid AS g USING (content_hash)
