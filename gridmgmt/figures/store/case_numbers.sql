-- Which cases of a period belong to a group, and in which of some counts is each?
SELECT case_no, mask
FROM (SELECT case_no, {chosen} AS chosen, {mask} AS mask FROM {layers}) AS counted
WHERE chosen AND mask <> 0
ORDER BY case_no COLLATE "C"
