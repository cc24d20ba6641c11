"""A filter's tree as a condition of SQL: columns by name and type, values always bound."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from sqlalchemy import ColumnElement, Float, and_, case, cast, func, literal, not_, or_
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import Numeric, Text

from gridmgmt import geo
from gridmgmt.city import STORAGE_EPSG
from gridmgmt.errors import InstantInvalid
from gridmgmt.features import times
from gridmgmt.features.collections import GEOMETRY, Type
from gridmgmt.features.cql import Call, Property, Shape, Term, Time, Value, wrong
from gridmgmt.features.systems import Box, System

_Sql = ColumnElement[Any]
_Ends = tuple[_Sql, _Sql]


@dataclass(frozen=True)
class Asked:
    """What a filter may ask: columns by name with their types, the shape; how its coordinates and days are meant."""

    columns: Mapping[str, tuple[_Sql, Type]]
    geometry: _Sql
    zone: ZoneInfo
    system: System


def condition(term: Term, asked: Asked) -> _Sql:
    """The condition that a filter states.

    Raises
    ------
    FilterInvalid
        A column is unknown, or an operation is asked of values that it is not for.
    """
    if isinstance(term, Call) and term.op in _OPERATIONS:
        return _OPERATIONS[term.op](term, asked)
    if isinstance(term, Value) and isinstance(term.value, bool):
        return literal(term.value)
    if isinstance(term, Property) and _column(term, asked)[1] == "boolean":
        return _column(term, asked)[0]
    raise wrong(term.at, "no_condition")


def in_box(geometry: _Sql, box: Box) -> _Sql:
    """Whether a shape touches a box; the index is asked first, on its own (``&&``), as row security wants it."""
    if box.system.epsg is not None:
        return _in_metric_box(geometry, box)
    parts = [(box.west, box.east)] if box.west <= box.east else [(box.west, 180.0), (-180.0, box.east)]
    return or_(*(_touches(geometry, _corners(w, box.south, e, box.north, STORAGE_EPSG)) for w, e in parts))


def _in_metric_box(geometry: _Sql, box: Box) -> _Sql:
    """A box of metres is asked in metres; what may lie in it is found by the degrees around its border."""
    corners = _corners(box.west, box.south, box.east, box.north, box.system.epsg)
    within, around = func.ST_Intersects(projected(geometry, box.system), corners), _around(box)
    if around is None:
        return within
    return and_(geometry.op("&&")(func.ST_MakeEnvelope(*around, STORAGE_EPSG)), within)


_FAR_M = 2e6
"""A box as wide as that is no place of a city, and its border may lie where the system means nothing."""


def _around(box: Box) -> tuple[float, float, float, float] | None:
    """The degrees around a box of metres, a hundredth wider as its border bends between samples; None: it has none."""
    if max(box.east - box.west, box.north - box.south) > _FAR_M:
        return None
    share = np.linspace(0, 1, 33)
    x, y = box.west + share * (box.east - box.west), box.south + share * (box.north - box.south)
    xs = np.concatenate([x, x, np.full(33, box.west), np.full(33, box.east)])
    ys = np.concatenate([np.full(33, box.south), np.full(33, box.north), y, y])
    points = geo.points_to_storage(xs, ys, f"epsg:{box.system.epsg}")
    if np.isnan(points.lon).any():
        return None
    (west, east), (south, north) = ((float(v.min()), float(v.max())) for v in (points.lon, points.lat))
    wider = 0.01 * max(east - west, north - south) + 1e-5
    return west - wider, south - wider, east + wider, north + wider


def projected(geometry: _Sql, system: System) -> _Sql:
    """Stored shapes in a projected system, x east and y north; none where it cannot be asked: PROJ would fail."""
    if system.area is None:
        raise ValueError(system)
    area = func.ST_MakeEnvelope(*system.area, STORAGE_EPSG)
    return case((geometry.op("@")(area), func.ST_Transform(func.ST_SetSRID(geometry, system.hub), system.epsg)))


def _corners(west: float, south: float, east: float, north: float, srid: int | None) -> _Sql:
    """A box as the polygon, line or point that it is: as a polygon without area it would touch nothing."""
    line = func.ST_MakeLine(func.ST_Point(west, south), func.ST_Point(east, north))
    return func.ST_SetSRID(func.ST_Envelope(line), srid)


def _touches(geometry: _Sql, shape: _Sql) -> _Sql:
    return and_(geometry.op("&&")(shape), func.ST_Intersects(geometry, shape))


# --- logic and comparisons --------------------------------------------------------------------------------------------


def _joined(term: Call, asked: Asked) -> _Sql:
    return (and_ if term.op == "and" else or_)(*(condition(x, asked) for x in term.args))


def _compared(term: Call, asked: Asked) -> _Sql:
    left, right = term.args
    return _comparison(left, term.op, right, asked)


def _comparison(left: Term, op: str, right: Term, asked: Asked) -> _Sql:
    """A comparison; a time is compared as the instants it spans, so that a day is all of it."""
    if not isinstance(left, Property | Call) and isinstance(right, Property):
        return _comparison(right, _TURNED[op], left, asked)
    if _type(left, asked) in ("instant", "date"):
        return _in_time(op, _ends(left, asked), _ends(right, asked))
    a, kind = _scalar(left, asked)
    b, other = _scalar(right, asked, kind)
    if kind != other or (kind == "boolean" and op not in ("=", "<>")):
        raise wrong(right.at, "types", left=kind, right=other)
    return a.bool_op(op)(b)


_TURNED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _in_time(op: str, a: _Ends, b: _Ends) -> _Sql:
    within = and_(a[0] >= b[0], a[1] <= b[1])
    found: Mapping[str, _Sql] = {
        "=": within, "<>": not_(within), "<": a[1] < b[0], "<=": a[1] <= b[1], ">": a[0] > b[1], ">=": a[0] >= b[0],
    }  # fmt: skip
    return found[op]


def _between(term: Call, asked: Asked) -> _Sql:
    value, low, high = term.args
    return and_(_comparison(value, ">=", low, asked), _comparison(value, "<=", high, asked))


def _among(term: Call, asked: Asked) -> _Sql:
    value, *options = term.args
    return or_(*(_comparison(value, "=", x, asked) for x in options))


def _like(term: Call, asked: Asked) -> _Sql:
    r"""``%`` any text, ``_`` one character, ``\`` before one of them the character itself."""
    value, pattern = (_scalar(x, asked, "string") for x in term.args)
    for arg, kind in zip(term.args, (value[1], pattern[1]), strict=True):
        if kind != "string":
            raise wrong(arg.at, "types", left="string", right=kind)
    inner = term.args[1].args[0] if isinstance(term.args[1], Call) else term.args[1]
    if isinstance(inner, Value) and (len(text := str(inner.value)) - len(text.rstrip("\\"))) % 2:
        raise wrong(inner.at, "pattern_end")
    return value[0].like(pattern[0])


def _is_null(term: Call, asked: Asked) -> _Sql:
    (arg,) = term.args
    if not isinstance(arg, Property):
        raise wrong(arg.at, "no_column")
    return (asked.geometry if arg.name == GEOMETRY else _column(arg, asked)[0]).is_(None)


def _column(term: Property, asked: Asked) -> tuple[_Sql, Type]:
    if term.name not in asked.columns:
        raise wrong(term.at, "column_unknown", name=term.name, known=[*asked.columns, GEOMETRY])
    return asked.columns[term.name]


def _type(term: Term, asked: Asked) -> str:
    if isinstance(term, Property):
        return _column(term, asked)[1]
    return "instant" if isinstance(term, Time) else ""


_PLAIN = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean"}


def _scalar(term: Term, asked: Asked, beside: str = "") -> tuple[_Sql, str]:
    """A value with its type: ``number``, ``string`` or ``boolean``."""
    if isinstance(term, Property):
        column, own = _column(term, asked)
        if own not in _PLAIN:
            raise wrong(term.at, "types", left=beside or "string", right=own)
        return column, _PLAIN[own]
    if isinstance(term, Call) and term.op == "casei":
        value, kind = _scalar(term.args[0], asked)
        if kind != "string":
            raise wrong(term.args[0].at, "types", left="string", right=kind)
        return func.lower(value), kind
    if isinstance(term, Value):
        if isinstance(term.value, bool):
            return literal(term.value), "boolean"
        if isinstance(term.value, str):
            return literal(term.value, Text), "string"
        return literal(term.value, Float if isinstance(term.value, float) else Numeric), "number"
    raise wrong(term.at, "no_value")


# --- time -------------------------------------------------------------------------------------------------------------


def _ends(term: Term, asked: Asked) -> _Ends:
    """The first and the last instant of a column or a written time; a text is read as one."""
    if isinstance(term, Property):
        column, kind = _column(term, asked)
        if kind not in ("instant", "date"):
            raise wrong(term.at, "no_time")
        if kind == "date":  # the first instant of the day in the city's time
            column = func.timezone(asked.zone.key, cast(column, TIMESTAMP))
        return column, column
    if isinstance(term, Value) and isinstance(term.value, str):
        term = Time(term.value, term.value, False, term.at)
    if not isinstance(term, Time):
        raise wrong(term.at, "no_time")
    try:
        first, last = (None if x is None else times.span_of(x, asked.zone) for x in (term.first, term.last))
    except InstantInvalid as e:
        raise wrong(term.at, "time", value=f"{term.first or '..'} / {term.last or '..'}") from e
    begin = literal(first.first if first else "-infinity", TIMESTAMP(timezone=True))
    return begin, literal(last.last if last else "infinity", TIMESTAMP(timezone=True))


_Relation = Callable[[_Sql, _Sql, _Sql, _Sql], _Sql]

_RELATIONS: Mapping[str, _Relation] = {
    "t_after": lambda a, b, c, d: a > d,
    "t_before": lambda a, b, c, d: b < c,
    "t_contains": lambda a, b, c, d: and_(a < c, b > d),
    "t_disjoint": lambda a, b, c, d: or_(b < c, a > d),
    "t_during": lambda a, b, c, d: and_(a > c, b < d),
    "t_equals": lambda a, b, c, d: and_(a == c, b == d),
    "t_finishedBy": lambda a, b, c, d: and_(a < c, b == d),
    "t_finishes": lambda a, b, c, d: and_(a > c, b == d),
    "t_intersects": lambda a, b, c, d: and_(a <= d, b >= c),
    "t_meets": lambda a, b, c, d: b == c,
    "t_metBy": lambda a, b, c, d: a == d,
    "t_overlappedBy": lambda a, b, c, d: and_(a > c, a < d, b > d),
    "t_overlaps": lambda a, b, c, d: and_(a < c, b > c, b < d),
    "t_startedBy": lambda a, b, c, d: and_(a == c, b > d),
    "t_starts": lambda a, b, c, d: and_(a == c, b < d),
}
"""From a to b, and from c to d: the relations of the standard (OGC 21-065r2, table 8)."""


def _temporal(term: Call, asked: Asked) -> _Sql:
    (a, b), (c, d) = (_ends(x, asked) for x in term.args)
    return _RELATIONS[term.op](a, b, c, d)


# --- shapes -----------------------------------------------------------------------------------------------------------


def _spatial(term: Call, asked: Asked) -> _Sql:
    a, b = (_shape(x, asked) for x in term.args)
    name = term.op.removeprefix("s_")
    if name == "disjoint":
        return not_(_touches(a, b))
    return and_(a.op("&&")(b), getattr(func, f"ST_{name.capitalize()}")(a, b))


def _shape(term: Term, asked: Asked) -> _Sql:
    if isinstance(term, Property):
        if term.name != GEOMETRY:
            raise wrong(term.at, "no_shape_column", name=term.name)
        return asked.geometry
    if isinstance(term, Shape):
        return func.ST_GeomFromWKB(shapely.to_wkb(_stored(term, asked.system)), STORAGE_EPSG)
    raise wrong(term.at, "no_shape_column", name="—")


def _stored(term: Shape, system: System) -> shapely.Geometry:
    """A filter's shape in stored degrees, vertex by vertex."""
    xy = shapely.get_coordinates(term.shape)
    x, y = xy.T[::-1] if system.north_first else xy.T
    if system.epsg is not None:
        points = geo.points_to_storage(x, y, f"epsg:{system.epsg}")
        x, y = points.lon, points.lat
    if np.isnan(x).any() or np.isnan(y).any():
        raise wrong(term.at, "shape_invalid")
    moved = shapely.set_coordinates(term.shape, np.column_stack([x, y]))
    if not shapely.is_valid(moved):
        raise wrong(term.at, "shape_invalid")
    return moved


_OPERATIONS: Mapping[str, Callable[[Call, Asked], _Sql]] = {
    **dict.fromkeys(("and", "or"), _joined),
    "not": lambda term, asked: not_(condition(term.args[0], asked)),
    **dict.fromkeys(_TURNED, _compared),
    "between": _between,
    "in": _among,
    "like": _like,
    "isNull": _is_null,
    **dict.fromkeys(_RELATIONS, _temporal),
    **{f"s_{x}": _spatial for x in ("intersects", "equals", "disjoint", "touches", "within", "overlaps", "crosses",
                                    "contains")},
}  # fmt: skip


def every(parts: Sequence[_Sql]) -> _Sql:
    """All of them."""
    return and_(literal(True), *parts)
