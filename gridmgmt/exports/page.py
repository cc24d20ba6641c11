"""A scorecard as one self-contained page (考评页): prints on A4, asks nothing of any network."""

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from gridmgmt.exports.cards import (
    COMPARISONS,
    Card,
    Figure,
    basis,
    comparison_words,
    grade_words,
    indicator_rows,
    level_words,
    parent_words,
    rank_words,
)
from gridmgmt.exports.wording import Words, indicator_words, line_words, readable, say, total_words, words

TEMPLATES = Path(__file__).resolve().parent / "templates"


def page(card: Card, lang: str | None = None) -> str:
    """One grid's scorecard as HTML: total and ranks, map, score tree with reasons, indicators, how it was computed.

    Parameters
    ----------
    lang
        ``zh`` or ``en``; None: both, Chinese first.

    Returns
    -------
    str
        A whole document; every text from a city is escaped, and nothing is loaded.
    """
    header, document = card.header, card.document
    return (
        _environment()
        .get_template("card.html")
        .render(
            lang=lang,
            header=header,
            document=document,
            say=lambda text: say(text, lang),
            text=lambda text: markup(text, lang),
            label=lambda code, **facts: markup(words(code, **facts), lang),
            figure=lambda figure: show(figure, lang),
            sketch=Markup(card.sketch) if card.sketch else None,
            map_note=_map_note(card),
            level=level_words(header, document["subject"]["level"]),
            parent=parent_words(header, document),
            grade=grade_words(header, document["grade"]),
            ranks={scope: rank_words(document["rank"][scope]) for scope in ("level", "siblings")},
            lines=[_line(x) for x in document["lines"]],
            total_reason=total_words(document),
            rows=indicator_rows(document),
            comparisons=[(comparison_words(document, n), words(f"card_{n}_change")) for n in COMPARISONS],
            basis=basis(header),
        )
    )


def markup(text: Words, lang: str | None) -> Markup:
    """A text in its language's element; both languages, the English one set smaller."""
    if lang is not None:
        return Markup('<span lang="{}">{}</span>').format(lang, text[lang])
    if text["zh"] == text["en"]:
        return escape(text["zh"])
    return Markup('<span lang="zh">{}</span> <span lang="en">{}</span>').format(text["zh"], text["en"])


def show(figure: Figure, lang: str | None) -> Markup:
    """A figure; a missing one is set apart."""
    if figure.value is None and not figure.is_change:
        return Markup('<span class="missing">{}</span>').format(markup(words("card_no_data"), lang))
    return escape(figure.text(lang))


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    """One item of the score tree: its bar is the share of its points that was reached."""
    points = line["points"]
    share = Fraction(points["exact"]) / Fraction(line["maximum"]) if points else None
    return {
        "title": line["title"],
        "indicator": indicator_words(line["indicator"]),
        "maximum": readable(line["maximum"]),
        "points": Figure(Fraction(points["exact"]) if points else None, "points"),
        "percent": round(float(share * 100), 1) if share is not None else None,
        "reason": line_words(line),
    }


def _map_note(card: Card) -> Words | None:
    if card.sketch is None:
        return words("card_map_none")
    if card.n_spots is None:
        return None
    count, n = card.n_spots
    return words("card_map_note", count=indicator_words(count), n=f"{n:,}")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
