-- Which cases may count in a period (reported, registered, dispatched or due within it), as they stand, and those that are told
-- as they were at the cut-off in place of their rows? What is told is known to have stood or not: it is never kept as cells.
(
    SELECT {columns}, id AS stored_id, CAST(NULL AS boolean) AS stood
    FROM cases
    WHERE ({within}) AND case_no <> ALL(CAST(:retold AS text[]))
    UNION ALL
    SELECT {columns}, NULL, stands
    FROM json_to_recordset(CAST(:told AS json)) AS told({types}, stands boolean)
    WHERE {within}
) AS period_case
