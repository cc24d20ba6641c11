-- May cells be kept that were counted in a snapshot: is no change forgotten that it has not seen, and has nobody kept others since?
SELECT NOT EXISTS (
    SELECT FROM case_change
    WHERE week = 'infinity' AND xid >= CAST(CAST(pg_snapshot_xmin(CAST(:snapshot AS pg_snapshot)) AS text) AS bigint)
) AND (SELECT (snapshot, cut) FROM cells_kept WHERE asked = :asked)
    IS NOT DISTINCT FROM CASE WHEN CAST(:known AS text) IS NOT NULL THEN (CAST(:known AS text), CAST(:known_cut AS timestamptz)) END
