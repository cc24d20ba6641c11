"""Who is responsible here: the same owner as an import gives, by the edition of the day, with what is near."""

import datetime as dt
from pathlib import Path

import pytest

from gridmgmt.database import cities
from gridmgmt.database.work import Work
from gridmgmt.errors import (
    CategorySeveral,
    CategoryUnknown,
    CodeInvalid,
    CoordinateOutOfRange,
    CrsUnknown,
    EditionMissing,
    NoEditionOnDate,
)
from gridmgmt.geo import point_to_storage
from gridmgmt.people.operations import locating, reference
from gridmgmt.people.operations.locating import near_m
from gridmgmt.people.store import categories, units
from gridmgmt.texts import word
from tests.postgis import towns
from tests.postgis.people.both_ways import locate
from tests.postgis.towns import SIDE, SOUTH, WEST, case, load, middle, places

METRE_LON = 1 / 96_486  # degrees at 30° N
CORNER = (WEST + SIDE, SOUTH + SIDE)


def codes(work: Work, x: float, y: float, **options: object) -> list[str]:
    return [g["code"] for g in locate(work, x, y, **options).grids]  # type: ignore[arg-type]


def test_a_place_has_a_grid_of_each_level(town: Work) -> None:
    found = locate(town, *middle("D2-1"))
    assert [g["code"] for g in found.grids] == ["C", "D2", "D2-1"]
    assert (found.edition, found.datum, found.unit, found.neighbours) == ("2025", "CGCS2000", None, ())
    assert found.is_assigned


def test_on_edges_and_corners_it_gives_what_an_import_gives(town: Work, tmp_path: Path) -> None:
    """Also an ulp beside the edge, where PostGIS's own arithmetic calls the point covered by both."""
    x, y = CORNER
    points = [(x, y), (x, y - SIDE / 3), (x - SIDE / 3, y), (WEST, SOUTH), (x + 1e-14, y - SIDE / 3), (x, y + SIDE)]
    load(town, tmp_path, [case(f"n{i}", point) for i, point in enumerate(points)])
    imported = places(town)
    for i, point in enumerate(points):
        assert codes(town, *point)[-1:] == [imported[f"n{i}"][1]], point
    assert imported["n0"][1] == "D1-1"


@pytest.mark.parametrize(("metres", "expected"), [(near_m() - 1, ["D2-1"]), (near_m() + 1, [])])
def test_near_a_border_it_tells_the_neighbour(metres: float, expected: list[str], town: Work) -> None:
    found = locate(town, CORNER[0] - metres * METRE_LON, SOUTH + SIDE / 2)
    assert [n["code"] for n in found.neighbours] == expected
    assert found.grids[-1]["code"] == "D1-1"
    for neighbour in found.neighbours:
        assert neighbour["distance_m"] == pytest.approx(metres, abs=0.1)


def test_nearness_is_judged_before_rounding(town: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of places whose distance is told as the limit, those a little farther are not within it."""
    within = set()
    for metres in (7.001, 7.003, 7.006, 7.009):
        point = (CORNER[0] - metres * METRE_LON, SOUTH + SIDE / 2)
        monkeypatch.setattr(locating, "near_m", lambda: 8.0)
        told = locate(town, *point).neighbours[0]["distance_m"]
        assert told == round(told, 2)
        monkeypatch.setattr(locating, "near_m", lambda limit=told: limit)
        within.add(bool(locate(town, *point).neighbours))
    assert within == {True, False}


def test_at_a_corner_all_three_neighbours_are_near(town: Work) -> None:
    found = locate(town, *CORNER)
    assert {n["code"]: n["distance_m"] for n in found.neighbours} == {"D1-2": 0, "D2-1": 0, "D2-2": 0}


@pytest.mark.parametrize("degrees", [0.001, 3.0])
def test_outside_it_tells_the_nearest_however_far(degrees: float, town: Work) -> None:
    found = locate(town, WEST - degrees, SOUTH + SIDE / 4)
    assert (found.grids, found.is_assigned, found.unit) == ((), False, None)
    (nearest,) = found.neighbours
    assert nearest["code"].startswith("D1-")
    assert nearest["distance_m"] == pytest.approx(degrees / METRE_LON, rel=0.01)


def test_nearest_is_told_in_metres_not_in_degrees(empty: Work, tmp_path: Path) -> None:
    """At 60° N a degree of longitude is half as long: the grid that is farther in degrees is nearer."""
    with empty.transaction() as connection:
        cities.save_city(connection, towns.CITY)
    x, y = 114.0, 60.0
    east, north = (
        towns.shapely.box(x + 0.003, y - 0.01, x + 0.02, y + 0.002),
        towns.shapely.box(x - 0.01, y + 0.002, x + 0.02, y + 0.02),
    )
    grids = {code: (level, parent, shape) for code, level, parent, shape in (
        ("C", "city", None, east | north), ("D", "district", "C", east | north),
        ("east", "community", "D", east), ("north", "community", "D", north),
    )}  # fmt: skip
    towns.add_edition(empty, tmp_path, grids=grids)
    assert locate(empty, x, y).neighbours[0]["code"] == "east"
    load(empty, tmp_path, [case("n", (x, y))])
    (row,) = reference.unassigned(empty, 10)
    assert (row["number"], row["nearest_code"], row["located"]) == ("n", "east", "outside")
    assert float(row["distance_m"]) == pytest.approx(167, abs=1)


@pytest.mark.parametrize("system", ["gcj02", "bd09", "epsg:4326", "epsg:4490", "EPSG:4326"])
def test_coordinates_may_be_those_of_a_web_map(system: str, town: Work) -> None:
    x, y = middle("D1-2")
    given = (x, y)
    for _ in range(20):  # what the web map shows there: found by going round in circles
        lon, lat = point_to_storage(*given, system.lower())
        given = (given[0] + x - lon, given[1] + y - lat)
    found = locate(town, *given, crs=system.lower())
    assert found.grids[-1]["code"] == "D1-2"
    assert (found.lon, found.lat) == pytest.approx((x, y), abs=1e-8)
    if system in ("gcj02", "bd09"):
        assert abs(given[0] - x) > 0.001, "unconverted it would lie elsewhere"


def test_the_edition_is_that_of_the_day(town: Work, tmp_path: Path) -> None:
    grids = towns.shapes()
    grids["D1-7"] = grids.pop("D1-1")
    towns.add_edition(town, tmp_path, "2026", dt.date(2026, 1, 1), grids)
    place = middle("D1-1")
    assert codes(town, *place)[-1] == "D1-7"
    assert codes(town, *place, day=dt.date(2025, 12, 31))[-1] == "D1-1"
    assert codes(town, *place, day=dt.date(2026, 1, 1))[-1] == "D1-7"
    assert codes(town, *place, edition="2025")[-1] == "D1-1"
    with pytest.raises(NoEditionOnDate):
        locate(town, *place, day=dt.date(2024, 12, 31))
    with pytest.raises(EditionMissing):
        locate(town, *place, edition="2030")


@pytest.mark.parametrize(
    ("category", "place", "day", "unit"),
    [
        ("component:01001", "D1-1", None, "WORKS"),
        ("component:02001", "D1-1", None, "WEST"),
        (None, "D1-1", None, "WEST"),
        ("component:01001", "D2-1", None, "WORKS"),
        ("component:02001", "D2-1", None, None),
        ("component:02001", "D2-1", "2025-03-01", "EAST"),
        ("component:02001", "D2-1", "2025-06-01", None),
        ("component:01001", "D1-1", "2025-03-01", "WEST"),
    ],
)  # fmt: skip
def test_the_unit_follows_from_category_place_and_day(
    category: str | None, place: str, day: str | None, unit: str | None, town: Work, tmp_path: Path
) -> None:
    """WEST answers in D1, EAST in D2 until June, WORKS for components 01 everywhere from then on."""
    with town.transaction() as connection:
        units.ensure_units(connection, ["WEST", "EAST", "WORKS"])
    (tmp_path / "rules.csv").write_text(
        "category,level,grid_code,unit_code,valid_from,valid_to\n"
        "*,district,D1,WEST,2020-01-01,\n"
        "*,district,D2,EAST,2020-01-01,2025-06-01\n"
        "component:01*,,*,WORKS,2025-06-01,\n",
        "utf-8",
    )
    assert reference.import_rules(town, tmp_path / "rules.csv").n_new == 3
    assert reference.import_rules(town, tmp_path / "rules.csv").n_changed == 0, "the same table again adds nothing"
    found = locate(town, *middle(place), category=category, day=dt.date.fromisoformat(day) if day else None)
    assert (found.unit["code"] if found.unit else None) == unit


def test_what_cannot_be_a_place_is_refused(town: Work) -> None:
    with pytest.raises(CoordinateOutOfRange):
        locate(town, 30.0, 114.0)
    with pytest.raises(CrsUnknown):
        locate(town, 114.0, 30.0, crs="mars")
    with pytest.raises(CodeInvalid):
        locate(town, 114.0, 30.0, category="lamp")


# --- a category by its name, coordinates the other way round ----------------------------------------------------------


COVERS = [
    ("component", "01001", "上水井盖", "Water cover"),
    ("component", "01002", "污水井盖", "Sewer cover"),
    ("matter", "01001", "占道经营", "Stalls"),
]


@pytest.fixture
def covers(town: Work) -> Work:
    with town.transaction() as connection:
        scheme = cities.load_city(connection).scheme
        rows = [{"scheme": scheme, "kind": k, "code": c, "name_zh": zh, "name_en": en} for k, c, zh, en in COVERS]
        categories.save_categories(connection, rows)
    return town


@pytest.mark.parametrize(
    ("given", "key"), [("污水", "component:01002"), ("stalls", "matter:01001"), ("01002", "component:01002")]
)
def test_a_category_may_be_named(given: str, key: str, covers: Work) -> None:
    assert locate(covers, *middle("D2-1"), category=given).category == key


def test_what_a_name_may_mean_is_listed(covers: Work) -> None:
    with pytest.raises(CategorySeveral) as e:
        locate(covers, *middle("D2-1"), category="井盖")
    assert e.value.known == ["component:01001 上水井盖", "component:01002 污水井盖"]
    with pytest.raises(CategorySeveral) as e:
        locate(covers, *middle("D2-1"), category="01001")
    assert e.value.known == ["component:01001 上水井盖", "matter:01001 占道经营"]
    with pytest.raises(CodeInvalid):
        locate(covers, *middle("D2-1"), category="路灯")
    with pytest.raises(CategoryUnknown):
        locate(covers, *middle("D2-1"), category="component:09999")


def test_coordinates_the_other_way_round_are_suspected(town: Work) -> None:
    """A city of Asia has longitudes beyond 90: there the coordinate itself is refused, and says why it may be so."""
    lon, lat = middle("D2-1")
    assert not locate(town, lon, lat).is_swapped
    with pytest.raises(CoordinateOutOfRange) as e:
        locate(town, lat, lon)
    assert "经纬度是否颠倒" in word(e.value.code, e.value.facts)
