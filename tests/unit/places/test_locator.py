"""The spatial join against exact arithmetic: whoever covers the point, on ties the smallest code."""

import math
import os
from dataclasses import fields, replace
from fractions import Fraction
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st

from gridmgmt.places import blocks, edition_locator, locator, raster
from gridmgmt.places.edition_locator import EditionLocator
from gridmgmt.places.locator import Locator
from tests.examples import about
from tests.unit.locator_examples import POINTS, POLYGONS

EPS = 2.0**-52


# The oracle: rational numbers, one point and one polygon at a time.


def rings(geometry):
    for part in shapely.get_parts(geometry):
        for ring in shapely.get_rings(part):
            yield [(Fraction(x), Fraction(y)) for x, y in shapely.get_coordinates(ring).tolist()]


def covers(edges, x, y):
    """On an edge, or an odd number of edges to the east."""
    odd = False
    for (ax, ay), (bx, by) in edges:
        turn = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        if turn == 0 and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
            return True
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            odd = not odd
    return odd


def oracle(codes, geometries, points):
    edges = [[edge for ring in rings(g) for edge in pairwise(ring)] for g in geometries]
    order = sorted(range(len(codes)), key=lambda i: (codes[i], i))
    owners = []
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y)):
            owners.append(-1)
            continue
        point = Fraction(x), Fraction(y)
        owners.append(next((i for i in order if covers(edges[i], *point)), -1))
    return owners


def owners(codes, geometries, points):
    lon, lat = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return Locator.build(codes, array(geometries)).owners(lon, lat).tolist()


def array(geometries):
    result = np.empty(len(geometries), dtype=object)
    result[:] = geometries
    return result


# Coverages for hypothesis: every ring that can be drawn on a set of coordinates, valid or not.

LATTICES = {
    "integers": [float(i) for i in range(7)],
    "one rounding step apart": [1 + i * EPS for i in range(9)],
    "decimals": [i / 10 for i in range(-3, 5)],
    "degrees": [120.1 + i * 1e-5 for i in range(5)] + [math.nextafter(120.1, 121), 120.10000999],
    "around zero": [-1.0, -1e-300, -5e-324, -0.0, 0.0, 5e-324, 1e-310, 1e-160, 0.1],
    "smallest": [i * 5e-324 for i in range(8)],
    "largest": [-1.7976931348623157e308, -1e308, -1.0, 0.0, 1.0, 1e308, 1.7976931348623157e308],
    "far from zero": [1e15 + i / 8 for i in range(9)],
    "of all sizes": [-1e200, -3.0, 1e-200, 1 / 3, 0.1 + 0.2, 0.3, 7e15, 1e200],
}


@st.composite
def coverages(draw):
    """Codes, polygons and points that lie where it hurts: vertices, edges, the lattice."""
    xs = LATTICES[draw(st.sampled_from(sorted(LATTICES)))]
    ys = draw(st.sampled_from([xs, xs, LATTICES["integers"]]))
    vertex = st.tuples(st.sampled_from(xs), st.sampled_from(ys))
    ring = st.lists(vertex, min_size=3, max_size=6)
    polygon = st.builds(shapely.Polygon, ring, st.lists(ring, max_size=1))
    geometry = st.one_of(polygon, polygon, st.builds(shapely.MultiPolygon, st.lists(polygon, min_size=2, max_size=2)))
    geometries = draw(st.lists(geometry, min_size=1, max_size=5))
    codes = draw(st.lists(st.sampled_from("ABCDEF"), min_size=len(geometries), max_size=len(geometries)))
    corners = [tuple(c) for g in geometries for c in shapely.get_coordinates(g).tolist()]
    share = draw(st.floats(0, 1))
    on_edges = [
        tuple(a * (1 - s) + b * s for a, b in zip(p, q, strict=True))
        for p, q in pairwise(corners)
        for s in (0.5, share)
    ]
    free = draw(st.lists(st.tuples(*2 * [st.floats(allow_nan=True)]), max_size=3))
    return codes, geometries, corners + on_edges + draw(st.lists(vertex, max_size=20)) + free


@about(100)
@given(coverages())
def test_equals_exact_geometry(coverage):
    codes, geometries, points = coverage
    assert owners(codes, geometries, points) == oracle(codes, geometries, points)


@about(30)
@given(coverages())
def test_points_on_the_raster_itself(coverage):
    """Cell borders, the walks' starts and their neighbours in float64, with polygons that run through them."""
    codes, geometries, _ = coverage
    for _ in range(2):
        made = Locator.build(codes, array(geometries))
        x, y = (np.append(a.borders, a.reference)[:: 1 + a.size // 4] for a in (made.columns, made.rows))
        x, y = (np.concatenate([v, np.nextafter(v, 0)]) for v in (x, y))
        points = [(a, b) for a in x.tolist() for b in y.tolist()]
        assert owners(codes, geometries, points) == oracle(codes, geometries, points)
        inner = shapely.Polygon(points[len(points) // 3 :: len(points) // 4][:3])
        codes, geometries = [*codes, "@"], [*geometries, inner]


@pytest.mark.parametrize("bias", [0.0, 1e-9])
def test_equals_exact_geometry_when_all_starts_lie_on_edges(monkeypatch, bias):
    """Reference points in the middle of regular cells: a lattice whose edges run through them."""
    monkeypatch.setattr(locator, "MIN_CELLS", 8)
    monkeypatch.setattr(locator, "MAX_CELLS", 8)
    over = locator.Axis.over.__func__

    def regular(cls, ends, n_cells):
        axis = over(cls, ends, n_cells)
        middle = axis.reference if axis.size == 1 else np.round(axis.reference * 2) / 2 + bias
        fits = axis.cells(middle) == np.arange(axis.size)
        values = {name: getattr(axis, name) for name in axis.__slots__}
        return cls(**values | {"reference": np.where(fits, middle, axis.reference)})

    monkeypatch.setattr(locator.Axis, "over", classmethod(regular))
    rng = np.random.default_rng(7)
    for _ in range(60):
        geometries = [shapely.Polygon(rng.integers(0, 17, (rng.integers(3, 7), 2)) / 2.0) for _ in range(4)]
        points = [tuple(p) for p in (rng.integers(-1, 34, (40, 2)) / 4.0).tolist()]
        codes = list("BADC")
        assert owners(codes, geometries, points) == oracle(codes, geometries, points)


def test_shared_examples():
    codes = [code for code, _ in POLYGONS]
    geometries = shapely.from_wkt([wkt for _, wkt in POLYGONS])
    points = [(x, y) for _, x, y, _ in POINTS]
    expected = [codes.index(owner) if owner else -1 for *_, owner in POINTS]
    assert oracle(codes, geometries, points) == expected
    assert owners(codes, geometries, points) == expected


def test_shared_examples_in_geopandas():
    codes, wkt = zip(*POLYGONS, strict=True)
    grids = gpd.GeoDataFrame({"code": codes}, geometry=shapely.from_wkt(wkt))
    _, x, y, expected = zip(*POINTS, strict=True)
    joined = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y)).sjoin(grids, predicate="covered_by")
    smallest = joined.groupby(level=0)["code"].min().to_dict()
    assert [smallest.get(i) for i in range(len(POINTS))] == list(expected)


def voronoi(seed, n):
    """A coverage with holes and multiparts: dissolved Voronoi cells, some left out."""
    rng = np.random.default_rng(seed)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(rng.random((n, 2)))))
    group = rng.integers(0, n // 3, len(cells))
    made = [shapely.union_all(cells[group == g]) for g in range(n // 3)]
    kept = [g for g in made if not g.is_empty and rng.random() < 0.9]
    return [f"{i:03d}" for i in rng.permutation(len(kept))], kept


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_geos_on_dissolved_voronoi_cells(seed):
    codes, geometries = voronoi(seed, 150)
    rng = np.random.default_rng(seed)
    vertices = shapely.get_coordinates(geometries)
    points = np.concatenate([rng.uniform(-0.2, 1.2, (3000, 2)), vertices, (vertices[1:] + vertices[:-1]) / 2])
    point, polygon = shapely.STRtree(geometries).query(shapely.points(points), predicate="covered_by")
    expected = np.full(len(points), -1)
    for i, j in zip(point, polygon, strict=True):
        if expected[i] < 0 or codes[j] < codes[expected[i]]:
            expected[i] = j
    assert owners(codes, geometries, points) == expected.tolist()
    assert (expected >= 0).sum() > 1000


def test_long_edges_and_far_islands():
    """Needles across the whole raster, and a part so far away that the town fills a corner of it."""
    needles = [shapely.Polygon([(0, i), (1000, 1000 - i), (1000, 1000.5 - i)]) for i in range(0, 1000, 50)]
    geometries = [*needles, shapely.box(1e6, 1e6, 1e6 + 1, 1e6 + 1)]
    codes = [f"{99 - i:02d}" for i in range(len(geometries))]
    rng = np.random.default_rng(3)
    points = [tuple(p) for p in rng.uniform(-10, 1010, (600, 2)).tolist()]
    points += [(1e6, 1e6 + 0.5), (1e6 + 1, 1e6 + 1), (5e5, 5e5), (500.0, 500.25), (0.0, 50.0)]
    assert owners(codes, geometries, points) == oracle(codes, geometries, points)


def test_batches_give_the_same(monkeypatch):
    codes, geometries = voronoi(1, 60)
    points = np.random.default_rng(2).random((500, 2))
    whole = owners(codes, geometries, points)
    monkeypatch.setattr(locator, "POINTS", 90)
    monkeypatch.setattr(locator, "PAIRS", 7)
    assert owners(codes, geometries, points) == whole


def of_parts(made):
    """For each part of each edge cell that is not empty: its south-western and north-eastern points, and its bits."""
    columns, rows = made.columns.in_parts(), made.rows.in_parts()
    (west, east), (south, north) = ends(columns), ends(rows)
    row, column = np.divmod(np.flatnonzero(made.owner < -1), made.columns.size)
    block = -2 - made.owner[made.owner < -1]
    for part in range(raster.EDGE_PARTS**2):
        r, c = part // raster.EDGE_PARTS + row * raster.EDGE_PARTS, part % raster.EDGE_PARTS
        c = c + column * raster.EDGE_PARTS
        is_there = (west[c] <= east[c]) & (south[r] <= north[r])
        told = (made.sure[block] >> np.uint64(part) & np.uint64(1)).astype(bool)[is_there]
        r, c = r[is_there], c[is_there]
        yield np.stack([west[c], south[r]]), np.stack([east[c], north[r]]), told


def ends(axis):
    """The first and the last float64 that :meth:`Axis.cells` has in each cell, by halving; none: in wrong order."""
    cell = np.arange(axis.size)
    low, high = np.full(axis.size, axis.low), np.full(axis.size, np.nextafter(axis.high, np.inf))
    stop_low, stop_high = low.copy(), high.copy()
    for _ in range(80):
        middle, stop = (low + high) / 2, (stop_low + stop_high) / 2
        is_below, stops_below = axis.cells(middle) < cell, axis.cells(stop) <= cell
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
        stop_low, stop_high = np.where(stops_below, stop, stop_low), np.where(stops_below, stop_high, stop)
    first, last = np.where(axis.cells(low) < cell, high, low), stop_low
    return first, np.where(axis.cells(last) == cell, last, -np.inf)


@pytest.mark.parametrize("seed", range(2))
def test_a_part_that_is_sure_has_one_owner_up_to_its_last_float(seed):
    """What a part tells holds at its corners, and no edge parts these: they are located by walking too."""
    codes, geometries = voronoi(seed, 60)
    made = Locator.build(codes, array(geometries))
    n_sure = n_parts = 0
    for low, high, (sure, second) in ((low, high, told.T) for low, high, told in of_parts(made)):
        n_sure, n_parts = n_sure + int(sure.sum()), n_parts + sure.size
        assert not (second & ~sure).any()
        corners = [(low[0], low[1]), (low[0], high[1]), (high[0], low[1]), (high[0], high[1])]
        first, *others = (walked(made, x[sure], y[sure]) for x, y in corners)
        assert (first >= 0).all()
        assert all((first == other).all() for other in others)
        for x, y in corners:
            found = walked(made, x, y).tolist()
            assert made.owners(x, y).tolist() == found
            some = slice(None, None, 97)
            assert [made.owner_at(*place) for place in zip(x[some].tolist(), y[some].tolist(), strict=True)] == found[
                some
            ]
    assert n_sure > 0.6 * n_parts


def walked(made, x, y):
    """The owners of points without what the parts of cells tell."""
    return replace(made, sure=np.zeros_like(made.sure)).owners(x, y)


def test_what_lies_beyond_the_coverage_is_of_nobody():
    """Points beside the border cells, which are looked up in these: near, far and past all numbers of cells."""
    codes, geometries = voronoi(4, 60)
    made = Locator.build(codes, array(geometries))
    x = [made.columns.low, made.columns.high, *np.linspace(0.01, 0.99, 25).tolist()]
    y = [made.rows.low, made.rows.high, *np.linspace(0.01, 0.99, 25).tolist()]
    beyond_x = [np.nextafter(made.columns.low, -9), np.nextafter(made.columns.high, 9), -7.0, 8.0, 1e300, -1e300]
    beyond_y = [np.nextafter(made.rows.low, -9), np.nextafter(made.rows.high, 9), -7.0, 8.0, 1e300, math.inf, math.nan]
    points = [(a, b) for a in [*x, *beyond_x] for b in beyond_y] + [(a, b) for a in beyond_x for b in [*y, *beyond_y]]
    assert set(made.owners(*np.array(points).T).tolist()) == {-1}


def test_stripes_make_the_same_index(monkeypatch):
    """However the rows are cut, bit for bit: an edge that reaches several stripes is laid in each."""
    codes, geometries = voronoi(2, 90)
    geometries = array([*geometries, shapely.Polygon([(0, 0), (0.02, 0), (0.01, 1)])])  # over all rows
    codes = [*codes, "000"]
    whole = Locator.build(codes, geometries)
    monkeypatch.setattr(blocks, "_STRIPE", 60)
    cut = Locator.build(codes, geometries)
    assert cut.first_edge.size > 500
    for field in fields(blocks.Blocks):
        one, other = getattr(whole, field.name), getattr(cut, field.name)
        assert (one.dtype, one.shape, one.tolist()) == (other.dtype, other.shape, other.tolist()), field.name


def test_more_candidates_in_a_cell_than_a_byte_has_bits(monkeypatch):
    """Thirty overlapping polygons in one cell, some of them without an edge near the point."""
    monkeypatch.setattr(locator, "MIN_CELLS", 2)
    monkeypatch.setattr(locator, "MAX_CELLS", 2)
    rng = np.random.default_rng(11)
    geometries = [shapely.Polygon(rng.integers(0, 9, (4, 2)) / 2.0) for _ in range(30)]
    geometries += [shapely.box(-9, -9, 9, 9), geometries[3], geometries[3]]
    codes = [f"{i:02d}" for i in rng.permutation(len(geometries))]
    codes[-3] = "99"  # around all, and the last to own
    points = [tuple(p) for p in (rng.integers(-2, 40, (400, 2)) / 8.0).tolist()]
    assert Locator.build(codes, array(geometries)).goes_on.sum() >= 3
    assert owners(codes, geometries, points) == oracle(codes, geometries, points)


def test_an_edge_that_neighbours_share_is_kept_once():
    left, right = shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)
    kept = raster.shared(*raster.edges(array([left, right, left])))
    segments, polygon, first = kept
    own = {
        tuple(s): sorted(polygon[a:b].tolist()) for *s, a, b in zip(*segments.tolist(), first, first[1:], strict=False)
    }
    assert len(own) == segments.shape[1] == 7
    assert own[1.0, 0.0, 1.0, 1.0] == [0, 1, 2]
    assert own[2.0, 0.0, 2.0, 1.0] == [1]


def test_threads_give_the_same(monkeypatch):
    rng = np.random.default_rng(8)
    lon, lat = rng.uniform(-1, 15, 4000), rng.uniform(-1, 10, 4000)
    whole = EditionLocator(FRAME, n_levels=3).locate(lon, lat)
    monkeypatch.setattr(locator, "POINTS", 70)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(4))
    built = []
    build = Locator.build.__func__
    monkeypatch.setattr(Locator, "build", classmethod(lambda cls, c, g: built.append(c) or build(cls, c, g)))
    assert (EditionLocator(FRAME, n_levels=3).locate(lon, lat) == whole).all()
    assert len(built) == 3


def test_nothing_to_own():
    none = np.array([], dtype=object)
    assert Locator.build([], none).owners(np.array([1.0]), np.array([2.0])).tolist() == [-1]
    assert owners(["A", "B"], [None, shapely.Polygon()], [(0.0, 0.0)]) == [-1]
    made = Locator.build(["A"], array([shapely.box(0, 0, 1, 1)]))
    assert made.owners(np.array([]), np.array([])).tolist() == []
    no_place = np.array([np.nan, np.inf, -np.inf, 0.5])
    assert made.owners(no_place, np.full(4, 0.5)).tolist() == [-1, -1, -1, 0]
    assert made.owners(np.full(4, 0.5), no_place).tolist() == [-1, -1, -1, 0]


def test_refuses_what_it_cannot_locate():
    box = array([shapely.box(0, 0, 1, 1)])
    with pytest.raises(ValueError, match="one code per geometry"):
        Locator.build(["A", "B"], box)
    with pytest.raises(ValueError, match="two vectors of one length"):
        Locator.build(["A"], box).owners(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="NaN or infinite"):
        Locator.build(["A"], array([shapely.Polygon([(0, 0), (math.inf, 0), (0, 1)])]))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6))
@example([0.1, 0.1, 0.3, 0.3, 0.2, 0.2])
@example([0.0, 0.0, 1e308, 1e308, 5e-324, 5e-324])
def test_side_is_exact(numbers):
    ax, ay, bx, by, x, y = map(Fraction, numbers)
    turn = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    found = raster.side(np.array(numbers[:4]).reshape(4, 1), *np.array(numbers[4:]).reshape(2, 1))
    assert found.tolist() == [(turn > 0) - (turn < 0)]


# Editions: the leaf decides.


def edition(*rows):
    """A frame of (level, code, parent_code, x0, y0, x1, y1) boxes."""
    table = pd.DataFrame([row[:3] for row in rows], columns=["level", "code", "parent_code"])
    return gpd.GeoDataFrame(table, geometry=[shapely.box(*row[3:]) for row in rows], crs=4490)


FRAME = edition(
    (3, "c2", "s2", 5, 0, 8, 8),  # lies partly in s1's box, but belongs to s2
    (1, "city", None, 0, 0, 12, 8),
    (2, "s1", "city", 0, 0, 6, 8),
    (3, "c1", "s1", 0, 0, 5, 8),
    (2, "s2", "city", 6, 0, 10, 8),
    (3, "c9", "gone", 12, 8, 14, 9),  # its parent is not in the edition
    (4, "u1", "c1", 0, 0, 1, 1),
)
CITY, S1, S2, C1, C2, C9 = 1, 2, 4, 3, 0, 5


@pytest.mark.parametrize(
    ("lon", "lat", "expected"),
    [
        (1.0, 1.0, [CITY, S1, C1]),
        (5.5, 1.0, [CITY, S2, C2]),  # the leaf's parent, not the street whose box it is in
        (5.0, 1.0, [CITY, S1, C1]),  # shared edge: the smallest leaf
        (9.0, 1.0, [CITY, S2, -1]),  # in a street without community
        (11.0, 1.0, [CITY, -1, -1]),
        (13.0, 8.5, [-1, -1, C9]),
        (12.0, 8.0, [-1, -1, C9]),  # corner of the city and of the leaf: the leaf decides
        (20.0, 1.0, [-1, -1, -1]),
        (math.nan, 1.0, [-1, -1, -1]),
    ],
)
def test_the_leaf_decides(lon, lat, expected):
    found = EditionLocator(FRAME, n_levels=3).locate(np.array([lon]), np.array([lat]))
    assert found.tolist() == [expected]


def test_a_batch_of_points_and_a_deeper_leaf():
    lon, lat = np.array([0.5, 1.0, 20.0, 9.0, 1.5]), np.array([0.5, 1.0, 1.0, 1.0, 0.5])
    found = EditionLocator(FRAME, n_levels=4).locate(lon, lat)
    assert found.dtype == np.int32
    assert found.tolist() == [
        [CITY, S1, C1, 6],
        [CITY, S1, C1, 6],
        [-1, -1, -1, -1],
        [CITY, S2, -1, -1],
        [CITY, S1, C1, -1],
    ]
    assert EditionLocator(FRAME, n_levels=4).locate(np.array([]), np.array([])).shape == (0, 4)


def test_of_equal_codes_the_earlier_row_is_the_parent():
    rows = [np.array([0, 1]), np.array([2])]
    assert edition_locator.lineage(rows, ["a", "a", "b"], [None, None, "a"])[2].tolist() == [0, 2]


def test_upper_levels_are_built_only_for_points_without_a_leaf(monkeypatch):
    built = []
    build = Locator.build.__func__
    monkeypatch.setattr(
        Locator, "build", classmethod(lambda cls, codes, g: built.append(codes[0][0]) or build(cls, codes, g))
    )
    edition = EditionLocator(FRAME, n_levels=3)
    edition.locate(np.array([1.0]), np.array([1.0]))
    assert built == ["c"]
    edition.locate(np.array([9.0]), np.array([1.0]))
    assert built == ["c", "s"]
    edition.locate(np.array([20.0, 1.0]), np.array([1.0, 1.0]))
    assert built == ["c", "s", "c"]  # the last is the city


def test_children_and_points_without_one_add_up():
    rng = np.random.default_rng(5)
    found = EditionLocator(FRAME, n_levels=3).locate(rng.uniform(-1, 15, 5000), rng.uniform(-1, 10, 5000))
    for upper in (0, 1):
        for grid in np.unique(found[found[:, upper] >= 0, upper]):
            own = found[found[:, upper] == grid]
            children = pd.Series(own[:, upper + 1]).value_counts()
            assert len(own) == children.sum()
            assert set(FRAME["parent_code"].iloc[[c for c in children.index if c >= 0]]) <= {FRAME["code"].iloc[grid]}
