"""Cases (案件): their states, their steps, and what a case is.

A case is what its steps (办理步骤) say; they are append-only and immutable, and nobody
edits a case. Which step is legal in which state, and what it changes, stands in
:mod:`gridmgmt.casework.transitions`.

Source: the seven stages of digital urban management (信息收集、案卷建立、任务派遣、任务处理、处理反馈、核查结案、
综合评价); how the steps join them is a project convention.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from gridmgmt.deadlines import Limit

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

CLOCKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "acceptance": ("reported",),
        "dispatch": ("registered",),
        "handling": ("dispatched", "handling", "on_hold", "rework"),
        "verification": ("answered", "verification"),
    }
)
"""Every clock (环节时限) and the states in which it runs: a step to the first starts it, one to another stops it."""

HELD = ("on_hold",)
STANDING = (*HELD, "sent_back")
"""States in which no clock runs for a unit: held (缓办), or sent back and not dispatched again."""

RUNNING = frozenset(CLOCKS["handling"]) - {*STANDING}
"""States in which the unit has the case in hand and its time runs."""

ORDER_KINDS = ("leader", "discipline", "superior", "media", "appearance", "campaign", "other")
"""Seven kinds of supervision orders (督办类别): 领导批示, 纪检督办, 上级转办, 媒体关注, 影响市容, 重大活动, 其他."""

VERDICTS = ("satisfied", "unsatisfied", "none")
"""What a return visit (回访) obtained; ``none``: nobody gave a verdict."""

FLAGS = ("supervised", "repeat", "multi_dispatched", "hanging", "exposed", "referred", "false")
"""Marks beside the state (标记), in order."""

MARKS = ("repeat", "exposed", "referred", "false")
"""Marks that a step sets and another one takes back."""


DEADLINES = ("due_at", "due_extended_at", "hang_due_at")
"""Facts of a step that are deadlines of its case, under the names they have there."""


def iso(at: dt.datetime | None) -> str | None:
    """An instant as facts hold it: UTC, ISO 8601."""
    return None if at is None else at.astimezone(dt.UTC).isoformat()


def written(limits: Sequence[Limit]) -> list[dict[str, str]]:
    """Time limits as facts hold them."""
    return [{"amount": str(x.amount), "unit": x.unit} for x in limits]


def _instant(value: Any) -> dt.datetime | None:
    return dt.datetime.fromisoformat(value) if value and isinstance(value, str) else value or None


def _limits(value: Sequence[Any]) -> tuple[Limit, ...]:
    return tuple(x if isinstance(x, Limit) else _limit(x["amount"], x["unit"]) for x in value)


@lru_cache(maxsize=1_000)
def _limit(amount: str, unit: str) -> Limit:
    return Limit(Fraction(amount), unit)


Text = Annotated[str | None, "text"]
Number = Annotated[float | None, "number"]
_Flag = Annotated[bool | None, "flag"]
_Instant = Annotated[dt.datetime | None, PlainValidator(_instant), PlainSerializer(iso)]
_TimeLimits = Annotated[Sequence[Limit], PlainValidator(_limits), PlainSerializer(written)]


class StepFacts(BaseModel):
    """What a step tells (步骤内容): every fact's name and type, once; the word beside a type says how it is read.

    A fact may be absent, or told to be nothing (None): ``model_fields_set`` tells them apart.

    Attributes
    ----------
    due_extended_at, hang_due_at
        The deadlines of the case beside its own, where a step moves them.
    held_until
        When time counts again, where the longest time on hold ended before the resumption.
    continues
        The unit had the case before and has the rest of its time.
    later
        The deadline named by hand lies after the case's.
    limits, next_limits, rule
        The time limits of the deadline, those of later hang periods where they differ, the row that gave them.
    calendar, provisional
        The calendar that it was computed by, and whether it lies beyond what that knows.
    orders, deadlines
        What a new calendar moves: by number of the order, by number of the step.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Text = None
    category: Annotated[str | None, "category"] = None
    lon: Number = None
    lat: Number = None
    crs: Text = None
    address: Text = None
    description: Text = None
    is_repeat: _Flag = None
    repeat_of: Text = None
    due_at: Annotated[_Instant, "instant"] = None
    amount: Annotated[str | None, "amount"] = None
    amount_unit: Annotated[str | None, "amount_unit"] = None
    wrong_dispatch: _Flag = None
    agreed: _Flag = None
    verdict: Annotated[str | None, "verdict"] = None
    order_kind: Annotated[str | None, "order_kind"] = None
    order: Annotated[int | None, "order"] = None
    mark: Annotated[str | None, "mark"] = None

    due_extended_at: _Instant = None
    hang_due_at: _Instant = None
    held_until: _Instant = None
    continues: bool = False
    later: bool | None = None
    limits: _TimeLimits = ()
    next_limits: _TimeLimits = ()
    rule: Mapping[str, Any] | None = None
    calendar: str | None = None
    provisional: bool = False
    orders: Mapping[str, _Instant] = Field(default_factory=dict)
    deadlines: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)

    def stored(self, *names: str) -> dict[str, Any]:
        """The facts told, or those of some names, JSON-ready."""
        return self.model_dump(exclude_unset=True, include=set(names) or None)


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
        As they are stored, JSON-ready; ``told`` reads them.
    origin
        ``own``: taken here; ``imported``: from another system's step log; ``derived``: proved by a date alone (推定).
    """

    kind: str
    at: dt.datetime
    actor: str
    unit_code: str | None = None
    reason: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    origin: str = "own"
    seq: int = 0

    @cached_property
    def told(self) -> StepFacts:
        """Its facts, typed."""
        return StepFacts.model_validate(self.facts)

    def telling(self, facts: StepFacts) -> "Step":
        """The step with more facts."""
        return replace(self, facts={**self.facts, **facts.stored()})


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

    extensions: int
    postponements: int
    postponement_days: int


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
    hang_due_at
        The deadline that a failed verification gave (挂账期时限); None before one.
    units
        The units that it was dispatched to, in order, each once.
    granted
        Every extension and postponement, with the unit that got it: another unit begins with none.
    pending
        ``extension`` or ``postponement``: what the unit has asked for and nobody decided yet.
    repeat_of
        Number of the case that it repeats (所重复案件), where somebody said it.
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
    units: tuple[str, ...] = ()
    reported_at: dt.datetime | None = None
    accepted_at: dt.datetime | None = None
    confirmed_at: dt.datetime | None = None
    registered_at: dt.datetime | None = None
    dispatched_at: dt.datetime | None = None
    due_at: dt.datetime | None = None
    due_extended_at: dt.datetime | None = None
    hang_due_at: dt.datetime | None = None
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
    granted: tuple[tuple[str | None, str], ...] = ()
    n_rework: int = 0
    is_repeat: bool | None = None
    repeat_of: str | None = None
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
    def current_due_at(self) -> dt.datetime | None:
        """By when the unit has to answer now: after a failed verification the new deadline, else the one that holds."""
        return self.hang_due_at or self.effective_due_at

    def n_granted(self, what: str) -> int:
        """How many extensions (``extension``) or postponements (``postponement``) the unit that has the case got."""
        return self.granted.count((self.unit_code, what))

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
        return self.state in RUNNING and due is not None and now > due

    def flags(self) -> list[str]:
        """Those of :data:`FLAGS` that the steps have set."""
        marks = {
            "supervised": bool(self.orders),
            "repeat": bool(self.is_repeat),
            "multi_dispatched": self.n_dispatches > 1,
            "hanging": self.is_hanging,
            "exposed": self.is_exposed,
            "referred": self.is_referred,
            "false": self.is_false,
        }
        return [name for name in FLAGS if marks[name]]
