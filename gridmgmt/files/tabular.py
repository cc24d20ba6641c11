"""Files → rows of text: CSV (also .gz), Excel, Parquet, GeoJSON, GeoPackage, in chunks.

Every value arrives as text (or missing), so that each later check can show the
value just as the file has it. Row numbers count records, the header being row
1, as a spreadsheet shows them; blank lines of a CSV file are no records, empty
rows of a spreadsheet are passed over and keep their numbers.
"""

import codecs
import datetime as dt
import hashlib
import math
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import shapely

from gridmgmt import bounds
from gridmgmt.errors import ColumnMissing, FileUnreadable

CHUNK_ROWS = 100_000
X, Y = "geometry.x", "geometry.y"
"""Columns that hold a layer's own point coordinates."""
BLOCK_BYTES = 1 << 24
"""A record of a CSV file, with all lines of its texts, is never longer."""

_TAIL = 40
"""So many characters tell the end of a file."""

Record = tuple[object, ...]


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
    n_lines
        How many lines the file has, where that is cheap to know; not fewer than rows.
    """

    path: Path
    sha256: str
    chunks: Iterator[pd.DataFrame]
    crs: str | None = None
    broken: list[tuple[int, str]] = field(default_factory=list)
    n_lines: int | None = None


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def open_rows(path: Path, encodings: Sequence[str], wanted: Sequence[str], sheet: str | None = None) -> Rows:
    """Open a file of any known format and check that it has the columns that are wanted.

    Parameters
    ----------
    encodings
        Tried in order; the first that decodes the whole file is taken. Only for CSV.
    wanted
        Names as the header has them, blanks around them aside; ``geometry.x``
        and ``geometry.y`` are the layer's own points.
    sheet
        Worksheet (default the first) or layer (needed where a file has several).

    Raises
    ------
    FileUnreadable
        Absent, empty, in none of the encodings, not of its format, or a column's
        name stands twice. A CSV file whose last quotation mark is never closed
        is told only when its last chunk has been read.
    ColumnMissing
        Names the missing columns and those the file has.
    """
    if not path.is_file():
        raise FileUnreadable(file=str(path), reason="no such file")
    if path.stat().st_size == 0:
        raise FileUnreadable(file=str(path), reason="the file is empty")
    bounds.hold(path, "file_mb", path.stat().st_size)
    kind = next((s for s in reversed([x.lower() for x in path.suffixes]) if s != ".gz"), "")
    readers: dict[str, Callable[[Rows], Iterator[pd.DataFrame]]] = {
        **dict.fromkeys((".csv", ".txt"), lambda rows: _csv(rows, encodings, wanted)),
        **dict.fromkeys((".xlsx", ".xlsm"), lambda rows: _excel(rows, wanted, sheet)),
        **dict.fromkeys((".parquet", ".geoparquet"), lambda rows: _parquet(rows, wanted)),
        **dict.fromkeys((".geojson", ".json", ".gpkg", ".shp"), lambda rows: _layer(rows, wanted, sheet)),
    }
    if kind not in readers:
        raise FileUnreadable(file=str(path), reason=f"format {kind or '?'}; known are {', '.join(readers)}")
    rows = Rows(path=path, sha256=sha256_of(path), chunks=iter(()))
    chunks = readers[kind](rows)
    first = next(chunks, None)  # a fault of the whole file is told here, before anything is done with its rows
    rows.chunks = chunks if first is None else chain([first], chunks)
    return rows


def _require(path: Path, wanted: Sequence[str], found: Sequence[str]) -> None:
    bounds.hold(path, "columns", len(found))
    missing = [c for c in wanted if c not in found]
    if missing:
        raise ColumnMissing(file=path.name, columns=missing, found=[c for c in found if c])


def _header(path: Path, cells: Iterable[str]) -> list[str]:
    """Column names without blanks around them; a nameless column is called by its place, ``#3``."""
    cells = list(cells)
    bounds.hold(path, "columns", len(cells))
    names = [cell.strip("\ufeff").strip() or f"#{place}" for place, cell in enumerate(cells, 1)]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise FileUnreadable(file=str(path), reason=f"columns of the same name: {', '.join(twice)}; rename one of them")
    return names


# --- CSV -------------------------------------------------------------------------------------------------------------


def _csv(rows: Rows, encodings: Sequence[str], wanted: Sequence[str]) -> Iterator[pd.DataFrame]:
    def handle(bad: pa_csv.InvalidRow) -> str:
        rows.broken.append((bad.number, bad.text))
        return "skip"

    parse = pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=handle)
    last: pd.DataFrame | None = None
    try:
        encoding, tail, rows.n_lines = _encoding(rows.path, encodings)
        read = pa_csv.ReadOptions(encoding=encoding, use_threads=False, block_size=BLOCK_BYTES)
        _check_width(rows.path)
        with _stream(rows.path) as raw:
            given = pa_csv.open_csv(raw, read, parse).schema.names
        rows.broken.clear()
        header = _header(rows.path, given)
        _require(rows.path, wanted, header)
        convert = pa_csv.ConvertOptions(column_types=dict.fromkeys(given, pa.string()), strings_can_be_null=False)
        with _stream(rows.path) as raw:
            for last in _numbered(rows, pa_csv.open_csv(raw, read, parse, convert), header):
                yield last
    except (pa.ArrowInvalid, OSError) as e:
        raise FileUnreadable(file=str(rows.path), reason=str(e)) from e
    _refuse_open_quote(rows, last, tail)


def _check_width(path: Path) -> None:
    """Look how wide the header is before a reader makes room for each of its columns."""
    with _stream(path) as raw:
        first = raw.read(BLOCK_BYTES).partition(b"\n")[0]
    bounds.hold(path, "columns", first.count(b",") + 1)


def _stream(path: Path) -> Any:
    return pa.input_stream(str(path), compression="gzip" if path.suffix.lower() == ".gz" else None)


def _encoding(path: Path, encodings: Sequence[str]) -> tuple[str, str, int]:
    """The first encoding that decodes the whole file, the last characters of the file, and how many lines it has."""
    for encoding in encodings:
        tail, n_lines, n_bytes = "", 0, 0
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            with _stream(path) as raw:
                while block := raw.read(1 << 22):
                    if b"\x00" in block:
                        raise FileUnreadable(file=str(path), reason="it holds NUL bytes (UTF-16?); save it as UTF-8")
                    n_lines += block.count(b"\n")
                    n_bytes += len(block)
                    bounds.hold(path, "unpacked_mb", n_bytes)
                    bounds.hold(path, "rows", n_lines)
                    tail = (tail + decoder.decode(block))[-_TAIL:]
                tail += decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding, tail, n_lines
    raise FileUnreadable(file=str(path), reason=f"not text in any of {', '.join(encodings)}")


def _numbered(rows: Rows, batches: Iterable[pa.RecordBatch], header: list[str]) -> Iterator[pd.DataFrame]:
    """Number the records: 1 is the header; broken lines keep their numbers, so later ones stay right.

    The reader runs ahead: lines broken in a later block may be known before this block arrives.
    """
    row = 2
    for batch in batches:
        frame = batch.to_pandas()
        frame.columns = header
        broken = {n for n, _ in rows.broken if n >= row}
        numbers = [n for n in range(row, row + len(frame) + len(broken)) if n not in broken][: len(frame)]
        row = numbers[-1] + 1 if numbers else row
        frame.index = pd.Index(numbers, name="row", dtype="int64")
        yield from _chunks(frame)


def _refuse_open_quote(rows: Rows, last: pd.DataFrame | None, tail: str) -> None:
    """A quotation mark that is never closed takes the rest of the file for one record: nothing may be lost so.

    Where it does, the last value holds further lines and ends as the file ends, without a mark.
    """
    found = [n for n, text in rows.broken[-1:] if "\n" in text and text.count('"') % 2]
    if last is not None:
        value = str(last.iloc[-1, -1])
        if "\n" in value and tail.endswith(value[-_TAIL:]):
            found.append(int(last.index[-1]))
    if found:
        reason = f"row {max(found)} opens a quotation mark that is never closed"
        raise FileUnreadable(file=str(rows.path), reason=reason)


# --- tables with types -----------------------------------------------------------------------------------------------


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


def _texts(columns: dict[str, list[str | None]], numbers: Sequence[int]) -> pd.DataFrame:
    index = pd.Index(list(numbers), name="row", dtype="int64")
    return pd.DataFrame({c: pd.Series(values, index=index, dtype="str") for c, values in columns.items()}, index=index)


def _chunks(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, len(frame), CHUNK_ROWS):
        yield frame.iloc[start : start + CHUNK_ROWS]


def _excel(rows: Rows, wanted: Sequence[str], sheet: str | None) -> Iterator[pd.DataFrame]:
    bounds.check_workbook(rows.path)
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # styles that openpyxl does not know
            import openpyxl

            book = openpyxl.load_workbook(rows.path, read_only=True, data_only=True)
    except Exception as e:  # openpyxl raises whatever its parts raise
        raise FileUnreadable(file=str(rows.path), reason=str(e)) from e
    try:
        if sheet is not None and sheet not in book.sheetnames:
            raise FileUnreadable(file=str(rows.path), reason=f"no sheet {sheet}; it has {', '.join(book.sheetnames)}")
        if not book.worksheets:
            raise FileUnreadable(file=str(rows.path), reason="it has no worksheet")
        table = book[sheet] if sheet else book.worksheets[0]
        table.reset_dimensions()  # some systems declare a size that is not the sheet's
        with closing(table.iter_rows(values_only=True)) as found:
            records = _records(rows.path, found)
            cells = _header_cells(records, wanted)
            header = _header(rows.path, cells[: max((n for n, c in enumerate(cells, 1) if c.strip()), default=0)])
            _require(rows.path, wanted, header)
            yield from _sheet_chunks(rows, records, header)
    finally:
        book.close()


def _records(path: Path, found: Iterable[Record]) -> Iterator[tuple[int, Record]]:
    """A sheet's rows with their numbers; empty ones count, and what cannot be a cell (ZZZZZ1) is told."""
    try:
        for number, record in enumerate(found, 1):
            bounds.hold(path, "sheet_rows", number)
            bounds.hold(path, "columns", len(record))
            yield number, record
    except (ValueError, KeyError, OSError, SyntaxError, zlib.error) as e:  # XML's errors are SyntaxErrors
        raise FileUnreadable(file=str(path), reason=" ".join(str(e).split())[:200]) from e


TITLE_ROWS = 10
"""How many rows of a sheet are searched for the header: many systems put a title and a date above it."""


def _header_cells(records: Iterator[tuple[int, Record]], wanted: Sequence[str]) -> list[str]:
    """The first row that holds every wanted column; where none does, the fullest, so that what is missing is told."""
    seen: list[list[str]] = []
    for _, record in records:
        cells = [as_text(v) or "" for v in record]
        seen.append(cells)
        if set(wanted) <= {c.strip() for c in cells}:
            return cells
        if len(seen) == TITLE_ROWS:
            break
    return max(seen, key=lambda cells: len(set(wanted) & {c.strip() for c in cells}), default=[])


def _sheet_chunks(rows: Rows, records: Iterable[tuple[int, Record]], header: list[str]) -> Iterator[pd.DataFrame]:
    """Records of a sheet; empty rows are none, and one with values beyond the header is broken."""
    numbers: list[int] = []
    block: list[list[str | None]] = []

    def take() -> pd.DataFrame:
        frame = _texts({name: [r[i] for r in block] for i, name in enumerate(header)}, numbers)
        numbers.clear()
        block.clear()
        return frame

    for number, record in records:
        cells = [as_text(v) for v in record]
        if any(cells[len(header) :]):
            rows.broken.append((number, ",".join(c or "" for c in cells)))
        elif any(cells):
            numbers.append(number)
            block.append((cells + [None] * len(header))[: len(header)])
        if len(block) == CHUNK_ROWS:
            yield take()
    if block:
        yield take()


def _parquet(rows: Rows, wanted: Sequence[str]) -> Iterator[pd.DataFrame]:
    try:
        file = pq.ParquetFile(rows.path)
        bounds.hold(rows.path, "columns", file.metadata.num_columns)
        bounds.hold(rows.path, "rows", file.metadata.num_rows)
        if b"geo" in (file.schema_arrow.metadata or {}) and X in wanted:
            yield from _points(rows, wanted, gpd.read_parquet(rows.path))
            return
        _require(rows.path, wanted, file.schema_arrow.names)
        row = 2
        for batch in file.iter_batches(CHUNK_ROWS, columns=list(wanted)):
            # whole numbers beside missing ones stay whole: a long case number has more digits than a float
            frame = batch.to_pandas(integer_object_nulls=True).astype(object)
            yield _texts({c: list(map(as_text, frame[c])) for c in frame.columns}, range(row, row + len(frame)))
            row += len(frame)
    except (pa.ArrowInvalid, OSError, ValueError) as e:
        raise FileUnreadable(file=str(rows.path), reason=str(e)) from e


def _layer(rows: Rows, wanted: Sequence[str], layer: str | None) -> Iterator[pd.DataFrame]:
    import pyogrio  # slow, and needed by those only who read layers

    try:
        names = [str(name) for name, _ in pyogrio.list_layers(rows.path)]
        if layer is None and len(names) == 1:
            layer = names[0]
        if layer in names:
            frame = pyogrio.read_dataframe(rows.path, layer=layer)
    except Exception as e:  # GDAL's errors have no common class
        raise FileUnreadable(file=str(rows.path), reason=str(e)) from e
    if layer not in names:
        reason = f"no layer {layer}" if layer else "several layers, and the profile's sheet names none"
        raise FileUnreadable(file=str(rows.path), reason=f"{reason}; it has {', '.join(names)}")
    yield from _points(rows, wanted, frame)


def _points(rows: Rows, wanted: Sequence[str], frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """A layer's attributes, and its points as two columns; any other geometry stands there by its type's name."""
    located = isinstance(frame, gpd.GeoDataFrame)
    shapes = frame.geometry.name if located else None
    attributes = pd.DataFrame(frame).drop(columns=[shapes] if shapes else []).astype(object)
    texts = {str(c): list(map(as_text, attributes[c])) for c in attributes.columns}
    if located:
        rows.crs = _crs_name(frame)
        texts[X], texts[Y] = _coordinates(frame.geometry.to_numpy())
    _require(rows.path, wanted, list(texts))
    yield from _chunks(_texts(texts, range(2, 2 + len(frame))))


def _crs_name(frame: gpd.GeoDataFrame) -> str | None:
    if frame.crs is None:
        return None
    number = frame.crs.to_epsg()
    return f"epsg:{number}" if number else str(frame.crs.to_wkt())


def _coordinates(shapes: Any) -> tuple[list[str | None], list[str | None]]:
    single = (shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOINT) & (
        shapely.get_num_geometries(shapes) == 1
    )
    points = np.where(single, shapely.get_geometry(shapes, 0), shapes)
    x, y = ([as_text(v) for v in values.tolist()] for values in (shapely.get_x(points), shapely.get_y(points)))
    other = ~shapely.is_missing(points) & ~shapely.is_empty(points) & (shapely.get_type_id(points) != 0)
    for place in np.flatnonzero(other).tolist():
        x[place] = points[place].geom_type
    return x, y
