-- Which cases may count in a period: reported, registered, dispatched or due within it? Does one stand at the cut-off, on hold or
-- sent back by the last of its steps, in time and for no longer than the city allows, and, as far as its row tells, not
-- dispatched since?
SELECT case_no, content_hash, category_kind, category_code,
       reported_at, accepted_at, registered_at, dispatched_at, due_at, due_extended_at,
       handled_at, closed_at, voided_at, reworked_at,
       n_rework, is_repeat, source,
       coalesce((
           SELECT last.state = ANY(:standing)
              AND NOT coalesce(cases.dispatched_at > last.at AND cases.dispatched_at <= :cut, false)
              AND (
                  SELECT coalesce(cases.due_extended_at, cases.due_at) >= max(stood.at)
                     AND (last.state <> ALL(:held) OR max(stood.at) > :held_since)
                  FROM step AS stood
                  WHERE stood.case_id = cases.id AND stood.at <= :cut AND stood.kind = ANY(:halting)
              )
           FROM step AS last
           WHERE last.case_id = cases.id AND last.at <= :cut
           ORDER BY last.seq DESC LIMIT 1
       ), false) AS stands,
       address, lon, lat, unit_id, edition_id, located,
       grid_l1, grid_l2, grid_l3, grid_l4, grid_l5, grid_l6
FROM cases
WHERE (reported_at >= :start AND reported_at < :end)
   OR (registered_at >= :start AND registered_at < :end)
   OR (dispatched_at >= :start AND dispatched_at < :end)
   OR (coalesce(due_extended_at, due_at) >= :start AND coalesce(due_extended_at, due_at) < :end)
ORDER BY case_no
