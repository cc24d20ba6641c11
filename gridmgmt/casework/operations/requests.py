"""What is asked of cases (办理请求): steps as people and files ask for them, and the numbers that new cases get."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from gridmgmt.casework import step_facts
from gridmgmt.casework.cases import Case
from gridmgmt.casework.operations.context import Desk
from gridmgmt.casework.store import steps
from gridmgmt.casework.store.steps import TakenRow
from gridmgmt.database.work import Connection
from gridmgmt.errors import GridmgmtError, RowTaken


@dataclass(frozen=True)
class Request:
    """A step that somebody asks for.

    Attributes
    ----------
    case_no
        None: a new case, which gets the next number of its day.
    at
        When it happened; None: now.
    expected
        The version (number of steps) that the asker saw; None: whatever there is.
    ref
        Names the row of a file that it came from; a request whose ref was taken before is not taken again.
    reporter
        Name and telephone, kept apart from the facts.
    """

    kind: str
    actor: str
    case_no: str | None = None
    at: dt.datetime | None = None
    unit_code: str | None = None
    reason: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    expected: int | None = None
    ref: str | None = None
    reporter: tuple[str | None, str | None] | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a request: the case as it is now, or why not; neither: the step was there already."""

    request: Request
    case: Case | None = None
    fault: GridmgmtError | None = None


def in_city_time(fault: GridmgmtError, zone: ZoneInfo) -> GridmgmtError:
    """The same fault with its instants as the city's clocks show them."""
    told = {k: fault.facts[k] for k in ("at", "last") if fault.facts.get(k)}
    local = {k: dt.datetime.fromisoformat(v).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") for k, v in told.items()}
    return type(fault)(**{**fault.facts, **local})


def again(asked: Request, taken: TakenRow, zone: ZoneInfo) -> Outcome:
    """A row that became a step before: nothing is done if it still says the same, else it is refused."""
    given = (asked.kind, asked.case_no or taken.case_no, asked.at or taken.at, asked.actor, asked.reason)
    same_unit = asked.unit_code in (None, taken.unit_code)
    if given == taken[:5] and same_unit and _told_before(asked, taken, zone):
        return Outcome(replace(asked, case_no=taken.case_no))
    if not taken.is_seen:  # of whose case, which step and when is not his to know
        return Outcome(asked, fault=RowTaken(ref=str(asked.ref), case_no="—", step=asked.kind, at="—"))
    fault = RowTaken(ref=str(asked.ref), case_no=taken.case_no, step=taken.kind, at=taken.at.isoformat())
    return Outcome(asked, fault=in_city_time(fault, zone))


def _told_before(asked: Request, taken: TakenRow, zone: ZoneInfo) -> bool:
    """Whether a step tells what a row names; its place was turned into stored coordinates."""
    try:
        told = step_facts.read(asked.kind, asked.facts, zone)
    except GridmgmtError:
        return False
    return all(taken.facts.get(n) == v for n, v in told.items() if n not in ("lon", "lat", "crs"))


def numbered(
    connection: Connection,
    desk: Desk,
    requests: Sequence[Request],
    taken: Mapping[str, TakenRow],
    at: dt.datetime,
) -> list[Request]:
    """Requests for new cases with their numbers: code of the city, day, running number of the day.

    A number that a case has already, or that another request names, is passed over.
    """
    named = {r.case_no for r in requests if r.case_no is not None}
    days = {
        n: (r.at or at).astimezone(desk.zone).strftime("%Y%m%d")
        for n, r in enumerate(requests)
        if r.kind == "report" and r.case_no is None and r.ref not in taken
    }
    free = {
        day: iter(_free(connection, desk.city.code, day, n, named)) for day, n in sorted(Counter(days.values()).items())
    }
    return [replace(r, case_no=next(free[days[n]])) if n in days else r for n, r in enumerate(requests)]


def _free(connection: Connection, city: str, day: str, n: int, named: Collection[str]) -> list[str]:
    """The next ``n`` numbers of a day that no case has."""
    out: list[str] = []
    while len(out) < n:
        drawn = [f"{city}{day}{i:05d}" for i in steps.next_numbers(connection, f"case {day}", n - len(out))]
        used = steps.numbers_taken(connection, drawn).union(named)
        out += [number for number in drawn if number not in used]
    return out
