-- Take out events that are older than some days: whole transactions, so that none is given by halves; and what came back with a
-- backup of another server, whose transactions have numbers that this one has not reached.
WITH last AS (
    SELECT coalesce(max(xid), 0) AS xid FROM outbox
    WHERE at < clock_timestamp() - make_interval(days => :days) AND xid < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)
), gone AS (
    DELETE FROM outbox AS o USING last
    WHERE o.xid <= last.xid OR o.xid > CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) RETURNING 1
)
SELECT (SELECT count(*) FROM gone) AS n, xid AS last FROM last
