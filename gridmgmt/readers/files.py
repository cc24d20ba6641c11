"""Files → rows of text: CSV (also .gz), Excel, Parquet, GeoJSON, GeoPackage, in chunks.

Every value arrives as text (or missing), so that each later check can show the
value just as the file has it. Row numbers count records, the header being row
1, as a spreadsheet shows them.
"""

import datetime as dt
import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pyogrio
import shapely

from gridmgmt.errors import ColumnMissing, FileUnreadable

CHUNK_ROWS = 100_000
X, Y = "geometry.x", "geometry.y"
"""Columns that hold a layer's own point coordinates."""


@dataclass
class Rows:
    """One file's rows.

    Attributes
    ----------
    chunks
        Frames of text columns with an integer index named ``row``.
    crs
        The layer's own coordinate system (``epsg:NNNN``) if it has one.
    broken
        (row, text) of lines that are not records, known once chunks are read.
    """

    path: Path
    sha256: str
    chunks: Iterator[pd.DataFrame]
    crs: str | None = None
    broken: list[tuple[int, str]] = field(default_factory=list)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def open_rows(path: Path, encodings: Sequence[str], wanted: Sequence[str], sheet: str | None = None) -> Rows:
    """Open a file of any known format and check that it has the columns that are wanted.

    Raises
    ------
    FileUnreadable
        Absent, empty, in none of the encodings, or not of its format.
    ColumnMissing
        Names the missing columns and those the file has.
    """
    if not path.is_file():
        raise FileUnreadable(file=str(path), reason="no such file")
    if path.stat().st_size == 0:
        raise FileUnreadable(file=str(path), reason="the file is empty")
    suffixes = [s.lower() for s in path.suffixes]
    plain = [s for s in suffixes if s != ".gz"][-1:] or [""]
    readers: dict[str, Callable[[Rows], Iterator[pd.DataFrame]]] = {
        ".csv": lambda rows: _csv(rows, encodings, wanted),
        ".txt": lambda rows: _csv(rows, encodings, wanted),
        ".xlsx": lambda rows: _excel(rows, wanted, sheet),
        ".xlsm": lambda rows: _excel(rows, wanted, sheet),
        ".parquet": lambda rows: _parquet(rows, wanted),
        ".geoparquet": lambda rows: _parquet(rows, wanted),
        ".geojson": lambda rows: _layer(rows, wanted, sheet),
        ".json": lambda rows: _layer(rows, wanted, sheet),
        ".gpkg": lambda rows: _layer(rows, wanted, sheet),
        ".shp": lambda rows: _layer(rows, wanted, sheet),
    }
    if plain[0] not in readers:
        raise FileUnreadable(file=str(path), reason=f"format {plain[0] or '?'}; known are {', '.join(readers)}")
    rows = Rows(path=path, sha256=sha256_of(path), chunks=iter(()))
    rows.chunks = readers[plain[0]](rows)
    return rows


def _require(path: Path, wanted: Sequence[str], found: Sequence[str]) -> None:
    missing = [c for c in wanted if c not in found]
    if missing:
        raise ColumnMissing(file=path.name, columns=missing, found=list(found))


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with pa.input_stream(str(path), compression="detect") as raw:
            decoder = __import__("codecs").getincrementaldecoder(encoding)("strict")
            while block := raw.read(1 << 22):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _csv(rows: Rows, encodings: Sequence[str], wanted: Sequence[str]) -> Iterator[pd.DataFrame]:
    path = rows.path
    encoding = next((e for e in encodings if _decodes(path, e)), None)
    if encoding is None:
        raise FileUnreadable(file=str(path), reason=f"not text in any of {', '.join(encodings)}")

    def handle(bad: pa_csv.InvalidRow) -> str:
        rows.broken.append((bad.number, bad.text))
        return "skip"

    read = pa_csv.ReadOptions(encoding=encoding, use_threads=False, block_size=1 << 24)
    parse = pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=handle)
    try:
        with pa.input_stream(str(path), compression="detect") as raw:
            header = pa_csv.open_csv(raw, pa_csv.ReadOptions(encoding=encoding), parse).schema.names
        rows.broken.clear()
        _require(path, wanted, [h.removeprefix("\ufeff") for h in header])
        convert = pa_csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False)
        with pa.input_stream(str(path), compression="detect") as raw:
            yield from _numbered(rows, pa_csv.open_csv(raw, read, parse, convert))
    except pa.ArrowInvalid as e:
        raise FileUnreadable(file=str(path), reason=str(e)) from e


def _numbered(rows: Rows, batches: Iterator[pa.RecordBatch]) -> Iterator[pd.DataFrame]:
    """Number the records: 1 is the header; broken lines keep their numbers, so later ones stay right."""
    row, n_broken = 2, 0
    for batch in batches:
        frame = batch.to_pandas()
        frame.columns = [c.removeprefix("\ufeff") for c in frame.columns]
        new = [n for n, _ in rows.broken[n_broken:]]
        n_broken = len(rows.broken)
        taken = set(new)
        numbers = [n for n in range(row, row + len(frame) + len(new)) if n not in taken]
        row += len(frame) + len(new)
        frame.index = pd.Index(numbers[: len(frame)], name="row")
        for start in range(0, len(frame), CHUNK_ROWS):
            yield frame.iloc[start : start + CHUNK_ROWS]


def as_text(value: object) -> str | None:
    """A typed cell as the text a person would type: whole floats without ``.0``, times in ISO form."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NaT:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
    return str(value)


def _texts(frame: pd.DataFrame, first_row: int) -> pd.DataFrame:
    out = pd.DataFrame({c: pd.Series(list(map(as_text, frame[c])), dtype="str") for c in frame.columns})
    out.index = pd.RangeIndex(first_row, first_row + len(out), name="row")
    return out


def _excel(rows: Rows, wanted: Sequence[str], sheet: str | None) -> Iterator[pd.DataFrame]:
    try:
        book = openpyxl.load_workbook(rows.path, read_only=True, data_only=True)
    except Exception as e:  # openpyxl raises whatever its parts raise
        raise FileUnreadable(file=str(rows.path), reason=str(e)) from e
    try:
        if sheet is not None and sheet not in book.sheetnames:
            raise FileUnreadable(file=str(rows.path), reason=f"no sheet {sheet}; it has {', '.join(book.sheetnames)}")
        records = (book[sheet] if sheet else book.worksheets[0]).iter_rows(values_only=True)
        header = [as_text(v) or "" for v in next(records, ())]
        _require(rows.path, wanted, header)
        row, block = 2, []
        for record in records:
            block.append(record)
            if len(block) == CHUNK_ROWS:
                yield _texts(pd.DataFrame(block, columns=header, dtype=object), row)
                row, block = row + len(block), []
        while block and all(v is None for v in block[-1]):
            block.pop()
        if block:
            yield _texts(pd.DataFrame(block, columns=header, dtype=object), row)
    finally:
        book.close()


def _parquet(rows: Rows, wanted: Sequence[str]) -> Iterator[pd.DataFrame]:
    try:
        file = pq.ParquetFile(rows.path)
    except pa.ArrowInvalid as e:
        raise FileUnreadable(file=str(rows.path), reason=str(e)) from e
    _require(rows.path, wanted, file.schema_arrow.names)
    row = 2
    for batch in file.iter_batches(CHUNK_ROWS, columns=list(wanted)):
        frame = batch.to_pandas().astype(object)
        yield _texts(frame, row)
        row += len(frame)


def _layer(rows: Rows, wanted: Sequence[str], layer: str | None) -> Iterator[pd.DataFrame]:
    try:
        frame = pyogrio.read_dataframe(rows.path, layer=layer)
    except Exception as e:  # GDAL's errors have no common class
        raise FileUnreadable(file=str(rows.path), reason=str(e)) from e
    _require(rows.path, [w for w in wanted if w not in (X, Y)], list(frame.columns))
    attributes = pd.DataFrame(frame.drop(columns="geometry", errors="ignore")).astype(object)
    out = _texts(attributes, 2)
    if "geometry" in frame:
        rows.crs = f"epsg:{frame.crs.to_epsg()}" if frame.crs is not None and frame.crs.to_epsg() else None
        points = frame.geometry.where(frame.geometry.geom_type == "Point").to_numpy()
        out[X] = pd.Series(list(map(as_text, shapely.get_x(points).tolist())), index=out.index, dtype="str")
        out[Y] = pd.Series(list(map(as_text, shapely.get_y(points).tolist())), index=out.index, dtype="str")
    for start in range(0, len(out), CHUNK_ROWS):
        yield out.iloc[start : start + CHUNK_ROWS]
