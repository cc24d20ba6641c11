"""Responsibility rules (责任清单): added, never changed."""

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import Range, distinct_on

from gridmgmt.database import tables as t
from gridmgmt.people.responsibility import Rule
from gridmgmt.people.store.units import unit_ids


def save_rules(connection: Connection, rules: Iterable[Rule], batch_id: int, known_at: dt.datetime) -> None:
    """Append rules; one that is there but for its last day is followed by its new row and stays as it was known."""
    ids = unit_ids(connection)
    names = ("category", "level", "grid_code", "land_owner", "override")
    rows = [
        {
            **{name: getattr(rule, name) for name in names},
            "unit_id": ids[rule.unit_code],
            "valid": Range(rule.valid_from, rule.valid_to),
            "batch_id": batch_id,
            "known_at": known_at,
        }
        for rule in rules
    ]
    if rows:
        connection.execute(t.responsibility.insert(), rows)


def load_rules(connection: Connection, known_by: dt.datetime | None = None) -> list[Rule]:
    """The responsibility table, of each rule what was told last (by an instant, it included; default: ever).

    The same rule told twice in one batch, which older releases took, ends on the earlier of its last days.
    """
    r, u = t.responsibility.c, t.unit.c
    first, last = func.lower(r.valid), func.upper(r.valid)
    same = (r.category, r.level, r.grid_code, r.land_owner, r.override, r.unit_id, first)
    told = (r.known_at <= known_by,) if known_by is not None else ()
    statement = (
        select(r.category, r.level, r.grid_code, u.code, first.label("first"), last.label("last"))
        .add_columns(r.land_owner, r.override)
        .join_from(t.responsibility, t.unit)
        .where(*told)
        .ext(distinct_on(*same))
        .order_by(*same, r.known_at.desc(), last.asc().nulls_last(), r.id.desc())
    )
    return [
        Rule(x.category, x.level, x.grid_code, x.code, x.first or dt.date.min, x.last, x.land_owner, x.override)
        for x in connection.execute(statement)
    ]


def rules_not_applied_since(connection: Connection) -> dt.datetime | None:
    """When the newest table of rules or areas came, if no reassignment of all editions came after them; else None.

    A table counts also where it changed nothing: what an older release held twice may decide otherwise now.
    """
    b, y = t.batch.c, t.layer.c
    whole = (b.kind == "reassign") & b.counts["edition"].is_not_distinct_from(text("'null'::jsonb"))
    rules = select(func.max(b.known_at)).where(b.kind == "responsibility").scalar_subquery()
    areas = select(func.max(y.known_at)).where(y.kind == "areas").scalar_subquery()
    applied = select(func.max(b.known_at)).where(whole)
    came, done = connection.execute(select(func.greatest(rules, areas))).scalar(), connection.execute(applied).scalar()
    return came if came is not None and (done is None or came > done) else None
