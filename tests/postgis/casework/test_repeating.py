"""Repeat cases from the database: the road layers of each day, month by month; suspected duplicates."""

import datetime as dt
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from gridmgmt import geo
from gridmgmt.casework.cases import Case
from gridmgmt.casework.operations import repeats
from gridmgmt.casework.readers import repeats as reading
from gridmgmt.database.work import Work
from gridmgmt.people.store import categories
from gridmgmt.periods import parse_period
from gridmgmt.places.operations import layers
from tests.postgis import towns
from tests.worlds import World

RULE = reading.rule("annex2")
DECEMBER = parse_period("2025-12")
X, Y = towns.middle("D1-1")
PROFILE = towns.CASES.replace("  description: text", "  description: text\n  address: who").replace(
    "  reporter_name: who\n", ""
)


def shifted(east_m: float, north_m: float = 0) -> tuple[float, float]:
    """A point so many metres from the middle of the first community."""
    here = geo.to_metric(gpd.GeoDataFrame(geometry=[shapely.Point(X, Y)], crs=4490), 4547).geometry.iloc[0]
    moved = gpd.GeoDataFrame(geometry=[shapely.Point(here.x + east_m, here.y + north_m)], crs=4547)
    point = geo.to_storage(moved).geometry.iloc[0]
    return point.x, point.y


def load(work: Work, folder: Path, *rows: tuple[str, str, tuple[float, float] | None, dict[str, object]]) -> None:
    """Cases from (number, day of registration, place, more)."""
    made = [
        towns.case(no, place, **{"at": f"{day} 08:00", "reg": f"{day} 09:00", "kind": "event", "cat": "03001", **more})
        for no, day, place, more in rows
    ]
    towns.load(work, folder, made, day=9, profile=PROFILE)


def roads(work: Work, folder: Path, first: dt.date, road: str) -> None:
    """One road of a class through the middle of the first community, from a day on."""
    line = shapely.LineString([(towns.WEST, Y), (towns.WEST + towns.SIDE, Y)])
    frame = gpd.GeoDataFrame({"code": ["R1"], "class": [road]}, geometry=[line], crs=4490)
    path = folder / f"{road}.gpkg"
    frame.to_file(path, engine="pyogrio")
    layers.import_layer(work, path, "roads", valid_from=first)


def key_area(work: Work, folder: Path, first: dt.date) -> None:
    frame = gpd.GeoDataFrame({"code": ["K1"]}, geometry=[shapely.Point(X, Y).buffer(0.0005)], crs=4490)
    frame.to_file(folder / "key.gpkg", engine="pyogrio")
    layers.import_layer(work, folder / "key.gpkg", "key_areas", valid_from=first)


def with_categories(empty: Work, tmp_path: Path) -> None:
    """The town with a matter and a component."""
    towns.found(empty, tmp_path, categories=("01001",))
    with empty.transaction() as connection:
        categories.ensure_categories(connection, [("town", "event", "03001"), ("town", "event", "03002")])


@pytest.fixture
def place(world: World) -> Work:
    """The town with its categories."""
    return world(with_categories)


def answers(work: Work, period: str = "2025-12") -> dict[str, tuple[str, int | None, bool | None]]:
    with work.snapshot() as connection:
        found = repeats.repeats_of(connection, parse_period(period), RULE)
        marks = repeats.marks(connection, parse_period(period), RULE)
    plain = found.astype(object).where(found.notna(), None)
    out = {r["case_no"]: (r["road_class"], r["occurrence"], r["is_repeat"]) for r in plain.to_dict("records")}
    assert marks == {no: answer for no, (_, _, answer) in out.items()}
    return out


def test_a_case_is_judged_by_the_road_of_its_day(place: Work, tmp_path: Path) -> None:
    roads(place, tmp_path, dt.date(2025, 1, 1), "back")
    roads(place, tmp_path, dt.date(2025, 12, 10), "main")
    key_area(place, tmp_path, dt.date(2025, 12, 20))
    load(
        place, tmp_path,
        ("A", "2025-12-01", (X, Y), {}), ("B", "2025-12-09", shifted(12, 15.9), {}), ("C", "2025-12-10", (X, Y), {}),
        ("D", "2025-12-20", shifted(0, 19.9), {}), ("E", "2025-12-20", shifted(0, 120), {}),
        ("F", "2025-12-21", shifted(400), {}), ("G", "2025-12-22", None, {}),
        ("V", "2025-12-02", (X, Y), {"voided": "2025-12-03 10:00"}),
        ("P", "2025-12-02", (X, Y), {"kind": "component", "cat": "01001"}),
        ("Q", "2025-12-03", (X, Y), {"cat": "03002"}),
        ("N", "2025-11-30", (X, Y), {}), ("U", "2025-12-05", (X, Y), {"reg": ""}),
    )  # fmt: skip
    assert answers(place) == {
        "A": ("back", 1, False),
        "B": ("back", 2, False),
        "C": ("main", 3, True),
        "D": ("key", 4, True),
        "E": ("other", 1, False),
        "F": ("main", 1, False),
        "G": ("other", None, None),
        "P": ("back", None, False),
        "Q": ("back", 1, False),
    }


def test_each_month_is_judged_by_itself_in_city_time(place: Work, tmp_path: Path) -> None:
    roads(place, tmp_path, dt.date(2025, 1, 1), "main")
    load(
        place,
        tmp_path,
        *[(f"{i}", day, (X, Y), {}) for i, day in enumerate(("2025-11-29", "2025-11-30", "2025-12-01"))],
    )
    towns.load(
        place, tmp_path,
        [towns.case("M", (X, Y), at="2025-12-01 00:00", reg="2025-12-01 00:00", kind="event", cat="03001")], day=9,
    )  # fmt: skip
    quarter = answers(place, "2025-Q4")
    assert {no: x[1:] for no, x in quarter.items()} == {
        "0": (1, False),
        "1": (2, True),
        "M": (1, False),
        "2": (2, True),
    }
    assert answers(place, "2025-11") | answers(place, "2025-12") == quarter
    with place.snapshot() as connection:
        whole = repeats.repeats_of(connection, parse_period("2025-Q4"), RULE)
        assert whole.set_index("case_no")["group"].to_dict() == {"0": 1, "1": 1, "M": 2, "2": 2}
        free = repeats.marks(connection, parse_period("2025-11-30..2025-12-01"), RULE)
    assert free == {"1": False, "M": True, "2": True}


def test_the_same_address_is_the_same_place_without_coordinates(place: Work, tmp_path: Path) -> None:
    key_area(place, tmp_path, dt.date(2025, 1, 1))
    load(
        place, tmp_path,
        ("A", "2025-12-01", None, {"who": "中山路 12号"}), ("B", "2025-12-02", (X, Y), {"who": "中山路１２号"}),
        ("C", "2025-12-03", None, {"who": "中山路"}),
    )  # fmt: skip
    assert answers(place) == {"A": ("other", 1, False), "B": ("key", 2, True), "C": ("other", None, None)}


def test_the_report_adds_up_and_says_that_no_road_layer_holds(place: Work, tmp_path: Path) -> None:
    load(
        place, tmp_path, *[(f"A{i}", f"2025-12-0{i}", (X, Y), {}) for i in range(1, 6)],
        ("B", "2025-12-01", None, {}), ("P", "2025-12-02", (X, Y), {"kind": "component", "cat": "01001"}),
    )  # fmt: skip
    found = repeats.report(place, DECEMBER, "annex2")
    assert found.counts == {"n_filed": 7, "n_excepted": 1, "n_unknown": 1, "n_repeats": 2, "n_groups": 1}
    assert found.without_roads
    (group,) = found.groups
    assert group["cases"] == ["A1", "A2", "A3", "A4", "A5"]
    assert group["repeats"] == ["A4", "A5"]
    assert (group["road_class"], group["threshold"], group["names"]) == ("other", 4, {"zh": "03001", "en": "03001"})
    assert (group["lon"], group["lat"]) == pytest.approx((X, Y))
    roads(place, tmp_path, dt.date(2026, 1, 1), "main")
    assert repeats.report(place, DECEMBER, "annex2").without_roads
    with place.snapshot() as connection:
        assert repeats.repeats_of(connection, parse_period("2024-12"), RULE).empty


def suspects(work: Work, where: tuple[float, float], at: str, category: str = "event:03001") -> list[dict[str, Any]]:
    when = dt.datetime.fromisoformat(at).replace(tzinfo=towns.CITY.zone)
    case = Case("new", category=category, lon=where[0], lat=where[1], reported_at=when)
    return repeats.suspects_of(work, [case]).get("new", [])


def test_suspects_are_the_near_ones_of_the_class(place: Work, tmp_path: Path) -> None:
    load(
        place, tmp_path,
        ("open", "2025-12-01", (X, Y), {}), ("closed", "2025-12-01", (X, Y), {"closed": "2025-12-02 09:00"}),
        ("today", "2025-12-05", shifted(-49.9), {"closed": "2025-12-05 10:00"}),
        ("far", "2025-12-05", shifted(50.1), {}),
        ("other", "2025-12-05", (X, Y), {"cat": "03002"}), ("later", "2025-12-06", (X, Y), {}),
        ("void", "2025-12-05", (X, Y), {"voided": "2025-12-05 10:00"}), ("lost", "2025-12-05", None, {}),
    )  # fmt: skip
    found = suspects(place, (X, Y), "2025-12-05 12:00")
    assert [(s["case_no"], s["why"]) for s in found] == [("open", "open"), ("today", "recent")]
    assert found[1]["distance_m"] == pytest.approx(49.9, abs=1e-3)
    assert found[1]["hours_before"] == 4
    assert suspects(place, shifted(5000), "2025-12-05 12:00") == []
