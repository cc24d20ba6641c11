"""Check lists (检查表): what is looked at in a sample of each type, and what each finding costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Annotated, Self

from pydantic import Field, model_validator

from gridmgmt.bounds import read_text
from gridmgmt.documents import Exact, Id, Positive, Strict, Words
from gridmgmt.errors import ChecklistMissing
from gridmgmt.inspections.plans import read_strictly
from gridmgmt.settings import data_path


def _is_decimal(value: Fraction) -> bool:
    return (value * 10**6).denominator == 1


class CheckItem(Strict):
    """One thing to look at (检查项).

    Attributes
    ----------
    points
        Deducted for each ``each``.
    each
        What is counted: a place, a heap, a vehicle.
    most
        At most so many points for this item; None: no limit but the sample's.
    objects
        Only samples of these objects have it; none named: all of the type.
    """

    code: Annotated[str, Field(pattern=r"^[A-Z]{1,4}[0-9]{1,3}$")]
    text: Words
    points: Positive
    each: Words
    most: Positive | None = None
    objects: tuple[Id, ...] = ()

    @model_validator(mode="after")
    def _plain(self) -> Self:
        if not all(_is_decimal(x) for x in (self.points, self.most or Fraction(0))):
            raise ValueError("0.000001")
        return self

    def deduction(self, n: int) -> Fraction:
        """Points for ``n`` findings."""
        points = self.points * n
        return points if self.most is None else min(points, self.most)


class Checklist(Strict):
    """The items by sample type; a sample's score is ``full`` minus its deductions, never below ``floor``."""

    id: Id
    version: Annotated[int, Field(strict=True, ge=1)]
    title: Words
    source: Words
    full: Exact
    floor: Exact
    types: dict[Id, tuple[CheckItem, ...]]

    @model_validator(mode="after")
    def _codes_differ(self) -> Self:
        codes = [item.code for items in self.types.values() for item in items]
        twice = sorted({c for c in codes if codes.count(c) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} × 1")
        if not self.floor < self.full or not all(_is_decimal(x) for x in (self.full, self.floor)):
            raise ValueError("floor < full")
        return self

    def items(self, sample_type: str, name: str) -> tuple[CheckItem, ...]:
        """The items of a sample by its type and object."""
        return tuple(i for i in self.types.get(sample_type, ()) if not i.objects or name in i.objects)


@dataclass(frozen=True)
class Judged:
    """A sample's score, and what each of its findings took off before the floor."""

    score: Fraction
    points: tuple[Fraction, ...]


def judge(checklist: Checklist, sample_type: str, findings: Sequence[tuple[str, int]]) -> Judged:
    """A sample's score (样本得分): full marks minus each item's deduction, never below the floor.

    Parameters
    ----------
    findings
        Item code and how many were found; an item may come several times, for
        several places: what it takes off in all is its deduction for the sum.
    """
    items = {i.code: i for i in checklist.types.get(sample_type, ())}
    seen: dict[str, int] = {}
    points = []
    for code, n in findings:
        before = seen.get(code, 0)
        seen[code] = before + n
        points.append(items[code].deduction(before + n) - items[code].deduction(before))
    return Judged(max(checklist.floor, checklist.full - sum(points, Fraction(0))), tuple(points))


def load(name: str) -> tuple[Checklist, str]:
    """A check list of ``data/checklists`` by its id, and its text.

    Raises
    ------
    ChecklistMissing, PlanInvalid
    """
    path = data_path("checklists", f"{name}.yaml")
    if not path.is_file():
        raise ChecklistMissing(name=name, known=sorted(p.stem for p in path.parent.glob("*.yaml")))
    text = read_text(path)
    return parse(text, path.name), text


@lru_cache(maxsize=8)
def parse(text: str, file: str) -> Checklist:
    """A check list from its text; the same text is read once.

    Raises
    ------
    PlanInvalid
    """
    return read_strictly(text, file, Checklist)
