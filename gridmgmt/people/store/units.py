"""Units (责任单位)."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from gridmgmt.database import copying
from gridmgmt.database import tables as t
from gridmgmt.people.units import Unit


def save_units(connection: Connection, units: Iterable[Unit]) -> None:
    """Add units or correct all but their codes."""
    copying.put(connection, t.unit, [asdict(u) for u in units], ["code"])


def ensure_units(connection: Connection, codes: Iterable[str]) -> None:
    """Add units that a file names and the city lets files add (``unknown_units: add``)."""
    rows = [{"code": c, "name_zh": c, "name_en": c} for c in sorted(set(codes))]
    if rows:
        connection.execute(insert(t.unit).on_conflict_do_nothing(), rows)


def unit_ids(connection: Connection) -> dict[str, int]:
    """Unit code → id."""
    return {r.code: r.id for r in connection.execute(select(t.unit.c.code, t.unit.c.id))}


def units(connection: Connection, known_by: dt.datetime | None = None) -> dict[str, Mapping[str, Any]]:
    """Unit code → its row, as it is known now or was by an instant; what came to be known later, as it was at first."""
    if known_by is not None:
        found = copying.rows(connection, "people/store/units_known_by", known_by=known_by)
        return {r["code"]: dict(r) for r in found}
    return {r["code"]: dict(r) for r in connection.execute(select(t.unit)).mappings()}


def past(connection: Connection, code: str | None = None) -> list[dict[str, Any]]:
    """What was ever said of a unit, or of all, with when it was known and who wrote it; by code, oldest first."""
    v, a = t.unit_version.c, t.actor.c
    names = (v.code, v.name_zh, v.name_en, v.kind, v.parent_code, v.level, v.grid_code, v.known_at)
    statement = select(*names, a.name.label("actor")).join_from(t.unit_version, t.actor, isouter=True)
    chosen = statement.where(v.code == code) if code is not None else statement
    return [dict(r) for r in connection.execute(chosen.order_by(v.code, v.id)).mappings()]


def unit_tree(connection: Connection, known_by: dt.datetime | None = None) -> dict[str, Unit]:
    """Unit code → the unit and its place in the tree (单位树), by code; as of :func:`units`."""
    found = units(connection, known_by)
    return {code: Unit(**{f.name: found[code][f.name] for f in fields(Unit)}) for code in sorted(found)}
