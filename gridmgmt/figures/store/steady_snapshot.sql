-- Which moment does this transaction see throughout, nothing of its own in it?
SELECT CASE
    WHEN current_setting('transaction_isolation') IN ('repeatable read', 'serializable')
     AND pg_current_xact_id_if_assigned() IS NULL
    THEN CAST(pg_current_snapshot() AS text)
END
