"""Fact rows on their way in: through temporary tables, judged against the store, merged under one lock.

Rows whose number nobody else bears are not judged: they are copied straight in (:mod:`gridmgmt.database.loading`).

The rules of merging, the same for cases and samples:

* the same content again changes nothing (idempotent by number);
* a newer version becomes the current one, older ones stay in the version table;
* an older export is kept as a version but never overwrites a newer one;
* the current content in a later export confirms it: an export of the time
  between, arriving last, does not replace it;
* two contents that claim the same version instant are a conflict, because
  choosing would be guessing: rows that contradict the stored one go to
  quarantine, and of a file's own all of them, whichever stands first.

A case that is worked on here is what its steps say: rows of a newer export are
taken out before the merge.

So the current row is what the latest instant says, in whatever order files arrive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    FromClause,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database import tables as t
from gridmgmt.database.copying import copy_in, fetch, query
from gridmgmt.database.facts import CASES, LOCATED, POINT_TYPES, Kind, create_located

_Stamp = Mapping[str, Any]
"""The columns that say where a version comes from, with their values."""


@dataclass(frozen=True)
class Merged:
    """What a merge did, in rows; conflicts as row number, case or sample number, and the file's rows it contradicts."""

    n_new: int
    n_newer: int
    n_unchanged: int
    n_older: int
    conflicts: tuple[tuple[int, str, tuple[int, ...]], ...]


def _incoming(kind: Kind) -> list[Column[Any]]:
    """What a file's rows state: row number, key, facts, version, and what is kept apart."""
    columns: list[Column[Any]] = [Column("row_no", Integer), Column(kind.key, Text(collation="C"))]
    columns += [Column(c.name, c.type) for c in kind.versions.c if c.name in (*kind.facts, "version_at")]
    return [*columns, *(Column(name, Text) for name in kind.extra)]


def _judged(kind: Kind) -> Table:
    """The table that ``judge_incoming.sql`` makes: the incoming rows, where each is located, and its fate."""
    columns = [*_incoming(kind), *(Column(c.name, c.type) for c in kind.current.c if c.name in LOCATED)]
    columns += [Column("content_hash", Text), Column("fact_id", BigInteger), Column("fate", Text)]
    return Table("judged", MetaData(), *columns)


def create(connection: Connection, kind: Kind) -> None:
    """Create the temporary table for one file's rows; it ends with the transaction."""
    connection.execute(text(f"DROP TABLE IF EXISTS {kind.incoming}"))
    table = Table(kind.incoming, MetaData(), *_incoming(kind), prefixes=["TEMPORARY"], postgresql_on_commit="DROP")
    table.create(connection)


def add(connection: Connection, kind: Kind, facts: pd.DataFrame) -> None:
    """Append parsed rows (index = row number)."""
    names = [kind.key, *kind.facts, "version_at", *kind.extra]
    out = facts[names].copy()
    out.insert(0, "row_no", facts.index)
    copy_in(connection, kind.incoming, out)


def lock_changed(connection: Connection) -> None:
    """Let nobody act on cases that incoming rows may change until the transaction ends; on others people go on."""
    connection.execute(query("database/sql/lock_incoming_cases", hashed=CASES.hashed))


def take_out_lived(connection: Connection) -> list[tuple[int, str]]:
    """Take out case rows that are newer than a case worked on here; gives their row and case numbers."""
    found = connection.execute(query("database/sql/take_out_lived"))
    return sorted((int(row), str(number)) for row, number in found)


def take_out_round(connection: Connection) -> list[tuple[int, str]]:
    """Take out case rows whose chain of originals leads back to them; gives row numbers and the cases they repeat."""
    found = connection.execute(query("database/sql/take_out_round"))
    return sorted((int(row), str(original)) for row, original in found)


def points(connection: Connection, kind: Kind) -> pd.DataFrame:
    """Row number, lon, lat, instant, category and named unit of what came in, to be located."""
    return fetch(
        connection, query("database/sql/incoming_points", **kind.names), {}, {"row_no": pa.int64(), **POINT_TYPES}
    )


def set_located(connection: Connection, located: pd.DataFrame) -> None:
    """Say where each row was located: columns row_no and :data:`gridmgmt.database.facts.LOCATED`."""
    begin_located(connection)
    add_located(connection, located)


def begin_located(connection: Connection) -> None:
    """Make room for where rows are located."""
    create_located(connection, "incoming_located", "row_no")


def add_located(connection: Connection, located: pd.DataFrame) -> None:
    """Say of some more rows where they are located."""
    copy_in(connection, "incoming_located", located[["row_no", *LOCATED]])


def located(connection: Connection, kind: Kind) -> dict[str, int]:
    """How the rows that were merged are located; conflicts are not."""
    j = _judged(kind)
    counted = select(j.c.located, func.count()).where(j.c.fate != "conflict").group_by(j.c.located)
    return {r[0]: r[1] for r in connection.execute(counted)}


def merge(connection: Connection, kind: Kind, batch_id: int, known_at: Any) -> Merged:
    """Merge the located rows into current rows, versions, assignments and reporters; see the module's rules."""
    connection.execute(text("DROP TABLE IF EXISTS judged"))
    located = ", ".join(f"l.{c}" for c in LOCATED)
    connection.execute(query("database/sql/judge_incoming", **kind.names, hashed=kind.hashed, located=located))
    j = _judged(kind)
    stamp: dict[str, Any] = {name: j.c[name] for name in ("version_at", "content_hash", "row_no")}
    stamp |= {"batch_id": literal(batch_id), "known_at": literal(known_at)}
    _insert_new(connection, kind, j, stamp)
    _append_assignments(connection, kind, j, stamp)
    _update_newer(connection, kind, j, stamp)
    _confirm(connection, kind, j)
    _insert_versions(connection, kind, j, stamp)
    if kind is CASES:
        _save_reporters(connection, j)
    return _merged(connection, kind, j)


def _merged(connection: Connection, kind: Kind, j: Table) -> Merged:
    counted = connection.execute(select(j.c.fate, func.count()).group_by(j.c.fate))
    fates: dict[str, int] = {r[0]: r[1] for r in counted}
    return Merged(
        n_new=fates.get("new", 0),
        n_newer=fates.get("newer", 0),
        n_unchanged=fates.get("unchanged", 0) + fates.get("confirmed", 0),
        n_older=fates.get("older", 0),
        conflicts=_conflicts(connection, kind, j),
    )


def _conflicts(connection: Connection, kind: Kind, j: Table) -> tuple[tuple[int, str, tuple[int, ...]], ...]:
    columns = (j.c.row_no, j.c[kind.key], j.c.version_at, j.c.content_hash)
    rows = connection.execute(select(*columns).where(j.c.fate == "conflict").order_by(j.c.row_no)).all()
    together: dict[Any, list[tuple[int, str]]] = {}
    for row, number, at, content in rows:
        together.setdefault((number, at), []).append((row, content))
    return tuple(
        (row, number, tuple(n for n, other in together[number, at] if other != content))
        for row, number, at, content in rows
    )


def _point(j: Table) -> Any:
    return func.ST_SetSRID(func.ST_MakePoint(j.c.lon, j.c.lat), STORAGE_EPSG)


def _joined(kind: Kind, j: Table) -> FromClause:
    """Judged rows with their current row: also those that this merge has just inserted."""
    return j.join(kind.current, kind.current.c[kind.key] == j.c[kind.key])


def _insert_new(connection: Connection, kind: Kind, j: Table, stamp: _Stamp) -> None:
    names = [kind.key, *kind.facts, *LOCATED]
    chosen = select(*(j.c[n] for n in names), *stamp.values(), _point(j)).where(j.c.fate == "new")
    statement = insert(kind.current).from_select([*names, *stamp, "geom"], chosen.order_by(j.c.row_no))
    connection.execute(statement)


def _append_assignments(connection: Connection, kind: Kind, j: Table, stamp: _Stamp) -> None:
    """Every first assignment, and those that a newer version moves; before the current rows are updated."""
    c, now = kind.current, [j.c[name] for name in LOCATED]
    moved = tuple_(*(c.c[name] for name in LOCATED)).is_distinct_from(tuple_(*now))
    chosen = (
        select(c.c.id, *now, stamp["batch_id"], stamp["known_at"])
        .select_from(_joined(kind, j))
        .where(or_(j.c.fate == "new", and_(j.c.fate == "newer", moved)))
        .order_by(j.c.row_no)
    )
    names = [kind.fact_id, *LOCATED, "batch_id", "known_at"]
    connection.execute(insert(t.assignment).from_select(names, chosen))


def _update_newer(connection: Connection, kind: Kind, j: Table, stamp: _Stamp) -> None:
    values: dict[str, Any] = {name: j.c[name] for name in (*kind.facts, *LOCATED)}
    update = kind.current.update().where(kind.current.c.id == j.c.fact_id, j.c.fate == "newer")
    connection.execute(update.values(**values, **stamp, geom=_point(j)))


def _confirm(connection: Connection, kind: Kind, j: Table) -> None:
    update = kind.current.update().where(kind.current.c.id == j.c.fact_id, j.c.fate == "confirmed")
    connection.execute(update.values(version_at=j.c.version_at))


def _insert_versions(connection: Connection, kind: Kind, j: Table, stamp: _Stamp) -> None:
    chosen = (
        select(kind.current.c.id, *(j.c[f] for f in kind.facts), *stamp.values())
        .select_from(_joined(kind, j))
        .where(j.c.fate.in_(("new", "newer", "older")))
        .order_by(j.c.row_no)
    )
    connection.execute(insert(kind.versions).from_select([kind.fact_id, *kind.facts, *stamp], chosen))


def _save_reporters(connection: Connection, j: Table) -> None:
    """Name and phone of the reporter stand apart, so that access to them can be; the last one named stays.

    Those of new cases are only added: whoever takes a report need not be somebody who may read who reported.
    """
    named = (
        select(t.cases.c.id, j.c.reporter_name, j.c.reporter_phone)
        .select_from(_joined(CASES, j))
        .where(or_(j.c.reporter_name.is_not(None), j.c.reporter_phone.is_not(None)))
    )
    columns = ["case_id", "name", "phone"]
    connection.execute(insert(t.reporter).from_select(columns, named.where(j.c.fate == "new")))
    statement = insert(t.reporter).from_select(columns, named.where(j.c.fate.in_(("newer", "confirmed"))))
    changes = {"name": statement.excluded.name, "phone": statement.excluded.phone}
    connection.execute(statement.on_conflict_do_update(index_elements=["case_id"], set_=changes))
