"""What a count says of a fact (条件): small expressions over its columns, each true, false, and never unknown.

An expression is written once. Called with :class:`gridmgmt.figures.counts.Facts` it says which rows of a frame it
takes; the store makes the same of it for the database. What compares with an unknown value does not hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gridmgmt.figures.counts import Facts

Mask = NDArray[np.bool_]


def true(answers: pd.Series) -> Mask:
    """Where a comparison holds; with an unknown value (NA) it does not."""
    return answers.fillna(False).to_numpy(dtype=bool)


@dataclass(frozen=True)
class Column:
    """A column as it stands."""

    name: str

    def of(self, facts: "Facts") -> pd.Series:
        """Its value in each row."""
        return facts.frame[self.name]


@dataclass(frozen=True)
class Seen:
    """A time column as it was at the cut-off: what happens later has not happened."""

    name: str

    def of(self, facts: "Facts") -> pd.Series:
        """Its value in each row."""
        return facts.time(self.name)


@dataclass(frozen=True)
class Either:
    """The first value, or where it is unknown the second."""

    first: Column | Seen
    second: Column | Seen

    def of(self, facts: "Facts") -> pd.Series:
        """Its value in each row."""
        first = self.first.of(facts)
        return first.where(first.notna(), self.second.of(facts))


Value = Column | Seen | Either


class Condition:
    """Something that holds of a row or does not."""

    def __call__(self, facts: "Facts") -> Mask:
        """In which rows it holds; worked out once for the same facts."""
        known = facts.answers
        if self not in known:
            known[self] = self._of(facts)
        return known[self]

    def _of(self, facts: "Facts") -> Mask:
        raise NotImplementedError

    def __and__(self, other: "Condition") -> "Condition":
        return Both(self, other)

    def __or__(self, other: "Condition") -> "Condition":
        return Any(self, other)

    def __invert__(self) -> "Condition":
        return Not(self)


@dataclass(frozen=True)
class Within(Condition):
    """An instant lies in the period and not after the cut-off."""

    value: Value

    def _of(self, facts: "Facts") -> Mask:
        return facts.within(self.value.of(facts))


@dataclass(frozen=True)
class Known(Condition):
    """A value is there."""

    value: Value

    def _of(self, facts: "Facts") -> Mask:
        return self.value.of(facts).notna().to_numpy()


@dataclass(frozen=True)
class AtMost(Condition):
    """One instant is not after another."""

    first: Value
    second: Value

    def _of(self, facts: "Facts") -> Mask:
        return true(self.first.of(facts) <= self.second.of(facts))


@dataclass(frozen=True)
class BeforeCut(Condition):
    """An instant lies before the cut-off."""

    value: Value

    def _of(self, facts: "Facts") -> Mask:
        return true(self.value.of(facts) < facts.as_of)


@dataclass(frozen=True)
class AfterCut(Condition):
    """An instant lies after the cut-off."""

    value: Value

    def _of(self, facts: "Facts") -> Mask:
        return true(self.value.of(facts) > facts.as_of)


@dataclass(frozen=True)
class Holds(Condition):
    """A column of yes and no says yes."""

    name: str

    def _of(self, facts: "Facts") -> Mask:
        return true(facts.frame[self.name].astype("boolean"))


@dataclass(frozen=True)
class Positive(Condition):
    """A number is above zero."""

    name: str

    def _of(self, facts: "Facts") -> Mask:
        return true(facts.frame[self.name] > 0)


@dataclass(frozen=True)
class OneOf(Condition):
    """A text or number is one of some."""

    name: str
    values: tuple[str, ...] | tuple[int, ...]

    def _of(self, facts: "Facts") -> Mask:
        return true(facts.frame[self.name].isin(self.values))


@dataclass(frozen=True)
class Begins(Condition):
    """A text begins so; an unknown one is empty."""

    name: str
    stem: str

    def _of(self, facts: "Facts") -> Mask:
        return true(facts.frame[self.name].astype("object").fillna("").str.startswith(self.stem).astype("boolean"))


@dataclass(frozen=True)
class Both(Condition):
    """Two conditions hold."""

    first: Condition
    second: Condition

    def _of(self, facts: "Facts") -> Mask:
        return self.first(facts) & self.second(facts)


@dataclass(frozen=True)
class Any(Condition):
    """One of two conditions holds, or both do."""

    first: Condition
    second: Condition

    def _of(self, facts: "Facts") -> Mask:
        return self.first(facts) | self.second(facts)


@dataclass(frozen=True)
class Not(Condition):
    """A condition does not hold."""

    other: Condition

    def _of(self, facts: "Facts") -> Mask:
        return ~self.other(facts)


@dataclass(frozen=True)
class Always(Condition):
    """It holds in each row."""

    def _of(self, facts: "Facts") -> Mask:
        return np.ones(len(facts.frame), dtype=bool)


def every(conditions: Sequence[Condition]) -> Condition:
    """All of some conditions hold; of none: always."""
    return reduce(Both, conditions) if conditions else Always()


def some(conditions: Sequence[Condition]) -> Condition:
    """At least one of some conditions holds; of none: never."""
    return reduce(Any, conditions) if conditions else Not(Always())
