"""Worksheets of Excel (工作表) → rows of text, as a reader of the sheet sees them.

A cell that is merged over several rows holds for all of them: its text stands in each. A cell that is merged over
several columns with names of their own, a formula that was never computed and an error value (``#N/A``) are faults of
their row and column.
"""

import re
import warnings
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
from openpyxl.utils.cell import range_boundaries
from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser

from gridmgmt import bounds
from gridmgmt.errors import FileUnreadable, by_parser
from gridmgmt.files.rows import CHUNK_ROWS, TITLE_ROWS, Rows, as_text, frame_of, header_names, require

_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\s[^>]*?ref=["']([A-Z]+\d+:[A-Z]+\d+)["']""")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_BLOCK_BYTES = 1 << 20
_LONGEST_TAG = 200


@dataclass
class _Line:
    """One row of a sheet: its texts from the first column on, and the fault codes of those that cannot be read."""

    number: int
    cells: list[str | None]
    faults: dict[int, str] = field(default_factory=dict)
    filled: set[int] = field(default_factory=set)


@dataclass
class _Merged:
    """A merged range (合并单元格), rows and columns counted as the sheet does; ``text`` once its first row is read."""

    left: int
    top: int
    right: int
    bottom: int
    text: str | None = None


class _Parser(WorkSheetParser):  # type: ignore[misc]  # openpyxl has no types
    """Tells a formula without a value (data type ``f``), which openpyxl reads as an empty cell."""

    def parse_cell(self, element: Any) -> dict[str, Any]:
        cell: dict[str, Any] = super().parse_cell(element)
        formula = element.find(FORMULA_TAG)
        if formula is not None and cell["value"] is None and element.get("t") != "str":
            cell |= {"data_type": "f", "value": f"={formula.text or ''}"}
        return cell


def read(rows: Rows, wanted: Sequence[str], sheet: str | None) -> Iterator[pd.DataFrame]:
    """One sheet, default the first; the header is the first of ten rows that holds every wanted column."""
    book = _open(rows.path)
    try:
        if sheet is not None and sheet not in book.sheetnames:
            raise FileUnreadable(
                file=str(rows.path), reason={"code": "unreadable_no_sheet", "sheet": sheet, "known": book.sheetnames}
            )
        with closing(_Lines(rows.path, book[sheet] if sheet else book.worksheets[0])) as lines:
            cells = lines.header(wanted)
            header = header_names(rows.path, cells[: max((n for n, c in enumerate(cells, 1) if c.strip()), default=0)])
            if sheet is None and not set(wanted) <= set(header):
                _tell_others(rows.path, wanted, book.sheetnames)
            require(rows.path, wanted, header)
            yield from _chunks(rows, lines.below(header), header)
    finally:
        book.close()


def heads(path: Path) -> dict[str, list[list[str]]]:
    """Sheet → the texts of each of its first rows."""
    book = _open(path)
    out = {}
    try:
        for sheet in book.worksheets:
            with closing(_Lines(path, sheet)) as lines:
                out[sheet.title] = [[c or "" for c in line.cells] for line in lines.first()]
        return out
    finally:
        book.close()


def _tell_others(path: Path, wanted: Sequence[str], sheets: Sequence[str]) -> None:
    """Refuse a workbook whose first sheet does not fit, where others do."""
    found = heads(path)
    fits = [name for name in sheets[1:] if any(set(wanted) <= {c.strip() for c in row} for row in found.get(name, ()))]
    if fits:
        raise FileUnreadable(
            file=str(path), reason={"code": "unreadable_other_sheets", "sheet": sheets[0], "fits": fits}
        )


def _open(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(512).lstrip(b"\xef\xbb\xbf\r\n\t ")
    if not start.startswith(b"PK"):
        code = (
            "old_excel" if start.startswith(b"\xd0\xcf\x11\xe0") else "html" if start.startswith(b"<") else "not_excel"
        )
        raise FileUnreadable(file=str(path), reason={"code": f"unreadable_{code}"})
    bounds.check_workbook(path)
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # styles that openpyxl does not know
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as e:  # openpyxl raises whatever its parts raise
        raise FileUnreadable(file=str(path), reason=by_parser(e)) from e
    if not book.worksheets:
        book.close()
        raise FileUnreadable(file=str(path), reason={"code": "unreadable_no_worksheet"})
    return book


class _Lines:
    """The rows of one sheet, from top to bottom, merged ranges filled."""

    def __init__(self, path: Path, sheet: Any) -> None:
        self._waiting = sorted(_merged(sheet), key=lambda m: m.top, reverse=True)
        self._open: list[_Merged] = []
        self._read = _lines(sheet)
        self._lines = map(self._fill, _bounded(path, self._read))

    def close(self) -> None:
        """Close the sheet's part of the file."""
        self._read.close()

    def first(self) -> Iterator[_Line]:
        """The first :data:`TITLE_ROWS` rows."""
        for line in self._lines:
            if line.number > TITLE_ROWS:
                return
            yield line

    def header(self, wanted: Sequence[str]) -> list[str]:
        """The first row that holds every wanted column; where none does, the fullest: what is missing is told."""
        seen: list[list[str]] = []
        for line in self.first():
            cells = [c or "" for c in line.cells]
            seen.append(cells)
            if set(wanted) <= {c.strip() for c in cells}:
                self._open = []  # a heading over several rows is no value of the rows below
                return cells
        return max(seen, key=lambda cells: len(set(wanted) & {c.strip() for c in cells}), default=[])

    def below(self, header: Sequence[str]) -> Iterator[_Line]:
        """The rows that are not empty; a range over several named columns is a fault of each of its rows."""
        for line in self._lines:
            for m in self._open:
                if any(not name.startswith("#") for name in header[m.left : m.right]):
                    line.faults[m.left - 1] = "cell_merged"
            yield line

    def _fill(self, line: _Line) -> _Line:
        self._open = [m for m in self._open if m.bottom >= line.number]
        while self._waiting and self._waiting[-1].top <= line.number:
            merged = self._waiting.pop()
            if merged.bottom >= line.number:
                merged.text = line.cells[merged.left - 1] if merged.left <= len(line.cells) else None
                self._open.append(merged)
        if any(line.cells):
            for m in self._open:
                line.cells += [None] * (m.left - len(line.cells))
                if m.top < line.number and m.text is not None and not line.cells[m.left - 1]:
                    line.cells[m.left - 1] = m.text
                    line.filled.add(m.left - 1)
        return line


def _merged(sheet: Any) -> Iterator[_Merged]:
    """The merged ranges, which stand in the file behind all rows."""
    with sheet._get_source() as source:  # the only way to them that does not hold the whole sheet
        rest = b""
        while block := source.read(_BLOCK_BYTES):
            text = rest + block
            end = 0
            for found in _MERGED.finditer(text):
                end = found.end()
                yield _Merged(*range_boundaries(found[1].decode()))
            rest = text[max(end, len(text) - _LONGEST_TAG) :]


def _lines(sheet: Any) -> Generator[_Line]:
    book = sheet.parent
    with sheet._get_source() as source:
        parser = _Parser(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        for number, cells in parser.parse():
            line = _Line(number, [None] * max((c["column"] for c in cells), default=0))
            for c in cells:
                line.cells[c["column"] - 1] = _text(c["value"])
                if c["data_type"] in ("e", "f"):
                    line.faults[c["column"] - 1] = "cell_error" if c["data_type"] == "e" else "cell_formula"
            yield line


def _bounded(path: Path, lines: Iterator[_Line]) -> Iterator[_Line]:
    """Rows within bounds, empty ones counted; what cannot be a cell (ZZZZZ1) or is no XML is told."""
    try:
        for line in lines:
            bounds.hold(path, "sheet_rows", line.number)
            bounds.hold(path, "columns", len(line.cells))
            yield line
    except (ValueError, KeyError, OSError, SyntaxError, zlib.error) as e:  # XML's errors are SyntaxErrors
        raise FileUnreadable(file=str(path), reason=by_parser(e)) from e


def _text(value: object) -> str | None:
    """A cell's text; ``_x000D_`` and the like stand for the character of that number."""
    text = as_text(value)
    if text is None or "_x" not in text:
        return text
    plain = _ESCAPED.sub(lambda m: m[0] if 0xD800 <= int(m[1], 16) <= 0xDFFF else chr(int(m[1], 16)), text)
    return plain.replace("\r\n", "\n").replace("\r", "\n")


def _chunks(rows: Rows, lines: Iterator[_Line], header: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Rows of a sheet; empty ones are none, and one with values beyond the header is broken."""
    numbers: list[int] = []
    block: list[list[str | None]] = []

    def take() -> pd.DataFrame:
        frame = frame_of({name: [r[i] for r in block] for i, name in enumerate(header)}, numbers)
        numbers.clear()
        block.clear()
        return frame

    for line in lines:
        cells = line.cells
        if any(cells[len(header) :]):
            rows.broken.append((line.number, ",".join(c or "" for c in cells)))
        elif any(cells):
            numbers.append(line.number)
            block.append((cells + [None] * len(header))[: len(header)])
            rows.filled |= {(line.number, header[i]) for i in line.filled}
            for i, code in sorted(line.faults.items()):
                if i < len(header):
                    rows.faults.note(line.number, header[i], cells[i] if i < len(cells) else None, code)
        if len(block) == CHUNK_ROWS:
            yield take()
    if block:
        yield take()
