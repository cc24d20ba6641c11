"""Filters (过滤条件): CQL2 as text and as JSON (OGC 21-065r2), read into one tree that knows where each part stands.

Read are comparisons, BETWEEN, IN, LIKE, IS NULL, CASEI, AND, OR, NOT, and the spatial and temporal predicates. What is
not read is refused by name: arithmetic, arrays and functions of a server's own.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import shapely

from gridmgmt import bounds
from gridmgmt.errors import FilterInvalid
from gridmgmt.features import cql_text
from gridmgmt.features.cql_text import ARITY, Raw


@dataclass(frozen=True)
class Property:
    """A column that a filter asks."""

    name: str
    at: str


@dataclass(frozen=True)
class Value:
    """A text, number or truth value."""

    value: str | float | bool
    at: str


@dataclass(frozen=True)
class Time:
    """An instant, a day or an interval as they were written; None: an open end."""

    first: str | None
    last: str | None
    is_day: bool
    at: str


@dataclass(frozen=True)
class Shape:
    """A shape in the coordinates of the filter's system."""

    shape: shapely.Geometry
    at: str


@dataclass(frozen=True)
class Call:
    """An operation with what it is done to."""

    op: str
    args: tuple["Term", ...]
    at: str


Term = Property | Value | Time | Shape | Call


def read(text: str, language: str) -> Term:
    """The tree of a filter in ``cql2-text`` or ``cql2-json``.

    Raises
    ------
    FilterInvalid
        Says where: a character of the text, a path of the JSON.
    """
    most = bounds.most("filter_kb")
    if len(text) > most:
        raise wrong("", "too_long", n=len(text), most=most, setting="GRIDMGMT_MAX_FILTER_KB")
    raw = _from_json(text) if language == "cql2-json" else cql_text.read(text)
    return _term(raw, 1)


def wrong(at: str, code: str, **facts: Any) -> FilterInvalid:
    """What is wrong with a filter, and where."""
    return cql_text.wrong(at, code, **facts)


def _from_json(text: str) -> Raw:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as e:
        at = cql_text.place(e.pos) if isinstance(e, json.JSONDecodeError) else ""
        raise wrong(at, "no_json") from e
    return Raw(found, "$")


def _term(raw: Raw, depth: int) -> Term:
    """One part of the tree and all below it."""
    if depth > bounds.most("filter_depth"):
        raise wrong(raw.at, "too_deep", most=bounds.most("filter_depth"), setting="GRIDMGMT_MAX_FILTER_DEPTH")
    value = raw.value
    if isinstance(value, bool | str) or (isinstance(value, int | float) and abs(value) < _LARGEST):
        if isinstance(value, str) and re.search("[\0\ud800-\udfff]", value):
            raise wrong(raw.at, "nul")
        return Value(value, raw.at)
    if isinstance(value, Mapping):
        keys = [key for key in _READERS if key in value]
        if keys:
            return _READERS[keys[0]](raw, value, depth)
    raise wrong(raw.at, "no_term", found=_short(value))


_LARGEST = 1e300
"""Numbers are less: the database compares them as floats."""


def _called(raw: Raw, value: Mapping[str, Any], depth: int) -> Call:
    op, args = value["op"], raw.part("args", [])
    name = _OPS.get(op.lower()) if isinstance(op, str) else None
    if name is None:
        raise wrong(raw.at, "no_operation", found=_short(op), known=sorted(ARITY))
    listed = [args.item(n) for n in range(len(args.value))] if isinstance(args.value, list) else [args]
    if name in ("between", "in") and len(listed) == 2 and isinstance(listed[1].value, list):
        listed = [listed[0], *(listed[1].item(n) for n in range(len(listed[1].value)))]  # as JSON writes them
    least, most = ARITY[name]
    if not least <= len(listed) <= most:
        raise wrong(raw.at, "arguments", op=name, n=len(listed), least=least)
    return Call(name, tuple(_term(arg, depth + 1) for arg in listed), raw.at)


_OPS = {name.lower(): name for name in ARITY}


def _property(raw: Raw, value: Mapping[str, Any], depth: int) -> Property:
    if not isinstance(value["property"], str):
        raise wrong(raw.at, "no_term", found=_short(value["property"]))
    return Property(value["property"], raw.at)


def _instant(raw: Raw, value: Mapping[str, Any], depth: int) -> Time:
    key = "date" if "date" in value else "timestamp"
    text = value[key]
    if not isinstance(text, str):
        raise wrong(raw.at, "no_term", found=_short(text))
    return Time(text, text, key == "date", raw.at)


def _interval(raw: Raw, value: Mapping[str, Any], depth: int) -> Time:
    ends = value["interval"]
    if not isinstance(ends, list) or len(ends) != 2 or not all(isinstance(x, str) for x in ends):
        raise wrong(raw.at, "no_interval", found=_short(ends))
    first, last = (None if x in ("", "..") else x for x in ends)
    return Time(first, last, False, raw.at)


def _shape(raw: Raw, value: Mapping[str, Any], depth: int) -> Shape:
    """A GeoJSON geometry, or ``{"wkt": …}`` of a text filter."""
    try:
        found = shapely.from_wkt(value["wkt"]) if "wkt" in value else shapely.from_geojson(json.dumps(dict(value)))
    except (shapely.errors.ShapelyError, ValueError, TypeError, RecursionError) as e:
        raise wrong(raw.at, "no_shape", found=_short(value.get("wkt", value.get("type")))) from e
    return _sound(found, raw.at)


def _box(raw: Raw, value: Mapping[str, Any], depth: int) -> Shape:
    corners = value["bbox"]
    sizes = isinstance(corners, list) and len(corners) in (4, 6)
    if not sizes or not all(isinstance(x, int | float) and abs(x) < _LARGEST for x in corners):
        raise wrong(raw.at, "no_shape", found=_short(corners))
    half = len(corners) // 2
    return _sound(shapely.box(*corners[:2], *corners[half : half + 2]), raw.at)


def _sound(shape: shapely.Geometry, at: str) -> Shape:
    numbers = shapely.get_coordinates(shape)
    if not len(numbers) or not (abs(numbers) < 1e8).all() or not shapely.is_valid(shape):
        raise wrong(at, "shape_invalid")
    return Shape(shapely.force_2d(shape), at)


_READERS: Mapping[str, Callable[[Raw, Mapping[str, Any], int], Term]] = {
    "op": _called, "property": _property, "date": _instant, "timestamp": _instant, "interval": _interval,
    "wkt": _shape, "coordinates": _shape, "geometries": _shape, "bbox": _box,
}  # fmt: skip


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"
