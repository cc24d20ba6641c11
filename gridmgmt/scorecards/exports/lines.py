"""The score tree as rows (得分明细): items with their parts, and below them the rules with what they cost or earn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from gridmgmt.files.wording import Figure, Words, readable, same, shown_short, words
from gridmgmt.rulebooks.exports.reasons import reason_words
from gridmgmt.rulebooks.kinds import RULES
from gridmgmt.scorecards.chance import rate_words
from gridmgmt.scorecards.documents import Document, Interval, Judged, Line, Rate

_RULE_KINDS = frozenset({*RULES, "event"})
"""Lines that say what a rule costs or earns; all others have points of their own."""

_LISTED = _RULE_KINDS | {"account"}
"""Lines of which there may be any number below one item."""

_FAILURES = frozenset({"hanging", "account"})
"""Items and their parts that count failures, where no points are given for them."""

_COSTS = frozenset({"deduct", "lose"})
"""Items that their rules take points from."""


@dataclass(frozen=True)
class ScoreLine:
    """One line of a score tree as it is read.

    Attributes
    ----------
    depth
        0: a top item (一级考核项).
    points
        What it gained; of a rule what it costs (−) or earns (+); of a rate that is only shown, the rate.
    rate, parts
        The rate it rests on with numerator and denominator, None without one.
    chance
        The interval of its rate; None where there is none.
    """

    item: str
    code: str | None
    title: Words
    depth: int
    is_rule: bool
    maximum: Fraction | None
    weight: Fraction | None
    points: Figure
    rate_title: Words | None
    rate: Figure | None
    parts: tuple[Figure, Figure] | None
    reason: Words
    chance: Words | None
    is_listed: bool = False
    """Whether it is one of a list – a rule, an event, an account – and no part that makes the total."""

    @property
    def share(self) -> float | None:
        """Which part of its points an item reached, in 0–1; None where that means nothing."""
        if self.maximum is None or self.is_rule or self.points.value is None:
            return None
        return float(min(max(self.points.value / self.maximum, Fraction(0)), Fraction(1)))


def score_lines(header: Judged, document: Document) -> list[ScoreLine]:
    """The lines that make up the total, items before their parts and rules."""
    return _read(header, document, document.lines)


def shown_lines(header: Judged, document: Document) -> list[ScoreLine]:
    """The lines beside the score (只列示), which are no part of the total."""
    return _read(header, document, document.shown, is_beside=True)


def _top_lines(document: Document) -> list[Line]:
    """A document's top items (一级考核项); where nothing is scored, what is shown."""
    return [x for x in document.lines or document.shown if x.depth == 0]


def top_points(header: Judged, document: Document) -> list[Figure]:
    """What each top item of the rulebook gained, in the header's order; also where the document lacks its line."""
    known = {x.item: x.points for x in score_lines(header, document) or shown_lines(header, document)}
    return [known.get(item.id, Figure(None, "points")) for item in header.rulebook.items]


def top_numbers(header: Judged, document: Document) -> dict[str, str | None]:
    """What each top item has, as programs read it: points rounded for show, counts as they are; None without points."""
    read = {x.item: x.points for x in score_lines(header, document) or shown_lines(header, document)}
    numbers: dict[str, str | None] = {}
    for line in _top_lines(document):
        points = line.points
        is_whole = points is not None and read[line.item].unit == "count" and "/" not in points.exact
        numbers[line.item] = None if points is None else points.exact if is_whole else points.shown
    return numbers


def _read(header: Judged, document: Document, lines: Sequence[Line], *, is_beside: bool = False) -> list[ScoreLine]:
    rates = header.rulebook.rates
    intervals = document.chance.rates if document.chance else {}
    out: list[ScoreLine] = []
    owners: list[str] = []  # kinds of the items above, outermost first
    for line in lines:
        kind, depth = line.kind, line.depth
        del owners[depth:]
        owner = next((k for k in reversed(owners) if k not in _RULE_KINDS), None)
        owners.append(kind)
        interval = intervals.get(line.indicator or "")
        if kind == "account":
            line = line.model_copy(update={"title": _account_title(document, line)})
        read = _line(line, rates, kind in _RULE_KINDS, owner in _COSTS, interval)
        out.append(replace(read, points=_counted(header, line, read.points)) if is_beside else read)
    return out


def _counted(header: Judged, line: Line, points: Figure) -> Figure:
    """What a line beside the score has, as the count that it is: how many there were, are needed, or failed."""
    n = line.reason.facts.get("n")
    is_failures = line.kind in _FAILURES and n is not None and points.value == Fraction(str(n))
    is_told = line.kind == "entered" and any(header.rulebook.inputs[name].count for name in line.inputs)
    return replace(points, unit="count") if line.kind in ("linear", "rank") or is_failures or is_told else points


def _account_title(document: Document, line: Line) -> dict[str, str]:
    """A hanging account by its case and the unit that had it (承办单位)."""
    held = [document.inputs[name].value for name in line.inputs if name in document.inputs]
    accounts = [a for value in held if isinstance(value, list) for a in value]
    unit = next((a.get("unit") for a in accounts if a["id"] == line.title["zh"]), None)
    return dict(words("account_of_unit", issue=line.title, unit=unit)) if unit else dict(line.title)


def _line(line: Line, rates: Mapping[str, Rate], is_rule: bool, is_cost: bool, interval: Interval | None) -> ScoreLine:
    value, rate = line.value, rates.get(line.indicator or "")
    figure = Figure(_exact(value.value if value else None), rate.unit) if rate else None
    parts = None
    if value is not None:
        parts = (Figure(Fraction(value.numerator), "count"), Figure(Fraction(value.denominator), "count"))
    is_shown_rate = line.kind == "rate" and figure is not None and figure.value is not None
    return ScoreLine(
        line.item, line.code, line.title, line.depth, is_rule,
        _exact(line.maximum), _exact(line.weight),
        figure if is_shown_rate and figure else _points(line, is_rule, is_cost),
        rate.title if rate else None, figure, parts, line_words(line, rates),
        rate_words(interval) if interval else None, line.kind in _LISTED,
    )  # fmt: skip


def _points(line: Line, is_rule: bool, is_cost: bool) -> Figure:
    points, reason = line.points, line.reason.code
    if points is None:
        code = {"missing": "card_open", "not_applicable": "card_not_applicable"}.get(line.status, "card_no_data")
        return Figure(None, "points", "card_to_enter" if reason == "line_missing" else code)
    value = Fraction(points.exact)
    if line.kind == "target":
        return Figure(None, "points", "card_met" if value else "card_not_met")
    if reason == "line_choice":
        return Figure(None, "points", "card_without_points")
    return Figure(-value if is_cost else value, "difference") if is_rule else Figure(value, "points")


def _exact(text: str | None) -> Fraction | None:
    return Fraction(text) if text is not None else None


def line_words(line: Line, rates: Mapping[str, Rate]) -> Words:
    """Why a scorecard's line has its points, as a street manager checks it.

    Parameters
    ----------
    line
        One of a document's ``lines`` or ``shown``: its reason's exact facts are
        rounded for reading, numerator and denominator stand in front. A rounded
        rate never seems to be on the other side of a limit.
    rates
        The rulebook's rates, as the assessment's header has them.
    """
    value, rate = line.value, rates.get(line.indicator or "")
    body = reason_words(line.reason.code, line.reason.facts, rate.unit if rate else None)
    if value is None or rate is None:
        return body
    parts = {"numerator": readable(value.numerator), "denominator": readable(value.denominator)}
    lead, tail = words("card_basis", indicator=rate.title, **parts), _used_up(line)
    return {"zh": lead["zh"] + body["zh"] + tail["zh"], "en": f"{lead['en']} {body['en']}{tail['en']}"}


def _used_up(line: Line) -> Words:
    """That steps would have cost more than the item has (扣完为止); else nothing."""
    lost = line.reason.facts.get("lost")
    if line.kind != "deduct" or line.points is None or line.maximum is None or not isinstance(lost, str):
        return same("")
    maximum, points = Fraction(line.maximum), Fraction(line.points.exact)
    if points == maximum - Fraction(lost):
        return same("")
    return words("card_used_up", most=shown_short(maximum - points), floor=shown_short(points))


def total_words(document: Document) -> Words:
    """Why a scorecard has its total, or has none; a total is written as the card writes it."""
    total, reason = document.total, document.reason
    if total is None:
        return reason_words(reason.code, reason.facts)
    facts = {k: document.written_total or v if v == total.exact and "/" in v else v for k, v in reason.facts.items()}
    return reason_words(reason.code, facts)
