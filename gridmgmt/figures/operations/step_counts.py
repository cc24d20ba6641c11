"""Steps as facts (办理步骤计数): what happened to cases in a period, each to the unit and the grids it concerns.

Beside the steps themselves stand the events that follow from steps and the
clock and are stored nowhere: a supervision order that falls due, a hang period
that fails, an account that is exposed, an answer that lacks its photographs. Their numbers name the case and which of
its orders or periods it was (``C1!hang2``), so that they too lead back to it.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gridmgmt.casework import hanging, transitions
from gridmgmt.casework.cases import Step
from gridmgmt.casework.hanging import Account, HangPeriod
from gridmgmt.casework.operations.context import Desk
from gridmgmt.casework.store import attachments, listing, steps
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Connection
from gridmgmt.figures.counts import ANSWER_COUNTS, HANG_COUNTS, ORDER_COUNTS
from gridmgmt.figures.store import steps as store_steps
from gridmgmt.people.store import units as store_units


def steps_of_period(
    connection: Connection, start: dt.datetime, end: dt.datetime, cut: dt.datetime, counts: Collection[str]
) -> pd.DataFrame:
    """Steps in [start, end) and, where ``counts`` need them, the events that follow from steps by ``cut``.

    What happens at the very end of a period belongs to the next one.
    """
    found = store_steps.steps_of_period(connection, start, end, cut)
    events: list[dict[str, Any]] = []
    if ORDER_COUNTS & set(counts):
        events += _events(connection, store_steps.with_orders(connection, start, end), cut, _orders)
    if HANG_COUNTS & set(counts):
        events += _events(connection, store_steps.hanging(connection, start, end), cut, _failures)
    if ANSWER_COUNTS & set(counts):
        numbers = store_steps.acted_on(connection, start, end, transitions.ANSWERING)
        events += _events(connection, numbers, cut, _unpictured(connection, start, end))
    inside = [e for e in events if start <= e["at"] < end and e["at"] <= cut]
    if not inside:
        return found
    more = pd.DataFrame(inside).reindex(columns=found.columns)
    more["at"] = pd.to_datetime(more["at"], utc=True).astype("datetime64[us, UTC]")
    every = pd.concat([found.astype(object), more.astype(object)], ignore_index=True).sort_values(
        ["case_no", "at"], kind="stable"
    )
    return every.astype({"at": "datetime64[us, UTC]"}).reset_index(drop=True)


@dataclass(frozen=True)
class PlacedAccount:
    """A hanging account with where it belongs: the unit, the codes of the case's grids from the city down.

    ``written`` is the account as a rulebook reads it: its case, steps, unit, and
    the issue's failures before the period or with other units (``earlier``), which count for exposure only.
    Failures are named (``failures``, with the earlier ones in order ``issue_failures``) to be appealed against.
    """

    unit_code: str | None
    grid_codes: tuple[str | None, ...]
    written: Mapping[str, Any]


def accounts_of_period(
    connection: Connection, start: dt.datetime, end: dt.datetime, cut: dt.datetime, then: pd.DataFrame
) -> list[PlacedAccount] | None:
    """The accounts that hung at some time of [start, end), with what is known of it at ``cut``.

    None where nothing is known of any: no case that was open at the time has a log of steps. A void case (作废) has
    none: its failures are nobody's.

    Parameters
    ----------
    then
        Cases with steps after ``cut`` as they were (:func:`gridmgmt.figures.operations.replaying.past`).
    """
    places = then.set_index("case_no")[list(GRID_COLUMNS)].to_dict("index")
    desk = Desk(connection)
    numbers = store_steps.hanging(connection, start, end)
    if not numbers:
        return None
    codes = listing.grid_codes(connection)
    out = []
    for no, row, taken in with_steps(connection, numbers):
        seen = [s for s in taken if s.at <= cut]
        if _is_void(seen):
            continue
        found = _accounts(desk, no, seen, cut)
        place = places.get(no, row)
        grids = tuple(None if pd.isna(place[name]) else codes.get(place[name]) for name in GRID_COLUMNS)
        for account in found:
            last = account.periods[-1].ended_at
            if account.opened_at < end and (last is None or last >= start):
                out.append(PlacedAccount(account.unit_code, grids, _written(no, account, start, end, found)))
    return out


def _is_void(taken: Sequence[Step]) -> bool:
    return any(transitions.TRANSITIONS[s.kind].to == "void" for s in taken)


def _written(
    no: str, account: Account, start: dt.datetime, end: dt.datetime, every: Sequence[Account]
) -> dict[str, Any]:
    """An account as a rulebook reads it: what happened in the period, and the issue's other failures until its last."""
    marks = {"missed": ["missed"], "failed": ["answered", "failed"], "written_off": ["answered", "passed"]}
    ended = [p for p in account.periods if p.how is not None and p.ended_at is not None and p.ended_at < end]
    told = ["dispatched"]
    for p in ended:
        if p.ended_at is not None and (p.ended_at >= start or p.how not in ("missed", "failed")):
            told += marks.get(str(p.how), [])
    if ended and ended[-1] is account.periods[-1] and ended[-1].how == "sent_back":
        told.append("sent_back")
    if account.is_referred:
        told.append("referred")
    failed = [
        (p.ended_at, no + _mark(n, p), a)
        for n, a in enumerate(every, 1)
        for p in a.failures
        if p.ended_at is not None and p.ended_at < end
    ]
    failed.sort(key=lambda f: f[0])
    own = [name for at, name, a in failed if a is account and at >= start]
    last = max((at for at, _, a in failed if a is account), default=None)
    issue = [name for at, name, _ in failed if last and at <= last]
    written = {"id": no, "steps": told, "unit": account.unit_code, "earlier": len(issue) - len(own)}
    return written | ({"failures": own} if own else {}) | ({"issue_failures": issue} if len(issue) > len(own) else {})


def _mark(n: int, period: HangPeriod) -> str:
    """What names a hang period behind its case's number: ``!hang2``; in the case's second account ``!hang2.1``."""
    return f"!hang{f'{n}.' if n > 1 else ''}{period.number}"


def with_steps(connection: Connection, case_nos: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any], list[Step]]]:
    """Cases by number, each with its row and all its steps in order, read some thousands at a time."""
    for first in range(0, len(case_nos), 5_000):
        found = steps.found(connection, case_nos[first : first + 5_000])
        taken = steps.of_cases(connection, [r["id"] for r in found.values()])
        for no, row in found.items():
            yield no, row, taken.get(row["id"], [])


def _events(connection: Connection, case_nos: Sequence[str], cut: dt.datetime, of: Any) -> list[dict[str, Any]]:
    desk, units = Desk(connection), store_units.unit_ids(connection)
    out = []
    for no, row, taken in with_steps(connection, case_nos):
        place = {
            k: row[k] for k in ("category_kind", "category_code", "source", "edition_id", "located", *GRID_COLUMNS)
        }
        for mark, kind, at, unit, late in of(desk, no, [s for s in taken if s.at <= cut], cut):
            told = f"{no}{mark} {kind} {at.isoformat()} {unit} {late}"
            out.append(
                {
                    **place, "step_no": no + mark, "case_no": no, "kind": kind, "at": at, "unit_id": units.get(unit),
                    "late": late, "content_hash": hashlib.md5(told.encode(), usedforsecurity=False).hexdigest(),
                }
            )  # fmt: skip
    return out


Event = tuple[str, str, dt.datetime, str | None, bool | None]
"""Mark behind the case's number, kind, moment, unit, whether late."""


def _orders(desk: Desk, no: str, taken: Sequence[Step], cut: dt.datetime) -> Iterator[Event]:
    """A supervision order falls due: late unless by then the case was closed and the order answered (督办逾期)."""
    case = transitions.fold(no, taken)
    if case.state == "void":
        return
    units = [s.unit_code for s in taken if s.kind in transitions.ORDERING]
    for order in case.orders:
        if order.due_at is None:
            continue
        done = (order.answered_at, case.closed_at)
        late = any(order.due_at < cut if at is None else at > order.due_at for at in done)
        yield f"!order{order.number}", "order_due", order.due_at, units[order.number - 1] or case.unit_code, late


def _unpictured(connection: Connection, start: dt.datetime, end: dt.datetime) -> Callable[..., Iterator[Event]]:
    """Answers without photographs before and after handling (缺照片的答复), of the unit that had the case."""
    lacking: dict[str, list[attachments.Lacking]] = defaultdict(list)
    for answer in attachments.lacking(connection, start=start, end=end):
        lacking[answer.case_no].append(answer)

    def of(_desk: Desk, no: str, taken: Sequence[Step], _cut: dt.datetime) -> Iterator[Event]:
        seen = {s.seq for s in taken}
        for answer in () if _is_void(taken) else lacking[no]:
            if answer.step in seen:
                yield f"#{answer.step}", "answer_unpictured", answer.at, answer.unit_code, None

    return of


def _accounts(desk: Desk, no: str, taken: Sequence[Step], cut: dt.datetime) -> list[Account]:
    """A case's accounts as the city counts them."""
    exposed_at, unheard = desk.rules.exposed_at_failure, desk.unheard.get(no, set())
    return hanging.accounts(taken, cut, desk.timing.terms, exposed_at, unheard)


def _failures(desk: Desk, no: str, taken: Sequence[Step], cut: dt.datetime) -> Iterator[Event]:
    """Hang periods that failed, and the moment at which an account is exposed."""
    if _is_void(taken):
        return
    for n, account in enumerate(_accounts(desk, no, taken, cut), 1):
        for p in account.failures:
            if p.ended_at is not None:
                yield _mark(n, p), "hang_failure", p.ended_at, account.unit_code, None
        if account.exposed_at is not None:
            yield f"!exposed{n if n > 1 else ''}", "exposed", account.exposed_at, account.unit_code, None
