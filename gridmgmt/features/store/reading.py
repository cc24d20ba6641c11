"""Pages of features: by key, so that nothing is lost or doubled while rows are written; how many there are."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select
from sqlalchemy.engine import Row

from gridmgmt.database import tables as t
from gridmgmt.features.store.conditions import every, projected
from gridmgmt.features.store.origins import Source
from gridmgmt.features.systems import System

_Sql = ColumnElement[Any]


def page(
    connection: Connection, source: Source, wanted: Sequence[_Sql], after: str | None, limit: int, system: System
) -> list[Row[Any]]:
    """The features behind a key, in its order: the key, the shape as GeoJSON text, then the columns."""
    conditions = [source.where, *wanted, *([] if after is None else [source.key > after])]
    columns: list[_Sql] = [source.key.label("feature_key"), _geojson(source.geometry, system).label("feature_shape")]
    columns += [column.label(name) for name, column in source.columns.items()]
    statement: Select[Any] = select(*columns).select_from(source.tables).where(every(conditions))
    return list(connection.execute(statement.order_by(source.key).limit(limit)))


def matched(connection: Connection, source: Source, wanted: Sequence[_Sql]) -> int:
    """How many features there are."""
    statement = select(func.count()).select_from(source.tables).where(every([source.where, *wanted]))
    return int(connection.execute(statement).scalar_one())


def _geojson(geometry: _Sql, system: System) -> _Sql:
    """Shapes as GeoJSON without a system of its own, in the order of the system's axes."""
    shape = geometry if system.epsg is None else projected(geometry, system)
    if system.north_first:
        shape = func.ST_FlipCoordinates(shape)
    return func.ST_AsGeoJSON(shape, system.digits, 0)


def reported(connection: Connection) -> tuple[dt.datetime | None, dt.datetime | None]:
    """When the first and the last case was reported."""
    at = t.cases.c.reported_at
    return _ends(connection, at)


def sampled(connection: Connection) -> tuple[dt.datetime | None, dt.datetime | None]:
    """When the first and the last sample was taken."""
    return _ends(connection, t.samples.c.sampled_at)


def _ends(connection: Connection, at: _Sql) -> tuple[dt.datetime | None, dt.datetime | None]:
    """By the index, from either end."""
    first, last = (select(at).order_by(order).limit(1).scalar_subquery() for order in (at.asc(), at.desc()))
    found = connection.execute(select(first, last)).one()
    return found[0], found[1]


def extent(connection: Connection, source: Source) -> tuple[float, float, float, float] | None:
    """West, south, east, north of some features, in degrees."""
    around = func.ST_Extent(source.geometry)
    sides = [f(around) for f in (func.ST_XMin, func.ST_YMin, func.ST_XMax, func.ST_YMax)]
    found = connection.execute(select(*sides).select_from(source.tables).where(source.where)).one()
    return None if found[0] is None else (found[0], found[1], found[2], found[3])
