"""Cases (案件): their states, the one table of steps between them, and the case that its steps add up to.

A case is what its steps (办理步骤) say: :func:`fold` reads them in order. Steps are
append-only and immutable; nobody edits a case. Which step is legal in which
state stands in :data:`TRANSITIONS` and nowhere else, and a step that is not
legal is refused with those that are.

Source: the seven stages of digital urban management (信息收集、案卷建立、任务派遣、任务处理、处理反馈、核查结案、
综合评价); how the steps join them is a project convention.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from gridmgmt.errors import StepIllegal, StepIncomplete, StepRefused

STAGES = ("collection", "setup", "dispatch", "handling", "feedback", "verification", "evaluation")
"""Seven stages (七个环节): 信息收集, 案卷建立, 任务派遣, 任务处理, 处理反馈, 核查结案, 综合评价."""

STATES: Mapping[str, str] = MappingProxyType(
    {
        "reported": "collection",
        "accepted": "setup",
        "confirmed": "setup",
        "registered": "setup",
        "dispatched": "dispatch",
        "sent_back": "dispatch",
        "handling": "handling",
        "on_hold": "handling",
        "rework": "handling",
        "answered": "feedback",
        "verification": "verification",
        "closed": "verification",
        "visited": "evaluation",
        "discarded": "setup",
        "void": "verification",
    }
)
"""Every state (案件状态) and its stage; a case is in exactly one."""

ENDED = frozenset({"closed", "visited", "discarded", "void"})
"""States in which no clock runs."""

WITH_UNIT = frozenset({"dispatched", "handling", "on_hold", "rework"})
"""States in which the unit has the case in hand."""

_SETUP = ("reported", "accepted", "confirmed")
_OPEN = tuple(s for s in STATES if s not in ENDED)
_FILED = tuple(s for s in _OPEN if s not in _SETUP)

ORDER_KINDS = ("leader", "discipline", "superior", "media", "appearance", "campaign", "other")
"""Seven kinds of supervision orders (督办类别): 领导批示, 纪检督办, 上级转办, 媒体关注, 影响市容, 重大活动, 其他."""

VERDICTS = ("satisfied", "unsatisfied", "none")
"""What a return visit (回访) obtained; ``none``: nobody gave a verdict."""

ORIGINS = ("own", "imported", "derived")
"""A step was taken here, came from another system's step log, or is proved only by a date of an export (推定)."""


@dataclass(frozen=True)
class Step:
    """One thing that happened to a case (办理步骤).

    Attributes
    ----------
    at
        When it happened, UTC.
    unit_code
        The unit it concerns: of ``dispatch`` the one that is to handle it, of others the one that has it.
    facts
        JSON-ready values of its kind: ``due_at`` (ISO 8601), ``category``, ``lon``, ``lat``, ``verdict`` …
    """

    kind: str
    at: dt.datetime
    actor: str
    unit_code: str | None = None
    reason: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    origin: str = "own"
    seq: int = 0

    def instant(self, name: str) -> dt.datetime | None:
        """A time among its facts."""
        value = self.facts.get(name)
        return dt.datetime.fromisoformat(value) if value else None


@dataclass(frozen=True)
class Order:
    """A supervision order (督办单): the case is to be closed and the order answered by ``due_at``."""

    number: int
    kind: str
    at: dt.datetime
    due_at: dt.datetime | None
    answered_at: dt.datetime | None = None


@dataclass(frozen=True)
class Limits:
    """How often and how long a city allows extension and postponement; ``data/casework.yaml``."""

    extensions: int = 2
    postponements: int = 1
    postponement_days: int = 365


@dataclass(frozen=True)
class Case:
    """A case as its steps so far have made it.

    Attributes
    ----------
    n_steps
        Its version: whoever acts on it names the version he saw.
    first_unit
        The first unit it was dispatched to (第一受理部门), kept for life.
    due_at
        The deadline of the present dispatch, with postponed time taken out; ``due_extended_at`` an approved
        extension's, beside it.
    first_due_at
        The deadline that the present dispatch was given, before any postponement.
    pending
        ``extension`` or ``postponement``: what the unit has asked for and nobody decided yet.
    """

    case_no: str
    state: str = ""
    n_steps: int = 0
    source: str | None = None
    category: str | None = None
    lon: float | None = None
    lat: float | None = None
    address: str | None = None
    description: str | None = None
    unit_code: str | None = None
    first_unit: str | None = None
    reported_at: dt.datetime | None = None
    accepted_at: dt.datetime | None = None
    confirmed_at: dt.datetime | None = None
    registered_at: dt.datetime | None = None
    dispatched_at: dt.datetime | None = None
    due_at: dt.datetime | None = None
    first_due_at: dt.datetime | None = None
    due_extended_at: dt.datetime | None = None
    is_provisional: bool = False
    handled_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    voided_at: dt.datetime | None = None
    reworked_at: dt.datetime | None = None
    held_at: dt.datetime | None = None
    pauses: tuple[tuple[dt.datetime, dt.datetime], ...] = ()
    pending: str | None = None
    n_dispatches: int = 0
    n_send_backs: int = 0
    n_extensions: int = 0
    n_postponements: int = 0
    n_rework: int = 0
    is_repeat: bool | None = None
    is_referred: bool = False
    is_false: bool = False
    is_exposed: bool = False
    verdict: str | None = None
    orders: tuple[Order, ...] = ()
    last_at: dt.datetime | None = None

    @property
    def effective_due_at(self) -> dt.datetime | None:
        """The deadline that holds: the approved extension's, else the original."""
        return self.due_extended_at or self.due_at

    @property
    def is_open(self) -> bool:
        """Neither closed, discarded nor void."""
        return self.state not in ENDED

    @property
    def is_hanging(self) -> bool:
        """Dispatched and not written off (挂账)."""
        return self.n_dispatches > 0 and self.is_open

    def is_overdue(self, now: dt.datetime) -> bool:
        """Whether the unit has the case in hand after its effective deadline (超期); on hold no clock runs."""
        due = self.effective_due_at
        return self.state in WITH_UNIT and self.state != "on_hold" and due is not None and now > due

    def flags(self) -> list[str]:
        """Marks beside the state (标记): supervised, repeat, multi_dispatched, hanging, exposed, referred, false."""
        marks = {
            "supervised": bool(self.orders),
            "repeat": bool(self.is_repeat),
            "multi_dispatched": self.n_dispatches > 1,
            "hanging": self.is_hanging,
            "exposed": self.is_exposed,
            "referred": self.is_referred,
            "false": self.is_false,
        }
        return [name for name, is_set in marks.items() if is_set]


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
    """The case after one more step.

    Raises
    ------
    StepIllegal
        Its state does not allow the step; names those it does.
    StepIncomplete
        The step lacks its reason, unit or a fact.
    StepRefused
        The step is legal in this state, but not for this case now; ``why`` says it.
    """
    rule = TRANSITIONS.get(step.kind)
    if rule is None or case.state not in rule.before:
        raise StepIllegal(case_no=case.case_no, step=step.kind, state=case.state or "new", legal=legal(case.state))
    _require(case, step, rule)
    why = rule.asks(case, step, limits or Limits()) if rule.asks and step.origin == "own" else None
    if case.last_at is not None and step.at < case.last_at:
        why = "before_last"
    if why is not None:
        raise StepRefused(
            case_no=case.case_no, step=step.kind, why=why, at=step.at.isoformat(),
            last=case.last_at.isoformat() if case.last_at else "",
        )  # fmt: skip
    changes = dict(rule.does(case, step))
    if "pending" in changes:
        changes["pending"] = changes["pending"] or None
    return replace(case, state=rule.to or case.state, n_steps=case.n_steps + 1, last_at=step.at, **changes)


def _require(case: Case, step: Step, rule: Transition) -> None:
    if step.origin != "own":  # what another system or a date tells is taken as it is told
        return
    told = {"reason": step.reason, "unit": step.unit_code, **step.facts}
    missing = [name for name in rule.needs if told.get(name) in (None, "")]
    if not step.actor:
        missing.insert(0, "actor")
    if missing:
        raise StepIncomplete(case_no=case.case_no, step=step.kind, missing=missing)


def fold(case_no: str, steps: Iterable[Step], limits: Limits | None = None) -> Case:
    """The case that its steps, in order, have made."""
    case = Case(case_no)
    for step in steps:
        case = apply(case, step, limits)
    return case


# --- cases of which only dates are known ------------------------------------


def derive(facts: Mapping[str, Any]) -> list[Step]:
    """The steps that the dates of an imported case prove, marked as derived (推定).

    A date proves its own step and those without which it could not have come
    about: a case with a closing date was accepted, registered, dispatched,
    answered and verified. A step whose own date is not known stands at the
    first known date after it; one whose date contradicts the order is moved
    behind the step before it. What no date proves, such as a send-back, is not there.

    Parameters
    ----------
    facts
        Columns of a case's row: the times, ``n_rework``, ``unit_code``, ``category`` and place.
    """
    ended = facts.get("closed_at")
    handled, dispatched = facts.get("handled_at"), facts.get("dispatched_at")
    chain: list[tuple[str, dt.datetime | None]] = [
        ("report", facts["reported_at"]),
        ("accept", facts.get("accepted_at")),
        ("register", facts.get("registered_at")),
        ("dispatch", dispatched),
        ("receive", dispatched),
    ]
    if facts.get("due_extended_at") is not None:
        chain.append(("deadline", dispatched))
    n_rework = facts.get("n_rework") or 0
    again = facts.get("reworked_at")
    chain += [(kind, again) for _ in range(int(n_rework)) for kind in ("answer", "verify", "fail", "receive")]
    chain += [("answer", handled), ("verify", ended), ("close", ended)]
    known = [i for i, (_, at) in enumerate(chain) if at is not None]
    chain = chain[: known[-1] + 1]
    times = _filled([at for _, at in chain])
    out = [_derived(kind, at, facts) for (kind, _), at in zip(chain, times, strict=True)]
    void = facts.get("voided_at")
    if void is not None and ended is None:
        kind = "void" if len(chain) > 2 else "discard"
        out.append(_derived(kind, max(void, times[-1]), facts))
    return out


def _filled(times: Sequence[dt.datetime | None]) -> list[dt.datetime]:
    """Unknown times take the next known one (the last is known); none lies before the one in front of it."""
    out: list[dt.datetime] = []
    for i, at in enumerate(times):
        known = at if at is not None else next(t for t in times[i:] if t is not None)
        out.append(max(known, out[-1]) if out else known)
    return out


def _derived(kind: str, at: dt.datetime, row: Mapping[str, Any]) -> Step:
    names = {
        "report": ("source", "category", "lon", "lat", "address", "description", "is_repeat"),
        "dispatch": ("due_at",),
        "deadline": ("due_at", "due_extended_at"),
    }.get(kind, ())
    values = {n: row[n] for n in names if row.get(n) is not None}
    facts = {n: v.isoformat() if isinstance(v, dt.datetime) else v for n, v in values.items()}
    unit = row.get("unit_code") if kind == "dispatch" else None
    return Step(kind, at, "", unit, None, facts, "derived")


_IMPLIED = ("accept", "register", "receive", "answer", "verify")


def bridge(state: str, kind: str) -> list[str] | None:
    """The steps that another system's log left out before a step: the shortest plain way to a state that allows it.

    Returns
    -------
    list of str or None
        Empty where the step is legal as it is; None where no plain way leads to it.
    """
    goals = TRANSITIONS[kind].before
    ways: list[tuple[str, list[str]]] = [(state, [])]
    for here, way in ways:
        if here in goals:
            return way
        for name in _IMPLIED:
            rule = TRANSITIONS[name]
            if here in rule.before and rule.to is not None and all(rule.to != seen for seen, _ in ways):
                ways.append((rule.to, [*way, name]))
    return None
