-- Events of the steps that a batch took of some cases, each with the place and unit that its case has by now.
INSERT INTO outbox (kind, case_id, grid_l1, grid_l2, grid_l3, grid_l4, grid_l5, grid_l6, unit_id, unit_code, document)
SELECT CASE s.kind WHEN 'report' THEN 'case' ELSE 'step' END, c.id, c.grid_l1, c.grid_l2, c.grid_l3, c.grid_l4, c.grid_l5, c.grid_l6,
       c.unit_id, s.unit_code,
       jsonb_build_object('case_no', c.case_no, 'seq', s.seq, 'step', s.kind, 'state', s.state, 'unit', s.unit_code, 'at', s.at)
FROM step AS s JOIN cases AS c ON c.id = s.case_id
WHERE s.case_id = ANY (CAST(:ids AS bigint[])) AND s.batch_id = :batch
ORDER BY s.case_id, s.seq
