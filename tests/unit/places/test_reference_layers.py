"""Reference layers: kinds as data, every fault of a feature by name, the road class of a place."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pydantic import ValidationError

from gridmgmt import geo
from gridmgmt.errors import (
    ColumnMissing,
    CrsImplausible,
    CrsLooksSwapped,
    CrsMissing,
    FileUnreadable,
    LayerKindMissing,
    OptionInvalid,
)
from gridmgmt.places import layers
from gridmgmt.places.layers import Kind, Known, prepare, road_class_at
from gridmgmt.places.readers import layers as reading
from gridmgmt.rulebooks import load as rulebooks

EPSG = 4547
LON, LAT = 114.0, 30.0
LINE = shapely.LineString([(LON, LAT), (LON + 0.01, LAT)])
SQUARE = shapely.box(LON, LAT, LON + 0.01, LAT + 0.01)
KNOWN = Known({"U1"}, {"taken": "district"})
ROADS = reading.kind("roads")


def features(*rows: tuple[object, ...], columns: str = "code name class", **more: object) -> gpd.GeoDataFrame:
    """Features as a reader gives them: texts, then the geometry; numbers from 1."""
    frame = pd.DataFrame([r[:-1] for r in rows], columns=columns.split(), dtype=object, index=range(1, len(rows) + 1))
    return gpd.GeoDataFrame(frame.assign(**more), geometry=[r[-1] for r in rows], crs=4490)


def faults(prepared: layers.Prepared) -> list[tuple[int, str, str]]:
    return [(f.row, f.column, f.code) for f in prepared.faults]


# --- kinds -----------------------------------------------------------------------------------------------------------


def test_every_object_of_the_samples_has_its_layer() -> None:
    kinds = reading.kinds()
    wanted = set()
    for name in rulebooks.known():
        for sample in rulebooks.load(name).rulebook.samples:
            wanted |= {*sample.objects, *sample.instead}
    assert len(wanted) == 16
    assert {name for name in wanted if not kinds.serving(name)} == set()


def test_a_road_serves_by_its_class() -> None:
    kinds = reading.kinds()
    assert kinds.serving("main_road") == {"roads": ("main",)}
    assert kinds.serving("main_or_secondary_road") == {"roads": ("main", "secondary")}
    assert kinds.serving("road") == {"roads": ()}
    assert kinds.serving("submarine") == {}


def test_classes_go_by_key_title_and_other_words() -> None:
    words = {"main": "main", "MAIN": "main", "次干路": "secondary", "Back street": "back", "背街小巷": "back"}
    assert {word: ROADS.class_of(word) for word in words} == words
    assert ROADS.class_of("motorway") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"geometry": []},
        {"geometry": ["cube"]},
        {"required": ["class"]},
        {"objects": {"main_road": ["main"]}},
        {"classes": {"a": {"zh": "甲", "en": "A"}, "b": {"zh": "甲", "en": "B"}}},
        {"colour": "red"},
    ],
)
def test_a_kind_that_cannot_be_used_is_refused(wrong: dict[str, object]) -> None:
    right = {"title": {"zh": "图层", "en": "layer"}, "geometry": ["point"]}
    Kind.model_validate(right)
    with pytest.raises(ValidationError):
        Kind.model_validate(right | wrong)


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(LayerKindMissing) as e:
        reading.kind("volcanoes")
    assert "roads" in e.value.known


# --- features --------------------------------------------------------------------------------------------------------


def test_a_right_feature_comes_through_whole() -> None:
    raw = features(("R2", "二路", "次干道", LINE), ("R1", "一路", "main", LINE), width=["12", None])
    found = prepare(raw, ROADS, {}, KNOWN)
    assert found.faults == ()
    assert found.frame["code"].tolist() == ["R1", "R2"]
    assert found.frame["class"].tolist() == ["main", "secondary"]
    assert found.frame["name_zh"].tolist() == ["一路", "二路"]
    assert found.frame["attributes"].tolist() == [{}, {"width": "12"}]
    assert found.frame["buffer_m"].isna().all()
    assert found.frame.crs.to_epsg() == 4490


def test_each_fault_is_told_and_leaves_out_its_feature_only() -> None:
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    raw = features(
        (None, "无编码", "main", LINE),
        ("A", "", "main", LINE),
        ("A", "重码", "main", LINE),
        ("taken", "别处", "main", LINE),
        ("B", "", None, LINE),
        ("C", "", "motorway", LINE),
        ("D", "", "main", None),
        ("E", "", "main", shapely.LineString()),
        ("F", "", "main", SQUARE),
        ("G", "", "main", shapely.LineString([(1, 1), (1, 1)])),
        ("ok" * 100, "", "main", shapely.MultiLineString([LINE])),
        ("x" * 201, "", "main", LINE),
    )
    found = prepare(raw, ROADS, {}, KNOWN)
    assert faults(found) == [
        (1, "code", "feature_code_missing"),
        (2, "code", "feature_code_twice"),
        (3, "code", "feature_code_twice"),
        (4, "code", "feature_code_elsewhere"),
        (5, "class", "feature_field_missing"),
        (6, "class", "feature_class_unknown"),
        (7, "geometry", "feature_geometry_missing"),
        (8, "geometry", "feature_geometry_missing"),
        (9, "geometry", "feature_geometry_foreign"),
        (10, "geometry", "feature_geometry_invalid"),
        (12, "code", "feature_code_long"),
    ]
    assert found.frame["code"].tolist() == ["ok" * 100]
    by_number = {f.row: f for f in found.faults}
    assert (by_number[4].facts["layer"], by_number[6].value, by_number[9].value) == ("district", "motorway", "Polygon")
    gardens = prepare(features(("P", "", bow), columns="code name"), reading.kind("gardens"), {}, KNOWN)
    assert faults(gardens) == [(1, "geometry", "feature_geometry_invalid")]
    assert "Self-intersection" in gardens.faults[0].value


def test_codes_are_given_only_when_asked_for_and_never_twice() -> None:
    raw = features((None, "", "main", LINE), ("1", "", "main", LINE), (None, "", "main", LINE))
    found = prepare(raw, ROADS, {}, KNOWN, number=True)
    assert faults(found) == [(1, "code", "feature_code_twice"), (2, "code", "feature_code_twice")]
    assert found.frame["code"].tolist() == ["3"]
    assert found.n_numbered == 1


def test_an_area_says_whose_it_is_and_a_line_how_far_it_reaches() -> None:
    columns = "code unit_code land_owner category buffer_m"
    raw = features(
        ("A", "U1", None, None, None, SQUARE),
        ("B", None, "水务局", "component:01*", "30.5", LINE),
        ("C", None, None, None, None, SQUARE),
        ("D", "U9", None, None, None, SQUARE),
        ("E", "U1", None, None, None, LINE),
        ("F", "U1", None, None, "0", LINE),
        ("G", "U1", None, "01*", None, SQUARE),
        ("H", "U1", None, None, "wide", SQUARE),
        columns=columns,
    )
    found = prepare(raw, reading.kind("areas"), {}, KNOWN)
    assert found.frame["code"].tolist() == ["A", "B"]
    assert found.frame["buffer_m"].tolist()[1] == 30.5
    assert faults(found) == [
        (3, "land_owner, unit_code", "feature_fields_missing"),
        (4, "unit_code", "feature_unit_unknown"),
        (5, "buffer_m", "feature_buffer_missing"),
        (6, "buffer_m", "feature_buffer_wrong"),
        (7, "category", "feature_category_malformed"),
        (8, "buffer_m", "feature_buffer_wrong"),
    ]


def test_a_component_has_one_category_not_a_pattern() -> None:
    point = shapely.Point(LON, LAT)
    raw = features(
        ("A", "component:01001", point), ("B", "component:01*", point), ("C", None, point), columns="code category"
    )
    found = prepare(raw, reading.kind("components"), {}, KNOWN)
    assert found.frame["code"].tolist() == ["A"]
    assert faults(found) == [(2, "category", "feature_category_malformed"), (3, "category", "feature_field_missing")]


def test_a_mapping_names_columns_and_a_mapped_column_is_no_other_field() -> None:
    raw = features(("x", "R1", "main", LINE), columns="code name class")
    found = prepare(raw, ROADS, {"code": "name"}, KNOWN)
    assert found.frame["code"].tolist() == ["R1"]
    assert found.frame["name_zh"].tolist() == [None]
    assert found.frame["attributes"].tolist() == [{"code": "x"}]
    with pytest.raises(ColumnMissing) as e:
        prepare(raw, ROADS, {"class": "grade"}, KNOWN, source="roads.shp")
    assert e.value.facts == {"file": "roads.shp", "columns": ["grade"], "found": ["code", "name", "class"]}


def test_the_hash_is_that_of_the_content() -> None:
    rows = [("R1", "一路", "main", LINE), ("R2", "二路", "back", LINE)]
    a, b = (prepare(features(*r), ROADS, {}, KNOWN).frame for r in (rows, rows[::-1]))
    assert layers.sha256(a) == layers.sha256(b) == layers.sha256(a.sample(frac=1, random_state=1))
    for other in (
        features(("R1", "一路", "back", LINE), rows[1]),
        features(("R1", "一街", "main", LINE), rows[1]),
        features(("R1", "一路", "main", shapely.reverse(LINE)), rows[1]),
        features(*rows, width=["1", None]),
        features(*rows, buffer_m=["1", None]),
    ):
        assert layers.sha256(prepare(other, ROADS, {}, KNOWN).frame) != layers.sha256(a)


# --- files -----------------------------------------------------------------------------------------------------------


def write(path: Path, frame: gpd.GeoDataFrame, **more: object) -> Path:
    frame.to_file(path, engine="pyogrio", **more)
    return path


@pytest.mark.parametrize("name", ["roads.gpkg", "roads.shp", "roads.geojson", "roads.parquet"])
def test_vector_files_of_all_formats_give_the_same(tmp_path: Path, name: str) -> None:
    frame = features(("R1", "一路", "main", LINE)).assign(lanes=[4.0])
    path = tmp_path / name
    if name.endswith("parquet"):
        frame.to_parquet(path)
    else:
        write(path, frame)
    read = reading.read(path, None, None, {})
    assert read.n == 1
    assert read.faults == ()
    assert read.frame.index.tolist() == [1]
    assert read.frame.drop(columns="geometry").to_dict("records") == [
        {"code": "R1", "name": "一路", "class": "main", "lanes": "4"}
    ]
    assert shapely.equals_exact(read.frame.geometry.iloc[0], LINE, 1e-9)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_file_without_coordinate_system_is_refused_unless_one_is_named(tmp_path: Path) -> None:
    bare = write(tmp_path / "bare.shp", gpd.GeoDataFrame({"code": ["R1"]}, geometry=[LINE]))
    with pytest.raises(CrsMissing) as e:
        reading.read(bare, None, None, {})
    assert e.value.file == "bare.shp"
    assert len(reading.read(bare, None, "epsg:4326", {}).frame) == 1


def test_projected_and_shifted_files_come_to_the_same_place(tmp_path: Path) -> None:
    frame = features(("R1", "", "main", LINE))
    metric = write(tmp_path / "metric.gpkg", geo.to_metric(frame, EPSG))
    web = frame.set_geometry([shapely.transform(LINE, lambda xy: np.stack(geo.to_gcj02(xy[:, 0], xy[:, 1]), axis=1))])
    shifted = write(tmp_path / "shifted.gpkg", web.set_crs(4490))
    for path, crs in ((metric, None), (shifted, "gcj02")):
        (found,) = reading.read(path, None, crs, {}).frame.geometry
        assert shapely.equals_exact(found, LINE, 1e-9), path.name


def test_one_place_beyond_the_system_is_told_and_a_file_of_them_refused(tmp_path: Path) -> None:
    here, far = shapely.Point(LON, LAT), shapely.Point(1140, 30)
    frame = gpd.GeoDataFrame({"code": ["A", "B", "C"]}, geometry=[here, far, here], crs=4490)
    read = reading.read(write(tmp_path / "a.gpkg", frame), None, None, {})
    assert [(f.row, f.column, f.value, f.code) for f in read.faults] == [
        (2, "geometry", "1140.0, 30.0", "feature_out_of_range")
    ]
    assert (read.n, read.frame["code"].tolist()) == (3, ["A", "C"])
    swapped = gpd.GeoDataFrame({"code": ["A", "B"]}, geometry=[shapely.Point(LAT, LON)] * 2, crs=4490)
    with pytest.raises(CrsLooksSwapped):
        reading.read(write(tmp_path / "b.gpkg", swapped), None, None, {})
    with pytest.raises(CrsImplausible):
        reading.read(write(tmp_path / "c.gpkg", frame.iloc[[0, 2]]), None, f"epsg:{EPSG}", {})


def test_a_file_of_several_layers_wants_one_named(tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    for name in ("main", "back"):
        write(path, features((name, "", name, LINE)), layer=name)
    with pytest.raises(OptionInvalid) as e:
        reading.read(path, None, None, {})
    assert e.value.expected == "main | back"
    assert reading.read(path, "back", None, {}).frame["code"].tolist() == ["back"]
    with pytest.raises(FileUnreadable):
        reading.read(path, "motorway", None, {})


def test_points_of_a_table_say_their_system_and_each_fault(tmp_path: Path) -> None:
    path = tmp_path / "toilets.csv"
    path.write_text("code,name,经度,纬度\nT1,一号厕,114.0,３０.０\nT2,,,30\nT3,,x,30\nT4,,30,114\nT5,,1,2,3\n", "utf-8")
    place = {"lon": "经度", "lat": "纬度"}
    with pytest.raises(CrsMissing):
        reading.read(path, None, None, place)
    read = reading.read(path, None, "epsg:4490", place)
    assert [(f.row, f.code) for f in sorted(read.faults, key=lambda f: f.row)] == [
        (3, "feature_coordinates_unreadable"),
        (4, "feature_coordinates_unreadable"),
        (5, "feature_out_of_range"),
        (6, "feature_line_broken"),
    ]
    assert read.n == 5
    assert read.frame.index.tolist() == [2]
    assert read.frame.drop(columns="geometry").to_dict("records") == [{"code": "T1", "name": "一号厕"}]
    assert read.frame.geometry.iloc[0] == shapely.Point(114, 30)


# --- road classes ----------------------------------------------------------------------------------------------------


def metric_frame(shapes: list[shapely.Geometry], **columns: list[object]) -> gpd.GeoDataFrame:
    """Shapes given in metres of the city's CRS around a corner, in EPSG:4490."""
    moved = [shapely.transform(s, lambda xy: xy + np.array([500_000, 3_320_000])) for s in shapes]
    frame = geo.to_storage(gpd.GeoDataFrame(columns, geometry=moved, crs=EPSG))
    return frame if "buffer_m" in columns else frame.assign(buffer_m=np.nan)


def line(x: float) -> shapely.LineString:
    """A road from south to north."""
    return shapely.LineString([(x, -1000), (x, 1000)])


ROADS_AT = metric_frame([line(0), line(100), line(110), line(300)], **{"class": ["main", "secondary", "back", None]})
KEY_AT = metric_frame([shapely.box(95, 0, 400, 1000)])
NO_AREAS = KEY_AT.iloc[:0]


def classes(xs: list[float], y: float, areas: gpd.GeoDataFrame, radius: float = 30, **more: object) -> list[str]:
    points = metric_frame([shapely.Point(x, y) for x in xs], n=list(range(len(xs)))).geometry
    return road_class_at(points, ROADS_AT, areas, radius, EPSG, **more).tolist()


def test_the_strictest_road_within_reach_decides() -> None:
    found = classes([10, 29.99, 30.01, 71, 105, 139, 141, 300], -500, NO_AREAS)
    assert found == ["main", "main", "other", "secondary", "secondary", "back", "other", "other"]


def test_a_key_area_beats_every_road() -> None:
    assert classes([0, 100, 200, 200], 500, KEY_AT) == ["main", "key", "key", "key"]
    assert classes([200], -1, KEY_AT) == ["other"]


def test_the_order_is_the_rule_s() -> None:
    order = ("back", "secondary", "main", "key")
    assert classes([105], 500, KEY_AT, order=order) == ["back"]
    assert classes([105], 500, KEY_AT) == ["key"]


def test_a_road_may_say_its_own_reach() -> None:
    wide = metric_frame([line(0)], **{"class": ["main"], "buffer_m": [60.0]})
    points = metric_frame([shapely.Point(59, 0), shapely.Point(61, 0)], n=[1, 2]).geometry
    assert road_class_at(points, wide, NO_AREAS, 30, EPSG).tolist() == ["main", "other"]


def test_no_layers_at_all_give_other() -> None:
    points = metric_frame([shapely.Point(0, 0)], n=[1]).geometry
    assert road_class_at(points, ROADS_AT.iloc[:0], NO_AREAS, 30, EPSG).tolist() == ["other"]
    assert road_class_at(points.iloc[:0], ROADS_AT, KEY_AT, 30, EPSG).tolist() == []
