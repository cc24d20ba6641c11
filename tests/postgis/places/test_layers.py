"""Reference layers in the database: complete sets with their days, never edited; what is left out is told."""

import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import text

from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import (
    DatabaseRefused,
    LayerEmpty,
    LayerExists,
    LayerKindMissing,
    LayerMissing,
    LayerOverlap,
    OptionInvalid,
)
from gridmgmt.files.checking import limits
from gridmgmt.places import layers as domain
from gridmgmt.places.operations import layers
from gridmgmt.places.operations.layers import LayerReport
from gridmgmt.places.store import layers as store
from tests.postgis import towns

MAY, JUNE, JULY = dt.date(2025, 5, 1), dt.date(2025, 6, 1), dt.date(2025, 7, 1)
ROAD = shapely.LineString([(towns.WEST, towns.SOUTH + 0.001), (towns.WEST + towns.SIDE, towns.SOUTH + 0.001)])
COLUMNS = ["code", "name", "name_en", "class", "lanes", "geometry"]
ROADS = [("R1", "一路", "First Road", "主干道", 4, ROAD), ("R2", "二巷", None, "back", None, shapely.reverse(ROAD))]


def write(path: Path, rows: Iterable[tuple[Any, ...]] = ROADS, columns: list[str] = COLUMNS) -> Path:
    gpd.GeoDataFrame(list(rows), columns=columns, geometry="geometry", crs=4490).to_file(path, engine="pyogrio")
    return path


def load(work: Work, path: Path, day: dt.date = MAY, kind: str = "roads", **more: Any) -> LayerReport:
    """Import a layer; what must always hold of a report is checked on the way."""
    report = layers.import_layer(work, path, kind, valid_from=day, **more)
    assert report.n_read == report.n_loaded + report.n_left_out
    assert len({f.row for f in report.faults}) == report.n_left_out
    json.dumps(report.as_dict())
    return report


def codes(work: Work, day: dt.date, kind: str = "roads", name: str | None = None) -> list[str]:
    with work.snapshot() as connection:
        return store.features(connection, kind, day, name)["code"].tolist()


def heads(work: Work, **more: Any) -> list[tuple[str, dt.date | None, dt.date | None, int]]:
    return [(x.name, x.valid_from, x.valid_to, x.n_features) for x in layers.list_layers(work, **more)]


def test_a_layer_comes_back_as_it_was_handed_in(town: Work, tmp_path: Path) -> None:
    report = load(town, write(tmp_path / "roads.gpkg"))
    assert (report.n_read, report.n_loaded, report.is_new, report.predecessor) == (2, 2, True, None)
    with town.snapshot() as connection:
        found = store.features(connection, "roads", MAY)
        (head,) = store.all_layers(connection)
    assert found.columns.tolist() == [
        "layer", "code", "name_zh", "name_en", "class", "unit_code", "land_owner", "category", "buffer_m",
        "attributes", "geometry",
    ]  # fmt: skip
    assert found.crs.to_epsg() == 4490
    assert found.drop(columns=["geometry", "buffer_m"]).to_dict("records") == [
        {
            "layer": "roads", "code": code, "name_zh": zh, "name_en": en, "class": road, "unit_code": None,
            "land_owner": None, "category": None, "attributes": more,
        }
        for code, zh, en, road, more in (
            ("R1", "一路", "First Road", "main", {"lanes": "4"}), ("R2", "二巷", None, "back", {}),
        )
    ]  # fmt: skip
    assert found["buffer_m"].isna().all()
    assert [a.equals_exact(b, 0) for a, b in zip(found.geometry, (ROAD, shapely.reverse(ROAD)), strict=True)] == [
        True
    ] * 2
    assert (head.sha256, head.file, head.n_features) == (report.sha256, "roads.gpkg", 2)
    assert domain.sha256(found) == report.sha256


@pytest.mark.parametrize("kind", ["parquet", "geojson"])
def test_a_text_that_cannot_be_kept_costs_its_feature_only(town: Work, tmp_path: Path, kind: str) -> None:
    nul = ("R2", "二\0巷", None, "back", "6", ROAD)
    long = ("R3", "三巷", None, "back", "x" * (limits().text + 1), ROAD)
    rows = [("R1", "一路", "First Road", "主干道", "4", ROAD), *([nul, long] if kind == "parquet" else [long])]
    frame = gpd.GeoDataFrame(rows, columns=COLUMNS, geometry="geometry", crs=4490)
    path = tmp_path / f"roads.{kind}"
    if kind == "parquet":
        frame.rename(columns={"lanes": "车\0道"}).to_parquet(path)
    else:
        frame.to_crs(4326).to_file(path)
    report = load(town, path)
    told = [(f.row, f.code, f.value) for f in report.faults]
    assert told == [*([(2, "cell_nul", "二␀巷")] if kind == "parquet" else []), (len(rows), "cell_long", "x" * 200)]
    with town.snapshot() as connection:
        found = store.features(connection, "roads", MAY)
    assert found["code"].tolist() == ["R1"]
    assert found["attributes"].tolist() == [{"车␀道" if kind == "parquet" else "lanes": "4"}]


def test_a_layer_holds_from_its_day_until_its_successor_s(town: Work, tmp_path: Path) -> None:
    load(town, write(tmp_path / "a.gpkg"))
    report = load(town, write(tmp_path / "b.gpkg", ROADS[:1]), JUNE)
    assert report.predecessor == "closed"
    assert [codes(town, d) for d in (MAY - dt.timedelta(1), MAY, JUNE - dt.timedelta(1), JUNE, JULY)] == [
        [], ["R1", "R2"], ["R1", "R2"], ["R1"], ["R1"],
    ]  # fmt: skip
    assert heads(town) == [("roads", MAY, JUNE, 2), ("roads", JUNE, None, 1)]
    assert heads(town, day=MAY) == [("roads", MAY, JUNE, 2)]
    with pytest.raises(LayerOverlap) as e:
        load(town, write(tmp_path / "c.gpkg"), MAY)
    assert e.value.other_from == "2025-06-01"


def test_the_same_features_again_change_nothing(town: Work, tmp_path: Path) -> None:
    load(town, write(tmp_path / "a.gpkg"))
    before = [towns.select_all(town, *table.c) for table in (t.layer, t.batch)]
    again = load(town, write(tmp_path / "again.shp", ROADS[::-1]), JULY, mapping={"name_zh": "name"})
    assert (again.is_new, again.valid_from, again.predecessor) == (False, MAY, None)
    assert [towns.select_all(town, *table.c) for table in (t.layer, t.batch)] == before


def test_a_layer_of_the_same_day_is_replaced_only_when_asked(town: Work, tmp_path: Path) -> None:
    load(town, write(tmp_path / "a.gpkg"))
    better = write(tmp_path / "b.gpkg", ROADS[:1])
    with pytest.raises(LayerExists):
        load(town, better)
    assert codes(town, MAY) == ["R1", "R2"]
    assert load(town, better, replace=True).predecessor == "replaced"
    assert codes(town, MAY) == ["R1"]
    assert heads(town) == [("roads", None, None, 2), ("roads", MAY, None, 1)]


def test_layers_that_begin_too_late_by_mistake_can_be_replaced(town: Work, tmp_path: Path) -> None:
    """2052 for 2025: without a way back no layer of that name could be loaded any more."""
    load(town, write(tmp_path / "a.gpkg"))
    load(town, write(tmp_path / "b.gpkg", ROADS[:1]), dt.date(2052, 6, 1))
    load(town, write(tmp_path / "c.gpkg", ROADS[1:]), dt.date(2062, 6, 1))
    right = write(tmp_path / "d.gpkg", ROADS[1:])
    with pytest.raises(LayerOverlap):
        load(town, right, JUNE)
    report = load(town, right, JUNE, replace=True)
    assert (report.is_new, report.predecessor, report.valid_from) == (True, "replaced", JUNE)
    assert heads(town) == [
        ("roads", MAY, JUNE, 2), ("roads", None, None, 1), ("roads", None, None, 1), ("roads", JUNE, None, 1),
    ]  # fmt: skip
    assert [codes(town, d) for d in (MAY, JUNE, dt.date(2062, 6, 1))] == [["R1", "R2"], ["R2"], ["R2"]]


def test_a_blank_is_no_name(town: Work, tmp_path: Path) -> None:
    load(town, write(tmp_path / "a.gpkg"), name="  ")
    assert load(town, write(tmp_path / "a.gpkg"), name=" roads ").is_new is False


def test_layers_of_one_kind_stand_side_by_side_without_common_codes(town: Work, tmp_path: Path) -> None:
    load(town, write(tmp_path / "a.gpkg"), name="north")
    rows = [ROADS[0], ("R3", "三路", None, "main", 2, ROAD)]
    report = load(town, write(tmp_path / "b.gpkg", rows), JUNE, name="south")
    assert [(f.row, f.code, f.facts["layer"]) for f in report.faults] == [(1, "feature_code_elsewhere", "north")]
    assert codes(town, JUNE) == ["R1", "R2", "R3"]
    assert codes(town, JUNE, name="south") == ["R3"]
    assert codes(town, MAY) == ["R1", "R2"]


def test_the_database_holds_no_two_layers_of_a_day(town: Work, tmp_path: Path) -> None:
    load(town, write(tmp_path / "a.gpkg"))
    again = text(
        "INSERT INTO layer (kind, name, valid, sha256, n_features, batch_id) "
        "SELECT kind, name, '[2025-06-01,)', sha256, n_features, batch_id FROM layer"
    )
    with pytest.raises(DatabaseRefused, match="ex_layer_valid"), town.transaction() as connection:
        connection.execute(again)


def test_a_file_of_which_nothing_fits_leaves_the_layer_as_it_was(town: Work, tmp_path: Path) -> None:
    load(town, write(tmp_path / "a.gpkg"))
    with pytest.raises(LayerEmpty) as e:
        load(town, write(tmp_path / "b.gpkg", [("R9", "", None, "motorway", 1, ROAD)]), JUNE)
    assert e.value.n == 1
    assert "motorway" in e.value.faults[0]
    assert "没有这个类" in e.value.faults[0]
    assert heads(town) == [("roads", MAY, None, 2)]


def test_a_dry_run_does_everything_and_keeps_nothing(town: Work, tmp_path: Path) -> None:
    report = load(town.but(keep=False), write(tmp_path / "a.gpkg"))
    assert (report.n_loaded, report.dry_run, report.is_new) == (2, True, True)
    assert heads(town) == []


def test_what_lies_outside_the_city_is_counted(town: Work, tmp_path: Path) -> None:
    far = shapely.transform(ROAD, lambda xy: xy + 1)
    rows = [ROADS[0], ("R3", "", None, "main", 2, far)]
    assert load(town, write(tmp_path / "a.gpkg", rows)).n_outside == 1
    assert load(town.but(keep=False), write(tmp_path / "b.gpkg", rows[1:]), JUNE).n_outside == 1
    assert load(town, write(tmp_path / "c.gpkg"), dt.date(1999, 1, 1), name="old").n_outside is None


def test_units_of_areas_are_those_of_the_city(town: Work, tmp_path: Path) -> None:
    with town.transaction() as connection:
        connection.execute(t.unit.insert().values(code="PARKS"))
    columns = ["code", "unit_code", "land_owner", "buffer_m", "geometry"]
    rows = [
        ("A", "PARKS", None, None, towns.box(0, 0)),
        ("B", "WATER", None, None, towns.box(0, 0)),
        ("C", None, "铁路局", 30.0, ROAD),
    ]
    report = load(town, write(tmp_path / "areas.gpkg", rows, columns), kind="areas")
    assert [(f.row, f.code, f.value) for f in report.faults] == [(2, "feature_unit_unknown", "WATER")]
    with town.snapshot() as connection:
        found = store.features(connection, "areas", MAY)
    assert found[["code", "unit_code", "land_owner"]].to_numpy().tolist() == [
        ["A", "PARKS", None],
        ["C", None, "铁路局"],
    ]
    assert found["buffer_m"].tolist()[1] == 30.0


def test_the_default_day_is_today_of_the_database(town: Work, tmp_path: Path) -> None:
    report = layers.import_layer(town, write(tmp_path / "a.gpkg"), "roads")
    now = towns.select_all(town, t.layer.c.known_at)[0][0]
    assert report.valid_from == now.astimezone(towns.CITY.zone).date()
    assert layers.show(town, "roads").classes == {"main": 1, "back": 1}


@pytest.mark.parametrize("name", ["out.geojson", "out.gpkg"])
def test_what_is_exported_can_be_imported_again(town: Work, tmp_path: Path, name: str) -> None:
    report = load(town, write(tmp_path / "a.gpkg"))
    assert layers.export(town, "roads", tmp_path / name, day=MAY) == 2
    again = load(town.but(keep=False), tmp_path / name, JUNE, mapping={"code": "code"})
    assert again.faults == ()
    back = gpd.read_file(tmp_path / name, engine="pyogrio").set_index("code")
    assert back.crs.to_epsg() == 4490
    assert back["lanes"].tolist()[0] == "4"
    assert report.n_loaded == again.n_loaded


@pytest.mark.parametrize("name", ["made/out.geojson", "made/out.gpkg"])
def test_an_export_has_columns_of_every_name(town: Work, tmp_path: Path, name: str) -> None:
    """A GeoPackage has a ``fid`` and a ``geom`` of its own, and takes upper and lower case for the same."""
    told = {"code": "R1", "class": "main", "FID": "f", "Geom": "g", "NAME_ZH": "n", "Lanes": "4", "lanes_2": "5"}
    feature = {"type": "Feature", "properties": told, "geometry": shapely.geometry.mapping(ROAD)}
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), "utf-8")
    load(town, path)
    assert layers.export(town, "roads", tmp_path / name, day=MAY) == 1
    row = gpd.read_file(tmp_path / name, engine="pyogrio").iloc[0]
    expected = {"code": "R1", "FID_2": "f", "Geom_2": "g", "NAME_ZH_2": "n", "Lanes": "4", "lanes_2": "5"}
    assert {k: row[k] for k in expected} == expected
    assert row["name_zh"] is None


def test_what_is_not_there_is_told(town: Work, tmp_path: Path) -> None:
    load(town, write(tmp_path / "a.gpkg"))
    with pytest.raises(LayerMissing) as e:
        layers.show(town, "water", MAY)
    assert e.value.facts == {"kind": "water", "name": None, "day": "2025-05-01", "known": ["roads/roads"]}
    with pytest.raises(LayerMissing):
        layers.show(town, "roads", MAY, "north")
    for ask in (lambda: layers.show(town, "volcanoes"), lambda: layers.list_layers(town, "volcanoes")):
        with pytest.raises(LayerKindMissing):
            ask()
    with pytest.raises(OptionInvalid):
        layers.export(town, "roads", tmp_path / "out.dwg", day=MAY)
    with pytest.raises(OptionInvalid) as option:
        load(town, write(tmp_path / "b.gpkg"), mapping={"colour": "red"})
    assert option.value.value == "colour"
