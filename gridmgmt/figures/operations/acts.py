"""Acts (办理动作): steps as the work of the person who took them – reported, dispatched, handled, verified, on time.

A step says who took it as its source wrote it; the person is found beside it
(:mod:`gridmgmt.people.identities`). A send-back for a wrong dispatch counts for whoever had dispatched the case.
What is only derived from dates is nobody's act.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from gridmgmt import deadlines
from gridmgmt.casework import transitions
from gridmgmt.casework.cases import Case, Step
from gridmgmt.casework.operations.context import Desk
from gridmgmt.casework.transitions import OPENING
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Connection
from gridmgmt.figures.counts import ACTING
from gridmgmt.figures.operations.step_counts import with_steps
from gridmgmt.figures.store import steps as store_steps
from gridmgmt.people.identities import Identities
from gridmgmt.people.store import people as store_people

_PLACE = ("category_kind", "category_code", "source", "edition_id", "located", *GRID_COLUMNS)
_COLUMNS = (
    "act_no", "case_no", "kind", "at", "content_hash", "late", "wrong_dispatch", "person_code", "unit_id", *_PLACE,
)  # fmt: skip


def acts_of_period(connection: Connection, start: dt.datetime, end: dt.datetime, cut: dt.datetime) -> pd.DataFrame:
    """The acts in [start, end), as known at ``cut``, by case and number; ``person_code`` None: nobody is known by it.

    ``late``: a dispatch or an answer after its deadline, exactly at it is on time; None: without one, or another act.
    """
    desk = Desk(connection)
    known = Identities(store_people.every_person(connection), store_people.all_posts(connection))
    numbers = store_steps.acted_on(connection, start, end, ACTING)
    found: list[dict[str, Any]] = []
    for no, row, taken in with_steps(connection, numbers):
        for step, actor, late in _acts(desk, no, [s for s in taken if s.at <= cut]):
            if start <= step.at < end:
                person = known.of(actor, step.at.astimezone(desk.zone).date())
                found.append(_told(no, row, step, late) | {"person_code": person, "unit_id": _unit(desk, step)})
    frame = pd.DataFrame(found, columns=list(_COLUMNS)).astype("object")
    frame["at"] = pd.to_datetime(frame["at"], utc=True).astype("datetime64[us, UTC]")
    return frame


def _unit(desk: Desk, step: Step) -> int | None:
    return desk.unit_ids.get(step.unit_code) if step.unit_code else None


def _told(no: str, row: Mapping[str, Any], step: Step, late: bool | None) -> dict[str, Any]:
    told = f"{no}#{step.seq} {step.kind} {step.at.isoformat()} {step.unit_code} {late} {step.told.wrong_dispatch}"
    return {
        **{name: row[name] for name in _PLACE},
        "act_no": f"{no}#{step.seq}", "case_no": no, "kind": step.kind, "at": step.at, "late": late,
        "wrong_dispatch": step.told.wrong_dispatch,
        "content_hash": hashlib.md5(told.encode(), usedforsecurity=False).hexdigest(),
    }  # fmt: skip


def _acts(desk: Desk, no: str, taken: Sequence[Step]) -> Iterator[tuple[Step, str, bool | None]]:
    """Each act of a case: the step, who took it (of a wrong dispatch: who dispatched), whether it came late."""
    case, dispatcher = Case(no), ""
    for step in taken:
        if step.kind in ACTING and step.origin != "derived":
            wrong = step.kind == "send_back"
            yield step, dispatcher if wrong else step.actor, _is_late(desk, case, step)
        if step.kind in OPENING:
            dispatcher = step.actor
        case = transitions.follow(case, step)


def _is_late(desk: Desk, case: Case, step: Step) -> bool | None:
    """Whether a dispatch or an answer comes after its deadline; None without one."""
    if step.kind == "answer":
        due = case.current_due_at
    elif step.kind in OPENING and case.state == "registered" and case.registered_at is not None:
        chosen = desk.chosen_limit("dispatch", case, case.unit_code, case.registered_at)
        due = deadlines.due(case.registered_at, list(chosen.limits), desk.clock, []).due_at if chosen else None
    else:
        return None
    return None if due is None else step.at > due
