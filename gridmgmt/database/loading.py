"""New fact rows (新行) go straight into the tables: which of a file's rows are simply new, and how they are copied in.

A row is new where no other of its file bears its number and none stands here; one that repeats another case is looked
at with its originals. What is not simply new is merged by statements (:mod:`gridmgmt.database.merging`), whose rules
give the same for new rows.
"""

import binascii
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, func, select, text

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database import contents
from gridmgmt.database import tables as t
from gridmgmt.database.contents import joined, written
from gridmgmt.database.copying import Encoded, encoded, query, send
from gridmgmt.database.facts import CASES, LOCATED, Kind

Numbers = NDArray[np.int64]
Made = Sequence[Encoded]
"""Rows of several tables as COPY takes them."""

PLACED = pa.schema({name: pa.string() if name == "located" else pa.int64() for name in LOCATED})
"""Where rows belong, as Arrow holds it."""

_HEAD = bytes([1]) + (0x20000001).to_bytes(4, "little") + STORAGE_EPSG.to_bytes(4, "little")
"""How a stored point begins (EWKB, little-endian); two coordinates follow."""
_POINT = np.dtype([("head", f"S{len(_HEAD)}"), ("lon", "<f8"), ("lat", "<f8")])


@dataclass(frozen=True)
class Stamp:
    """Where rows come from: their batch, and when it became known."""

    batch_id: int
    known_at: dt.datetime


def begin(connection: Connection) -> None:
    """Make room for what is asked of a file's good rows all at once; it ends with the transaction."""
    connection.execute(text("DROP TABLE IF EXISTS incoming_rows"))
    columns = 'row_no integer, number text COLLATE "C", lon float8, lat float8, repeat_of text COLLATE "C"'
    connection.execute(text(f"CREATE TEMPORARY TABLE incoming_rows ({columns}) ON COMMIT DROP"))


def note(connection: Connection, kind: Kind, rows: Any) -> None:
    """Note some of a file's rows (an Arrow table of :func:`gridmgmt.database.contents.schema`)."""
    names = {"row_no": "row_no", "number": kind.key, "lon": "lon", "lat": "lat"}
    names |= {"repeat_of": "repeat_of"} if "repeat_of" in kind.facts else {}
    send(connection, encoded("incoming_rows", pa.table({name: rows[column] for name, column in names.items()})))


def not_new(connection: Connection, kind: Kind) -> Numbers:
    """Row numbers of those that are not simply new, in order."""
    connection.execute(text("ANALYZE incoming_rows"))
    found = connection.execute(query("database/sql/not_new", **kind.names)).scalars()
    return np.fromiter(found, dtype=np.int64)


def stored_by_now(connection: Connection, kind: Kind, rows: Numbers) -> Numbers:
    """Which of some rows have a number that stands here by now: somebody may have opened such a case meanwhile."""
    found = connection.execute(query("database/sql/stored_by_now", **kind.names), {"rows": rows.tolist()}).scalars()
    return np.fromiter(found, dtype=np.int64)


def leave_out(connection: Connection, rows: Sequence[int]) -> None:
    """Forget rows that are refused after all: the others are loaded."""
    connection.execute(text("DELETE FROM incoming_rows WHERE row_no = ANY(:rows)"), {"rows": list(rows)})


def loaded_of(connection: Connection, rows: Sequence[int]) -> list[int]:
    """Which of some row numbers are of rows that are loaded."""
    asked = text("SELECT row_no FROM incoming_rows WHERE row_no = ANY(:rows)")
    return list(connection.execute(asked, {"rows": list(rows)}).scalars()) if rows else []


def crowded_places(connection: Connection, least: int, share: float, most: int) -> list[tuple[float, float, int]]:
    """Places to the last digit that so many rows, and such a share of those with a place, have in common."""
    params = {"least": least, "share": share, "most": most}
    return [(r.lon, r.lat, r.n) for r in connection.execute(query("database/sql/crowded_places"), params)]


def repeats_elsewhere(connection: Connection) -> int:
    """How many of the rows loaded repeat a case that is not here."""
    return int(connection.execute(query("database/sql/repeats_elsewhere")).scalar_one())


def draw_ids(connection: Connection, kind: Kind, n: int) -> list[int]:
    """So many ids for new rows, which nobody else gets."""
    drawn = connection.execute(query("database/sql/draw_ids"), {"name": kind.name, "n": n}).scalar_one()
    return list(drawn or ())


def tables_of(kind: Kind, rows: Any, placed: Any, ids: Sequence[int], stamp: Stamp) -> Made:
    """New rows as COPY takes them: current rows, versions, assignments and reporters; no connection is needed.

    Parameters
    ----------
    rows, placed
        Arrow tables of :func:`gridmgmt.database.contents.schema` and :data:`PLACED`, row by row.
    """
    lines, hashes = contents.stated(kind, rows)
    of = written(pa.chunked_array([ids], pa.int64()), int)
    facts = {name: None for name in kind.facts if name not in kind.later}
    facts = {**facts, next(reversed(facts)): lines, **{name: written(rows[name], str) for name in kind.later}}
    made = {
        "version_at": written(rows["version_at"], dt.datetime), "content_hash": hashes,
        "row_no": written(rows["row_no"], int), "batch_id": pa.scalar(str(stamp.batch_id)),
        "known_at": pa.scalar(f'"{stamp.known_at.isoformat()}"'),
    }  # fmt: skip
    located = {name: written(placed[name], str if name == "located" else int) for name in LOCATED}
    number = written(rows[kind.key], str)
    out = [_lines(kind.name, {"id": of, kind.key: number, **facts, **made, **located, "geom": _points(rows)})]
    out.append(_lines(kind.versions.name, {kind.fact_id: of, **facts, **made}))
    known = {name: made[name] for name in ("batch_id", "known_at")}
    out.append(_lines(t.assignment.name, {kind.fact_id: of, **located, **known}))
    if kind is CASES:
        told = {"case_id": of, **{name: written(rows[f"reporter_{name}"], str) for name in ("name", "phone")}}
        named = pc.or_(*(pc.not_equal(told[name], "") for name in ("name", "phone")))
        out.append(_lines(t.reporter.name, {name: values.filter(named) for name, values in told.items()}))
    return out


def _lines(table: str, columns: Mapping[str, Any]) -> Encoded:
    """Columns of texts as COPY takes them; a column without texts of its own stands in the next one's."""
    lines = joined([joined([x for x in columns.values() if x is not None], ","), pa.scalar("")], "\n")
    _, ends, data = lines.buffers()
    last = int(np.frombuffer(ends, dtype=np.int64)[len(lines)]) if len(lines) else 0
    return Encoded(table, [*columns], memoryview(data)[:last] if last else b"")


def _points(rows: Any) -> Any:
    """Stored points; empty where there is no place."""
    lon, lat = (rows[name].to_numpy() for name in ("lon", "lat"))
    made = np.empty(len(rows), dtype=_POINT)
    made["head"], made["lon"], made["lat"] = _HEAD, lon, lat
    texts = np.frombuffer(binascii.hexlify(made.tobytes()), dtype=f"S{2 * _POINT.itemsize}")
    return pa.array(np.where(np.isnan(lon) | np.isnan(lat), b"", texts)).cast(pa.large_string())


def keep_estimates(connection: Connection, kind: Kind) -> None:
    """Let nobody count what the tables hold (ANALYZE, VACUUM, also by itself) until the transaction ends.

    Who counts sees the pages that an open transaction has filled, but not its rows: the server would take tables that a
    million rows come into for nearly empty ones, and walk through all of them for each row that somebody looks up.
    Reading and writing go on.
    """
    names = ", ".join(table.name for table in _filled(kind))
    connection.execute(text(f"LOCK TABLE {names} IN SHARE UPDATE EXCLUSIVE MODE"))


def _filled(kind: Kind) -> list[Table]:
    """The tables that new rows are copied into."""
    return [kind.current, kind.versions, t.assignment, *([t.reporter] if kind is CASES else [])]


def estimate(connection: Connection, kind: Kind) -> None:
    """Let the server look, in few pages, how many current rows there are by now: its triggers are planned by that.

    The plan of a nearly empty table would read all of it for each part that comes in.
    """
    connection.execute(select(func.look_at(kind.name, True)))


def append(connection: Connection, made: Made) -> None:
    """Copy new rows in."""
    for table in made:
        send(connection, table)
