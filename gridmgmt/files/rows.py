"""Rows of a file as text (行): what every format is read into, and what all its readers share."""

import datetime as dt
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from gridmgmt import bounds
from gridmgmt.errors import ColumnMissing, FileUnreadable
from gridmgmt.faults import Faults

CHUNK_ROWS = 100_000
X, Y = "geometry.x", "geometry.y"
"""Columns that hold a layer's own point coordinates."""
CELL_FAULTS = frozenset(
    {"cell_error", "cell_formula", "cell_merged", "cell_bytes", "cell_nul", "cell_long", "cell_withheld"}
)
"""What the quarantine shows of such a cell is not what the file holds."""
TITLE_ROWS = 10
"""How many rows of a table are searched for the header: many systems put a title and a date above it."""


@dataclass
class Rows:
    """One file's rows.

    Attributes
    ----------
    chunks
        Frames of text columns with an integer index named ``row``.
    crs
        The layer's own coordinate system (``epsg:NNNN``, else WKT) if it has one.
    broken
        (row, text) of lines that are not records, known once chunks are read.
    faults
        Cells of the chunks read so far that cannot be read as what they show.
    filled
        (row, column) of cells that hold the text of a merged cell above.
    read_as
        How the file was read where that had to be found out: the ``encoding`` of its texts, the ``separator``.
    columns
        Every column of the file, in its order, once a chunk is read.
    rest
        Gives of rows, by their numbers, the columns that the chunks leave out; None: they leave none out.
    n_lines
        How many lines the file has, where that is cheap to know; not fewer than rows.
    """

    path: Path
    sha256: str
    chunks: Iterator[pd.DataFrame]
    crs: str | None = None
    broken: list[tuple[int, str]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    filled: set[tuple[int, str]] = field(default_factory=set)
    read_as: dict[str, str] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)
    n_lines: int | None = None
    rest: Callable[[pd.Index], pd.DataFrame] | None = None

    def whole(self, some: pd.DataFrame) -> pd.DataFrame:
        """Rows of a chunk with every column of the file, in its order."""
        if self.rest is None or some.empty:
            return some
        return some.join(self.rest(some.index))[self.columns]

    def faults_in(self, chunk: pd.DataFrame, columns: Collection[str] | None = None) -> Faults:
        """Its faults in a chunk's rows, of some columns."""
        return Faults(f for f in self.faults if f.row in chunk.index and (columns is None or f.column in columns))


def require(path: Path, wanted: Sequence[str], found: Sequence[str]) -> None:
    """Refuse a file without columns that are wanted."""
    bounds.hold(path, "columns", len(found))
    missing = [c for c in wanted if c not in found]
    if missing:
        raise ColumnMissing(file=path.name, columns=missing, found=[c for c in found if c])


def header_names(path: Path, cells: Iterable[str]) -> list[str]:
    """Column names without blanks around them; a nameless column is called by its place, ``#3``."""
    cells = list(cells)
    bounds.hold(path, "columns", len(cells))
    names = [cell.strip("\ufeff").strip() or f"#{place}" for place, cell in enumerate(cells, 1)]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise FileUnreadable(file=str(path), reason={"code": "unreadable_column_twice", "columns": twice})
    return names


def as_text(value: object) -> str | None:
    """A typed cell as the text a person would type: whole floats without ``.0``, times in ISO form."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
    return str(value)


def frame_of(columns: dict[str, list[str | None]], numbers: Sequence[int]) -> pd.DataFrame:
    """Columns of texts as a frame, its index the rows' numbers."""
    index = pd.Index(list(numbers), name="row", dtype="int64")
    return pd.DataFrame({c: pd.Series(values, index=index, dtype="str") for c, values in columns.items()}, index=index)


def in_chunks(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """A long frame, some of its rows at a time."""
    for start in range(0, len(frame), CHUNK_ROWS):
        yield frame.iloc[start : start + CHUNK_ROWS]
