"""Bulk in and out: frames through COPY, rows by their key, SQL files by name. Values are always bound, never pasted."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import sql
from sqlalchemy import Connection, Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert

from gridmgmt.database import tables
from gridmgmt.database.roles import ROLE
from gridmgmt.database.spools import Spool

_SENT = 1 << 20
"""So many bytes are handed over at a time."""

_DIALECT = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]


@cache
def query(name: str, **names: str) -> TextClause:
    """The statement of the file ``<name>.sql`` below ``gridmgmt/``; its first line says what it answers.

    Parameters
    ----------
    **names
        Names of tables and columns of this package's own for the file's
        ``{…}``, where one statement serves cases and samples.
    """
    statement = (Path(__file__).parent.parent / f"{name}.sql").read_text("utf-8")
    return text(statement.format_map(names) if names else statement)


def copy_in(connection: Connection, table: str, frame: pd.DataFrame) -> None:
    """Append a frame's rows to a table whose columns bear the frame's names."""
    if not frame.empty:
        send(connection, encoded(table, pa.Table.from_pandas(frame, preserve_index=False)))


@dataclass(frozen=True)
class Encoded:
    """Rows of one table as COPY takes them."""

    table: str
    columns: Sequence[str]
    data: Any


def encoded(table: str, rows: Any) -> Encoded:
    """Rows of an Arrow table whose columns bear the table's names; no connection is needed."""
    sink = pa.BufferOutputStream()
    pa_csv.write_csv(rows, sink, pa_csv.WriteOptions(include_header=False))
    return Encoded(table, rows.column_names, sink.getvalue())


def send(connection: Connection, rows: Encoded) -> None:
    """Append them; where row policies are asked, by way of a temporary table, for COPY refuses them."""
    if connection.get_execution_options().get(ROLE) == "web" and rows.table in tables.metadata.tables:
        table, columns = sql.Identifier(rows.table), sql.SQL(", ").join(map(sql.Identifier, rows.columns))
        way = sql.Identifier(f"way_to_{rows.table}")
        cursor = connection.connection.cursor()
        made = "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WHERE false"
        cursor.execute(sql.SQL(made).format(way, columns, table))
        _copy(connection, replace(rows, table=f"way_to_{rows.table}"))
        cursor.execute(sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(table, columns, columns, way))
        cursor.execute(sql.SQL("DROP TABLE {}").format(way))
        return
    _copy(connection, rows)


def _copy(connection: Connection, rows: Encoded) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(rows.table), sql.SQL(", ").join(map(sql.Identifier, rows.columns))
    )
    data = memoryview(rows.data)
    with connection.connection.cursor().copy(statement) as copy:
        for first in range(0, len(data), _SENT):
            copy.write(data[first : first + _SENT])


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> None:
    """Add rows; one whose key stands there already gives it its other values."""
    if rows:
        statement = insert(table)
        changes = {name: statement.excluded[name] for name in rows[0] if name not in key}
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changes), rows)


def fetch(
    connection: Connection,
    statement: TextClause,
    params: Mapping[str, Any],
    types: Mapping[str, pa.DataType],
) -> pd.DataFrame:
    """The rows of a query as a frame: columns of the given types in the query's own order.

    Timestamps come back as ``datetime64[us, UTC]``. A shape is a column ``wkb``.
    """
    return cast(pd.DataFrame, fetch_table(connection, statement, params, types).to_pandas())


def fetch_table(
    connection: Connection,
    statement: TextClause,
    params: Mapping[str, Any],
    types: Mapping[str, pa.DataType],
) -> Any:
    """The same as an Arrow table, by COPY."""
    compiled = str(statement.compile(dialect=_DIALECT))
    cursor = connection.connection.cursor()
    buffer = io.BytesIO()
    with cursor.copy(f"COPY ({compiled}) TO STDOUT (FORMAT csv, HEADER)", dict(params)) as copy:
        for block in copy:
            buffer.write(block)
    buffer.seek(0)
    convert = pa_csv.ConvertOptions(
        column_types=dict(types), strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""],
        true_values=["t"], false_values=["f"], include_columns=list(types),
    )  # fmt: skip
    # a value, such as a city's outline, must fit into one block
    read = pa_csv.ReadOptions(block_size=1 << 26 if "wkb" in types else 1 << 22)
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    return pa_csv.read_csv(buffer, read_options=read, parse_options=parse, convert_options=convert)


def spooled(connection: Connection, statement: TextClause, params: Mapping[str, Any], path: Path) -> Spool:
    """The rows of a query in its own order, however many; nothing but a block of them is held in memory."""
    seen, head = hashlib.sha256(), b""
    cursor = connection.connection.cursor()
    compiled = str(statement.compile(dialect=_DIALECT))
    copying = cursor.copy(f"COPY ({compiled}) TO STDOUT (FORMAT csv, HEADER)", dict(params))
    with path.open("wb") as file, copying as copy:
        for block in copy:
            head = head or bytes(block)
            seen.update(block)
            file.write(block)
    columns = head.partition(b"\n")[0].decode().split(",")
    return Spool(path, tuple(columns), cursor.rowcount, seen.hexdigest())


def unspool(connection: Connection, table: str, spool: Spool) -> None:
    """Append the rows of a spool to a table whose columns bear its names."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, spool.columns))
    )
    with spool.path.open("rb") as file, connection.connection.cursor().copy(statement) as copy:
        while block := file.read(1 << 20):
            copy.write(block)


def rows(connection: Connection, name: str, **params: Any) -> Sequence[Mapping[str, Any]]:
    """The rows of a small query from a SQL file."""
    return [dict(r) for r in connection.execute(query(name), params).mappings()]


UTC = pa.timestamp("us", "UTC")
