-- The base counts of a period's cases in each leaf grid, as somebody would write them by hand: the same clocks, the same cut-off
SELECT grid_l4,
       count(*) FILTER (WHERE reported) AS n_reported,
       count(*) FILTER (WHERE registered) AS n_registered,
       count(*) FILTER (WHERE dispatched AND voided_at IS NULL) AS n_dispatched,
       count(*) FILTER (WHERE is_due) AS n_due,
       count(*) FILTER (WHERE is_due AND closed_at IS NOT NULL) AS n_closed,
       count(*) FILTER (WHERE is_due AND closed_at IS NOT NULL AND done <= due_at) AS n_closed_on_time,
       count(*) FILTER (WHERE is_due AND closed_at IS NOT NULL AND done > due_at AND done <= due) AS n_closed_extended,
       count(*) FILTER (WHERE is_due AND closed_at IS NOT NULL AND done > due) AS n_closed_late,
       count(*) FILTER (WHERE is_due AND closed_at IS NOT NULL AND handled_at IS NULL) AS n_closed_derived,
       count(*) FILTER (WHERE is_due AND closed_at IS NULL AND due < :cut) AS n_overdue_open,
       count(*) FILTER (WHERE is_due AND due < :cut AND (done > due OR done IS NULL)) AS n_untimely,
       count(*) FILTER (WHERE is_due AND n_rework IS NOT NULL) AS n_due_rework_known,
       count(*) FILTER (WHERE is_reworked) AS n_rework_cases,
       count(*) FILTER (WHERE is_reworked AND closed_at IS NOT NULL) AS n_rework_closed,
       coalesce(sum(n_rework) FILTER (WHERE is_reworked), 0) AS n_rework_events,
       count(*) FILTER (WHERE registered AND is_repeat IS NOT NULL) AS n_registered_repeat_known,
       count(*) FILTER (WHERE registered AND is_repeat) AS n_repeats
FROM (
    SELECT *,
           is_in_due AND voided_at IS NULL AND NOT (done IS NULL AND stands) AS is_due,
           is_in_due AND voided_at IS NULL AND NOT (done IS NULL AND stands)
               AND n_rework > 0 AND coalesce(reworked_at <= :cut, true) AS is_reworked
    FROM (
        SELECT grid_l4, n_rework, reworked_at, is_repeat, due_at, coalesce(due_extended_at, due_at) AS due,
               coalesce(CASE WHEN handled_at <= :cut THEN handled_at END, CASE WHEN closed_at <= :cut THEN closed_at END) AS done,
               CASE WHEN handled_at <= :cut THEN handled_at END AS handled_at,
               CASE WHEN closed_at <= :cut THEN closed_at END AS closed_at,
               CASE WHEN voided_at <= :cut THEN voided_at END AS voided_at,
               reported_at >= :start AND reported_at < :end AND reported_at <= :cut AS reported,
               registered_at >= :start AND registered_at < :end AND registered_at <= :cut AS registered,
               dispatched_at >= :start AND dispatched_at < :end AND dispatched_at <= :cut AS dispatched,
               coalesce(due_extended_at, due_at) >= :start AND coalesce(due_extended_at, due_at) < :end
                   AND coalesce(due_extended_at, due_at) <= :cut AS is_in_due,
               EXISTS (
                   SELECT FROM step AS last
                   WHERE last.case_id = cases.id AND last.at <= :cut AND last.state = ANY(:standing)
                     AND last.seq = (SELECT max(seq) FROM step WHERE case_id = cases.id AND at <= :cut)
               ) AS stands
        FROM cases
        WHERE (reported_at >= :start AND reported_at < :end)
           OR (registered_at >= :start AND registered_at < :end)
           OR (dispatched_at >= :start AND dispatched_at < :end)
           OR (coalesce(due_extended_at, due_at) >= :start AND coalesce(due_extended_at, due_at) < :end)
    ) AS seen
) AS clocked
GROUP BY grid_l4
