"""Kept indexes (空间索引文件): an edition's locators as one file of plain arrays, mapped by every process that locates.

A file is named by what it was laid of: the content of an edition's grids in
their order, the number of levels and :data:`FORM`. So it is never changed, only
made, and found by every edition and database with these very grids. It is
written under another name, forced to the disk and then given its own; of two
that write at once the last one's stays, and both hold the same.

``_MAGIC``, the SHA-256 of all that follows, the head's length, the head (JSON:
the name, and for each level of each array its type, shape and place), the
arrays, each at a multiple of so many bytes as a cache line has.

A file that is not as it was written is laid aside as ``….damaged`` and made
anew; where nothing can be read or written, the index is laid in memory.
"""

import json
import math
import mmap
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from hashlib import sha256
from os import utime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmgmt.database.engine import kept_folder
from gridmgmt.database.work import Connection
from gridmgmt.errors import DiskFull
from gridmgmt.files import writing
from gridmgmt.places.edition_locator import EditionLocator
from gridmgmt.places.locator import Locator
from gridmgmt.places.raster import Axis
from gridmgmt.places.store import editions

FORM = 2
"""Number of the form of these files and of what :class:`Locator` keeps in its arrays: one more when either changes."""

LEAST = 20_000
"""Grids of fewer corners are laid as quickly as a file is opened: of them none is kept."""

MOST = 8
"""So many files are kept, those that were opened last."""

ENDING = ".locator"
_MAGIC = b"gridmgmt locator\n" + bytes(15)
_PRELUDE = struct.Struct(f"<{len(_MAGIC)}s32sQ")
_ALIGNED = 64
_NUMBERS, _VECTORS = (
    ("low", "high", "origin", "scale", "pad"),
    ("cell_of_bucket", "part_of_bucket", "borders", "reference"),
)

_Arrays = dict[str, NDArray[Any]]


def ground(
    connection: Connection, edition_id: int, n_levels: int, frame: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, EditionLocator]:
    """An edition's grids without their shapes (id, level, code, parent_code), and who locates among them.

    Parameters
    ----------
    frame
        The edition's grids with their shapes, where they were read already.
    """
    rows, folder = editions.grid_contents(connection, edition_id), kept_folder(connection)
    path = None if folder is None else folder / f"{_name(rows, n_levels)}{ENDING}"
    if path is not None and (laid := read(path)) is not None:
        return rows, _Kept(rows, n_levels, laid, path)
    frame = editions.grids(connection, edition_id) if frame is None else frame
    made = EditionLocator(frame, n_levels)
    is_large = shapely.get_num_coordinates(np.asarray(frame["geometry"], dtype=object)).sum() >= LEAST
    if path is not None and is_large and rows["id"].tolist() == frame["id"].tolist():
        write(path, made.levels())
        if (laid := read(path)) is not None:
            return rows, _Kept(rows, n_levels, laid, path)
    return rows, made


class _Kept(EditionLocator):
    """One that where it travels to maps the file again, if that is there: processes of one machine hold it once."""

    def __init__(self, rows: pd.DataFrame, n_levels: int, laid: Sequence[Locator], path: Path) -> None:
        super().__init__(rows, n_levels, laid)
        self._path = path

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if (laid := read(self._path)) is not None:
            self._locators = dict(enumerate(laid))


def _name(rows: pd.DataFrame, n_levels: int) -> str:
    """The digest of what an index is laid of."""
    told = [FORM, n_levels, *rows[["level", "code", "parent_code", "content_hash"]].to_numpy(dtype=object).tolist()]
    return sha256(json.dumps(told).encode()).hexdigest()


def read(path: Path) -> list[Locator] | None:
    """The locators of a file, mapped: read when they are asked, and shared by all who have it open; None: make it anew.

    All of it is compared with its digest first.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError:
        return None
    except ValueError:  # an empty one cannot be mapped
        levels = None
    else:
        levels = _levels(mapped, path.stem)
    with suppress(OSError):
        if levels is None:
            path.replace(path.with_name(f"{path.name}.damaged"))
        else:
            utime(path)
    return levels


def _levels(content: mmap.mmap, name: str) -> list[Locator] | None:
    """What a file holds; None: it is not as it was written, or stands under another name."""
    if len(content) < _PRELUDE.size:
        return None
    magic, digest, length = _PRELUDE.unpack_from(content)
    if magic != _MAGIC or sha256(memoryview(content)[len(_MAGIC) + 32 :]).digest() != digest:
        return None
    body = _PRELUDE.size + length
    head = json.loads(content[_PRELUDE.size : body])
    if head["name"] != name:
        return None
    return [
        _locator({n: _mapped(content, kind, shape, body + start) for n, (kind, shape, start) in level.items()})
        for level in head["levels"]
    ]


def _mapped(content: mmap.mmap, kind: str, shape: Sequence[int], start: int) -> NDArray[Any]:
    return np.frombuffer(content, np.dtype(kind), math.prod(shape), start).reshape(shape)


def write(path: Path, levels: Sequence[Locator]) -> None:
    """Keep locators under a name, whole or not at all; the files opened longest ago are removed.

    Where the folder cannot be written, or the disk is full, nothing is kept.
    """
    pieces = _pieces([_arrays(level) for level in levels], path.stem)
    digest = sha256()
    for piece in pieces:
        digest.update(piece)
    with suppress(OSError, DiskFull):
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing.whole(path) as draft, draft.open("wb") as file:
            file.writelines([_MAGIC, digest.digest(), *pieces])
        by_use = sorted(path.parent.glob(f"*{ENDING}*"), key=lambda p: p.stat().st_mtime_ns, reverse=True)
        for old in by_use[MOST:]:
            old.unlink(missing_ok=True)


def _pieces(levels: Sequence[_Arrays], name: str) -> list[bytes | memoryview]:
    """All that follows a file's digest; an array's place is told from the end of the head."""
    bodies: list[bytes | memoryview] = []
    told: list[dict[str, Any]] = []
    end = 0
    for level in levels:
        told.append({})
        for key, array in level.items():
            told[-1][key] = array.dtype.str, array.shape, end
            gap = -array.nbytes % _ALIGNED
            bodies += [np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, bytes(gap)]
            end += array.nbytes + gap
    head = json.dumps({"name": name, "levels": told}).encode()
    head += b" " * (-(_PRELUDE.size + len(head)) % _ALIGNED)
    return [struct.pack("<Q", len(head)), head, *bodies]


def _arrays(locator: Locator) -> _Arrays:
    """All that a locator is, by name; of an axis ``columns.borders`` and so on, its single numbers together."""
    out: _Arrays = {}
    for field in fields(Locator):
        value = getattr(locator, field.name)
        if isinstance(value, Axis):
            out |= {f"{field.name}.{name}": getattr(value, name) for name in _VECTORS}
            out[f"{field.name}.numbers"] = np.array([getattr(value, name) for name in _NUMBERS])
        else:
            out[field.name] = value
    return out


def _locator(arrays: _Arrays) -> Locator:
    """The locator of such arrays."""
    parts: dict[str, Any] = {name: array for name, array in arrays.items() if "." not in name}
    for axis in ("columns", "rows"):
        numbers = dict(zip(_NUMBERS, arrays[f"{axis}.numbers"].tolist(), strict=True))
        parts[axis] = Axis(**numbers | {name: arrays[f"{axis}.{name}"] for name in _VECTORS})
    return Locator(**parts)
