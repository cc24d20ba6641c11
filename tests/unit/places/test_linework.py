"""How grids are drawn: neighbours never part, small islands stay, and every border stands once, for all levels."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas import GeoDataFrame
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.places.linework import Arcs, Linework, digits, draw, whole
from tests.examples import about
from tests.maps.synthetic import LevelFrame, city, drawn


@pytest.fixture(scope="module")
def levels() -> list[LevelFrame]:
    return city()


@pytest.fixture(scope="module")
def lines(levels: list[LevelFrame]) -> Linework:
    return drawn(levels)


def polygons(lines: Linework, number: int) -> Any:
    """The grids of a level in degrees, as a page makes them of the arcs about each."""
    arcs = lines.arcs(number)
    around: list[list[Any]] = [[] for _ in lines.levels[number].codes]
    for left, right, places in zip(arcs.left, arcs.right, arcs, strict=True):
        for row in {left, right} - {-1}:
            around[row].append(shapely.LineString(places * lines.step))
    return np.array([shapely.build_area(shapely.node(shapely.MultiLineString(own))) for own in around], dtype=object)


def frame_of(*rows: tuple[int, str, str | None, Any]) -> GeoDataFrame:
    table = pd.DataFrame(rows, columns=["level", "code", "parent_code", "geometry"])
    return GeoDataFrame(table, geometry="geometry", crs=4490)


def areas(shapes: Any) -> Any:
    return pytest.approx(shapely.area(shapes), rel=0.02)


@given(st.lists(st.integers(-(2**40), 2**40)))
@about(100)
def test_numbers_come_back(numbers: Sequence[int]) -> None:
    assert whole(digits(numbers)).tolist() == list(numbers)


def test_small_numbers_are_one_letter() -> None:
    assert digits([0, -1, 15, -16, 16]) == "ABefgB"


def test_neighbours_never_part_at_any_level(levels: list[LevelFrame], lines: Linework) -> None:
    for level in levels:
        shapes = polygons(lines, level.level.number)
        frame = GeoDataFrame(level.frame).set_index("code").loc[list(lines.levels[level.level.number].codes)]
        assert shapely.is_valid(shapes).all()
        assert shapely.coverage_is_valid(shapes)
        assert shapely.area(shapes) == areas(frame.geometry.to_numpy())


def test_every_border_stands_once_and_upper_levels_have_none_of_their_own(lines: Linework) -> None:
    assert [level.arcs is None for level in lines.levels.values()] == [True, True, True, False]
    edges = [frozenset(map(tuple, pair)) for places in lines.arcs(4) for pair in pairwise(places)]
    assert len(edges) == len(set(edges)) > 0


def test_upper_levels_draw_the_lines_of_the_level_below(lines: Linework) -> None:
    below = polygons(lines, 4)
    for number in (3, 2, 1):
        parents = np.array(lines.levels[number + 1].parents)
        above = polygons(lines, number)
        for i, shape in enumerate(above):
            assert shapely.equals(shape, shapely.union_all(below[parents == i]))
        below = above


def test_a_parent_hangs_where_its_code_says(lines: Linework) -> None:
    for number in (2, 3, 4):
        above, level = lines.levels[number - 1], lines.levels[number]
        assert [code[: len(above.codes[0])] for code in level.codes] == [above.codes[i] for i in level.parents]


def test_no_corner_is_farther_off_than_is_said(levels: list[LevelFrame], lines: Linework) -> None:
    frame = levels[3].frame.sort_values("code")
    metres = np.array([111_320 * np.cos(np.radians(30.3)), 111_320])
    shapes = shapely.transform(polygons(lines, 4), lambda xy: xy * metres)
    stored = shapely.transform(frame.geometry.to_numpy(), lambda xy: xy * metres)
    corners, of = shapely.get_coordinates(stored, return_index=True)
    off = pd.Series(shapely.distance(shapely.points(corners), shapely.boundary(shapes)[of])).groupby(of).max()
    step_m = lines.step[1] * 111_320
    said = whole(lines.levels[4].marks)[2::3] * step_m
    assert (off <= said + 0.05).all()
    assert (said < off + 1.1 * step_m).all()
    assert lines.off_m == pytest.approx(said.max())
    streets = np.array(lines.levels[4].parents)
    of_streets = whole(lines.levels[3].marks)[2::3] * step_m
    assert of_streets.tolist() == [said[streets == i].max() for i in range(100)]


def test_labels_stand_in_their_grids(lines: Linework) -> None:
    for number, level in lines.levels.items():
        places = whole(level.marks).reshape(-1, 3)[:, :2] * lines.step
        assert shapely.contains(polygons(lines, number), shapely.points(places)).all()


def test_some_levels_alone_are_drawn_by_the_same_lines(lines: Linework) -> None:
    middle = lines.only([2, 3])
    assert list(middle.levels) == [2, 3]
    assert middle.levels[2].parents == (-1,) * 5
    assert middle.levels[3].parents == lines.levels[3].parents
    for number in (2, 3):
        assert shapely.equals(polygons(middle, number), polygons(lines, number)).all()
    assert len(middle.levels[3].arcs or "") < len(lines.levels[4].arcs or "") / 2


def test_a_level_may_be_left_out_between_two(lines: Linework) -> None:
    """An assessment of districts and communities: these hang on those, and both are drawn by the same arcs."""
    some = lines.only([4, 2])
    assert list(some.levels) == [2, 4]
    assert shapely.equals(polygons(some, 2), polygons(lines, 2)).all()
    assert [level.arcs is None for level in some.levels.values()] == [True, False]
    districts, communities = some.levels[2].codes, some.levels[4]
    assert [districts[i] for i in communities.parents] == [code[:6] for code in communities.codes]
    (upper,) = lines.only([2]).levels.values()
    assert upper.arcs
    assert upper.arcs == lines.only([1, 2]).levels[2].arcs


def test_a_parent_that_is_more_than_its_children_keeps_its_own_outline() -> None:
    left, right = shapely.box(114, 30, 114.1, 30.1), shapely.box(114.1, 30, 114.2, 30.1)
    frame = frame_of((1, "1", None, shapely.union(left, right)), (2, "11", "1", left))
    (lines,) = draw(frame)
    assert None not in [level.arcs for level in lines.levels.values()]
    assert shapely.area(polygons(lines, 1)) == areas(frame.geometry[:1])
    assert shapely.area(polygons(lines, 2)) == areas(frame.geometry[1:])


def test_a_small_island_an_enclave_and_a_strip_stay() -> None:
    """An island of three metres in a city of 100 km; a grid that lies in another; a strip a metre wide."""
    island = shapely.box(114.5, 30.5, 114.50003, 30.50003)
    hole = shapely.box(114.2, 30.2, 114.3, 30.3)
    left, strip, right = (
        shapely.box(114, 30, 114.49, 30.49),
        shapely.box(114.49, 30, 114.49001, 30.49),
        shapely.box(114.49001, 30, 115, 30.49),
    )
    leaves = [shapely.MultiPolygon([shapely.difference(left, hole), island]), hole, strip, right]
    frame = frame_of(
        (1, "1", None, shapely.union_all(leaves)), *((2, f"1{i}", "1", shape) for i, shape in enumerate(leaves))
    )
    (lines,) = draw(frame)
    shapes = polygons(lines, 2)
    assert [shapely.get_num_geometries(s) for s in shapes] == [2, 1, 1, 1]
    assert shapely.area(shapes[:2]) == areas(leaves[:2])
    assert shapely.coverage_is_valid(shapes)
    assert shapely.area(shapes[2]) == pytest.approx(strip.area, rel=0.5)
    assert shapely.equals(polygons(lines, 1)[0], shapely.union_all(shapes))


def test_grids_that_meet_in_a_point_stay_whole() -> None:
    cells = [shapely.box(114 + i / 10, 30 + j / 10, 114.1 + i / 10, 30.1 + j / 10) for i in (0, 1) for j in (0, 1)]
    chess = [shapely.MultiPolygon([cells[i], cells[3 - i]]) for i in (0, 1)]
    (lines,) = draw(frame_of((1, "1", None, chess[0]), (1, "2", None, chess[1])))
    shapes = polygons(lines, 1)
    assert shapely.area(shapes) == areas(chess)
    assert shapely.get_num_geometries(shapes).tolist() == [2, 2]


def test_edges_that_rounding_parted_are_joined_again() -> None:
    left = shapely.Polygon([(0, 0), (1, 0), (1, 0.5), (1, 1), (0, 1)])
    right = shapely.Polygon([(1 + 1e-10, 0), (2, 0), (2, 1), (1, 1 + 1e-10)])
    (lines,) = draw(frame_of((1, "1", None, left), (1, "2", None, right)))
    a, b = polygons(lines, 1)
    assert shapely.length(shapely.intersection(a, b)) == pytest.approx(1, rel=1e-3)
    assert (lines.arcs(1).right == 1).any()


def test_grids_that_claim_the_same_land_are_all_drawn() -> None:
    """One lies in the other whole: what is mended loses it, and each is drawn by its own border."""
    large, small = shapely.box(114, 30, 115, 31), shapely.box(114.2, 30.2, 114.4, 30.4)
    (lines,) = draw(frame_of((1, "1", None, large), (1, "2", None, small)))
    shapes = polygons(lines, 1)
    assert shapely.area(shapes[1]) == pytest.approx(small.area, rel=0.02)
    assert shapely.area(shapes[0]) > 0.9 * large.area


def test_a_leaf_without_parent_bounds_the_others_from_outside() -> None:
    shapes = [shapely.box(114 + i / 10, 30, 114.1 + i / 10, 30.1) for i in range(3)]
    whole_one = shapely.union_all(shapes[1:])
    rows = [(2, f"1{i}", "9" if i == 0 else "1", shape) for i, shape in enumerate(shapes)]
    (lines,) = draw(frame_of((1, "1", None, whole_one), *rows))
    assert lines.levels[2].parents == (-1, 0, 0)
    assert shapely.area(polygons(lines, 1)) == areas([whole_one])


def test_the_same_grids_give_the_same_lines(levels: list[LevelFrame], lines: Linework) -> None:
    shuffled = pd.concat([x.frame.assign(level=x.level.number) for x in levels]).sample(frac=1, random_state=1)
    assert draw(GeoDataFrame(shuffled, crs=4490)) == [lines]


def test_arcs_are_read_as_they_are_written(lines: Linework) -> None:
    text = lines.levels[4].arcs or ""
    assert Arcs.read(text).text == text
