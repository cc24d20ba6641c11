"""Cases and samples in bulk: rows come in through a temporary table and are merged under one lock.

The rules of merging, the same for both kinds:

* the same content again changes nothing (idempotent by case number);
* a newer version becomes the current one, older ones stay in the version table;
* an older export is kept as a version but never overwrites a newer one;
* two contents that claim the same version instant are a conflict: the row that
  came second goes to quarantine, because choosing would be guessing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
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
)
from sqlalchemy.dialects.postgresql import insert

from gridmgmt.store import tables as t
from gridmgmt.store.bulk import UTC, copy_in, fetch, query

LOCK = 4_780_001
"""Advisory lock that makes merges of facts and changes of editions follow each other."""

LOCATED = ("edition_id", *t.GRID_COLUMNS, "unit_id", "located")


@dataclass(frozen=True)
class Kind:
    """The tables of one kind of fact rows."""

    name: str
    key: str
    when: str
    current: Table
    versions: Table
    facts: tuple[str, ...]
    fact_id: str
    extra: tuple[str, ...] = ()

    @property
    def incoming(self) -> str:
        """Name of the temporary table."""
        return f"incoming_{self.name}"


CASES = Kind(
    "cases", "case_no", "reported_at", t.cases, t.case_version,
    tuple(c.name for c in t.case_facts()), "case_id", ("reporter_name", "reporter_phone"),
)  # fmt: skip
SAMPLES = Kind(
    "samples", "sample_no", "sampled_at", t.samples, t.sample_version,
    tuple(c.name for c in t.sample_facts()), "sample_id",
)  # fmt: skip
KINDS = {k.name: k for k in (CASES, SAMPLES)}


@dataclass(frozen=True)
class Merged:
    """What a merge did, in rows."""

    n_new: int
    n_newer: int
    n_unchanged: int
    n_older: int
    conflicts: tuple[tuple[int, str], ...]


def incoming_table(kind: Kind) -> Table:
    """The temporary table's columns: the facts, the row number, and where each row was located."""
    columns = [Column("row_no", Integer), Column(kind.key, Text(collation="C"))]
    columns += [
        Column(c.name, c.type) for c in kind.versions.c if c.name in (*kind.facts, "version_at", "content_hash")
    ]
    columns += [Column(name, Text) for name in kind.extra]
    columns += [Column(name, Text if name == "located" else BigInteger) for name in LOCATED]
    columns += [Column("fate", Text)]
    return Table(kind.incoming, MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


def open_incoming(connection: Connection, kind: Kind) -> Table:
    """Create the temporary table for one file; it ends with the transaction."""
    table = incoming_table(kind)
    connection.execute(text(f"DROP TABLE IF EXISTS {kind.incoming}"))
    table.create(connection)
    return table


def add_incoming(connection: Connection, kind: Kind, facts: pd.DataFrame) -> None:
    """Append parsed rows (index = row number)."""
    names = [kind.key, *kind.facts, "version_at", *kind.extra]
    out = facts[names].copy()
    out.insert(0, "row_no", facts.index)
    copy_in(connection, kind.incoming, out)


def lock(connection: Connection) -> None:
    """Wait until no other merge or change of editions is under way; held until the transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(LOCK)))


POINT_TYPES = {"row_no": pa.int64(), "lon": pa.float64(), "lat": pa.float64(), "at": UTC}


def incoming_points(connection: Connection, kind: Kind) -> pd.DataFrame:
    """Row number, lon, lat, day and category or None of what came in, to be located."""
    extra = "category_kind || ':' || category_code" if kind is CASES else "NULL"
    statement = text(
        f"SELECT row_no, lon, lat, {kind.when} AS at, {extra} AS category, unit_code FROM {kind.incoming} ORDER BY row_no"
    )
    types = {**POINT_TYPES, "category": pa.string(), "unit_code": pa.string()}
    return fetch(connection, statement, {}, types)


def set_located(connection: Connection, kind: Kind, located: pd.DataFrame) -> None:
    """Write where each row was located: columns row_no, edition_id, grid_l1 …, unit_id, located."""
    connection.execute(text("DROP TABLE IF EXISTS incoming_located"))
    grids = ", ".join(f"{g} bigint" for g in t.GRID_COLUMNS)
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE incoming_located (row_no integer, edition_id bigint, {grids}, unit_id bigint, "
            "located text) ON COMMIT DROP"
        )
    )
    copy_in(connection, "incoming_located", located[["row_no", *LOCATED]])
    sets = ", ".join(f"{c} = l.{c}" for c in LOCATED)
    connection.execute(
        text(f"UPDATE {kind.incoming} AS i SET {sets} FROM incoming_located AS l WHERE l.row_no = i.row_no")
    )


def merge(connection: Connection, kind: Kind, batch_id: int) -> Merged:
    """Merge the incoming rows into current rows and versions; see the module's rules."""
    i = incoming_table(kind)
    content = text("md5(ROW(" + ", ".join(kind.facts) + ")::text)")
    connection.execute(i.update().values(content_hash=content))
    connection.execute(text(f"CREATE INDEX ON {kind.incoming} ({kind.key})"))
    connection.execute(text(f"ANALYZE {kind.incoming}"))
    _judge_within_file(connection, kind)
    _judge_against_store(connection, kind, i)
    known_at = connection.execute(select(func.clock_timestamp())).scalar_one()
    connection.execute(t.batch.update().where(t.batch.c.id == batch_id).values(known_at=known_at))
    _insert_new(connection, kind, i, batch_id, known_at)
    _update_newer(connection, kind, i, batch_id, known_at)
    _insert_versions(connection, kind, i, batch_id, known_at)
    if kind is CASES:
        _save_reporters(connection, i)
    fates = dict(connection.execute(select(i.c.fate, func.count()).group_by(i.c.fate)).all())
    conflicts = connection.execute(
        select(i.c.row_no, i.c[kind.key]).where(i.c.fate == "conflict").order_by(i.c.row_no)
    ).all()
    return Merged(
        n_new=fates.get("new", 0),
        n_newer=fates.get("newer", 0),
        n_unchanged=fates.get("unchanged", 0),
        n_older=fates.get("older", 0),
        conflicts=tuple((r[0], r[1]) for r in conflicts),
    )


def _judge_within_file(connection: Connection, kind: Kind) -> None:
    """Rows of one number in one file: repeats are unchanged, contradictions conflict, older versions are older."""
    connection.execute(
        text(
            f"""
            WITH ranked AS (
                SELECT row_no,
                       row_number() OVER same AS nth_copy,
                       dense_rank() OVER (PARTITION BY {kind.key} ORDER BY version_at DESC) AS nth_version,
                       first_value(content_hash) OVER (PARTITION BY {kind.key}, version_at ORDER BY row_no) AS first_hash,
                       content_hash
                FROM {kind.incoming}
                WINDOW same AS (PARTITION BY {kind.key}, version_at, content_hash ORDER BY row_no)
            )
            UPDATE {kind.incoming} AS i
            SET fate = CASE WHEN r.content_hash <> r.first_hash THEN 'conflict'
                            WHEN r.nth_copy > 1 THEN 'unchanged'
                            WHEN r.nth_version > 1 THEN 'older' END
            FROM ranked AS r WHERE r.row_no = i.row_no
            """
        )
    )


def _judge_against_store(connection: Connection, kind: Kind, i: Table) -> None:
    c, v = kind.current, kind.versions
    same_key = c.c[kind.key] == i.c[kind.key]
    undecided = or_(i.c.fate.is_(None), i.c.fate == "older")
    stored = (
        select(v.c.id)
        .join(c, v.c[kind.fact_id] == c.c.id)
        .where(same_key, v.c.version_at == i.c.version_at)
        .correlate(i)
    )
    update = i.update().where(undecided)
    connection.execute(
        update.where(stored.where(v.c.content_hash == i.c.content_hash).exists()).values(fate="unchanged")
    )
    connection.execute(update.where(stored.exists()).values(fate="conflict"))
    current = select(c.c.id).where(same_key).correlate(i)
    connection.execute(
        update.where(current.where(c.c.content_hash == i.c.content_hash).exists()).values(fate="unchanged")
    )
    connection.execute(update.where(current.where(c.c.version_at == i.c.version_at).exists()).values(fate="conflict"))
    connection.execute(update.where(current.where(c.c.version_at > i.c.version_at).exists()).values(fate="older"))
    connection.execute(i.update().where(i.c.fate.is_(None), current.exists()).values(fate="newer"))
    connection.execute(i.update().where(i.c.fate.is_(None)).values(fate="new"))
    # the same content in a later export confirms the current version: an export between the two must not replace it
    connection.execute(
        c.update()
        .where(same_key, i.c.fate == "unchanged", c.c.content_hash == i.c.content_hash, c.c.version_at < i.c.version_at)
        .values(version_at=i.c.version_at)
    )


def _point(i: Table) -> Any:
    return func.ST_SetSRID(func.ST_MakePoint(i.c.lon, i.c.lat), 4490)


def _stamp(i: Table, batch_id: int, known_at: Any) -> list[Any]:
    return [i.c.version_at, i.c.content_hash, literal(batch_id), i.c.row_no, literal(known_at)]


STAMPED = ("version_at", "content_hash", "batch_id", "row_no", "known_at")


def _insert_new(connection: Connection, kind: Kind, i: Table, batch_id: int, known_at: Any) -> None:
    names = [kind.key, *kind.facts, *STAMPED, *LOCATED, "geom"]
    values = [i.c[kind.key], *(i.c[f] for f in kind.facts), *_stamp(i, batch_id, known_at)]
    values += [*(i.c[name] for name in LOCATED), _point(i)]
    chosen = select(*values).where(i.c.fate == "new").order_by(i.c.row_no)
    connection.execute(insert(kind.current).from_select(names, chosen))
    _append_assignments(connection, kind, i, batch_id, known_at, i.c.fate == "new")


def _update_newer(connection: Connection, kind: Kind, i: Table, batch_id: int, known_at: Any) -> None:
    c = kind.current
    same = and_(c.c[kind.key] == i.c[kind.key], i.c.fate == "newer")
    moved = or_(*(c.c[name].is_distinct_from(i.c[name]) for name in LOCATED))
    moved_rows = select(i.c.row_no).join(c, same).where(moved).scalar_subquery()
    _append_assignments(connection, kind, i, batch_id, known_at, i.c.row_no.in_(moved_rows))
    values: dict[str, Any] = {f: i.c[f] for f in (*kind.facts, *LOCATED)}
    values |= dict(zip(STAMPED, _stamp(i, batch_id, known_at), strict=True))
    connection.execute(c.update().where(same).values(**values, geom=_point(i)))


def _append_assignments(connection: Connection, kind: Kind, i: Table, batch_id: int, known_at: Any, which: Any) -> None:
    c = kind.current
    names = [kind.fact_id, *LOCATED, "batch_id", "known_at"]
    chosen = (
        select(c.c.id, *(i.c[name] for name in LOCATED), literal(batch_id), literal(known_at))
        .join(c, c.c[kind.key] == i.c[kind.key])
        .where(which)
        .order_by(i.c.row_no)
    )
    connection.execute(insert(t.assignment).from_select(names, chosen))


def _insert_versions(connection: Connection, kind: Kind, i: Table, batch_id: int, known_at: Any) -> None:
    c, v = kind.current, kind.versions
    names = [kind.fact_id, *kind.facts, *STAMPED]
    values = [c.c.id, *(i.c[f] for f in kind.facts), *_stamp(i, batch_id, known_at)]
    chosen = (
        select(*values)
        .join(c, c.c[kind.key] == i.c[kind.key])
        .where(i.c.fate.in_(("new", "newer", "older")))
        .order_by(i.c.row_no)
    )
    connection.execute(insert(v).from_select(names, chosen))


def _save_reporters(connection: Connection, i: Table) -> None:
    """Name and phone of the reporter stand apart from the case, so that access to them can be."""
    c = t.cases
    chosen = (
        select(c.c.id, i.c.reporter_name, i.c.reporter_phone)
        .join(c, c.c.case_no == i.c.case_no)
        .where(i.c.fate.in_(("new", "newer")), or_(i.c.reporter_name.is_not(None), i.c.reporter_phone.is_not(None)))
    )
    statement = insert(t.reporter).from_select(["case_id", "name", "phone"], chosen)
    changes = {"name": statement.excluded.name, "phone": statement.excluded.phone}
    connection.execute(statement.on_conflict_do_update(index_elements=["case_id"], set_=changes))


CASE_TIMES = (
    "reported_at", "accepted_at", "registered_at", "dispatched_at", "due_at",
    "due_extended_at", "handled_at", "closed_at", "voided_at", "reworked_at",
)  # fmt: skip

CASE_TYPES = {
    "case_no": pa.string(), "version_at": UTC, "category_kind": pa.string(), "category_code": pa.string(),
    **dict.fromkeys(CASE_TIMES, UTC),
    "n_rework": pa.int64(), "is_repeat": pa.bool_(), "lon": pa.float64(), "lat": pa.float64(),
    "unit_id": pa.int64(), "edition_id": pa.int64(), "located": pa.string(),
    **{g: pa.int64() for g in t.GRID_COLUMNS},
}  # fmt: skip

SAMPLE_TYPES = {
    "sample_no": pa.string(), "version_at": UTC, "sampled_at": UTC, "sample_type": pa.string(), "score": pa.string(),
    "lon": pa.float64(), "lat": pa.float64(), "unit_id": pa.int64(), "edition_id": pa.int64(), "located": pa.string(),
    **{g: pa.int64() for g in t.GRID_COLUMNS},
}  # fmt: skip


def cases_of_period(connection: Connection, start: Any, end: Any) -> pd.DataFrame:
    """Every case that any clock of the base counts may put into [start, end)."""
    return fetch(connection, query("cases_of_period"), {"start": start, "end": end}, CASE_TYPES)


def samples_of_period(connection: Connection, start: Any, end: Any) -> pd.DataFrame:
    """Every sample taken in [start, end); ``score`` as exact decimal text."""
    return fetch(connection, query("samples_of_period"), {"start": start, "end": end}, SAMPLE_TYPES)


def tally(connection: Connection, kind: Kind) -> dict[str, int]:
    """Rows by how they were located: leaf, upper, outside, no_location, no_edition."""
    c = kind.current.c
    return {r[0]: r[1] for r in connection.execute(select(c.located, func.count()).group_by(c.located))}


def to_relocate(connection: Connection, kind: Kind, zone: str, edition: str | None) -> pd.DataFrame:
    """Rows whose stored edition is not the one valid on their day, or (as ``located``) had none."""
    name = f"{kind.name}_of_other_edition"
    return fetch(connection, query(name), {"zone": zone, "edition": edition}, {
        "id": pa.int64(), "lon": pa.float64(), "lat": pa.float64(), "at": UTC,
        "category": pa.string(), "unit_code": pa.string(),
    })  # fmt: skip


def relocate(connection: Connection, kind: Kind, located: pd.DataFrame, batch_id: int) -> int:
    """Write new places of rows (column ``id`` + LOCATED) where they differ; appends their assignments."""
    connection.execute(text("DROP TABLE IF EXISTS relocated"))
    grids = ", ".join(f"{g} bigint" for g in t.GRID_COLUMNS)
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE relocated (id bigint, edition_id bigint, {grids}, unit_id bigint, located text) "
            "ON COMMIT DROP"
        )
    )
    copy_in(connection, "relocated", located[["id", *LOCATED]])
    sets = ", ".join(f"{c} = r.{c}" for c in LOCATED)
    differs = " OR ".join(f"c.{c} IS DISTINCT FROM r.{c}" for c in LOCATED)
    names = ", ".join(LOCATED)
    changed = connection.execute(
        text(
            f"""
            WITH changed AS (
                UPDATE {kind.name} AS c SET {sets} FROM relocated AS r
                WHERE r.id = c.id AND ({differs}) RETURNING c.id, {", ".join(f"c.{x}" for x in LOCATED)}
            )
            INSERT INTO assignment ({kind.fact_id}, {names}, batch_id)
            SELECT id, {names}, :batch_id FROM changed
            """
        ),
        {"batch_id": batch_id},
    )
    return int(changed.rowcount)


def unassigned(connection: Connection, kinds: Sequence[Kind], limit: int) -> list[dict[str, Any]]:
    """Rows in no leaf grid, with the nearest leaf grid and its distance in metres."""
    out: list[dict[str, Any]] = []
    for kind in kinds:
        found = connection.execute(query(f"unassigned_{kind.name}"), {"limit": limit}).mappings()
        out += [{"kind": kind.name, **r} for r in found]
    return out
