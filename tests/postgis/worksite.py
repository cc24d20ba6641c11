"""The town at work: units, responsibility rules, time limits; and cases opened and acted on there in December 2025."""

import datetime as dt
from pathlib import Path
from typing import Any

from gridmgmt.calendars import Calendar
from gridmgmt.casework import transitions
from gridmgmt.casework.cases import Case
from gridmgmt.casework.operations import cases
from gridmgmt.casework.operations import time_limits as limit_ops
from gridmgmt.casework.operations.requests import Request
from gridmgmt.casework.store import steps as step_store
from gridmgmt.database.work import Work
from gridmgmt.files import calendars
from gridmgmt.people.operations import reference
from gridmgmt.people.store import categories
from tests.postgis import towns
from tests.postgis.towns import middle

RULES = """category,level,grid_code,unit_code,valid_from,valid_to
*,district,D1,U1,,
*,district,D2,U2,,
component:02001,,,U9,,
"""
LIMITS = """category,unit_code,stage,part,part_zh,part_en,amount,unit,condition_zh,condition_en,valid_from,valid_to
*,,handling,,,,1,工作日,,,,
component:01001,,handling,,,,4,工作时,,,,
*,,acceptance,,,,0.25,紧急工作时,,,,
"""
DISPATCHING = "*,,dispatch,,,,4,工作时,,,,\n"
"""The time limit of a dispatch, where a town has one."""

MONDAY = dt.datetime(2025, 12, 1, tzinfo=dt.timezone(dt.timedelta(hours=8)))


def staffed(work: Work, path: Path, limits: str = LIMITS) -> None:
    """The town with units, responsibility rules and time limits."""
    towns.found(work, path, units=["U1", "U2", "U9"])
    with work.transaction() as connection:
        categories.ensure_categories(connection, [("town", "matter", code) for code in ("06010", "07001")])
    (path / "rules.csv").write_text(RULES, "utf-8")
    (path / "limits.csv").write_text(limits, "utf-8")
    reference.import_rules(work, path / "rules.csv")
    limit_ops.import_limits(work, path / "limits.csv")


def at(hour: float, day: int = 1) -> dt.datetime:
    """An hour of a December day of 2025 in city time; the 1st is a Monday."""
    return MONDAY + dt.timedelta(days=day - 1, hours=hour)


def acted(work: Work, *requests: Request) -> Case:
    """Steps taken in one transaction, the case as the last one leaves it; raises what is wrong with one."""
    outcomes = list(cases.take(work, requests))
    for outcome in outcomes:
        if outcome.fault is not None:
            raise outcome.fault
    assert outcomes[-1].case is not None
    return outcomes[-1].case


def reported(no: str = "A", place: str = "D1-1", category: str = "component:01001", **more: Any) -> Request:
    lon, lat = middle(place)
    facts = {"source": "监督员上报", "category": category, "lon": lon, "lat": lat, **more}
    return Request("report", "王某", no, at(9), facts=facts)


def step(kind: str, hour: float, no: str = "A", day: int = 1, **more: Any) -> Request:
    unit, reason, expected = more.pop("unit", None), more.pop("reason", None), more.pop("expected", None)
    return Request(kind, "李某", no, at(hour, day), unit, reason, more, expected)


def staggered(no: str, n: int) -> tuple[Request, ...]:
    """Steps from acceptance to dispatch, those of the n-th case six minutes later each."""
    return step("accept", 9.1, no), step("register", 9.2 + n / 10, no), step("dispatch", 9.6 + n / 10, no)


def opened(work: Work, no: str = "A", **more: Any) -> Case:
    return acted(work, reported(no, **more))


def take(work: Work, kind: str, hour: float, no: str = "A", day: int = 1, **more: Any) -> Case:
    return acted(work, step(kind, hour, no, day, **more))


def dispatched(work: Work, no: str = "A", *then: Request, **more: Any) -> Case:
    """A case reported, accepted, registered and dispatched, and what is done then; all at once, which costs least."""
    first = (step("accept", 9.1, no), step("register", 9.2, no), step("dispatch", 9.5, no))
    return acted(work, reported(no, **more), *first, *then)


def row(work: Work, no: str = "A") -> dict[str, Any]:
    with work.snapshot() as connection:
        return step_store.found(connection, [no])[no]


def folded(work: Work, no: str = "A") -> Case:
    with work.snapshot() as connection:
        stored = step_store.of_cases(connection, [step_store.found(connection, [no])[no]["id"]])
        return transitions.fold(no, next(iter(stored.values())))


def own_calendar(folder: Path, days_off: str = "", known_through: str = "2025-12-31") -> Calendar:
    """A city's own working time, Monday to Friday, with these days off (``2025-12-02, 2025-12-03``)."""
    path = folder / f"off{days_off}_{known_through}.yaml"
    path.write_text(
        "id: own\ntitle: {zh: 自有, en: own}\nholidays: listed\nwork_week: [1, 2, 3, 4, 5]\nhours_per_day: 8\n"
        f'working_time: [["08:00", "12:00"], ["14:00", "18:00"]]\ndays_off: [{days_off}]\n'
        f"known_through: {known_through}\n",
        "utf-8",
    )
    return calendars.load(str(path))
