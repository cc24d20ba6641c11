-- Seals in order, from one number on, each with its row as it stands now (its columns are NULL if it is gone).
SELECT s.n, s.sha256, s.audit_id AS id, a.id IS NULL AS is_gone, a.xid, a.at, a.login, a.os_user, a.means, a.address, a.request,
       a.deed, a.outcome, a.facts
FROM audit_seal AS s LEFT JOIN audit AS a ON a.id = s.audit_id
WHERE s.n > :n ORDER BY s.n LIMIT :most
