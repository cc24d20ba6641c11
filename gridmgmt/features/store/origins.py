"""Where the features of each kind of collection come from: tables, columns, shape, time."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa
from geoalchemy2 import Geometry
from sqlalchemy import ColumnElement, FromClause, and_, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from gridmgmt.database import scopes
from gridmgmt.database import tables as t
from gridmgmt.features.collections import COLUMNS, Kind
from gridmgmt.viewer import Scope

_Sql = ColumnElement[Any]


@dataclass(frozen=True)
class Source:
    """Rows of the database as features.

    Attributes
    ----------
    where
        What of ``tables`` belongs to the collection.
    at
        The instant of a feature, where it has one.
    """

    tables: FromClause
    where: _Sql
    columns: Mapping[str, _Sql]
    key: _Sql
    geometry: _Sql
    at: _Sql | None = None


def grids(edition_id: int, edition: str, valid_from: dt.date | None, level: int) -> Source:
    """The grids of a level in an edition."""
    m, g = t.edition_grid.c, t.grid.c
    own: dict[str, _Sql] = {x.name: g[x.name] for x in COLUMNS["grids"] if x.name in g}
    columns: dict[str, _Sql] = {**own, "edition": literal(edition), "valid_from": literal(valid_from, sa.Date)}
    tables = t.edition_grid.join(t.grid, g.id == m.grid_id)
    return Source(tables, sa.and_(m.edition_id == edition_id, m.level == level), columns, m.code, g.geom)


def indicators(edition_id: int, level: int, table: pd.DataFrame, head: Mapping[str, Any]) -> Source:
    """The same grids with a period's figures, which are handed over as rows; ``head`` is the same for all."""
    grid = grids(edition_id, str(head["edition"]), None, level)
    names = [x.name for x in COLUMNS["indicators"] if x.name in table]
    known = table[names].astype(object)
    rows = known.where(known.notna(), None).to_dict("records")
    types = {x.name: sa.Float if x.type == "number" else sa.Text for x in COLUMNS["indicators"]}
    figures = (
        func.jsonb_to_recordset(sa.bindparam("figures", rows, JSONB))
        .table_valued(*(sa.column(name, types[name]) for name in names))
        .render_derived("figures", with_types=True)
    )
    same: dict[str, _Sql] = {
        "period": literal(str(head["period"]), sa.Text), "as_of": literal(head["as_of"], TIMESTAMP(timezone=True)),
        "edition": grid.columns["edition"],
    }  # fmt: skip
    columns = {x.name: same[x.name] if x.name in same else figures.c[x.name] for x in COLUMNS["indicators"]}
    tables = grid.tables.join(figures, figures.c.code == t.edition_grid.c.code)
    return Source(tables, grid.where, columns, grid.key, grid.geometry)


def facts(kind: Kind, scope: Scope) -> Source:
    """The cases, or the samples, of a scope as they stand; ``unit_code``: the unit that answers, as assigned."""
    table, key, at = (t.cases, "case_no", "reported_at") if kind == "cases" else (t.samples, "sample_no", "sampled_at")
    c = table.c
    deepest = func.coalesce(*(c[name] for name in reversed(t.GRID_COLUMNS)))
    named = {
        "unit_code": select(t.unit.c.code).where(t.unit.c.id == c.unit_id).scalar_subquery(),
        "grid_code": select(t.grid.c.code).where(t.grid.c.id == deepest).scalar_subquery(),
    }
    columns = {x.name: named[x.name] if x.name in named else c[x.name] for x in COLUMNS[kind]}
    return Source(table, and_(True, *scopes.within(table, scope)), columns, c[key], c.geom, c[at])


def layer(layer_id: int, valid_from: dt.date | None) -> Source:
    """The features of a reference layer."""
    f = t.feature.c
    begin = literal(valid_from, sa.Date)
    columns = {x.name: begin if x.name == "valid_from" else f[x.name] for x in COLUMNS["layers"]}
    return Source(t.feature, f.layer_id == layer_id, columns, f.code, f.geom)


def none(kind: Kind) -> Source:
    """No rows: nothing of the collection is valid at the time that is asked for."""
    types: dict[str, Any] = {"number": sa.Float, "integer": sa.Integer, "boolean": sa.Boolean, "date": sa.Date}
    types |= {"object": JSONB, "instant": TIMESTAMP}
    columns: dict[str, _Sql] = {x.name: sa.cast(sa.null(), types.get(x.type, sa.Text)) for x in COLUMNS[kind]}
    return Source(
        select(literal(1).label("n")).subquery(), literal(False), columns, sa.cast(sa.null(), sa.Text),
        sa.cast(sa.null(), Geometry("GEOMETRY")),
    )  # fmt: skip
