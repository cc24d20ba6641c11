-- What did the last export say of each of some cases before the first step was taken on it here?
SELECT DISTINCT ON (v.case_id) c.case_no, {facts}
FROM case_version AS v JOIN cases AS c ON c.id = v.case_id
WHERE c.case_no = ANY(:case_nos)
  AND v.known_at < (SELECT min(s.known_at) FROM step AS s WHERE s.case_id = v.case_id AND s.origin = 'own')
ORDER BY v.case_id, v.version_at DESC
