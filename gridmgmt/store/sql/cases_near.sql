-- Which cases of a category, reported since an instant and not voided, lie within a box around a point?
SELECT case_no, category_kind || ':' || category_code AS category, reported_at, closed_at, lon, lat, status
FROM cases
WHERE geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
  AND category_kind = :kind AND category_code = :code
  AND reported_at >= :since AND reported_at <= :at AND voided_at IS NULL
ORDER BY case_no
