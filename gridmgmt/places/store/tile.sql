-- One vector tile: told by rows of JSON, each of which says where its area's WKB lies among the bytes, and its name
WITH given AS MATERIALIZED (
    SELECT *
    FROM json_to_recordset(CAST(:rows AS json))
        AS told (id bigint, at integer, size integer, x integer, y integer, {columns})
)
SELECT
    (
        SELECT ST_AsMVT(told, :areas, :extent, 'geom', 'id')
        FROM (
            SELECT id, ST_GeomFromWKB(substring(CAST(:shapes AS bytea) FROM at FOR size)) AS geom, {names}
            FROM given
            WHERE size IS NOT NULL
        ) AS told
    ) AS areas,
    (
        SELECT ST_AsMVT(told, :labels, :extent, 'geom', 'id')
        FROM (SELECT id, ST_MakePoint(x, y) AS geom, {named} FROM given WHERE x IS NOT NULL) AS told
    ) AS labels
