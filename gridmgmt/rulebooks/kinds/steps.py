"""Rules inside an item (评分规则) as data: what costs or earns points, one kind each."""

from fractions import Fraction
from typing import Annotated, Literal, Union

from pydantic import Field, model_validator

from gridmgmt.documents import Exact, Id, Positive, Strict, Test, Words


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


class Named(Strict):
    """What every item and rule has: an id, a title, its number on paper, its source, and whom it concerns."""

    id: Id
    title: Words
    code: str | None = None
    """How the paper numbers it, e.g. ``3.1``."""
    source: str | None = None
    only: Only | None = None
    """Of others the item does not apply, and the rule costs and earns nothing."""


class Each(Named):
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


class Once(Named):
    """Points once, however often it was found (只扣一次)."""

    kind: Literal["once"]
    input: Id
    points: Positive


class Amount(Named):
    """Points entered by hand (酌情), from 0 to the cap."""

    kind: Literal["amount"]
    input: Id
    cap: Positive | None = None


class Steps(Named):
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


class Zero(Named):
    """The whole item scores nothing (本项不得分) if it was found even once."""

    kind: Literal["zero"]
    input: Id


class Compare(Named):
    """Points if ``left`` ``test`` ``right`` holds; right is a number or a sum of inputs, as ``{collectors: 15}``."""

    kind: Literal["compare"]
    left: Id
    test: Test
    right: Exact | dict[Id, Exact]
    points: Positive


class Beyond(Named):
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


class EventRule(Named):
    """The points of all events of the table in the period."""

    kind: Literal["events"]
    input: Id
    table: Annotated[tuple[EventKind, ...], Field(min_length=1)]


class Largest(Named):
    """Of several rules only the one with most points counts."""

    kind: Literal["largest"]
    rules: Annotated[tuple["Rule", ...], Field(min_length=2)]


class Smallest(Named):
    """Of several rules only the one with least points counts: nothing, unless all hold (两者都有才扣)."""

    kind: Literal["smallest"]
    rules: Annotated[tuple["Rule", ...], Field(min_length=2)]


Rule = Annotated[
    Union[Each, Once, Amount, Steps, Zero, Compare, Beyond, EventRule, Largest, Smallest],  # noqa: UP007
    Field(discriminator="kind"),
]

for _model in (Largest, Smallest):
    _model.model_rebuild()
