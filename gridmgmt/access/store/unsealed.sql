-- Rows of the audit that no seal holds yet and that nothing can come before any more: no older transaction is open. Rows that
-- came back with a backup of another server may bear numbers of transactions that this one has not reached.
SELECT a.id, a.xid, a.at, a.login, a.os_user, a.means, a.address, a.request, a.deed, a.outcome, a.facts
FROM audit AS a LEFT JOIN audit_seal AS s ON s.audit_id = a.id
WHERE s.n IS NULL AND (a.xid < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)
                       OR a.xid > CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint))
ORDER BY a.xid, a.id
LIMIT :most
