-- Does a case stand at the cut-off, on hold or sent back by the last of its steps, in time and for no longer than the city allows,
-- and, as far as its row tells, not dispatched since?
coalesce(stood, (
    SELECT last.state = ANY(:standing)
       AND NOT coalesce(dispatched_at > last.at AND dispatched_at <= :cut, false)
       AND (
           SELECT coalesce(due_extended_at, due_at) >= max(stood.at)
              AND (last.state <> ALL(:held) OR max(stood.at) > :held_since)
           FROM step AS stood
           WHERE stood.case_id = stored_id AND stood.at <= :cut AND stood.kind = ANY(:halting)
       )
    FROM step AS last
    WHERE last.case_id = stored_id AND last.at <= :cut
    ORDER BY last.seq DESC LIMIT 1
), false)
