"""A file of which nothing is known: its columns, what stands between them, its encoding, and its first rows as text."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gridmgmt.files import delimited, tabular

ENCODINGS = ("utf-8", "gb18030", "big5", "cp1252")
_ROWS = 100_000
"""So many rows are looked at."""


@dataclass(frozen=True)
class Sample:
    """The first rows of a file, every column as text; what it names itself."""

    rows: pd.DataFrame
    encoding: str | None
    separator: str | None
    sheet: str | None
    crs: str | None


def sample(path: Path, sheet: str | None = None) -> Sample:
    """The first rows of a file.

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
    first = next(iter(found.chunks), pd.DataFrame(columns=columns))
    return Sample(first.head(_ROWS), encoding, separator, sheet, found.crs)
