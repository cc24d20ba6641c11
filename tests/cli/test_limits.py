"""`gridmgmt limits` and `gridmgmt case clock`: the table imported and listed, a deadline explained row and sum."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gridmgmt.casework.operations.requests import Request
from gridmgmt.cli import app
from gridmgmt.database.work import Work, open_database
from gridmgmt.errors import CalendarMissing, TimeLimitContradicts
from gridmgmt.people.operations import reference
from gridmgmt.settings import Settings
from tests.postgis import towns
from tests.postgis.worksite import acted

Run = Callable[..., Result]
FRIDAY = dt.datetime(2025, 12, 5, tzinfo=towns.CITY.zone)
LIMITS = """category,unit_code,stage,part,part_zh,part_en,amount,unit,condition_zh,condition_en,valid_from,valid_to
*,,处置,,,,5,工作日,,,,
component:01*,,处置,,,,2,工作日,,,2025-01-01,
component:01*,U1,处置,,,,4,工作时,井盖缺失,cover missing,2025-01-01,
"""


@pytest.fixture(scope="module")
def town(make_database: Callable[[str], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The town of four communities with a unit."""
    settings = make_database("limits")
    work = open_database(settings)
    towns.found(work, tmp_path_factory.mktemp("town"), units=["U1"])
    work.close()
    return settings


@pytest.fixture
def work(town: Settings) -> Iterator[Work]:
    made = open_database(town)
    yield made
    made.close()


@pytest.fixture
def run(town: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name, value in (("HOME", town.home), ("DB", town.db)):
        monkeypatch.setenv(f"GRIDMGMT_{name}", str(value))
    return lambda *words, lang="en": CliRunner().invoke(app, ["--lang", lang, *words])


def done(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def take(work: Work, kind: str, hour: int, unit: str | None = None, **facts: object) -> None:
    at = FRIDAY + dt.timedelta(hours=hour)
    reason = "类别有误" if kind == "reclassify" else None
    acted(work, Request(kind, "李某", "A", at, unit, reason, facts))


def test_a_table_is_imported_and_a_deadline_explained(run: Run, work: Work, tmp_path: Path) -> None:
    path = tmp_path / "limits.csv"
    path.write_text(LIMITS, "utf-8")
    assert done(run("limits", "import", str(path))).splitlines()[-1] == "3 time limits imported"
    assert done(run("limits", "import", str(path))).splitlines()[-1] == "0 time limits imported"
    assert len(json.loads(done(run("limits", "list", "--json")))) == 3
    path.write_text(LIMITS.replace(",5,", ",6,"), "utf-8")
    assert isinstance(run("limits", "import", str(path)).exception, TimeLimitContradicts)

    lon, lat = towns.middle("D1-1")
    take(work, "report", 14, source="监督员上报", category="component:01001", lon=lon, lat=lat)
    take(work, "accept", 15)
    take(work, "register", 16)
    take(work, "dispatch", 17, "U1")
    shown = [line.strip() for line in done(run("case", "clock", "A", "--now", "2025-12-08 09:00")).splitlines()]
    place = next(n for n, line in enumerate(shown) if line.startswith("handling"))
    assert "due 2025-12-08 11:00" in shown[place]
    assert "green (50% used)" in shown[place]
    assert shown[place + 1 : place + 8] == [
        "by the table: component:01*, unit U1, in force from 2025-01-01; condition: cover missing",
        "before: component:01*, unit —, in force from 2025-01-01 (it names no unit)",
        "before: *, unit —, in force from 1900-01-01 (its class is less specific)",
        "4 working hours, 4:00 (h:min), from 2025-12-05 17:00",
        "2025-12-05 17:00 – 18:00: 1:00 counted, 3:00 left",
        "2025-12-06 – 2025-12-07: weekend, not counted",
        "2025-12-08 08:00 – 11:00: 3:00 counted, 0:00 left",
    ]
    assert "立案条件：井盖缺失" in done(run("case", "clock", "A", lang="zh"))

    take(work, "reclassify", 18, category="component:02001")
    later = done(run("case", "clock", "A", "--now", "2025-12-08 09:00"))
    assert "due 2025-12-08 11:00" in later
    assert "by the table: component:01*, unit U1" in later  # the row that decided then, not what would decide now
    assert "before:" not in later


def test_a_city_with_an_unknown_calendar_is_refused_at_once(work: Work, tmp_path: Path) -> None:
    path = tmp_path / "city.yaml"
    path.write_text("code: 1\nname: a\ntime_zone: Asia/Shanghai\nmetric_crs: 4547\ncalendar: moon\n", "utf-8")
    with pytest.raises(CalendarMissing):
        reference.init_city(work, path)


def test_renewing_by_the_same_calendar_moves_nothing(run: Run) -> None:
    assert "the deadlines of 0 cases would move" in done(run("case", "renew", "--dry-run"))
    assert "已重算 0 件案件的时限" in done(run("case", "renew", lang="zh"))


def test_a_profile_is_proposed_on_the_screen_or_into_a_file(run: Run, tmp_path: Path) -> None:
    export, profile = tmp_path / "export.csv", tmp_path / "own.yaml"
    lon, lat = towns.middle("D1-1")
    export.write_text(f"工单编号,创建时间,经度,纬度\nG1,2025-12-05 08:00,{lon},{lat}\n", "utf-8")
    shown = done(run("cases", "propose", str(export)))
    assert "  case_no: 工单编号" in [line.rstrip() for line in shown.splitlines()]
    assert "remarks to look at" in done(run("cases", "propose", str(export), "--out", str(profile)))
    assert json.loads(done(run("cases", "import", str(export), "--profile", str(profile), "--json")))[0]["n_new"] == 1
    assert "D1-1" in done(run("case", "list", "--grid", "D1-1"))
