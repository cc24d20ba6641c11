-- Which photographs and files belong to a case, to a sample or to given ids, and where and when was what they show?
SELECT a.id, a.case_id, a.step_seq, a.sample_no, a.kind, a.caption, a.actor, a.known_at,
       f.sha256, f.media_type, f.n_bytes, f.width, f.height,
       f.taken_at, f.taken_at_zone_known, f.exif_lon, f.exif_lat,
       coalesce(c.case_no, a.sample_no) AS no,
       coalesce(c.lon, s.lon) AS lon, coalesce(c.lat, s.lat) AS lat, coalesce(p.at, s.sampled_at) AS at
FROM attachment AS a
JOIN stored_file AS f ON f.sha256 = a.sha256
LEFT JOIN cases AS c ON c.id = a.case_id
LEFT JOIN step AS p ON p.case_id = a.case_id AND p.seq = a.step_seq
LEFT JOIN samples AS s ON s.sample_no = a.sample_no
WHERE (CAST(:ids AS bigint[]) IS NULL OR a.id = ANY(:ids))
  AND (CAST(:case_no AS text) IS NULL OR c.case_no = :case_no)
  AND (CAST(:sample_no AS text) IS NULL OR a.sample_no = :sample_no)
ORDER BY a.id
