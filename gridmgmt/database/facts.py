"""Cases (案件) and samples (抽查样本) as they stand: read for counting, listed where unassigned, moved to new grids."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, Table, func, select, text

from gridmgmt.store import tables as t
from gridmgmt.store.bulk import UTC, copy_in, fetch, query

LOCK = 4_780_001
"""Advisory lock that makes writers – merges of facts, changes of editions, reference tables – follow each other."""

LOCATED = ("edition_id", *t.GRID_COLUMNS, "unit_id", "located")
"""Columns that say where a row belongs."""


@dataclass(frozen=True)
class Kind:
    """The tables of one kind of fact rows.

    Attributes
    ----------
    name
        Also that of its current table.
    key, when
        Columns of the number that identifies a row across files, and of the instant whose day decides the edition.
    facts
        Columns that a version states; equal ones are the same content.
    fact_id
        Column of versions and assignments that names the row.
    extra
        Columns of a file that are kept apart (the reporter).
    """

    name: str
    key: str
    when: str
    category: str
    current: Table
    versions: Table
    facts: tuple[str, ...]
    fact_id: str
    extra: tuple[str, ...] = ()

    @property
    def incoming(self) -> str:
        """Name of the temporary table."""
        return f"incoming_{self.name}"

    @property
    def names(self) -> dict[str, str]:
        """What :func:`gridmgmt.store.bulk.query` puts into a statement for both kinds."""
        return {
            "current": self.name,
            "versions": self.versions.name,
            "incoming": self.incoming,
            "key": self.key,
            "when": self.when,
            "fact_id": self.fact_id,
            "category": self.category,
        }


CASES = Kind(
    "cases", "case_no", "reported_at", "category_kind || ':' || category_code", t.cases, t.case_version,
    tuple(c.name for c in t.case_facts()), "case_id", ("reporter_name", "reporter_phone"),
)  # fmt: skip
SAMPLES = Kind(
    "samples", "sample_no", "sampled_at", "CAST(NULL AS text)", t.samples, t.sample_version,
    tuple(c.name for c in t.sample_facts()), "sample_id",
)  # fmt: skip
KINDS = {k.name: k for k in (CASES, SAMPLES)}


def lock(connection: Connection) -> None:
    """Wait until no other writer is under way; held until the transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(LOCK)))


CASE_TIMES = (
    "reported_at", "accepted_at", "registered_at", "dispatched_at", "due_at",
    "due_extended_at", "handled_at", "closed_at", "voided_at", "reworked_at",
)  # fmt: skip

PLACE_TYPES = {
    "lon": pa.float64(), "lat": pa.float64(), "unit_id": pa.int64(), "edition_id": pa.int64(), "located": pa.string(),
    **dict.fromkeys(t.GRID_COLUMNS, pa.int64()),
}  # fmt: skip

CASE_TYPES = {
    "case_no": pa.string(), "content_hash": pa.string(), "category_kind": pa.string(), "category_code": pa.string(),
    **dict.fromkeys(CASE_TIMES, UTC),
    "n_rework": pa.int64(), "is_repeat": pa.bool_(), "source": pa.string(), "stands": pa.bool_(),
    "address": pa.string(), **PLACE_TYPES,
}  # fmt: skip

SAMPLE_TYPES = {
    "sample_no": pa.string(), "content_hash": pa.string(), "sampled_at": UTC, "sample_type": pa.string(),
    "score": pa.string(), **PLACE_TYPES,
}  # fmt: skip


def cases_of_period(
    connection: Connection, start: Any, end: Any, cut: dt.datetime, held_since: dt.datetime
) -> pd.DataFrame:
    """Every case that any clock of the base counts may put into [start, end), by case number.

    ``stands``: at ``cut`` it is on hold (not since before ``held_since``) or sent back by its steps, in time.
    """
    params = {"start": start, "end": end, "cut": cut, "held_since": held_since}
    return fetch(connection, query("cases_of_period"), params, CASE_TYPES)


def typed(cases: pd.DataFrame) -> pd.DataFrame:
    """Case rows in the columns and types of :func:`cases_of_period`."""
    out = pd.DataFrame(index=cases.index)
    for name, kind in CASE_TYPES.items():
        if kind == UTC:
            out[name] = pd.to_datetime(cases[name], utc=True).astype("datetime64[us, UTC]")
        elif pa.types.is_string(kind):
            out[name] = cases[name].astype(object).where(cases[name].notna(), None)
        else:
            out[name] = cases[name]
    return out


def hashes(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The content hashes that versions of cases with these facts bear."""
    told = [{k: v.isoformat() if isinstance(v, dt.datetime) else v for k, v in r.items()} for r in rows]
    statement = query("hashes_of_cases", facts=", ".join(CASES.facts))
    return list(connection.execute(statement, {"rows": json.dumps(told, ensure_ascii=False)}).scalars())


def exported(connection: Connection, case_nos: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Case number → what the last export said of a case before the first step was taken on it here."""
    found = connection.execute(query("cases_exported", facts=", ".join(f"v.{n}" for n in CASES.facts)),
                               {"case_nos": list(case_nos)}).mappings()  # fmt: skip
    return {r["case_no"]: dict(r) for r in found}


def places_before(connection: Connection, cut: dt.datetime, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Case id → where it belonged (:data:`LOCATED`) before its first step here after ``cut``, as far as that holds."""
    statement = query("places_before", located=", ".join(f"a.{n}" for n in LOCATED))
    found = connection.execute(statement, {"cut": cut, "ids": list(ids)}).mappings()
    return {r["id"]: {n: r[n] for n in LOCATED} for r in found}


def samples_of_period(connection: Connection, start: Any, end: Any) -> pd.DataFrame:
    """Every sample taken in [start, end), by sample number; ``score`` as exact decimal text."""
    return fetch(connection, query("samples_of_period"), {"start": start, "end": end}, SAMPLE_TYPES)


def last_known(connection: Connection) -> dt.datetime | None:
    """When the platform last took cases or samples: it cannot tell what has happened since."""
    kinds = t.batch.c.kind.in_([*KINDS, "steps"])
    return connection.execute(select(func.max(t.batch.c.known_at)).where(kinds)).scalar()


def tally(connection: Connection, kind: Kind) -> dict[str, int]:
    """Rows by how they were located: leaf, upper, outside, no_location, no_edition."""
    c = kind.current.c
    return {r[0]: r[1] for r in connection.execute(select(c.located, func.count()).group_by(c.located))}


POINT_TYPES = {
    "lon": pa.float64(), "lat": pa.float64(), "at": UTC, "category": pa.string(), "unit_code": pa.string(),
}  # fmt: skip
"""What it takes to locate a row."""


def to_relocate(
    connection: Connection, kind: Kind, zone: str, edition: str | None, rules_at: dt.datetime | None
) -> pd.DataFrame:
    """Rows whose stored edition is not the one valid on their day in city time, and rows known before ``rules_at``.

    Parameters
    ----------
    edition
        Only rows whose day belongs to the edition of this name.
    """
    params = {"zone": zone, "edition": edition, "rules_at": rules_at}
    return fetch(
        connection,
        query("to_relocate", **kind.names),
        params,
        {"id": pa.int64(), "edition_id": pa.int64(), **POINT_TYPES},
    )


def create_located(connection: Connection, name: str, key: str) -> None:
    """Make a temporary table for located rows: ``key``, then :data:`LOCATED`; it ends with the transaction."""
    ids = ", ".join(f"{c} bigint" for c in LOCATED if c != "located")
    connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
    connection.execute(text(f"CREATE TEMPORARY TABLE {name} ({key} bigint, {ids}, located text) ON COMMIT DROP"))


def relocate(connection: Connection, kind: Kind, located: pd.DataFrame, batch_id: int, known_at: Any) -> int:
    """Write new places of rows (columns ``id`` and :data:`LOCATED`) where they differ; appends their assignments."""
    create_located(connection, "relocated", "id")
    copy_in(connection, "relocated", located[["id", *LOCATED]])
    names = {
        "located": ", ".join(LOCATED),
        "relocated": ", ".join(f"r.{c}" for c in LOCATED),
        "currently": ", ".join(f"c.{c}" for c in LOCATED),
    }
    moved = connection.execute(query("relocate", **kind.names, **names), {"batch_id": batch_id, "known_at": known_at})
    return int(moved.rowcount)


def unassigned(connection: Connection, kinds: Sequence[Kind], epsg: int, limit: int) -> list[dict[str, Any]]:
    """Rows in no leaf grid, with the nearest leaf grid and its distance in metres of the city's projection."""
    out: list[dict[str, Any]] = []
    for kind in kinds:
        found = connection.execute(query("unassigned", **kind.names), {"limit": limit, "epsg": epsg}).mappings()
        out += [{"kind": kind.name, **r} for r in found]
    return out
