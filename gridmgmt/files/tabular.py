"""Files → rows of text: CSV (also .gz), Excel, Parquet, GeoJSON, GeoPackage, in chunks.

Every value arrives as text (or missing), so that each later check can show the
value just as the file has it. Row numbers count records, the header being row
1, as a spreadsheet shows them; blank lines of a CSV file are no records, empty
rows of a spreadsheet are passed over and keep their numbers. Parquet files and
map layers have no header among their rows: there the first record is row 1.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gridmgmt import bounds
from gridmgmt.errors import FileUnreadable, by_parser
from gridmgmt.files import delimited, geofiles, layers
from gridmgmt.files.checking import checked, shown
from gridmgmt.files.rows import CHUNK_ROWS, Rows, X, Y, as_text, frame_of, header_names, require


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def open_rows(
    path: Path,
    encodings: Sequence[str],
    wanted: Sequence[str],
    sheet: str | None = None,
    separator: str | None = None,
    also: Sequence[str] | None = None,
) -> Rows:
    """Open a file of any known format and check that it has the columns that are wanted.

    Parameters
    ----------
    encodings
        Tried in order; the first that decodes the whole file is taken. For CSV, and for shapefiles
        without a .cpg.
    wanted
        Names as the header has them, blanks around them aside; ``geometry.x``
        and ``geometry.y`` are the layer's own points.
    sheet
        Worksheet (default the first) or layer (needed where a file has several).
    separator
        Of a CSV file; where none is named, comma, semicolon, tab or bar, whichever shows the wanted columns.
    also
        Where a format can leave columns out (Parquet), only the wanted ones are read and, where they are there, these;
        :meth:`Rows.whole` gives the others of single rows. None: all are read.

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
        raise FileUnreadable(file=str(path), reason={"code": "unreadable_absent"})
    if path.stat().st_size == 0:
        raise FileUnreadable(file=str(path), reason={"code": "unreadable_empty"})
    bounds.hold(path, "file_mb", path.stat().st_size)
    kind = next((s for s in reversed([x.lower() for x in path.suffixes]) if s != ".gz"), "")
    readers: dict[str, Callable[[Rows], Iterator[pd.DataFrame]]] = {
        **dict.fromkeys((".csv", ".txt"), lambda rows: delimited.read(rows, encodings, wanted, separator)),
        **dict.fromkeys((".xlsx", ".xlsm"), lambda rows: _excel(rows, wanted, sheet)),
        **dict.fromkeys((".parquet", ".geoparquet"), lambda rows: _parquet(rows, wanted, also)),
        **dict.fromkeys(
            (".geojson", ".json", ".gpkg", ".shp"), lambda rows: layers.read(rows, encodings, wanted, sheet)
        ),
    }
    if kind not in readers:
        raise FileUnreadable(
            file=str(path), reason={"code": "unreadable_format", "format": kind or "?", "known": [*readers]}
        )
    rows = Rows(path=path, sha256=sha256_of(path), chunks=iter(()))
    chunks = readers[kind](rows)
    first = next(chunks, None)  # a fault of the whole file is told here, before anything is done with its rows
    if not rows.columns and first is not None:
        rows.columns = list(map(str, first.columns))
    every = chunks if first is None else chain([first], chunks)
    rows.chunks = (checked(rows, chunk) for chunk in every)
    return rows


def columns_of(path: Path, encodings: Sequence[str], sheet: str | None = None) -> list[str]:
    """The names of a file's columns, those of a layer's points among them; a CSV file is asked of ``delimited``.

    Raises
    ------
    FileUnreadable
    """
    kind = path.suffix.lower()
    if not path.is_file() or not path.stat().st_size or kind not in _COLUMNS:
        next(iter(open_rows(path, encodings, ["?"]).chunks), None)  # tells what is wrong with the file
    return _COLUMNS[kind](path, encodings, sheet)


def _of_workbook(path: Path, _encodings: Sequence[str], sheet: str | None) -> list[str]:
    from gridmgmt.files import excel  # slow, and needed by those only who read workbooks

    found = excel.heads(path)
    lines = found.get(sheet) if sheet else next(iter(found.values()))
    head = max(lines or [[]], key=lambda cells: sum(bool(c.strip()) for c in cells))
    last = max((n for n, c in enumerate(head, 1) if c.strip()), default=0)
    return header_names(path, head[:last])


def _of_parquet(path: Path, _encodings: Sequence[str], _sheet: str | None) -> list[str]:
    try:
        schema = pq.ParquetFile(path).schema_arrow
    except (pa.ArrowInvalid, OSError) as e:
        raise FileUnreadable(file=str(path), reason=by_parser(e)) from e
    geo = json.loads((schema.metadata or {}).get(b"geo", b"{}"))
    return [n for n in schema.names if n not in geo.get("columns", {})] + ([X, Y] if geo else [])


def _of_layer(path: Path, encodings: Sequence[str], sheet: str | None) -> list[str]:
    frame = geofiles.read(path, sheet, encodings)
    shapes = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) else None
    return [str(c) for c in frame.columns if c != shapes] + ([X, Y] if shapes else [])


_COLUMNS: dict[str, Callable[[Path, Sequence[str], str | None], list[str]]] = {
    **dict.fromkeys((".xlsx", ".xlsm"), _of_workbook),
    **dict.fromkeys((".parquet", ".geoparquet"), _of_parquet),
    **dict.fromkeys((".geojson", ".json", ".gpkg", ".shp"), _of_layer),
}


def _excel(rows: Rows, wanted: Sequence[str], sheet: str | None) -> Iterator[pd.DataFrame]:
    from gridmgmt.files import excel  # slow, and needed by those only who read workbooks

    yield from excel.read(rows, wanted, sheet)


def _parquet(rows: Rows, wanted: Sequence[str], also: Sequence[str] | None) -> Iterator[pd.DataFrame]:
    try:
        bounds.check_parquet(rows.path)
        file = pq.ParquetFile(rows.path)
        texts = _texts(file.schema_arrow, wanted)
        read = [c for c in texts if also is None or c in wanted or c in also]
        if len(read) < len(texts):
            rows.rest = partial(_of_rows, rows.path, [c for c in texts if c not in read])
        bounds.check_shared(rows.path, read)
        if b"geo" in (file.schema_arrow.metadata or {}) and X in wanted:
            rows.columns = [*texts, X, Y]
            yield from layers.points(rows, wanted, geofiles.read_parquet(rows.path, rows.path.name, read))
            return
        require(rows.path, wanted, file.schema_arrow.names)
        rows.columns = texts
        row = 1
        for batch in file.iter_batches(CHUNK_ROWS, columns=read):
            yield _typed(batch, range(row, row + len(batch)))
            row += len(batch)
    except (pa.ArrowInvalid, OSError, ValueError, KeyError) as e:
        raise FileUnreadable(file=str(rows.path), reason=by_parser(e)) from e


def _texts(schema: pa.Schema, wanted: Sequence[str]) -> list[str]:
    """The columns that hold something to read: all but bytes, where these are not wanted."""
    binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return [f.name for f in schema if f.name in wanted or not any(is_(f.type) for is_ in binary)]


def _typed(table: pa.Table | pa.RecordBatch, numbers: Sequence[int]) -> pd.DataFrame:
    """Typed columns as texts; whole numbers beside missing ones stay whole: a long case number is no float."""
    frame = table.to_pandas(integer_object_nulls=True).astype(object)
    return frame_of({c: list(map(as_text, frame[c])) for c in frame.columns}, numbers)


def _of_rows(path: Path, columns: Sequence[str], numbers: pd.Index) -> pd.DataFrame:
    """Some columns of the rows of these numbers, which stand in few of the file's row groups."""
    bounds.check_shared(path, columns)
    file, first, found = pq.ParquetFile(path), 1, []
    for group in range(file.metadata.num_row_groups):
        after = first + file.metadata.row_group(group).num_rows
        here = numbers[(numbers >= first) & (numbers < after)]
        if len(here):
            found.append(_typed(file.read_row_group(group, columns=columns).take(pa.array(here - first)), list(here)))
        first = after
    frame: pd.DataFrame = pd.concat(found).apply(lambda texts: texts.map(shown, na_action="ignore"))
    return frame
