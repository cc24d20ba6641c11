"""Lights that turn yellow and red (红绿灯变化): looked for once a minute, by one process, each turn told once.

When a light turns is computed when its case changes, by the same sum as the case's clock; whether it has turned is then
one statement over running cases. A light that is better again, since its time was extended or it goes to another stage,
may turn and be told again.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gridmgmt.casework import implied_steps
from gridmgmt.casework.cases import CLOCKS
from gridmgmt.casework.operations.context import Desk
from gridmgmt.casework.operations.lookup import Turns, turns
from gridmgmt.casework.store import steps, time_limits
from gridmgmt.database import clock
from gridmgmt.database.work import Work
from gridmgmt.files import calendars
from gridmgmt.live.store import lights, outbox

TICK = "tick"
"""The mark of the moment at which lights were looked at last, in microseconds."""

_CHUNK = 2_000
"""Cases whose turns are computed in one transaction."""

_RUNNING = tuple(state for states in CLOCKS.values() for state in states)
_US = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def tick(work: Work) -> int:
    """Tell the lights that turned since the last look; gives how many: none where another process is at it."""
    while True:
        with work.over_everything().but(viewer=None).sealing() as connection:
            if not lights.claim(connection):
                return 0
            desk = Desk(connection)
            basis = _basis(desk)
            numbers = lights.stale(connection, _RUNNING, basis, _CHUNK)
            if numbers:
                lights.keep(connection, [*_looked_up(desk, numbers, basis)])
                continue
            lights.forget(connection, _RUNNING)
            at = work.now or clock.now(connection)
            n = lights.turn(connection, at)
            outbox.set_mark(connection, TICK, (at - _EPOCH) // _US)
            return n


def _basis(desk: Desk) -> str:
    """Changes with all but the case that its turns depend on."""
    told = desk.clock.calendar.identity, calendars.lights(), time_limits.load(desk.connection)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _looked_up(desk: Desk, numbers: Sequence[str], basis: str) -> Iterator[dict[str, Any]]:
    """When the lights of cases turn.

    A case that is worked on here is told from green on. What an import brings was yellow or red before, elsewhere, or
    turns from now on; the first time of all nothing is told of what was.
    """
    rows = steps.found(desk.connection, numbers)
    stored = steps.of_cases(desk.connection, [r["id"] for r in rows.values()])
    mark = outbox.mark(desk.connection, TICK)
    before = _EPOCH + mark * _US if mark is not None else clock.now(desk.connection)
    for no, row in rows.items():
        own = stored.get(row["id"], [])
        found = turns(desk, no, own or implied_steps.derive(steps.plain_row(row))) or Turns("none")
        is_told = mark is not None and any(s.origin == "own" for s in own)
        yield {"case_id": row["id"], "version_at": row["version_at"], "basis": basis, **_told(found, before, is_told)}


def _told(found: Turns, before: dt.datetime, is_told: bool) -> Mapping[str, Any]:
    turned = [x is not None and x <= before for x in (found.red_at, found.yellow_at)]
    told = "green" if is_told else "red" if turned[0] else "yellow" if turned[1] else "green"
    return {**vars(found), "told": told}
