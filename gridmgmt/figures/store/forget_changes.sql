-- Forget changes that every kept cell and this reader have seen, and note up to which: whoever counted before may keep nothing.
WITH seen AS (
    SELECT least(
        CAST(CAST(pg_snapshot_xmin(CAST(:snapshot AS pg_snapshot)) AS text) AS bigint),
        (SELECT min(CAST(CAST(pg_snapshot_xmin(CAST(snapshot AS pg_snapshot)) AS text) AS bigint)) FROM cells_kept)
    ) - 1 AS xid
),
gone AS (
    DELETE FROM case_change
    WHERE xid <= (SELECT xid FROM seen) AND (xid, week) <> (SELECT xid, CAST('infinity' AS timestamptz) FROM seen)
    RETURNING xid
)
INSERT INTO case_change (xid, week)
SELECT xid, 'infinity' FROM seen WHERE EXISTS (SELECT FROM gone)
ON CONFLICT DO NOTHING
