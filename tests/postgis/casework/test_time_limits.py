"""The time-limit table in the database: added to, never contradicted, read back as it was written."""

import datetime as dt
from fractions import Fraction
from pathlib import Path

import pytest

from gridmgmt.casework.operations import time_limits
from gridmgmt.casework.time_limits import TimeLimit, choose
from gridmgmt.database.work import Work
from gridmgmt.errors import TableRefused, TimeLimitContradicts
from gridmgmt.settings import data_path
from gridmgmt.texts import word
from tests.postgis import towns
from tests.worlds import World

HEADER = "category,unit_code,stage,part,part_zh,part_en,amount,unit,condition_zh,condition_en,valid_from,valid_to"
PIPE = (
    "matter:01025,,处置,1,围护,Fence off,3,紧急工作时,爆管,burst pipe,2026-01-01,",
    "matter:01025,,处置,2,抢修,Repair,8,紧急工作时,爆管,burst pipe,2026-01-01,",
)
EVER, FIRST = dt.date(1900, 1, 1), dt.date(2026, 1, 1)


def with_a_unit(empty: Work, tmp_path: Path) -> None:
    towns.found(empty, tmp_path, units=["U1"])


@pytest.fixture
def town(world: World) -> Work:
    return world(with_a_unit)


def take(work: Work, folder: Path, *rows: str) -> int:
    (folder / "limits.csv").write_text("\n".join((HEADER, *rows)) + "\n", "utf-8")
    return time_limits.import_limits(work, folder / "limits.csv")


def test_rows_come_back_as_they_were_written(town: Work, tmp_path: Path) -> None:
    assert take(town, tmp_path, *PIPE, "*,U1,受理,,,,0.25,urgent_hour,,,,2027-01-01") == 3
    assert time_limits.list_limits(town) == [
        TimeLimit("matter:01025", "handling", Fraction(3), "urgent_hour", FIRST, None, None, 1, "围护", "Fence off",
                  "爆管", "burst pipe"),
        TimeLimit("matter:01025", "handling", Fraction(8), "urgent_hour", FIRST, None, None, 2, "抢修", "Repair",
                  "爆管", "burst pipe"),
        TimeLimit("*", "acceptance", Fraction(1, 4), "urgent_hour", EVER, dt.date(2027, 1, 1), "U1"),
    ]  # fmt: skip


def test_the_same_file_again_adds_nothing(town: Work, tmp_path: Path) -> None:
    sample = data_path("time_limits", "sample.csv")
    n = time_limits.import_limits(town, sample)
    first = time_limits.list_limits(town)
    assert n == len(first) > 20
    assert time_limits.import_limits(town, sample) == 0
    assert time_limits.list_limits(town) == first


def test_a_row_gets_its_last_day_and_is_still_one_row(town: Work, tmp_path: Path) -> None:
    take(town, tmp_path, *PIPE)
    ended = [row + "2026-07-01" for row in PIPE]
    assert take(town, tmp_path, *ended) == 2
    rows = time_limits.list_limits(town)
    assert [r.valid_to for r in rows] == [dt.date(2026, 7, 1)] * 2
    found = choose(rows, "handling", "matter:01025", None, dt.date(2026, 6, 30))
    assert found is not None
    assert [int(x.amount) for x in found.limits] == [3, 8]
    assert choose(rows, "handling", "matter:01025", None, dt.date(2026, 7, 1)) is None


@pytest.mark.parametrize(
    "rows",
    [
        (PIPE[0].replace(",3,", ",4,"), PIPE[1]),
        (PIPE[0].replace("紧急工作时", "工作时"), PIPE[1]),
        (PIPE[0],),
        (*PIPE, PIPE[1].replace(",2,", ",3,", 1)),
    ],
)
def test_another_figure_from_the_same_day_is_refused_as_a_whole(
    town: Work, tmp_path: Path, rows: tuple[str, ...]
) -> None:
    take(town, tmp_path, *PIPE)
    before = time_limits.list_limits(town)
    with pytest.raises(TimeLimitContradicts) as e:
        take(town, tmp_path, "*,,核查,,,,1,工作时,,,,", *rows)
    assert time_limits.list_limits(town) == before
    assert "3 紧急工作时；8 紧急工作时" in word(e.value.code, e.value.facts, "zh")
    assert "3 urgent hours; 8 urgent hours" in word(e.value.code, e.value.facts, "en")


def test_a_change_has_a_later_first_day(town: Work, tmp_path: Path) -> None:
    take(town, tmp_path, *PIPE)
    assert take(town, tmp_path, PIPE[0].replace(",3,", ",2,").replace("2026-01-01", "2026-07-01")) == 1
    rows = time_limits.list_limits(town)
    for day, hours in ((dt.date(2026, 6, 30), [3, 8]), (dt.date(2026, 7, 1), [2])):
        found = choose(rows, "handling", "matter:01025", None, day)
        assert found is not None
        assert [int(x.amount) for x in found.limits] == hours


def test_a_table_with_a_fault_loads_nothing(town: Work, tmp_path: Path) -> None:
    with pytest.raises(TableRefused):
        take(town, tmp_path, *PIPE, "*,U9,处置,,,,1,工作日,,,,")
    assert time_limits.list_limits(town) == []
