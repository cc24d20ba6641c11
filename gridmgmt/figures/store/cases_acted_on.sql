-- On which cases did somebody take a step of some kinds in a period, and where do they belong?
SELECT id AS case_id, case_no, category_kind, category_code, source, edition_id, located,
       grid_l1, grid_l2, grid_l3, grid_l4, grid_l5, grid_l6
FROM cases
WHERE id IN (
    SELECT case_id FROM step
    WHERE kind = ANY(:acting) AND at >= :start AND at < :end AND at <= :cut AND origin <> 'derived'
)
ORDER BY case_no
