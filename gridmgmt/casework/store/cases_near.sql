-- Which cases of some categories, reported since an instant and not voided, lie within a box?
SELECT case_no, category_kind || ':' || category_code AS category, reported_at, closed_at, lon, lat, status
FROM cases
WHERE geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
  AND category_kind || ':' || category_code = ANY(:categories)
  AND reported_at >= :since AND reported_at <= :at AND voided_at IS NULL
  AND (:is_everywhere OR unit_id = ANY(CAST(:scope_units AS bigint[]))
       OR ARRAY[grid_l1, grid_l2, grid_l3, grid_l4, grid_l5, grid_l6] && CAST(:scope_grids AS bigint[]))
ORDER BY case_no
