-- Whether each post was full time as was known by an instant (it included), or, where it was not known yet, at first?
SELECT DISTINCT ON (post_id) post_id, full_time
FROM post_version
ORDER BY post_id, known_at <= :known_by DESC, CASE WHEN known_at <= :known_by THEN -id ELSE id END
