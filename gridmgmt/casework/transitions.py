"""The life cycle (案件流转) in one table: which step is legal in which state, what it needs, asks and changes.

:func:`apply` takes one step, :func:`fold` reads all of a case's in order. A
step that is not legal is refused with those that are.

Source: the seven stages of digital urban management; how the steps join them is
a project convention.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gridmgmt.casework import effects
from gridmgmt.casework.cases import ENDED, MARKS, STANDING, STATES, Case, Limits, Step
from gridmgmt.errors import StepIllegal, StepIncomplete, StepRefused

_SETUP = ("reported", "accepted", "confirmed")
_OPEN = tuple(s for s in STATES if s not in ENDED)
_FILED = tuple(s for s in _OPEN if s not in _SETUP)


@dataclass(frozen=True)
class Transition:
    """A kind of step: from which states, to which, what it must and may tell, and what follows from it.

    Attributes
    ----------
    to
        None: the state stays. The clocks that run in a state are :data:`gridmgmt.casework.cases.CLOCKS`.
    needs
        ``reason``, ``unit``, or names of facts.
    takes
        Facts (:class:`gridmgmt.casework.cases.StepFacts`) that whoever takes it may name.
    period
        What it does to the unit's deadline and so to its hang period (:mod:`gridmgmt.casework.hanging`): ``opened``,
        ``asked`` for more time, ``refused``, ``extended``, ``held``, ``resumed``, ``moved`` by hand, ``failed``; where
        it ends the account ``sent_back``, ``written_off``, ``void``; ``ordered`` a deadline beside it, ``renewed`` all.
    stamps
        The case's time that it sets; an imported case's row proves the step by it.
    pending
        What the unit has asked for from then on: ``extension``, ``postponement``, or nothing any more.
    mark
        The mark that it sets; ``*``: takes back the one that its facts name.
    unit
        Which unit it may name: the one that ``has`` the case, one that ``had`` it before, ``any``.
    implied
        A step that logs leave out: nothing but the next one proves it.
    counts
        It counts as a step, for its unit and grids (:mod:`gridmgmt.figures.counts`).
    asks
        A guard: gives the code of why the case cannot take the step now, or None.
    does
        What changes besides.
    """

    kind: str
    before: tuple[str, ...]
    to: str | None
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    period: str | None = None
    stamps: str | None = None
    pending: str | None = None
    mark: str | None = None
    unit: str = "has"
    implied: bool = False
    counts: bool = False
    asks: Callable[[Case, Step, Limits], str | None] | None = None
    does: Callable[[Case, Step], Mapping[str, Any]] = lambda _case, _step: {}


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
    new, old = s.told.due_at, case.current_due_at
    return "extension_shortens" if new is not None and old is not None and new <= old else None


def _due_lies_ahead(case: Case, s: Step, _limits: Limits) -> str | None:
    due = s.told.due_at
    is_kept = s.told.continues  # the unit had the case before and has the rest of its own time
    return "deadline_not_ahead" if due is not None and due <= s.at and not is_kept else None


def _may_move_deadline(case: Case, s: Step, limits: Limits) -> str | None:
    """A deadline that has passed stays: what was late does not become on time by hand."""
    due = case.current_due_at
    return "deadline_gone" if due is not None and s.at > due else _due_lies_ahead(case, s, limits)


def _may_register(case: Case, s: Step, _limits: Limits) -> str | None:
    known = s.told.category or case.category
    return None if known else "without_category"


def _open_order(case: Case, s: Step, _limits: Limits) -> str | None:
    """The order named, or the only one that is open."""
    open_ones, named = effects.open_orders(case), s.told.order
    if named is None:
        return {0: "order_not_open", 1: None}.get(len(open_ones), "order_not_named")
    return None if named in open_ones else "order_not_open"


def _is_marked(case: Case, s: Step, _limits: Limits) -> str | None:
    """The mark named, or any, is set."""
    named = s.told.mark
    marks = set(case.flags()) & set(MARKS)
    return None if (named in marks if named else marks) else "not_marked"


def _repeats_another(case: Case, s: Step, _limits: Limits) -> str | None:
    """A case repeats another one, and then is a repeat."""
    if s.told.repeat_of is None:
        return None
    return (
        "repeats_itself" if s.told.repeat_of == case.case_no else "repeat_denied" if s.told.is_repeat is False else None
    )


def _table(*rows: Transition) -> Mapping[str, Transition]:
    return MappingProxyType({t.kind: t for t in rows})


_REASON = ("reason",)
_PLACE = ("lon", "lat", "crs", "address")
_TIME = ("due_at", "amount", "amount_unit")

TRANSITIONS = _table(
    Transition(
        "report", ("",), "reported", takes=("source", "category", *_PLACE, "description", "is_repeat", "repeat_of"),
        stamps="reported_at", asks=_repeats_another, does=effects.reported,
    ),
    Transition("accept", ("reported",), "accepted", stamps="accepted_at", implied=True),
    Transition("confirm", ("accepted",), "confirmed", stamps="confirmed_at"),
    Transition("discard", _SETUP, "discarded", _REASON, stamps="voided_at"),
    Transition(
        "register", ("accepted", "confirmed"), "registered", takes=("category",),
        stamps="registered_at", implied=True, asks=_may_register, does=effects.classed,
    ),
    Transition(
        "dispatch", ("registered", "sent_back"), "dispatched", ("unit",), _TIME, "opened",
        stamps="dispatched_at", unit="any", counts=True, asks=_due_lies_ahead, does=effects.dispatched,
    ),
    Transition("receive", ("dispatched", "rework"), "handling", implied=True),
    Transition(
        "send_back", ("dispatched", "handling"), "sent_back", _REASON, ("wrong_dispatch", "agreed"), "sent_back",
        pending="", counts=True, does=effects.sent_back,
    ),
    Transition(
        "ask_extension", ("handling",), None, _REASON, _TIME, "asked", pending="extension", asks=_may_ask("extension")
    ),
    Transition(
        "extend", ("handling",), None, ("due_at",), _TIME, "extended",
        pending="", counts=True, asks=_may_extend, does=effects.extended,
    ),
    Transition(
        "refuse_extension", ("handling",), None, _REASON, (), "refused", pending="", asks=_is_pending("extension")
    ),
    Transition(
        "ask_postponement", ("handling",), None, _REASON, pending="postponement", asks=_may_ask("postponement")
    ),
    Transition(
        "postpone", ("handling",), "on_hold", period="held", stamps="held_at",
        pending="", counts=True, asks=_is_pending("postponement"), does=effects.held,
    ),
    Transition("refuse_postponement", ("handling",), None, _REASON, pending="", asks=_is_pending("postponement")),
    Transition("resume", ("on_hold",), "handling", period="resumed", does=effects.resumed),
    Transition("answer", ("handling",), "answered", period="answered", stamps="handled_at", pending="", implied=True),
    Transition("verify", ("answered",), "verification", implied=True),
    Transition(
        "fail", ("verification",), "rework", _REASON, _TIME, "failed",
        stamps="reworked_at", asks=_due_lies_ahead, does=effects.failed,
    ),
    Transition("close", ("verification",), "closed", period="written_off", stamps="closed_at"),
    Transition(
        "visit", ("closed", "visited"), "visited", ("verdict",), ("verdict",), counts=True,
        does=lambda _case, step: {"verdict": step.told.verdict or "none"},
    ),
    Transition("void", _FILED, "void", _REASON, period="void", stamps="voided_at"),
    # beside the state
    Transition("move", _OPEN, None, (*_REASON, "lon", "lat"), _PLACE, does=effects.moved),
    Transition("reclassify", _OPEN, None, (*_REASON, "category"), ("category",), does=effects.classed),
    Transition(
        "deadline", ("dispatched", "handling", "rework"), None, (*_REASON, "due_at"), ("due_at",), "moved",
        asks=_may_move_deadline, does=effects.deadline_moved,
    ),
    Transition(
        "renew", tuple(s for s in STATES if s not in ("discarded", "void")), None, period="renewed",
        asks=lambda _case, _step, _limits: "platform_only", does=effects.renewed,
    ),
    Transition(
        "supervise", _FILED, None, (*_REASON, "order_kind"), ("order_kind", *_TIME), "ordered",
        unit="had", counts=True, asks=_due_lies_ahead, does=effects.ordered,
    ),
    Transition(
        "answer_order", (*_FILED, "closed", "visited"), None, takes=("order",), asks=_open_order,
        does=effects.order_answered,
    ),
    Transition(
        "mark_repeat", tuple(STATES), None, _REASON, ("repeat_of",), mark="repeat", asks=_repeats_another,
        does=lambda case, step: {"repeat_of": step.told.repeat_of or case.repeat_of},
    ),
    Transition("expose", _FILED, None, _REASON, mark="exposed"),
    Transition("refer", tuple(STATES), None, _REASON, mark="referred", unit="had", counts=True),
    Transition("mark_false", tuple(STATES), None, _REASON, mark="false", counts=True),
    Transition(
        "unmark", tuple(STATES), None, (*_REASON, "mark"), ("mark",), mark="*", asks=_is_marked, does=effects.unmarked,
    ),
    Transition("note", tuple(STATES), None, _REASON),
)  # fmt: skip
"""Every kind of step: the whole life cycle (案件流转) in one table; everything else folds over it."""


def rule_of(kind: str) -> Transition:
    """A kind's row of the table; a kind that nobody knows is legal nowhere."""
    return TRANSITIONS.get(kind) or Transition(kind, (), None)


def kinds(asked: Callable[[Transition], bool]) -> tuple[str, ...]:
    """The kinds of step whose row of the table answers a question with yes."""
    return tuple(kind for kind, rule in TRANSITIONS.items() if asked(rule))


RENEWING = kinds(lambda t: t.period == "renewed")
"""Those that give earlier steps the deadlines of a calendar that came later."""

BY_PEOPLE = kinds(lambda t: t.period != "renewed")
"""The kinds of step that people take; the others the platform takes itself."""

OPENING = kinds(lambda t: t.period == "opened")
"""Those that give a case to a unit with a deadline."""

ANSWERING = kinds(lambda t: t.period == "answered")
"""Those by which a unit says that it has handled the case."""

HALTING = kinds(lambda t: t.to in STANDING)
"""Those after which the deadline stands."""

PLACING = kinds(lambda t: not {"lon", "lat", "category"}.isdisjoint(t.takes))
"""Those that may give a case its place or class, and so the unit that answers."""

CORRECTING = kinds(lambda t: t.kind in PLACING and t.to is None)
"""Those of them that give a case another place or class beside its way."""

ORDERING = kinds(lambda t: t.period == "ordered")
"""Those that set a deadline beside the case's: supervision orders."""

FOLLOWED = kinds(lambda t: t.period not in (None, "ordered") or t.mark in ("referred", "*"))
"""Those that a hanging account follows; the others, though the state may change, change nothing of it."""

STRAIGHT = kinds(lambda t: t.period in ("opened", "asked", "refused", "answered", "written_off", "void"))
"""Those of a case that goes straight from its dispatch to its end: the deadline stays, the clock never runs again."""

STEADY = kinds(
    lambda t: (
        t.kind not in PLACING
        and t.period in (None, "asked", "refused", "held", "answered", "written_off", "void", "ordered")
        and t.mark not in ("repeat", "*")
    )
)
"""Those that change nothing of a case's row (:mod:`gridmgmt.casework.operations.case_records`) but its state and the
time that they stamp. That time was not set before: to stamp it again takes a step of another kind."""

SHIFTING = kinds(lambda t: t.period in ("extended", "resumed", "moved", "renewed"))
"""Those after which the deadline depends on what it was before; a dispatch or a failed check tells it anew."""

FAILING = kinds(lambda t: t.period == "failed")
"""Those by which a check on site does not match the answer."""

REGISTERING = kinds(lambda t: t.stamps == "registered_at")
"""Those by which a case is filed: from then on its dispatch is waited for."""

VOIDING = kinds(lambda t: t.to == "void")
"""Those after which a case counts for nobody."""

COUNTED = kinds(lambda t: t.counts)
"""Those that count as steps."""

MARKING: Mapping[str, str] = MappingProxyType({t.mark: t.kind for t in TRANSITIONS.values() if t.mark in MARKS})
"""Mark → the kind that sets it."""


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
    _rule(case, step)
    if case.last_at is not None and step.at < case.last_at:
        raise _refused(case, step, "before_last")
    return changed(case, step)


def changed(case: Case, step: Step) -> Case:
    """What a step makes of a case, wherever it stands: also of one of which only some steps are read."""
    rule = TRANSITIONS[step.kind]
    changes: dict[str, Any] = {"state": rule.to or case.state, "n_steps": case.n_steps + 1, "last_at": step.at}
    if rule.pending is not None:
        changes["pending"] = rule.pending or None
    if rule.stamps is not None:
        changes[rule.stamps] = step.at
    if rule.mark in MARKS:
        changes[f"is_{rule.mark}"] = True
    changes.update(rule.does(case, step))
    out = object.__new__(Case)  # as dataclasses.replace, which takes thrice the time: a case is made for every step
    out.__dict__.update(case.__dict__, **changes)
    return out


def _rule(case: Case, step: Step) -> Transition:
    rule = rule_of(step.kind)
    if case.state not in rule.before:
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
