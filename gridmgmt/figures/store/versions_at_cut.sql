-- What were cases at the cut-off that a version and an assignment, or their row, tell?
(
    SELECT {columns}, c.id AS stored_id
    FROM ROWS FROM (unnest(CAST(:versions AS bigint[])), unnest(CAST(:assignments AS bigint[]))) AS told(version_id, assignment_id)
    JOIN case_version AS v ON v.id = told.version_id
    JOIN cases AS c ON c.id = v.case_id
    LEFT JOIN assignment AS a ON a.id = told.assignment_id
    LEFT JOIN unit AS u ON u.code = v.unit_code
)
