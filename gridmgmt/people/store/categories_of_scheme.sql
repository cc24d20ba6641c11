-- Which categories does a scheme have, written as kind:code, with their names?
SELECT kind || ':' || code AS category, kind, name_zh, name_en, major_zh, major_en
FROM category
WHERE scheme = :scheme
ORDER BY kind, code
