"""Lineage tells by share of area what became of each grid; known cuts give known shares."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from geopandas import GeoDataFrame
from hypothesis import given
from hypothesis import strategies as st
from shapely import box

from gridmgmt.geo import to_storage
from gridmgmt.places.lineage import changes, lineage
from gridmgmt.texts import catalogue
from tests.examples import about

EPSG = 4547
CORNER_M = np.array([500_000, 3_320_000])

Spans = dict[str, tuple[float, float]]


def strip(spans: Spans, parents: dict[str, str] | None = None, names: dict[str, str] | None = None) -> GeoDataFrame:
    """Grids of one level, 100 m high, from west to east in metres."""
    shapes = shapely.transform([box(west, 0, east, 100) for west, east in spans.values()], lambda xy: xy + CORNER_M)
    frame = to_storage(GeoDataFrame({"code": list(spans)}, geometry=shapes, crs=EPSG))
    named = {"name_zh": [(names or {}).get(x, "") for x in spans], "name_en": ""}
    return frame.assign(level=2, parent_code=[(parents or {}).get(x, "C") for x in spans], **named)


def told(a: GeoDataFrame, b: GeoDataFrame) -> dict[str | None, tuple[str, tuple[str, ...]]]:
    table = changes(lineage(a, b, EPSG), a, b)
    return {x.code_a: (x.change, x.codes_b) for x in table.astype({"code_a": object}).itertuples()}


BASE = strip({"A": (0, 100), "B": (100, 200), "C": (200, 400)})


def test_same_edition_is_unchanged() -> None:
    pairs = lineage(BASE, BASE, EPSG)
    assert list(pairs["code_a"]) == list(pairs["code_b"]) == ["A", "B", "C"]
    assert (pairs[["share_a", "share_b"]] == 1).all(axis=None)
    assert list(pairs["area_m2"]) == pytest.approx([10_000, 10_000, 20_000], abs=1e-4)
    assert {x[0] for x in told(BASE, BASE).values()} == {"unchanged"}


def test_same_ground_drawn_from_another_vertex_is_unchanged() -> None:
    turned = BASE.set_geometry(
        [shapely.Polygon([*x.exterior.coords[2:], *x.exterior.coords[1:3]]) for x in BASE.geometry]
    )
    assert not shapely.equals_identical(turned.geometry.iloc[0], BASE.geometry.iloc[0])
    assert (lineage(BASE, turned, EPSG)[["share_a", "share_b"]] == 1).all(axis=None)


def test_split_and_its_reverse() -> None:
    split = strip({"A": (0, 100), "B": (100, 200), "C1": (200, 250), "C2": (250, 400)})
    there = lineage(BASE, split, EPSG).query("code_a == 'C'")
    assert list(there["code_b"]) == ["C2", "C1"]
    assert list(there["share_a"]) == pytest.approx([0.75, 0.25], abs=1e-9)
    assert list(there["share_b"]) == pytest.approx([1, 1], abs=1e-9)
    assert told(BASE, split)["C"] == ("split", ("C2", "C1"))
    assert told(split, BASE)["C1"] == told(split, BASE)["C2"] == ("merged", ("C",))
    back = lineage(split, BASE, EPSG).query("code_b == 'C'").set_index("code_a")
    assert back.loc["C1", "share_b"] == pytest.approx(0.25, abs=1e-9)


def test_grid_that_keeps_its_code_while_another_is_cut_from_it_is_split() -> None:
    cut = strip({"A": (0, 100), "B": (100, 200), "C": (200, 340), "N": (340, 400)})
    assert told(BASE, cut) == {
        "A": ("unchanged", ("A",)),
        "B": ("unchanged", ("B",)),
        "C": ("split", ("C", "N")),
    }


def test_moved_boundary_is_no_split() -> None:
    moved = strip({"A": (0, 110), "B": (110, 200), "C": (200, 400)})
    assert told(BASE, moved) == {"A": ("moved", ("A",)), "B": ("moved", ("B",)), "C": ("unchanged", ("C",))}
    share = lineage(BASE, moved, EPSG).set_index(["code_a", "code_b"])["share_a"]
    assert share["B", "A"] == pytest.approx(0.1, abs=1e-9)


def test_gone_and_new() -> None:
    shifted = strip({"A": (0, 100), "B": (100, 200), "D": (500, 600)})
    pairs = lineage(BASE, shifted, EPSG)
    assert told(BASE, shifted)["C"] == ("gone", ())
    assert told(BASE, shifted)[None] == ("new", ("D",))
    gone = pairs[pairs["code_b"].isna()].iloc[0]
    assert (gone["code_a"], gone["share_a"], gone["area_m2"]) == ("C", 1.0, pytest.approx(20_000, abs=1e-4))


def test_grid_made_of_lesser_parts_is_new() -> None:
    between = strip({"A": (0, 70), "N": (70, 130), "B": (130, 200), "C": (200, 400)})
    assert told(BASE, between)[None] == ("new", ("N",))
    assert told(BASE, between)["A"] == ("moved", ("A",))


def test_renamed_and_recoded() -> None:
    assert told(BASE, strip({"A": (0, 100), "B": (100, 200), "X": (200, 400)}))["C"] == ("renamed", ("X",))
    named = strip({"A": (0, 100), "B": (100, 200), "C": (200, 400)}, names={"A": "新名"})
    assert told(BASE, named)["A"] == ("renamed", ("A",))


def test_reparented_is_told_beside_the_change() -> None:
    other = strip({"A": (0, 100), "B": (100, 200), "C": (200, 400)}, parents={"B": "Z"})
    table = changes(lineage(BASE, other, EPSG), BASE, other).set_index("code_a")
    assert dict(table["reparented"]) == {"A": False, "B": True, "C": False}
    assert set(table["change"]) == {"unchanged"}


def test_rounding_pairs_are_dropped() -> None:
    rounded = strip({"A": (0, 100 + 1e-5), "B": (100 + 1e-5, 200), "C": (200, 400)})
    pairs = lineage(BASE, rounded, EPSG)
    assert list(zip(pairs["code_a"], pairs["code_b"], strict=True)) == [("A", "A"), ("B", "B"), ("C", "C")]
    assert told(BASE, rounded)["A"] == ("unchanged", ("A",))


def test_levels_are_not_mixed() -> None:
    upper = BASE.dissolve().assign(code="C", level=1, parent_code=None)
    table = lineage(upper, BASE, EPSG)
    assert set(table["level"]) == {1, 2}
    assert table["code_a"].notna().sum() == 1


cuts = st.lists(st.integers(1, 999), max_size=6, unique=True).map(lambda x: [0, *sorted(x), 1000])


@about(40)
@given(cuts, cuts)
def test_shares_are_those_of_the_intervals_and_sum_to_one(a: list[int], b: list[int]) -> None:
    left = {f"a{i}": span for i, span in enumerate(pairwise(a))}
    right = {f"b{i}": span for i, span in enumerate(pairwise(b))}
    one, two = strip(left), strip(right)
    pairs = lineage(one, two, EPSG)
    for row in pairs.itertuples():
        (west, east), (w, e) = left[row.code_a], right[row.code_b]
        common = min(east, e) - max(west, w)
        assert row.share_a == pytest.approx(common / (east - west), abs=1e-6)
        assert row.share_b == pytest.approx(common / (e - w), abs=1e-6)
    assert pairs.groupby("code_a")["share_a"].sum().between(1 - 1e-5, 1 + 1e-9).all()
    assert pairs["area_m2"].sum() == pytest.approx(100_000, abs=1e-2)
    table = changes(pairs, one, two)
    assert sorted(table["code_a"].dropna()) == sorted(left)
    assert {x for row in table["codes_b"] for x in row} == set(right)


def test_every_change_is_worded() -> None:
    told = ("unchanged", "renamed", "moved", "split", "merged", "gone", "new")
    assert all(f"change_{x}" in catalogue() for x in told)
