"""Bad rows (问题数据) as a workbook that goes back in as it is: the file's own columns as texts, the faults beside."""

import io
import re
from collections.abc import Iterator
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from gridmgmt.database.quarantine import CRS, ORIGIN, REASON, ROW, BadRow, Held
from gridmgmt.files.rows import CELL_FAULTS
from gridmgmt.files.worksheets import put_text

_BESIDE = (ROW, REASON, ORIGIN, CRS)
_LONGEST = 32767
"""Characters of a cell in Excel."""
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
"""A text that a workbook would read as a character of that number."""


def workbook(held: Held, lang: str) -> bytes:
    """The rows of one file under its own columns.

    A cell that could not be read as it is shown stands as ``#N/A``, what was seen beside it: handed in unmended it is
    refused again. A line that was no record stands beside an empty row.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(held.sheet or "data")
    own = [name for name in held.columns if name not in _BESIDE]
    sheet.append([_text(sheet, name) for name in (*own, *_BESIDE)])
    for row in held.rows:
        sheet.append([*_own(sheet, row, own), *(_text(sheet, text) for text in _beside(held, row, lang))])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _own(sheet: Any, row: BadRow, columns: list[str]) -> Iterator[Any]:
    unread = {f.column for f in row.faults if f.code in CELL_FAULTS}
    for name in columns:
        text = row.raw.get(name)
        if name in unread or len(text or "") > _LONGEST:
            cell = WriteOnlyCell(sheet, "#N/A")
            cell.data_type = "e"
            yield cell
        else:
            yield _text(sheet, text)


def _beside(held: Held, row: BadRow, lang: str) -> tuple[str, ...]:
    why = "; ".join(f"{f.column}={f.value}: {f.worded(lang)}" for f in row.faults)
    return str(row.row_no), why[:_LONGEST], f"{held.group.file_sha256}:{row.row_no}", held.group.crs or ""


def _text(sheet: Any, text: str | None) -> Any:
    if not text:
        return None
    cell = WriteOnlyCell(sheet)
    escaped = _ESCAPE.sub("_x005F_", text)
    put_text(cell, ILLEGAL_CHARACTERS_RE.sub(lambda m: f"_x{ord(m[0]):04X}_", escaped)[:_LONGEST])
    return cell
