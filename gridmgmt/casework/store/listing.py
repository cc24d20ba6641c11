"""The docket (案件台账): cases by state, unit, grid and lateness, page by page."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from gridmgmt.casework.cases import ENDED, RUNNING
from gridmgmt.city import STORAGE_EPSG
from gridmgmt.codes import CategoryPattern
from gridmgmt.database import scopes
from gridmgmt.database import tables as t
from gridmgmt.viewer import EVERYWHERE, Scope

COLUMNS = (
    "case_no", "status", "category_kind", "category_code", "source", "reported_at", "dispatched_at", "due_at",
    "due_extended_at", "handled_at", "closed_at", "unit_code", "address", "n_rework", "lon", "lat",
)  # fmt: skip

_due = func.coalesce(t.cases.c.due_extended_at, t.cases.c.due_at)


@dataclass(frozen=True)
class Wanted:
    """Which cases: of some states, a unit, a grid of any level, a class pattern; overdue ones only.

    ``text`` stands in number, address or description; reported in [from, to); ``area`` is a polygon as WKT in degrees;
    ``scope``: what whoever asks may see.
    """

    states: Sequence[str] = ()
    unit: str | None = None
    grid: str | None = None
    category: str | None = None
    overdue: bool = False
    text: str | None = None
    reported_from: dt.datetime | None = None
    reported_to: dt.datetime | None = None
    area: str | None = None
    scope: Scope = EVERYWHERE


def _conditions(wanted: Wanted, now: dt.datetime) -> list[ColumnElement[bool]]:
    c = t.cases.c
    out = scopes.within(t.cases, wanted.scope)
    if wanted.states:
        out.append(c.status.in_(list(wanted.states)))
    if wanted.unit is not None:
        out.append(c.unit_id == select(t.unit.c.id).where(t.unit.c.code == wanted.unit).scalar_subquery())
    if wanted.grid is not None:
        ids = select(t.grid.c.id).where(t.grid.c.code == wanted.grid)
        out.append(or_(*(c[name].in_(ids) for name in t.GRID_COLUMNS)))
    if wanted.category is not None:
        out.append(_of_class(CategoryPattern.parse(wanted.category)))
    if wanted.overdue:
        out.append(and_(c.status.in_(sorted(RUNNING)), _due < now))
    if wanted.text is not None:
        out.append(or_(*(x.icontains(wanted.text, autoescape=True) for x in (c.case_no, c.address, c.description))))
    if wanted.reported_from is not None:
        out.append(c.reported_at >= wanted.reported_from)
    if wanted.reported_to is not None:
        out.append(c.reported_at < wanted.reported_to)
    if wanted.area is not None:
        area = func.ST_GeomFromText(wanted.area, STORAGE_EPSG)
        out += [c.geom.op("&&")(area), func.ST_Intersects(c.geom, area)]
    return out


def _of_class(pattern: CategoryPattern) -> ColumnElement[bool]:
    code = t.cases.c.category_code
    same = code.startswith(pattern.stem, autoescape=True) if pattern.open_ended else code == pattern.stem
    return same if pattern.kind is None else and_(t.cases.c.category_kind == pattern.kind, same)


def _chosen(columns: Select[Any], wanted: Wanted, now: dt.datetime) -> Select[Any]:
    return columns.where(*_conditions(wanted, now))


def has_grid(connection: Connection, code: str) -> bool:
    """Whether any edition has a grid of that code."""
    return connection.execute(select(t.grid.c.id).where(t.grid.c.code == code).limit(1)).first() is not None


def count(connection: Connection, wanted: Wanted, now: dt.datetime) -> int:
    """How many cases there are of those wanted."""
    return int(connection.execute(_chosen(select(func.count()).select_from(t.cases), wanted, now)).scalar_one())


def page(connection: Connection, wanted: Wanted, now: dt.datetime, limit: int, offset: int) -> list[dict[str, Any]]:
    """Cases wanted, with the names of their class, unit and deepest grid: those still open and due first come first."""
    statement = _chosen(select(*(t.cases.c[name] for name in COLUMNS), *_names()), wanted, now)
    ended = t.cases.c.status.in_(sorted(ENDED))
    ordered = statement.order_by(ended, _due.nulls_last(), t.cases.c.case_no).limit(limit).offset(offset)
    return [dict(r) for r in connection.execute(ordered).mappings()]


def after(
    connection: Connection, wanted: Wanted, now: dt.datetime, limit: int, last: int | None, *, newest_first: bool
) -> list[dict[str, Any]]:
    """Cases wanted in the order in which they came in, behind the row of an id; each row with its ``id``."""
    c = t.cases.c
    statement = _chosen(select(c.id, *(c[name] for name in COLUMNS), *_names()), wanted, now)
    if last is not None:
        statement = statement.where(c.id < last if newest_first else c.id > last)
    ordered = statement.order_by(c.id.desc() if newest_first else c.id).limit(limit)
    return [dict(r) for r in connection.execute(ordered).mappings()]


def _names() -> list[ColumnElement[Any]]:
    """Names of a case's class, of the city's scheme, of its unit, and code and names of its deepest grid."""
    c, u, k, g = t.cases.c, t.unit.c, t.category.c, t.grid.c
    scheme = select(t.city.c.document["category_scheme"].astext).scalar_subquery()
    of_class = and_(k.scheme == scheme, k.kind == c.category_kind, k.code == c.category_code)
    units = [select(u[f"name_{x}"]).where(u.id == c.unit_id).scalar_subquery() for x in ("zh", "en")]
    classes = [select(k[f"name_{x}"]).where(of_class).scalar_subquery() for x in ("zh", "en")]
    deepest = func.coalesce(*(c[name] for name in reversed(t.GRID_COLUMNS)))
    grids = [select(g[x]).where(g.id == deepest).scalar_subquery() for x in ("code", "name_zh", "name_en")]
    names = (
        "unit_name_zh", "unit_name_en", "category_name_zh", "category_name_en",
        "grid_code", "grid_name_zh", "grid_name_en",
    )  # fmt: skip
    return [value.label(name) for name, value in zip(names, [*units, *classes, *grids], strict=True)]


def by_state(connection: Connection, scope: Scope) -> dict[str, int]:
    """Cases of a scope by state; ``""`` are imported ones whose export told none."""
    state = func.coalesce(t.cases.c.status, "")
    return {
        r[0]: r[1]
        for r in connection.execute(select(state, func.count()).where(*scopes.within(t.cases, scope)).group_by(state))
    }


def repeating(connection: Connection, case_no: str) -> list[str]:
    """The cases that are said to repeat this one, by number."""
    c = t.cases.c
    statement = select(c.case_no).where(c.repeat_of == case_no, c.repeat_of.is_not(None)).order_by(c.case_no)
    return list(connection.execute(statement).scalars())


def grids_of(connection: Connection, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The grids that a case's row belongs to, from the city down."""
    ids = [row[name] for name in t.GRID_COLUMNS if row[name] is not None]
    g = t.grid.c
    statement = select(g.level, g.code, g.name_zh, g.name_en).where(g.id.in_(ids)).order_by(g.level)
    return [dict(r) for r in connection.execute(statement).mappings()]


def grid_codes(connection: Connection) -> dict[int, str]:
    """Every grid's code by its row's id, of all editions."""
    return {r.id: r.code for r in connection.execute(select(t.grid.c.id, t.grid.c.code))}
