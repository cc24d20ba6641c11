-- Which incoming rows say that a case repeats another one whose chain of originals leads back to it? They are taken out.
WITH RECURSIVE latest AS (
  SELECT DISTINCT ON (case_no) case_no, repeat_of, version_at
  FROM incoming_cases
  ORDER BY case_no, version_at DESC
),
repeats AS (  -- as it will be: what comes in, and what is stored of cases of which nothing newer comes
  SELECT i.case_no, i.repeat_of, true AS is_incoming
  FROM latest AS i
  LEFT JOIN cases AS c USING (case_no)
  WHERE i.repeat_of IS NOT NULL AND (c.id IS NULL OR c.version_at <= i.version_at)
  UNION ALL
  SELECT c.case_no, c.repeat_of, false
  FROM cases AS c
  LEFT JOIN latest AS i USING (case_no)
  WHERE c.repeat_of IS NOT NULL AND (i.case_no IS NULL OR c.version_at > i.version_at)
),
chain AS (
  SELECT case_no AS first, repeat_of AS reached FROM repeats WHERE is_incoming
  UNION
  SELECT chain.first, repeats.repeat_of
  FROM chain
  JOIN repeats ON repeats.case_no = chain.reached
  WHERE chain.reached <> chain.first
)
DELETE FROM incoming_cases AS i
USING chain, repeats
WHERE chain.first = chain.reached AND repeats.case_no = chain.first
  AND i.case_no = chain.first AND i.repeat_of = repeats.repeat_of
RETURNING i.row_no, i.repeat_of
