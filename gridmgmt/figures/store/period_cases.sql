-- Which cases may count in a period (reported, registered, dispatched or due within it), as they stand – where they have gone
-- straight since the cut-off, as they stood – and in place of the rows of others those that a version tells as they were at the
-- cut-off, and those that are told? Only those that their rows tell are of a week: the others are not kept as cells.
(
    SELECT {stored}, id AS stored_id, CAST(NULL AS boolean) AS stood{week}
    FROM cases
    WHERE ({within}) AND ({chosen}) AND id <> ALL(CAST(:others AS bigint[]))
    UNION ALL
    SELECT {columns}, stored_id, NULL{no_week}
    FROM {versions} AS versions
    WHERE {within}
    UNION ALL
    SELECT {columns}, NULL, stands{no_week}
    FROM json_to_recordset(CAST(:told AS json)) AS told({types}, stands boolean)
    WHERE {within}
) AS period_case
