"""Sheets that people fill (填报表): what each holds, its rows as texts, every fault by sheet, row and column.

A sheet is told by the machine names in its header, not by its name or place:
people rename and move sheets. What stands above the header is not read.
"""

import csv
import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gridmgmt.accepted import words, yes_no
from gridmgmt.errors import ColumnMissing, EntryInvalid, FileUnreadable
from gridmgmt.faults import Fault, Faults
from gridmgmt.files import excel
from gridmgmt.files.cells import texts_of
from gridmgmt.files.rows import Rows
from gridmgmt.files.tables import ENCODINGS, R, faults_of
from gridmgmt.files.tables import expected as expected_cell
from gridmgmt.files.tabular import open_rows
from gridmgmt.numbers import exact, to_exact
from gridmgmt.texts import Unfit, expected

DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T]00:00:00)?")
"""``2025-12-03``, ``2025/12/3``, ``2025年12月3日``, and a spreadsheet's date."""

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")

AS_WRITTEN = ("name", "name_zh", "name_en", "evidence", "note")
"""Columns that are no codes or numbers: full-width characters stay."""

SHOWN = ("sheet", "row", "column", "value", "expected")
"""How a fault of a form is told."""


@dataclass(frozen=True)
class Line:
    """One row of a sheet: its number, and the cells that hold something, by column."""

    sheet: str | None
    row: int
    cells: Mapping[str, str]

    def fault(self, column: str, code: str, /, **facts: Any) -> Fault:
        """A fault of one of its cells."""
        return Fault(self.row, column, self.cells.get(column), code, facts, self.sheet)

    def unfit(self, column: str, expected: Mapping[str, Any]) -> Fault:
        """A fault of one of its cells by what was expected, as :func:`gridmgmt.texts.expected` tells it."""
        return self.fault(column, expected["code"], **{k: v for k, v in expected.items() if k != "code"})


@dataclass(frozen=True)
class Sheet:
    """A sheet with its rows; ``kind`` is one of those that were asked for."""

    kind: str
    name: str | None
    lines: Sequence[Line]
    broken: Faults
    sha256: str


def read_sheets(path: Path, kinds: Mapping[str, Sequence[str]]) -> list[Sheet]:
    """Read the sheets of a workbook, or a CSV file as one sheet, that have the columns of a kind.

    Parameters
    ----------
    kinds
        Kind → the columns its header must have; the first kind that fits counts.

    Raises
    ------
    FileUnreadable
        See :func:`gridmgmt.files.tabular.open_rows`.
    ColumnMissing
        No sheet fits a kind.
    """
    if path.suffix.lower() not in (".xlsx", ".xlsm", ".csv"):
        raise FileUnreadable(
            file=str(path),
            reason={"code": "unreadable_format", "format": path.suffix or "?", "known": [".xlsx", ".xlsm", ".csv"]},
        )
    if path.suffix.lower() == ".csv":
        header = set(_csv_header(path))
        return [_sheet(path, _kind(path, [header], kinds, needed=True), kinds, None)]
    rows = _headers(path)
    found = {name: _kind(path, headers, kinds) for name, headers in rows.items()}
    for name, kind in found.items():
        wanted = next(
            (k for word, k in words("sheet").items() if k in kinds and word != k and name.startswith(word)), None
        )
        if not kind and wanted is not None and any(rows[name]):  # the row of machine names was deleted: that is told
            raise ColumnMissing(file=f"{path.name} [{name}]", columns=list(kinds[wanted]), found=sorted(rows[name][0]))
    if not any(found.values()):
        raise ColumnMissing(file=path.name, columns=list(next(iter(kinds.values()))), found=list(found))
    return [_sheet(path, kind, kinds, name) for name, kind in found.items() if kind]


def _csv_header(path: Path) -> list[str]:
    rows = open_rows(path, ENCODINGS, ())
    first = next(iter(rows.chunks), None)
    if first is not None:
        return [str(c) for c in first.columns]
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:  # no row is whole
        return next(csv.reader(file), [])


def _kind(path: Path, headers: Sequence[set[str]], kinds: Mapping[str, Sequence[str]], *, needed: bool = False) -> str:
    for kind, columns in kinds.items():
        if any(set(columns) <= header for header in headers):
            return kind
    if needed:
        columns = next(iter(kinds.values()))
        missing = [c for c in columns if c not in headers[0]]
        raise ColumnMissing(file=path.name, columns=missing, found=sorted(headers[0]))
    return ""


def _headers(path: Path) -> dict[str, list[set[str]]]:
    """Sheet → the texts of each of its first rows."""
    if not path.is_file():
        raise FileUnreadable(file=str(path), reason={"code": "unreadable_absent"})
    return {sheet: [{c.strip() for c in cells} for cells in rows] for sheet, rows in excel.heads(path).items()}


def _sheet(path: Path, kind: str, kinds: Mapping[str, Sequence[str]], name: str | None) -> Sheet:
    rows = open_rows(path, ENCODINGS, list(kinds[kind]), name)
    texts = [found for chunk in rows.chunks for found in texts_of(chunk, AS_WRITTEN)]
    faults = Faults(replace(f, sheet=name) for f in (*map(expected_cell, rows.faults), *_filled_numbers(rows, texts)))
    unread = {f.row for f in faults}
    lines = [
        Line(name, row, {k: v for k, v in cells.items() if v})
        for row, cells in texts
        if any(cells.values()) and row not in unread
    ]
    broken = Faults(Fault(n, "", text[:200], "expected_columns_of_header", sheet=name) for n, text in rows.broken)
    return Sheet(kind, name, lines, Faults([*faults, *broken]), rows.sha256)


def _filled_numbers(rows: Rows, texts: Sequence[tuple[int, Mapping[str, str | None]]]) -> Iterator[Fault]:
    """A number merged over several rows: each may count it, or all of them together."""
    for row, cells in texts:
        for column, text in cells.items():
            if (row, column) in rows.filled and text is not None and _NUMBER.fullmatch(text):
                yield Fault(row, column, text, "expected_cell_merged_number")


class Collected:
    """Faults of one file, in the order of its rows."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults = Faults()

    def fault(self, line: Line, column: str, code: str, **facts: Any) -> None:
        """Note a fault of one cell: what was expected, as :func:`gridmgmt.texts.expected` words it."""
        self.faults.append(line.unfit(column, expected(code, **facts)))

    def read(self, line: Line, column: str, reader: Callable[[str], Any]) -> Any:
        """One cell by a reader that raises Unfit; None where it is empty or faulty (then that is noted)."""
        text = line.cells.get(column)
        if text is None:
            return None
        try:
            return reader(text)
        except Unfit as e:
            self.faults.append(line.unfit(column, e.expected))
            return None

    def row(self, line: Line, model: type[R], empty: str = "expected_value") -> R | None:
        """A whole row by its model; None where it is faulty, which is noted."""
        try:
            return model.model_validate(line.cells)
        except ValidationError as e:
            self.faults += faults_of(e, line.row, line.cells, line.sheet, empty)
            return None

    def known(self, line: Line, columns: Sequence[str]) -> None:
        """Note what stands in columns that nobody reads."""
        for column in line.cells:
            if column not in columns:
                self.fault(line, column, "known_column", known=list(columns))


def refuse(file: str, faults: Sequence[Fault]) -> None:
    """Refuse a file as a whole if anything is wrong.

    Raises
    ------
    EntryInvalid
        Lists every fault.
    """
    if faults:
        raise EntryInvalid(file=file, n=len(faults), problems=[_told(f) for f in faults])


def _told(fault: Fault) -> dict[str, Any]:
    code = "entry_fault" if fault.sheet is None else "entry_fault_in_sheet"
    return {"code": code, **fault.as_dict(*SHOWN), "value": fault.value or ""}


def day(text: str) -> dt.date:
    """A day as people and spreadsheets write it."""
    found = DAY.fullmatch(text)
    try:
        if found:
            return dt.date(*map(int, found.groups()))
    except ValueError:
        pass
    raise Unfit("day", value=text)


def number(text: str) -> str:
    """An exact number in its one plain form."""
    return exact(to_exact(text))


def whole(least: int) -> Callable[[str], int]:
    """A reader of whole numbers from ``least``."""

    def read(text: str) -> int:
        value = to_exact(text)
        if value.denominator != 1 or value < least:
            raise Unfit("whole_from", least=least)
        return int(value)

    return read


def flag(text: str) -> bool:
    """Yes or no (是 / 否)."""
    found = yes_no(text)
    if found is None:
        raise Unfit("flag")
    return found


def listed(text: str) -> tuple[str, ...]:
    """Names with semicolons between them."""
    return tuple(part.strip() for part in re.split("[;；、]", text) if part.strip())
