-- Which content hash does a version of a case with these facts bear, for each of some rows in order?
SELECT md5({hashed})
FROM ROWS FROM (json_populate_recordset(CAST(NULL AS case_version), CAST(:rows AS json))) WITH ORDINALITY AS r
ORDER BY r.ordinality
