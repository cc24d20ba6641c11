-- Which steps until a cut-off are acts of a period, and which others of the same cases tell whose they are and whether they came
-- late: by which deadline the unit has to answer from a dispatch or a failed check on, and which class the case is of?
SELECT case_id, seq, kind, at, actor, unit_code,
       CAST(facts ->> 'wrong_dispatch' AS boolean) AS wrong_dispatch,
       CASE WHEN kind = ANY(:opening) THEN CAST(
           coalesce(facts ->> 'hang_due_at', facts ->> 'due_extended_at', facts ->> 'due_at') AS timestamptz
       ) WHEN kind = ANY(:failing) THEN CAST(facts ->> 'due_at' AS timestamptz) END AS due_at,
       CASE WHEN kind = ANY(:placing) THEN nullif(facts ->> 'category', '') END AS category,
       kind = ANY(:acting) AND at >= :start AND at < :end AND origin <> 'derived' AS is_act
FROM step
WHERE at <= :cut AND kind = ANY(:telling) AND case_id IN (
    SELECT case_id FROM step
    WHERE kind = ANY(:acting) AND at >= :start AND at < :end AND at <= :cut AND origin <> 'derived'
)
ORDER BY case_id, seq
