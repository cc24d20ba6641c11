"""Results of other assessments as inputs (引用其他考核的结果): the published one, else the newest, kept by value.

A value is taken only where everything that it is made of is there; else the
input is entered or missing. Nothing is guessed, and nothing is assessed on the way.
"""

import datetime as dt
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeVar

from gridmgmt.assessing.operations.automatic_inputs import Assessed, Key
from gridmgmt.assessing.operations.past_results import joined, mark_of
from gridmgmt.assessing.store import assessments as store
from gridmgmt.assessing.store.assessments import Stored
from gridmgmt.database.work import Connection
from gridmgmt.figures.operations.period_counts import Figures
from gridmgmt.numbers import exact
from gridmgmt.people.store import people
from gridmgmt.people.store import units as store_units
from gridmgmt.rulebooks.inputs import ResultOf
from gridmgmt.scorecards.documents import Document

_Value = TypeVar("_Value", bound=Hashable)

_MONTHS = {"month": 1, "quarter": 3, "half": 6}


@dataclass(frozen=True)
class _Other:
    """Another assessment's documents, by whom they are of."""

    documents: Mapping[Key, Document]

    @cached_property
    def by_code(self) -> dict[str, list[Key]]:
        """Code → those who bear it, on whatever level."""
        return _turned({key: key[2] for key in self.documents})


class Results:
    """The results that a period's assessment takes from others."""

    def __init__(self, connection: Connection, found: Figures, known_by: dt.datetime | None = None) -> None:
        """``known_by``: which unit stands below which, and which post is full time, as it was known then."""
        self._connection, self._found, self._known_by = connection, found, known_by
        self._official: dict[str, Mapping[str, Stored]] = {}
        self._others: dict[int, _Other] = {}
        self._used: dict[str, str] = {}

    @property
    def assessments(self) -> list[dict[str, str]]:
        """Every assessment of which a result was taken, with its hash, by name."""
        return [{"assessment": name, "sha256": sha256} for name, sha256 in sorted(self._used.items())]

    def value(self, rule: ResultOf | None, subject: Assessed) -> tuple[str, list[dict[str, Any]]] | None:
        """The plain value of an input that is a result, and what it was made of; None where anything is not there."""
        if rule is None:
            return None
        parts = [self._of_period(rule, label, subject) for label in self._labels(rule)]
        taken = [part for own in parts if own is not None for part in own]
        if not taken or None in parts:
            return None
        values = [Fraction(t["value"]) for t in taken]
        result = sum(values, Fraction(0)) / (len(values) if rule.how == "mean" else 1) * rule.times
        self._used |= {t["assessment"]: t["sha256"] for t in taken}
        return exact(result), taken

    def _of_period(self, rule: ResultOf, label: str, subject: Assessed) -> list[dict[str, Any]] | None:
        stored = self._holding(rule.rulebook).get(label)
        if stored is None:
            return None
        other, out = self._of(stored), []
        for key in self._whose(rule, subject, other):
            value = _value(rule, other.documents[key]) if key in other.documents else None
            if value is None:
                return None
            item = {"item": rule.item} if rule.item is not None else {}
            out.append(
                {
                    "assessment": stored.name, "sha256": stored.sha256, "period": label, "kind": key[0],
                    "level_number": key[1], "code": key[2], "take": rule.take, **item, "value": exact(value),
                }
            )  # fmt: skip
        return out or None

    def _labels(self, rule: ResultOf) -> list[str]:
        """The periods that are taken: the own one, or all of a length within it."""
        period = self._found.period
        if rule.within is None:
            return [period.label]
        n, months = _MONTHS[rule.within], period.months()
        if n >= len(months) or len(months) % n:
            return []
        return [joined(months[i : i + n]) for i in range(0, len(months), n)]

    def _holding(self, rulebook: str) -> Mapping[str, Stored]:
        if rulebook not in self._official:
            self._official[rulebook] = store.official(self._connection, rulebook)
        return self._official[rulebook]

    def _of(self, stored: Stored) -> _Other:
        if stored.id not in self._others:
            found = store.documents(self._connection, stored.id)
            self._others[stored.id] = _Other({d.subject.key: d for d in found})
        return self._others[stored.id]

    # --- whose --------------------------------------------------------------------------------------------------------

    def _whose(self, rule: ResultOf, subject: Assessed, other: _Other) -> Sequence[Key]:
        """The subjects of the other assessment, in order; each by a look-up, however many there are."""
        kind, _, code = subject.key
        if rule.whose == "same":
            return [subject.key]
        if rule.whose == "named":
            named = other.by_code.get(str(rule.named), ())
            return named if len(named) == 1 else []
        if rule.whose == "home_unit" and kind == "person":
            return [("unit", 0, self._homes[code])] if code in self._homes else []
        if rule.whose == "home_unit":
            return [key for key in self._staff.get(code, ()) if key in other.documents]
        if rule.whose == "parent":
            parent = self._parents.get(subject.key)
            return [parent] if parent is not None else []
        return [key for key in self._children.get(subject.key, ()) if key in other.documents]

    @cached_property
    def _parents(self) -> dict[Key, Key]:
        """Every grid of the edition and every unit that has one above it → the one above."""
        grids = self._found.grids
        own = grids[(grids["edition"] == self._found.edition.name) & grids["parent_code"].notna()]
        columns = (own["level"].tolist(), own["code"].tolist(), own["parent_code"].tolist())
        out: dict[Key, Key] = {
            ("grid", int(n), str(code)): ("grid", int(n) - 1, str(parent))
            for n, code, parent in zip(*columns, strict=True)
        }
        for code, row in store_units.units(self._connection, self._known_by).items():
            if row["parent_code"] is not None:
                out["unit", 0, code] = ("unit", 0, str(row["parent_code"]))
        return out

    @cached_property
    def _children(self) -> dict[Key, list[Key]]:
        """Who stands below each grid and unit, in order."""
        return _turned(self._parents)

    @cached_property
    def _staff(self) -> dict[str, list[Key]]:
        """Unit → the persons whose home it is, in order."""
        return _turned({("person", 0, person): unit for person, unit in self._homes.items()})

    @cached_property
    def _homes(self) -> dict[str, str]:
        """Person → his home unit (在职单位): that of a full-time post, else of the one begun last; on the last day."""
        posts = people.posts(self._connection, self._found.day, self._known_by)
        posts.sort(key=lambda p: (p.is_full_time, p.valid_from, p.unit_code))
        return {p.person_code: p.unit_code for p in posts}


def _turned(above: Mapping[Key, _Value]) -> dict[_Value, list[Key]]:
    """Each value with the keys that have it, in order."""
    out: dict[_Value, list[Key]] = {}
    for key in sorted(above):
        out.setdefault(above[key], []).append(key)
    return out


def _value(rule: ResultOf, document: Document) -> Fraction | None:
    """A document's total, its rank on its level, or an item's points; None where there is none."""
    if rule.take == "total":
        return Fraction(document.total.exact) if document.total is not None else None
    if rule.take == "rank":
        return Fraction(document.place) if document.place is not None else None
    line = next((x for x in document.all_lines if x.item == rule.item), None)
    points = mark_of(line) if line is not None else None
    return Fraction(points) if points is not None else None
