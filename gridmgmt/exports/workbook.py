"""Scorecards as workbooks (考评表工作簿): one for a grid, one for the summary of a level."""

import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from openpyxl import Workbook
from openpyxl.drawing.image import Image
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from gridmgmt.exports.cards import (
    COMPARISONS,
    Card,
    Figure,
    Row,
    basis,
    comparison_words,
    grade_words,
    indicator_row,
    indicator_rows,
    level_words,
    parent_words,
    rank_words,
    ranked,
)
from gridmgmt.exports.sheets import Value, add_sheet, freeze, new_book, put, put_row, row_height, save_book
from gridmgmt.exports.wording import indicator_words, label, line_words, say, stacked, total_words, words
from gridmgmt.indicators import RATIOS

KEY_COUNTS = ("n_reported", "n_due", "n_closed", "n_closed_on_time", "n_overdue_open", "n_samples")
"""Counts of the summary; the cards have all."""

NAME_WIDTHS = (18, 36)
SCORE_WIDTHS = (22, 10, 11, 22, 13, 12, 14, 78)
INDICATOR_WIDTHS = (40, 14, 12, 12, 17, 20, 20, 20)
BASIS_WIDTHS = (44, 110)


def workbook(card: Card, lang: str | None = None) -> bytes:
    """One grid's scorecard: score tree with reasons, indicators with 环比 and 同比, how it was computed.

    Parameters
    ----------
    lang
        ``zh`` or ``en``; None: both, Chinese first.

    Returns
    -------
    bytes
        An xlsx file, byte for byte the same for the same card.
    """
    book = new_book()
    _score_sheet(book, card, lang)
    _indicator_sheet(book, card, lang)
    _basis_sheet(book, card.header, lang)
    return save_book(book, card.header)


def summary_workbook(
    header: Mapping[str, Any], documents: Sequence[Mapping[str, Any]], lang: str | None = None
) -> bytes:
    """A level's scorecards in one workbook: ranking, indicators with earlier periods, how it was computed."""
    book = new_book()
    ordered = ranked(documents)
    _ranking_sheet(book, header, ordered, lang)
    _comparison_sheet(book, header, ordered, lang)
    _basis_sheet(book, header, lang)
    return save_book(book, header)


def _score_sheet(book: Workbook, card: Card, lang: str | None) -> None:
    header, document = card.header, card.document
    sheet = add_sheet(book, "card_title", SCORE_WIDTHS, lang)
    _title(sheet, say(document["subject"]["name"], lang), _subtitle(header, document, lang))
    tiles = (
        ("card_grade", grade_words(header, document["grade"])),
        ("card_rank_level", rank_words(document["rank"]["level"])),
        ("card_rank_siblings", rank_words(document["rank"]["siblings"])),
    )
    put(sheet, 3, 1, label("card_total", lang), "gm_note")
    put(sheet, 4, 1, _shown_total(document, lang), "gm_big", lang, _places(document))
    for column, (code, value) in zip((2, 4, 8), tiles, strict=True):
        put(sheet, 3, column, label(code, lang), "gm_note")
        put(sheet, 4, column, value[lang or "zh"], "gm_big")
        put(sheet, 5, column, value["en"] if lang is None else "", "gm_note")
    sheet.row_dimensions[4].height = 30
    titles = ("item", "maximum", "points", "indicator", "value", "numerator", "denominator", "reason")
    _head(sheet, 6, [stacked(words(f"card_{t}"), lang) for t in titles])
    freeze(sheet, 6, 6)
    for row, line in enumerate(document["lines"], 7):
        _line(sheet, row, line, lang)
    _total_line(sheet, 7 + len(document["lines"]), header, document, lang)
    if card.picture is not None:
        _map(sheet, 9 + len(document["lines"]), card, lang)


def _map(sheet: Worksheet, row: int, card: Card, lang: str | None) -> None:
    """The small map below the lines, with what its dots are."""
    count, n = card.n_spots or ("n_reported", 0)
    put(sheet, row, 1, label("card_map_note", lang, count=indicator_words(count), n=n), "gm_note")
    sheet.add_image(Image(io.BytesIO(card.picture or b"")), f"A{row + 1}")


def _line(sheet: Worksheet, row: int, line: Mapping[str, Any], lang: str | None) -> None:
    value, points = line["value"] or {}, line["points"]
    unit = RATIOS[line["indicator"]].unit if line["indicator"] in RATIOS else "percent"
    reason = stacked(line_words(line), lang)
    values: list[Value] = [
        say(line["title"], lang),
        Figure(Fraction(line["maximum"]), "points"),
        Figure(_fraction(points and points["exact"]), "points"),
        say(indicator_words(line["indicator"]), lang),
        Figure(_fraction(value.get("value")), unit),
        Figure(_fraction(value.get("numerator")), "count"),
        Figure(_fraction(value.get("denominator")), "count"),
        reason,
    ]
    put_row(sheet, row, values, lang=lang)
    texts = {SCORE_WIDTHS[0] - 2: str(values[0]), SCORE_WIDTHS[3] - 2.5: str(values[3]), SCORE_WIDTHS[7] - 2: reason}
    sheet.row_dimensions[row].height = row_height(texts)


def _total_line(
    sheet: Worksheet, row: int, header: Mapping[str, Any], document: Mapping[str, Any], lang: str | None
) -> None:
    reason = stacked(total_words(document), lang)
    total = _shown_total(document, lang)
    put_row(sheet, row, [label("card_total", lang), None, None, None, None, None, None, reason], "gm_sum")
    put(sheet, row, 2, float(Fraction(header["rulebook"]["scale"])), "gm_sum_number", lang, "0.00")
    put(sheet, row, 3, total, "gm_sum_number", lang, _places(document))
    sheet.row_dimensions[row].height = row_height({SCORE_WIDTHS[7]: reason}) + 6


def _shown_total(document: Mapping[str, Any], lang: str | None) -> float | str:
    total = document["total"]
    return float(Fraction(total["exact"])) if total else label("card_no_data", lang)


def _places(document: Mapping[str, Any]) -> str:
    """As many decimals as the total needs not to seem on the other side of a grade's bound."""
    decimals = document["total"]["shown"].partition(".")[2] if document["total"] else "00"
    return "0." + "0" * len(decimals)


def _fraction(exact: str | None) -> Fraction | None:
    return Fraction(exact) if exact is not None else None


def _indicator_sheet(book: Workbook, card: Card, lang: str | None) -> None:
    header, document = card.header, card.document
    sheet = add_sheet(book, "card_indicators", INDICATOR_WIDTHS, lang)
    _title(sheet, say(document["subject"]["name"], lang), _subtitle(header, document, lang))
    titles = [stacked(words(f"card_{t}"), lang) for t in ("indicator", "value", "numerator", "denominator")]
    for name in COMPARISONS:
        titles += [stacked(comparison_words(document, name), lang), stacked(words(f"card_{name}_change"), lang)]
    _head(sheet, 3, titles)
    freeze(sheet, 3, 3, columns=1)
    for at, row in enumerate(indicator_rows(document), 4):
        figures = [f for c in row.compared for f in (c.then, c.change)]
        put_row(sheet, at, [say(row.title, lang), row.now, *(row.parts or ("", "")), *figures], lang=lang)
    put(sheet, sheet.max_row + 1, 1, label("card_comparison_note", lang), "gm_note")


def _ranking_sheet(
    book: Workbook, header: Mapping[str, Any], documents: Sequence[Mapping[str, Any]], lang: str | None
) -> None:
    items = header["rulebook"]["items"]
    widths = [8, *NAME_WIDTHS, 30, 11, 16, *([13] * len(items)), *([12] * len(KEY_COUNTS))]
    sheet = add_sheet(book, "card_ranking", widths, lang)
    _title(sheet, _city_title(header, lang), _subtitle(header, None, lang))
    titles = [stacked(words(f"card_{t}"), lang) for t in ("rank", "code", "name", "parent", "total", "grade")]
    titles += [f"{stacked(i['title'], lang)} ({i['points']})" for i in items]
    _head(sheet, 3, [*titles, *(stacked(indicator_words(n), lang) for n in KEY_COUNTS)])
    freeze(sheet, 3, 3, columns=3)
    for at, document in enumerate(documents, 4):
        _ranking_row(sheet, at, header, document, lang)
    if documents:
        sheet.auto_filter.ref = f"A3:{get_column_letter(len(widths))}{3 + len(documents)}"


def _ranking_row(
    sheet: Worksheet, at: int, header: Mapping[str, Any], document: Mapping[str, Any], lang: str | None
) -> None:
    subject, rank, total = document["subject"], document["rank"]["level"], document["total"]
    parent = parent_words(header, document)
    values: list[Value] = [
        Figure(Fraction(rank["rank"]), "count") if rank else label("card_empty_rank", lang),
        subject["code"],
        say(subject["name"], lang),
        say(parent, lang) if parent else "",
        Figure(_fraction(total and total["exact"]), "points"),
        say(grade_words(header, document["grade"]), lang),
    ]
    points = [Figure(_fraction(x["points"] and x["points"]["exact"]), "points") for x in document["lines"]]
    counts = [indicator_row(document, n).now for n in KEY_COUNTS if n in document["counts"]]
    put_row(sheet, at, [*values, *points, *counts], lang=lang)
    if total:
        sheet.cell(at, 5).number_format = _places(document)
    sheet.row_dimensions[at].height = row_height({NAME_WIDTHS[1] - 2: str(values[2]), 28: str(values[3])})


def _comparison_sheet(
    book: Workbook, header: Mapping[str, Any], documents: Sequence[Mapping[str, Any]], lang: str | None
) -> None:
    first = [indicator_row(documents[0], n) for n in _compared(documents[0])] if documents else []
    sheet = add_sheet(book, "card_indicators", [*NAME_WIDTHS, *([12, 12, 16, 14, 16] * len(first))], lang, fit=False)
    _title(sheet, _city_title(header, lang), label("card_comparison_note", lang))
    titles = [stacked(words("card_code"), lang), stacked(words("card_name"), lang)]
    for _ in first:
        titles.append(stacked(words("card_value"), lang))
        for name in COMPARISONS:
            titles += [stacked(comparison_words(documents[0], name), lang), stacked(words(f"card_{name}_change"), lang)]
    _groups(sheet, 3, first, lang)
    _head(sheet, 4, titles)
    freeze(sheet, 3, 4, columns=2)
    for at, document in enumerate(documents, 5):
        values: list[Any] = [document["subject"]["code"], say(document["subject"]["name"], lang)]
        for row in (indicator_row(document, n) for n in _compared(document)):
            values += [row.now, *(f for c in row.compared for f in (c.then, c.change))]
        put_row(sheet, at, values, lang=lang)
        sheet.row_dimensions[at].height = row_height({NAME_WIDTHS[1] - 2: values[1]})


def _compared(document: Mapping[str, Any]) -> list[str]:
    return [*(n for n in RATIOS if n in document["indicators"]), *(n for n in KEY_COUNTS if n in document["counts"])]


def _groups(sheet: Worksheet, at: int, rows: Sequence[Row], lang: str | None) -> None:
    """The row above the table's head: each indicator over its five columns."""
    put_row(sheet, at, ["", "", *(t for r in rows for t in (say(r.title, lang), "", "", "", ""))], "gm_head")
    for i in range(len(rows)):
        sheet.merge_cells(start_row=at, end_row=at, start_column=3 + 5 * i, end_column=7 + 5 * i)
    sheet.row_dimensions[at].height = 22


def _basis_sheet(book: Workbook, header: Mapping[str, Any], lang: str | None) -> None:
    sheet = add_sheet(book, "card_basis_title", BASIS_WIDTHS, lang)
    _title(sheet, label("card_basis_title", lang), f"{say(header['city']['name'], lang)} · {header['name']}")
    for at, (name, value) in enumerate(basis(header), 3):
        title, text = say(name, lang), say(value, lang)
        put_row(sheet, at, [title, text])
        sheet.row_dimensions[at].height = row_height(dict(zip(BASIS_WIDTHS, (title, text), strict=True)))
    freeze(sheet, 1, 2)


def _title(sheet: Worksheet, title: str, subtitle: str) -> None:
    put(sheet, 1, 1, title, "gm_title")
    put(sheet, 2, 1, subtitle, "gm_note")
    sheet.row_dimensions[1].height = 28


def _head(sheet: Worksheet, at: int, titles: Sequence[str]) -> None:
    put_row(sheet, at, titles, "gm_head")
    sheet.row_dimensions[at].height = row_height({11: max(titles, key=len)}, 2)


def _city_title(header: Mapping[str, Any], lang: str | None) -> str:
    return f"{say(header['city']['name'], lang)} · {header['period']['label']} · {label('card_summary', lang)}"


def _subtitle(header: Mapping[str, Any], document: Mapping[str, Any] | None, lang: str | None) -> str:
    parts = [say(header["city"]["name"], lang), header["period"]["label"], say(header["rulebook"]["title"], lang)]
    if document:
        subject = document["subject"]
        parts = [f"{say(level_words(header, subject['level']), lang)} {subject['code']}", *parts]
    return " · ".join([*parts, f"{label('card_as_of', lang)} {header['as_of'][:16].replace('T', ' ')}"])
