-- Events behind a position in the order of their transactions, up to the oldest that is open.
SELECT xid, id, kind, at, document
FROM outbox
WHERE (xid, id) > (:xid, :id) AND xid < :oldest AND kind = ANY (CAST(:kinds AS text[]))
ORDER BY xid, id LIMIT :most
