"""Step logs of other systems (外部办理日志): what a log adds to the steps of a case that are known already.

A log seldom holds every step that the platform knows, and the same log comes
again. So its rows are followed in the order of their times: one that is known
changes nothing, a step that must lie between two of its rows is added as a
derived one, and a row that no such way reaches is refused with its reason while
the rows after it still get their chance.

Source: project convention.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gridmgmt.casework import implied_steps, transitions
from gridmgmt.casework.cases import Case, Step, StepFacts
from gridmgmt.errors import StepIllegal
from gridmgmt.faults import Fault


@dataclass(frozen=True)
class Followed:
    """What a log's rows came to: steps to be added (each with the state it leads to), rows known, rows refused.

    ``rows`` are the numbers of the rows that became steps; a fault's ``column`` is the field, as the profile maps it.
    """

    added: tuple[tuple[Step, str], ...]
    rows: tuple[int, ...]
    unchanged: tuple[int, ...]
    refused: tuple[Fault, ...]

    @property
    def n_bridged(self) -> int:
        """How many of the added steps are derived."""
        return len(self.added) - len(self.rows)


def follow(case_no: str, row: Mapping[str, Any], stored: Sequence[Step], log: Sequence[tuple[int, Step]]) -> Followed:
    """Follow one case's rows of a log from where its stored steps end.

    Parameters
    ----------
    row
        The case's row, as :func:`gridmgmt.casework.implied_steps.derive` reads it: it proves
        the report where the log leaves it out, and tells place, class and
        deadline where the log does not.
    stored
        The case's steps so far.
    log
        Row number and step, in order of time; equal times in the order of the file.
    """
    waiting = [s for s in stored if s.origin != "derived"]
    rows: list[int] = []
    unchanged: list[int] = []
    refused: list[Fault] = []
    fresh: list[tuple[Step, list[int]]] = []
    for step, numbers in _told_once(log):
        if _find(waiting, step):
            unchanged += numbers
        else:
            fresh.append((step, numbers))
    walk = _Walk(transitions.fold(case_no, stored), implied_steps.derive(row)[0])
    is_ours, contradicted = any(s.origin == "own" for s in stored), {_key(s) for s in waiting}
    for step, (n, *again) in fresh:
        fault = _barred(n, step, is_ours, contradicted) or walk.take(n, step)
        if fault is None:
            rows.append(n)
            unchanged += again
        else:
            refused += [replace(fault, row=m) for m in (n, *again)]
    return Followed(tuple(_with_deadline(walk.added, row)), tuple(rows), tuple(unchanged), tuple(refused))


def _barred(n: int, step: Step, is_ours: bool, contradicted: set[tuple[Any, ...]]) -> Fault | None:
    if is_ours:
        return Fault(n, "case_no", None, "case_worked_on_here")
    return Fault(n, "kind", None, "step_contradicts") if _key(step) in contradicted else None


def _told_once(log: Sequence[tuple[int, Step]]) -> list[tuple[Step, list[int]]]:
    """What the log tells, once each, with the numbers of all rows that tell it."""
    out: list[tuple[Step, list[int]]] = []
    for n, step in log:
        same = next((rows for told, rows in reversed(out) if told == step), None)
        if same is None:
            out.append((step, [n]))
        else:
            same.append(n)
    return out


def _find(waiting: list[Step], step: Step) -> bool:
    """Whether a stored step holds what a row tells, each for one row; it may hold more, which the case's row told."""
    same = [s for s in waiting if _key(s) == _key(step) and (s.unit_code, s.reason) == (step.unit_code, step.reason)]
    same = [s for s in same if step.facts.items() <= s.facts.items()]
    if same:
        waiting.remove(min(same, key=lambda s: len(s.facts)))
    return bool(same)


def _key(step: Step) -> tuple[Any, ...]:
    return step.kind, step.at, step.actor


class _Walk:
    """A case on its way through a log; ``report`` is the one that its row proves."""

    def __init__(self, case: Case, report: Step) -> None:
        self.case = case
        self._stored_until = case.last_at
        self._report = report
        self.added: list[tuple[Step, str]] = []

    def take(self, n: int, step: Step) -> Fault | None:
        """Add a row's step with those that must lie before it, or tell why not."""
        if self._stored_until is not None and step.at < self._stored_until:
            return Fault(n, "at", None, "time_before_last_step", {"last": self._stored_until})
        due, rule = step.told.due_at, transitions.rule_of(step.kind)
        if rule.period == "failed" and due is not None and due <= step.at:
            return Fault(n, "due_at", None, "deadline_not_after_step")
        case, before = self.case, []
        if not case.state and "" not in rule.before:
            before.append(replace(self._report, at=min(self._report.at, step.at)))
            case = transitions.follow(case, before[0])
        way = implied_steps.bridge(case.state, step.kind)
        before += [Step(kind, step.at, "", origin="derived") for kind in way or ()]
        if "" in rule.before:
            step = replace(step, facts={**self._report.facts, **step.facts})
        try:
            self._add([*before, step])
        except StepIllegal:
            told = {"step": step.kind, "state": case.state or "new", "legal": transitions.legal(case.state)}
            return Fault(n, "kind", None, "step_not_legal", told)
        return None

    def _add(self, steps: Sequence[Step]) -> None:
        case, added = self.case, []
        for step in steps:
            case = transitions.follow(case, step)
            added.append((replace(step, seq=case.n_steps), case.state))
        self.case = case
        self.added += added


def _with_deadline(added: Sequence[tuple[Step, str]], row: Mapping[str, Any]) -> list[tuple[Step, str]]:
    """The log's last dispatch takes the deadline of the case's row, unless it tells one or the row's lies before it."""
    due, out = row.get("due_at"), list(added)
    for place in range(len(out) - 1, -1, -1):
        step, state = out[place]
        if step.kind in transitions.OPENING:
            if due is not None and due > step.at and not step.told.due_at:
                out[place] = (step.telling(StepFacts(due_at=due)), state)
            break
    return out
