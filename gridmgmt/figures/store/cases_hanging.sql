-- Which cases were hanging at some time of a period, dispatched before its end and neither closed nor void before its start, and
-- which of them have gone straight: dispatched once, nothing moved the deadline, and it did not pass without an answer? Steps after
-- the cut-off have not happened; a case that was void by then has no account.
SELECT c.id AS case_id, c.case_no,
       count(*) FILTER (WHERE s.kind = ANY(:opening)) = 1
       AND bool_and(s.kind = ANY(:straight))
       AND c.case_no <> ALL(:unheard)
       AND coalesce(
           min(CAST(s.facts ->> 'due_at' AS timestamptz)) FILTER (WHERE s.kind = ANY(:opening))
           >= coalesce(min(s.at) FILTER (WHERE s.kind = ANY(:stopping)), :cut), true
       ) AS is_straight,
       bool_or(s.kind = ANY(:voiding)) AS is_void,
       min(s.unit_code) FILTER (WHERE s.kind = ANY(:opening)) AS unit_code,
       min(s.at) FILTER (WHERE s.kind = ANY(:opening)) AS opened_at,
       min(s.at) FILTER (WHERE s.kind = ANY(:closing)) AS ended_at,
       c.category_kind, c.category_code, c.source, c.edition_id, c.located,
       c.grid_l1, c.grid_l2, c.grid_l3, c.grid_l4, c.grid_l5, c.grid_l6
FROM cases AS c JOIN step AS s ON s.case_id = c.id
WHERE coalesce(c.closed_at, c.voided_at, 'infinity') >= :start
  AND s.kind = ANY(:followed) AND s.at <= :cut
GROUP BY c.id
HAVING min(s.at) FILTER (WHERE s.kind = ANY(:opening)) < :end
ORDER BY c.case_no
