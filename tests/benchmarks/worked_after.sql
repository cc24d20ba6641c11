-- Steps taken here of the cases that are open after a moment, never reworked and not void: as their rows tell them, all that the
-- row tells; each was known when it happened, and a version of the case in hand. Of so many hundredths time is asked for and granted when they are handled, which leaves their deadline.
WITH placed AS (
    INSERT INTO assignment (case_id, edition_id, grid_l1, grid_l2, grid_l3, grid_l4, unit_id, located, batch_id, known_at)
    SELECT id, edition_id, grid_l1, grid_l2, grid_l3, grid_l4, unit_id, located, :batch, reported_at
    FROM cases
    WHERE closed_at > :cut AND n_rework = 0 AND voided_at IS NULL
), stated AS (
    INSERT INTO case_version (
        case_id, category_scheme, category_kind, category_code, source, status, reported_at, accepted_at, registered_at,
        dispatched_at, due_at, due_extended_at, n_rework, is_repeat, unit_code, lon, lat,
        version_at, content_hash, batch_id, row_no, known_at
    )
    SELECT id, category_scheme, category_kind, category_code, source, 'handling', reported_at, accepted_at, registered_at,
           dispatched_at, due_at, due_extended_at, n_rework, is_repeat, unit_code, lon, lat, dispatched_at, '-', :batch, 1,
           dispatched_at + CASE WHEN due_extended_at IS NULL THEN 5 ELSE 6 END * interval '1 microsecond'
    FROM cases
    WHERE closed_at > :cut AND n_rework = 0 AND voided_at IS NULL
)
INSERT INTO step (case_id, seq, kind, at, actor, unit_code, facts, origin, state, batch_id, known_at)
SELECT c.id, row_number() OVER (PARTITION BY c.id ORDER BY s.place), s.kind, s.at, 'x', c.unit_code, s.facts, 'own', s.state, :batch, s.at + s.place * interval '1 microsecond'
FROM cases AS c CROSS JOIN LATERAL (
    VALUES
        (1, 'report', c.reported_at, 'reported', jsonb_build_object(
            'source', c.source, 'category', c.category_kind || ':' || c.category_code, 'lon', c.lon, 'lat', c.lat,
            'is_repeat', c.is_repeat
        )),
        (2, 'accept', c.accepted_at, 'accepted', '{}'),
        (3, 'register', c.registered_at, 'registered', '{}'),
        (4, 'dispatch', c.dispatched_at, 'dispatched', jsonb_build_object('due_at', c.due_at)),
        (5, 'receive', c.dispatched_at, 'handling', '{}'),
        (6, 'extend', CASE WHEN c.due_extended_at IS NOT NULL THEN c.dispatched_at END, 'handling',
         jsonb_build_object('due_at', c.due_extended_at)),
        (7, 'extend', CASE WHEN c.due_extended_at IS NULL AND c.id % 100 < :others THEN c.handled_at END, 'handling',
         jsonb_build_object('due_at', c.due_at)),
        (8, 'answer', c.handled_at, 'answered', '{}'),
        (9, 'verify', c.handled_at, 'verification', '{}'),
        (10, 'close', c.closed_at, 'closed', '{}')
) AS s (place, kind, at, state, facts)
WHERE s.at IS NOT NULL AND c.closed_at > :cut AND c.n_rework = 0 AND c.voided_at IS NULL
