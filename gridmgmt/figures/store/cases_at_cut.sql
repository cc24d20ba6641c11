-- What were the cases at the cut-off of which a version tells it?
SELECT {columns}, {stands} AS stands
FROM (SELECT *, CAST(NULL AS boolean) AS stood FROM {versions} AS versions) AS period_case
ORDER BY case_no
