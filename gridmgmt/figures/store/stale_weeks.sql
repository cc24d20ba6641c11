-- Which weeks' kept cells do not hold for a reader: of which cases changed, unseen by the snapshot they were counted in, or for
-- which something lies between their cut-off and the reader's: an instant that counts ask for, or a step? Null: all.
SELECT nullif(week, '-infinity') AS week
FROM case_change
WHERE xid >= CAST(CAST(pg_snapshot_xmin(CAST(:snapshot AS pg_snapshot)) AS text) AS bigint)
  AND NOT pg_visible_in_snapshot(CAST(CAST(xid AS text) AS xid8), CAST(:snapshot AS pg_snapshot))
UNION
SELECT week
FROM cells_of_week
WHERE asked = :asked AND next_at <= :cut AND :cut > :kept_cut
UNION
SELECT week_of(c.reported_at)
FROM step AS s JOIN cases AS c ON c.id = s.case_id
WHERE (s.at > :kept_cut AND s.at <= :cut) OR (s.at > :held_from AND s.at <= :held_to AND s.kind = ANY(:halting))
