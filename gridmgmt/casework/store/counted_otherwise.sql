-- Which cases, void ones left out, have a deadline that is provisional, or was counted by another calendar than this one and
-- has not been counted by it since?
SELECT c.case_no
FROM cases AS c
WHERE c.voided_at IS NULL AND EXISTS (
    SELECT FROM step AS s
    WHERE s.case_id = c.id AND (
        CAST(s.facts ->> 'provisional' AS boolean)
        OR (s.facts ->> 'calendar' <> :calendar AND NOT EXISTS (
            SELECT FROM step AS r
            WHERE r.case_id = s.case_id AND r.seq > s.seq AND r.kind = 'renew' AND r.facts ->> 'calendar' = :calendar
        ))
    )
)
ORDER BY c.case_no
