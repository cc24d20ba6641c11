"""Inspection samples as they stand (抽查样本): listed and searched, one looked up; and the draws that there are."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, or_, select

from gridmgmt.database import scopes
from gridmgmt.database import tables as t
from gridmgmt.viewer import EVERYWHERE, Scope

_COLUMNS = (
    "sample_no", "sample_type", "object_name", "sampled_at", "score", "result", "findings", "unit_code", "lon", "lat",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """Which samples: taken in [start, end), of a unit that answers, in a grid of any level, of a draw.

    ``text`` stands in number, object, address or findings; ``scope``: what whoever asks may see.
    """

    between: tuple[dt.datetime, dt.datetime] | None = None
    unit: str | None = None
    grid: str | None = None
    draw: str | None = None
    kind: str | None = None
    text: str | None = None
    scope: Scope = EVERYWHERE


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    s = t.samples.c
    out = scopes.within(t.samples, wanted.scope)
    if wanted.between is not None:
        out += [s.sampled_at >= wanted.between[0], s.sampled_at < wanted.between[1]]
    if wanted.unit is not None:
        out.append(s.unit_id == select(t.unit.c.id).where(t.unit.c.code == wanted.unit).scalar_subquery())
    if wanted.grid is not None:
        ids = select(t.grid.c.id).where(t.grid.c.code == wanted.grid)
        out.append(or_(*(s[name].in_(ids) for name in t.GRID_COLUMNS)))
    if wanted.draw is not None:
        drawn = select(t.draw_item.c.sample_no).join_from(t.draw_item, t.draw).where(t.draw.c.name == wanted.draw)
        out.append(s.sample_no.in_(drawn))
    if wanted.kind is not None:
        out.append(s.sample_type == wanted.kind)
    if wanted.text is not None:
        columns = (s.sample_no, s.object_name, s.address, s.findings)
        out.append(or_(*(x.icontains(wanted.text, autoescape=True) for x in columns)))
    return out


def listing(connection: Connection, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    """Samples in order of time."""
    s = t.samples.c
    statement = select(*(s[name] for name in _COLUMNS)).where(*_conditions(wanted))
    ordered = statement.order_by(s.sampled_at, s.sample_no).limit(limit)
    return [dict(row) for row in connection.execute(ordered).mappings()]


def _whole() -> Select[Any]:
    """A sample with its id, the unit that answers for it, and its deepest grid."""
    s, u, g = t.samples.c, t.unit.c, t.grid.c
    units = [select(u[x]).where(u.id == s.unit_id).scalar_subquery() for x in ("code", "name_zh", "name_en")]
    deepest = func.coalesce(*(s[name] for name in reversed(t.GRID_COLUMNS)))
    grids = [select(g[x]).where(g.id == deepest).scalar_subquery() for x in ("code", "name_zh", "name_en")]
    names = ("answering_unit", "unit_name_zh", "unit_name_en", "grid_code", "grid_name_zh", "grid_name_en")
    told = [value.label(name) for name, value in zip(names, [*units, *grids], strict=True)]
    return select(s.id, *(s[name] for name in _COLUMNS), s.address, *told)


def after(
    connection: Connection, wanted: Wanted, limit: int, last: int | None, *, newest_first: bool
) -> list[dict[str, Any]]:
    """Samples in the order in which they came in, behind the row of an id; each row with its ``id``."""
    s = t.samples.c
    statement = _whole().where(*_conditions(wanted))
    if last is not None:
        statement = statement.where(s.id < last if newest_first else s.id > last)
    ordered = statement.order_by(s.id.desc() if newest_first else s.id).limit(limit)
    return [dict(row) for row in connection.execute(ordered).mappings()]


def one(connection: Connection, sample_no: str, scope: Scope) -> dict[str, Any] | None:
    """A sample of a scope that was looked at, with its ``id``."""
    found = (
        connection.execute(_whole().where(t.samples.c.sample_no == sample_no, *scopes.within(t.samples, scope)))
        .mappings()
        .one_or_none()
    )
    return dict(found) if found is not None else None


def place_of(connection: Connection, sample_no: str) -> tuple[list[int | None], int | None] | None:
    """Ids of the grids of a sample that was looked at, and of the unit that answers for it; None: there is none."""
    s = t.samples.c
    statement = select(*(s[name] for name in t.GRID_COLUMNS), s.unit_id).where(s.sample_no == sample_no)
    found = connection.execute(statement).one_or_none()
    return None if found is None else ([*found[:-1]], found[-1])


def draws(
    connection: Connection, plan_id: str | None, period: str | None, last: int | None, limit: int
) -> list[dict[str, Any]]:
    """Draws, the newest first, behind the one of an id: each with how many of its samples are seen and inspected."""
    d, i = t.draw.c, t.draw_item.c
    before, by = t.draw.alias("before"), t.draw.alias("by")
    of_draw = select(func.count()).select_from(t.draw_item).where(i.draw_id == d.id)
    inspected = of_draw.where(exists().where(t.inspection.c.draw_item_id == i.id))
    columns = (
        d.id, d.name, d.plan_id, d.period, d.sha256, d.reason, d.known_at,
        select(before.c.name).where(before.c.id == d.supersedes).scalar_subquery().label("replaces"),
        select(by.c.name).where(by.c.supersedes == d.id).scalar_subquery().label("replaced_by"),
        of_draw.scalar_subquery().label("n"), inspected.scalar_subquery().label("n_inspected"),
    )  # fmt: skip
    wanted: Mapping[Any, object | None] = {d.plan_id: plan_id, d.period: period}
    statement = select(*columns).where(*(column == value for column, value in wanted.items() if value is not None))
    if last is not None:
        statement = statement.where(d.id < last)
    return [dict(row) for row in connection.execute(statement.order_by(d.id.desc()).limit(limit)).mappings()]
