-- Forget the lights of cases that run no more.
DELETE FROM case_light AS l USING cases AS c WHERE c.id = l.case_id AND c.status <> ALL (CAST(:states AS text[]))
