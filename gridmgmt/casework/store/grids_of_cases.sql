-- In which grid is each of some cases, as deep as it is placed?
SELECT c.case_no, g.code, g.name_zh AS zh, g.name_en AS en
FROM cases AS c
JOIN grid AS g ON g.id = coalesce({deepest})
WHERE c.case_no = ANY(CAST(:numbers AS text[]))
