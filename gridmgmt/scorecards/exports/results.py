"""What a scorecard says beside its points (考评结论): consequences, missing inputs, chance, and the inputs by value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from gridmgmt.figures.names import indicator_words
from gridmgmt.files.wording import Figure, Words, joined, listed, readable, same, shown_short, words
from gridmgmt.numbers import NUMBER
from gridmgmt.rulebooks.values import FAILED, NOT_APPLICABLE
from gridmgmt.scorecards import chance
from gridmgmt.scorecards.documents import Document, Header, Input, InputValue, Issue, Judged, Place, Reached, Subject
from gridmgmt.scorecards.exports.cards import rank_words
from gridmgmt.scorecards.exports.folding import worst_first
from gridmgmt.scorecards.exports.lines import line_words, total_words

RECORD = (
    "on", "id", "code", "title", "n", "points", "role", "praised", "case", "occasion", "fault", "steps", "note",
    "evidence",
)  # fmt: skip
"""Parts of an entered record in the order they are told; any other part follows by its name."""

_SILENT = ("entry",)
"""Parts of a record that are not told: its place in the entries."""

NAMED = ("event", "row")
"""Lines that are called as the codes of their records are."""


@dataclass(frozen=True)
class Told:
    """One consequence as it is read.

    Attributes
    ----------
    tone
        praise, warning, penalty or notice; a notice too where praise and blame clash.
    title
        With its money, and whether a person has still to decide.
    why
        The periods that brought it, and what remains open.
    """

    tone: str
    title: Words
    why: Words


def consequences(document: Document) -> list[Told]:
    """The consequences (结果运用) that the period brought the subject, in the rulebook's order."""
    return [consequence(c) for c in document.consequences]


def consequence(reached: Reached) -> Told:
    """One consequence with its reasons."""
    title: Words = reached.title
    if reached.money is not None:
        title = words("card_money", title=title, money=readable(reached.money))
    if reached.undecided:
        title = words("card_undecided", title=title)
    periods = joined([same(p) for p in reached.because])
    code = "card_because" if reached.count is None else "card_because_count"
    why = [words(code, periods=periods, count=reached.count)]
    why += [reached.text] if reached.text else []
    why += [words("card_issues", issues=joined([_issue_words(x) for x in reached.issues]))] if reached.issues else []
    why += [words(f"card_undecided_{reached.undecided}")] if reached.undecided else []
    tone = "notice" if reached.undecided == "clash" else reached.tone
    return Told(tone, title, listed(why))


def _issue_words(issue: Issue) -> Words:
    return same(issue.issue) if issue.unit is None else words("account_of_unit", issue=issue.issue, unit=issue.unit)


def consequences_line(document: Document) -> Words:
    """All consequences in one cell of a ranking; empty where there are none."""
    return listed([c.title for c in consequences(document)])


def missing(document: Document) -> list[tuple[str, Words]]:
    """The inputs still to be handed in (尚缺数据), joined by period; of a long list those first that lack most."""
    periods: dict[str, list[Words]] = {}
    for lacking in document.missing:
        periods.setdefault(lacking.period, []).append(lacking.title)
    found = worst_first(sorted(periods.items()), lambda x: len(x[1]))
    return [(period, joined(titles)) for period, titles in found]


def missing_title(document: Document) -> str:
    """The code of what is said above them: inputs are still missing, or only figures beside the score lack theirs."""
    return "card_missing" if document.awaited else "card_missing_beside"


def chance_words(document: Document) -> Words | None:
    """How much of the rank may be chance (名次波动); None where nothing is to be said."""
    ranked = document.rank.level.of if document.rank.level else 0
    said = chance.words(document.chance, ranked) if document.chance else {"zh": "", "en": ""}
    return said if said["zh"] else None


def exempted(document: Document) -> Words | None:
    """The facts that granted appeals left out (申诉免计); None without any."""
    return joined([same(fact) for fact in document.exempted]) if document.exempted else None


def refused(header: Judged, document: Document) -> list[Words]:
    """The quotas because of which a choice for this subject was not accepted (超出名额)."""
    code = document.subject.code
    mine = [r for r in header.refusals if code in r.subjects]
    return [words("card_refused", title=r.title, n=len(r.subjects), at_most=r.at_most) for r in mine]


@dataclass(frozen=True)
class InputRow:
    """One input as it was handed in or counted: its value in short, where it came from, and its records."""

    name: str
    title: Words
    value: Words
    source: Words
    number: Figure | None = None
    records: tuple[Words, ...] = ()


def input_rows(header: Judged, document: Document) -> list[InputRow]:
    """The inputs that the score was computed from (考核数据), in the order of the lines that they stand in."""
    held, specs = document.inputs, header.rulebook.inputs
    used = dict.fromkeys(n for line in document.all_lines for n in line.inputs)
    names = [n for n in used if n in held] + sorted(n for n in held if n not in used)
    titles = record_titles(document)
    cost = {x.item: abs(Fraction(x.points.exact)) for x in document.all_lines if x.kind in NAMED and x.points}
    return [_input(name, specs.get(name), held[name], titles, cost) for name in names]


def record_titles(document: Document) -> Mapping[str, Words]:
    """Titles of the lines that records are called by (:data:`NAMED`), by the lines' ids."""
    return {x.item: x.title for x in document.all_lines if x.kind in NAMED}


def _input(
    name: str, spec: Input | None, held: InputValue, titles: Mapping[str, Words], cost: Mapping[str, Fraction]
) -> InputRow:
    value, records = held.value, tuple[Words, ...]()
    if isinstance(value, list) and all(isinstance(x, Mapping) for x in value):
        records = tuple(record_words(x, titles) for x in worst_first(value, partial(_weight, cost)))
    number = Figure(Fraction(str(value)), "count") if NUMBER.fullmatch(str(value)) else None
    source = words(f"card_from_{held.from_}")
    return InputRow(name, spec.title if spec else same(name), value_words(value), source, number, records)


def _weight(cost: Mapping[str, Fraction], record: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
    """What a record costs as far as it says, or as the line does that is called as it is; then how often."""
    if "steps" in record:
        failures = sum(step in FAILED for step in record["steps"])
        return Fraction(failures), Fraction(record.get("earlier") or 0)
    n, code = Fraction(str(record.get("n") or 1)), record.get("code")
    if record.get("points") is not None:
        return abs(Fraction(str(record["points"]))) * n, n
    return next((c for item, c in cost.items() if code and item.endswith(f"_{code}")), Fraction(0)), n


def known_words(header: Judged, name: str) -> Words:
    """The name of an input of the rulebook, else of a count or rate."""
    spec = header.rulebook.inputs.get(name.rpartition("@")[2])  # n_reported@INPUT is the input's own count
    return spec.title if spec else indicator_words(name)


def why_words(header: Judged, document: Document, item: str | None) -> Words:
    """Why a line, a consequence, an input or the total of a document is what it is, in one sentence."""
    if item is None:
        return total_words(document)
    line = next((x for x in document.all_lines if x.item == item), None)
    if line is not None:
        return line_words(line, header.rulebook.rates)
    reached = document.reached(item)
    if reached is not None:
        told = consequence(reached)
        return words("card_named", name=told.title, value=told.why)
    if item in header.rulebook.consequences:
        title = header.rulebook.consequences[item].title
        return words("card_named", name=title, value=words("card_not_reached"))
    held = document.inputs.get(item)
    name = known_words(header, item)
    return name if held is None else words("card_named", name=name, value=value_words(held.value))


def grounds(header: Header, behind: Sequence[tuple[str, Document]]) -> list[tuple[str, str, Document]]:
    """The periods behind a consequence or a sum, each with its assessment and the subject's document in it."""
    periods = {found.assessment: period for period, found in header.earlier.items()}
    return [(periods.get(name, header.period.label), name, document) for name, document in behind]


def value_words(value: Any) -> Words:
    """An input's plain value: a number, yes or no, marks, marks by group of raters, or how many records."""
    if isinstance(value, bool):
        return words("card_yes" if value else "card_no")
    if value == NOT_APPLICABLE:
        return words("card_not_applicable")
    if isinstance(value, Mapping):
        return listed([{lang: f"{k}: {v[lang]}" for lang in v} for k, x in value.items() for v in [value_words(x)]])
    if isinstance(value, list | tuple):
        if any(isinstance(x, Mapping) for x in value):
            return words("card_records", n=len(value))
        return listed([value_words(x) for x in value]) if value else words("card_records", n=0)
    return same(readable(str(value)) if NUMBER.fullmatch(str(value)) else value)


def record_words(record: Mapping[str, Any], titles: Mapping[str, Words]) -> Words:
    """One entered record, finding or event, with its evidence: ``2021-03-04 · 被县通报 · 依据：县通报 3 号``.

    Parameters
    ----------
    titles
        What :func:`record_titles` gave: an event is called as its line is.
    """
    names = [n for n in RECORD if n in record] + [n for n in record if n not in (*RECORD, *_SILENT)]
    parts = [_part(name, record, titles) for name in names if record[name] not in (None, "", False)]
    return {lang: " · ".join(p[lang] for p in parts if p[lang]) for lang in ("zh", "en")}


def _part(name: str, record: Mapping[str, Any], titles: Mapping[str, Words]) -> Words:
    value = record[name]
    match name:
        case "code":
            return next((t for item, t in titles.items() if item.endswith(f"_{value}")), same(value))
        case "n":
            return same("") if str(value) == "1" else words("card_times", n=value)
        case "points":
            return words("card_record_points", points=shown_short(Fraction(str(value))))
        case "on" | "id" | "title" | "role" | "note":
            return value if isinstance(value, Mapping) else same(value)
        case "value":
            return value_words(value)
        case "praised":
            return words("card_praised")
        case "steps":
            return same(" → ".join(map(str, value)))
        case "failures" | "issue_failures":
            return words(f"card_record_{name}", value=", ".join(value))
        case "entered_at":
            return words("card_record_entered_at", value=str(value)[:16].replace("T", " "))
        case "case" | "occasion" | "fault" | "evidence" | "by":
            return words(f"card_record_{name}", value=value)
        case _:
            return same(f"{name}: {value}")


@dataclass(frozen=True)
class Placed:
    """One rank as a card shows it: its label, the rank in words, and among how many it is."""

    name: Words
    told: Words
    of: int


_BELOW_CITY = 2
"""The level whose grids have the city as their parent."""


def ranks(header: Header, document: Document) -> list[Placed]:
    """The ranks a card shows; provisional (暂定) while somebody's inputs are missing.

    Among siblings only where these are others than all of the level: grids below the districts have them (those of
    the first two levels lie all in the city), units and persons in a group.
    """
    subject, places = document.subject, document.rank
    names = {"level": words("card_rank_level")}
    if subject.level_number > _BELOW_CITY:
        names["siblings"] = _within_parent(header, subject)
    if subject.kind != "grid":
        grouped = {"siblings": words("card_rank_group")} if subject.parent is not None else {}
        names = {"level": words("card_rank"), **grouped}
    return [_placed(header, name, getattr(places, scope)) for scope, name in names.items()]


def _within_parent(header: Header, subject: Subject) -> Words:
    """The rank among those with the same parent, called by the parent's level: ``本区县内名次``."""
    above = next((x for x in header.levels if x.number == (subject.level_number or 0) - 1), None)
    level = {"zh": above.zh, "en": above.en.lower()} if above else words("card_rank_parent")
    return words("card_rank_siblings", level=level)


def _placed(header: Judged, name: Words, place: Place | None) -> Placed:
    told = rank_words(place)
    if place is None:
        return Placed(name, told, 0)
    return Placed(name, told if header.complete else words("card_provisional", text=told), place.of)
