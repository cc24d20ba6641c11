-- Which cases were hanging at some time of a period: dispatched before its end and neither closed nor void before its start?
SELECT DISTINCT c.case_no
FROM step AS s JOIN cases AS c ON c.id = s.case_id
WHERE s.kind = ANY(:opening) AND s.at < :end
  AND coalesce(c.closed_at, c.voided_at, 'infinity') >= :start
ORDER BY c.case_no
