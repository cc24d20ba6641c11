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

from gridmgmt.casework.cases import ENDED, MARKS, STATES, Case, Limits, Order, Step
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
    is_new = s.unit_code is not None and s.unit_code not in case.units
    return {
        "units": (*case.units, s.unit_code) if is_new else case.units,
        "hang_due_at": s.instant("hang_due_at"),
        "dispatched_at": s.at,
        "unit_code": s.unit_code,
        "first_unit": case.first_unit or s.unit_code,
        "due_at": due,
        "due_extended_at": s.instant("due_extended_at"),
        "is_provisional": bool(s.facts.get("provisional")),
        "pauses": (),
        "n_dispatches": case.n_dispatches + 1,
    }


def _sent_back(case: Case, _s: Step) -> Mapping[str, Any]:
    return {"n_send_backs": case.n_send_backs + 1, "unit_code": None, "pending": None}


def _asked(what: str) -> Callable[[Case, Step], Mapping[str, Any]]:
    return lambda _case, _step: {"pending": what}


def _extended(case: Case, s: Step) -> Mapping[str, Any]:
    """After a failed verification the new deadline moves; the case's own then only if it had not passed."""
    due, holds = s.instant("due_at") or case.current_due_at, case.effective_due_at
    in_rework = case.hang_due_at is not None
    moves_case = not in_rework or (holds is not None and due is not None and s.at <= holds < due)
    granted = (*case.granted, (case.unit_code, "extension"))
    extended = due if moves_case else case.due_extended_at
    if extended is not None and case.due_at is not None and extended <= case.due_at:
        extended = None  # a calendar that came later moved the original behind it
    return {
        "pending": None,
        "granted": granted,
        "due_extended_at": extended,
        "hang_due_at": due if in_rework else None,
    }


def _held(case: Case, s: Step) -> Mapping[str, Any]:
    return {"pending": None, "granted": (*case.granted, (case.unit_code, "postponement")), "held_at": s.at}


def _resumed(case: Case, s: Step) -> Mapping[str, Any]:
    out: dict[str, Any] = {"held_at": None, "due_at": s.instant("due_at") or case.due_at}
    if case.held_at is not None:
        out["pauses"] = (*case.pauses, (case.held_at, s.instant("held_until") or s.at))
    for name in ("due_extended_at", "hang_due_at"):
        if getattr(case, name) is not None:
            out[name] = s.instant(name) or getattr(case, name)
    return out


def _failed(case: Case, s: Step) -> Mapping[str, Any]:
    return {"n_rework": case.n_rework + 1, "reworked_at": s.at, "handled_at": None, "hang_due_at": s.instant("due_at")}


def _deadline_moved(case: Case, s: Step) -> Mapping[str, Any]:
    """The deadline that holds moves: after a failed verification the new one, else the case's.

    To an earlier moment the original moves; a later one stands beside it, as an extension does.
    """
    due, extended = s.instant("due_at") or case.due_at, s.instant("due_extended_at")
    if case.hang_due_at is not None:
        return {"hang_due_at": due}
    if extended is not None:  # an export tells both
        return {"due_at": due, "due_extended_at": extended}
    is_beyond = case.due_at is not None and due is not None and due > case.due_at
    if s.facts.get("later", is_beyond):  # what was later stays so, also where a calendar moved the original behind it
        return {"due_extended_at": due if is_beyond else None}
    return {"due_at": due, "due_extended_at": None, "is_provisional": False}


def _renewed(case: Case, s: Step) -> Mapping[str, Any]:
    """The deadlines that the calendar has moved, as far as the step names them; ``deadlines`` tells them by step."""
    names = ("due_at", "due_extended_at", "hang_due_at")
    moved = s.facts.get("orders") or {}
    orders = [replace(o, due_at=_parsed(moved.get(str(o.number))) or o.due_at) for o in case.orders]
    told = {name: s.instant(name) for name in names if name in s.facts}
    return {**told, "orders": tuple(orders), "is_provisional": bool(s.facts.get("provisional"))}


def _parsed(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _unmarked(_case: Case, s: Step) -> Mapping[str, Any]:
    field = {"repeat": "is_repeat", "exposed": "is_exposed", "referred": "is_referred", "false": "is_false"}
    name = field.get(str(s.facts.get("mark")))
    return {name: False} if name else {}


def _moved(_case: Case, s: Step) -> Mapping[str, Any]:
    place = {name: s.facts[name] for name in ("lon", "lat") if s.facts.get(name) is not None}
    return place | ({"address": s.facts["address"]} if s.facts.get("address") else {})


def _reclassified(case: Case, s: Step) -> Mapping[str, Any]:
    return {"category": s.facts.get("category") or case.category}


def _ordered(case: Case, s: Step) -> Mapping[str, Any]:
    order = Order(len(case.orders) + 1, str(s.facts.get("order_kind", "other")), s.at, s.instant("due_at"))
    return {"orders": (*case.orders, order)}


def _order_answered(case: Case, s: Step) -> Mapping[str, Any]:
    number = int(s.facts.get("order") or next(iter(_open_orders(case)), 0))
    return {"orders": tuple(replace(o, answered_at=s.at) if o.number == number else o for o in case.orders)}


# --- what steps ask ----------------------------------------------------------

Guard = Callable[[Case, Step, Limits], str | None]


def _may_ask(what: str) -> Guard:
    """Whoever asks for more time asks before the deadline, and no more often than the city allows his unit."""

    def asks(case: Case, s: Step, limits: Limits) -> str | None:
        if case.pending:
            return "request_pending"
        if case.n_granted(what) >= (limits.extensions if what == "extension" else limits.postponements):
            return f"{what}s_used_up"
        due = case.current_due_at
        return "deadline_passed" if due is not None and s.at > due else None

    return asks


def _is_pending(what: str) -> Guard:
    return lambda case, _step, _limits: None if case.pending == what else "nothing_asked"


def _may_extend(case: Case, s: Step, _limits: Limits) -> str | None:
    if case.pending != "extension":
        return "nothing_asked"
    new, old = s.instant("due_at"), case.current_due_at
    return "extension_shortens" if new is not None and old is not None and new <= old else None


def _due_lies_ahead(case: Case, s: Step, _limits: Limits) -> str | None:
    due = s.instant("due_at")
    is_kept = s.facts.get("continues", False)  # the unit had the case before and has the rest of its own time
    return "deadline_not_ahead" if due is not None and due <= s.at and not is_kept else None


def _may_move_deadline(case: Case, s: Step, limits: Limits) -> str | None:
    """A deadline that has passed stays: what was late does not become on time by hand."""
    due = case.current_due_at
    return "deadline_gone" if due is not None and s.at > due else _due_lies_ahead(case, s, limits)


def _may_register(case: Case, s: Step, _limits: Limits) -> str | None:
    known = s.facts.get("category") or case.category
    return None if known else "without_category"


def _open_orders(case: Case) -> list[int]:
    return [o.number for o in case.orders if o.answered_at is None]


def _open_order(case: Case, s: Step, _limits: Limits) -> str | None:
    """The order named, or the only one that is open."""
    open_ones, named = _open_orders(case), s.facts.get("order")
    if named is None:
        return {0: "order_not_open", 1: None}.get(len(open_ones), "order_not_named")
    return None if str(named) in map(str, open_ones) else "order_not_open"


def _is_marked(case: Case, s: Step, _limits: Limits) -> str | None:
    """The mark named, or any, is set."""
    named = s.facts.get("mark")
    marks = set(case.flags()) & set(MARKS)
    return None if (named in marks if named else marks) else "not_marked"


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
        "ask_extension", ("handling",), None, ("reason",), asks=_may_ask("extension"), does=_asked("extension")
    ),
    Transition("extend", ("handling",), None, ("due_at",), asks=_may_extend, does=_extended),
    Transition(
        "refuse_extension", ("handling",), None, ("reason",), asks=_is_pending("extension"), does=_asked("")
    ),
    Transition(
        "ask_postponement", ("handling",), None, ("reason",), asks=_may_ask("postponement"), does=_asked("postponement")
    ),
    Transition("postpone", ("handling",), "on_hold", asks=_is_pending("postponement"), does=_held),
    Transition(
        "refuse_postponement", ("handling",), None, ("reason",), asks=_is_pending("postponement"), does=_asked("")
    ),
    Transition("resume", ("on_hold",), "handling", does=_resumed),
    Transition(
        "answer", ("handling",), "answered", does=lambda _case, step: {"handled_at": step.at, "pending": None}
    ),
    Transition("verify", ("answered",), "verification"),
    Transition("fail", ("verification",), "rework", ("reason",), asks=_due_lies_ahead, does=_failed),
    Transition("close", ("verification",), "closed", does=_stamp("closed_at")),
    Transition(
        "visit", ("closed", "visited"), "visited", ("verdict",),
        does=lambda _case, step: {"verdict": step.facts.get("verdict", "none")},
    ),
    Transition("void", _FILED, "void", ("reason",), does=_stamp("voided_at")),
    # beside the state
    Transition("move", _OPEN, None, ("reason", "lon", "lat"), does=_moved),
    Transition("reclassify", _OPEN, None, ("reason", "category"), does=_reclassified),
    Transition(
        "deadline", ("dispatched", "handling", "rework"), None, ("reason", "due_at"),
        asks=_may_move_deadline, does=_deadline_moved,
    ),
    Transition(
        "renew", tuple(s for s in STATES if s not in ("discarded", "void")), None,
        asks=lambda _case, _step, _limits: "platform_only", does=_renewed,
    ),
    Transition("supervise", _FILED, None, ("reason", "order_kind"), asks=_due_lies_ahead, does=_ordered),
    Transition("answer_order", (*_FILED, "closed", "visited"), None, asks=_open_order, does=_order_answered),
    Transition("mark_repeat", tuple(STATES), None, ("reason",), does=lambda _c, _s: {"is_repeat": True}),
    Transition("expose", _FILED, None, ("reason",), does=lambda _c, _s: {"is_exposed": True}),
    Transition("refer", tuple(STATES), None, ("reason",), does=lambda _c, _s: {"is_referred": True}),
    Transition("mark_false", tuple(STATES), None, ("reason",), does=lambda _c, _s: {"is_false": True}),
    Transition("unmark", tuple(STATES), None, ("reason", "mark"), asks=_is_marked, does=_unmarked),
    Transition("note", tuple(STATES), None, ("reason",)),
)  # fmt: skip
"""Every kind of step: the whole life cycle (案件流转) in one table."""

BY_PEOPLE = tuple(kind for kind in TRANSITIONS if kind != "renew")
"""The kinds of step that people take; the others the platform takes itself."""


def legal(state: str) -> list[str]:
    """The kinds of step that people may take in a state."""
    return [t.kind for t in TRANSITIONS.values() if state in t.before and t.kind in BY_PEOPLE]


def possible(case: Case, at: dt.datetime, limits: Limits) -> list[str]:
    """The kinds of step that a case can take at a moment: legal in its state, and not refused whatever they told."""
    asked = {kind: TRANSITIONS[kind].asks for kind in legal(case.state)}
    mendable = (None, "without_category", "order_not_named")  # the step's own facts can make it right
    return [kind for kind, asks in asked.items() if asks is None or asks(case, Step(kind, at, ""), limits) in mendable]


def apply(case: Case, step: Step, limits: Limits) -> Case:
    """The case after one more step that is taken here, by what the city allows now.

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
    _require(case, step, rule)
    why = rule.asks(case, step, limits) if rule.asks else None
    if why is not None:
        raise _refused(case, step, why)
    return follow(case, step)


def follow(case: Case, step: Step) -> Case:
    """The case after a step that was taken, here or elsewhere: only its place in life cycle and time is looked at.

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
    missing = [name for name in rule.needs if not str("" if told.get(name) is None else told[name]).strip()]
    if not step.actor.strip():
        missing.insert(0, "actor")
    if missing:
        raise StepIncomplete(case_no=case.case_no, step=step.kind, missing=missing)


def fold(case_no: str, steps: Iterable[Step]) -> Case:
    """The case that its steps, in order, have made, whatever the city would allow today."""
    case = Case(case_no)
    for step in steps:
        case = follow(case, step)
    return case
