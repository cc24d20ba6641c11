"""An assessment's documents (考评文档): header, subject, lines and what follows, read and written as they are stored.

What was never said stays absent, what was said to be null stays null, and a
key that no model knows is refused; :func:`gridmgmt.documents.plain` writes them.
Numbers are exact texts, for nothing that is decided goes through a float.
"""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field, PrivateAttr

from gridmgmt.documents import Bilingual, Strict
from gridmgmt.numbers import shown_apart
from gridmgmt.rulebooks.results import TOO_LITTLE

SCHEMA = "gridmgmt.assessment/3"
"""The form that assessments are written in."""

READABLE = ("gridmgmt.assessment/2", SCHEMA)
"""The forms that are read; what was stored in another is refused in words."""

Tone = Literal["praise", "warning", "penalty", "notice"]
Status = Literal["scored", "incomplete", "no_data", "unscored", "given"]
Counts = dict[str, int | str]
"""Counts by name: whole numbers as they are, exact sums as text."""


class Number(Strict):
    """An exact number beside its rounded form."""

    exact: str = Field(examples=["1580/17"])
    shown: str = Field(examples=["92.94"])


class IndicatorValue(Strict):
    """A rate with its parts; ``value`` is absent where the denominator is a measured area, which decides nothing."""

    numerator: str
    denominator: str
    value: str | None = Field(default=None, description="Exact, as a share of 0–1.")
    shown: str


Indicators = dict[str, IndicatorValue | None]
"""Rates by name; None where there is no data."""


class Reason(Strict):
    """Why something is so: a code of the catalogue and its facts, exact numbers as text."""

    code: str
    facts: dict[str, str | Bilingual]


# --- the header -------------------------------------------------------------------------------------------------------


class Stage(Strict):
    """The stage of the rulebook that a period was assessed by."""

    id: str
    title: Bilingual
    least_share: str | None = Field(default=None, description="The least share of its points that a total needs.")


class Empty(Strict):
    """What the rulebook does where there are no data, and why."""

    option: str
    reason: Bilingual


class TopItem(Strict):
    """A top item (一级考核项) and its points, None without any."""

    id: str
    title: Bilingual
    points: str | None


class Grade(Strict):
    """A grade (等次) and its lower bound, None where it takes the rest or is given by people."""

    id: str
    at_least: str | None
    title: Bilingual


class Rate(Strict):
    """A rate of the rulebook."""

    title: Bilingual
    unit: str = Field(examples=["percent"])


class Input(Strict):
    """An input of the rulebook; ``count`` is absent where it is not counted from facts."""

    title: Bilingual
    count: str | None = None


class Reading(Strict):
    """How an open point of the rulebook is read, and why."""

    value: Any
    text: Bilingual
    reason: Bilingual


class Consequence(Strict):
    """A consequence (结果运用) that the rulebook knows."""

    title: Bilingual
    tone: Tone


class Book(Strict):
    """What of the rulebook its scorecards say."""

    id: str
    version: int
    sha256: str
    title: Bilingual
    issuer: Bilingual
    stage: Stage
    empty: Empty
    scale: str | None
    items: list[TopItem]
    grades: list[Grade]
    rates: dict[str, Rate]
    inputs: dict[str, Input]
    readings: dict[str, Reading]
    consequences: dict[str, Consequence]

    def grade(self, name: str | None) -> Grade | None:
        """The grade of that id."""
        return next((g for g in self.grades if g.id == name), None)


class Refusal(Strict):
    """A quota that was exceeded (超出名额): nobody of the group was given the choice."""

    quota: str
    title: Bilingual
    group: str | None
    subjects: list[str]
    at_most: int


class Judged(Strict):
    """What every assessment's header says of its results."""

    schema_: str = Field(alias="schema", examples=["gridmgmt.assessment/3"])
    rulebook: Book
    complete: bool
    n_missing: int
    refusals: list[Refusal]


class Evaluated(Judged):
    """The header of a dossier that was evaluated by itself (试算): no city, edition or evidence stands behind it."""

    period: str


class CityName(Strict):
    """The city by code and name."""

    code: str
    name: Bilingual


class Span(Strict):
    """The assessed period with its first and last day."""

    label: str = Field(examples=["2025-12"])
    first: str
    last: str


class AssessedLevel(Strict):
    """A level of assessed subjects; number 0: units or persons."""

    key: str
    number: int
    zh: str
    en: str

    @property
    def name(self) -> dict[str, str]:
        """Its name in both languages."""
        return {"zh": self.zh, "en": self.en}


class Proof(Strict):
    """How many facts were read, and the SHA-256 over which contents count where."""

    n: int
    sha256: str


class Source(Strict):
    """Another assessment that this one rests on, with its hash."""

    assessment: str
    sha256: str


class Header(Judged):
    """An assessment's header: what was read, by which rules, and how far it is complete.

    ``corrects`` and ``exempted`` stand only in a correction (更正).
    """

    city: CityName
    datum: str
    period: Span
    as_of: str
    edition: str
    levels: list[AssessedLevel]
    counts: dict[str, list[str]] = Field(description="Kind of fact → the counts that it can be in.")
    evidence: dict[str, Proof]
    unassigned: dict[str, Counts] = Field(description="Level → the counts of what lies in no grid of it.")
    earlier: dict[str, Source] = Field(description="Earlier period → the assessment whose results count here.")
    sources: list[Source] | None = Field(default=None, description="The assessments whose results are inputs here.")
    absent: list[str] = Field(default=[], description="Kinds of facts that the rulebook reads and the period lacks.")
    corrects: Source | None = None
    exempted: list[str] | None = None


class CardHeader(Header):
    """A header as scorecard files show it: with the assessment's name and hash, and the parents' names by code."""

    name: str
    sha256: str
    parents: dict[str, Bilingual] = Field(default_factory=dict)


# --- the subject ------------------------------------------------------------------------------------------------------


class Subject(Strict):
    """Who is assessed (考核对象): a grid, a unit or a person; what a dossier by itself does not know is absent."""

    code: str
    name: Bilingual
    level: str | None
    group: str | None
    kind: Literal["grid", "unit", "person"] = "grid"
    level_number: int = 0
    parent: str | None = None
    grid_kind: str | None = None
    edition: str | None = None
    role: str | None = None

    @property
    def key(self) -> tuple[str, int, str]:
        """Kind, level number (0 for units and persons) and code."""
        return self.kind, self.level_number, self.code


class Comparison(Strict):
    """The figures of an earlier period; no counts: no data."""

    period: str
    edition: str | None
    counts: Counts | None
    indicators: Indicators | None


class Facts(Strict):
    """The parts of a document that are facts, not results: handed through as they are."""

    subject: Subject
    counts: Counts = Field(default_factory=dict)
    indicators: Indicators = Field(default_factory=dict)
    comparisons: dict[str, Comparison] = Field(default_factory=dict)


class Taken(Strict):
    """A result of another assessment that an input was made of: whose, of which period, and its exact value.

    ``item`` is absent where it is the total or the rank (``take``).
    """

    assessment: str
    sha256: str
    period: str
    kind: Literal["grid", "unit", "person"]
    level_number: int
    code: str
    take: Literal["total", "rank", "item"]
    item: str | None = None
    value: str


class InputValue(Strict):
    """An input's plain value and where it came from; ``results`` only where these are results of other assessments."""

    value: Any
    from_: str = Field(alias="from", examples=["entries"])
    results: list[Taken] | None = None


class Line(Strict):
    """A line of the score tree (得分明细): an item, or below it a rule with what it costs or earns."""

    item: str
    code: str | None
    kind: str
    depth: int
    title: Bilingual
    maximum: str | None
    weight: str | None
    points: Number | None
    status: Literal["ok", "missing", "no_data", "not_applicable"]
    indicator: str | None = Field(description="The rate it rests on.")
    value: IndicatorValue | None
    inputs: list[str]
    reason: Reason


class Place(Strict):
    """A rank among how many, and how many share it."""

    rank: int
    of: int
    tied: int


class Ranks(Strict):
    """Ranks on the level and among those with the same parent; None without a total."""

    level: Place | None
    siblings: Place | None


class Missing(Strict):
    """An input still to be handed in."""

    period: str
    input: str
    title: Bilingual


class Reached(Strict):
    """A consequence (结果运用) that a subject reached, and the periods that brought it."""

    consequence: str = Field(examples=["yellow_card"])
    title: Bilingual
    tone: Tone
    text: Bilingual | None
    because: list[str]
    count: int | None
    money: str | None
    undecided: str | None = Field(description="Why people must still decide: tie, clash, incomplete; null: decided.")


class Bounds(Strict):
    """The ranks between which a rank lies."""

    low: int
    high: int


class Interval(Strict):
    """A rate's interval (置信区间)."""

    n: str
    low: str
    high: str
    level: str
    method: Literal["wilson", "bootstrap"]
    unit: str
    small: bool
    alike: bool


class Chance(Strict):
    """What chance a result rests on (名次波动)."""

    seed: str
    draws: int
    level: str
    rank: Bounds | None
    grade_share: str | None
    third: Literal["top", "middle", "bottom"] | None
    third_share: str | None
    reason: Reason | None
    rates: dict[str, Interval]
    notes: list[Reason]


class Document(Facts):
    """A subject's scorecard (考评表), exact and explained.

    ``chance`` stands beside it where it is shown; it is no part of what is hashed.
    Nor is how its total is written among others, see :func:`apart`.
    """

    status: Status
    inputs: dict[str, InputValue]
    exempted: list[str]
    lines: list[Line]
    shown: list[Line]
    total: Number | None
    formed: str | None = Field(default=None, description="The share of the points that have data; null: not scored.")
    grade: str | None
    reason: Reason
    rank: Ranks
    missing: list[Missing]
    consequences: list[Reached]
    chance: Chance | None = None
    _written: str | None = PrivateAttr(None)

    @property
    def written_total(self) -> str | None:
        """The total as people read it, with the digit that parts it from others of its level; None without one."""
        return self._written or (self.total.shown if self.total else None)

    def as_written(self, total: str | None) -> "Document":
        """The same document, its total written so."""
        copy = self.model_copy()
        copy._written = total
        return copy

    @property
    def is_open(self) -> bool:
        """Whether inputs are still to come."""
        return self.status == "incomplete" and self.reason.code != TOO_LITTLE

    @property
    def awaited(self) -> list[Missing]:
        """What keeps its result back; what only figures beside the score lack keeps nothing back."""
        return self.missing if self.is_open or self.status == "given" else []

    @property
    def place(self) -> int | None:
        """The rank on its level."""
        return self.rank.level.rank if self.rank.level else None

    @property
    def all_lines(self) -> list[Line]:
        """The lines of the total, then those beside it."""
        return [*self.lines, *self.shown]

    def reached(self, consequence: str | None) -> Reached | None:
        """The consequence of that id, if the subject reached it."""
        return next((c for c in self.consequences if c.consequence == consequence), None)


def apart(documents: Sequence[Document]) -> list[Document]:
    """The documents with totals that, on one level, never read the same where they differ (and so do the ranks)."""
    totals: dict[tuple[str, str | None], dict[int, tuple[Fraction, str]]] = defaultdict(dict)
    for place, document in enumerate(documents):
        if document.total is not None:
            level = (document.subject.kind or "", document.subject.level)
            totals[level][place] = (Fraction(document.total.exact), document.total.shown)
    written = {place: text for members in totals.values() for place, text in shown_apart(members).items()}
    return [d.as_written(written[n]) if n in written else d for n, d in enumerate(documents)]
