-- Which weeks (of the report, UTC) did a transaction touch cases of? '-infinity': all of them. 'infinity': what older transactions
-- touched is forgotten. One row a transaction and week, whatever it wrote; nobody waits for another's row.
CREATE TABLE case_change (
    xid bigint DEFAULT CAST(CAST(pg_current_xact_id() AS text) AS bigint) NOT NULL,
    week timestamptz NOT NULL,
    CONSTRAINT pk_case_change PRIMARY KEY (xid, week)
);
CREATE TABLE cells_kept (
    asked text NOT NULL,
    snapshot text NOT NULL,
    cut timestamptz NOT NULL,
    held_since timestamptz NOT NULL,
    kept_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    cells bytea NOT NULL,
    CONSTRAINT pk_cells_kept PRIMARY KEY (asked)
);
CREATE TABLE cells_of_week (
    asked text NOT NULL,
    week timestamptz NOT NULL,
    next_at timestamptz,
    cells bytea NOT NULL,
    CONSTRAINT pk_cells_of_week PRIMARY KEY (asked, week),
    CONSTRAINT fk_cells_of_week_asked FOREIGN KEY (asked) REFERENCES cells_kept (asked) ON DELETE CASCADE
);
CREATE FUNCTION week_of(at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN date_bin('7 days', at, 'epoch'::timestamptz);
CREATE FUNCTION tell_weeks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO case_change (week) VALUES ('-infinity') ON CONFLICT DO NOTHING;
    ELSIF TG_TABLE_NAME = 'cases' THEN
        INSERT INTO case_change (week) SELECT DISTINCT week_of(reported_at) FROM touched ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO case_change (week)
        SELECT DISTINCT week_of(c.reported_at) FROM touched AS o JOIN cases AS c ON c.id = o.case_id ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['cases', 'step', 'assignment'] LOOP
        EXECUTE format('CREATE TRIGGER weeks_new AFTER INSERT ON %I REFERENCING NEW TABLE AS touched '
                       'FOR EACH STATEMENT EXECUTE FUNCTION tell_weeks()', name);
        EXECUTE format('CREATE TRIGGER weeks_before AFTER UPDATE ON %I REFERENCING OLD TABLE AS touched '
                       'FOR EACH STATEMENT EXECUTE FUNCTION tell_weeks()', name);
        EXECUTE format('CREATE TRIGGER weeks_after AFTER UPDATE ON %I REFERENCING NEW TABLE AS touched '
                       'FOR EACH STATEMENT EXECUTE FUNCTION tell_weeks()', name);
        EXECUTE format('CREATE TRIGGER weeks_gone AFTER DELETE ON %I REFERENCING OLD TABLE AS touched '
                       'FOR EACH STATEMENT EXECUTE FUNCTION tell_weeks()', name);
        EXECUTE format('CREATE TRIGGER weeks_all AFTER TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION tell_weeks()', name);
    END LOOP;
END
$$;
