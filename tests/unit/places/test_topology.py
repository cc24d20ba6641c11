"""The topology report measures what was built wrong, to the square centimetre, and blocks only what is ambiguous."""

import json

import numpy as np
import pytest
import shapely
from geopandas import GeoDataFrame
from hypothesis import example, given
from hypothesis import strategies as st
from shapely import Polygon

from gridmgmt.city import City, Level
from gridmgmt.geo import to_storage
from gridmgmt.places.topology import DEFAULT, SEVERITY, Finding, Tolerance, TopologyReport, check_edition
from gridmgmt.texts import LANGUAGES, catalogue
from tests.examples import about

LEVELS = (
    Level(1, "city", "市", "City"),
    Level(2, "district", "区", "District"),
    Level(3, "community", "社区", "Community"),
)
CITY = City("C", "测试市", "Test City", "Asia/Shanghai", 4547, levels=LEVELS)

CORNER_M = np.array([500_000, 3_320_000])
"""Where the test city's corner lies in EPSG:4547: 114°E, about 30°N."""


def degrees(*polygons: Polygon) -> np.ndarray:
    """Polygons in metres from the corner, as stored MultiPolygons."""
    moved = shapely.transform([shapely.multipolygons([p]) for p in polygons], lambda xy: xy + CORNER_M)
    return to_storage(GeoDataFrame(geometry=moved, crs=4547)).geometry.to_numpy()


def cell(column: int, row: int) -> Polygon:
    """A square of 100 m."""
    return shapely.box(100 * column, 100 * row, 100 * column + 100, 100 * row + 100)


def edition(without: str = "") -> GeoDataFrame:
    """A valid city of 6 × 3 cells: D1 holds columns 0–2, D2 columns 3–5; D1-02 is column 0, row 2."""
    place = {f"D{1 + column // 3}-{column}{row}": cell(column, row) for column in range(6) for row in range(3)}
    place.pop(without, None)
    leaves = dict(zip(place, degrees(*place.values()), strict=True))
    districts = {d: shapely.coverage_union_all([g for c, g in leaves.items() if c.startswith(d)]) for d in ("D1", "D2")}
    rows = [(1, "C", None, shapely.coverage_union_all(list(leaves.values())))]
    rows += [(2, code, "C", shape) for code, shape in districts.items()]
    rows += [(3, code, code[:2], shape) for code, shape in leaves.items()]
    frame = GeoDataFrame(rows, columns=["level", "code", "parent_code", "geometry"], geometry="geometry", crs=4490)
    return frame.astype({"parent_code": object})


def reshaped(code: str, polygon: Polygon) -> GeoDataFrame:
    frame = edition()
    frame.loc[frame["code"] == code, "geometry"] = degrees(polygon)
    return frame


def recoded(code_now: str, **values: object) -> GeoDataFrame:
    frame = edition()
    here = frame["code"] == code_now
    for column, value in values.items():
        frame.loc[here, column] = value
    return frame


def found(frame: GeoDataFrame, city: City = CITY, tolerance: Tolerance = DEFAULT) -> dict[str, Finding]:
    report = check_edition(frame, city, tolerance)
    assert len({(x.code, x.level) for x in report.findings}) == len(report.findings), "told once a level"
    return {x.code: x for x in report.findings}


def test_valid_city_has_no_findings_and_its_areas() -> None:
    report = check_edition(edition(), CITY)
    assert report.findings == ()
    assert report.blocking == ()
    assert [(x.level, x.n_grids) for x in report.levels] == [(1, 1), (2, 2), (3, 18)]
    for level in report.levels:
        assert level.area_m2 == pytest.approx(180_000, abs=1e-4)
        assert level.n_edges_mismatched == level.n_overlaps == level.n_gaps == level.n_slivers == 0


@pytest.mark.parametrize(
    ("frame", "code", "codes"),
    [
        (recoded("D1-00", code="D1-01"), "grid_code_duplicate", ("D1-01",)),
        (recoded("D1-00", parent_code=None), "grid_parent_blank", ("D1-00",)),
        (recoded("D1-00", parent_code="D9"), "grid_parent_unknown", ("D1-00",)),
        (recoded("D1-00", parent_code="C"), "grid_parent_wrong_level", ("D1-00",)),
        (recoded("C", parent_code="X"), "grid_parent_unknown", ("C",)),
        (recoded("C", parent_code="D1"), "grid_parent_wrong_level", ("C",)),
    ],
)
def test_wrong_codes_block(frame: GeoDataFrame, code: str, codes: tuple[str, ...]) -> None:
    finding = found(frame)[code]
    assert (finding.severity, finding.codes, finding.n) == ("error", codes, 1)


def test_level_without_grids_and_two_cities_block() -> None:
    frame = edition()
    assert found(frame[frame["level"] < 3])["grid_level_empty"].level == 3
    assert found(recoded("D1", level=1))["grid_city_not_one"].codes == ("C", "D1")


def test_prefix_is_checked_where_the_city_asks() -> None:
    city = City("C", "测试市", "", "Asia/Shanghai", 4547, levels=LEVELS, prefix_codes=True)
    finding = found(edition(), city)["grid_prefix_mismatch"]
    assert (finding.severity, finding.level, finding.codes) == ("warning", 2, ("D1", "D2"))
    assert "grid_prefix_mismatch" not in found(edition())


def test_invalid_geometry_left_blocks() -> None:
    bowtie = Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])
    finding = found(reshaped("D1-00", bowtie))["grid_invalid_geometry"]
    assert finding.severity == "error"
    assert finding.codes == ("D1-00",)
    assert finding.facts["reason"].startswith("Self-intersection")


def test_overlap_is_measured_and_blocks() -> None:
    report = found(reshaped("D1-00", shapely.box(0, 0, 110, 100)))
    overlap = report["grid_overlap"]
    assert (overlap.severity, overlap.level, overlap.n) == ("error", 3, 1)
    assert overlap.codes == ("D1-00", "D1-10")
    assert overlap.measure == pytest.approx(1000, abs=1e-4)
    assert set(report) == {"grid_overlap", "grid_edges_mismatch"} | ({"grid_overlap_slight"} & set(report))


@pytest.mark.parametrize(
    ("tolerance", "code"),
    [
        (Tolerance(overlap_m2=999.9, overlap_share=0.0999), "grid_overlap"),
        (Tolerance(overlap_m2=1000.1, overlap_share=0.0999), "grid_overlap_slight"),
        (Tolerance(overlap_m2=999.9, overlap_share=0.1001), "grid_overlap_slight"),
    ],
)
def test_overlap_must_pass_both_limits(tolerance: Tolerance, code: str) -> None:
    finding = found(reshaped("D1-00", shapely.box(0, 0, 110, 100)), tolerance=tolerance)[code]
    assert finding.measure == pytest.approx(1000, abs=1e-4)


def test_grid_inside_another_and_twice_the_same_ground_are_overlaps() -> None:
    inside = found(reshaped("D1-00", shapely.box(110, 10, 120, 20)))["grid_overlap"]
    assert inside.measure == pytest.approx(100, abs=1e-4)
    twice = found(reshaped("D1-00", cell(1, 0)))["grid_overlap"]
    assert twice.measure == pytest.approx(10_000, abs=1e-4)


def test_gap_is_measured_and_warned_of_without_blocking() -> None:
    narrow = shapely.box(100, 100, 190, 200)  # the middle of D1, 10 m short in the east
    report = check_edition(reshaped("D1-11", narrow), CITY)
    gap, uncovered = ({x.code: x for x in report.findings}[c] for c in ("grid_gap", "grid_uncovered"))
    assert report.blocking == ()
    assert (gap.severity, gap.level, gap.n) == ("warning", 3, 1)
    assert gap.measure == pytest.approx(1000, abs=1e-4)
    assert {"D1-11", "D1-21"} <= set(gap.codes)
    assert gap.facts["lon"] == pytest.approx(114.002, abs=1e-4)
    assert (uncovered.level, uncovered.codes) == (2, ("D1",))
    assert uncovered.measure == pytest.approx(1000 / 90_000, abs=1e-9)


def test_sliver_is_a_note() -> None:
    report = found(reshaped("D1-11", shapely.box(100, 100, 199.995, 200)))
    assert report["grid_gap_slight"].severity == "note"
    assert report["grid_gap_slight"].measure == pytest.approx(0.5, abs=1e-4)
    assert report["grid_uncovered_slight"].measure == pytest.approx(0.5 / 90_000, rel=1e-3)
    assert "grid_gap" not in report
    assert "grid_uncovered" not in report


def test_island_in_a_gap_is_no_part_of_the_gap() -> None:
    frame = reshaped("D1-11", shapely.box(140, 140, 160, 160))
    assert found(frame)["grid_gap"].measure == pytest.approx(10_000 - 400, abs=1e-4)


def test_hole_in_the_city_is_told_once_as_a_note() -> None:
    report = found(edition(without="D1-11"))
    assert set(report) == {"grid_outline_hole"}
    hole = report["grid_outline_hole"]
    assert (hole.severity, hole.level, hole.n) == ("note", 1, 1)
    assert hole.measure == pytest.approx(10_000, abs=1e-4)


def test_child_under_the_wrong_parent_blocks() -> None:
    report = found(recoded("D1-20", parent_code="D2"))
    assert report["grid_outside"].codes == ("D1-20",)
    assert report["grid_outside"].severity == "error"
    assert report["grid_outside"].measure == pytest.approx(1)
    assert report["grid_outside"].facts["total_m2"] == pytest.approx(10_000, abs=1e-4)
    assert report["grid_uncovered"].measure == pytest.approx(1 / 9)


@pytest.mark.parametrize(("limit", "blocks"), [(0.0499, True), (0.0501, False)])
def test_child_partly_outside_blocks_beyond_the_limit(limit: float, blocks: bool) -> None:
    frame = reshaped("D1-20", shapely.box(205, 0, 305, 100))
    report = check_edition(frame, CITY, Tolerance(outside_share=limit, overlap_m2=1e6))
    assert bool(report.blocking) is blocks
    assert report.levels[2].outside_max_share == pytest.approx(0.05, abs=1e-9)
    assert report.levels[2].outside_total_m2 == pytest.approx(500, abs=1e-4)


def test_parent_without_children_is_uncovered() -> None:
    frame = edition()
    report = found(frame[~frame["code"].str.startswith("D2-")])
    assert report["grid_uncovered"].codes == ("D2",)
    assert report["grid_uncovered"].measure == 1.0


@about(40)
@given(st.floats(-20, 20).filter(lambda d: abs(d) > 1e-3))
@example(-10.0)
@example(10.0)
def test_moved_vertex_gives_the_overlap_or_gap_of_its_triangle(d: float) -> None:
    """A cell's corner (200, 100) moves by d metres along its neighbours' edge: 50 d m² too much or too little."""
    moved = Polygon([(100, 0), (200, 0), (200 + d, 100), (100, 100)])
    level = check_edition(reshaped("D1-10", moved), CITY).levels[2]
    expected = 50 * abs(d)
    gaps_m2 = max(level.gap_max_m2, level.sliver_max_m2)
    measured, other = (level.overlap_max_m2, gaps_m2) if d > 0 else (gaps_m2, level.overlap_max_m2)
    assert measured == pytest.approx(expected, abs=1e-4)
    assert other == pytest.approx(0, abs=1e-4)
    assert level.area_m2 == pytest.approx(180_000 + 50 * d, abs=1e-4)


def test_report_survives_json() -> None:
    report = check_edition(reshaped("D1-00", shapely.box(0, 0, 110, 100)), CITY, Tolerance(gap_m2=2))
    assert TopologyReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_finding_is_worded(lang: str) -> None:
    facts = {"reason": "r", "worst": "A / B", "total_m2": 1.0, "lon": 114.0, "lat": 30.0, "limit": 0.01,
             "by": "x", "why": "y"}  # fmt: skip
    for code, severity in SEVERITY.items():
        assert code in catalogue()
        text = Finding(code, severity, 1, ("A", "B"), 2, 0.5, "m2", facts).text(lang)
        assert "{" not in text
        assert code not in text


def test_check_leaves_its_argument_alone() -> None:
    frame, before = edition(), edition()
    check_edition(frame, CITY)
    assert frame.equals(before)
