"""Tiles as PostGIS writes them (Mapbox Vector Tile 2.1): geometry in whole units in, bytes out; no table is read."""

from collections.abc import Mapping
from typing import Any

import shapely
import sqlalchemy as sa
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from gridmgmt.places.grids import Geometries
from gridmgmt.places.linework import Ints
from gridmgmt.places.tiles import EXTENT, Facts

_TYPES: Mapping[type, sa.types.TypeEngine[Any]] = {str: sa.Text(), int: sa.BigInteger(), float: sa.Double()}


def encode(connection: Connection, layers: Mapping[str, tuple[Ints, Geometries, Facts]]) -> bytes:
    """A tile of layers, each of rows, their geometry and the facts of just these; a feature's id is its row + 1."""
    written = select(*(_layer(name, *held) for name, held in layers.items()))
    return b"".join(part or b"" for part in connection.execute(written).one())


def _layer(name: str, rows: Ints, shapes: Geometries, facts: Facts) -> Any:
    values = list(zip(*facts.rows.values(), strict=True)) or [() for _ in facts.columns]
    arrays = [
        sa.literal((rows + 1).tolist(), ARRAY(sa.BigInteger)),
        sa.literal(shapely.to_wkb(shapes).tolist(), ARRAY(sa.LargeBinary)),
        *(sa.literal(list(x), ARRAY(_TYPES[kind])) for x, kind in zip(values, facts.columns.values(), strict=True)),
    ]
    given = func.unnest(*arrays).table_valued("id", "shape", *facts.columns, name=f"given_{name}").render_derived()
    columns = [given.c.id, func.ST_GeomFromWKB(given.c.shape).label("geom"), *(given.c[c] for c in facts.columns)]
    told = select(*columns).subquery(f"told_{name}")
    return (
        select(func.ST_AsMVT(sa.literal_column(told.name), name, EXTENT, "geom", "id"))
        .select_from(told)
        .scalar_subquery()
    )
