-- Which rows really move to another grid or unit? They are updated, and their new assignments appended.
WITH moved AS (
    UPDATE {current} AS c SET ({located}) = ({relocated})
    FROM relocated AS r
    WHERE r.id = c.id AND ({place}) IS DISTINCT FROM ({other})
    RETURNING c.id, {currently}
)
INSERT INTO assignment ({fact_id}, {located}, batch_id, known_at)
SELECT id, {located}, :batch_id, :known_at FROM moved ORDER BY id
RETURNING {fact_id}
