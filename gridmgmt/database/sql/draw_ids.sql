-- Which numbers are the next so many rows of a table to have?
WITH ids AS MATERIALIZED (SELECT CAST(pg_get_serial_sequence(:name, 'id') AS regclass) AS sequence)
SELECT array_agg(nextval(ids.sequence)) FROM ids, generate_series(1, :n)
