-- Where and when did each incoming row happen, of which category, and which unit does the file name?
SELECT row_no, lon, lat, {when} AS at, {category} AS category, unit_code
FROM {incoming}
ORDER BY row_no
