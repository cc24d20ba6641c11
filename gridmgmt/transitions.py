"""The life cycle (案件流转) in one table: which step is legal in which state, what it needs, asks and changes.

:func:`apply` takes one step, :func:`fold` reads all of a case's in order. A
step that is not legal is refused with those that are.

Source: the seven stages of digital urban management; how the steps join them is
a project convention.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from gridmgmt.cases import ENDED, ORDER_KINDS, STATES, VERDICTS, WITH_UNIT, Case, Limits, Order, Step
from gridmgmt.errors import StepIllegal, StepIncomplete, StepRefused

_SETUP = ("reported", "accepted", "confirmed")
_OPEN = tuple(s for s in STATES if s not in ENDED)
_FILED = tuple(s for s in _OPEN if s not in _SETUP)


@dataclass(frozen=True)
class Transition:
    """A kind of step: from which states, to which, and what it must tell.

    Attributes
    ----------
    to
        None: the state stays.
    needs
        ``reason``, ``unit``, or names of facts.
    asks
        A guard: gives the code of why the case cannot take the step now, or None.
    does
        What changes besides the state.
    """

    kind: str
    before: tuple[str, ...]
    to: str | None
    needs: tuple[str, ...] = ()
    asks: Callable[[Case, Step, Limits], str | None] | None = None
    does: Callable[[Case, Step], Mapping[str, Any]] = lambda _case, _step: {}


# --- what steps change -------------------------------------------------------


def _stamp(name: str) -> Callable[[Case, Step], Mapping[str, Any]]:
    return lambda _case, step: {name: step.at}


def _reported(_case: Case, s: Step) -> Mapping[str, Any]:
    names = ("source", "category", "lon", "lat", "address", "description")
    return {"reported_at": s.at, "is_repeat": s.facts.get("is_repeat"), **{n: s.facts.get(n) for n in names}}


def _registered(case: Case, s: Step) -> Mapping[str, Any]:
    return {"registered_at": s.at, "category": s.facts.get("category") or case.category}


def _dispatched(case: Case, s: Step) -> Mapping[str, Any]:
    due = s.instant("due_at")
    return {
        "dispatched_at": s.at,
        "unit_code": s.unit_code,
        "first_unit": case.first_unit or s.unit_code,
        "due_at": due,
        "first_due_at": due,
        "due_extended_at": None,
        "is_provisional": bool(s.facts.get("provisional")),
        "pauses": (),
        "n_dispatches": case.n_dispatches + 1,
    }


def _sent_back(case: Case, _s: Step) -> Mapping[str, Any]:
    return {"n_send_backs": case.n_send_backs + 1, "unit_code": None, "pending": None}


def _asked(what: str) -> Callable[[Case, Step], Mapping[str, Any]]:
    return lambda _case, _step: {"pending": what}


def _extended(case: Case, s: Step) -> Mapping[str, Any]:
    return {"pending": None, "n_extensions": case.n_extensions + 1, "due_extended_at": s.instant("due_at")}


def _held(case: Case, s: Step) -> Mapping[str, Any]:
    return {"pending": None, "n_postponements": case.n_postponements + 1, "held_at": s.at}


def _resumed(case: Case, s: Step) -> Mapping[str, Any]:
    out: dict[str, Any] = {"held_at": None, "due_at": s.instant("due_at") or case.due_at}
    if case.held_at is not None:
        out["pauses"] = (*case.pauses, (case.held_at, s.at))
    if case.due_extended_at is not None:
        out["due_extended_at"] = s.instant("due_extended_at") or case.due_extended_at
    return out


def _failed(case: Case, s: Step) -> Mapping[str, Any]:
    return {"n_rework": case.n_rework + 1, "reworked_at": s.at, "handled_at": None}


def _deadline_moved(case: Case, s: Step) -> Mapping[str, Any]:
    due = s.instant("due_at")
    extended = s.instant("due_extended_at") or case.due_extended_at
    return {"due_at": due, "due_extended_at": extended, "is_provisional": bool(s.facts.get("provisional"))}


def _moved(_case: Case, s: Step) -> Mapping[str, Any]:
    place = {name: s.facts.get(name) for name in ("lon", "lat")}
    return place | ({"address": s.facts["address"]} if s.facts.get("address") else {})


def _reclassified(_case: Case, s: Step) -> Mapping[str, Any]:
    return {"category": s.facts.get("category")}


def _ordered(case: Case, s: Step) -> Mapping[str, Any]:
    order = Order(len(case.orders) + 1, str(s.facts.get("order_kind", "other")), s.at, s.instant("due_at"))
    return {"orders": (*case.orders, order)}


def _order_answered(case: Case, s: Step) -> Mapping[str, Any]:
    number = int(s.facts.get("order") or len(case.orders))
    return {"orders": tuple(replace(o, answered_at=s.at) if o.number == number else o for o in case.orders)}


# --- what steps ask ----------------------------------------------------------


def _may_ask_extension(case: Case, s: Step, limits: Limits) -> str | None:
    if case.pending:
        return "request_pending"
    if case.n_extensions >= limits.extensions:
        return "extensions_used_up"
    due = case.effective_due_at
    return "deadline_passed" if due is not None and s.at > due else None


def _may_ask_postponement(case: Case, s: Step, limits: Limits) -> str | None:
    if case.pending:
        return "request_pending"
    if case.n_postponements >= limits.postponements:
        return "postponements_used_up"
    due = case.effective_due_at
    return "deadline_passed" if due is not None and s.at > due else None


def _is_pending(what: str) -> Callable[[Case, Step, Limits], str | None]:
    return lambda case, _step, _limits: None if case.pending == what else "nothing_asked"


def _may_extend(case: Case, s: Step, _limits: Limits) -> str | None:
    if case.pending != "extension":
        return "nothing_asked"
    new, old = s.instant("due_at"), case.effective_due_at
    return "extension_shortens" if new is not None and old is not None and new <= old else None


def _may_resume(case: Case, s: Step, limits: Limits) -> str | None:
    longest = dt.timedelta(days=limits.postponement_days)
    return "postponed_too_long" if case.held_at is not None and s.at - case.held_at > longest else None


def _due_lies_ahead(_case: Case, s: Step, _limits: Limits) -> str | None:
    due = s.instant("due_at")
    return "deadline_not_ahead" if due is not None and due <= s.at else None


def _may_register(case: Case, s: Step, _limits: Limits) -> str | None:
    known = s.facts.get("category") or case.category or s.origin != "own"
    return None if known else "without_category"


def _known_order_kind(_case: Case, s: Step, _limits: Limits) -> str | None:
    return None if s.facts.get("order_kind") in ORDER_KINDS else "order_kind_unknown"


def _open_order(case: Case, s: Step, _limits: Limits) -> str | None:
    open_ones = [str(o.number) for o in case.orders if o.answered_at is None]
    return None if str(s.facts.get("order")) in open_ones else "order_not_open"


def _known_verdict(_case: Case, s: Step, _limits: Limits) -> str | None:
    return None if s.facts.get("verdict", "none") in VERDICTS else "verdict_unknown"


def _table(*rows: Transition) -> Mapping[str, Transition]:
    return MappingProxyType({t.kind: t for t in rows})


TRANSITIONS = _table(
    Transition("report", ("",), "reported", does=_reported),
    Transition("accept", ("reported",), "accepted", does=_stamp("accepted_at")),
    Transition("confirm", ("accepted",), "confirmed", does=_stamp("confirmed_at")),
    Transition("discard", _SETUP, "discarded", ("reason",), does=_stamp("voided_at")),
    Transition("register", ("accepted", "confirmed"), "registered", asks=_may_register, does=_registered),
    Transition(
        "dispatch", ("registered", "sent_back"), "dispatched", ("unit",), asks=_due_lies_ahead, does=_dispatched
    ),
    Transition("receive", ("dispatched", "rework"), "handling"),
    Transition("send_back", ("dispatched", "handling"), "sent_back", ("reason",), does=_sent_back),
    Transition(
        "ask_extension", ("handling",), None, ("reason",), asks=_may_ask_extension, does=_asked("extension")
    ),
    Transition("extend", ("handling",), None, ("due_at",), asks=_may_extend, does=_extended),
    Transition(
        "refuse_extension", ("handling",), None, ("reason",), asks=_is_pending("extension"), does=_asked("")
    ),
    Transition(
        "ask_postponement", ("handling",), None, ("reason",), asks=_may_ask_postponement, does=_asked("postponement")
    ),
    Transition("postpone", ("handling",), "on_hold", asks=_is_pending("postponement"), does=_held),
    Transition(
        "refuse_postponement", ("handling",), None, ("reason",), asks=_is_pending("postponement"), does=_asked("")
    ),
    Transition("resume", ("on_hold",), "handling", asks=_may_resume, does=_resumed),
    Transition(
        "answer", ("handling",), "answered", does=lambda _case, step: {"handled_at": step.at, "pending": None}
    ),
    Transition("verify", ("answered",), "verification"),
    Transition("fail", ("verification",), "rework", ("reason",), asks=_due_lies_ahead, does=_failed),
    Transition("close", ("verification",), "closed", does=_stamp("closed_at")),
    Transition(
        "visit", ("closed", "visited"), "visited", ("verdict",),
        asks=_known_verdict, does=lambda _case, step: {"verdict": step.facts.get("verdict", "none")},
    ),
    Transition("void", _FILED, "void", ("reason",), does=_stamp("voided_at")),
    # beside the state
    Transition("move", _OPEN, None, ("reason", "lon", "lat"), does=_moved),
    Transition("reclassify", _OPEN, None, ("reason", "category"), does=_reclassified),
    Transition("deadline", tuple(WITH_UNIT), None, ("reason", "due_at"), does=_deadline_moved),
    Transition("supervise", _FILED, None, ("reason", "order_kind"), asks=_known_order_kind, does=_ordered),
    Transition(
        "answer_order", (*_FILED, "closed", "visited"), None, ("order",), asks=_open_order, does=_order_answered
    ),
    Transition("mark_repeat", tuple(STATES), None, ("reason",), does=lambda _c, _s: {"is_repeat": True}),
    Transition("expose", _FILED, None, ("reason",), does=lambda _c, _s: {"is_exposed": True}),
    Transition("refer", tuple(STATES), None, ("reason",), does=lambda _c, _s: {"is_referred": True}),
    Transition("mark_false", tuple(STATES), None, ("reason",), does=lambda _c, _s: {"is_false": True}),
    Transition("note", tuple(STATES), None, ("reason",)),
)  # fmt: skip
"""Every kind of step: the whole life cycle (案件流转) in one table."""


def legal(state: str) -> list[str]:
    """The kinds of step that a state allows."""
    return [t.kind for t in TRANSITIONS.values() if state in t.before]


def apply(case: Case, step: Step, limits: Limits | None = None) -> Case:
    """The case after one more step, by what the city allows now.

    Raises
    ------
    StepIllegal
        Its state does not allow the step; names those it does.
    StepIncomplete
        The step lacks its reason, unit or a fact.
    StepRefused
        The step is legal in this state, but not for this case now; ``why`` says it.
    """
    rule = _rule(case, step)
    if step.origin == "own":  # what another system or a date tells is taken as it is told
        _require(case, step, rule)
        why = rule.asks(case, step, limits or Limits()) if rule.asks else None
        if why is not None:
            raise _refused(case, step, why)
    return follow(case, step)


def follow(case: Case, step: Step) -> Case:
    """The case after a step that was taken: only its place in the life cycle and in time is looked at.

    Raises
    ------
    StepIllegal, StepRefused
        Its state does not know the step, or it stands before the one in front of it.
    """
    rule = _rule(case, step)
    if case.last_at is not None and step.at < case.last_at:
        raise _refused(case, step, "before_last")
    changes = dict(rule.does(case, step))
    if "pending" in changes:
        changes["pending"] = changes["pending"] or None
    return replace(case, state=rule.to or case.state, n_steps=case.n_steps + 1, last_at=step.at, **changes)


def _rule(case: Case, step: Step) -> Transition:
    rule = TRANSITIONS.get(step.kind)
    if rule is None or case.state not in rule.before:
        raise StepIllegal(case_no=case.case_no, step=step.kind, state=case.state or "new", legal=legal(case.state))
    return rule


def _refused(case: Case, step: Step, why: str) -> StepRefused:
    last = case.last_at.isoformat() if case.last_at else ""
    return StepRefused(case_no=case.case_no, step=step.kind, why=why, at=step.at.isoformat(), last=last)


def _require(case: Case, step: Step, rule: Transition) -> None:
    told = {"reason": step.reason, "unit": step.unit_code, **step.facts}
    missing = [name for name in rule.needs if told.get(name) in (None, "")]
    if not step.actor:
        missing.insert(0, "actor")
    if missing:
        raise StepIncomplete(case_no=case.case_no, step=step.kind, missing=missing)


def fold(case_no: str, steps: Iterable[Step]) -> Case:
    """The case that its steps, in order, have made, whatever the city would allow today."""
    case = Case(case_no)
    for step in steps:
        case = follow(case, step)
    return case
