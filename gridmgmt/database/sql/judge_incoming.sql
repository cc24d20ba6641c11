-- What is each incoming row to the store: new, newer, confirmed, unchanged, older, or in conflict?
-- One version instant has one content: the stored one; where the file alone holds several, none of them is taken.
CREATE TEMPORARY TABLE judged ON COMMIT DROP AS
WITH hashed AS (
    SELECT row_no, {key}, version_at, md5({hashed}) AS content_hash
    FROM {incoming}
), compared AS (
    SELECT h.*, c.id AS fact_id, c.version_at AS current_at, c.content_hash AS current_hash, v.content_hash AS stored_hash,
           min(h.content_hash) OVER same_instant <> max(h.content_hash) OVER same_instant AS is_disputed,
           row_number() OVER (PARTITION BY h.{key}, h.version_at, h.content_hash ORDER BY h.row_no) AS nth_copy
    FROM hashed AS h
    LEFT JOIN {current} AS c ON c.{key} = h.{key}
    LEFT JOIN {versions} AS v ON v.{fact_id} = c.id AND v.version_at = h.version_at
    WINDOW same_instant AS (PARTITION BY h.{key}, h.version_at)
), settled AS (
    SELECT *, CASE
               WHEN stored_hash IS NOT NULL THEN content_hash <> stored_hash
               WHEN current_at = version_at THEN content_hash <> current_hash
               ELSE is_disputed
           END AS is_conflict
    FROM compared
), last AS (
    SELECT *, version_at = max(version_at) FILTER (WHERE NOT is_conflict) OVER (PARTITION BY {key}) AS is_last
    FROM settled
), fates AS (
    SELECT row_no, content_hash, fact_id,
           CASE
               WHEN is_conflict THEN 'conflict'
               WHEN stored_hash IS NOT NULL OR nth_copy > 1 THEN 'unchanged'
               -- the current content in a later export: an export of between must not replace it any more
               WHEN content_hash = current_hash AND version_at > current_at AND is_last THEN 'confirmed'
               WHEN content_hash = current_hash THEN 'unchanged'
               WHEN version_at < current_at OR NOT is_last THEN 'older'
               WHEN fact_id IS NULL THEN 'new'
               ELSE 'newer'
           END AS fate
    FROM last
)
SELECT i.*, {located}, f.content_hash, f.fact_id, f.fate
FROM {incoming} AS i JOIN incoming_located AS l USING (row_no) JOIN fates AS f USING (row_no)
