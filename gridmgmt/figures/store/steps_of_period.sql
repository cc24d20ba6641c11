-- Which steps of cases happened in a period, each with its case's class, source and grids and the unit it concerns; marks that were
-- taken back by the cut-off are left out? No subquery stands among what is told: the server's workers would leave its hashes to one.
SELECT c.case_no || '#' || s.seq AS step_no, c.case_no, s.kind, s.at,
       md5(ROW(s.kind, s.at, s.unit_code, s.reason, s.facts)::text) AS content_hash,
       CAST(s.facts ->> 'wrong_dispatch' AS boolean) AS wrong_dispatch,
       CAST(s.facts ->> 'agreed' AS boolean) AS agreed,
       s.facts ->> 'verdict' AS verdict,
       s.facts ->> 'order_kind' AS order_kind,
       CAST(NULL AS boolean) AS late,
       c.category_kind, c.category_code, c.source, u.id AS unit_id, c.edition_id, c.located,
       c.grid_l1, c.grid_l2, c.grid_l3, c.grid_l4, c.grid_l5, c.grid_l6
FROM step AS s
JOIN cases AS c ON c.id = s.case_id
LEFT JOIN unit AS u ON u.code = s.unit_code
WHERE s.at >= :start AND s.at < :end AND s.origin <> 'derived'
  AND NOT EXISTS (
      SELECT FROM step AS u
      WHERE u.case_id = s.case_id AND u.kind = ANY(:unmarking) AND u.seq > s.seq AND u.at <= :cut
        AND s.kind = CAST(:marking AS jsonb) ->> (u.facts ->> 'mark')
  )
  AND s.kind = ANY(:counted)
ORDER BY c.case_no, s.seq
