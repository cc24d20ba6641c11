"""Scorecards (考评表): a rulebook over a dossier → one document for each subject, exact and explained.

The canonical JSON of an assessment (header + subject documents, sorted keys,
exact numbers as text, no clock, no locale, no database key) is what its
SHA-256 is taken of: the same facts, rulebook, edition and cut-off give the same
hash. Workbooks, pages and maps are made from it and from nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Generic, TypeVar

from gridmgmt.documents import canonical, digest_of_texts, plain
from gridmgmt.figures.indicators import RATIOS, ratio
from gridmgmt.numbers import exact, shown, shown_near
from gridmgmt.rulebooks import consequences
from gridmgmt.rulebooks import model as rulebook_model
from gridmgmt.rulebooks.dossier import Dossier, Record
from gridmgmt.rulebooks.items import Item
from gridmgmt.rulebooks.kept import Kept
from gridmgmt.rulebooks.kinds import TOTALS
from gridmgmt.rulebooks.load import Loaded
from gridmgmt.rulebooks.model import Rulebook, Stage
from gridmgmt.rulebooks.records import SIGNATURE, SIGNED
from gridmgmt.rulebooks.results import Node, Outcome, Reason
from gridmgmt.rulebooks.run import Run, rank, run
from gridmgmt.scorecards.documents import (
    SCHEMA,
    Book,
    Consequence,
    Counts,
    Document,
    Empty,
    Facts,
    Grade,
    Indicators,
    IndicatorValue,
    Input,
    InputValue,
    Issue,
    Judged,
    Line,
    Missing,
    Number,
    Place,
    Ranks,
    Rate,
    Reached,
    Reading,
    Refusal,
    TopItem,
    apart,
)
from gridmgmt.scorecards.documents import Reason as Told
from gridmgmt.scorecards.documents import Stage as StageTold

H = TypeVar("H", bound=Judged)
"""The header of an assessment from the database, or of a dossier by itself."""


@dataclass(frozen=True)
class Assessment(Generic[H]):
    """An assessment (考评) as a document; ``sha256`` is that of its canonical JSON.

    Attributes
    ----------
    subjects
        One document a subject, in the order of the dossier's subjects.
    texts
        The same as the canonical JSON that is hashed and stored.
    outcomes
        The results behind them, by the dossier's subject code.
    """

    header: H
    subjects: tuple[Document, ...]
    texts: tuple[str, ...]
    outcomes: Mapping[str, Outcome]
    stage: Stage
    sha256: str


def number(value: Fraction | int | None, places: int = 2, limits: Sequence[Fraction] = ()) -> Number | None:
    """An exact number beside its rounded form."""
    if value is None:
        return None
    value = Fraction(value)
    return Number(exact=exact(value), shown=shown_near(value, limits, places) if limits else shown(value, places))


def indicator_values(counts: Mapping[str, int | Fraction], area_m2: float | None) -> Indicators:
    """Every rate with numerator and denominator; None where there is no data."""
    out: Indicators = {}
    for name, rule in RATIOS.items():
        parts = ratio(name, counts, area_m2)
        value = _value(parts, rule.unit) if parts is not None else None
        if parts is not None and value is not None and rule.denominator == "area_km2":
            area = shown(parts[1], 4)  # measured: shown, never decided on
            value = IndicatorValue(numerator=value.numerator, denominator=area, shown=value.shown)
        out[name] = value
    return out


@lru_cache(1 << 16)
def _value(parts: tuple[Fraction, Fraction], unit: str) -> IndicatorValue:
    """A rate as it is shown; small grids share many."""
    numerator, denominator = parts
    value = numerator / denominator
    scaled = value * 100 if unit == "percent" else value
    return IndicatorValue(
        numerator=exact(numerator), denominator=exact(denominator), value=exact(value), shown=shown(scaled)
    )


def count_values(counts: Mapping[str, int | Fraction]) -> Counts:
    """Counts for JSON: whole numbers as they are, exact sums as text."""
    return {k: v if isinstance(v, int) else exact(v) for k, v in counts.items() if "@" not in k}


def assess(
    loaded: Loaded,
    dossier: Dossier,
    label: str,
    kind: type[H],
    header: Mapping[str, Any],
    facts: Mapping[str, Facts],
    kept: Kept | None = None,
) -> Assessment[H]:
    """Score every subject of a period and write the documents.

    Parameters
    ----------
    dossier
        All inputs by value, with the earlier periods' results that it rests on.
    label
        The period that is assessed.
    kind, header
        What the facts were read from: city, period, cut-off, edition, levels,
        evidence, as that kind of header says it.
    facts
        By the dossier's subject code, the parts of its document that are handed through.
    kept
        Earlier periods that were ranked before.
    """
    book = loaded.rulebook
    made = run(book, dossier, kept)
    found = made.outcomes.get(label, {})
    outcomes = {code: found[code] for code in facts if code in found}
    stage = book.stage(next(iter(outcomes.values())).stage) if outcomes else book.stages[0]
    ledger: dict[str, list[consequences.Reached]] = {}
    for reached in consequences.consequences(made, dossier, label):
        ledger.setdefault(reached.subject, []).append(reached)
    siblings = _sibling_ranks(outcomes, facts)
    written = _Written(book)
    documents = tuple(
        _document(book, stage, dossier, outcome, facts[code], siblings[code], ledger.get(code, ()), written)
        for code, outcome in outcomes.items()
    )
    missing = sum(len(o.missing) for o in outcomes.values() if o.is_open)
    full = kind.model_validate(
        {
            **header,
            "schema": SCHEMA,
            "rulebook": _book(loaded, stage),
            "complete": not any(o.is_open for o in outcomes.values()) and not made.refusals,
            "n_missing": missing,
            "refusals": _refusals(made, label),
        }
    )
    texts = tuple(canonical(plain(document)) for document in documents)
    sha256 = digest_of_texts(plain(full), texts)
    return Assessment(full, tuple(apart(documents)), texts, outcomes, stage, sha256)


def _refusals(made: Run, label: str) -> list[Refusal]:
    titles = {q.id: dict(q.title) for q in made.book.quotas}
    return [
        Refusal(quota=r.quota, title=titles[r.quota], group=r.group, subjects=list(r.subjects), at_most=r.at_most)
        for r in made.refusals
        if r.period == label
    ]


def _book(loaded: Loaded, stage: Stage) -> Book:
    """What of the rulebook its scorecards say."""
    book = loaded.rulebook
    top = _top_items(stage)
    least = stage.least_share if stage.score is not None else None
    scale = book.scale or (stage.score.maximum if stage.score is not None else None)
    return Book(
        id=book.id,
        version=book.version,
        sha256=loaded.sha256,
        title=dict(book.title),
        issuer=dict(book.issuer),
        stage=StageTold(id=stage.id, title=dict(stage.title), least_share=_exact(least)),
        empty=Empty(option=book.empty.option, reason=dict(book.empty.reason)),
        scale=_exact(scale),
        items=[TopItem(id=i.id, title=dict(i.title), points=_exact(i.maximum or i.weight or None)) for i in top],
        grades=[Grade(id=g.id, at_least=_exact(g.at_least), title=dict(g.title)) for g in stage.grades]
        or _entered_grades(book, stage),
        rates={name: Rate(title=dict(r.title), unit=r.unit) for name, r in book.rates.items()},
        inputs={name: Input(title=dict(i.title), **_counted(i)) for name, i in book.inputs.items()},
        readings={
            name: Reading(value=r.value, text=dict(r.text), reason=dict(r.reason)) for name, r in book.readings.items()
        },
        consequences={c.id: Consequence(title=dict(c.title), tone=c.tone) for c in book.consequences},
    )


def _exact(value: Fraction | None) -> str | None:
    return exact(value) if value is not None else None


def _counted(spec: Any) -> dict[str, str]:
    automatic = spec.automatic
    return {"count": automatic.count} if automatic is not None and automatic.count is not None else {}


def _entered_grades(book: Rulebook, stage: Stage) -> list[Grade]:
    if stage.grade_entered is None:
        return []
    choices = book.inputs[stage.grade_entered.input].choices
    return [Grade(id=name, at_least=None, title=dict(title)) for name, title in choices.items()]


def _top_items(stage: Stage) -> list[Item]:
    """The items that make up the total (一级考核项): those below the root, or the root itself where it has none."""
    if stage.score is None:
        return list(stage.shown)
    return [part for _, part in stage.score.below() if isinstance(part, Item)] or [stage.score]


def _sibling_ranks(outcomes: Mapping[str, Outcome], facts: Mapping[str, Facts]) -> dict[str, Place | None]:
    """Ranks among those with the same parent; None without a total."""
    groups: dict[Any, dict[str, Fraction | None]] = {}
    for code, outcome in outcomes.items():
        subject = facts[code].subject
        groups.setdefault((subject.level, subject.parent), {})[code] = outcome.total
    out: dict[str, Place | None] = dict.fromkeys(outcomes)
    for members in groups.values():
        n = sum(v is not None for v in members.values())
        for code, (place, tied) in rank(members).items():
            out[code] = Place(rank=place, of=n, tied=tied)
    return out


def _document(
    book: Rulebook,
    stage: Stage,
    dossier: Dossier,
    outcome: Outcome,
    facts: Facts,
    siblings: Place | None,
    ledger: Sequence[consequences.Reached],
    written: "_Written",
) -> Document:
    record = dossier.periods[outcome.period].get(outcome.subject, Record())
    place = None
    if outcome.rank is not None:
        place = Place(rank=outcome.rank, of=outcome.ranked_of, tied=outcome.tied)
    limits = [g.at_least for g in stage.grades if g.at_least is not None]
    return Document(
        subject=facts.subject,
        counts=facts.counts,
        indicators=facts.indicators,
        comparisons=facts.comparisons,
        status=outcome.status,
        inputs=_inputs(dossier, outcome, record),
        exempted=list(record.exempted),
        lines=_lines(written, outcome),
        shown=[line for node in outcome.shown for line in written.of(node)],
        total=number(outcome.total, book.display_scale, limits),
        formed=_exact(outcome.formed),
        grade=outcome.grade,
        reason=_reason(outcome.reason),
        rank=Ranks(level=place, siblings=siblings),
        missing=[_missing(book, period, name) for period, name in outcome.missing],
        consequences=[_reached(book, r, outcome) for r in ledger],
    )


def _missing(book: Rulebook, period: str, name: str) -> Missing:
    known = {k: v.title for k, v in book.inputs.items()} | {SIGNED: SIGNATURE.title}
    return Missing(period=period, input=name, title=dict(known.get(name, {"zh": name, "en": name})))


def _inputs(dossier: Dossier, outcome: Outcome, record: Record) -> dict[str, InputValue]:
    """Every input's plain value and where it came from; an automatic 0 is a value like any other."""
    records = dossier.plain["periods"].get(outcome.period) or {}
    everybody, own = ((records.get(c) or {}).get("inputs") or {} for c in ("*", outcome.subject))
    values = {**everybody, **own}
    return {
        name: _input(value, record.sources.get(name, "entries"), record.results.get(name))
        for name, value in sorted(values.items())
        if name in outcome.values
    }


def _input(value: Any, source: str, results: Any) -> InputValue:
    """An input as it is written; whole numbers and texts that many have, once."""
    if results is None and type(value) in (int, str):
        return _plain_input(value, source)
    return InputValue.model_validate(
        {"value": value, "from": source, **({"results": results} if results is not None else {})}
    )


@lru_cache(1 << 14, typed=True)
def _plain_input(value: int | str, source: str) -> InputValue:
    return InputValue.model_validate({"value": value, "from": source})


def _lines(written: "_Written", outcome: Outcome) -> list[Line]:
    root = outcome.root
    if root is None:
        return []
    nodes = root.children if root.kind in TOTALS else (root,)
    return [line for node in nodes for line in written.of(node)]


class _Written:
    """The lines of nodes, those that subjects share written once."""

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self._found: dict[int, tuple[Node, list[Line]]] = {}

    def of(self, node: Node) -> list[Line]:
        """A node's line and those of its parts."""
        if id(node) not in self._found:
            self._found[id(node)] = node, _flat(self._book, node, 0)  # held, so that its number stays its own
        return self._found[id(node)][1]


def _flat(book: Rulebook, node: Node, depth: int) -> list[Line]:
    """A line and those of its parts; a single rule that says the same as its item is no line of its own."""
    below = node.children
    if len(below) == 1 and (below[0].reason == node.reason or below[0].kind == "events"):
        below = below[0].children if below[0].kind == "events" else ()
    return [_line(book, node, depth), *(x for child in below for x in _flat(book, child, depth + 1))]


def _reason(reason: Reason) -> Told:
    return Told(code=reason.code, facts=dict(reason.facts))


def _line(book: Rulebook, node: Node, depth: int) -> Line:
    rate = book.rates.get(node.rate or "")
    return Line(
        item=node.id,
        code=node.code,
        kind=node.kind,
        depth=depth,
        title=dict(node.title),
        maximum=_exact(node.maximum),
        weight=_exact(node.weight),
        points=None if node.kind == "rate" else number(node.value, book.display_scale),
        status=node.status,
        indicator=node.rate,
        value=_value(node.parts, rate.unit) if rate is not None and node.parts is not None and node.parts[1] else None,
        inputs=list(node.inputs),
        reason=_reason(node.reason),
    )


def _reached(book: Rulebook, reached: consequences.Reached, outcome: Outcome) -> Reached:
    consequence = book.consequence(reached.consequence)
    if consequence is None:
        raise KeyError(reached.consequence)
    prize = consequence.prizes[reached.prize] if reached.prize is not None else None
    return Reached(
        consequence=reached.consequence,
        title=dict(prize.title if prize else consequence.title),
        tone=consequence.tone,
        text=dict(consequence.text) if consequence.text else None,
        because=list(reached.because),
        count=reached.count,
        money=_exact(reached.money),
        undecided=reached.undecided,
        **({"issues": issues} if (issues := _exposed(consequence, outcome)) else {}),
    )


def _exposed(consequence: rulebook_model.Consequence, outcome: Outcome) -> list[Issue]:
    """The issues whose exposure a consequence is about."""
    nodes = [outcome.node(m.item) for m in consequence.when.measured if m.item is not None]
    accounts = [child for node in nodes if node is not None for child in node.children if child.kind == "account"]
    return [Issue(issue=c.title["zh"], unit=c.marks.get("unit")) for c in accounts if c.marks.get("exposed")]
