-- Which cases may count in a period (reported, registered, dispatched or due within it), as they stand – where they have gone
-- straight since the cut-off, as they stood – and those that are told as they were at the cut-off in place of their rows?
(
    SELECT {stored}, id AS stored_id, CAST(NULL AS boolean) AS stood
    FROM cases
    WHERE ({within}) AND case_no <> ALL(CAST(:retold AS text[]))
    UNION ALL
    SELECT {columns}, NULL, stands
    FROM json_to_recordset(CAST(:told AS json)) AS told({types}, stands boolean)
    WHERE {within}
) AS period_case
