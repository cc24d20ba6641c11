"""How much a file may hold, and a server do (上限): bytes, rows, depth, requests; what is met is told, not suffered.

The bounds are those of the process: the command and the application set them from the settings when they start.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from gridmgmt.errors import LimitExceeded

_MB = 1_000_000
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Bounds:
    """The most that is read; each is set by ``GRIDMGMT_MAX_…`` of its name.

    Attributes
    ----------
    file_mb
        Bytes of a file of rows or features, in millions.
    unpacked_mb
        Bytes of what is inside a packed file (xlsx, gz, Parquet).
    part_mb
        Bytes of a part of a workbook that is read as a whole, such as its texts.
    document_mb
        Bytes of a YAML or JSON document.
    rows, columns
        Of a table.
    sheet_rows
        Rows of a worksheet, empty ones too; the default is Excel's own most.
    text_kb
        Characters of one cell, in thousands.
    depth
        Levels of lists and keys inside each other in a YAML document.
    nodes
        Values of a YAML document, those behind an alias (``*name``) counted each time.
    kept_mb
        Bytes of all that the server keeps: answers, and the grids by which places are located.
    filter_kb, filter_depth
        Characters of a filter of features, in thousands, and how deep its conditions lie in each other.
    page_features
        Features on one page of a collection.
    points
        Points that are located with one request.
    request_mb
        Bytes of what is sent with one request.
    in_work
        Requests that a worker of the server works on at once, each with a connection to the database.
    waiting
        Requests that wait for their turn then; more are told to come back.
    wait_s
        Seconds that one waits for its turn.
    request_s
        Seconds until a request's answer begins; what is done for it is dropped then.
    streams
        Listeners to events that a worker of the server keeps at once.
    event_days
        Days for which events are kept for whoever reads on from one.
    per_minute
        Requests of one address within a minute, each worker for itself.
    """

    file_mb: int = 1_000
    unpacked_mb: int = 2_000
    part_mb: int = 250
    document_mb: int = 8
    rows: int = 5_000_000
    sheet_rows: int = 1_048_576
    columns: int = 2_000
    text_kb: int = 1_000
    depth: int = 60
    nodes: int = 300_000
    kept_mb: int = 256
    filter_kb: int = 16
    filter_depth: int = 20
    page_features: int = 10_000
    points: int = 1_000_000
    request_mb: int = 200
    in_work: int = 8
    waiting: int = 64
    wait_s: int = 5
    request_s: int = 120
    streams: int = 200
    event_days: int = 7
    per_minute: int = 1_200


NAMES = {f"GRIDMGMT_MAX_{f.name.upper()}": f.name for f in fields(Bounds)}
"""Variable → bound."""

_in_force = Bounds()


def use(found: Bounds) -> None:
    """Set the bounds of this process."""
    global _in_force
    _in_force = found


def in_force() -> Bounds:
    """The bounds of this process."""
    return _in_force


def most(name: str) -> int:
    """How much of something is read at most, in single bytes and characters."""
    scale = _MB if name.endswith("_mb") else 1_000 if name.endswith("_kb") else 1
    return int(getattr(_in_force, name)) * scale


def hold(file: Path, name: str, found: int) -> None:
    """Refuse what is more than a bound.

    Raises
    ------
    LimitExceeded
        Names the bound, what was found, and the variable that raises it.
    """
    if found > most(name):
        raise LimitExceeded(
            file=str(file), limit=name, found=found, most=most(name), setting=f"GRIDMGMT_MAX_{name.upper()}"
        )


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """The text of a document (YAML, JSON).

    Raises
    ------
    LimitExceeded, OSError, UnicodeDecodeError
    """
    if path.is_file():
        hold(path, "document_mb", path.stat().st_size)
    return path.read_text(encoding)


def check_parquet(path: Path) -> int:
    """What a Parquet file says of itself before any of its rows is read; gives how many rows there are.

    Each part says its rows and values itself; how large they are is asked of their pages (:func:`check_shared`).

    Raises
    ------
    LimitExceeded
    OSError, ValueError
        It is no such file.
    """
    import pyarrow.parquet as pq  # slow, and needed by those only who read such files

    hold(path, "file_mb", path.stat().st_size)
    found = pq.read_metadata(path)
    hold(path, "columns", found.num_columns)
    groups = [found.row_group(n) for n in range(found.num_row_groups)]
    chunks = [[group.column(place) for place in range(group.num_columns)] for group in groups]
    hold(path, "rows", max(found.num_rows, sum(group.num_rows for group in groups)))
    for place in range(found.num_columns):
        if not found.schema.column(place).max_repetition_level:
            hold(path, "rows", sum(own[place].num_values for own in chunks))
    hold(path, "unpacked_mb", sum(group.total_byte_size for group in groups))
    return int(found.num_rows)


def _pages(data: mmap, chunk: Any) -> Iterator[int]:
    """How large each page of a column's part is unpacked, as the page itself says.

    Raises
    ------
    ValueError
        A page does not lie where it should.
    """
    if not chunk.total_compressed_size:
        return
    starts = [x for x in (chunk.dictionary_page_offset, chunk.data_page_offset) if x]
    at = min(starts) if starts else 0
    end = at + chunk.total_compressed_size
    if not 0 < at <= end <= len(data):
        raise ValueError(f"{chunk.path_in_schema}: {at}–{end} / {len(data)}")
    while at < end:
        try:
            sizes, at = _struct(data, at)
        except IndexError as e:
            raise ValueError(f"{chunk.path_in_schema}: > {len(data)}") from e
        unpacked, packed = sizes.get(_UNPACKED, -1), sizes.get(_PACKED, -1)
        if min(unpacked, packed) < 0:
            raise ValueError(f"{chunk.path_in_schema}: {packed} → {unpacked}")
        yield unpacked
        at += packed


_OF_A_PAGE = 256
"""Bytes that a page costs, were it empty: they are looked at one by one."""
_UNPACKED, _PACKED = 2, 3
"""Fields of a page's head, which is a struct of Thrift's compact protocol."""
_BYTE, _DOUBLE, _BINARY, _STRUCT = 3, 7, 8, 12
_DEEPEST = 8


def _struct(data: mmap, at: int, depth: int = 0) -> tuple[dict[int, int], int]:
    """The whole numbers of a struct by field, and where it ends; other values are passed over."""
    out: dict[int, int] = {}
    field = 0
    while (head := data[at]) != 0:
        kind, step, at = head & 15, head >> 4, at + 1
        if step:
            field += step
        else:
            raw, at = _whole(data, at)
            field = (raw >> 1) ^ -(raw & 1)
        if kind in (4, 5, 6):
            raw, at = _whole(data, at)
            out[field] = (raw >> 1) ^ -(raw & 1)
        else:
            at = _behind(data, at, kind, depth)
    return out, at + 1


def _behind(data: mmap, at: int, kind: int, depth: int) -> int:
    """Where a value of a struct ends that is no whole number."""
    if kind in (1, 2):  # yes and no stand in the kind itself
        return at
    if kind == _BYTE:
        return at + 1
    if kind == _DOUBLE:
        return at + 8
    if kind == _BINARY:
        n, at = _whole(data, at)
        return at + n
    if kind == _STRUCT and depth < _DEEPEST:
        return _struct(data, at, depth + 1)[1]
    raise ValueError(f"{at}: {kind}")


def _whole(data: mmap, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for n in range(10):
        byte = data[at + n]
        value |= (byte & 127) << (7 * n)
        if byte < 128:
            return value, at + n + 1
    raise ValueError(f"{at}: > 64 bit")


_WIDEST = 8
"""Bytes of a number in memory."""


def check_shared(path: Path, columns: Sequence[str] | None) -> None:
    """The pages and values of columns of a Parquet file, each value looked at once however many rows have it.

    A text that many rows share is stored once (dictionary), so that the file's own size says nothing of the rows'; and
    its footer may lie: each page says how large it is unpacked. ``columns``: None for all.

    Raises
    ------
    LimitExceeded
    OSError, ValueError
        A column is broken.
    """
    import pyarrow.parquet as pq

    found, n_bytes = pq.read_metadata(path), 0
    places = [n for n in range(found.num_columns) if columns is None or _is_of(found.schema.column(n).path, columns)]
    _check_pages(path, [found.row_group(n).column(place) for place in places for n in range(found.num_row_groups)])
    for place in places:
        leaf = found.schema.column(place)
        n_bytes += found.num_rows * max(leaf.length, 0)  # of values that are all of one length
        hold(path, "unpacked_mb", n_bytes)
        if leaf.physical_type != "BYTE_ARRAY":
            if leaf.max_repetition_level:  # lists: as many values as the parts say
                chunks = (found.row_group(n).column(place) for n in range(found.num_row_groups))
                n_bytes += sum(chunk.num_values for chunk in chunks) * _WIDEST
                hold(path, "unpacked_mb", n_bytes)
            continue
        for batch in pq.ParquetFile(path, read_dictionary=[leaf.path]).iter_batches(columns=[leaf.path]):
            longest, n = _lengths(batch.column(0))
            if leaf.logical_type.type == "STRING":
                hold(path, "text_kb", longest)
            n_bytes += n
            hold(path, "unpacked_mb", n_bytes)


def _is_of(leaf: str, columns: Sequence[str]) -> bool:
    """Whether a leaf is one of some columns, or inside one."""
    return any(leaf == c or leaf.startswith(f"{c}.") for c in columns)


def _check_pages(path: Path, chunks: Sequence[Any]) -> None:
    """Hold what the pages of some columns' parts are unpacked, by what each page itself says."""
    n_bytes = 0
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        for chunk in chunks:
            for size in _pages(data, chunk):
                n_bytes += size + _OF_A_PAGE
                hold(path, "unpacked_mb", n_bytes)


def _lengths(values: Any) -> tuple[int, int]:
    """Bytes of the longest value of a column, also of one inside lists, and of all its rows' values together."""
    import pyarrow as pa
    import pyarrow.compute as pc

    while pa.types.is_nested(values.type):
        values = values.flatten()[0] if pa.types.is_struct(values.type) else values.flatten()
    if not pa.types.is_dictionary(values.type):
        return 0, int(values.nbytes)
    lengths = pc.binary_length(values.dictionary)
    return pc.max(lengths).as_py() or 0, pc.sum(pc.take(lengths, values.indices)).as_py() or 0


def check_workbook(path: Path) -> None:
    """Look into a workbook before it is opened: its parts' sizes, and the longest text of a sheet; in little memory.

    What is no zip archive is left to the reader, who says so.

    Raises
    ------
    LimitExceeded
    """
    hold(path, "file_mb", path.stat().st_size)
    try:
        with ZipFile(path) as archive:
            parts = archive.infolist()
            hold(path, "unpacked_mb", sum(part.file_size for part in parts))
            for part in parts:
                if "/worksheets/" in part.filename:
                    _check_sheet(path, archive, part.filename)
                else:
                    hold(path, "part_mb", part.file_size)
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError):  # a password, an unknown packing
        return


def _check_sheet(path: Path, archive: ZipFile, name: str) -> None:
    """A sheet is read value by value: a text without end would be kept whole, and something of every row."""
    length = n_rows = 0
    with archive.open(name) as sheet:
        while block := sheet.read(_BLOCK):
            before, tag, _ = block.partition(b"<")
            length += len(before)
            hold(path, "text_kb", length)
            n_rows += block.count(b"<row")
            hold(path, "sheet_rows", n_rows)
            if tag:
                length = len(block) - 1 - block.rfind(b">")
