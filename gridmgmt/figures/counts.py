"""Base counts (基础计数): each a predicate and a clock, over cases, samples and steps.

A count says which facts it takes (predicate) and which of their times puts
them into the period (clock). Nothing later than the data cut-off is seen: a
case closed after it is still open. Where an export cannot tell whether a case
was reworked or is a repeat, the case stays out of that rate's denominator:
unknown is not "no".

Definitions: project conventions that follow the field's usual ones; timeliness
is judged by the deadline's period, filing and repeats by the filing time.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmgmt.figures.predicates import (
    AfterCut,
    AtMost,
    BeforeCut,
    Column,
    Condition,
    Either,
    Holds,
    Known,
    Mask,
    OneOf,
    Positive,
    Seen,
    Within,
    true,
)


@dataclass(frozen=True)
class Facts:
    """Fact rows as they were known and had happened at the cut-off.

    Attributes
    ----------
    frame
        Case columns (``reported_at`` … as ``datetime64[us, UTC]``, ``n_rework``,
        ``is_repeat``, ``stands``), sample columns (``sampled_at``, ``score``) or step columns (``at``, ``kind``).
    start, end
        The period's bounds in UTC, half-open.
    as_of
        The data cut-off (数据截止时点); an event at that very instant has happened.
    n
        How many facts each row stands for; None: it is one.
    """

    frame: pd.DataFrame
    start: dt.datetime
    end: dt.datetime
    as_of: dt.datetime
    n: NDArray[np.int64] | None = None

    def time(self, name: str) -> pd.Series:
        """A time column; what happens after the cut-off has not happened."""
        if name not in self._times:
            values = self.frame[name]
            self._times[name] = values.where(values <= self.as_of)
        return self._times[name]

    @cached_property
    def _times(self) -> dict[str, pd.Series]:
        return {}

    @cached_property
    def answers(self) -> dict[Condition, Mask]:
        """In which rows a condition holds, as far as it was asked."""
        return {}

    @cached_property
    def seen(self) -> pd.DataFrame:
        """The case rows as they were at the cut-off: registered and void only if that had happened."""
        return self.frame.assign(**{name: self.time(name) for name in ("registered_at", "voided_at")})

    def within(self, values: pd.Series) -> Mask:
        """Whether an instant lies in the period and not after the cut-off."""
        return true((values >= self.start) & (values < self.end) & (values <= self.as_of))


# --- cases ------------------------------------------------------------------------------------------------------------

DUE = Either(Column("due_extended_at"), Column("due_at"))
"""The effective deadline (应结案时限): after an approved extension."""

_DONE = Either(Seen("handled_at"), Seen("closed_at"))
"""When the unit had finished: handling, else (derived) closing."""

_NOT_VOID = ~Known(Seen("voided_at"))

_REGISTERED = Within(Column("registered_at"))

_REPEAT_KNOWN = _REGISTERED & Known(Column("is_repeat"))

_IS_DUE = Within(DUE) & _NOT_VOID & ~(~Known(_DONE) & Holds("stands"))
"""Deadline in the period, and the case neither void nor standing.

A case stands (``stands``) that by its steps is on hold, or sent back and not dispatched again, before its deadline had
passed: no deadline runs for anybody. What was late before stays due, and what was handled or closed stands no longer,
whatever its steps leave out. Few are not done: only these are asked whether they stand.
"""

_CLOSED = _IS_DUE & Known(Seen("closed_at"))
"""Due and closed by the cut-off."""

_ON_TIME = _CLOSED & AtMost(_DONE, Column("due_at"))
"""Closed, and finished by the original deadline; exactly at it is on time (按期)."""

_EXTENDED = _CLOSED & ~_ON_TIME & AtMost(_DONE, DUE)
"""Closed, and finished after the original deadline but by the extended one (延期)."""

_LATE = _CLOSED & ~_ON_TIME & ~_EXTENDED
"""Closed, and finished after every deadline (超期): the rest of the closed."""

_DERIVED = _CLOSED & ~Known(Seen("handled_at"))
"""Closed, and judged by the closing time because the export tells no handling time (推定)."""

_OVERDUE_OPEN = _IS_DUE & ~_CLOSED & BeforeCut(DUE)
"""Due, the deadline past at the cut-off, and not closed."""

_UNTIMELY = _IS_DUE & ~AtMost(_DONE, DUE) & BeforeCut(DUE)
"""Due, and not finished by the effective deadline (不及时): still open, or too late even for an extension."""

_REWORKED = _IS_DUE & Positive("n_rework") & ~AfterCut(Column("reworked_at"))
"""Due and sent back at least once by the cut-off (a rework without its time counts)."""


@dataclass(frozen=True)
class Count:
    """One base count: what it counts, in both languages, from which facts, by which clock."""

    name: str
    zh: str
    en: str
    of: str
    clock: str
    mask: Callable[[Facts], Mask]
    amount: str | None = None
    """Column that is summed; None counts rows."""
    is_listed: bool = True
    """Whether a scorecard lists it unasked; each can be asked for by its name."""
    is_asked: bool = False
    """Whether it is counted, and frozen with an assessment, only where it is asked for by its name."""


# --- samples, steps, acts ---------------------------------------------------------------------------------------------

_SAMPLED = Within(Column("sampled_at"))
_SCORED = _SAMPLED & Known(Column("score"))


def _steps(*kinds: str) -> Condition:
    """Steps of some kinds that happened in the period."""
    return Within(Column("at")) & OneOf("kind", kinds)


_SEND_BACKS = _steps("send_back") & ~(Holds("wrong_dispatch") | Holds("agreed"))
"""Send-backs that count against the unit: neither a wrong dispatch nor agreed beforehand."""


def _once(taken: Condition, *keys: str) -> Callable[[Facts], Mask]:
    """Of a case's steps only the first in the period: a case counts once (with ``keys``: once for each of them)."""

    def first(f: Facts) -> Mask:
        mask = taken(f).copy()
        mask[mask] = ~f.frame.loc[mask, ["case_no", *keys]].duplicated().to_numpy()
        return mask

    return first


_DISPATCHED_ONCE = _once(_steps("dispatch"), "unit_id")
_REDISPATCHED = _once(_steps("dispatch") & Holds("again"))


def _visits(*verdicts: str) -> Callable[[Facts], Mask]:
    """Cases by the verdict of their last visit (回访) in the period that obtained one: a case counts once."""
    obtained = _steps("visit") & OneOf("verdict", ("satisfied", "unsatisfied"))

    def last(f: Facts) -> Mask:
        valid = obtained(f).copy()
        valid[valid] = ~f.frame.loc[valid, "case_no"].duplicated(keep="last").to_numpy()
        return valid & OneOf("verdict", verdicts)(f)

    return last


def _late(kind: str) -> Condition:
    """Acts of a kind in the period that came after their deadline; exactly at it is on time."""
    return _steps(kind) & Holds("late")


_WRONG = _steps("send_back") & Holds("wrong_dispatch")
"""Send-backs for a wrong dispatch: they are acts of whoever dispatched."""


COUNTS: Mapping[str, Count] = {
    c.name: c
    for c in (
        Count("n_reported", "上报数", "Reported", "cases", "reported_at", Within(Column("reported_at"))),
        Count("n_registered", "立案数", "Registered", "cases", "registered_at", _REGISTERED),
        Count("n_dispatched", "应处置数", "To be handled", "cases", "dispatched_at",
              Within(Column("dispatched_at")) & _NOT_VOID),
        Count("n_due", "应结案数", "Due", "cases", "due", _IS_DUE),
        Count("n_closed", "结案数", "Closed", "cases", "due", _CLOSED),
        Count("n_closed_on_time", "按期结案数", "Closed on time", "cases", "due", _ON_TIME),
        Count("n_closed_extended", "延期结案数", "Closed within an extension", "cases", "due", _EXTENDED),
        Count("n_closed_late", "超期结案数", "Closed late", "cases", "due", _LATE),
        Count(
            "n_closed_derived", "按结案时间判定的结案数", "Closed, judged by the closing time", "cases", "due",
            _DERIVED, is_listed=False,
        ),
        Count("n_overdue_open", "超期未结案数", "Overdue and open", "cases", "due", _OVERDUE_OPEN),
        Count("n_untimely", "不及时处置数", "Not handled in time", "cases", "due", _UNTIMELY),
        Count(
            "n_due_rework_known", "可判定返工的应结案数", "Due, rework can be told", "cases", "due",
            _IS_DUE & Known(Column("n_rework")),
        ),
        Count("n_rework_cases", "返工案件数", "Reworked cases", "cases", "due", _REWORKED),
        Count(
            "n_rework_closed", "返工过的结案数", "Closed, reworked", "cases", "due",
            _REWORKED & _CLOSED,
        ),
        Count("n_rework_events", "返工次数", "Rework events", "cases", "due", _REWORKED, "n_rework"),
        Count(
            "n_registered_repeat_known", "可判定重复的立案数", "Registered, repeat can be told", "cases",
            "registered_at", _REPEAT_KNOWN,
        ),
        Count("n_repeats", "重复案件数", "Repeat cases", "cases", "registered_at", _REGISTERED & Holds("is_repeat")),
        Count("n_dispatched_logged", "有派遣步骤的案件数", "Dispatch logged", "steps", "at", _DISPATCHED_ONCE),
        Count("n_redispatched", "多次派遣案件数", "Dispatched again", "steps", "at", _REDISPATCHED),
        Count("n_send_backs", "回退数", "Send-backs", "steps", "at", _SEND_BACKS),
        Count("n_extensions", "延期次数", "Extensions", "steps", "at", _steps("extend")),
        Count("n_extended_cases", "延期案件数", "Cases extended", "steps", "at", _once(_steps("extend"))),
        Count("n_postponed_cases", "缓办案件数", "Cases postponed", "steps", "at", _once(_steps("postpone"))),
        Count("n_supervised", "督办数", "Supervision orders", "steps", "at", _steps("supervise")),
        Count("n_orders_due", "到期督办数", "Supervision orders due", "steps", "at", _steps("order_due")),
        Count("n_orders_late", "逾期督办数", "Supervision orders late", "steps", "at", _late("order_due")),
        Count("n_visits", "有效回访数", "Valid visits", "steps", "at", _visits("satisfied", "unsatisfied")),
        Count("n_visits_satisfied", "回访满意数", "Visits satisfied", "steps", "at", _visits("satisfied")),
        Count("n_hang_failures", "挂账失败次数", "Hang periods failed", "steps", "at", _steps("hang_failure")),
        Count("n_exposed", "通报曝光数", "Accounts exposed", "steps", "at", _steps("exposed")),
        Count("n_false", "虚假案件数", "False cases", "steps", "at", _once(_steps("mark_false"))),
        Count(
            "n_answers_unpictured", "缺处置前后照片的答复数", "Answers without photographs", "steps", "at",
            _steps("answer_unpictured"), is_asked=True,
        ),
        Count("n_acts_reported", "本人上报数", "Reported by the person", "acts", "at", _steps("report")),
        Count("n_acts_dispatched", "本人派遣数", "Dispatched by the person", "acts", "at", _steps("dispatch")),
        Count(
            "n_acts_dispatching", "本人派遣及督办数", "Dispatched and supervised by the person", "acts", "at",
            _steps("dispatch", "supervise"),
        ),
        Count(
            "n_acts_dispatched_late", "本人派遣超时数", "Dispatched late by the person", "acts", "at",
            _late("dispatch"),
        ),
        Count("n_acts_wrong_dispatch", "本人错派数", "Wrongly dispatched by the person", "acts", "at", _WRONG),
        Count("n_acts_handled", "本人处置数", "Handled by the person", "acts", "at", _steps("answer")),
        Count(
            "n_acts_handled_timed", "本人有时限的处置数", "Handled by the person, with a deadline", "acts", "at",
            _steps("answer") & Known(Column("late")),
        ),
        Count("n_acts_handled_late", "本人超时处置数", "Handled late by the person", "acts", "at", _late("answer")),
        Count(
            "n_acts_on_time", "本人按时处置数", "Handled on time by the person", "acts", "at",
            _steps("answer") & Known(Column("late")) & ~Holds("late"),
        ),
        Count("n_acts_verified", "本人核查数", "Verified by the person", "acts", "at", _steps("close", "fail")),
        Count("n_samples", "抽查样本数", "Samples", "samples", "sampled_at", _SAMPLED),
        Count("n_scored_samples", "有得分样本数", "Scored samples", "samples", "sampled_at", _SCORED),
        Count("sum_sample_score", "样本得分合计", "Sum of sample scores", "samples", "sampled_at", _SCORED, "score"),
    )
}  # fmt: skip


ACTING = ("report", "dispatch", "supervise", "send_back", "answer", "close", "fail")
"""The kinds of step that are counted as acts of persons."""

ORDER_COUNTS = {"n_orders_due", "n_orders_late"}
HANG_COUNTS = {"n_hang_failures", "n_exposed"}
ANSWER_COUNTS = {"n_answers_unpictured"}
"""Counts of what follows from steps and the clock: more is read where they are wanted."""

ONCE = {"n_extended_cases": "n_extensions"}
"""A count that takes the first step of each case only → the one that takes all its steps of that kind."""

KNOWN_BY = {
    "n_rework_cases": ("n_due_rework_known", "n_due"),
    "n_rework_closed": ("n_due_rework_known", "n_due"),
    "n_rework_events": ("n_due_rework_known", "n_due"),
    "n_repeats": ("n_registered_repeat_known", "n_registered"),
    "sum_sample_score": ("n_scored_samples", "n_samples"),
    **{n: ("n_dispatched_logged", "n_dispatched") for n in COUNTS if COUNTS[n].of == "steps"},
}
"""A count → how many rows could have told it, of how many: 0 of some is "no data", not 0."""
