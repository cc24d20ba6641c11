-- Which totals of the same assessment, kind and level are written as one subject's is: each as an exact fraction.
SELECT other.id, other.total_numerator || '/' || other.total_denominator AS total
FROM assessment_subject AS own
JOIN subject AS of_own ON of_own.id = own.subject_id
JOIN assessment_subject AS other ON other.assessment_id = own.assessment_id AND other.total_shown = own.total_shown
JOIN subject AS of_other ON of_other.id = other.subject_id
WHERE own.id = :row AND of_other.kind = of_own.kind AND of_other.level = of_own.level
