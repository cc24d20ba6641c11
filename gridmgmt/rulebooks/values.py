"""Values of inputs (考核数据的取值): from what a file or the database holds to exact, typed values.

A value is a plain JSON value when it is handed in, stored or frozen, and one of
these when it is computed with. What is missing has no value at all; what does
not apply is :data:`NOT_APPLICABLE`.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from gridmgmt.accepted import closest, yes_no
from gridmgmt.numbers import exact, to_exact
from gridmgmt.rulebooks.inputs import Input
from gridmgmt.texts import Unfit

NOT_APPLICABLE = "not_applicable"
"""As it is handed in and as it is computed with."""

ROADS = ("main", "secondary", "back", "key")
"""Road class of a filing's place: main road, secondary road, back street; key area (重点区域)."""

STEPS = ("dispatched", "missed", "answered", "failed", "passed", "sent_back", "referred")
"""Steps of a hanging account: opened; deadline passed without an answer; answered; verification failed, passed; the
unit sent the case back and has it no more; persons referred."""

FAILED = ("missed", "failed")
"""The steps by which a hang period fails (挂账失败): each is one deduction."""


@dataclass(frozen=True)
class Finding:
    """One fault found (检查发现), or ``n`` of them together."""

    n: int = 1
    on: dt.date | None = None
    code: str | None = None
    case: str | None = None
    occasion: str | None = None
    points: Fraction | None = None
    evidence: str | None = None
    note: str | None = None
    entry: str | None = None
    """The entry it came from."""


@dataclass(frozen=True)
class Event:
    """One dated event (奖惩事项) of a kind, with its evidence."""

    code: str
    n: int = 1
    on: dt.date | None = None
    role: str | None = None
    points: Fraction | None = None
    fault: str | None = None
    """What it is about: of kinds that count once per fault."""
    praised: bool = False
    amount: Fraction | None = None
    """How much it was, of kinds that ask for it: minutes, days."""
    evidence: str | None = None
    note: str | None = None
    entry: str | None = None


@dataclass(frozen=True)
class Row:
    """One row of a table of items."""

    id: str
    title: Mapping[str, str]
    points: Fraction


@dataclass(frozen=True)
class Account:
    """One issue's hanging account (挂账): its steps in order.

    ``earlier``: the issue's failures that are not to be counted here, since
    another unit or an earlier period answers for them; exposure counts them too.
    ``failures`` names those counted here, ``issue_failures`` these and the
    earlier ones in order, where they follow from the steps of cases: by these
    names they are appealed against.
    """

    id: str
    steps: tuple[str, ...]
    unit: str | None = None
    earlier: int = 0
    failures: tuple[str, ...] = ()
    issue_failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Filing:
    """``n`` filed cases of one class at one place, in order of filing."""

    category: str
    place: str
    road: str | None = None
    n: int = 1


def once_per_case(findings: Sequence[Finding]) -> list[Finding]:
    """Findings on the same case as one; those without a case stand for themselves."""
    seen: dict[str, Finding] = {}
    for finding in findings:
        if finding.case is not None:
            seen.setdefault(finding.case, Finding(1, case=finding.case))
    return [*(f for f in findings if f.case is None), *seen.values()]


Value = (
    Fraction
    | bool
    | str
    | tuple[Fraction, ...]
    | tuple[Finding, ...]
    | tuple[Event, ...]
    | tuple[Row, ...]
    | tuple[Account, ...]
    | tuple[Filing, ...]
    | Mapping[str, tuple[Fraction, ...]]
)


def parse(spec: Input, raw: Any) -> Value:
    """Read one value of an input.

    Raises
    ------
    Unfit
        Says what was expected.
    """
    if raw == NOT_APPLICABLE:
        if not spec.may_not_apply:
            raise Unfit("value_that_applies")
        return NOT_APPLICABLE
    value: Value = _READERS[spec.type](spec, raw)
    return value


def _number(spec: Input, raw: Any) -> Fraction:
    value = to_exact(raw)
    if spec.at_least is not None and value < spec.at_least:
        raise Unfit("number_from", least=exact(spec.at_least))
    if spec.at_most is not None and value > spec.at_most:
        raise Unfit("number_up_to", most=exact(spec.at_most))
    return value


def _count(spec: Input, raw: Any) -> Fraction:
    value = _number(spec, raw)
    if value < 0 or (value.denominator != 1 and not spec.is_shared):
        raise Unfit("whole_from", least=0)
    return value


def _flag(_spec: Input, raw: Any) -> bool:
    value = yes_no(raw)
    if value is None:
        raise Unfit("flag")
    return value


def _choice(spec: Input, raw: Any) -> str:
    found = {k: k for k in spec.choices} | {t: k for k, words in spec.choices.items() for t in words.values()}
    if str(raw) not in found:
        raise Unfit("one_of", known=closest(str(raw), spec.choices))
    return found[str(raw)]


def _marks(spec: Input, raw: Any) -> tuple[Fraction, ...]:
    if not isinstance(raw, list | tuple):
        raise Unfit("numbers")
    return tuple(_number(spec, x) for x in raw)


def _ratings(spec: Input, raw: Any) -> Mapping[str, tuple[Fraction, ...]]:
    if not isinstance(raw, Mapping) or not set(raw) <= set(spec.groups):
        raise Unfit("ratings", known=list(spec.groups))
    return {str(group): _marks(spec, marks) for group, marks in raw.items()}


def _findings(_spec: Input, raw: Any) -> tuple[Finding, ...]:
    if isinstance(raw, int | str) and not isinstance(raw, bool):
        n = to_exact(raw)
        if n < 0 or n.denominator != 1:
            raise Unfit("count_or_findings")
        return (Finding(int(n)),) if n else ()
    return _records(raw, Finding)


def _events(_spec: Input, raw: Any) -> tuple[Event, ...]:
    return _records(raw, Event)


def _filings(spec: Input, raw: Any) -> Any:
    return _records(raw, Filing) if isinstance(raw, list | tuple) else _count(spec, raw)


def _records(raw: Any, kind: Callable[..., Any]) -> tuple[Any, ...]:
    """A list of records of one dataclass; keys it does not have are refused."""
    if not isinstance(raw, list | tuple) or not all(isinstance(x, Mapping) for x in raw):
        raise Unfit("records")
    return tuple(_record(x, kind) for x in raw)


def _record(raw: Mapping[str, Any], kind: Any) -> Any:
    known = kind.__dataclass_fields__
    unknown = sorted(set(map(str, raw)) - set(known))
    if unknown:
        raise Unfit("only", known=closest(unknown[0], known), unknown=unknown)
    values = {key: _FIELDS.get(key, str)(value) for key, value in raw.items() if value is not None}
    try:
        return kind(**values)
    except TypeError as e:
        raise Unfit("all_of", known=[k for k, f in known.items() if f.default is f.default_factory]) from e


def _day(raw: Any) -> dt.date:
    if isinstance(raw, dt.datetime):
        return raw.date()
    if isinstance(raw, dt.date):
        return raw
    try:
        return dt.date.fromisoformat(str(raw).strip()[:10])
    except ValueError as e:
        raise Unfit("day", value=str(raw)) from e


def _times(raw: Any) -> int:
    value = to_exact(raw)
    if value < 1 or value.denominator != 1:
        raise Unfit("whole_from", least=1)
    return int(value)


def _earlier(raw: Any) -> int:
    return 0 if raw in (0, "0") else _times(raw)


def _title(raw: Any) -> Mapping[str, str]:
    return dict(raw) if isinstance(raw, Mapping) else {"zh": str(raw), "en": str(raw)}


def _at_least_0(raw: Any) -> Fraction:
    """Points and amounts of a record: a fault never earns, and a table's item is never worth less than nothing."""
    value = to_exact(raw)
    if value < 0:
        raise Unfit("points_from_0")
    return value


def _steps(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list | tuple) or not raw or any(s not in STEPS for s in raw) or raw[0] != "dispatched":
        raise Unfit("steps", known=list(STEPS))
    if any(a == "answered" and b == "missed" for a, b in pairwise(raw)):
        raise Unfit("not_missed_when_answered")
    if "passed" in raw and any(s != "referred" for s in raw[raw.index("passed") + 1 :]):
        raise Unfit("nothing_after_passed")
    return tuple(raw)


def _names(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list | tuple):
        raise Unfit("names")
    return tuple(map(str, raw))


def _accounts(_spec: Input, raw: Any) -> tuple[Account, ...]:
    found: tuple[Account, ...] = _records(raw, Account)
    if any(a.failures and len(a.failures) != sum(s in FAILED for s in a.steps) for a in found):
        raise Unfit("failures_named")
    if len({(a.id, a.unit) for a in found}) < len(found):
        raise Unfit("account_once")
    return found


def _road(raw: Any) -> str:
    if raw not in ROADS:
        raise Unfit("road_class", known=list(ROADS))
    return str(raw)


_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "n": _times, "on": _day, "points": _at_least_0, "amount": _at_least_0, "title": _title, "steps": _steps,
    "road": _road, "earlier": _earlier, "failures": _names, "issue_failures": _names,
    "praised": lambda raw: _flag(None, raw),  # type: ignore[arg-type]
}  # fmt: skip

_READERS: Mapping[str, Callable[[Input, Any], Any]] = {
    "number": _number,
    "count": _count,
    "flag": _flag,
    "choice": _choice,
    "marks": _marks,
    "ratings": _ratings,
    "findings": _findings,
    "events": _events,
    "items": lambda _spec, raw: _records(raw, Row),
    "accounts": _accounts,
    "filings": _filings,
}
