-- How is an edition drawn, at each zoom and level?
CREATE TABLE linework (
    edition_id bigint NOT NULL,
    zoom smallint NOT NULL,
    level smallint NOT NULL,
    form smallint NOT NULL,
    step_lon double precision NOT NULL,
    step_lat double precision NOT NULL,
    codes text[] COLLATE "C" NOT NULL,
    parents integer[] NOT NULL,
    marks text NOT NULL,
    arcs text,
    CONSTRAINT pk_linework PRIMARY KEY (edition_id, zoom, level),
    CONSTRAINT fk_linework_edition_id FOREIGN KEY (edition_id) REFERENCES edition (id)
);
CREATE TRIGGER tells AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON linework
FOR EACH STATEMENT EXECUTE FUNCTION tell_change('places');
