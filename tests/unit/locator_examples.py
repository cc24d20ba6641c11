"""Points and their owners that every engine of the spatial join must agree on (locator, PostGIS, geopandas).

All coordinates are multiples of 1/1024 near zero, so no work rounds. The rule: of
the polygons that cover the point (edges belong to them), the smallest code.
"""

TINY = 1 / 1024

POLYGONS: list[tuple[str, str]] = [
    # Four unit squares around (1, 1); codes not in the order of rows or columns.
    ("D", "POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))"),
    ("B", "POLYGON ((1 0, 2 0, 2 1, 1 1, 1 0))"),
    ("C", "POLYGON ((0 1, 1 1, 1 2, 0 2, 0 1))"),
    ("A", "POLYGON ((1 1, 2 1, 2 2, 1 2, 1 1))"),
    # A hole, half filled by a diamond that touches the hole's edge in one vertex; written clockwise.
    ("H", "POLYGON ((4 0, 4 4, 8 4, 8 0, 4 0), (5 1, 7 1, 7 3, 5 3, 5 1))"),
    ("I", "POLYGON ((5 2, 6 2.5, 6.5 2, 6 1.5, 5 2))"),
    # Two parts that touch in a corner, and one far away.
    ("M", "MULTIPOLYGON (((0 4, 1 4, 1 5, 0 5, 0 4)), ((1 5, 2 5, 2 6, 1 6, 1 5)), ((-4 -4, -3 -4, -3 -3, -4 -4)))"),
    # Overlap: the smaller code wins, although it stands later.
    ("P2", "POLYGON ((4 6, 6 6, 6 8, 4 8, 4 6))"),
    ("P10", "POLYGON ((5 7, 7 7, 7 9, 5 9, 5 7))"),
    # A sliver one 1/1024 wide at its broad end.
    ("S", "POLYGON ((0 8, 3 8.5, 3 8.5009765625, 0 8))"),
    # Slanted neighbours on the edge (10, 0)–(13, 9): it goes through (11, 3) and (12, 6).
    ("T", "POLYGON ((10 0, 13 9, 10 9, 10 0))"),
    ("U", "POLYGON ((10 0, 13 0, 13 9, 10 0))"),
]
"""(code, WKT), in an order that is not the codes'."""

POINTS: list[tuple[str, float, float, str | None]] = [
    ("interior", 0.5, 0.5, "D"),
    ("interior", 1.5, 1.5, "A"),
    ("shared vertical edge", 1.0, 0.25, "B"),
    ("shared vertical edge", 1.0, 1.75, "A"),
    ("shared horizontal edge", 0.75, 1.0, "C"),
    ("shared horizontal edge", 1.25, 1.0, "A"),
    ("corner of four", 1.0, 1.0, "A"),
    ("corner of two", 1.0, 0.0, "B"),
    ("outer corner", 0.0, 0.0, "D"),
    ("outer edge", 0.0, 0.5, "D"),
    ("outer edge", 2.0, 0.5, "B"),
    ("just inside", TINY, 0.5, "D"),
    ("just outside", -TINY, 0.5, None),
    ("just west of the shared edge", 1.0 - TINY, 0.5, "D"),
    ("level with an edge, outside", 3.0, 1.0, None),
    ("around the hole", 4.5, 2.0, "H"),
    ("in the hole", 5.25, 1.25, None),
    ("edge of the hole", 6.0, 1.0, "H"),
    ("corner of the hole", 7.0, 3.0, "H"),
    ("inside the island in the hole", 6.0, 2.0, "I"),
    ("island's vertex on the hole's edge", 5.0, 2.0, "H"),
    ("island's vertex in the hole", 6.5, 2.0, "I"),
    ("beside the island's vertex", 6.5 + TINY, 2.0, None),
    ("first part", 0.5, 4.5, "M"),
    ("second part", 1.5, 5.5, "M"),
    ("corner where the parts touch", 1.0, 5.0, "M"),
    ("between the parts", 0.5, 5.5, None),
    ("slanted edge of the far part", -3.5, -3.5, "M"),
    ("above the far part", -3.5, -3.5 + TINY, None),
    ("P2 alone", 4.5, 6.5, "P2"),
    ("overlap", 5.5, 7.5, "P10"),
    ("overlap, edge of P10", 5.0, 7.5, "P10"),
    ("overlap, edge of P2", 6.0, 7.5, "P10"),
    ("P10 alone", 6.5, 8.5, "P10"),
    ("tip of the sliver", 0.0, 8.0, "S"),
    ("lower edge of the sliver", 1.5, 8.25, "S"),
    ("broad end of the sliver", 3.0, 8.5, "S"),
    ("beside the sliver", 1.5, 8.25 - TINY, None),
    ("above the sliver", 1.5, 8.25 + TINY, None),
    ("slanted shared edge", 11.0, 3.0, "T"),
    ("slanted shared edge", 12.0, 6.0, "T"),
    ("just east of the slanted edge", 11.0 + TINY, 3.0, "U"),
    ("just below the slanted edge", 12.0, 6.0 - TINY, "U"),
    ("end of the slanted edge", 13.0, 9.0, "T"),
    ("right edge", 13.0, 4.0, "U"),
    ("gap", 3.0, 3.0, None),
    ("outside everything", 20.0, -20.0, None),
]
"""(what it shows, lon, lat, code of the owner or None)."""
