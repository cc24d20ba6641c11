-- The assessed subjects that these grids and units are, and the people who have or had posts in these units.
SELECT id FROM subject AS s
WHERE (s.kind = 'grid' AND (s.level, s.code) IN (SELECT * FROM unnest(CAST(:levels AS smallint[]), CAST(:codes AS text[]))))
   OR (s.kind = 'unit' AND s.code = ANY (:units))
   OR (s.kind = 'person' AND s.code IN (
       SELECT p.code FROM post AS o JOIN person AS p ON p.id = o.person_id JOIN unit AS u ON u.id = o.unit_id
       WHERE u.code = ANY (:units)))
