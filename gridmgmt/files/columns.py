"""Whole columns of cells (整列单元格), read as :mod:`gridmgmt.files.cells` reads one cell: only odd ones singly."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridmgmt.files.cells import BLANKS, as_code

Texts = Any
"""A pyarrow array of strings; what is missing is null."""


def one(text: str | None) -> Any:
    """One text for all rows, of the type that columns have."""
    return pa.array([text], pa.large_string())[0]


def texts_of(column: pd.Series) -> Texts:
    """A column of texts as Arrow has them."""
    array = pa.array(column, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array if pa.types.is_large_string(array.type) else array.cast(pa.large_string())


def series(texts: Texts, index: pd.Index) -> pd.Series:
    """The same as a frame holds them."""
    return pd.Series(pd.array(texts.to_pandas(), dtype="str"), index=index)


def objects(texts: Texts, index: pd.Index) -> pd.Series:
    """The same as single texts; None where there is none."""
    return pd.Series(texts.to_numpy(zero_copy_only=False), index=index, dtype="object")


def trimmed(texts: Texts) -> Texts:
    """:func:`gridmgmt.files.cells.trimmed` of every cell."""
    return pc.utf8_trim(texts, characters=BLANKS)


def as_codes(texts: Texts) -> Texts:
    """:func:`gridmgmt.files.cells.as_code` of every trimmed cell; what is empty then is null."""
    wide = pc.invert(pc.string_is_ascii(texts))
    if pc.any(wide).as_py():
        read = by_value(texts.filter(wide), lambda text: as_code(text) or None)
        texts = pc.replace_with_mask(texts, pc.fill_null(wide, False), pa.array(read, pa.large_string()))
    return pc.if_else(pc.equal(texts, ""), one(None), texts)


def by_value(texts: Texts, read: Callable[[str], object]) -> np.ndarray[Any, np.dtype[np.object_]]:
    """What each text is read as, every different one once; None where there is none."""
    coded = texts.dictionary_encode()
    meant = np.array([*map(read, coded.dictionary.to_pylist()), None], dtype=object)
    found: np.ndarray[Any, np.dtype[np.object_]] = meant[coded.indices.fill_null(len(meant) - 1).to_numpy()]
    return found


def may_hold(texts: Texts, *parts: bytes) -> bool:
    """Whether some text may hold one of some bytes: yes also where only a neighbour in memory does."""
    data = texts.buffers()[2]
    return data is not None and any(part in memoryview(data).tobytes() for part in parts)


def longest(texts: Texts) -> int:
    """How many bytes the longest text has."""
    return int(pc.max(pc.binary_length(texts)).as_py() or 0)
