"""Files of points (点位文件): CSV, an Arrow IPC stream or GeoJSON, read batch by batch; wrong rows are told."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from gridmgmt import bounds
from gridmgmt.errors import ColumnMissing, FileUnreadable, by_parser
from gridmgmt.faults import Fault
from gridmgmt.files.cells import as_code
from gridmgmt.people.points import BATCH, COLUMNS, Floats, Form, Given
from gridmgmt.people.readers import arrow_streams, features

ENCODINGS = ("utf-8", "gb18030")

_BLOCK = 1 << 20
_HEADER = 1 << 20
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def read(path: Path, form: Form, encoding: str = "utf-8") -> Iterator[Given]:
    """The points of a file, some at a time, in its order.

    Raises
    ------
    FileUnreadable, ColumnMissing
        It is not of its form, or a line has not as many cells as the heading.
    LimitExceeded
        More points than are located at once.
    """
    n = None
    for given in _READ[form](path, encoding):
        n = (n or 0) + len(given)
        bounds.hold(Path(path.name), "points", n)
        yield given
    if n is None:
        yield Given(1, np.empty(0), np.empty(0))


def _csv(path: Path, encoding: str) -> Iterator[Given]:
    header = _header(path, encoding)
    there = _checked(path, header)
    broken: list[Any] = []

    def refuse(row: Any) -> str:
        broken.append(row)
        return "error"

    convert = arrow_csv.ConvertOptions(
        include_columns=there, column_types=dict.fromkeys(there, pa.string()), strings_can_be_null=True,
        null_values=[""],
    )  # fmt: skip
    parse = arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=refuse)
    how = arrow_csv.ReadOptions(use_threads=False, block_size=_BLOCK, encoding=encoding)
    row = 2
    try:
        for batch in arrow_csv.open_csv(path, read_options=how, parse_options=parse, convert_options=convert):
            for start in range(0, batch.num_rows, BATCH):
                given = _given(row, {name: batch.column(name).slice(start, BATCH) for name in there})
                yield given
                row += len(given)
    except (pa.ArrowInvalid, UnicodeError) as e:
        reason = _broken(broken[-1], row) if broken else by_parser(e)
        raise FileUnreadable(file=path.name, reason=reason) from e
    if _has_open_quote(path):  # it took all that stands behind it
        raise FileUnreadable(file=path.name, reason={"code": "unreadable_open_quote", "row": row - 1})


def _broken(line: Any, row: int) -> dict[str, Any]:
    return {"code": "unreadable_line", "row": line.number or row, "text": str(line.text)[:200]}


def _has_open_quote(path: Path) -> bool:
    n = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            n += block.count(b'"')
    return n % 2 == 1


def _header(path: Path, encoding: str) -> list[str]:
    with path.open("rb") as file:
        head = file.read(_HEADER)
    try:
        text = head.decode(encoding, "ignore").removeprefix("\ufeff")
        return next(csv.reader(io.StringIO(text)), [])
    except csv.Error as e:
        raise FileUnreadable(file=path.name, reason=by_parser(e)) from e


def _checked(path: Path, names: Sequence[str]) -> list[str]:
    """The columns that are read, each once."""
    there = [name for name in COLUMNS if names.count(name) == 1]
    lacking = [name for name in COLUMNS[:2] if name not in there]
    if lacking:
        raise ColumnMissing(file=path.name, columns=lacking, found=[*names][:50])
    return there


def _arrow(path: Path, _encoding: str) -> Iterator[Given]:
    row = 1
    for columns in arrow_streams.read(path, lambda names: _checked(path, names), BATCH):
        given = _given(row, columns)
        yield given
        row += len(given)


def _geojson(path: Path, _encoding: str) -> Iterator[Given]:
    row, part = 1, list[features.Point]()
    for point in features.points(path):
        part.append(point)
        if len(part) == BATCH:
            yield _of_features(row, part)
            row, part = row + len(part), []
    yield _of_features(row, part)


def _of_features(first: int, part: Sequence[features.Point]) -> Given:
    faults = {
        n: Fault(first + n, "geometry", point.wrong, "point_no_number") for n, point in enumerate(part) if point.wrong
    }
    place = np.array([(p.x, p.y) for p in part], dtype=np.float64).reshape(-1, 2)
    texts = {name: pa.array([getattr(p, name) for p in part], pa.string()) for name in ("crs", "category", "id")}
    return Given(first, place[:, 0], place[:, 1], texts["crs"], texts["category"], texts["id"], faults)


_READ: Mapping[Form, Callable[[Path, str], Iterator[Given]]] = {"csv": _csv, "arrow": _arrow, "geojson": _geojson}


# --- columns ---------------------------------------------------------------------------------------------------------


def _given(first: int, columns: Mapping[str, pa.Array]) -> Given:
    faults: dict[int, Fault] = {}
    x, y = (_numbers(first, name, columns[name], faults) for name in COLUMNS[:2])
    return Given(first, x, y, columns.get("crs"), columns.get("category"), columns.get("id"), faults)


def _numbers(first: int, name: str, given: pa.Array, faults: dict[int, Fault]) -> Floats:
    """A column as numbers; what is none is a fault of its row, and NaN."""
    numbers = _parsed(given) if pa.types.is_string(given.type) else given
    found: Floats = numbers.to_numpy(zero_copy_only=False).astype(np.float64)
    for position in np.flatnonzero(~np.isfinite(found)).tolist():
        value = given[position].as_py()
        code = "point_missing" if value is None else "point_no_number"
        faults.setdefault(position, Fault(first + position, name, None if value is None else str(value)[:100], code))
    return np.where(np.isfinite(found), found, np.nan)


def _parsed(given: pa.Array) -> pa.Array:
    """Texts as numbers, each the nearest one; what is not written as a number is null."""
    try:
        return pc.cast(given, pa.float64())
    except pa.ArrowInvalid:
        pass
    texts = pa.array([None if text is None else as_code(text) for text in given.to_pylist()], pa.string())
    return pc.cast(pc.if_else(pc.match_substring_regex(texts, _NUMBER), pc.replace_substring_regex(
        texts, r"^\+", ""), None), pa.float64())  # fmt: skip
