"""A file of which nothing is known: its columns, what stands between them, its encoding, and rows of all its parts."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gridmgmt.faults import Faults
from gridmgmt.files import delimited, tabular

ENCODINGS = ("utf-8", "gb18030", "big5", "cp1252")
_ROWS = 100_000
"""So many rows are looked at, at most."""


@dataclass(frozen=True)
class Sample:
    """Rows of all parts of a file, every column as text, and which cells cannot be read; what it names itself."""

    rows: pd.DataFrame
    unread: Faults
    n_rows: int
    encoding: str | None
    separator: str | None
    sheet: str | None
    crs: str | None


def sample(path: Path, sheet: str | None = None) -> Sample:
    """Rows of a file: all, or of a longer one every second, fourth … and the last.

    Raises
    ------
    FileUnreadable
    """
    is_text = {s.lower() for s in path.suffixes} & {".csv", ".txt"}
    encoding = separator = None
    if is_text and path.is_file() and path.stat().st_size:
        encoding, columns, separator = delimited.unknown(path, ENCODINGS)
    else:
        columns = tabular.columns_of(path, ENCODINGS, sheet)
    found = tabular.open_rows(path, (encoding,) if encoding else ENCODINGS, columns, sheet, separator)
    rows, n_rows = _spread(found.chunks, _ROWS)
    if rows is None:
        rows = pd.DataFrame(columns=columns)
    return Sample(rows, found.faults_in(rows), n_rows, encoding, separator, sheet, found.crs)


def sheets(path: Path) -> dict[str, list[list[str]]]:
    """Sheet of a workbook → the texts of each of its first rows; nothing where the file is none.

    Raises
    ------
    FileUnreadable
    """
    if path.suffix.lower() not in (".xlsx", ".xlsm") or not path.is_file() or not path.stat().st_size:
        return {}
    from gridmgmt.files import excel  # slow, and needed by those only who read workbooks

    return excel.heads(path)


def _spread(chunks: Iterable[pd.DataFrame], most: int) -> tuple[pd.DataFrame | None, int]:
    """Rows at equal distances from the first on, and the last one; so many at most, and how many there are."""
    kept: list[pd.DataFrame] = []
    step, n_rows, last = 1, 0, None
    for chunk in chunks:
        kept.append(chunk.iloc[-n_rows % step :: step])
        n_rows, last = n_rows + len(chunk), chunk.iloc[-1:]
        while sum(map(len, kept)) >= most:
            step *= 2
            kept = [pd.concat(kept).iloc[::2]]
    if last is None:
        return None, 0
    rows = pd.concat(kept)
    return (rows if rows.index[-1] == last.index[-1] else pd.concat([rows, last])), n_rows
