"""Arrow IPC streams from others: looked at before they are read, for what they say of themselves is not believed."""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from gridmgmt.errors import FileUnreadable, OptionInvalid, by_parser

_KINDS: Mapping[str, tuple[Callable[[pa.DataType], bool], ...]] = {
    "number": (pa.types.is_floating, pa.types.is_integer),
    "text": (pa.types.is_string, pa.types.is_large_string),
    "id": (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer),
}
_KIND_OF = {"lon": "number", "lat": "number", "crs": "text", "category": "text", "id": "id"}


def read(path: Path, wanted: Callable[[Sequence[str]], Sequence[str]], most: int) -> Iterator[Mapping[str, pa.Array]]:
    """Columns of a stream, so many rows at most at a time; ``wanted`` says which of those there are.

    Raises
    ------
    FileUnreadable
        No stream, or one that is broken or packed.
    OptionInvalid
        A column of another type than is read.
    """
    try:
        with pa.memory_map(str(path)) as file:
            _refuse_packed(path, file)
            file.seek(0)
            with pa.ipc.open_stream(file) as stream:
                names = [*wanted(stream.schema.names)]
                for name in names:
                    _check(name, stream.schema.field(name).type)
                for batch in stream:
                    columns = {name: _sound(name, batch.column(name)) for name in names}
                    for start in range(0, batch.num_rows, most):
                        yield {name: column.slice(start, most) for name, column in columns.items()}
    except (pa.ArrowException, OSError, UnicodeError, IndexError, struct.error) as e:
        raise FileUnreadable(file=path.name, reason=by_parser(e)) from e


def _check(name: str, found: pa.DataType) -> None:
    if not any(fits(found) for fits in _KINDS[_KIND_OF[name]]):
        raise OptionInvalid(name=name, value=str(found)[:100], expected=_EXPECTED[_KIND_OF[name]])


_EXPECTED = {"number": "double / int64", "text": "string", "id": "string / int64"}


def _sound(name: str, column: pa.Array) -> pa.Array:
    """A column whose buffers hold what it says, as it is worked with."""
    column.validate(full=True)
    if _KIND_OF[name] == "number":
        return pc.cast(column, pa.float64(), safe=False)
    return pc.cast(column, pa.string()) if pa.types.is_large_string(column.type) else column


# --- packed buffers, which would be unpacked to any size --------------------------------------------------------------

_DICTIONARY, _BATCH = 2, 3
"""What a message may hold (``MessageHeader`` of Arrow's Message.fbs)."""


def _refuse_packed(path: Path, file: pa.MemoryMappedFile) -> None:
    for message in pa.ipc.MessageReader.open_stream(file):
        if _is_packed(message.metadata.to_pybytes()):
            raise FileUnreadable(file=path.name, reason={"code": "unreadable_packed_arrow"})


def _is_packed(message: bytes) -> bool:
    """Whether a message's buffers are compressed, by its flatbuffer: Message.header → RecordBatch.compression."""
    (root,) = struct.unpack_from("<I", message, 0)
    kind, header = _field(message, root, 1), _field(message, root, 2)
    if kind is None or header is None or message[kind] not in (_DICTIONARY, _BATCH):
        return False
    table = _behind(message, header)
    if message[kind] == _DICTIONARY:
        data = _field(message, table, 1)
        if data is None:
            return False
        table = _behind(message, data)
    return _field(message, table, 3) is not None


def _field(message: bytes, table: int, number: int) -> int | None:
    """Where a field of a table stands; None: it is left out."""
    vtable = table - struct.unpack_from("<i", message, table)[0]
    place = 4 + 2 * number
    if place >= struct.unpack_from("<H", message, vtable)[0]:
        return None
    (offset,) = struct.unpack_from("<H", message, vtable + place)
    return table + offset if offset else None


def _behind(message: bytes, at: int) -> int:
    return at + int(struct.unpack_from("<I", message, at)[0])
