-- Which inspection samples were taken in a period?
SELECT sample_no, content_hash, sampled_at, sample_type, score, lon, lat, unit_id, edition_id, located,
       grid_l1, grid_l2, grid_l3, grid_l4, grid_l5, grid_l6
FROM samples
WHERE sampled_at >= :start AND sampled_at < :end
ORDER BY sample_no
