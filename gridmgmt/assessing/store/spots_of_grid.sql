-- Where did the cases behind one count of one grid stand, by the version that was assessed?
SELECT v.lon, v.lat
FROM assessment_case AS a
JOIN cases AS c ON c.case_no = a.fact_no
CROSS JOIN LATERAL (
    SELECT lon, lat FROM case_version WHERE case_id = c.id AND content_hash = a.content_hash LIMIT 1
) AS v
WHERE a.assessment_id = :assessment_id AND a.grid_codes[:level] = :code AND a.mask & :bit <> 0 AND v.lon IS NOT NULL
ORDER BY a.fact_no
