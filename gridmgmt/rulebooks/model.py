"""A rulebook (考核办法) as typed data: who is assessed, from what, by which items and periods, and what follows.

Unknown and duplicate keys are errors; numbers are exact fractions. What the
paper leaves open stands under ``readings`` as a named option with its reason.
"""

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from gridmgmt.documents import Count, Day, Exact, Id, Positive, Strict, Test, Words
from gridmgmt.invalid import Invalid
from gridmgmt.rulebooks.inputs import Empty, Input, Rate
from gridmgmt.rulebooks.items import Item, Part
from gridmgmt.rulebooks.kinds.events import EventRule

_HALF = Fraction(1, 2)
"""A total out of less than half of its points says more of what is left out than of what is in it."""


class Validity(Strict):
    """Days on which the rulebook is in force (有效期), half-open."""

    first: Day = Field(alias="from")
    last: Day | None = Field(default=None, alias="to")

    @field_validator("last")
    @classmethod
    def _after(cls, last: dt.date | None, info: ValidationInfo) -> dt.date | None:
        if last is not None and "first" in info.data and last <= info.data["first"]:
            raise Invalid("to_before_from")
        return last

    def covers(self, day: dt.date) -> bool:
        """Whether the rulebook is in force on a day."""
        return self.first <= day and (self.last is None or day < self.last)


class Population(Strict):
    """Who is assessed (考核对象): grids of some levels (``all``, or level keys), units, or persons.

    ``unit_kinds``: only units of these kinds. Where a list of subjects was
    imported for the rulebook, that list alone counts.
    """

    kind: Literal["grid", "unit", "person"]
    levels: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all"
    unit_kinds: tuple[str, ...] = ()


class Reading(Strict):
    """A reading of an open point (对未明确之处的理解): the value taken, the values that would be possible, and why.

    ``value: {reading: NAME}`` elsewhere stands for the value; ``{reading: NAME,
    when: {A: …, B: …}}`` for what belongs to it. A reading that has one
    possible value is stated for the reader and bound to nothing.
    """

    value: str | int | bool
    options: Annotated[tuple[str | int | bool, ...], Field(min_length=1)]
    text: Words
    reason: Words

    @model_validator(mode="after")
    def _possible(self) -> "Reading":
        if self.value not in self.options:
            raise Invalid("no_option", value=self.value, known=[*self.options])
        return self


class Grade(Strict):
    """A grade (等次) for totals at or above a bound; the last may have none and takes the rest."""

    id: str
    at_least: Exact | None = None
    title: Words


class GradeEntered(Strict):
    """A grade given by people: a choice among titles, or a band without limits in the text."""

    input: Id


class Ranking(Strict):
    """How equal totals rank: ``shared`` is 1, 1, 3. All with the lowest total are last; if all are equal nobody is."""

    ties: Literal["shared"] = "shared"
    among: Literal["all", "group"] = "all"


class Stage(Strict):
    """One period of the scheme (考核周期): how long, what is scored in it, which grades it has.

    Attributes
    ----------
    cadence
        ``month``, ``quarter``, ``half``, ``year``; ``any`` fits every period.
        ``month@26`` and ``year@26`` run from the 26th to the 25th.
    score
        The tree of items; None: indicators and events only, no total.
    shown
        Items beside the score, not in it.
    least_share
        From which share of its points a total may be formed (有数据的分值不少于此，方形成总分): items without data are
        left out and the others scaled up, which says nothing where too little is left. Half of them unless stated.
    """

    id: Id
    title: Words
    cadence: Annotated[str, Field(pattern=r"^(any|(month|quarter|half|year)(@([2-9]|1[0-9]|2[0-8]))?)$")]
    score: Item | None = None
    shown: tuple[Item, ...] = ()
    least_share: Annotated[Exact, Field(ge=0, le=1)] = _HALF
    grades: tuple[Grade, ...] = ()
    grade_entered: GradeEntered | None = None
    ranking: Ranking | None = None

    @field_validator("grades")
    @classmethod
    def _falling(cls, grades: tuple[Grade, ...]) -> tuple[Grade, ...]:
        if any(g.at_least is None for g in grades[:-1]):
            raise Invalid("grade_open")
        bounds = [g.at_least for g in grades if g.at_least is not None]
        if bounds != sorted(set(bounds), reverse=True):
            raise Invalid("grades_fall")
        if len({g.id for g in grades}) < len(grades):
            raise Invalid("grade_twice")
        return grades

    def parts(self) -> Iterator[tuple[tuple[Any, ...], Part]]:
        """Every item and rule below, with its path in the file, parents first."""
        return iter(self.walked)

    @cached_property
    def walked(self) -> tuple[tuple[tuple[Any, ...], Part], ...]:
        """The same, walked once: each period of each subject asks for them (a copy keeps what it is made of)."""
        score = self.score.walk(("score",)) if self.score is not None else ()
        return (*score, *(found for n, item in enumerate(self.shown) for found in item.walk(("shown", n))))

    def items(self) -> Iterator[tuple[tuple[Any, ...], Item]]:
        """Every item below, with its path in the file, parents first."""
        return ((path, part) for path, part in self.parts() if isinstance(part, Item))


class Measured(Strict):
    """An item's value, an input's, or the total, beside a limit."""

    item: Id | None = None
    input: Id | None = None
    code: Id | None = None
    """Of an events input: only these events."""
    test: Test
    limit: Exact


class When(Strict):
    """What must hold of a subject in a period, all of it together.

    Attributes
    ----------
    rank_at_most, bottom
        Among the first n, among the last n (ties included).
    first, last
        Rank 1; the lowest total. Nobody is, if all totals are equal.
    not_top
        Not among the first n: where one may be both, the top wins.
    grade
        One of these grades.
    measured
        A comparison; without item and input of the total.
    """

    first: bool = False
    last: bool = False
    rank_at_most: Count | None = None
    bottom: Count | None = None
    not_top: Count | None = None
    grade: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    measured: tuple[Measured, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> "When":
        if not self.model_fields_set - {"group"}:
            raise Invalid("no_condition")
        return self

    @property
    def is_by_rank(self) -> bool:
        """Whether it needs everybody's total."""
        return self.first or self.last or any(x is not None for x in (self.rank_at_most, self.bottom, self.not_top))


class Window(Strict):
    """Over which periods a condition is counted (累计 / 连续).

    Attributes
    ----------
    kind
        ``cumulative``: within the calendar year; ``consecutive``: a run, which
        a period without a rating neither breaks nor extends.
    reaches
        The count that brings the consequence.
    fires
        ``once``: at the count itself; ``each``: at every later one too.
    across_years
        Whether a run goes on over the turn of the year.
    sum_of
        Count this input's number instead of the periods (events of the year).
    distinct
        Of findings that are counted so: those on the same case count once.
    """

    kind: Literal["cumulative", "consecutive"]
    reaches: Annotated[int, Field(strict=True, ge=1)]
    fires: Literal["once", "each"] = "once"
    across_years: bool = True
    sum_of: Id | None = None
    distinct: bool = False


class Prize(Strict):
    """So many prizes of so much money, given by rank among those for whom the condition holds."""

    title: Words
    n: Count
    money: Positive | None = None


class Consequence(Strict):
    """What follows from a score (结果运用): praise, a yellow card, prize money, an interview.

    ``money`` in yuan; where several share the place it is left to a person.
    ``prizes``: a quota instead of one sum. ``stops``: what is lost by it, e.g. the year's award.
    """

    id: Id
    title: Words
    stage: Id
    tone: Literal["praise", "warning", "penalty", "notice"]
    when: When
    window: Window | None = None
    money: Positive | None = None
    prizes: tuple[Prize, ...] = ()
    text: Words | None = None
    source: str | None = None

    @property
    def inputs(self) -> set[str]:
        """The inputs that its conditions and its window read themselves."""
        counted = {self.window.sum_of} if self.window is not None and self.window.sum_of else set()
        return counted | {m.input for m in self.when.measured if m.input}


class Stated(Strict):
    """A consequence that no rule decides (由人决定): the trigger and what follows, for the reader."""

    trigger: Words
    follows: Words
    source: str | None = None


class Quota(Strict):
    """At most so many subjects of one group may be given a choice (名额): more are refused.

    ``from_size``: only in groups of at least so many assessed subjects.
    """

    id: Id
    title: Words
    input: Id
    value: str
    at_most: Count
    from_size: Count = 1
    source: str | None = None


class SampleType(Strict):
    """One type of sample in the month's plan (抽查样本): how many of which objects for each unit.

    ``only``: groups of units that have it. ``unless``: an attribute of a unit
    that has none. ``instead_if`` with ``instead``: an attribute for which another object is taken.
    """

    id: Id
    title: Words
    objects: dict[Id, Count]
    only: tuple[str, ...] = ()
    unless: Id | None = None
    instead_if: Id | None = None
    instead: dict[Id, Count] = Field(default_factory=dict)


class Rulebook(Strict):
    """One rulebook: who is assessed, from which inputs, by which items, and what follows."""

    id: Id
    version: Count
    title: Words
    issuer: Words
    source: str
    valid: Validity
    population: Population
    scale: Positive | None = None
    empty: Empty
    display_scale: Annotated[int, Field(strict=True, ge=0, le=6)] = 2
    readings: dict[Id, Reading] = Field(default_factory=dict)
    inputs: dict[Id, Input]
    rates: dict[Id, Rate] = Field(default_factory=dict)
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    consequences: tuple[Consequence, ...] = ()
    stated: tuple[Stated, ...] = ()
    quotas: tuple[Quota, ...] = ()
    samples: tuple[SampleType, ...] = ()
    notes: tuple[Words, ...] = ()

    def stage(self, stage_id: str) -> Stage:
        """The stage of that id."""
        return next(s for s in self.stages if s.id == stage_id)

    def parts(self) -> Iterator[tuple[tuple[Any, ...], Part]]:
        """Every item and rule with its path in the file, parents first."""
        for place, stage in enumerate(self.stages):
            for path, part in stage.parts():
                yield ("stages", place, *path), part

    def roles(self) -> set[str]:
        """The roles that items and rules are limited to; a subject must have one of them."""
        return {role for _, part in self.parts() if part.only is not None for role in part.only.roles}

    def event_rules(self, name: str) -> tuple[EventRule, ...]:
        """The rules that read an events input."""
        return tuple(part for _, part in self.parts() if isinstance(part, EventRule) and part.input == name)

    def forming_from_any(self) -> "Rulebook":
        """The same as assessments up to schema 2 were made by it: a total was formed from whatever had data."""
        stages = tuple(s.model_copy(update={"least_share": Fraction(0)}) for s in self.stages)
        return self.model_copy(update={"stages": stages})

    def consequence(self, name: str) -> Consequence | None:
        """The consequence of that id, if any."""
        return next((c for c in self.consequences if c.id == name), None)
