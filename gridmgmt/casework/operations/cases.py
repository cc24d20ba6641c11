"""Taking steps (案件办理): opening cases and acting on them, one by one or in bulk; each once or not at all.

Whoever acts holds his cases locked until his transaction ends. He may name the
version he saw (``expected``): if somebody was quicker, he is told who and what,
and nothing is written. The rows of cases are what their steps add up to: they
are written through the same merge as an import's, as a new version.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from gridmgmt.casework import implied_steps, step_facts, transitions
from gridmgmt.casework.cases import DEADLINES, Case, Step
from gridmgmt.casework.operations import case_records, originals, photographs
from gridmgmt.casework.operations.context import Desk
from gridmgmt.casework.operations.photographs import Attached, Kind
from gridmgmt.casework.operations.requests import Outcome, Request, again, in_city_time, numbered
from gridmgmt.casework.store import calendars, steps
from gridmgmt.casework.store.steps import TakenRow
from gridmgmt.casework.transitions import OPENING, PLACING
from gridmgmt.database import auditing, batches, clock, merging, outbox
from gridmgmt.database.doors import needs
from gridmgmt.database.facts import CASES
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Connection, Undo, Work, hold, lock_originals, share_lock, unless_taken
from gridmgmt.errors import (
    AccessError,
    CaseChanged,
    CaseExists,
    CaseMissing,
    FactInvalid,
    GridmgmtError,
    OutsideScope,
    StepRefused,
)
from gridmgmt.viewer import Viewer, allowed

MICROSECOND = dt.timedelta(microseconds=1)

CHUNK = 2_000
"""Steps of a file that are taken in one transaction."""

NUMBER = re.compile(r"[^\s#!\x00-\x1f\ud800-\udfff]{1,64}")
"""A number of a case opened here: steps and what follows from them are numbered ``NO#7`` and ``NO!hang2``."""


@dataclass
class _File:
    """A case under way in one transaction."""

    case: Case
    row: dict[str, Any] | None
    steps: list[Step]
    n_stored: int
    refs: dict[int, str] = field(default_factory=dict)
    reporter: tuple[str | None, str | None] | None = None
    is_moved: bool = False

    @property
    def contact(self) -> dict[str, str | None]:
        """Who reported it, kept apart from the facts."""
        name, phone = self.reporter or (None, None)
        return {"reporter_name": name, "reporter_phone": phone}

    def new_cases(self) -> Iterator[Case]:
        """The case after each of the new steps."""
        case = transitions.fold(self.case.case_no, self.steps[: self.n_stored])
        for step in self.new_steps:
            case = transitions.follow(case, step)
            yield case

    @property
    def new_steps(self) -> list[Step]:
        """Steps that this transaction adds."""
        return self.steps[self.n_stored :]


class _Files:
    """The cases that a chunk of requests is about."""

    def __init__(
        self, connection: Connection, desk: Desk, case_nos: Iterable[str], viewer: Viewer | None = None
    ) -> None:
        self._connection, self._desk, self._viewer = connection, desk, viewer
        self.asked_to_repeat: dict[str, str] = {}
        self.elsewhere: set[str] = set()
        rows = steps.found(connection, set(case_nos), lock=True)
        hold(connection, [r["id"] for r in rows.values()])
        stored = steps.of_cases(connection, [r["id"] for r in rows.values()])
        self.open = {no: self._opened(no, row, stored.get(row["id"], [])) for no, row in rows.items()}

    def _opened(self, case_no: str, row: dict[str, Any], stored: list[Step]) -> _File:
        known = stored or implied_steps.derive(steps.plain_row(row))
        return _File(transitions.fold(case_no, known), row, list(known), len(stored))

    def take(self, request: Request, at: dt.datetime) -> Case:
        """Add one step to its case; raises what is wrong with it."""
        no = str(request.case_no)
        file = self.open.get(no)
        if request.kind == "report":
            if not NUMBER.fullmatch(no):
                raise _unfit(request)
            if file is not None or no in self.elsewhere:
                raise CaseExists(case_no=no)
            file = _File(Case(no), None, [], 0)
        elif file is None:
            raise CaseMissing(case_no=no)
        if request.expected is not None and request.expected != file.case.n_steps:
            raise _changed(file, request.expected)
        for name, text in (("actor", request.actor), ("reason", request.reason)):
            if text and not step_facts.is_plain(text):
                raise FactInvalid(step=request.kind, name=name, value=step_facts.shown(text), type="text", options=None)
        step = Step(request.kind, request.at or at, request.actor, request.unit_code, request.reason, request.facts)
        if step.at > at:
            raise StepRefused(case_no=no, step=step.kind, why="in_future", at=step.at.isoformat(), last="")
        step = self._desk.complete(step, file.case, file.steps)
        self._allow(file, step, f"step:{step.kind}")
        if request.reporter is not None and file.row is not None:  # who reported it before would be written over
            self._allow(file, step, "reporters.read")
        if (original := step.told.repeat_of) is not None and original != no:
            here = original in self.open or original in steps.found(self._connection, [original])
            originals.check(no, step.kind, original, is_here=here, next_of=self._repeated_by)
        file.case = transitions.apply(file.case, step, self._desk.rules.limits)
        file.steps.append(replace(step, seq=file.case.n_steps))
        file.reporter = request.reporter or file.reporter
        file.is_moved |= step.kind in case_records.MOVING
        if request.ref is not None:
            file.refs[file.case.n_steps] = request.ref
        self.open[no] = file
        return file.case

    def _allow(self, file: _File, step: Step, verb: str) -> None:
        """Refuse a step that is not its taker's where the case lies, or would lie.

        Raises
        ------
        AccessDenied, OutsideScope
        """
        scope = allowed(self._viewer, verb)
        if scope.everywhere:
            return
        row = file.row or self._desk.place(transitions.follow(file.case, step))
        if not scope.holds_fact([row[name] for name in GRID_COLUMNS], row["unit_id"]):
            raise OutsideScope(verb=verb, about=file.case.case_no)

    def _repeated_by(self, case_no: str) -> str | None:
        """The case that one repeats: as it is by now, or as it is asked to be reported still."""
        if case_no in self.open:
            return self.open[case_no].case.repeat_of
        row = steps.found(self._connection, [case_no]).get(case_no)
        return row["repeat_of"] if row else self.asked_to_repeat.get(case_no)

    def foresee(self, requests: Sequence[Request], at: dt.datetime) -> None:
        """Find at once who answers for all cases to be dispatched; one that turns out otherwise is looked up again."""
        ahead = {no: file.case for no, file in self.open.items()}
        dispatched = []
        for r in requests:
            no = str(r.case_no)
            if r.kind in OPENING and r.unit_code is None and no in ahead:
                dispatched.append(ahead[no])
            elif r.kind in PLACING:
                ahead[no] = self._placed(ahead.get(no, Case(no)), r, at)
        self._desk.ask(dispatched)

    def _placed(self, case: Case, request: Request, at: dt.datetime) -> Case:
        """A case with the place, class and time that a request would give it; as it is where that is wrong."""
        try:
            told = self._desk.complete(Step(request.kind, at, request.actor, facts=request.facts), case, ()).told
        except GridmgmtError:
            return case
        given = {name: value for name in ("lon", "lat", "category") if (value := getattr(told, name)) is not None}
        reported_at = (request.at or at) if request.kind == "report" else case.reported_at
        return replace(case, reported_at=reported_at, **given)


def _unfit(request: Request) -> StepRefused:
    return StepRefused(case_no=step_facts.shown(request.case_no), step=request.kind, why="number_unfit", at="", last="")


def _changed(file: _File, expected: int) -> CaseChanged:
    last = file.steps[-1]
    return CaseChanged(
        case_no=file.case.case_no, expected=expected, found=file.case.n_steps,
        step=last.kind, actor=last.actor, at=last.at.isoformat(),
    )  # fmt: skip


@needs("cases.read")
def take(work: Work, requests: Iterable[Request]) -> Iterator[Outcome]:
    """Take steps in the order given, :data:`CHUNK` to a transaction; one that is refused keeps no other back.

    A case is reported before another one repeats it, wherever its report stands.

    Yields
    ------
    Outcome
        One a request, in order, once its transaction is committed.
    """
    asked = list(requests)
    places, n = originals.order(asked), 0
    done: dict[int, Outcome] = {}
    while chunk := places[len(done) : len(done) + CHUNK]:
        with work.transaction() as connection:
            done |= zip(chunk, take_within(connection, [asked[place] for place in chunk], work.viewer), strict=True)
            if all(done[place].case is None for place in chunk):
                raise Undo  # nothing was taken: that is no deed
        _tell_refusals(work, [done[place] for place in chunk])
        work.progress("steps", len(done), len(asked))
        while n in done:  # of a report that was taken early it is told in its turn
            yield done[n]
            n += 1


def _tell_refusals(work: Work, outcomes: Sequence[Outcome]) -> None:
    """Put into the audit which of these steps were not their taker's: each kind of refusal once, with its cases."""
    refused: dict[tuple[str, str], list[str]] = {}
    for one in outcomes:
        if isinstance(one.fault, AccessError) and not one.fault.is_told:
            one.fault.is_told = True
            refused.setdefault((one.fault.code, one.fault.facts["verb"]), []).append(one.request.case_no or "")
    for (code, verb), case_nos in refused.items():
        work.audit(code, outcome="refused", verb=verb, cases=case_nos)


@needs("cases.read")
def take_with_files(
    work: Work, request: Request, files: Sequence[tuple[Kind, Path]], root: Path
) -> tuple[Case, list[Attached]]:
    """Take one step with its photographs and files (before 处置前, after 处置后, evidence 证据), all or nothing.

    Raises
    ------
    GridmgmtError
        What is wrong with the step or with a file.
    """
    with work.transaction() as connection:
        accepted = photographs.checked(connection, [path for _, path in files])
        case = _taken(connection, request, work.viewer)
        case_id = steps.found(connection, [case.case_no])[case.case_no]["id"]
        kept = photographs.keep(connection, root, accepted)
        attached = [
            photographs.attach(connection, one, kind=kind, actor=request.actor, case_id=case_id, step_seq=case.n_steps)
            for one, (kind, _) in zip(kept, files, strict=True)
        ]
        return case, attached


def _taken(connection: Connection, request: Request, viewer: Viewer | None) -> Case:
    outcome = take_within(connection, [request], viewer)[0]
    if outcome.fault is not None:
        raise outcome.fault
    if outcome.case is None:
        raise CaseMissing(case_no=request.case_no or "")
    return outcome.case


def take_within(connection: Connection, requests: Sequence[Request], viewer: Viewer | None = None) -> list[Outcome]:
    """Take steps inside the caller's transaction; each has to be allowed where its case lies."""
    odd = {n for n, r in enumerate(requests) if r.case_no is not None and not step_facts.is_plain(r.case_no)}
    if odd:  # no database holds such a number: the others are taken, in order
        rest = iter(take_within(connection, [r for n, r in enumerate(requests) if n not in odd], viewer))
        return [Outcome(r, fault=_unfit(r)) if n in odd else next(rest) for n, r in enumerate(requests)]
    share_lock(connection)
    return unless_taken(connection, lambda: _take_all(connection, requests, viewer))


def _take_all(connection: Connection, requests: Sequence[Request], viewer: Viewer | None) -> list[Outcome]:
    """Take steps whose numbers a database can hold; an import may bring a case of the same number meanwhile."""
    desk = Desk(connection)
    taken = steps.taken_rows(connection, [r.ref for r in requests if r.ref is not None])
    named = numbered(connection, desk, requests, taken, clock.now(connection))
    if originals.is_any_named(named):
        lock_originals(connection)
    new = {r.case_no for r in named if r.kind == "report" and r.case_no is not None}
    steps.claim(connection, new)
    files = _Files(connection, desk, [r.case_no for r in named if r.case_no is not None], viewer)
    files.elsewhere = steps.numbers_taken(connection, new)
    at = clock.now(connection)  # only now: whoever waited for a case must not act before the one he waited for
    files.asked_to_repeat = originals.named_by(named)
    files.foresee(named, at)
    outcomes = []
    for asked, request in zip(requests, named, strict=True):
        if asked.ref is not None and asked.ref in taken:
            outcomes.append(again(asked, taken[asked.ref], desk.zone))
            continue
        try:
            outcomes.append(Outcome(request, files.take(request, at)))
        except GridmgmtError as fault:
            outcomes.append(Outcome(request, fault=in_city_time(fault, desk.zone)))
            continue
        if asked.ref is not None:
            step = files.open[str(request.case_no)].steps[-1]
            taken[asked.ref] = TakenRow(
                step.kind, str(request.case_no), step.at, step.actor, step.reason, step.unit_code, step.facts
            )
    _save(connection, desk, [f for f in files.open.values() if f.new_steps], len(requests))
    return outcomes


def _save(connection: Connection, desk: Desk, files: Sequence[_File], n_requests: int) -> None:
    changed = [f for f in files if any(s.origin == "own" for s in f.new_steps)]
    if not changed:
        return
    auditing.note(connection, cases=[f.case.case_no for f in changed])
    batch_id = batches.new_batch(connection, "steps")
    known_at = batches.stamp_batch(connection, batch_id)
    if any(step.told.calendar == desk.clock.calendar.identity for f in changed for step in f.new_steps):
        calendars.keep(connection, desk.clock.calendar)
    _write_rows(connection, desk, changed, batch_id, known_at)
    ids = {no: r["id"] for no, r in steps.found(connection, [f.case.case_no for f in changed]).items()}
    rows = [
        (ids[case.case_no], replace(step, seq=case.n_steps), case.state, f.refs.get(case.n_steps))
        for f in changed
        for step, case in zip(f.new_steps, f.new_cases(), strict=True)
    ]
    steps.append(connection, rows, batch_id, known_at)
    outbox.tell_steps(connection, batch_id, list(ids.values()))
    batches.close_batch(connection, batch_id, {"n_rows": n_requests, "n_steps": len(rows), "n_cases": len(changed)})


def _write_rows(
    connection: Connection, desk: Desk, files: Sequence[_File], batch_id: int, known_at: dt.datetime
) -> None:
    """Write what the steps add up to as new versions of the cases' rows, one for each step."""
    rows, last = [], []
    for file in files:
        at = max(known_at, file.row["version_at"] + MICROSECOND) if file.row else known_at
        for n, case in enumerate(file.new_cases()):
            stated = case_records.facts_of(case, file.row or {}, desk.city.scheme)
            rows.append({"case_no": case.case_no, **stated, **file.contact, "version_at": at + n * MICROSECOND})
        last.append(len(rows) - 1)
    frame = pd.DataFrame(rows)
    for name in [c for c in frame if str(c).endswith("_at")]:
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    frame["n_rework"] = frame["n_rework"].astype("Int64")
    merging.create(connection, CASES)
    merging.add(connection, CASES, frame)
    merging.set_located(connection, _located(desk, files, last))
    merging.merge(connection, CASES, batch_id, known_at)


def _located(desk: Desk, files: Sequence[_File], last: Sequence[int]) -> pd.DataFrame:
    """Where each case belongs after its last step, for all its rows: looked up where place, class or unit changed."""
    moved = {n for n, f in enumerate(files) if f.is_moved or f.row is None}
    found = case_records.located(desk, [f.case for f in files], [f.row or {} for f in files], moved)
    numbers = [n for n, end in enumerate(last) for _ in range(end - (last[n - 1] if n else -1))]
    out = found.loc[numbers].reset_index(drop=True)
    out.insert(0, "row_no", out.index)
    return out


@dataclass(frozen=True)
class Renewed:
    """A case whose deadlines another calendar moves: those it has, and had, by name; and what it had them by."""

    case_no: str
    state: str
    calendars: tuple[str, ...]
    before: Mapping[str, dt.datetime | None]
    after: Mapping[str, dt.datetime | None]


@needs("reference.write", whole=True, by_worker=True)
def renew_deadlines(work: Work) -> list[Renewed]:
    """Give cases the deadlines of the calendar of now, where theirs are provisional (暂定时限) or of another one.

    Deadlines of dispatches, extensions, failed checks and supervision orders, also of cases that were closed since:
    by them it is judged whether they were on time. With ``work.keep`` false they are found and nothing is written.
    """
    out: list[Renewed] = []
    with work.transaction() as connection:
        share_lock(connection)
        desk, at = Desk(connection), clock.now(connection)
        numbers = steps.counted_otherwise(connection, desk.clock.calendar.identity)
        for first in range(0, len(numbers), CHUNK):
            moved = []
            for file in _Files(connection, desk, numbers[first : first + CHUNK]).open.values():
                step = desk.timing.renewed(file.case, file.steps, max(at, file.case.last_at or at))
                if step is not None:
                    now = transitions.follow(file.case, step)
                    out.append(_moved(file, now))
                    file.case = now
                    file.steps.append(replace(step, seq=file.case.n_steps))
                    moved.append(file)
            _save(connection, desk, moved, len(moved))
            work.progress("deadlines", min(first + CHUNK, len(numbers)), len(numbers))
    return out


def _moved(file: _File, after: Case) -> Renewed:
    named = {s.told.calendar: None for s in file.steps if s.told.calendar is not None}
    before, now = ({name: getattr(case, name) for name in DEADLINES} for case in (file.case, after))
    return Renewed(after.case_no, after.state, tuple(named), before, now)
