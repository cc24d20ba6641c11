-- Which cases may count in a period (reported, registered, dispatched or due within it), as they stand, and those that are told
-- as they were at the cut-off in place of their rows? Only those as they stand are of a week: what is told is not kept as cells.
(
    SELECT {columns}, id AS stored_id, CAST(NULL AS boolean) AS stood{week}
    FROM cases
    WHERE ({within}) AND ({chosen}) AND case_no <> ALL(CAST(:retold AS text[]))
    UNION ALL
    SELECT {columns}, NULL, stands{no_week}
    FROM json_to_recordset(CAST(:told AS json)) AS told({types}, stands boolean)
    WHERE {within}
) AS period_case
