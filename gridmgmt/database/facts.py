"""Cases (案件) and samples (抽查样本) as they stand: read for counting, listed where unassigned, moved to new grids."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, Table, func, select, text

from gridmgmt.city import City
from gridmgmt.database import tables as t
from gridmgmt.database.copying import UTC, copy_in, fetch, query

LOCATED = ("edition_id", *t.GRID_COLUMNS, "unit_id", "located")
"""Columns that say where a row belongs."""

_PLACE = LOCATED[1:]
"""The same but the edition it was located by."""


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
    later
        Facts that came after contents were hashed: where they are not told, a content's hash is what it was without.
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
    later: tuple[str, ...] = ()

    @property
    def hashed(self) -> str:
        """What a content's hash is made of, in SQL."""
        first = ", ".join(name for name in self.facts if name not in self.later)
        return f"ROW({first})::text" + "".join(f" || coalesce(' {x}=' || {x}, '')" for x in self.later)

    @property
    def incoming(self) -> str:
        """Name of the temporary table."""
        return f"incoming_{self.name}"

    @property
    def names(self) -> dict[str, str]:
        """What :func:`gridmgmt.database.copying.query` puts into a statement for both kinds."""
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
    tuple(c.name for c in t.case_facts()), "case_id", ("reporter_name", "reporter_phone"), ("repeat_of",),
)  # fmt: skip
SAMPLES = Kind(
    "samples", "sample_no", "sampled_at", "CAST(NULL AS text)", t.samples, t.sample_version,
    tuple(c.name for c in t.sample_facts()), "sample_id",
)  # fmt: skip
KINDS = {k.name: k for k in (CASES, SAMPLES)}


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


_ROW_TYPES = {"id": pa.int64(), "edition_id": pa.int64(), **POINT_TYPES}


_NEAR_DEG = 1e-9
"""A tenth of a millimetre: farther from a shape no way of computing has a point in it."""


@dataclass(frozen=True)
class Change:
    """What is different between the edition by which rows were located (None: by none) and the one of their day.

    Attributes
    ----------
    start_at, end_at
        The later edition's validity as instants of the city, half-open; None: open.
    leaves
        Ids of leaf grids of either that are not, with the grids above them, the other's as well.
    """

    located_by: int | None
    start_at: dt.datetime
    end_at: dt.datetime | None
    leaves: list[int]


def to_relocate(connection: Connection, kind: Kind, changes: Sequence[Change]) -> pd.DataFrame:
    """Rows that changes of editions may put into other grids; one may be found more than once."""
    told = [{n: x.isoformat() if isinstance(x, dt.datetime) else x for n, x in asdict(c).items()} for c in changes]
    params = {"changes": json.dumps(told), "near": _NEAR_DEG}
    return fetch(connection, query("database/sql/to_relocate", **kind.names), params, _ROW_TYPES)


def to_answer(
    connection: Connection, kind: Kind, zone: str, edition: str | None, rules_at: dt.datetime
) -> pd.DataFrame:
    """Rows known before ``rules_at``; ``edition``: only those whose day in city time lies in the one of this name."""
    params = {"zone": zone, "edition": edition, "rules_at": rules_at}
    return fetch(connection, query("database/sql/to_answer", **kind.names), params, _ROW_TYPES)


def create_located(connection: Connection, name: str, *keys: str) -> None:
    """Make a temporary table for located rows: ``keys``, then :data:`LOCATED`; it ends with the transaction."""
    ids = ", ".join(f"{c} bigint" for c in (*keys, *LOCATED) if c != "located")
    connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
    connection.execute(text(f"CREATE TEMPORARY TABLE {name} ({ids}, located text) ON COMMIT DROP"))


def relocate(
    connection: Connection, kind: Kind, located: pd.DataFrame, batch_id: int, known_at: Any
) -> Mapping[str, int]:
    """Write new places of rows (columns ``id``, ``located_by``, :data:`LOCATED`) where they differ, with assignments.

    A row whose grids and unit stay is left as it is, with the edition it was located by.

    Returns
    -------
    Mapping
        Rows ``changed``, and how many of these lie in another edition (``other_edition``) than in ``located_by``.
    """
    create_located(connection, "relocated", "id", "located_by")
    copy_in(connection, "relocated", located[["id", "located_by", *LOCATED]])
    names = {
        "located": ", ".join(LOCATED),
        "relocated": ", ".join(f"r.{c}" for c in LOCATED),
        "currently": ", ".join(f"c.{c}" for c in LOCATED),
        "place": ", ".join(f"c.{c}" for c in _PLACE),
        "other": ", ".join(f"r.{c}" for c in _PLACE),
    }
    statement = query("database/sql/relocate", **kind.names, **names)
    return dict(connection.execute(statement, {"batch_id": batch_id, "known_at": known_at}).mappings().one())


def unassigned(connection: Connection, kinds: Sequence[Kind], city: City, limit: int) -> list[dict[str, Any]]:
    """Rows in no leaf grid, with the nearest one of their day and its distance in metres of the city's projection."""
    out: list[dict[str, Any]] = []
    params = {"limit": limit, "epsg": city.metric_epsg, "zone": city.time_zone}
    for kind in kinds:
        found = connection.execute(query("database/sql/unassigned", **kind.names), params).mappings()
        out += [{"kind": kind.name, **r} for r in found]
    return out
