-- On which cases did somebody take a step of some kinds in a period?
SELECT DISTINCT c.case_no
FROM step AS s JOIN cases AS c ON c.id = s.case_id
WHERE s.kind = ANY(:kinds) AND s.at >= :start AND s.at < :end AND s.origin <> 'derived'
ORDER BY c.case_no
