"""Writing worksheets (工作表): house styles, safe texts, numbers as numbers, A4 pages, repeatable bytes."""

import datetime as dt
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from gridmgmt.files.wording import Figure, label, languages, words

_FACE = "微软雅黑"
"""Microsoft YaHei by its Chinese name; where it is missing, its character set (GB 2312) finds another Chinese font."""

INK, PALE, RULE = "1F3A5F", "E9EEF4", "B8C2CC"
FORMATS = {
    "count": "#,##0",
    "percent": "0.00%",
    "points": "0.00",
    "per_km2": "#,##0.00",
    "relative": "+0.0%;-0.0%;0.0%",
    "difference": "+0.00;-0.00;0.00",
}
_QUIET = ("gm_rule",)
"""Styles whose figures have a style of their own, named ``…_number``."""

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
Value = str | int | float | Figure | None


def new_book() -> Workbook:
    """An empty workbook with the house's styles."""
    book = Workbook()
    book.remove(book.active)
    line = Border(bottom=Side("thin", color=RULE))
    top = Alignment(horizontal="left", vertical="top", wrap_text=True, indent=1)
    right = Alignment(horizontal="right", vertical="top")
    for name, font, fill, alignment, border in (
        ("gm_title", _font(16, bold=True, color=INK), None, Alignment(vertical="center"), None),
        ("gm_note", _font(9, color="5A6672"), None, Alignment(vertical="top"), None),
        ("gm_big", _font(18, bold=True, color=INK), None, Alignment(horizontal="left", vertical="center"), None),
        ("gm_head", _font(10, bold=True, color="FFFFFF"), INK, _centred(), None),
        ("gm_text", _font(10), None, top, line),
        ("gm_number", _font(10), None, right, line),
        ("gm_missing", _font(9, italic=True, color="7A8691"), None, right, line),
        ("gm_item", _font(10, bold=True, color=INK), None, top, line),
        ("gm_rule", _font(9, color="5A6672"), None, top, line),
        ("gm_rule_number", _font(9, color="5A6672"), None, right, line),
        ("gm_block", _font(11, bold=True, color=INK), None, Alignment(vertical="center"), None),
        ("gm_sum", _font(11, bold=True, color=INK), PALE, top, line),
        ("gm_sum_number", _font(11, bold=True, color=INK), PALE, right, line),
    ):
        style = NamedStyle(name, font=font, alignment=alignment, border=border or Border())
        if fill:
            style.fill = PatternFill("solid", fgColor=fill)
        book.add_named_style(style)
    return book


def _font(size: int, *, bold: bool = False, italic: bool = False, color: str = "222222") -> Font:
    return Font(name=_FACE, charset=134, family=2, size=size, bold=bold, italic=italic, color=color)


def _centred() -> Alignment:
    return Alignment(horizontal="center", vertical="center", wrap_text=True)


_PAGE_WIDTH = 210
"""Characters that A4 landscape holds at the least size that is read without effort, 7 points (project convention)."""


def add_sheet(book: Workbook, code: str, widths: Sequence[float], lang: str | None, *, fit: bool = True) -> Worksheet:
    """A sheet named by the catalogue, A4 landscape.

    Parameters
    ----------
    widths
        Of the columns, in characters of the body font (a Chinese one is two).
    fit
        Print it as wide as one page, or as the few that leave it readable; else it goes on over pages, smaller.
    """
    sheet = book.create_sheet(label(code, lang)[:31])
    for i, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(i)].width = width
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = math.ceil(sum(widths) / _PAGE_WIDTH), 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = fit
    if not fit:
        sheet.page_setup.scale = 70
    margins = sheet.page_margins
    margins.left = margins.right = margins.top = 0.5
    margins.bottom, margins.footer = 0.7, 0.3
    sheet.oddFooter.right.text = label("card_page", languages(lang)[0])
    return sheet


def freeze(sheet: Worksheet, first: int, last: int, columns: int = 0) -> None:
    """Keep the rows down to ``last`` in sight, repeat rows ``first``–``last`` on each printed page."""
    sheet.freeze_panes = f"{get_column_letter(columns + 1)}{last + 1}"
    sheet.print_title_rows = f"{first}:{last}"
    if columns:
        sheet.print_title_cols = f"A:{get_column_letter(columns)}"


def put(
    sheet: Worksheet,
    row: int,
    column: int,
    value: Value,
    style: str = "gm_text",
    lang: str | None = None,
    number: str = "",
) -> None:
    """Write one cell: texts as texts whatever they begin with, figures as numbers in their format."""
    cell = sheet.cell(row, column)
    if isinstance(value, Figure):
        _put_figure(cell, value, lang, f"{style}_number" if style in _QUIET else "gm_number")
    elif isinstance(value, str):
        cell.style = style
        put_text(cell, value)
    else:
        cell.style = style
        cell.value = value
        if number:
            cell.number_format = number


def format_column(sheet: Worksheet, column: int, first: int, number: str = "@") -> None:
    """Give a column's cells a format from a row on, those that are still empty too; ``@`` keeps what is typed."""
    sheet.column_dimensions[get_column_letter(column)].number_format = number
    for (cell,) in sheet.iter_rows(min_row=first, min_col=column, max_col=column):
        cell.number_format = number


def put_text(cell: Any, value: str) -> None:
    """A text that stays a text: no formula, no error value, no control characters; also when it is edited later."""
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)
    cell.data_type = "s"
    if value.startswith(FORMULA_STARTS):
        cell.quotePrefix = True


def indent(sheet: Worksheet, row: int, depth: int) -> None:
    """Set the first cell of a row in by its depth in a tree, and let the row fold under the one above it."""
    cell = sheet.cell(row, 1)
    cell.alignment = Alignment(horizontal="left", vertical="top", wrap_text=True, indent=1 + 2 * depth)
    sheet.row_dimensions[row].outlineLevel = min(depth, 7)
    sheet.sheet_properties.outlinePr.summaryBelow = False


def _put_figure(cell: Any, figure: Figure, lang: str | None, style: str) -> None:
    if figure.value is None:
        cell.style = "gm_missing"
        put_text(cell, figure.text(lang))
        return
    cell.style = style
    whole = figure.value.denominator == 1
    cell.value = int(figure.value) if whole else float(figure.value)
    if figure.unit == "pp":
        unit = f'" {words("card_pp")[languages(lang)[0]]}"'
        cell.number_format = f"+0.00{unit};-0.00{unit};0.00{unit}"
    else:
        cell.number_format = FORMATS[figure.unit] if whole or figure.unit != "count" else "#,##0.##"


def put_row(
    sheet: Worksheet, row: int, values: Sequence[Value], style: str = "gm_text", lang: str | None = None
) -> None:
    """Write cells from column 1; None leaves an empty one."""
    for i, value in enumerate(values, 1):
        put(sheet, row, i, value, style, lang)


def row_height(texts: Mapping[float, str], lines_at_least: int = 1) -> float:
    """Height in points of a row of wrapped texts, by column width: neither Excel nor LibreOffice need guess."""
    lines = [
        sum(max(1, -(-_width(part) // round(width * 1.1))) for part in t.split("\n")) for width, t in texts.items()
    ]
    return 3.0 + 13.5 * max([lines_at_least, *lines])


def _width(text: str) -> int:
    return sum(2 if ord(c) > 0x2E7F else 1 for c in text)


class _Archive(ZipFile):
    """A zip whose entries carry no clock: the same workbook has the same bytes."""

    def writestr(self, zinfo_or_arcname: Any, data: Any, *_: Any, **__: Any) -> None:
        entry = ZipInfo(str(zinfo_or_arcname), _ZIP_TIME)
        entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
        super().writestr(entry, data)

    def write(self, filename: Any, arcname: Any = None, *_: Any, **__: Any) -> None:
        with open(filename, "rb") as file:
            self.writestr(arcname or filename, file.read())


def save_book(book: Workbook, name: str, as_of: str) -> bytes:
    """The workbook's bytes; its dates are the assessment's data cut-off, not the clock's."""
    moment = dt.datetime.fromisoformat(as_of).astimezone(dt.UTC).replace(tzinfo=None, microsecond=0)
    properties = book.properties
    properties.creator, properties.title = "gridmgmt", name
    properties.created = properties.modified = moment
    out = io.BytesIO()
    ExcelWriter(book, _Archive(out, "w", ZIP_DEFLATED)).save()
    return out.getvalue()


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A text that begins so would run as a formula in a spreadsheet."""
