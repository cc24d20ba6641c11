"""Inputs and rates of a rulebook: what it must be told, and the rates (率) it makes from that.

An input is counted from the database (``automatic``) or handed in by people
(``entered``, with the reason why). A rate names its numerator and denominator
as sums of inputs, so that a disputed denominator is one line of data.
"""

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from gridmgmt.accepted import closest
from gridmgmt.casework.cases import ORDER_KINDS
from gridmgmt.documents import Exact, Id, Strict, Words
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.grouping import ENDINGS
from gridmgmt.invalid import Invalid

_InputType = Literal[
    "number", "count", "flag", "choice", "marks", "findings", "events", "ratings", "items", "accounts", "filings"
]
"""How an input is handed in.

``number``, ``count`` (whole, from 0; of samples also parts), ``flag`` (true or false), ``choice`` (one
of ``choices``), ``marks`` (a list of numbers), ``findings`` (dated faults, or
just how many), ``events`` (dated, each of a ``code``), ``ratings`` (marks by
group of raters), ``items`` (a table of names and maxima), ``accounts``
(hanging accounts with their steps), ``filings`` (filed cases with class, place
and road class).
"""

LISTED = ("findings", "events", "accounts", "filings")
"""Types of which nothing recorded means that nothing happened."""


def _known_count(name: str) -> str:
    if name not in COUNTS:
        raise Invalid("no_count", name=name, known=closest(name, [*COUNTS]))
    return name


def _known_order(kind: str) -> str:
    if kind not in ORDER_KINDS:
        raise Invalid("no_order_kind", name=kind, known=[*ORDER_KINDS])
    return kind


def _known_ending(ending: str) -> str:
    if ending not in ENDINGS:
        raise Invalid("no_ending", name=ending, known=[*ENDINGS])
    return ending


class CaseFilter(Strict):
    """Which cases a count leaves out or keeps, beside the count's own rule."""

    kind: Literal["component", "matter"] | None = None
    categories: tuple[str, ...] = ()
    """Only these, written ``component:01001`` or ``matter:06*``."""
    except_categories: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Only reports from these sources (问题来源), as the export words them."""
    order_kinds: tuple[Annotated[str, AfterValidator(_known_order)], ...] = ()
    """Of supervision orders only these kinds (督办类别)."""
    endings: tuple[Annotated[str, AfterValidator(_known_ending)], ...] = ()
    """Only cases that have ended so by the cut-off (办结方式): closed, discarded, void, open."""
    repeats: str | None = None
    """Only cases that repeat an earlier one by this rule of data/repeats: class, place, road class (重复案件)."""


class Automatic(Strict):
    """Where an input is counted from; exactly one of the sources.

    Attributes
    ----------
    count
        A base count (docs/indicators.md) of the subject's cases or samples in the period.
    per_day
        That count divided by the days of the period.
    sample_mean
        Mean over sample types of the mean score of the subject's samples of the type
        (the default where a scheme does not say how samples become a score).
    hours
        Only samples taken from the first to before the second full hour of the day.
    staff
        A sum over the daily staff table: worked_h, online_h, n_absent, n_all_off.
    grids
        How many grids of this level (``leaf``: the deepest) lie below the subject.
    accounts
        The hanging accounts (挂账) of the subject's cases that hung at some time of the period, from their
        steps and the clock.
    silent_stations
        Communities that a unit answers for and from which, on some working day of the period, no case came by one
        of these sources (社区联系站); each is a finding that names the days.
    posts
        How many people hold posts of this role (岗位) for the subject on the period's last day.
    full_time
        Of these only people with a full-time post (专职) there, or only those without one.
    """

    count: Annotated[str, AfterValidator(_known_count)] | None = None
    only: CaseFilter | None = None
    per_day: bool = False
    sample_mean: bool = False
    sample_types: tuple[str, ...] = ()
    hours: tuple[int, int] | None = None
    staff: Literal["worked_h", "online_h", "n_absent", "n_all_off"] | None = None
    grids: str | None = None
    accounts: bool = False
    silent_stations: tuple[str, ...] = ()
    posts: str | None = None
    full_time: bool | None = None

    @property
    def facts(self) -> str | None:
        """The kind of facts that it is counted from; None where these are grids or posts."""
        if self.count is not None:
            return COUNTS[self.count].of
        named = {
            "cases": bool(self.silent_stations),
            "samples": self.sample_mean,
            "steps": self.accounts,
            "staff": self.staff is not None,
        }
        return next((kind for kind, is_read in named.items() if is_read), None)

    @model_validator(mode="after")
    def _one(self) -> "Automatic":
        given = [n for n in ("count", "staff", "grids", "posts") if getattr(self, n) is not None]
        if len(given) + self.sample_mean + self.accounts + bool(self.silent_stations) != 1:
            raise Invalid("one_source")
        if (self.only or self.per_day) and self.count is None:
            raise Invalid("of_count")
        if self.full_time is not None and self.posts is None:
            raise Invalid("belongs", keys="full_time", to="posts")
        if self.only is not None and self.only.order_kinds and self.count != "n_supervised":
            raise Invalid("belongs", keys="order_kinds", to="count: n_supervised")
        if self.only is not None and self.only.endings and self.facts != "cases":
            raise Invalid("endings_of")
        if (self.sample_types or self.hours) and not self.sample_mean:
            raise Invalid("belongs", keys=["sample_types", "hours"], to="sample_mean")
        return self


class ResultOf(Strict):
    """The result of another assessment (另一考核的结果): the published one, else the newest.

    Attributes
    ----------
    rulebook
        The other rulebook; ``local``: one that the city writes itself, which need not be at hand.
    take, item
        The total, the rank on its level, or an item's points.
    within
        Of all periods of this length within the own one (months of a year); none: of the same period.
    whose
        Of the same subject; of the grid or unit above it; of those directly below it; ``home_unit``: of the persons
        whose home unit it is, or of a person's home unit (在职单位: the full-time post, else the one begun last);
        ``named``: of the subject with the code that ``named`` tells, for everybody.
    how
        What several results come to.
    times
        What the result is multiplied by; -1 turns points that were lost into a number.
    """

    rulebook: Id
    local: bool = False
    take: Literal["total", "rank", "item"] = "total"
    item: Id | None = None
    within: Literal["month", "quarter", "half"] | None = None
    whose: Literal["same", "parent", "children", "home_unit", "named"] = "same"
    named: str | None = None
    how: Literal["mean", "sum"] = "mean"
    times: Exact = Fraction(1)

    @model_validator(mode="after")
    def _whole(self) -> "ResultOf":
        if (self.take == "item") != (self.item is not None):
            raise Invalid("together", key="item", other="take: item")
        if (self.whose == "named") != (self.named is not None):
            raise Invalid("together", key="named", other="whose: named")
        return self


class RepeatRule(Strict):
    """When filed cases are repeats (重复案件): same class, same place, so many times in the period.

    Attributes
    ----------
    thresholds
        Road class of the place → the occurrence from which a case is a repeat; ``other``: no road class.
    except_components, except_categories
        What never counts as a repeat; it stays in denominators.
    count
        ``from_threshold``: the threshold's case and later ones; ``all_in_group``: every case of the group.
    """

    thresholds: dict[Literal["main", "key", "secondary", "back", "other"], int]
    except_components: bool = False
    except_categories: tuple[str, ...] = ()
    count: Literal["from_threshold", "all_in_group"] = "from_threshold"


class Input(Strict):
    """One thing the rulebook must be told for each subject and period (考核数据)."""

    title: Words
    type: _InputType = "number"
    unit: Words | None = None
    at_least: Exact | None = None
    at_most: Exact | None = None
    together_at_most: Exact | None = None
    """A fund (基金): what all subjects of a period have of it comes to no more; fines (below 0) add nothing to it."""
    choices: dict[str, Words] = Field(default_factory=dict)
    groups: dict[str, Words] = Field(default_factory=dict)
    """Of ratings: the groups of raters."""
    per: Literal["subject", "all"] = "subject"
    """``all``: one value for every subject of the period."""
    automatic: Automatic | None = None
    result: ResultOf | None = None
    entered: Words | None = None
    """Why people must hand it in; beside ``automatic`` or ``result``: only where these cannot tell."""
    repeats: RepeatRule | None = None
    """Of filings: which of them are repeats; as a number the input is how many."""
    except_codes: dict[str, Words] = Field(default_factory=dict)
    """Of findings: the codes that never count (不计入), each with its name; a finding may bear either."""
    distinct: bool = False
    """Of findings: those on the same case count once (一案计一件)."""
    default: Exact | None = None
    """Value where nothing is handed in; it is shown as a default."""
    may_not_apply: bool = False
    """A subject may be without it (不适用), which is not the same as not yet handed in."""

    @property
    def is_shared(self) -> bool:
        """Whether it counts samples: a grid's part of a road that several grids share is no whole number."""
        count = self.automatic.count if self.automatic is not None else None
        return count is not None and COUNTS[count].of == "samples"

    @model_validator(mode="after")
    def _whole(self) -> "Input":
        if self.automatic is None and self.result is None and self.entered is None:
            raise Invalid("no_origin")
        if self.result is not None and (self.automatic is not None or self.type not in ("number", "count")):
            raise Invalid("result_type")
        if (self.type == "choice") != bool(self.choices):
            raise Invalid("together", key="choices", other="type: choice")
        if (self.type == "ratings") != bool(self.groups):
            raise Invalid("together", key="groups", other="type: ratings")
        if (self.type == "filings") != (self.repeats is not None):
            raise Invalid("together", key="repeats", other="type: filings")
        if (self.except_codes or self.distinct) and self.type != "findings":
            raise Invalid("belongs", keys=["except_codes", "distinct"], to="type: findings")
        if self.at_least is not None and self.at_most is not None and self.at_most < self.at_least:
            raise Invalid("at_most_below")
        if self.together_at_most is not None and (self.type not in ("number", "count") or self.per == "all"):
            raise Invalid("together_at_most")
        return self

    @model_validator(mode="after")
    def _counted(self) -> "Input":
        if (self.automatic is not None and self.automatic.accounts) and self.type != "accounts":
            raise Invalid("belongs", keys="automatic.accounts", to="type: accounts")
        if self.automatic is not None and self.automatic.silent_stations and self.type != "findings":
            raise Invalid("belongs", keys="automatic.silent_stations", to="type: findings")
        if self.automatic is not None and self.type not in ("number", "count", "findings", "filings", "accounts"):
            raise Invalid("counted_type")
        if self.is_shared and self.type not in ("number", "count"):
            raise Invalid("samples_type")
        return self


class Empty(Strict):
    """What an item without data does to the total (空分母的处理), and why."""

    option: Literal["leave_out", "full", "incomplete"]
    reason: Words


def _terms(value: object) -> object:
    """``due`` is short for ``{due: 1}``."""
    return {value: 1} if isinstance(value, str) else value


class Rate(Strict):
    """A rate: a sum of inputs over a sum of inputs; its clock is that of the counts it is made of.

    Attributes
    ----------
    numerator, denominator
        Input → coefficient; a name alone has the coefficient 1. No coefficients are normalised.
    complement
        1 − the rate.
    unit
        ``percent`` (0–1, shown × 100), ``points`` (as it is).
    empty
        What a denominator of 0 means to an item that uses it; none: the rulebook's ``empty``.
    """

    title: Words
    numerator: dict[Id, Exact]
    denominator: dict[Id, Exact]
    complement: bool = False
    unit: Literal["percent", "points"] = "percent"
    better: Literal["high", "low"] | None = None
    empty: Literal["full", "incomplete", "leave_out"] | None = None
    filters_differ: Words | None = None
    """Why numerator and denominator do not count the same kinds of cases; without a reason that is a fault."""
    source: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: object) -> object:
        if isinstance(data, dict):
            return {k: _terms(v) if k in ("numerator", "denominator") else v for k, v in data.items()}
        return data

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that it is made from, numerator first."""
        return tuple(dict.fromkeys([*self.numerator, *self.denominator]))

    @property
    def is_yes_no(self) -> bool:
        """Whether it says of how many of n something holds: each counts 0 or 1."""
        ones = [*self.numerator.values(), *self.denominator.values()]
        return self.unit == "percent" and len(ones) == 2 and all(c == 1 for c in ones)
