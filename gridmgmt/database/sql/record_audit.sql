-- A row of the audit, with a transaction that has written something, or always.
INSERT INTO audit (login, os_user, means, address, request, deed, outcome, facts)
SELECT :login, :os_user, :means, :address, :request, :deed, :outcome, CAST(:facts AS jsonb)
WHERE :always OR pg_current_xact_id_if_assigned() IS NOT NULL
