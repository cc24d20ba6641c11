"""Rows of a step log on their way in: through a temporary table, read back case by case in order of time."""

import json
from collections.abc import Iterator
from itertools import groupby

import pandas as pd
from sqlalchemy import Column, Connection, DateTime, Integer, MetaData, Table, Text, select, text
from sqlalchemy.dialects.postgresql import JSONB

from gridmgmt.casework.cases import Step
from gridmgmt.database.copying import copy_in

BLOCK = 5_000
"""Cases that are read back at once."""

_COLUMNS = ("case_no", "kind", "at", "actor", "unit_code", "reason")


def _incoming() -> Table:
    plain = (Column(name, Text) for name in ("kind", "actor", "unit_code", "reason"))
    return Table(
        "incoming_steps", MetaData(), Column("row_no", Integer), Column("case_no", Text(collation="C")),
        Column("at", DateTime(timezone=True)), *plain, Column("facts", JSONB),
        prefixes=["TEMPORARY"], postgresql_on_commit="DROP",
    )  # fmt: skip


def create(connection: Connection) -> None:
    """Create the temporary table for one log's rows; it ends with the transaction."""
    connection.execute(text("DROP TABLE IF EXISTS incoming_steps"))
    _incoming().create(connection)


def add(connection: Connection, steps: pd.DataFrame) -> None:
    """Append parsed rows (index = row number)."""
    out = steps[[*_COLUMNS]].copy()
    out.insert(0, "row_no", steps.index)
    out["facts"] = [json.dumps(facts, ensure_ascii=False) for facts in steps["facts"]]
    copy_in(connection, "incoming_steps", out)


def blocks(connection: Connection) -> Iterator[dict[str, list[tuple[int, Step]]]]:
    """Case number → its rows as imported steps by time, equal times in the order of the file; many cases at once."""
    table = _incoming()
    c = table.c
    statement = select(table).order_by(c.case_no, c.at, c.row_no)
    streamed = connection.execute(statement, execution_options={"stream_results": True, "max_row_buffer": 20_000})
    block: dict[str, list[tuple[int, Step]]] = {}
    for case_no, rows in groupby(streamed, lambda r: r.case_no):
        block[case_no] = [
            (r.row_no, Step(r.kind, r.at, r.actor or "", r.unit_code, r.reason, r.facts, "imported")) for r in rows
        ]
        if len(block) == BLOCK:
            yield block
            block = {}
    if block:
        yield block
