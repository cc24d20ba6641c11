-- Which grids are the same in several editions? The first row stays for all of them, and facts point to it.
ALTER TABLE grid ADD COLUMN content_hash text;
UPDATE grid
SET content_hash = md5(ROW(level, code, parent_code, name_zh, name_en, kind, responsible, area_m2,
                           encode(ST_AsEWKB(geom), 'hex'))::text);

CREATE TABLE edition_grid (
    edition_id bigint NOT NULL,
    level smallint NOT NULL,
    code text COLLATE "C" NOT NULL,
    grid_id bigint NOT NULL,
    CONSTRAINT pk_edition_grid PRIMARY KEY (edition_id, level, code)
);
INSERT INTO edition_grid (edition_id, level, code, grid_id)
SELECT edition_id, level, code, min(id) OVER (PARTITION BY content_hash) FROM grid;

CREATE TEMPORARY TABLE same ON COMMIT DROP AS
SELECT id, kept
FROM (SELECT id, min(id) OVER (PARTITION BY content_hash) AS kept FROM grid) AS g
WHERE id <> kept;
CREATE UNIQUE INDEX ON same (id);
ANALYZE same;

ALTER TABLE assignment DISABLE TRIGGER USER;
DO $$
DECLARE
    facts text;
BEGIN
    FOREACH facts IN ARRAY ARRAY['cases', 'samples', 'assignment'] LOOP
        EXECUTE format($update$
            UPDATE %1$I AS c
            SET (grid_l1, grid_l2, grid_l3, grid_l4, grid_l5, grid_l6) = (
                coalesce(s1.kept, b.grid_l1), coalesce(s2.kept, b.grid_l2), coalesce(s3.kept, b.grid_l3),
                coalesce(s4.kept, b.grid_l4), coalesce(s5.kept, b.grid_l5), coalesce(s6.kept, b.grid_l6)
            )
            FROM %1$I AS b
            LEFT JOIN same AS s1 ON s1.id = b.grid_l1
            LEFT JOIN same AS s2 ON s2.id = b.grid_l2
            LEFT JOIN same AS s3 ON s3.id = b.grid_l3
            LEFT JOIN same AS s4 ON s4.id = b.grid_l4
            LEFT JOIN same AS s5 ON s5.id = b.grid_l5
            LEFT JOIN same AS s6 ON s6.id = b.grid_l6
            WHERE b.id = c.id AND coalesce(s1.id, s2.id, s3.id, s4.id, s5.id, s6.id) IS NOT NULL
        $update$, facts);
    END LOOP;
END
$$;
ALTER TABLE assignment ENABLE TRIGGER USER;

DELETE FROM grid USING same WHERE grid.id = same.id;
ALTER TABLE grid DROP CONSTRAINT uq_grid_edition_level_code, DROP COLUMN edition_id;
ALTER TABLE grid ALTER COLUMN content_hash SET NOT NULL;
ALTER TABLE grid ADD CONSTRAINT uq_grid_content_hash UNIQUE (content_hash);
ALTER TABLE edition_grid ADD CONSTRAINT fk_edition_grid_edition_id FOREIGN KEY (edition_id) REFERENCES edition (id);
ALTER TABLE edition_grid ADD CONSTRAINT fk_edition_grid_grid_id FOREIGN KEY (grid_id) REFERENCES grid (id);
CREATE INDEX ix_edition_grid_grid_id ON edition_grid (grid_id);
CREATE INDEX ix_grid_code ON grid (code);
CREATE INDEX ix_cases_unplaced ON cases (edition_id) WHERE located <> 'leaf';
CREATE INDEX ix_samples_unplaced ON samples (edition_id) WHERE located <> 'leaf';
