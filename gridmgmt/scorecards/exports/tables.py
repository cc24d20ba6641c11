"""Scorecards for programs and spreadsheets: one JSON a card, one CSV for a level."""

import csv
import io
import json
from collections.abc import Sequence

from gridmgmt.documents import plain
from gridmgmt.files.wording import Figure, label, say
from gridmgmt.files.worksheets import FORMULA_STARTS
from gridmgmt.numbers import shown
from gridmgmt.scorecards.documents import CardHeader, Document
from gridmgmt.scorecards.exports import cards
from gridmgmt.scorecards.exports.cards import Row
from gridmgmt.scorecards.exports.lines import top_points
from gridmgmt.scorecards.exports.results import consequences_line

BOM = "\ufeff"
"""Byte order mark: without it Excel reads UTF-8 as the local code page."""


HEADS = ("words", "codes")
"""What the heads of a CSV are: words for people, or codes that never change, for programs."""


def card_json(header: CardHeader, document: Document) -> str:
    """One scorecard with its assessment's header, exact numbers as text, keys sorted."""
    both = {"assessment": plain(header), "scorecard": plain(document)}
    return json.dumps(both, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def summary_csv(
    header: CardHeader, documents: Sequence[Document], lang: str | None = None, *, codes: bool = False
) -> str:
    """All scorecards of a level, one line a subject, best first; UTF-8 with BOM, CRLF line ends.

    Counts are whole numbers, rates end in ``%``; where there is no data the
    field says so. Texts that would run as a formula are led by an apostrophe.
    ``codes``: the heads are names of figures and ids of items, not words.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    ordered = cards.ranked(documents)
    widest = max((cards.indicator_rows(header, d) for d in ordered), key=len, default=[])
    tables = [[cards.indicator_row(header, d, row.name) for row in widest] for d in ordered]
    names = ("rank", "code", "name", "parent_code", "parent", "total", "grade")
    after = ("consequences", "missing_count")
    if codes:
        titles = [*names, *(i.id for i in header.rulebook.items), *after, *(t for r in widest for t in _codes(r))]
    else:
        titles = [label(f"card_{n}", lang) for n in names]
        titles += [say(i.title, lang) for i in header.rulebook.items]
        titles += [label(f"card_{n}", lang) for n in after]
        titles += [t for row in widest for t in _titles(row, ordered[0], lang)]
    writer.writerow([as_text(t) for t in titles])
    for document, table in zip(ordered, tables, strict=True):
        writer.writerow(_fields(header, document, table, lang))
    return BOM + out.getvalue()


def as_text(value: str) -> str:
    """A text that no spreadsheet takes for a formula.

    >>> as_text("=1+1"), as_text("东城区")
    ("'=1+1", '东城区')
    """
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value


def _codes(row: Row) -> list[str]:
    return [row.name, *(f"{row.name}_{x}{part}" for x in cards.COMPARISONS for part in ("", "_change"))]


def _titles(row: Row, document: Document, lang: str | None) -> list[str]:
    name = say(row.title, lang)
    heads = [text for heads in cards.comparison_heads(document) for text in heads]
    return [name, *(f"{name} | {say(text, lang)}" for text in heads)]


def _fields(header: CardHeader, document: Document, table: Sequence[Row], lang: str | None) -> list[str]:
    subject = document.subject
    parent = cards.parent_words(header, document)
    fields = [
        str(document.place) if document.place else label("card_empty_rank", lang),
        as_text(subject.code),
        as_text(say(subject.name, lang)),
        as_text(subject.parent or ""),
        as_text(say(parent, lang)) if parent else "",
        cards.total_words_short(document, lang),
        as_text(say(cards.grade_words(header, document.grade), lang)),
    ]
    fields += [figure.text(lang) for figure in top_points(header, document)]
    fields += [as_text(say(consequences_line(document), lang)), str(len(document.awaited))]
    return fields + [_field(f, lang) for row in table for f in row.figures]


def _field(figure: Figure, lang: str | None) -> str:
    if figure.value is None or figure.unit not in ("count", "pp"):
        return figure.text(lang)
    if figure.unit == "pp":
        return shown(figure.value)
    return str(int(figure.value)) if figure.value.denominator == 1 else f"{float(figure.value):.10g}"
