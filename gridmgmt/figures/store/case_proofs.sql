-- Which contents of cases count where in a period, and in which of its counts, by case number?
SELECT counted.case_no AS fact_no, counted.content_hash,
       '{{' || concat_ws(',', {codes}) || '}}' AS grid_codes,
       u.code AS unit_code, counted.mask
FROM (SELECT case_no, content_hash, unit_id, {grids}, {mask} AS mask FROM {layers}) AS counted
{joins}
LEFT JOIN unit AS u ON u.id = counted.unit_id
WHERE counted.mask <> 0
ORDER BY counted.case_no COLLATE "C"
