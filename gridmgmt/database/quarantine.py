"""The quarantine (问题数据): rows that could not be loaded, whole, each with all its faults."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Column, Connection, MetaData, Table, case, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert

from gridmgmt.database import tables as t
from gridmgmt.database.copying import copy_in
from gridmgmt.faults import Fault

_KEPT = ("column", "value", "code", "facts")
"""What is kept of a fault; its row stands beside it."""

ROW, REASON, ORIGIN, CRS = "_row", "_reason", "_origin", "_crs"
"""Columns beside a file's own when its bad rows are written out: row and faults there, ``sha256:row``, its system."""


@dataclass(frozen=True)
class BadRow:
    """A row as the file has it, and what is wrong with it."""

    row_no: int
    raw: Mapping[str, Any]
    faults: Sequence[Fault]


@dataclass(frozen=True)
class Group:
    """The open rows of one file and profile; ``crs`` is the coordinate system that the file itself named."""

    kind: str
    profile: str
    file: str
    file_sha256: str
    crs: str | None
    source_as_of: dt.datetime


@dataclass(frozen=True)
class Held:
    """The open rows of one file with its columns in their order, and its sheet's name where the profile names one."""

    group: Group
    columns: list[str]
    sheet: str | None
    rows: list[BadRow]


def create(connection: Connection) -> None:
    """Create the temporary table for one file's bad rows; it ends with the transaction."""
    connection.execute(text("DROP TABLE IF EXISTS incoming_bad"))
    connection.execute(
        text("CREATE TEMPORARY TABLE incoming_bad (row_no integer, raw jsonb, problems jsonb) ON COMMIT DROP")
    )


def add(connection: Connection, rows: Sequence[BadRow]) -> None:
    """Append bad rows of the file under way."""
    frame = pd.DataFrame(
        {
            "row_no": [r.row_no for r in rows],
            "raw": [json.dumps(r.raw, ensure_ascii=False) for r in rows],
            "problems": [json.dumps([f.as_dict(*_KEPT) for f in r.faults], ensure_ascii=False) for r in rows],
        }
    )
    copy_in(connection, "incoming_bad", frame)


def save(connection: Connection, **where: Any) -> None:
    """Keep the bad rows that were added; the same row of the same file again replaces its faults.

    Parameters
    ----------
    **where
        batch_id, kind, profile, file, file_sha256, crs, source_as_of.
    """
    q = t.quarantine
    incoming = Table("incoming_bad", MetaData(), *(Column(n, q.c[n].type) for n in ("row_no", "raw", "problems")))
    chosen = select(*incoming.c, *(literal(value, q.c[name].type) for name, value in where.items()))
    statement = insert(q).from_select([*incoming.c.keys(), *where], chosen.order_by(incoming.c.row_no))
    changes: dict[str, Any] = {n: statement.excluded[n] for n in ("raw", "problems", "profile", "crs")}
    changes["given"] = case((q.c.raw == statement.excluded.raw, q.c.given))  # a file anew: nobody has mended it
    same = ["kind", "file_sha256", "row_no"]
    connection.execute(statement.on_conflict_do_update(index_elements=same, set_={**changes, "resolved_by": None}))


def open_rows(connection: Connection, kind: str, file_sha256: str) -> list[int]:
    """Which rows of a file wait here."""
    q = t.quarantine.c
    found = select(q.row_no).where(q.kind == kind, q.file_sha256 == file_sha256, q.resolved_by.is_(None))
    return list(connection.execute(found).scalars())


def resolve(connection: Connection, kind: str, file_sha256: str, row_nos: Sequence[int], batch_id: int) -> int:
    """Mark rows that have been loaded after all; gives how many."""
    q = t.quarantine
    done = connection.execute(
        update(q)
        .where(q.c.kind == kind, q.c.file_sha256 == file_sha256, q.c.resolved_by.is_(None))
        .where(q.c.row_no == func.any(row_nos))
        .values(resolved_by=batch_id)
    )
    return int(done.rowcount)


def open_groups(connection: Connection) -> list[Group]:
    """Files that have rows in quarantine."""
    q = t.quarantine.c
    columns = (q.kind, q.profile, q.file, q.file_sha256, q.crs)
    statement = select(*columns, func.min(q.source_as_of)).where(q.resolved_by.is_(None))
    return [Group(*r) for r in connection.execute(statement.group_by(*columns).order_by(*columns))]


def rows_of(connection: Connection, group: Group) -> list[BadRow]:
    """The open rows of one group, with their faults."""
    q = t.quarantine.c
    statement = (
        select(q.row_no, q.raw, q.problems)
        .where(q.kind == group.kind, q.profile == group.profile, q.file_sha256 == group.file_sha256)
        .where(q.resolved_by.is_(None))
        .order_by(q.row_no)
    )
    found = connection.execute(statement)
    return [BadRow(r.row_no, r.raw, [Fault(r.row_no, **p) for p in r.problems]) for r in found]


def held(connection: Connection, group: Group) -> Held:
    """The open rows of one file, as it had them; columns that its batch does not tell (an older one) come last."""
    rows = rows_of(connection, group)
    q, b = t.quarantine.c, t.batch.c
    told = select(b.counts["columns"], b.counts["read_as"]["sheet"]).where(b.kind == q.kind, b.id == q.batch_id)
    mine = told.where(q.kind == group.kind, q.file_sha256 == group.file_sha256, q.profile == group.profile)
    columns, sheet = connection.execute(mine.order_by(q.resolved_by.is_not(None), b.id.desc()).limit(1)).one()
    known = [str(c) for c in columns or ()]
    more = dict.fromkeys(name for r in rows if set(r.raw) != {"text"} for name in r.raw if name not in known)
    return Held(group, [*known, *more], sheet, rows)


def listing(connection: Connection, limit: int | None = None) -> list[dict[str, Any]]:
    """Open rows, one entry a fault, in order of file and row."""
    q = t.quarantine.c
    statement = (
        select(q.kind, q.profile, q.file, q.row_no, q.problems, q.raw)
        .where(q.resolved_by.is_(None))
        .order_by(q.file, q.row_no)
        .limit(limit)
    )
    return [
        {"kind": r.kind, "profile": r.profile, "file": r.file, "row": r.row_no, "raw": r.raw, **problem}
        for r in connection.execute(statement)
        for problem in r.problems
    ]


@dataclass(frozen=True)
class Open:
    """A row that waits (待修问题行).

    Attributes
    ----------
    raw, given
        As it is tried again, and as the file had it where somebody mended it.
    """

    id: int
    kind: str
    profile: str
    file: str
    row: int
    raw: Mapping[str, Any]
    given: Mapping[str, Any] | None
    problems: Sequence[Mapping[str, Any]]


def _open(connection: Connection, *conditions: Any, limit: int = 1, lock: bool = False) -> list[Open]:
    q = t.quarantine.c
    columns = (q.id, q.kind, q.profile, q.file, q.row_no.label("row"), q.raw, q.given, q.problems)
    statement = select(*columns).where(q.resolved_by.is_(None), *conditions).order_by(q.id).limit(limit)
    found = connection.execute(statement.with_for_update() if lock else statement)
    return [Open(**row) for row in found.mappings()]


def waiting(connection: Connection, after: int, limit: int, *, profile: str | None = None) -> list[Open]:
    """Rows that wait, in order of their coming in, from behind one of them."""
    q = t.quarantine.c
    return _open(connection, q.id > after, *([q.profile == profile] if profile else []), limit=limit)


def locked(connection: Connection, number: int) -> Open | None:
    """One row that waits, for who is going to mend it."""
    return next(iter(_open(connection, t.quarantine.c.id == number, lock=True)), None)


def mend(connection: Connection, row: Open, raw: Mapping[str, Any], problems: Sequence[Mapping[str, Any]]) -> None:
    """Keep a row otherwise than its file had it; what that was stays beside it."""
    given = row.raw if row.given is None else row.given
    changed = update(t.quarantine).where(t.quarantine.c.id == row.id)
    connection.execute(changed.values(raw=dict(raw), given=dict(given), problems=[dict(p) for p in problems]))


def count(connection: Connection) -> int:
    """How many rows are in quarantine now."""
    q = t.quarantine.c
    return int(connection.execute(select(func.count()).where(q.resolved_by.is_(None))).scalar_one())
