"""The city's one row, its units, categories and responsibility rules."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any, cast

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import Range, distinct_on, insert

from gridmgmt import city as cities
from gridmgmt.city import City
from gridmgmt.errors import CityExists, CityMissing
from gridmgmt.responsibility import Rule
from gridmgmt.store import tables as t
from gridmgmt.units import Unit


def save_city(connection: Connection, city: City) -> None:
    """Write the city's row; the same city again changes nothing.

    Raises
    ------
    CityExists
        The database belongs to another city, or to this one with other settings.
    """
    document = cities.to_dict(city)
    old = connection.execute(select(t.city.c.document)).scalar()
    if old is not None and old != document:
        keys = sorted(k for k in document if old.get(k) != document[k])
        raise CityExists(code=old["code"], keys=keys)
    if old is None:
        connection.execute(t.city.insert().values(id=1, document=document))


def load_city(connection: Connection) -> City:
    """The database's city.

    Raises
    ------
    CityMissing
        `gridmgmt city init` has not been run.
    """
    document = connection.execute(select(t.city.c.document)).scalar()
    if document is None:
        raise CityMissing()
    return cities.from_dict(document)


def save_units(connection: Connection, units: Iterable[Unit]) -> int:
    """Add units or correct all but their codes; gives the number of rows."""
    rows = [asdict(u) for u in units]
    if rows:
        statement = insert(t.unit)
        names = ("name_zh", "name_en", "kind", "parent_code", "level", "grid_code")
        changes = {k: statement.excluded[k] for k in names}
        connection.execute(statement.on_conflict_do_update(index_elements=["code"], set_=changes), rows)
    return len(rows)


def ensure_units(connection: Connection, codes: Iterable[str]) -> None:
    """Add units that a file names and the city lets files add (``unknown_units: add``)."""
    rows = [{"code": c, "name_zh": c, "name_en": c} for c in sorted(set(codes))]
    if rows:
        connection.execute(insert(t.unit).on_conflict_do_nothing(), rows)


def unit_ids(connection: Connection) -> dict[str, int]:
    """Unit code → id."""
    return {r.code: r.id for r in connection.execute(select(t.unit.c.code, t.unit.c.id))}


def units(connection: Connection) -> dict[str, Mapping[str, Any]]:
    """Unit code → its row."""
    return {r["code"]: dict(r) for r in connection.execute(select(t.unit)).mappings()}


def unit_tree(connection: Connection) -> dict[str, Unit]:
    """Unit code → the unit and its place in the tree (单位树)."""
    names = [f.name for f in fields(Unit)]
    rows = connection.execute(select(*(t.unit.c[name] for name in names)).order_by(t.unit.c.code)).mappings()
    return {row["code"]: Unit(**row) for row in rows}


def save_categories(connection: Connection, categories: Iterable[Mapping[str, Any]]) -> int:
    """Add categories or correct their names; gives the number of rows."""
    rows = [dict(c) for c in categories]
    if rows:
        statement = insert(t.category)
        changes = {k: statement.excluded[k] for k in ("major_code", "major_zh", "major_en", "name_zh", "name_en")}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["scheme", "kind", "code"], set_=changes), rows
        )
    return len(rows)


def ensure_categories(connection: Connection, keys: Iterable[tuple[str, str, str]]) -> None:
    """Add categories that a file names and its profile lets it add (``unknown: add``)."""
    rows = [{"scheme": s, "kind": k, "code": c, "name_zh": c, "name_en": c} for s, k, c in sorted(set(keys))]
    if rows:
        connection.execute(insert(t.category).on_conflict_do_nothing(), rows)


def category_keys(connection: Connection) -> set[tuple[str, str, str]]:
    """Every (scheme, kind, code)."""
    c = t.category.c
    return {(r.scheme, r.kind, r.code) for r in connection.execute(select(c.scheme, c.kind, c.code))}


def category_names(connection: Connection, scheme: str) -> dict[str, dict[str, str | None]]:
    """Category of a scheme as ``kind:code`` → its name by language."""
    c = t.category.c
    found = connection.execute(select(c.kind, c.code, c.name_zh, c.name_en).where(c.scheme == scheme))
    return {f"{r.kind}:{r.code}": {"zh": r.name_zh, "en": r.name_en} for r in found}


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


def new_batch(connection: Connection, kind: str, **values: Any) -> int:
    """Open a batch (批次): the record of one hand-over, under which its rows are known."""
    return int(connection.execute(t.batch.insert().values(kind=kind, **values).returning(t.batch.c.id)).scalar_one())


def stamp_batch(connection: Connection, batch_id: int) -> dt.datetime:
    """The moment at which a batch's rows become known: after every batch before it, whatever the clock does.

    To be asked under the writers' lock, so that batches are known in the order in which they are committed.
    """
    b = t.batch.c
    before = select(func.max(b.known_at) + dt.timedelta(microseconds=1)).where(b.id != batch_id).scalar_subquery()
    moment = func.greatest(func.clock_timestamp(), before)
    stamped = t.batch.update().where(b.id == batch_id).values(known_at=moment).returning(b.known_at)
    return cast(dt.datetime, connection.execute(stamped).scalar_one())


def close_batch(connection: Connection, batch_id: int, counts: Mapping[str, Any]) -> None:
    """Keep with the batch what became of its rows."""
    connection.execute(t.batch.update().where(t.batch.c.id == batch_id).values(counts=dict(counts)))
