-- Which answers of units have no photograph before or none after handling: before, of the case by then; after, of the answer itself
-- or of the case as a whole? Answers that only a date proves are left out.
SELECT c.id AS case_id, c.case_no, c.voided_at, s.seq, s.at,
       coalesce(s.unit_code, (
           SELECT d.unit_code FROM step AS d
           WHERE d.case_id = s.case_id AND d.kind = ANY(:opening) AND d.seq < s.seq
           ORDER BY d.seq DESC LIMIT 1
       )) AS unit_code,
       EXISTS (
           SELECT FROM attachment AS a JOIN stored_file AS f ON f.sha256 = a.sha256
           WHERE a.case_id = s.case_id AND a.kind = 'before' AND f.width IS NOT NULL
             AND (a.step_seq IS NULL OR a.step_seq <= s.seq)
       ) AS has_before,
       EXISTS (
           SELECT FROM attachment AS a JOIN stored_file AS f ON f.sha256 = a.sha256
           WHERE a.case_id = s.case_id AND a.kind = 'after' AND f.width IS NOT NULL
             AND (a.step_seq IS NULL OR a.step_seq = s.seq)
       ) AS has_after
FROM step AS s
JOIN cases AS c ON c.id = s.case_id
WHERE s.kind = ANY(:answering) AND s.origin <> 'derived'
  AND (CAST(:ids AS bigint[]) IS NULL OR s.case_id = ANY(:ids))
  AND (CAST(:start AS timestamptz) IS NULL OR s.at >= :start)
  AND (CAST(:end AS timestamptz) IS NULL OR s.at < :end)
ORDER BY c.case_no, s.seq
