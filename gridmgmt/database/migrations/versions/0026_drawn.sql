-- Of a draw and its notices everybody sees what lies in his grids or his units: what is drawn has the codes of its grids by level, the
-- city's first; a notice goes to an assessed unit, which is a subject and no unit of the people who handle cases.
DO $$
DECLARE
    of_unit CONSTANT text := '(SELECT viewer_all(''samples.read'')) OR '
        'unit_code = ANY (CAST((SELECT viewer_codes(''samples.read'')) AS text[]))';
    drawn_in CONSTANT text := ' OR EXISTS (SELECT 1 FROM grid AS g WHERE g.id = ANY (CAST((SELECT '
        'viewer_ids(''samples.read'', ''grids'')) AS bigint[])) AND grid_codes ->> (g.level - 1) = g.code)';
    noticed CONSTANT text := ' OR unit_code IN (SELECT u.code FROM subject AS u '
        'WHERE u.id = ANY (CAST((SELECT viewer_ids(''samples.read'', ''subjects'')) AS bigint[])))';
    one text[];
BEGIN
    FOREACH one SLICE 1 IN ARRAY ARRAY[['draw_item', of_unit || drawn_in], ['notice', of_unit || noticed]] LOOP
        EXECUTE 'ALTER POLICY seen ON ' || one[1] || ' USING (' || one[2] || ')';
        EXECUTE 'ALTER POLICY added ON ' || one[1] || ' WITH CHECK (' || one[2] || ')';
        EXECUTE 'ALTER POLICY changed ON ' || one[1] || ' USING (' || one[2] || ')';
    END LOOP;
END
$$;

-- Nobody reads it.
DROP VIEW IF EXISTS compared;

-- What only a table's owner may ask for, and whoever fills it needs: let the server look at what it holds by now.
CREATE OR REPLACE FUNCTION look_at(name text, few boolean) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF name NOT IN ('cases', 'samples', 'feature', 'grid', 'edition_grid') THEN
        RAISE EXCEPTION USING MESSAGE = name || ': not a table that is filled in bulk';
    END IF;
    IF few THEN
        SET LOCAL default_statistics_target = 1;
        EXECUTE 'ANALYZE ' || quote_ident(name) || ' (id)';
        SET LOCAL default_statistics_target TO DEFAULT;
    ELSE
        EXECUTE 'ANALYZE ' || quote_ident(name);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION look_at(text, boolean) FROM PUBLIC;
