-- Which cases may count in a period: reported, registered, dispatched or due within it?
SELECT case_no, content_hash, category_kind, category_code,
       reported_at, accepted_at, registered_at, dispatched_at, due_at, due_extended_at,
       handled_at, closed_at, voided_at, reworked_at,
       n_rework, is_repeat, source,
       status IN ('on_hold', 'sent_back') AND EXISTS (
           SELECT FROM step WHERE step.case_id = cases.id AND step.origin = 'own'
       ) AS stands,
       lon, lat, unit_id, edition_id, located,
       grid_l1, grid_l2, grid_l3, grid_l4, grid_l5, grid_l6
FROM cases
WHERE (reported_at >= :start AND reported_at < :end)
   OR (registered_at >= :start AND registered_at < :end)
   OR (dispatched_at >= :start AND dispatched_at < :end)
   OR (coalesce(due_extended_at, due_at) >= :start AND coalesce(due_extended_at, due_at) < :end)
ORDER BY case_no
