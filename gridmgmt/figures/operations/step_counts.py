"""Steps as facts (办理步骤计数): what happened to cases in a period, each to the unit and the grids it concerns.

Beside the steps themselves stand the events that follow from steps and the
clock and are stored nowhere: a supervision order that falls due, a hang period
that fails, an account that is exposed, an answer that lacks its photographs. Their numbers name the case and which of
its orders or periods it was (``C1!hang2``), so that they too lead back to it.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pandas as pd
import pyarrow as pa
from pandas.api.types import is_numeric_dtype

from gridmgmt.casework import hanging, transitions
from gridmgmt.casework.cases import Case, Step
from gridmgmt.casework.hanging import Account, HangPeriod
from gridmgmt.casework.operations.context import Desk
from gridmgmt.casework.store import attachments, listing, steps
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Connection
from gridmgmt.documents import many
from gridmgmt.figures.counts import ANSWER_COUNTS, HANG_COUNTS, ORDER_COUNTS
from gridmgmt.figures.operations import replaying
from gridmgmt.figures.store import steps as store_steps

_CHUNK = 5_000
"""Cases whose steps are read at once."""

_PLACE = ("category_kind", "category_code", "source", "edition_id", "located", *GRID_COLUMNS)


@many()
def steps_of_period(
    connection: Connection, start: dt.datetime, end: dt.datetime, cut: dt.datetime, counts: Collection[str]
) -> pd.DataFrame:
    """Steps in [start, end) and, where ``counts`` need them, the events that follow from steps by ``cut``.

    What happens at the very end of a period belongs to the next one.
    """
    found = store_steps.steps_of_period(connection, start, end, cut)
    events: list[dict[str, Any]] = []
    desk = Desk(connection)
    if ORDER_COUNTS & set(counts):
        numbers = store_steps.with_orders(connection, start, end)
        cases = _with_steps(connection, numbers, cut, _JUDGING_ORDERS)
        events += _events(desk, cases, cut, _orders)
    if HANG_COUNTS & set(counts):
        hung = store_steps.hanging(connection, start, end, cut, desk.unheard)
        events += _events(desk, _disturbed(connection, hung, cut), cut, _failures)
    if ANSWER_COUNTS & set(counts):
        events += _unpictured(desk, start, end, cut)
    inside = [e for e in events if start <= e["at"] < end and e["at"] <= cut]
    if not inside:
        return found
    more = pd.DataFrame(inside).reindex(columns=found.columns)
    more["at"] = pd.to_datetime(more["at"], utc=True)
    texts = [name for name, kind in store_steps.TYPES.items() if pa.types.is_string(kind)]
    more = more.astype({name: found[name].dtype for name in (*texts, "at")})
    every = pd.concat([found, more], ignore_index=True)
    return every.sort_values(["case_no", "at"], kind="stable", ignore_index=True)


@dataclass(frozen=True, slots=True)
class PlacedAccount:
    """A hanging account with where it belongs: the unit, the codes of the case's grids from the city down.

    ``written`` is the account as a rulebook reads it: its case, steps, unit, and
    the issue's failures before the period or with other units (``earlier``), which count for exposure only.
    Failures are named (``failures``, with the earlier ones in order ``issue_failures``) to be appealed against.
    """

    unit_code: str | None
    grid_codes: tuple[str | None, ...]
    written: Mapping[str, Any]


@many()
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
    desk = Desk(connection)
    hung = store_steps.hanging(connection, start, end, cut, desk.unheard)
    if hung.empty:
        return None
    disturbed: dict[str, list[tuple[str | None, dict[str, Any]]]] = {}
    for no, _, taken in _disturbed(connection, hung, cut):
        found = _accounts(desk, no, taken, cut)
        disturbed[no] = [
            (account.unit_code, _written(no, account, start, end, found))
            for account in found
            if account.opened_at < end and ((last := account.periods[-1].ended_at) is None or last >= start)
        ]
    hung = hung[~hung["is_void"] & ~(hung["is_straight"] & (hung["ended_at"] < start))]
    rows = _plain(hung.assign(is_passed=hung["ended_at"] < end), ("case_no", "unit_code", "is_passed"))
    out = []
    for (no, unit, is_passed), place in zip(rows, _grid_codes(connection, hung, then), strict=True):
        own = disturbed[no] if no in disturbed else [(unit, _straight(no, unit, is_passed))]
        out += [PlacedAccount(code, place, written) for code, written in own]
    return out


def _straight(no: str, unit: str | None, is_passed: bool) -> dict[str, Any]:
    """The only account of a case that went straight, as :func:`_written` gives those of others."""
    steps = ["dispatched", "answered", "passed"] if is_passed else ["dispatched"]
    return {"id": no, "steps": steps, "unit": unit, "earlier": 0}


def _plain(frame: pd.DataFrame, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Columns of a frame row by row, as Python has them: ids are whole numbers, no value is None."""
    columns = (frame[name].astype("Int64") if is_numeric_dtype(frame[name]) else frame[name] for name in names)
    return zip(*(c.astype(object).where(c.notna(), None) for c in columns), strict=True)


def _grid_codes(connection: Connection, cases: pd.DataFrame, then: pd.DataFrame) -> Iterator[tuple[str | None, ...]]:
    """The codes of each case's grids from the city down; of those in ``then`` as they were."""
    codes, placed = listing.grid_codes(connection), replaying.placed_as_then(cases, then)
    which = placed.groupby(list(GRID_COLUMNS), dropna=False, sort=False).ngroup()
    known = [
        tuple(None if n is None else codes.get(n) for n in ids)
        for ids in _plain(placed[~which.duplicated()], GRID_COLUMNS)
    ]
    return map(known.__getitem__, which.tolist())


def _disturbed(
    connection: Connection, hung: pd.DataFrame, cut: dt.datetime
) -> Iterator[tuple[str, Mapping[str, Any], list[Step]]]:
    """The cases whose accounts their steps must tell, each with its row and those steps that an account follows."""
    names = ("case_id", "case_no", *_PLACE)
    rows = {values[0]: values for values in _plain(hung[~hung["is_straight"] & ~hung["is_void"]], names)}
    for case_id, taken in steps.each_case(connection, list(rows), until=cut, kinds=transitions.FOLLOWED):
        row = dict(zip(names, rows[case_id], strict=True))
        yield row["case_no"], row, taken


def _is_void(taken: Sequence[Step]) -> bool:
    return any(s.kind in transitions.VOIDING for s in taken)


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


def _with_steps(
    connection: Connection, case_nos: Sequence[str], cut: dt.datetime, kinds: Collection[str]
) -> Iterator[tuple[str, Mapping[str, Any], list[Step]]]:
    """Cases by number, each with its row and its steps of some kinds until ``cut``, some thousands read at a time."""
    for first in range(0, len(case_nos), _CHUNK):
        found = steps.found(connection, case_nos[first : first + _CHUNK])
        taken = steps.of_cases(connection, [r["id"] for r in found.values()], until=cut, kinds=kinds)
        for no, row in found.items():
            yield no, row, taken.get(row["id"], [])


def _events(
    desk: Desk, cases: Iterable[tuple[str, Mapping[str, Any], list[Step]]], cut: dt.datetime, of: Any
) -> list[dict[str, Any]]:
    out = []
    for no, row, taken in cases:
        for mark, kind, at, unit, late in of(desk, no, taken, cut):
            told = f"{no}{mark} {kind} {at.isoformat()} {unit} {late}"
            out.append(
                {
                    **{k: row[k] for k in _PLACE},
                    "step_no": no + mark, "case_no": no, "kind": kind, "at": at, "unit_id": desk.unit_ids.get(unit),
                    "late": late, "content_hash": hashlib.md5(told.encode(), usedforsecurity=False).hexdigest(),
                }
            )  # fmt: skip
    return out


Event = tuple[str, str, dt.datetime, str | None, bool | None]
"""Mark behind the case's number, kind, moment, unit, whether late."""

_JUDGING_ORDERS = transitions.kinds(
    lambda t: "order" in t.takes or t.period in ("ordered", "renewed", "opened", "sent_back", "written_off", "void")
)
"""Steps that tell an order and its deadline, its answer, the case's end, and which unit has the case."""


def _orders(desk: Desk, no: str, taken: Sequence[Step], cut: dt.datetime) -> Iterator[Event]:
    """A supervision order falls due: late unless by then the case was closed and the order answered (督办逾期)."""
    case = reduce(transitions.changed, taken, Case(no))
    if case.state == "void":
        return
    units = [s.unit_code for s in taken if s.kind in transitions.ORDERING]
    for order in case.orders:
        if order.due_at is None:
            continue
        done = (order.answered_at, case.closed_at)
        late = any(order.due_at < cut if at is None else at > order.due_at for at in done)
        yield f"!order{order.number}", "order_due", order.due_at, units[order.number - 1] or case.unit_code, late


def _unpictured(desk: Desk, start: dt.datetime, end: dt.datetime, cut: dt.datetime) -> list[dict[str, Any]]:
    """Answers without photographs before and after handling (缺照片的答复), of the unit that had the case."""
    lacking: dict[str, list[attachments.Lacking]] = defaultdict(list)
    for answer in attachments.lacking(desk.connection, start=start, end=end):
        if answer.at <= cut:
            lacking[answer.case_no].append(answer)

    def of(_desk: Desk, no: str, voided: Sequence[Step], _cut: dt.datetime) -> Iterator[Event]:
        for answer in () if voided else lacking[no]:
            yield f"#{answer.step}", "answer_unpictured", answer.at, answer.unit_code, None

    return _events(desk, _with_steps(desk.connection, list(lacking), cut, transitions.VOIDING), cut, of)


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
