-- Rows of a leaf grid are found by their place, and those in none by their time: no index holds a row's edition or grids.
DROP INDEX ix_cases_leaf, ix_cases_unplaced, ix_samples_unplaced;
CREATE INDEX ix_cases_unplaced ON cases (reported_at) WHERE located <> 'leaf';
CREATE INDEX ix_samples_unplaced ON samples (sampled_at) WHERE located <> 'leaf';
-- A page keeps room for changed rows; pages that are full already get some when rows of theirs are changed.
ALTER TABLE cases SET (fillfactor = 90);
ALTER TABLE samples SET (fillfactor = 90);
