-- Forget the cells of questions beyond the newest few, and of those that so many changes came after that counting anew is better.
DELETE FROM cells_kept
WHERE asked IN (SELECT asked FROM cells_kept ORDER BY kept_at DESC, asked OFFSET :most)
   OR CAST(CAST(pg_snapshot_xmin(CAST(snapshot AS pg_snapshot)) AS text) AS bigint)
      < (SELECT xid FROM case_change ORDER BY xid DESC OFFSET :changes LIMIT 1)
