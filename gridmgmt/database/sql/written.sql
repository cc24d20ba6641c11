-- Who wrote what, newest first: hand-overs of files, steps and entries, editions, draws, notices, reports, assessments, appeals, names?
WITH taken AS (
    SELECT s.batch_id, min(c.case_no || '#' || s.seq) AS step_no, count(*) AS n
    FROM step AS s JOIN cases AS c ON c.id = s.case_id
    WHERE s.origin = 'own'
    GROUP BY s.batch_id
), told AS (
    SELECT b.known_at AS at, b.kind, coalesce(b.file, taken.step_no, b.counts ->> 'edition') AS object,
           coalesce(CAST(b.counts ->> 'n_rows' AS bigint), taken.n) AS n, b.actor_id
    FROM batch AS b LEFT JOIN taken ON taken.batch_id = b.id
    UNION ALL SELECT known_at, 'city', document ->> 'code', NULL, actor_id FROM city
    UNION ALL SELECT known_at, 'edition', name, NULL, actor_id FROM edition
    UNION ALL SELECT activated_at, 'activated', name, NULL, activator_id FROM edition WHERE activated_at IS NOT NULL
    UNION ALL
    SELECT max(known_at), 'units', min(code), count(*), actor_id FROM unit_version
    GROUP BY CAST(xmin AS text), actor_id, date_trunc('minute', known_at)
    UNION ALL
    SELECT max(known_at), 'categories', min(kind || ':' || code), count(*), actor_id FROM category_version
    GROUP BY CAST(xmin AS text), actor_id, date_trunc('minute', known_at)
    UNION ALL SELECT known_at, 'rulebook', rulebook_id || ' ' || version, NULL, actor_id FROM rulebook_version
    UNION ALL SELECT known_at, 'draw', name, NULL, actor_id FROM draw
    UNION ALL SELECT known_at, 'notice', notice_no, NULL, actor_id FROM notice
    UNION ALL
    SELECT k.known_at, 'notice_check', n.notice_no, NULL, k.actor_id FROM notice_check AS k JOIN notice AS n ON n.id = k.notice_id
    UNION ALL
    SELECT a.known_at, 'attachment', coalesce(c.case_no || coalesce('#' || a.step_seq, ''), a.sample_no), NULL, a.actor_id
    FROM attachment AS a LEFT JOIN cases AS c ON c.id = a.case_id
    UNION ALL SELECT known_at, 'handed_in', scheme || ' ' || duty || ' ' || about, NULL, actor_id FROM handed_in
    UNION ALL SELECT known_at, 'duty_event', scheme || ' ' || event || ' ' || no, NULL, actor_id FROM duty_event
    UNION ALL SELECT known_at, 'assessment', name, NULL, actor_id FROM assessment
    UNION ALL SELECT published_at, 'published', name, NULL, publisher_id FROM assessment WHERE published_at IS NOT NULL
    UNION ALL SELECT known_at, 'appeal', id || ' ' || fact_no, NULL, actor_id FROM appeal
    UNION ALL SELECT decided_at, 'decided', id || ' ' || fact_no, NULL, decider_id FROM appeal WHERE decided_at IS NOT NULL
)
SELECT t.at, t.kind, t.object, t.n, a.name AS actor, a.means, a.os_user, a.job
FROM told AS t LEFT JOIN actor AS a ON a.id = t.actor_id
WHERE (CAST(:by AS text) IS NULL OR :by IN (a.name, a.os_user, a.job))
  AND (CAST(:kind AS text) IS NULL OR t.kind = :kind)
  AND (CAST(:object AS text) IS NULL OR t.object = :object)
  AND (CAST(:start AS timestamptz) IS NULL OR t.at >= :start) AND (CAST(:end AS timestamptz) IS NULL OR t.at < :end)
ORDER BY t.at DESC, t.kind, t.object
LIMIT :limit
