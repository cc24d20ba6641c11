"""Time limits (时限表): category × unit × stage → how long it may take; the most specific row of the day decides."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.deadlines import Limit

STAGES: Mapping[str, str] = {"acceptance": "受理", "dispatch": "派遣", "handling": "处置", "verification": "核查"}
"""Stages that have a limit of their own."""

Told = list[dict[str, str]]
"""Figures as facts of a message."""

Key = tuple[str, str | None, str, dt.date]


@dataclass(frozen=True)
class TimeLimit:
    """One row of the table.

    Attributes
    ----------
    category
        ``matter:06010``, ``component:01*`` or ``*``.
    unit_code
        Only for this unit; None: for all.
    part
        1, 2, 3 … of a staged limit (分段时限), each beginning where the one before ends.
    condition_zh, condition_en
        The filing condition (立案条件) that the table states, for people to read.
    valid_from, valid_to
        Days on which it holds, half-open.
    """

    category: str
    stage: str
    amount: Fraction
    unit: str
    valid_from: dt.date
    valid_to: dt.date | None = None
    unit_code: str | None = None
    part: int = 1
    part_zh: str | None = None
    part_en: str | None = None
    condition_zh: str | None = None
    condition_en: str | None = None

    @property
    def key(self) -> Key:
        """What the parts of one staged limit have in common."""
        return self.category, self.unit_code, self.stage, self.valid_from

    @property
    def precedence(self) -> tuple[int, bool, dt.date]:
        """What makes one row win over another: the more specific category, a named unit, the later first day."""
        return CategoryPattern.parse(self.category).specificity(), self.unit_code is not None, self.valid_from


WHYS = ("category", "unit", "date")
"""In which of these, compared in this order, the deciding row is ahead of a beaten one."""


@dataclass(frozen=True)
class Chosen:
    """The limit that holds.

    Attributes
    ----------
    limits
        Its parts in order.
    rule
        The row it came from, JSON-ready.
    reason
        ``beaten``: the rows that hold as well, each with the one of :data:`WHYS` that made it lose.
    """

    limits: tuple[Limit, ...]
    rule: Mapping[str, Any]
    reason: Mapping[str, Any]


def choose(
    rows: Sequence[TimeLimit], stage: str, category: str | None, unit_code: str | None, day: dt.date
) -> Chosen | None:
    """The limit of a stage for a class and a unit on a day; None where the table has none.

    A case without a class falls to the rows for ``*``.
    """
    fitting = [r for r in rows if r.stage == stage and _holds(r, category, unit_code, day)]
    if not fitting:
        return None
    best = max(fitting, key=lambda r: r.precedence)
    parts = sorted((r for r in fitting if r.key == best.key), key=lambda r: r.part)
    rule = {
        **_told(best), "stage": stage, "zh": best.condition_zh, "en": best.condition_en,
        "parts": [
            {"amount": str(p.amount), "unit": p.unit, "zh": p.part_zh, "en": p.part_en} for p in parts
        ],
    }  # fmt: skip
    others = {r.key: r for r in fitting if r.key != best.key}.values()
    beaten = [
        {**_told(r), "why": next(w for w, a, b in zip(WHYS, best.precedence, r.precedence, strict=True) if a != b)}
        for r in sorted(others, key=lambda r: r.precedence, reverse=True)
    ]
    return Chosen(tuple(Limit(p.amount, p.unit) for p in parts), rule, {"beaten": beaten})


def _told(row: TimeLimit) -> dict[str, Any]:
    return {"category": row.category, "unit_code": row.unit_code, "valid_from": row.valid_from.isoformat()}


def contradiction(rows: Sequence[TimeLimit], stated: Sequence[TimeLimit]) -> tuple[TimeLimit, Told, Told] | None:
    """The first limit that a table states otherwise for the same class, unit, stage and first day.

    Returns
    -------
    A row of that limit, and the figures stated and given; None if there is no such limit.
    """
    have = _figures(stated)
    for key, given in _figures(rows).items():
        if key in have and have[key] != given:
            row = next(r for r in rows if r.key == key)
            return row, _written(have[key]), _written(given)
    return None


def _figures(rows: Sequence[TimeLimit]) -> dict[Key, dict[int, Limit]]:
    out: dict[Key, dict[int, Limit]] = {}
    for row in sorted(rows, key=lambda r: r.part):
        out.setdefault(row.key, {})[row.part] = Limit(row.amount, row.unit)
    return out


def _written(parts: Mapping[int, Limit]) -> Told:
    return [{"code": "figure", "amount": x.shown, "unit": x.unit} for x in parts.values()]


def _holds(row: TimeLimit, category: str | None, unit_code: str | None, day: dt.date) -> bool:
    if row.unit_code not in (None, unit_code) or day < row.valid_from:
        return False
    if row.valid_to is not None and day >= row.valid_to:
        return False
    pattern = CategoryPattern.parse(row.category)
    if category is None:
        return pattern.kind is None
    return pattern.matches(CategoryKey.parse(category))
