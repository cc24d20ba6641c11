-- Which cases were registered in a span of time and not voided since, of what category and where?
SELECT case_no, registered_at, category_kind || ':' || category_code AS category, lon, lat, address
FROM cases
WHERE registered_at >= :start AND registered_at < :end AND voided_at IS NULL
ORDER BY case_no
