-- Which cases reported by a cut-off were worked on here after it? How many went straight: nothing of their rows has changed since
-- but the state and times that nothing had set; they lie where they did, and what the row stated then was stated here, not by an
-- export? Which version and assignment tell what the others were, and of which is it their steps alone: where steps until the
-- cut-off came in together with later ones, or the place was not kept or has been told by other rules since, or where steps that
-- came in together led back to what had been before, of which no version was made?
WITH later AS (
    SELECT case_id, min(known_at) FILTER (WHERE origin = 'own') AS first_at,
           bool_and(kind = ANY(:steady)) AS is_steady, bool_or(kind = ANY(:correcting)) AS is_placed_since
    FROM step
    WHERE at > :cut AND NOT EXISTS (SELECT FROM cases AS new WHERE new.id = step.case_id AND new.reported_at > :cut)
    GROUP BY case_id
    HAVING bool_or(origin = 'own')
    ORDER BY case_id -- neighbours are read one after the other
),
worked AS (
    SELECT c.id, c.case_no, later.first_at, later.is_placed_since, coalesce(
        later.is_steady
        AND u.id = c.unit_id
        AND (SELECT true FROM step AS s WHERE s.case_id = c.id AND s.at <= :cut AND s.origin = 'own' LIMIT 1)
        AND (SELECT true FROM assignment AS a WHERE a.case_id = c.id AND a.known_at >= later.first_at LIMIT 1) IS NULL,
        false
    ) AS is_straight
    FROM later JOIN cases AS c ON c.id = later.case_id LEFT JOIN unit AS u ON u.code = c.unit_code
    OFFSET 0 -- each is asked once, here and below
),
told AS (
    SELECT w.id, w.case_no, w.is_straight, a.id AS assignment_id,
           CASE WHEN (a.id IS NOT NULL OR NOT w.is_placed_since AND v.unit_code IS NOT NULL) AND (
               SELECT count(*) FROM step AS s WHERE s.case_id = w.id AND s.origin <> 'imported' AND s.known_at = v.known_at
           ) IN (0, (
               SELECT count(*) FROM case_version AS x WHERE x.case_id = w.id AND x.known_at = v.known_at
           )) THEN v.id END AS version_id
    FROM worked AS w
    LEFT JOIN LATERAL (
        SELECT v.id, v.unit_code, v.known_at FROM case_version AS v
        WHERE NOT w.is_straight AND v.case_id = w.id AND v.known_at < w.first_at
          AND NOT EXISTS (
              SELECT FROM step AS s
              WHERE s.case_id = w.id AND s.at <= :cut AND s.origin = 'own' AND s.known_at >= w.first_at
          )
        ORDER BY v.version_at DESC LIMIT 1
    ) AS v ON true
    LEFT JOIN LATERAL (
        SELECT a.id FROM assignment AS a
        WHERE v.id IS NOT NULL AND a.case_id = w.id AND a.known_at < w.first_at
          AND NOT EXISTS (SELECT FROM batch AS b WHERE b.kind = 'reassign' AND b.known_at > w.first_at)
        ORDER BY a.known_at DESC, a.id DESC LIMIT 1
    ) AS a ON true
    OFFSET 0
)
SELECT count(*) FILTER (WHERE is_straight) AS n_straight,
       coalesce(array_agg(id ORDER BY id) FILTER (WHERE NOT is_straight), '{}') AS others,
       coalesce(array_agg(version_id ORDER BY id) FILTER (WHERE version_id IS NOT NULL), '{}') AS versions,
       coalesce(array_agg(assignment_id ORDER BY id) FILTER (WHERE version_id IS NOT NULL), '{}') AS assignments,
       coalesce(array_agg(case_no ORDER BY case_no) FILTER (WHERE NOT is_straight AND version_id IS NULL), '{}') AS folded
FROM told
