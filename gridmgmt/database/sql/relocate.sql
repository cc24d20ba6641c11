-- Which rows really move to another grid or unit? They are updated, and their new assignments appended. How many are there, and how
-- many lie in another edition now?
WITH moved AS (
    UPDATE {current} AS c SET ({located}) = ({relocated})
    FROM relocated AS r
    WHERE r.id = c.id AND ({place}) IS DISTINCT FROM ({other})
    RETURNING c.id, {currently}, c.edition_id IS DISTINCT FROM r.located_by AS is_elsewhere
), told AS (
    INSERT INTO assignment ({fact_id}, {located}, batch_id, known_at)
    SELECT id, {located}, :batch_id, :known_at FROM moved ORDER BY id
)
SELECT count(*) AS changed, count(*) FILTER (WHERE is_elsewhere) AS other_edition FROM moved
