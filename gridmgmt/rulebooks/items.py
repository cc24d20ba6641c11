"""The closed vocabulary of a rulebook: kinds of items (考核项) and of rules inside them (评分规则).

Each kind is data here and one short function in :mod:`gridmgmt.rulebooks.evaluate`
or :mod:`gridmgmt.rulebooks.deductions`. A city's paper rules are put together
from these; what cannot be, is not computed but entered.
"""

from fractions import Fraction
from typing import Annotated, Literal, Union

from pydantic import Field, model_validator

from gridmgmt.documents import Count, Exact, Id, Positive, Strict, Test, Words
from gridmgmt.rulebooks.rules import Named, Rule

# --- rules: what costs or earns points inside an item -----------------------------------------------------------------


# --- items: what has a value ------------------------------------------------------------------------------------------


class _Item(Named):
    weight: Positive | None = None
    """Only below an item of kind ``weighted``."""
    note: Words | None = None


class Sum(_Item):
    """Sum of its items (合计), clamped to 0 … ``points`` if these are given.

    ``scale_up``: an item without data is left out and the others scaled up, where ``empty`` is ``leave_out``.
    """

    kind: Literal["sum"]
    items: Annotated[tuple["Item", ...], Field(min_length=1)]
    points: Positive | None = None
    floor: Exact | None = None


class Weighted(_Item):
    """Sum of item × weight (加权): the weights must sum to ``over`` (66/30/4 of 100; 5:3:2 of 10)."""

    kind: Literal["weighted"]
    over: Positive = Fraction(100)
    items: Annotated[tuple["Item", ...], Field(min_length=1)]


class Mean(_Item):
    """Plain mean of those of its items that apply to the subject (平均)."""

    kind: Literal["mean"]
    items: Annotated[tuple["Item", ...], Field(min_length=1)]


class Constant(_Item):
    """A fixed number: the base that points are added to and taken from (基础分)."""

    kind: Literal["constant"]
    value: Exact


class Entered(_Item):
    """An entered value (录入值), clamped to 0 … ``points`` if these are given (超过满分按满分计)."""

    kind: Literal["entered"]
    input: Id
    points: Positive | None = None


class Marks(_Item):
    """Plain mean of the marks entered, one a round held (各次平均)."""

    kind: Literal["marks"]
    input: Id


class Ratings(_Item):
    """Ratings by groups of raters (测评): Σ weight × mean of a group's marks / over; an empty group leaves it open."""

    kind: Literal["ratings"]
    input: Id
    over: Positive = Fraction(100)
    weights: Annotated[dict[Id, Positive], Field(min_length=1)]

    @model_validator(mode="after")
    def _whole(self) -> "Ratings":
        total = sum(self.weights.values(), Fraction(0))
        if total != self.over:
            raise ValueError(f"the weights sum to {total}, not to {self.over}")
        return self


class Proportional(_Item):
    """Points × a rate, or points × a score / 100 (按比例得分)."""

    kind: Literal["proportional"]
    points: Positive
    rate: Id


class Band(Strict):
    """Points from a bound on; the bound is inclusive (以上), in percent for rates."""

    at_least: Exact
    points: Annotated[Exact, Field()]


class Bands(_Item):
    """Points by bands of a rate or an input (分档): the first bound that the value reaches, else 0."""

    kind: Literal["bands"]
    points: Positive
    rate: Id | None = None
    input: Id | None = None
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _falling(self) -> "Bands":
        _one_of(self.rate, self.input)
        bounds = [b.at_least for b in self.bands]
        if bounds != sorted(set(bounds), reverse=True):
            raise ValueError("at_least must fall from the first band to the last")
        if any(not 0 <= b.points <= self.points for b in self.bands):
            raise ValueError(f"a band's points must lie between 0 and {self.points}")
        return self


def _one_of(rate: str | None, value: str | None) -> None:
    if (rate is None) == (value is None):
        raise ValueError("needs exactly one of rate and input")


class AllOrNothing(_Item):
    """All its points if the value passes the limit, else none (达标得分); the limit of a rate in percent."""

    kind: Literal["all_or_nothing"]
    points: Positive
    rate: Id | None = None
    input: Id | None = None
    test: Test
    limit: Exact

    @model_validator(mode="after")
    def _one(self) -> "AllOrNothing":
        _one_of(self.rate, self.input)
        return self


class Deduct(_Item):
    """Its points less what its rules cost (扣分), never below ``floor`` (扣完为止); a surplus never spills over."""

    kind: Literal["deduct"]
    points: Positive
    floor: Exact = Fraction(0)
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


class Earn(_Item):
    """What its rules earn from 0 (得分), up to ``points``; without points there is no cap (上不封顶)."""

    kind: Literal["earn"]
    points: Positive | None = None
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


class Lose(_Item):
    """What its rules cost, as a negative number (罚分): below a sum it takes away, shown alone it is a list."""

    kind: Literal["lose"]
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


class Periods(_Item):
    """A value out of the shorter periods (逐期汇总): their mean, or their sum divided by ``over``.

    Attributes
    ----------
    stage, of
        Whose periods, and which of its items; none: the total.
    n
        So many periods there must be; with fewer the value is open.
    pending
        A period of which inputs are still missing leaves the value ``open``; or, if nobody was rated in it and
        nothing is entered, it is ``left_out`` as one not held.
    """

    kind: Literal["periods"]
    stage: Id
    of: Id | None = None
    how: Literal["mean", "sum"] = "mean"
    over: Positive = Fraction(1)
    n: Count
    pending: Literal["open", "left_out"] = "open"


class Carry(_Item):
    """Its item with the negative part carried on (负分结转), and charged to the superiors in the same period.

    own = item + what was carried in from the last period in which the
    subject was assessed; raw = own − shortfalls of the subordinates;
    recorded = max(0, raw); carried out = min(0, raw).
    ``charges``: the superiors each lose the full shortfall, max(0, −own).
    ``recorded``: a month below zero stands as 0, or as the negative number
    and then carries nothing. ``across_years``: whether the year's first
    period takes over what the year before left.
    """

    kind: Literal["carry"]
    item: "Item"
    charges: bool = True
    recorded: Literal["zero", "negative"] = "zero"
    across_years: bool = True


class Hanging(_Item):
    """Hanging accounts (挂账): how many hang periods ended by a missed deadline or a failed verification.

    From ``exposed_at`` failures of one issue on it is exposed. Without
    ``points`` the value is the number of deductions.
    """

    kind: Literal["hanging"]
    input: Id
    exposed_at: Count
    points: Positive | None = None


class ItemTable(_Item):
    """A table of items handed in as data (考核项目表): each its maximum less its findings, never below 0.

    ``items`` is the input with the table, ``findings`` the input whose codes are the table's ids.
    ``each``: what a finding costs that brings no points of its own.
    """

    kind: Literal["table"]
    items: Id
    findings: Id
    points: Positive
    each: Positive = Fraction(1)


class Linear(_Item):
    """A sum of inputs times fixed coefficients, for show (如应配人数)."""

    kind: Literal["linear"]
    terms: Annotated[dict[Id, Exact], Field(min_length=1)]


class Shown(_Item):
    """A rate for show, without points (只列示不计分)."""

    kind: Literal["rate"]
    rate: Id


class Target(_Item):
    """Whether a target is met (目标达成), without points; the limit of a rate in percent."""

    kind: Literal["target"]
    rate: Id | None = None
    input: Id | None = None
    at_least: Exact

    @model_validator(mode="after")
    def _one(self) -> "Target":
        _one_of(self.rate, self.input)
        return self


Item = Annotated[
    Union[  # noqa: UP007
        Sum, Weighted, Mean, Constant, Entered, Marks, Ratings, Proportional, Bands, AllOrNothing, Deduct, Earn, Lose,
        Periods, Carry, Hanging, ItemTable, Linear, Shown, Target,
    ],
    Field(discriminator="kind"),
]  # fmt: skip

for _model in (Sum, Weighted, Mean, Carry, Deduct, Earn, Lose):
    _model.model_rebuild()
