"""People and their posts (人员与岗位). Names are personal data: the past tells them only where they are asked for."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, update
from sqlalchemy.dialects.postgresql import Range

from gridmgmt.database import copying
from gridmgmt.database import tables as t
from gridmgmt.people.staffing import Person, Post
from gridmgmt.people.store import units as store_units


def save_people(connection: Connection, people: Iterable[Person], batch_id: int, known_at: dt.datetime) -> int:
    """Add people or correct their names and days; gives the number of rows."""
    rows = [
        {
            "code": p.code, "name": p.name, "valid": Range(p.valid_from, p.valid_to),
            "batch_id": batch_id, "known_at": known_at,
        }
        for p in people
    ]  # fmt: skip
    copying.put(connection, t.person, rows, ["code"])
    return len(rows)


def person_ids(connection: Connection) -> dict[str, int]:
    """Person code → id."""
    return {r.code: r.id for r in connection.execute(select(t.person.c.code, t.person.c.id))}


def people(connection: Connection, day: dt.date) -> list[Person]:
    """The people of a day with their names, by code."""
    return _persons(connection, t.person.c.valid.contains(day))


def people_between(connection: Connection, first: dt.date, last: dt.date) -> list[Person]:
    """The people who were there on any day from a first to a last one, with their names, by code."""
    return _persons(connection, t.person.c.valid.overlaps(Range(first, last, bounds="[]")))


def every_person(connection: Connection) -> list[Person]:
    """The people of every day with their names, to find whom a name means."""
    return _persons(connection)


def _persons(connection: Connection, *wanted: ColumnElement[bool]) -> list[Person]:
    p = t.person.c
    statement = select(p.code, p.name, func.lower(p.valid).label("first"), func.upper(p.valid).label("last"))
    found = connection.execute(statement.where(*wanted).order_by(p.code))
    return [Person(r.code, r.name, r.first, r.last) for r in found]


def _posts() -> Select[Any]:
    o, p, u = t.post.c, t.person.c, t.unit.c
    days = func.lower(o.valid).label("first"), func.upper(o.valid).label("last")
    columns = (o.id, p.code.label("person"), u.code.label("unit"), o.role, o.level, o.grid_code, o.full_time, *days)
    return select(*columns).select_from(t.post.join(t.person).join(t.unit))


def _post(r: Any) -> Post:
    return Post(r.person, r.unit, r.role, r.level, r.grid_code, r.full_time, r.first, r.last)


def posts(connection: Connection, day: dt.date, known_by: dt.datetime | None = None) -> list[Post]:
    """The posts held on a day by people who are there on it.

    Days are those that are known now; whether a post is full time, which has no days, is told as it was known by an
    instant where one is given.
    """
    o, p = t.post.c, t.person.c
    statement = _posts().where(o.valid.contains(day), p.valid.contains(day)).order_by(p.code, o.id)
    rows = connection.execute(statement).all()
    if known_by is None:
        return [_post(r) for r in rows]
    found = copying.rows(connection, "people/store/full_time_known_by", known_by=known_by)
    full = {r["post_id"]: r["full_time"] for r in found}
    return [replace(_post(r), is_full_time=full[r.id]) for r in rows]


def all_posts(connection: Connection) -> list[Post]:
    """The posts of every day, also of people who are gone."""
    return [_post(r) for r in connection.execute(_posts())]


def save_posts(connection: Connection, rows: Iterable[Post], batch_id: int, known_at: dt.datetime) -> dict[str, int]:
    """Add posts that are not held yet, correct the others' last day and full time; gives how many of each."""
    have: Mapping[Any, Any] = {_post(r).key: r for r in connection.execute(_posts())}
    persons, units = person_ids(connection), store_units.unit_ids(connection)
    new, n_changed = [], 0
    for post in rows:
        facts = {"full_time": post.is_full_time, "valid": Range(post.valid_from, post.valid_to)}
        facts |= {"batch_id": batch_id, "known_at": known_at}
        old = have.get(post.key)
        if old is None:
            where = {"role": post.role, "level": post.level, "grid_code": post.grid_code}
            new.append({"person_id": persons[post.person_code], "unit_id": units[post.unit_code], **where, **facts})
        elif _post(old) != post:
            connection.execute(update(t.post).where(t.post.c.id == old.id).values(**facts))
            n_changed += 1
    if new:
        connection.execute(t.post.insert(), new)
    return {"n_new": len(new), "n_changed": n_changed}


def posts_known_by(
    connection: Connection, day: dt.date, known_by: dt.datetime, *, names: bool
) -> list[tuple[Post, str | None]]:
    """The posts held on a day as they were known by an instant (it included), with names where they are asked for."""
    found = copying.rows(connection, "people/store/posts_known_by", day=day, known_by=known_by, names=names)
    return [(_post(SimpleNamespace(**r)), r["name"]) for r in found]


def past_of_people(connection: Connection, code: str | None = None, *, names: bool) -> list[dict[str, Any]]:
    """What was ever said of a person, or of all, with when it was known and who wrote it; by code, oldest first."""
    v, a = t.person_version.c, t.actor.c
    days = func.lower(v.valid).label("valid_from"), func.upper(v.valid).label("valid_to")
    columns = (v.code, *([v.name] if names else []), *days, v.known_at, a.name.label("actor"))
    statement = select(*columns).join_from(t.person_version, t.actor, isouter=True)
    chosen = statement.where(v.code == code) if code is not None else statement
    return [dict(r) for r in connection.execute(chosen.order_by(v.code, v.id)).mappings()]


def past_of_posts(connection: Connection, person: str | None = None) -> list[dict[str, Any]]:
    """What was ever said of a person's posts, or of all, as of people; by person and post, oldest first."""
    v, a = t.post_version.c, t.actor.c
    days = func.lower(v.valid).label("valid_from"), func.upper(v.valid).label("valid_to")
    post = (v.person_code, v.unit_code, v.role, v.level, v.grid_code, v.full_time.label("is_full_time"), *days)
    statement = select(*post, v.known_at, a.name.label("actor")).join_from(t.post_version, t.actor, isouter=True)
    chosen = statement.where(v.person_code == person) if person is not None else statement
    return [dict(r) for r in connection.execute(chosen.order_by(v.person_code, v.post_id, v.id)).mappings()]
