-- Events of lights that turned yellow or red by a moment. One that is better than it was told is set back without a word; a case
-- that changed since its turns were looked up waits for the next time.
WITH now AS (
    SELECT l.case_id, l.version_at, l.stage, l.due_at, l.told AS before, x.light,
           CASE x.light WHEN 'red' THEN l.red_at WHEN 'yellow' THEN l.yellow_at END AS since
    FROM case_light AS l,
        LATERAL (SELECT CASE WHEN l.red_at <= :at THEN 'red' WHEN l.yellow_at <= :at THEN 'yellow' ELSE 'green' END AS light) AS x
    WHERE l.told <> x.light
), turned AS (
    UPDATE case_light AS l SET told = n.light
    FROM now AS n JOIN cases AS c ON c.id = n.case_id AND c.version_at = n.version_at
    WHERE l.case_id = n.case_id
    RETURNING c.id, c.case_no, c.unit_code, c.unit_id, c.grid_l1, c.grid_l2, c.grid_l3, c.grid_l4, c.grid_l5, c.grid_l6,
              n.stage, n.due_at, n.before, n.light, n.since
)
INSERT INTO outbox (kind, case_id, grid_l1, grid_l2, grid_l3, grid_l4, grid_l5, grid_l6, unit_id, unit_code, document)
SELECT 'light', id, grid_l1, grid_l2, grid_l3, grid_l4, grid_l5, grid_l6, unit_id, unit_code,
       jsonb_build_object('case_no', case_no, 'stage', stage, 'light', light, 'since', since, 'due_at', due_at, 'unit', unit_code)
FROM turned WHERE light = 'red' OR light = 'yellow' AND before = 'green'
ORDER BY since, id
