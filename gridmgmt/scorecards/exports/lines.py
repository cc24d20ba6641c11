"""The score tree as rows (得分明细): items with their parts, and below them the rules with what they cost or earn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gridmgmt.files.wording import Figure, Words
from gridmgmt.rulebooks.exports.reasons import line_words
from gridmgmt.rulebooks.kinds import RULES
from gridmgmt.scorecards.chance import rate_words

RULE_KINDS = frozenset({*RULES, "event"})
"""Lines that say what a rule costs or earns; all others have points of their own."""

COSTS = frozenset({"deduct", "lose"})
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

    @property
    def share(self) -> float | None:
        """Which part of its points an item reached, in 0–1; None where that means nothing."""
        if self.maximum is None or self.is_rule or self.points.value is None:
            return None
        return float(min(max(self.points.value / self.maximum, Fraction(0)), Fraction(1)))


def score_lines(header: Mapping[str, Any], document: Mapping[str, Any]) -> list[ScoreLine]:
    """The lines that make up the total, items before their parts and rules."""
    return _read(header, document, document["lines"])


def shown_lines(header: Mapping[str, Any], document: Mapping[str, Any]) -> list[ScoreLine]:
    """The lines beside the score (只列示), which are no part of the total."""
    return _read(header, document, document["shown"])


def top_lines(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A document's top items (一级考核项); where nothing is scored, what is shown."""
    return [x for x in document["lines"] or document["shown"] if x["depth"] == 0]


def top_points(header: Mapping[str, Any], document: Mapping[str, Any]) -> list[Figure]:
    """What each top item of the rulebook gained, in the header's order; also where the document lacks its line."""
    known = {x.item: x.points for x in _read(header, document, document["lines"] or document["shown"])}
    return [known.get(item["id"], Figure(None, "points")) for item in header["rulebook"]["items"]]


def _read(
    header: Mapping[str, Any], document: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]
) -> list[ScoreLine]:
    rates = header["rulebook"]["rates"]
    intervals = (document.get("chance") or {}).get("rates", {})
    out: list[ScoreLine] = []
    owners: list[str] = []  # kinds of the items above, outermost first
    for line in lines:
        kind, depth = line["kind"], line["depth"]
        del owners[depth:]
        owner = next((k for k in reversed(owners) if k not in RULE_KINDS), None)
        owners.append(kind)
        interval = intervals.get(line["indicator"])
        out.append(_line(line, rates, kind in RULE_KINDS, owner in COSTS, interval))
    return out


def _line(
    line: Mapping[str, Any], rates: Mapping[str, Any], is_rule: bool, is_cost: bool, interval: Mapping[str, Any] | None
) -> ScoreLine:
    value, rate = line["value"], rates.get(line["indicator"] or "")
    figure = Figure(_exact(value and value["value"]), rate["unit"]) if rate else None
    parts = None
    if value is not None:
        parts = (Figure(Fraction(value["numerator"]), "count"), Figure(Fraction(value["denominator"]), "count"))
    is_shown_rate = line["kind"] == "rate" and figure is not None and figure.value is not None
    return ScoreLine(
        line["item"], line["code"], line["title"], line["depth"], is_rule,
        _exact(line["maximum"]), _exact(line["weight"]),
        figure if is_shown_rate and figure else _points(line, is_rule, is_cost),
        rate["title"] if rate else None, figure, parts, line_words(line, rates),
        rate_words(interval) if interval else None,
    )  # fmt: skip


def _points(line: Mapping[str, Any], is_rule: bool, is_cost: bool) -> Figure:
    points, reason = line["points"], line["reason"]["code"]
    if points is None:
        code = {"missing": "card_open", "not_applicable": "card_not_applicable"}.get(line["status"], "card_no_data")
        return Figure(None, "points", "card_to_enter" if reason == "line_missing" else code)
    value = Fraction(points["exact"])
    if line["kind"] == "target":
        return Figure(None, "points", "card_met" if value else "card_not_met")
    if reason == "line_choice":
        return Figure(None, "points", "card_without_points")
    return Figure(-value if is_cost else value, "difference") if is_rule else Figure(value, "points")


def _exact(text: str | None) -> Fraction | None:
    return Fraction(text) if text is not None else None
