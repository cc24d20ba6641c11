"""What exports say (文案): labels, reasons and rounded figures, in one language or both with Chinese first."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from gridmgmt.indicators import COUNTS, RATIOS
from gridmgmt.rulebooks.evaluate import shown, shown_near
from gridmgmt.texts import LANGUAGES, word

Words = Mapping[str, str]
"""One text in every language: ``{"zh": …, "en": …}``."""


def words(code: str, **facts: Any) -> Words:
    """An entry of the catalogue in every language; a fact that is itself :data:`Words` goes in by language."""
    return {lang: word(code, _in(facts, lang), lang) for lang in LANGUAGES}


def say(text: Words, lang: str | None = None) -> str:
    """One language, or ``中文 English`` where ``lang`` is None; once where both are the same."""
    if lang is not None:
        return text[lang]
    return text["zh"] if text["zh"] == text["en"] else f"{text['zh']} {text['en']}"


def stacked(text: Words, lang: str | None = None) -> str:
    """One language, or the two on a line each."""
    return say(text, lang) if lang or text["zh"] == text["en"] else f"{text['zh']}\n{text['en']}"


def label(code: str, lang: str | None = None, **facts: Any) -> str:
    """:func:`words`, said."""
    return say(words(code, **facts), lang)


def indicator_words(name: str) -> Words:
    """The name of a count or rate; one that this release does not know goes by its code."""
    rule = COUNTS.get(name) or RATIOS.get(name)
    return {"zh": rule.zh, "en": rule.en} if rule else {"zh": name, "en": name}


def readable(exact: str) -> str:
    """An exact number for people: short decimals as they are, a fraction rounded (the JSON holds it exactly).

    >>> readable("1580/17"), readable("0.6875"), readable("19455"), readable("-3/7")
    ('92.94', '0.6875', '19,455', '-0.43')
    """
    if "/" in exact:
        return shown(Fraction(exact))
    whole, dot, decimals = exact.partition(".")
    return f"{int(whole):,}{dot}{decimals}" if abs(int(whole)) >= 1000 else exact


def line_words(line: Mapping[str, Any]) -> Words:
    """Why a scorecard's line has its points, as a street manager checks it.

    Parameters
    ----------
    line
        One of a document's ``lines``: its reason's exact facts are rounded for
        reading, numerator and denominator stand in front. A rounded percentage
        never seems to be on the other side of a limit.

    Examples
    --------
    >>> fact = {"percent": "4.5", "threshold": "2", "step": "1", "points_per_step": "3", "n_steps": "2", "lost": "6"}
    >>> line_words({"indicator": "rework_rate", "maximum": "15", "points": {"exact": "9"},
    ...             "value": {"numerator": "9", "denominator": "200", "value": "0.045"},
    ...             "reason": {"code": "line_steps", "facts": fact}})["zh"]
    '返工率（9 ÷ 200）4.50%，超出界限 2% 共 2 个整步（每步 1 个百分点），每步扣 3 分，扣 6 分'
    """
    reason, value = line["reason"], line["value"]
    body = words(reason["code"], **_facts(line))
    if value is None:
        return body
    parts = {key: readable(value[key]) for key in ("numerator", "denominator")}
    lead = words("card_basis", indicator=indicator_words(line["indicator"]), **parts)
    spent = "lost" in reason["facts"] and Fraction(reason["facts"]["lost"]) > Fraction(line["maximum"])
    tail = words("card_used_up", maximum=readable(line["maximum"])) if spent else {"zh": "", "en": ""}
    return {"zh": lead["zh"] + body["zh"] + tail["zh"], "en": f"{lead['en']} {body['en']}{tail['en']}"}


def total_words(document: Mapping[str, Any]) -> Words:
    """Why a scorecard has its total, or has none."""
    titles = {x["item"]: x["title"] for x in document["lines"]}
    facts: dict[str, Any] = {}
    for key, value in document["reason"]["facts"].items():
        if key == "items":
            names = [titles[i] for i in value]
            facts[key] = {"zh": "、".join(n["zh"] for n in names), "en": ", ".join(n["en"] for n in names)}
        else:
            facts[key] = readable(value)
    return words(document["reason"]["code"], **facts)


def _in(facts: Mapping[str, Any], lang: str) -> dict[str, Any]:
    return {k: v[lang] if isinstance(v, Mapping) else v for k, v in facts.items()}


def _facts(line: Mapping[str, Any]) -> dict[str, Any]:
    """A reason's facts, worded: rates as percentages, counts by name, numbers rounded."""
    given = line["reason"]["facts"]
    facts: dict[str, Any] = {k: readable(v) for k, v in given.items() if k not in ("value", "denominator")}
    if "denominator" in given:
        facts["denominator"] = indicator_words(given["denominator"])
    if "value" in given:
        rate, is_score = Fraction(given["value"]), _unit(line) == "points"
        facts["value"] = f"{shown(rate)}/100" if is_score else f"{shown(rate * 100)}%"
    if "percent" in given:
        facts["percent"] = shown_near(Fraction(given["percent"]), _limits(given))
    if "n_steps" in given:
        facts["n_steps"] = _steps(given, facts["n_steps"])
    return facts


def _unit(line: Mapping[str, Any]) -> str:
    rule = RATIOS.get(line["indicator"])
    return rule.unit if rule else "percent"


def _limits(facts: Mapping[str, str]) -> Sequence[Fraction]:
    """The percentages at which a line's points change, next to its value."""
    threshold, step = Fraction(facts["threshold"]), Fraction(facts["step"])
    n = (Fraction(facts["percent"]) - threshold) // step
    near = [threshold + n * step, threshold + (n + 1) * step]
    return [threshold, *near, *([Fraction(facts["zero_beyond"])] if "zero_beyond" in facts else [])]


def _steps(facts: Mapping[str, str], n: str) -> Words:
    """How many steps, and whether an unfinished one was dropped or counted."""
    taken = Fraction(facts["n_steps"]) * Fraction(facts["step"])
    beyond = abs(Fraction(facts["percent"]) - Fraction(facts["threshold"]))
    code = "card_steps_exact" if taken == beyond else "card_steps_completed" if taken < beyond else "card_steps_begun"
    return words(code, n=n)
