"""The closed vocabulary of a rulebook: kinds of items (考核项) and of rules inside them (评分规则).

Each kind is data here and one short function in :mod:`gridmgmt.rulebooks.evaluate`
or :mod:`gridmgmt.rulebooks.deductions`. A city's paper rules are put together
from these; what cannot be, is not computed but entered.
"""

from fractions import Fraction
from typing import Annotated, Literal, Union

from pydantic import Field, model_validator

from gridmgmt.rulebooks.parts import Count, Exact, Id, Positive, Strict, Test, Words


class Only(Strict):
    """Whom an item or rule concerns (适用对象), all of it together.

    Attributes
    ----------
    roles, attributes
        Subjects of one of these roles; subjects that have all these attributes.
    without
        Subjects that have none of these attributes.
    """

    roles: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


class _Named(Strict):
    id: Id
    title: Words
    code: str | None = None
    """How the paper numbers it, e.g. ``3.1``."""
    source: str | None = None
    only: Only | None = None
    """Of others the item does not apply, and the rule costs and earns nothing."""


# --- rules: what costs or earns points inside an item -----------------------------------------------------------------


class Each(_Named):
    """Points for each finding or unit counted (每项/每次扣分), up to a cap.

    ``distinct``: findings on the same case count once. ``unless``: a finding of
    an occasion that the other input names too is not counted (the group's
    deduction stands for the single ones).
    """

    kind: Literal["each"]
    input: Id
    points: Positive
    cap: Positive | None = None
    distinct: bool = False
    unless: Id | None = None


class Once(_Named):
    """Points once, however often it was found (只扣一次)."""

    kind: Literal["once"]
    input: Id
    points: Positive


class Amount(_Named):
    """Points entered by hand (酌情), from 0 to the cap."""

    kind: Literal["amount"]
    input: Id
    cap: Positive | None = None


class Steps(_Named):
    """Points by steps of percentage points beyond a threshold (每下降/上升 n 个百分点扣分).

    ``threshold`` and ``step`` are in percent and percentage points. Strictly
    beyond ``zero_beyond`` the item is 0; exactly at it the steps still count.
    """

    kind: Literal["steps"]
    rate: Id
    threshold: Exact
    direction: Literal["above", "below"]
    step: Positive
    points_per_step: Positive
    step_mode: Literal["floor", "ceil", "proportional"] = "floor"
    zero_beyond: Exact | None = None
    zero_inclusive: bool = False
    """Whether exactly at ``zero_beyond`` is beyond it."""

    @model_validator(mode="after")
    def _farther(self) -> "Steps":
        limit = self.zero_beyond
        if limit is not None and ((limit < self.threshold) if self.direction == "above" else (limit > self.threshold)):
            raise ValueError(f"zero_beyond must not lie on the good side of the threshold {self.threshold}")
        return self


class Zero(_Named):
    """The whole item scores nothing (本项不得分) if it was found even once."""

    kind: Literal["zero"]
    input: Id


class Compare(_Named):
    """Points if ``left`` ``test`` ``right`` holds; right is a number or a sum of inputs, as ``{collectors: 15}``."""

    kind: Literal["compare"]
    left: Id
    test: Test
    right: Exact | dict[Id, Exact]
    points: Positive


class Beyond(_Named):
    """Points for each one above an allowance, which is a share of another input, rounded down (超出部分).

    ``counts``: ``surplus``, only those above it; ``all``: each one, once there are more than allowed.
    """

    kind: Literal["beyond"]
    input: Id
    allowance_of: Id
    allowance_share: Positive
    points: Positive
    counts: Literal["surplus", "all"] = "surplus"


class Reaches(Strict):
    """A limit that an event's amount must pass to count (如迟到满 20 分钟)."""

    test: Test
    limit: Exact


class EventKind(Strict):
    """One kind of dated event (奖惩事项) and its points.

    Attributes
    ----------
    points
        A number (0: only recorded); a number by the person's role in the
        event; or None: each event brings its own (``points`` of the entry).
    reaches
        Only events count whose ``amount`` passes the limit.
    free_per_month
        The amounts of a calendar month are summed; each whole one beyond this costs the points (如事假超过 3 天).
    not_beside
        An event about a ``fault`` that an event of one of these kinds is about too is not counted.
    cap
        At most so many points in one period.
    once_per
        Kinds with the same word here count once for one ``fault``: the one with most points.
    doubled
        An event marked ``praised`` counts twice.
    """

    code: Id
    title: Words
    points: Annotated[Exact, Field(ge=0)] | dict[Id, Positive] | None = None
    cap: Positive | None = None
    once_per: str | None = None
    doubled: bool = False
    reaches: Reaches | None = None
    free_per_month: Positive | None = None
    not_beside: tuple[Id, ...] = ()
    source: str | None = None

    @model_validator(mode="after")
    def _measured(self) -> "EventKind":
        if self.free_per_month is not None and (self.reaches is not None or not isinstance(self.points, Fraction)):
            raise ValueError("free_per_month goes with one number of points and without reaches")
        return self

    @property
    def has_amount(self) -> bool:
        """Whether each event must say how much it was (minutes, days)."""
        return self.reaches is not None or self.free_per_month is not None


class EventRule(_Named):
    """The points of all events of the table in the period."""

    kind: Literal["events"]
    input: Id
    table: Annotated[tuple[EventKind, ...], Field(min_length=1)]


class Largest(_Named):
    """Of several rules only the one with most points counts."""

    kind: Literal["largest"]
    rules: Annotated[tuple["Rule", ...], Field(min_length=2)]


class Smallest(_Named):
    """Of several rules only the one with least points counts: nothing, unless all hold (两者都有才扣)."""

    kind: Literal["smallest"]
    rules: Annotated[tuple["Rule", ...], Field(min_length=2)]


Rule = Annotated[
    Union[Each, Once, Amount, Steps, Zero, Compare, Beyond, EventRule, Largest, Smallest],  # noqa: UP007
    Field(discriminator="kind"),
]


# --- items: what has a value ------------------------------------------------------------------------------------------


class _Item(_Named):
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

for _model in (Largest, Smallest, Sum, Weighted, Mean, Carry, Deduct, Earn, Lose):
    _model.model_rebuild()
