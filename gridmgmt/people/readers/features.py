"""Points of a GeoJSON FeatureCollection, one after the other: however long it is, one feature is in memory."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from gridmgmt.errors import FileUnreadable, by_parser

_CHUNK = 1 << 20
_LONGEST = 1 << 20
"""Characters of one feature, or of another member of the collection."""

_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True)
class Point:
    """A feature's place and what its properties say; ``wrong``: what stands there instead of a point."""

    x: float
    y: float
    crs: str | None
    category: str | None
    id: str | None
    wrong: str | None = None


def points(path: Path) -> Iterator[Point]:
    """The points of a collection in its order.

    Raises
    ------
    FileUnreadable
        No FeatureCollection in UTF-8, or something in it is longer than is read.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from map(_point, _Text(file).features())
    except (ValueError, RecursionError) as e:  # JSON's and Unicode's errors are ValueErrors
        raise FileUnreadable(file=path.name, reason=by_parser(e)) from e


class _Text:
    """JSON text that is read as far as it is needed."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._text, self._at, self._passed = file, "", 0, 0

    def features(self) -> Iterator[Any]:
        """The members of the first object's ``features``; all else in it is passed over."""
        self._take("{")
        is_there = False
        while True:
            name = self._value()
            self._take(":")
            if name == "features" and not is_there:
                is_there = True
                yield from self._members()
            else:
                self._value()
            if self._take(",}") == "}":
                break
        if not is_there or self._next():
            raise ValueError('"features": […]')

    def _members(self) -> Iterator[Any]:
        self._take("[")
        if self._next() == "]":
            self._take("]")
            return
        while True:
            yield self._value()
            if self._take(",]") == "]":
                return

    def _more(self) -> bool:
        chunk = self._file.read(_CHUNK)
        if not chunk:
            return False
        self._passed += self._at
        self._text, self._at = self._text[self._at :] + chunk, 0
        return True

    def _next(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _take(self, wanted: str) -> str:
        found = self._next()
        if not found or found not in wanted:
            raise ValueError(f"{self._passed + self._at}: {found!r} ≠ {' / '.join(wanted)}")
        self._at += 1
        return found

    def _value(self) -> Any:
        self._next()
        while True:
            try:
                value, end = _decode(self._text, self._at)
            except json.JSONDecodeError:
                if len(self._text) - self._at > _LONGEST or not self._more():
                    raise
                continue
            if end == len(self._text) and self._more():  # a number may go on behind what was read
                continue
            self._at = end
            return value


def _point(feature: Any) -> Point:
    told = feature if isinstance(feature, dict) else {}
    properties = told.get("properties")
    said = properties if isinstance(properties, dict) else {}
    place = _place(told.get("geometry"))
    own = told.get("id", said.get("id"))
    wrong = None if place else _text(told.get("geometry", feature), always="null")
    x, y = place or (math.nan, math.nan)
    return Point(
        x, y, _text(said.get("crs")), _text(said.get("category")), _text(own), None if wrong is None else wrong[:100]
    )


def _place(geometry: Any) -> tuple[float, float] | None:
    if not isinstance(geometry, dict) or geometry.get("type") != "Point":
        return None
    found = geometry.get("coordinates")
    if not isinstance(found, list) or len(found) < 2:
        return None
    x, y = found[:2]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in (x, y)):
        return None
    try:
        place = float(x), float(y)
    except OverflowError:
        return None
    return place if math.isfinite(place[0]) and math.isfinite(place[1]) else None


def _text(value: Any, always: str | None = None) -> str | None:
    """A value as text that can be written: JSON may hold halves of characters."""
    if value is None:
        return always
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()
