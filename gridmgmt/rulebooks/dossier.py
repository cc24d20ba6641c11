"""A dossier (考核数据包): all that a rulebook is computed from, by value – subjects, periods, inputs, earlier results.

The same plain document is read from a file by ``rulebook evaluate``, made from
the database by ``score``, and frozen with an assessment, so that it can be
computed again without either::

    subjects: {U: {name: {zh: …, en: …}, group: street, role: P, superiors: [V]}}
    periods:
      2021-03: {U: {inputs: {digital: 92}}, "*": {inputs: {…for all…}}}
      2021-02: {U: {result: {total: 74.9}}}
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from gridmgmt.errors import OptionInvalid
from gridmgmt.periods import Period, parse_period
from gridmgmt.rulebooks.model import Rulebook, Stage
from gridmgmt.rulebooks.values import Value

EVERYBODY = "*"
"""Stands in a subject's place for what holds for all subjects of a period."""

_UNITS = {1: "month", 3: "quarter", 6: "half", 12: "year"}


@dataclass(frozen=True)
class Subject:
    """Who is assessed (考核对象): a grid, a unit or a person.

    ``group`` is what ranks and quotas may be limited to; ``role`` decides the
    points of events; ``superiors`` are charged with a negative month.
    """

    code: str
    name: Mapping[str, str]
    level: str | None = None
    group: str | None = None
    role: str | None = None
    superiors: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()

    @property
    def plain(self) -> dict[str, Any]:
        """As a dossier states it; what is not told is left out."""
        out = {
            "name": dict(self.name), "level": self.level, "group": self.group, "role": self.role,
            "superiors": list(self.superiors), "attributes": list(self.attributes),
        }  # fmt: skip
        return {k: v for k, v in out.items() if v}


@dataclass(frozen=True)
class Given:
    """A result that is handed in instead of being computed: of an earlier period, or published before."""

    total: Fraction | None = None
    grade: str | None = None
    rank: int | None = None
    first: bool | None = None
    last: bool | None = None
    from_bottom: int | None = None
    tied: int | None = None
    carry_out: Fraction = Fraction(0)
    items: Mapping[str, Fraction] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    """Inputs that it still lacked."""

    @property
    def is_rating(self) -> bool:
        """Whether it tells a rating: a total, a grade or a place."""
        told = (self.total, self.grade, self.rank, self.first, self.last, self.from_bottom)
        return any(x is not None for x in told)


@dataclass(frozen=True)
class Record:
    """What is known of one subject in one period.

    ``signed``: findings and events are completely entered (录入完毕), so that
    nothing listed means that nothing happened; a file is its own signature.
    ``sources`` says where each value came from, ``results`` which results of other assessments it was made of,
    ``sampled`` of how many samples it is the mean, ``exempted`` which facts a granted appeal left out.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    given: Given | None = None
    signed: bool = True
    sources: Mapping[str, str] = field(default_factory=dict)
    exempted: tuple[str, ...] = ()
    results: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    sampled: Mapping[str, int] = field(default_factory=dict)

    @property
    def counted(self) -> set[str]:
        """The inputs that were told by nobody."""
        return {name for name, source in self.sources.items() if source != "entries"}


@dataclass(frozen=True)
class Dossier:
    """Subjects by code, and records by period label and subject code."""

    subjects: Mapping[str, Subject]
    periods: Mapping[str, Mapping[str, Record]]
    plain: Mapping[str, Any]
    """The document it was read from."""

    def ordered(self) -> list[Period]:
        """The periods in time, shorter before longer ones that end with them."""
        return sorted(map(parse_period, self.periods), key=lambda p: (p.end, (p.end - p.start).days))


def stage_of(book: Rulebook, period: Period) -> Stage | None:
    """The stage whose cadence a period has; one of cadence ``any`` fits every period."""
    cadence = _cadence_of(period)
    return next((s for s in book.stages if s.cadence == cadence), None) or next(
        (s for s in book.stages if s.cadence == "any"), None
    )


def stage_asked(book: Rulebook, label: str) -> Stage:
    """The stage of a period that somebody asks about.

    Raises
    ------
    PeriodInvalid
    OptionInvalid
        The rulebook has none of that cadence; says which it has.
    """
    found = stage_of(book, parse_period(label))
    if found is None:
        raise OptionInvalid(name="--period", value=label, expected=", ".join(s.cadence for s in book.stages))
    return found


def _cadence_of(period: Period) -> str | None:
    """``month``, ``quarter@26``, …; None for a free range."""
    if not period.n_months:
        return None
    return _UNITS[period.n_months] + (f"@{period.start.day}" if period.start.day > 1 else "")


def is_signed(dossier: Dossier, label: str, code: str) -> bool:
    """Whether a subject's findings and events of a period are completely entered."""
    record = dossier.periods.get(label, {}).get(code)
    return record is None or record.signed


def values_of(dossier: Dossier, label: str, code: str) -> dict[str, Value]:
    """A subject's values in a period, with those that hold for everybody."""
    records = dossier.periods.get(label, {})
    everybody, own = records.get(EVERYBODY, Record()), records.get(code, Record())
    return {**everybody.values, **own.values}


def assessed(dossier: Dossier, label: str) -> Iterator[str]:
    """The subjects of a period: those with a record; where only values for everybody stand, all subjects."""
    records = dossier.periods.get(label, {})
    own = [c for c in records if c != EVERYBODY]
    yield from own or dossier.subjects
