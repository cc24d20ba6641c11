-- Which incoming rows are newer than a case that is worked on here? They are taken out: its steps say what it is.
DELETE FROM incoming_cases AS i
USING cases AS c
WHERE c.case_no = i.case_no AND i.version_at > c.version_at
  AND EXISTS (SELECT FROM step AS s WHERE s.case_id = c.id AND s.origin = 'own')
RETURNING i.row_no, i.case_no
