-- Forget the cells of questions beyond the newest few, of those that so many changes came after that counting anew is better, and
-- those that were counted in another server's transactions (a dump brought them).
DELETE FROM cells_kept
WHERE asked IN (SELECT asked FROM cells_kept ORDER BY kept_at DESC, asked OFFSET :most)
   OR CAST(CAST(pg_snapshot_xmin(CAST(snapshot AS pg_snapshot)) AS text) AS bigint)
      < (SELECT xid FROM case_change ORDER BY xid DESC OFFSET :changes LIMIT 1)
   OR pg_snapshot_xmax(CAST(snapshot AS pg_snapshot)) > pg_snapshot_xmax(pg_current_snapshot())
