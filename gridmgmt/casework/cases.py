"""Cases (案件): their states, their steps, and what a case is.

A case is what its steps (办理步骤) say; they are append-only and immutable, and nobody
edits a case. Which step is legal in which state, and what it changes, stands in
:mod:`gridmgmt.casework.transitions`.

Source: the seven stages of digital urban management (信息收集、案卷建立、任务派遣、任务处理、处理反馈、核查结案、
综合评价); how the steps join them is a project convention.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

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

ORDER_KINDS = ("leader", "discipline", "superior", "media", "appearance", "campaign", "other")
"""Seven kinds of supervision orders (督办类别): 领导批示, 纪检督办, 上级转办, 媒体关注, 影响市容, 重大活动, 其他."""

VERDICTS = ("satisfied", "unsatisfied", "none")
"""What a return visit (回访) obtained; ``none``: nobody gave a verdict."""

FLAGS = ("supervised", "repeat", "multi_dispatched", "hanging", "exposed", "referred", "false")
"""Marks beside the state (标记), in order."""

MARKS = ("repeat", "exposed", "referred", "false")
"""Marks that a step sets and another one takes back."""


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
        return self.state in WITH_UNIT and self.state != "on_hold" and due is not None and now > due

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
