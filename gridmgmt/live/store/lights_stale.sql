-- Some running cases whose lights were not looked up since they, the calendar or the time limits changed.
SELECT c.case_no
FROM cases AS c LEFT JOIN case_light AS l ON l.case_id = c.id
WHERE c.status = ANY (CAST(:states AS text[])) AND (l.case_id IS NULL OR l.version_at <> c.version_at OR l.basis <> :basis)
ORDER BY c.id LIMIT :most
