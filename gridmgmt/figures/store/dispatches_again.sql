-- Which dispatches of a period are of cases that had been dispatched before?
SELECT c.case_no || '#' || s.seq AS step_no
FROM step AS s JOIN cases AS c ON c.id = s.case_id
WHERE s.kind = ANY(:opening) AND s.at >= :start AND s.at < :end
  AND EXISTS (SELECT FROM step AS e WHERE e.case_id = s.case_id AND e.kind = ANY(:opening) AND e.seq < s.seq)
