-- What is each incoming row to the store: new, newer, confirmed, unchanged, older, or in conflict?
-- One version instant has one content: the stored one, else the one that stands first in the file.
CREATE TEMPORARY TABLE judged ON COMMIT DROP AS
WITH hashed AS (
    SELECT row_no, {key}, version_at, md5(ROW({facts})::text) AS content_hash
    FROM {incoming}
), compared AS (
    SELECT h.*, c.id AS fact_id, c.version_at AS current_at, c.content_hash AS current_hash, v.content_hash AS stored_hash,
           first_value(h.content_hash) OVER (PARTITION BY h.{key}, h.version_at ORDER BY h.row_no) AS first_hash,
           row_number() OVER (PARTITION BY h.{key}, h.version_at, h.content_hash ORDER BY h.row_no) AS nth_copy,
           h.version_at = max(h.version_at) OVER (PARTITION BY h.{key}) AS is_last
    FROM hashed AS h
    LEFT JOIN {current} AS c ON c.{key} = h.{key}
    LEFT JOIN {versions} AS v ON v.{fact_id} = c.id AND v.version_at = h.version_at
), fates AS (
    SELECT row_no, content_hash, fact_id,
           CASE
               WHEN content_hash <> CASE
                   WHEN stored_hash IS NOT NULL THEN stored_hash
                   WHEN current_at = version_at THEN current_hash
                   ELSE first_hash
               END THEN 'conflict'
               WHEN stored_hash IS NOT NULL OR nth_copy > 1 THEN 'unchanged'
               -- the current content in a later export: an export of between must not replace it any more
               WHEN content_hash = current_hash AND version_at > current_at AND is_last THEN 'confirmed'
               WHEN content_hash = current_hash THEN 'unchanged'
               WHEN version_at < current_at OR NOT is_last THEN 'older'
               WHEN fact_id IS NULL THEN 'new'
               ELSE 'newer'
           END AS fate
    FROM compared
)
SELECT i.*, {located}, f.content_hash, f.fact_id, f.fate
FROM {incoming} AS i JOIN incoming_located AS l USING (row_no) JOIN fates AS f USING (row_no)
