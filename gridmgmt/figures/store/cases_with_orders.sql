-- Which cases have a supervision order that is due in a period?
SELECT DISTINCT c.case_no
FROM step AS s JOIN cases AS c ON c.id = s.case_id
WHERE (s.kind = ANY(:renewing) AND jsonb_exists(s.facts, 'orders')) OR s.kind = ANY(:ordering) AND CAST(s.facts ->> 'due_at' AS timestamptz) >= :start
  AND CAST(s.facts ->> 'due_at' AS timestamptz) < :end
ORDER BY c.case_no
