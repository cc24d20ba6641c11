-- Forget what another server's transactions told, whose numbers this one has not reached: a dump brought it.
WITH changes AS (
    DELETE FROM case_change WHERE xid >= CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)
)
DELETE FROM cells_kept WHERE pg_snapshot_xmax(CAST(snapshot AS pg_snapshot)) > pg_snapshot_xmax(pg_current_snapshot())
