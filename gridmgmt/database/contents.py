"""What a version states, as Arrow holds it and as COPY takes it, and its hash (内容指纹), the same as SQL's bit by bit.

The hash is ``md5`` of the row as PostgreSQL writes it (:attr:`gridmgmt.database.facts.Kind.hashed`). Here it is made of
many rows before they are stored; a test holds both to each other over all types of columns. A row so written is a line
of CSV as COPY reads it, but that backslashes are doubled in it.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridmgmt.database.copying import UTC
from gridmgmt.database.facts import Kind

_TEXT = pa.large_string()
_ARROW: Mapping[type, Any] = {
    str: _TEXT, dt.datetime: UTC, int: pa.int64(), bool: pa.bool_(), float: pa.float64(), Decimal: pa.float64(),
}  # fmt: skip

_TO_BE_QUOTED = r'[ \t\n\r\v\f"\\(),]|^$'
_NO_FRACTION = r"\.?0+$"
_SMALL = 1e-3
"""Below it Arrow writes a float otherwise than PostgreSQL does; degrees and scores are never too large."""


def schema(kind: Kind) -> Any:
    """Row number, key, facts, version and what is kept apart, of the rows of a kind on their way in."""
    stated = {c.name: _ARROW[c.type.python_type] for c in kind.versions.c if c.name in (*kind.facts, "version_at")}
    return pa.schema({"row_no": pa.int64(), kind.key: _TEXT, **stated, **dict.fromkeys(kind.extra, _TEXT)})


def stated(kind: Kind, rows: Any) -> tuple[Any, Any]:
    """The facts of each of some rows, an Arrow table of :func:`schema`: as a line of CSV without later ones; hashed."""
    types = {c.name: c.type.python_type for c in kind.versions.c}
    lines = joined([written(rows[name], types[name]) for name in kind.facts if name not in kind.later], ",")
    parts = [pa.scalar("("), pc.replace_substring(lines, "\\", "\\\\"), pa.scalar(")")]
    for name in kind.later:
        parts.append(pc.fill_null(joined([pa.scalar(f" {name}="), rows[name].combine_chunks()]), ""))
    texts = joined(parts).cast(pa.large_binary()).to_pylist()
    return lines, pa.array([hashlib.md5(text).hexdigest() for text in texts])


def written(values: Any, given: type) -> Any:
    """Values of a type of columns as CSV has them; empty where there is none."""
    return pc.fill_null(_WRITTEN[given](values.combine_chunks()).cast(_TEXT), "")


def joined(parts: list[Any], separator: str = "") -> Any:
    """Texts of columns (or one for all rows) as one."""
    return pc.binary_join_element_wise(*(part.cast(_TEXT) for part in parts), pa.scalar(separator, _TEXT))


def _quoted(texts: Any) -> Any:
    """Texts with what means something in a row in quotation marks."""
    odd = pc.match_substring_regex(texts, _TO_BE_QUOTED)
    if not pc.any(odd).as_py():
        return texts
    inside = pc.replace_substring(texts, '"', '""')
    return pc.if_else(odd, joined([pa.scalar('"'), inside, pa.scalar('"')]), texts)


def _instants(times: Any) -> Any:
    """Instants in UTC, without the zeros at the end of a fraction of a second."""
    naive = times.cast(pa.timestamp("us"))
    whole = pc.floor_temporal(naive, unit="second")
    if pc.all(pc.equal(naive, whole)).as_py() in (True, None):
        texts = whole.cast(pa.timestamp("s")).cast(_TEXT)
    else:
        texts = pc.replace_substring_regex(naive.cast(_TEXT), _NO_FRACTION, "")
    return joined([pa.scalar('"'), texts, pa.scalar('+00"')])


def _floats(numbers: Any, small: Callable[[float], str] = repr) -> Any:
    texts, odd = numbers.cast(_TEXT), pc.and_(pc.less(pc.abs(numbers), _SMALL), pc.not_equal(numbers, 0))
    if pc.any(odd).as_py():
        read = [small(x) for x in numbers.filter(odd).to_pylist()]
        texts = pc.replace_with_mask(texts, pc.fill_null(odd, False), pa.array(read, _TEXT))
    return texts


def _numerics(numbers: Any) -> Any:
    """Exact numbers, which come as floats: without an exponent."""
    return _floats(numbers, lambda x: f"{Decimal(repr(x)):f}")


_WRITTEN: Mapping[type, Callable[[Any], Any]] = {
    str: _quoted,
    dt.datetime: _instants,
    int: lambda numbers: numbers.cast(_TEXT),
    bool: lambda flags: pc.if_else(flags, pa.scalar("t", _TEXT), pa.scalar("f", _TEXT)),
    float: _floats,
    Decimal: _numerics,
}
"""How PostgreSQL writes the values of a type of columns; nulls stay."""
