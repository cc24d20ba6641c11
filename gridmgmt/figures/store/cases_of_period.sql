-- Which cases may count in a period: reported, registered, dispatched or due within it, and does one stand at the cut-off?
SELECT {columns}, {stands} AS stands
FROM {cases}
ORDER BY case_no
