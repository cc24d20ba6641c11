"""Lights that turn are told once, when the case's own clock shows them so; what an import brings was turned before."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gridmgmt.casework.operations import lookup
from gridmgmt.database.work import Work
from gridmgmt.live.events import KINDS, Position
from gridmgmt.live.operations import lights, reading
from tests.postgis import towns
from tests.postgis.worksite import acted, at, dispatched, reported, step


def told(work: Work) -> list[tuple[str, str, str]]:
    """Lights in the outbox: case, stage, colour."""
    found = reading.read(work, Position(1, 0), ("light",)).events
    return [(e.document["case_no"], e.document["stage"], e.document["light"]) for e in found]


def tick(work: Work, hour: float, day: int = 1) -> int:
    return lights.tick(work.but(now=at(hour, day)))


@pytest.fixture
def looked_at(desk: Work) -> Work:
    """Lights were looked at before the first case."""
    assert tick(desk, 7) == 0
    return desk


def colour(work: Work, no: str, now: dt.datetime) -> str | None:
    light = lookup.clocks(work.but(now=now), no)[1][-1].light
    return light.colour if light else None


def test_a_light_is_told_when_the_clock_shows_it_so(looked_at: Work) -> None:
    dispatched(looked_at)  # 4 working hours from 9:30: 80 % at 14:42, all at 15:30
    seen: list[tuple[Any, ...]] = []
    shown = "green"
    for minutes in range(9 * 60 + 36, 17 * 60, 6):
        now = at(minutes / 60)
        n, found = lights.tick(looked_at.but(now=now)), colour(looked_at, "A", now)
        assert n == (found != shown)
        if n:
            seen.append((minutes, found))
        shown = str(found)
    assert seen == [(14 * 60 + 48, "yellow"), (15 * 60 + 36, "red")]
    assert told(looked_at) == [("A", "handling", "yellow"), ("A", "handling", "red")]
    event = reading.read(looked_at, Position(1, 0), ("light",)).events[-1].document
    assert dt.datetime.fromisoformat(event["due_at"]) == at(15.5)
    assert dt.datetime.fromisoformat(event["since"]) == at(15.5) + dt.timedelta(microseconds=1)
    assert event["unit"] == "U1"


def test_what_turns_while_nobody_looks_is_told_late_and_as_it_is_then(looked_at: Work) -> None:
    dispatched(looked_at)
    assert tick(looked_at, 9.6) == 0
    assert tick(looked_at, 20) == 1
    assert told(looked_at) == [("A", "handling", "red")]
    assert tick(looked_at, 21) == 0


def test_an_extended_case_may_turn_again(looked_at: Work) -> None:
    dispatched(looked_at)
    assert tick(looked_at, 15) == 1
    acted(looked_at, step("receive", 15.1), step("ask_extension", 15.2, reason="下雨"),
          step("extend", 15.3, amount="8", amount_unit="working_hour"))  # fmt: skip
    assert tick(looked_at, 15.4) == 0
    assert colour(looked_at, "A", at(15.4)) == "green"
    assert tick(looked_at, 18, day=3) == 1
    assert told(looked_at) == [("A", "handling", "yellow"), ("A", "handling", "red")]


def test_each_stage_has_its_own_turns(looked_at: Work) -> None:
    acted(looked_at, reported())  # a quarter of an hour to accept it
    assert tick(looked_at, 9.26) == 1
    acted(looked_at, step("accept", 9.4), step("register", 9.5), step("dispatch", 9.6))
    assert tick(looked_at, 16) == 1
    assert told(looked_at) == [("A", "acceptance", "red"), ("A", "handling", "red")]


def test_a_case_that_is_done_turns_no_more(looked_at: Work) -> None:
    dispatched(looked_at, "A", step("receive", 10), step("answer", 11), step("verify", 11.5), step("close", 12))
    assert (tick(looked_at, 20), told(looked_at)) == (0, [])


def test_what_an_import_brings_has_turned_before(looked_at: Work, tmp_path: Any) -> None:
    assert tick(looked_at, 9, day=20) == 0
    towns.load(looked_at, tmp_path, [towns.case("OLD", "D1-1")])
    assert (tick(looked_at, 9.1, day=20), told(looked_at)) == (0, [])
    assert [e.kind for e in reading.read(looked_at, Position(1, 0), KINDS).events] == ["import"]


def test_the_first_time_nothing_is_told_of_what_was(desk: Work) -> None:
    dispatched(desk)
    assert (tick(desk, 20), told(desk)) == (0, [])


def test_other_time_limits_are_heeded(looked_at: Work, tmp_path: Any) -> None:
    from gridmgmt.casework.operations import time_limits

    acted(looked_at, reported(), step("accept", 9.1), step("register", 9.2))
    assert tick(looked_at, 9.3) == 0
    header = "category,unit_code,stage,part,part_zh,part_en,amount,unit,condition_zh,condition_en,valid_from,valid_to\n"
    (tmp_path / "more.csv").write_text(header + "*,,dispatch,,,,1,紧急工作时,,,,\n", "utf-8")
    time_limits.import_limits(looked_at, tmp_path / "more.csv")
    assert tick(looked_at, 10.3) == 1
    assert told(looked_at) == [("A", "dispatch", "red")]


def test_many_who_look_at_once_tell_each_turn_once(looked_at: Work) -> None:
    dispatched(looked_at)
    dispatched(looked_at, "B")
    with ThreadPoolExecutor(6) as many:
        found = list(many.map(lambda _: tick(looked_at, 15), range(12)))
    assert sum(found) == 2
    assert sorted(told(looked_at)) == [("A", "handling", "yellow"), ("B", "handling", "yellow")]


def test_events_older_than_so_many_days_go_and_whoever_reads_on_from_there_is_told(desk: Work) -> None:
    dispatched(desk)
    began = reading.read(desk, Position(1, 0)).events
    assert [e.kind for e in began] == ["case", "step", "step", "step"]
    assert reading.purge(desk, 1) == 0
    with desk.transaction() as connection:
        connection.exec_driver_sql("UPDATE outbox SET at = at - interval '8 days'")
    dispatched(desk, "B")
    assert reading.purge(desk, 7) == 4
    assert reading.read(desk, began[0].position).gap
    now = reading.read(desk, None)
    assert (now.gap, list(now.events)) == (False, [])
