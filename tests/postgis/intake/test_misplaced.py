"""A file whose rows lie outside all grids stops, and says in which coordinates they would not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gridmgmt import geo
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import MostOutside
from gridmgmt.intake.operations import imports
from tests.postgis import towns
from tests.postgis.towns import case, contents, load

Point = tuple[float, float]
HOMES = towns.COMMUNITIES


def bd09(x: float, y: float) -> Point:
    """As a BD-09 map shows a place: the one whose conversion gives it back."""
    lon, lat = x, y
    for _ in range(12):
        back = geo.point_to_storage(lon, lat, "bd09")
        lon, lat = lon + x - back[0], lat + y - back[1]
    return lon, lat


def rows(of: Callable[[float, float], Point], n_far: int = 4) -> list[dict[str, str]]:
    return [case(str(i), of(*towns.middle(home)) if i < n_far else home) for i, home in enumerate([*HOMES, *HOMES][:7])]


def test_other_coordinates_are_named_and_nothing_is_loaded(town: Work, tmp_path: Path) -> None:
    before = contents(town)
    with pytest.raises(MostOutside) as e:
        load(town, tmp_path, rows(lambda x, y: (y, x), 4))
    assert (e.value.n, e.value.n_outside) == (7, 4), "a latitude of 114 is refused row by row: it counts as well"
    assert e.value.guesses == [{"code": "outside_guess_swapped", "system": "epsg:4490", "n_inside": 4, "n_tried": 7}]
    assert contents(town) == before
    assert imports.list_quarantine(town) == []


def test_a_shift_of_a_web_map_is_told_by_name(town: Work, tmp_path: Path) -> None:
    """The town is 1.5 km wide and BD-09 lies 1.3 km off: its eastern half leaves the grids."""
    east = [case(str(i), bd09(114.0 + towns.SIDE * 1.9, 30.0 + towns.SIDE * (0.2 + i / 10))) for i in range(5)]
    with pytest.raises(MostOutside) as e:
        load(town, tmp_path, east)
    best = e.value.guesses[0]
    assert (best["code"], best["system"], best["n_inside"]) == ("outside_guess_system", "bd09", 5)


def test_another_citys_file_is_not_explained_away(town: Work, tmp_path: Path) -> None:
    with pytest.raises(MostOutside) as e:
        load(town, tmp_path, rows(lambda x, y: (x + 3, y + 1)))
    assert e.value.guesses == [{"code": "outside_guess_none"}]


def test_half_outside_or_said_to_be_right_is_loaded(town: Work, tmp_path: Path) -> None:
    far = rows(lambda x, y: (x + 3, y + 1), 3)
    assert load(town, tmp_path, far).located == {"leaf": 4, "outside": 3}
    path = towns.write_csv(tmp_path / "far.csv", rows(lambda x, y: (x + 3, y + 1), 7))
    profile = towns.write_profile(tmp_path, towns.CASES)
    assert imports.import_file(town, path, profile, outside_ok=True).located == {"outside": 7}


def test_a_place_that_many_rows_share_is_told(town: Work, tmp_path: Path) -> None:
    """A geocoder's default point: 20 rows of 25; 19 are not told, though others have their longitude."""
    default = towns.middle("D1-1")
    rest = [case(f"R{i}", (default[0], default[1] + (i + 1) * 1e-6)) for i in range(5)]
    few = load(town, tmp_path, [*rest, *(case(f"F{i}", default) for i in range(19))])
    assert few.shared_places == []
    many = load(town, tmp_path, [*rest, *(case(f"M{i}", default) for i in range(20))])
    assert [(p.lon, p.lat, p.n) for p in many.shared_places] == [(*default, 20)]


def test_a_wrong_deadline_that_is_left_out_leaves_its_case_in_and_is_told(town: Work, tmp_path: Path) -> None:
    profile = tmp_path / "own.yaml"
    profile.write_text(towns.CASES.replace("[{column: due}]", "{column: due, invalid: drop}"), "utf-8")
    rows = [case(f"L{i}", due="2025-01-01" if i < 7 else "") for i in range(9)]
    path = towns.write_csv(tmp_path / "due.csv", rows, towns.FIELDS)
    report = imports.import_file(town, path, str(profile))
    assert (report.n_new, report.n_quarantined) == (9, 0)
    (told,) = report.dropped
    assert (told.name, told.column, told.code, told.n) == ("due_at", "due", "time_before_report", 7)
    assert told.first == [(row, "2025-01-01") for row in range(2, 7)]
    assert report.as_dict()["dropped"][0]["n"] == 7


def test_a_deadline_in_working_days_is_counted_by_the_citys_calendar(town: Work, tmp_path: Path) -> None:
    """The town's calendar is China's: 1 to 5 May 2025 are holidays."""
    profile = tmp_path / "own.yaml"
    profile.write_text(towns.CASES.replace("[{column: due}]", "{from: reported_at, working_days: 3}"), "utf-8")
    path = towns.write_csv(tmp_path / "work.csv", [case("W", at="2025-04-30 08:00:00")], towns.FIELDS)
    imports.import_file(town, path, str(profile))
    (row,) = towns.select_all(town, t.cases.c.due_at, where=t.cases.c.case_no == "W")
    assert row[0].astimezone(towns.CITY.zone).strftime("%m-%d %H:%M") == "05-07 18:00"
