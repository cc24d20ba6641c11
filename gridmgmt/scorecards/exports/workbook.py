"""Scorecards as workbooks (考评表工作簿): one for a subject, one for the summary of a level."""

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from openpyxl import Workbook
from openpyxl.drawing.image import Image
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from gridmgmt.figures.indicators import RATIOS
from gridmgmt.figures.names import indicator_words
from gridmgmt.files.wording import Figure, Words, label, languages, readable, say, stacked, words
from gridmgmt.files.worksheets import Value, add_sheet, freeze, indent, new_book, put, put_row, row_height, save_book
from gridmgmt.scorecards.documents import CardHeader, Document, TopItem
from gridmgmt.scorecards.exports import cards, results
from gridmgmt.scorecards.exports.cards import Card, Row
from gridmgmt.scorecards.exports.lines import ScoreLine, score_lines, shown_lines, top_points, total_words

_KEY_COUNTS = ("n_reported", "n_due", "n_closed", "n_closed_on_time", "n_overdue_open", "n_samples")
"""Counts of the summary; the cards have all."""

_NAME_WIDTHS = (18, 36)
_SCORE_WIDTHS = (34, 11, 11, 22, 13, 12, 14, 78)
_REASON = len(_SCORE_WIDTHS)
_RATE_COLUMNS = range(4, 8)
"""Rate, its value, numerator and denominator; the first also holds a tile where there are three."""
_INPUT_WIDTHS = (44, 26, 24, 100)
_INDICATOR_WIDTHS = (40, 14, 12, 12, 17, 20, 20, 20)
_BASIS_WIDTHS = (44, 110)


def workbook(card: Card, lang: str | None = None) -> bytes:
    """One subject's scorecard: score tree with reasons, what follows and what is missing, inputs, indicators, basis.

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
    if cards.indicator_rows(card.header, card.document):
        _indicator_sheet(book, card, lang)
    if card.document.inputs:
        _input_sheet(book, card, lang)
    _basis_sheet(book, card.header, lang)
    return save_book(book, card.header.name, card.header.as_of)


def summary_workbook(header: CardHeader, documents: Sequence[Document], lang: str | None = None) -> bytes:
    """A level's scorecards in one workbook: ranking, indicators with earlier periods, how it was computed."""
    book = new_book()
    ordered = cards.ranked(documents)
    _ranking_sheet(book, header, ordered, lang)
    if _compared(ordered) or not ordered:
        _comparison_sheet(book, header, ordered, lang)
    _basis_sheet(book, header, lang)
    return save_book(book, header.name, header.as_of)


def _score_sheet(book: Workbook, card: Card, lang: str | None) -> None:
    header, document = card.header, card.document
    sheet = add_sheet(book, "card_title", _SCORE_WIDTHS, lang)
    _title(sheet, say(document.subject.name, lang), _subtitle(header, document, lang))
    _tiles(sheet, header, document, lang)
    titles = ("item", "maximum", "points", "indicator", "value", "numerator", "denominator", "reason")
    _head(sheet, 6, [stacked(words(f"card_{t}"), lang) for t in titles])
    freeze(sheet, 6, 6)
    row = 7
    scored = score_lines(header, document)
    _leave_out(sheet, header, document, [*scored, *shown_lines(header, document)])
    for line in scored:
        _line(sheet, row, line, lang)
        row += 1
    _total_line(sheet, row, header, document, lang)
    beside = shown_lines(header, document)
    if beside:
        row = _block(sheet, row + 1, "card_beside", lang)
        for line in beside:
            _line(sheet, row, line, lang)
            row += 1
        row -= 1
    row = _results(sheet, row + 1, header, document, lang)
    if card.picture is not None:
        _map(sheet, row + 1, card, lang)


def _leave_out(sheet: Worksheet, header: CardHeader, document: Document, found: Sequence[ScoreLine]) -> None:
    """Hide the columns of rates where no line rests on one: entered values would print them empty."""
    if any(line.rate is not None for line in found):
        return
    n_tiles = len(results.ranks(header, document)) + bool(header.rulebook.grades)
    for column in _RATE_COLUMNS[n_tiles > 2 :]:
        sheet.column_dimensions[get_column_letter(column)].hidden = True


def _tiles(sheet: Worksheet, header: CardHeader, document: Document, lang: str | None) -> None:
    """Total, grade and ranks above the table, the English below the Chinese."""
    put(sheet, 3, 1, label("card_total", lang), "gm_note")
    put(sheet, 4, 1, _shown_total(document, lang), "gm_big", lang, _places(document))
    has_grades = header.rulebook.grades
    tiles = [(words("card_grade"), cards.grade_words(header, document.grade))] if has_grades else []
    tiles += [(rank.name, rank.told) for rank in results.ranks(header, document)]
    columns = (2, 4, _REASON) if len(tiles) > 2 else (2, _REASON)
    for column, (name, value) in zip(columns, tiles, strict=False):
        put(sheet, 3, column, say(name, lang), "gm_note")
        put(sheet, 4, column, value[languages(lang)[0]], "gm_big")
        put(sheet, 5, column, "".join(value[x] for x in languages(lang)[1:]), "gm_note")
    sheet.row_dimensions[4].height = 30


def _map(sheet: Worksheet, row: int, card: Card, lang: str | None) -> None:
    """The small map below the lines, with what its dots are."""
    count, n = card.n_spots or ("n_reported", 0)
    put(sheet, row, 1, label("card_map_note", lang, count=indicator_words(count), n=n), "gm_note")
    sheet.add_image(Image(io.BytesIO(card.picture or b"")), f"A{row + 1}")


def _line(sheet: Worksheet, row: int, line: ScoreLine, lang: str | None) -> None:
    """One line of the tree: items with their maximum or weight, rules lighter, parts set in."""
    style = "gm_rule" if line.is_rule else "gm_item" if line.depth == 0 else "gm_text"
    title = f"{line.code} {say(line.title, lang)}" if line.code else say(line.title, lang)
    reason = stacked(line.reason, lang) + (f"\n{say(line.chance, lang)}" if line.chance else "")
    values: list[Value] = [
        title, None, line.points, say(line.rate_title, lang) if line.rate_title else None, line.rate,
        *(line.parts or (None, None)), reason,
    ]  # fmt: skip
    put_row(sheet, row, values, style, lang)
    for column in (4, _REASON):
        sheet.cell(row, column).style = "gm_rule" if line.is_rule else "gm_text"
    _most(sheet, row, line, style, lang)
    indent(sheet, row, line.depth)
    width = _SCORE_WIDTHS[0] - 3 - 3.2 * line.depth
    texts = {width: title, _SCORE_WIDTHS[3] - 2.5: str(values[3] or ""), _SCORE_WIDTHS[_REASON - 1] - 2: reason}
    sheet.row_dimensions[row].height = row_height(texts)


def _most(sheet: Worksheet, row: int, line: ScoreLine, style: str, lang: str | None) -> None:
    """An item's maximum, or its weight marked as one."""
    if line.weight is not None:
        put(sheet, row, 2, Figure(line.weight, "points"), style, lang)
        said = label("card_weight", languages(lang)[0], weight="").strip()
        sheet.cell(row, 2).number_format = f'"{said} "0.##' if line.weight.denominator > 1 else f'"{said} "0'
    elif line.maximum is not None:
        put(sheet, row, 2, Figure(line.maximum, "points"), style, lang)


def _total_line(sheet: Worksheet, row: int, header: CardHeader, document: Document, lang: str | None) -> None:
    reason, scale = stacked(total_words(document), lang), header.rulebook.scale
    put_row(sheet, row, [label("card_total", lang), *[None] * (_REASON - 2), reason], "gm_sum")
    if scale is not None:
        put(sheet, row, 2, float(Fraction(scale)), "gm_sum_number", lang, "0.00")
    put(sheet, row, 3, _shown_total(document, lang), "gm_sum_number", lang, _places(document))
    sheet.row_dimensions[row].height = row_height({_SCORE_WIDTHS[_REASON - 1]: reason}) + 6


def _results(sheet: Worksheet, row: int, header: CardHeader, document: Document, lang: str | None) -> int:
    """Below the score: consequences, what is missing, chance; gives the next free row."""
    told: list[tuple[str, Words | None, Words]] = [
        (label(f"card_tone_{c.tone}", lang), c.title, c.why) for c in results.consequences(document)
    ]
    told += [(label("card_refusal", lang), None, quota) for quota in results.refused(header, document)]
    if told:
        row = _block(sheet, row, "card_consequences", lang)
    for tone, title, why in told:
        _told(sheet, row, tone, title, why, lang)
        row += 1
    lacking = results.missing(document)
    if lacking:
        row = _block(sheet, row, results.missing_title(document), lang)
    for period, titles in lacking:
        _told(sheet, row, period, None, titles, lang)
        row += 1
    for code, text in (
        ("card_chance", results.chance_words(document)), ("card_exempted", results.exempted(document)),
    ):  # fmt: skip
        if text is not None:
            row = _block(sheet, row, code, lang)
            _told(sheet, row, "", None, text, lang)
            row += 1
    return row


def _block(sheet: Worksheet, row: int, code: str, lang: str | None) -> int:
    """The heading of a block, a row below the one before; gives the row under it."""
    put(sheet, row + 1, 1, label(code, lang), "gm_block")
    return row + 2


def _told(sheet: Worksheet, row: int, first: str, title: Words | None, text: Words, lang: str | None) -> None:
    """A line of a block: what it is, and over the other columns what is said."""
    said = stacked(text, lang)
    if title is not None:
        said = f"{say(title, lang)}\n{said}"
    put(sheet, row, 1, first, "gm_item")
    put(sheet, row, 2, said, "gm_text")
    sheet.merge_cells(start_row=row, end_row=row, start_column=2, end_column=_REASON)
    sheet.row_dimensions[row].height = row_height({sum(_SCORE_WIDTHS[1:]) - 4: said})


def _shown_total(document: Document, lang: str | None) -> float | str:
    total = document.total
    return float(Fraction(total.exact)) if total else cards.total_figure(document).text(lang)


def _places(document: Document) -> str:
    """As many decimals as the total needs not to seem on the other side of a grade's bound, or another subject's."""
    written = document.written_total
    decimals = written.partition(".")[2] if written else "00"
    return f"0.{'0' * len(decimals)}" if decimals else "0"


def _indicator_sheet(book: Workbook, card: Card, lang: str | None) -> None:
    header, document = card.header, card.document
    sheet = add_sheet(book, "card_indicators", _INDICATOR_WIDTHS, lang)
    _title(sheet, say(document.subject.name, lang), _subtitle(header, document, lang))
    titles = [stacked(words(f"card_{t}"), lang) for t in ("indicator", "value", "numerator", "denominator")]
    titles += _comparison_titles(document, lang)
    _head(sheet, 3, titles)
    freeze(sheet, 3, 3, columns=1)
    for at, row in enumerate(cards.indicator_rows(header, document), 4):
        now, *earlier = row.figures
        put_row(sheet, at, [say(row.title, lang), now, *(row.parts or ("", "")), *earlier], lang=lang)
    put(sheet, sheet.max_row + 1, 1, label("card_comparison_note", lang), "gm_note")


def _input_sheet(book: Workbook, card: Card, lang: str | None) -> None:
    """What the score was computed from: each input by value and source, its records below each other."""
    header, document = card.header, card.document
    sheet = add_sheet(book, "card_inputs", _INPUT_WIDTHS, lang)
    _title(sheet, say(document.subject.name, lang), _subtitle(header, document, lang))
    _head(sheet, 3, [stacked(words(f"card_{t}"), lang) for t in ("input", "input_value", "source", "record")])
    freeze(sheet, 3, 3)
    for at, row in enumerate(results.input_rows(header, document), 4):
        texts = [say(row.title, lang), say(row.value, lang), say(row.source, lang)]
        texts.append("\n".join(stacked(r, lang) for r in row.records))
        put_row(sheet, at, [texts[0], row.number or texts[1], *texts[2:]], lang=lang)
        sheet.row_dimensions[at].height = row_height({w - 2: t for w, t in zip(_INPUT_WIDTHS, texts, strict=True)})


def _ranking_sheet(book: Workbook, header: CardHeader, documents: Sequence[Document], lang: str | None) -> None:
    items = header.rulebook.items
    counts = [n for n in _KEY_COUNTS if any(n in d.counts for d in documents)]
    widths = [8, *_NAME_WIDTHS, 30, 11, 16, *([13] * len(items)), 34, 12, *([12] * len(counts))]
    sheet = add_sheet(book, "card_ranking", widths, lang)
    _title(sheet, _city_title(header, lang), _subtitle(header, None, lang))
    titles = [stacked(words(f"card_{t}"), lang) for t in ("rank", "code", "name", "parent", "total", "grade")]
    titles += [_item_title(i, lang) for i in items]
    titles += [stacked(words(f"card_{t}"), lang) for t in ("consequences", "missing_count")]
    _head(sheet, 3, [*titles, *(stacked(indicator_words(n), lang) for n in counts)])
    freeze(sheet, 3, 3, columns=3)
    for at, document in enumerate(documents, 4):
        _ranking_row(sheet, at, header, document, counts, lang)
    if documents:
        sheet.auto_filter.ref = f"A3:{get_column_letter(len(widths))}{3 + len(documents)}"


def _item_title(item: TopItem, lang: str | None) -> str:
    points = f" ({readable(item.points)})" if item.points is not None else ""
    return stacked(item.title, lang) + points


def _ranking_row(
    sheet: Worksheet,
    at: int,
    header: CardHeader,
    document: Document,
    counts: Sequence[str],
    lang: str | None,
) -> None:
    subject = document.subject
    parent, reached = cards.parent_words(header, document), stacked(results.consequences_line(document), lang)
    values: list[Value] = [
        Figure(Fraction(document.place), "count") if document.place else label("card_empty_rank", lang),
        subject.code,
        say(subject.name, lang),
        say(parent, lang) if parent else "",
        cards.total_figure(document),
        say(cards.grade_words(header, document.grade), lang),
        *top_points(header, document),
        reached,
        Figure(Fraction(len(document.awaited)), "count") if document.awaited else "",
        *(cards.indicator_row(header, document, n).now for n in counts),
    ]
    put_row(sheet, at, values, lang=lang)
    if document.total:
        sheet.cell(at, 5).number_format = _places(document)
    sheet.row_dimensions[at].height = row_height({_NAME_WIDTHS[1] - 2: str(values[2]), 28: str(values[3]), 32: reached})


def _comparison_sheet(book: Workbook, header: CardHeader, documents: Sequence[Document], lang: str | None) -> None:
    names = _compared(documents)
    first = [cards.indicator_row(header, documents[0], n) for n in names]
    sheet = add_sheet(book, "card_indicators", [*_NAME_WIDTHS, *([12, 12, 16, 14, 16] * len(first))], lang, fit=False)
    _title(sheet, _city_title(header, lang), label("card_comparison_note", lang))
    titles = [stacked(words("card_code"), lang), stacked(words("card_name"), lang)]
    for _ in first:
        titles.append(stacked(words("card_value"), lang))
        titles += _comparison_titles(documents[0], lang)
    _groups(sheet, 3, first, lang)
    _head(sheet, 4, titles)
    freeze(sheet, 3, 4, columns=2)
    for at, document in enumerate(documents, 5):
        values: list[Any] = [document.subject.code, say(document.subject.name, lang)]
        for row in (cards.indicator_row(header, document, n) for n in names):
            values += row.figures
        put_row(sheet, at, values, lang=lang)
        sheet.row_dimensions[at].height = row_height({_NAME_WIDTHS[1] - 2: values[1]})


def _compared(documents: Sequence[Document]) -> list[str]:
    """The rates and key counts that any of the documents has."""
    rates = [n for n in RATIOS if any(n in d.indicators for d in documents)]
    return rates + [n for n in _KEY_COUNTS if any(n in d.counts for d in documents)]


def _comparison_titles(document: Document, lang: str | None) -> list[str]:
    return [stacked(text, lang) for heads in cards.comparison_heads(document) for text in heads]


def _groups(sheet: Worksheet, at: int, rows: Sequence[Row], lang: str | None) -> None:
    """The row above the table's head: each indicator over its five columns."""
    put_row(sheet, at, ["", "", *(t for r in rows for t in (say(r.title, lang), "", "", "", ""))], "gm_head")
    for i in range(len(rows)):
        sheet.merge_cells(start_row=at, end_row=at, start_column=3 + 5 * i, end_column=7 + 5 * i)
    sheet.row_dimensions[at].height = 22


def _basis_sheet(book: Workbook, header: CardHeader, lang: str | None) -> None:
    sheet = add_sheet(book, "card_basis_title", _BASIS_WIDTHS, lang)
    _title(sheet, label("card_basis_title", lang), f"{say(header.city.name, lang)} · {header.name}")
    for at, (name, value) in enumerate([*cards.basis(header), *_read_as(header)], 3):
        title, text = say(name, lang), say(value, lang)
        put_row(sheet, at, [title, text])
        sheet.row_dimensions[at].height = row_height(dict(zip(_BASIS_WIDTHS, (title, text), strict=True)))
    freeze(sheet, 1, 2)


def _read_as(header: CardHeader) -> list[tuple[Words, Words]]:
    """The rulebook's readings under a line that says what they are."""
    found = cards.readings(header)
    return [(words("card_readings"), {"zh": "", "en": ""}), *found] if found else []


def _title(sheet: Worksheet, title: str, subtitle: str) -> None:
    put(sheet, 1, 1, title, "gm_title")
    put(sheet, 2, 1, subtitle, "gm_note")
    sheet.row_dimensions[1].height = 28


def _head(sheet: Worksheet, at: int, titles: Sequence[str]) -> None:
    put_row(sheet, at, titles, "gm_head")
    sheet.row_dimensions[at].height = row_height({11: max(titles, key=len)}, 2)


def _city_title(header: CardHeader, lang: str | None) -> str:
    return f"{say(header.city.name, lang)} · {header.period.label} · {label('card_summary', lang)}"


def _subtitle(header: CardHeader, document: Document | None, lang: str | None) -> str:
    parts = [say(header.city.name, lang), header.period.label, say(header.rulebook.title, lang)]
    if document:
        subject = document.subject
        parts = [f"{say(cards.level_words(header, subject.level), lang)} {subject.code}", *parts]
    parts.append(f"{label('card_as_of', lang)} {cards.read_instant(header.as_of)}")
    if header.absent:
        parts.append(f"{label('card_absent', lang)}: {say(cards.absent_words(header), lang)}")
    return " · ".join(parts)
