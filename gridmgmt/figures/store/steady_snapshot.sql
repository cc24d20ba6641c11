-- Which moment does this transaction see throughout, nothing of its own in it, if its user may read what is kept?
SELECT CASE
    WHEN current_setting('transaction_isolation') IN ('repeatable read', 'serializable')
     AND pg_current_xact_id_if_assigned() IS NULL
     AND has_table_privilege('cells_kept', 'SELECT')
     AND has_table_privilege('cells_of_week', 'SELECT')
     AND has_table_privilege('case_change', 'SELECT')
     AND has_function_privilege('pg_control_system()', 'EXECUTE')
    THEN CAST(pg_current_snapshot() AS text)
END
