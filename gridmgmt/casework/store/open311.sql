-- Which cases are told to Open311: by number, or by class, time and state; with the unit that answers for each?
SELECT c.case_no, c.status, c.description, c.address, c.lon, c.lat, c.reported_at, c.known_at,
       coalesce(c.due_extended_at, c.due_at) AS due_at, class.category, ended.is_closed,
       u.name_zh AS unit_zh, u.name_en AS unit_en
FROM cases AS c
LEFT JOIN unit AS u ON u.id = c.unit_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN c.category_scheme = :scheme THEN c.category_kind || ':' || c.category_code END AS category
) AS class
CROSS JOIN LATERAL (
    SELECT coalesce(c.status = ANY(:ended), c.closed_at IS NOT NULL OR c.voided_at IS NOT NULL) AS is_closed
) AS ended
WHERE (CAST(:numbers AS text[]) IS NULL OR c.case_no = ANY(:numbers))
  AND c.reported_at >= CAST(:start AS timestamptz) AND c.reported_at <= CAST(:end AS timestamptz)
  AND c.known_at > CAST(:updated_after AS timestamptz) AND c.known_at < CAST(:updated_before AS timestamptz)
  AND ended.is_closed = ANY(CAST(:closed AS boolean[]))
  AND (CAST(:classes AS text[]) IS NULL OR class.category = ANY(:classes)
       OR (:others AND coalesce(class.category <> ALL(:named), true)))
  AND (:is_everywhere OR c.unit_id = ANY(CAST(:scope_units AS bigint[]))
       OR ARRAY[c.grid_l1, c.grid_l2, c.grid_l3, c.grid_l4, c.grid_l5, c.grid_l6] && CAST(:scope_grids AS bigint[]))
ORDER BY CASE WHEN :by_update THEN c.known_at END, c.reported_at DESC, c.case_no
LIMIT :most OFFSET :skipped
