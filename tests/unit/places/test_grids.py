"""Boundary files become edition frames: what is read, mended, derived, replaced and refused."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas import GeoDataFrame
from shapely import Polygon, box

from gridmgmt.city import City, Level
from gridmgmt.errors import ColumnMissing, CrsMissing, DeliveryIncomplete
from gridmgmt.faults import Fault
from gridmgmt.geo import areas_m2, to_metric, to_storage
from gridmgmt.places.editions import complete, district_of, fill_hierarchy
from gridmgmt.places.grids import FRAME_COLUMNS, GridColumns, prepare
from gridmgmt.texts import LANGUAGES, catalogue

LEVELS = (
    Level(1, "city", "市", "City"),
    Level(2, "district", "区", "District"),
    Level(3, "community", "社区", "Community"),
)
CITY = City("C", "测试市", "Test City", "Asia/Shanghai", 4547, levels=LEVELS)
COLUMNS = GridColumns(code="id", level="lvl", name_zh="name", parent="up")
CORNER_M = np.array([500_000, 3_320_000])


def degrees(*polygons: shapely.Geometry) -> np.ndarray:
    """Shapes in metres from a corner at 114°E, about 30°N, as stored degrees."""
    moved = shapely.transform(list(polygons), lambda xy: xy + CORNER_M)
    return to_storage(GeoDataFrame(geometry=moved, crs=4547)).geometry.to_numpy()


def file_of(*rows: tuple[object, object, object, object, shapely.Geometry | None]) -> GeoDataFrame:
    table = pd.DataFrame(rows, columns=["id", "lvl", "up", "name", "geometry"])
    shapes = [None if x is None else degrees(x)[0] for x in table.pop("geometry")]
    return GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, crs=4490, index=table.index))


def city_file() -> GeoDataFrame:
    """Two districts of 200 × 100 m side by side, two communities of 100 m squares in each; no city."""
    rows = [(f"D{d}", "district", "C", f"区{d}", box(200 * d, 0, 200 * d + 200, 100)) for d in (0, 1)]
    rows += [
        (f"D{d}-{i}", "community", f"D{d}", f"社区{d}{i}", box(200 * d + 100 * i, 0, 200 * d + 100 * i + 100, 100))
        for d in (0, 1)
        for i in (0, 1)
    ]
    return file_of(*rows)


def whole() -> GeoDataFrame:
    return fill_hierarchy(prepare(city_file(), CITY, COLUMNS).frame, CITY).frame


def test_frame_has_the_edition_columns_in_order() -> None:
    frame = prepare(city_file(), CITY, COLUMNS).frame
    assert tuple(frame.columns) == FRAME_COLUMNS
    assert frame.crs.to_epsg() == 4490
    assert list(frame["code"]) == ["D0", "D1", "D0-0", "D0-1", "D1-0", "D1-1"]
    assert set(frame.geom_type) == {"MultiPolygon"}
    assert list(frame["kind"].unique()) == ["district", "community"]
    assert list(frame["name_zh"])[:2] == ["区0", "区1"]
    assert set(frame["name_en"]) == {""}
    assert all(x is None for x in frame["responsible"])


def test_codes_are_trimmed_and_lose_the_zero_of_a_float() -> None:
    raw = file_of((64000.0, "1", None, "市", box(0, 0, 1, 1)), (64000010.0, 2.0, 64000.0, "区", box(0, 0, 1, 1)))
    frame = prepare(raw, CITY, COLUMNS).frame
    assert list(frame["code"]) == ["64000", "64000010"]
    assert list(frame["parent_code"]) == [None, "64000"]
    raw = file_of(("  A1\u3000", "市", "  ", None, box(0, 0, 1, 1)))
    frame = prepare(raw, CITY, COLUMNS).frame
    assert (frame["code"][0], frame["parent_code"][0], frame["name_zh"][0]) == ("A1", None, "")


@pytest.mark.parametrize("name", ["3", "community", "社区", "Community"])
def test_level_may_be_one_for_the_whole_file(name: str) -> None:
    raw = city_file().iloc[2:].drop(columns="lvl")
    assert set(prepare(raw, CITY, GridColumns(code="id", level=name)).frame["level"]) == {3}


def test_invalid_ring_is_mended_and_told() -> None:
    spike = Polygon([(0, 0), (100, 0), (100, 100), (100, 150), (100, 100), (0, 100)])  # goes up and comes back
    bowtie = Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])
    prepared = prepare(file_of(("S", 3, "D", "", spike), ("B", 3, "D", "", bowtie)), CITY, COLUMNS)
    assert prepared.faults == ()
    assert prepared.frame.geometry.is_valid.all()
    told = {x.code: x for x in prepared.mended}
    assert told["S"].area_change_m2 == pytest.approx(0, abs=1e-4)
    assert told["B"].reason.startswith("Self-intersection")
    assert told["B"].area_change_m2 == pytest.approx(5000, abs=1e-4)  # two triangles that cancelled out before
    assert (told["B"].level, len(told)) == (3, 2)


def test_all_problems_are_told_at_once_and_the_good_rows_stay() -> None:
    flat = Polygon([(0, 0), (100, 0), (0, 0), (0, 0)])
    prepared = prepare(
        file_of(
            ("", "9", "D", "", box(0, 0, 1, 1)),
            ("A", 3, "D", "", None),
            ("B", 3, "D", "", Polygon()),
            ("L", 3, "D", "", shapely.LineString([(0, 0), (1, 1)])),
            ("F", 3, "D", "", flat),
            ("G", 3, "D", "", box(0, 0, 1, 1)),
        ),
        CITY,
        COLUMNS,
        source="grids.gpkg:c",
    )
    assert list(prepared.frame["code"]) == ["G"]
    assert [(x.row, x.column, x.code) for x in prepared.faults] == [
        (1, "id", "grid_code_missing"),
        (1, "lvl", "grid_level_unknown"),
        (2, "geometry", "grid_geometry_missing"),
        (3, "geometry", "grid_geometry_missing"),
        (4, "geometry", "grid_not_polygonal"),
        (5, "geometry", "grid_collapsed"),
    ]
    assert prepared.faults[1] == Fault(1, "lvl", "9", "grid_level_unknown", sheet="grids.gpkg:c")
    assert prepared.faults[4].value == "LineString"
    assert all(set(catalogue()[x.code]) == set(LANGUAGES) for x in prepared.faults)


def test_missing_column_and_missing_crs_are_refused() -> None:
    with pytest.raises(ColumnMissing) as error:
        prepare(city_file(), CITY, GridColumns(code="gid", level="lvl"), "a.shp")
    assert (error.value.file, error.value.columns) == ("a.shp", ["gid"])
    with pytest.raises(CrsMissing):
        prepare(city_file().set_crs(None, allow_override=True), CITY, COLUMNS)


def test_prepare_leaves_its_argument_alone() -> None:
    raw, before = city_file(), city_file()
    prepare(raw, CITY, COLUMNS)
    assert raw.equals(before)


def test_city_is_made_from_its_districts() -> None:
    built = fill_hierarchy(prepare(city_file(), CITY, COLUMNS).frame, CITY)
    top = built.frame[built.frame["level"] == 1].iloc[0]
    assert (top["code"], top["parent_code"], top["name_zh"], top["kind"]) == ("C", None, "测试市", "city")
    assert areas_m2(built.frame, 4547).iloc[0] == pytest.approx(40_000, abs=1e-4)
    assert [x.code for x in built.findings] == ["grid_city_derived"]
    assert fill_hierarchy(built.frame, CITY).findings == ()


def test_parents_are_derived_by_the_largest_share() -> None:
    raw = city_file()
    raw.loc[raw["id"] == "D0-1", "geometry"] = degrees(box(100, 0, 220, 100))  # reaches into D1 with a sixth
    built = fill_hierarchy(prepare(raw.drop(columns="up"), CITY, GridColumns("id", "lvl")).frame, CITY)
    frame = built.frame.set_index("code")
    assert list(frame.loc[["D0", "D1", "D0-0", "D0-1", "D1-0"], "parent_code"]) == ["C", "C", "D0", "D0", "D1"]
    finding = built.findings[-1]
    assert (finding.code, finding.level, finding.n, finding.codes[0]) == ("grid_parent_derived", 3, 4, "D0-1")
    assert finding.measure == pytest.approx(5 / 6, abs=1e-6)


def test_a_single_blank_parent_is_not_guessed() -> None:
    raw = city_file()
    raw.loc[raw["id"] == "D0-1", "up"] = None
    frame = fill_hierarchy(prepare(raw, CITY, COLUMNS).frame, CITY).frame.set_index("code")
    assert frame.loc["D0-1", "parent_code"] is None


def test_district_of_climbs_by_parent_code() -> None:
    frame = whole()
    districts = dict(zip(frame["code"], district_of(frame), strict=True))
    assert districts == {"C": None, "D0": "D0", "D1": "D1", "D0-0": "D0", "D0-1": "D0", "D1-0": "D1", "D1-1": "D1"}


def test_partial_delivery_replaces_its_districts_only() -> None:
    new = file_of(("D1", 2, "C", "新区", box(200, 0, 400, 100)), ("D1-9", 3, "D1", "", box(200, 0, 400, 100)))
    base = whole()
    built = complete(base, prepare(new, CITY, COLUMNS).frame, CITY)
    assert list(built.frame["code"]) == ["C", "D0", "D1", "D0-0", "D0-1", "D1-9"]
    assert built.frame.set_index("code").loc["D1", "name_zh"] == "新区"
    assert built.frame.geometry.iloc[0].equals(base.geometry.iloc[0])
    assert [(x.code, x.codes) for x in built.findings] == [("grid_districts_replaced", ("D1",))]


def test_city_outline_is_made_anew_when_it_changes() -> None:
    new = file_of(("D1", 2, "C", "", box(200, 0, 500, 100)), ("D1-9", 3, "D1", "", box(200, 0, 500, 100)))
    built = complete(whole(), prepare(new, CITY, COLUMNS).frame, CITY)
    assert built.findings[-1].code == "grid_outline_remade"
    assert built.findings[-1].measure == pytest.approx(10_000, abs=1e-4)
    assert to_metric(built.frame, 4547).area[0] == pytest.approx(50_000, abs=1e-4)


def test_partial_delivery_without_its_district_is_refused() -> None:
    orphan = prepare(file_of(("D1-9", 3, "D1", "", box(200, 0, 400, 100))), CITY, COLUMNS).frame
    with pytest.raises(DeliveryIncomplete) as error:
        complete(whole(), orphan, CITY)
    assert (error.value.codes, error.value.n) == (["D1-9"], 1)
