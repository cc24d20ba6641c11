"""What is written into the audit (审计记录) with each transaction: who, from where, what, on which rows."""

import json
from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection

from gridmgmt.database import copying
from gridmgmt.database.actors import Writer
from gridmgmt.viewer import Viewer

Outcome = Literal["done", "refused", "failed"]

_MOST_ROWS = 1_000
"""So many rows of a kind are named one by one; of more their number is told."""

_NOTED = "gridmgmt_audit"


def begin(connection: Connection) -> None:
    """Nothing is noted yet: the connection may have served another before."""
    connection.info[_NOTED] = {}


def note(connection: Connection, **rows: Sequence[Any]) -> None:
    """Say which rows of a kind this transaction touches (``cases=[…]``), for its row of the audit."""
    noted = connection.info.setdefault(_NOTED, {})
    for kind, names in rows.items():
        noted.setdefault(kind, []).extend(names)


def record(
    connection: Connection,
    writer: Writer,
    viewer: Viewer | None,
    *,
    answers: str | None = None,
    deed: str | None = None,
    outcome: Outcome = "done",
    always: bool = False,
    **facts: Any,
) -> None:
    """Add a row to the audit with this transaction, if it wrote anything; ``always``: in any case.

    Parameters
    ----------
    deed
        What was done; default: the writer's job, which is a command or a request.
    answers
        Who answers for the deed by its own option.
    """
    noted = connection.info.get(_NOTED, {})
    rows = {kind: names if len(names) <= _MOST_ROWS else {"n": len(names)} for kind, names in noted.items()}
    name = writer.name or answers
    told = {
        "login": viewer.login if viewer else name, "os_user": writer.os_user, "address": viewer and viewer.address,
        "means": viewer.means if viewer else "claimed" if name else "os_user",
        "request": writer.request, "deed": deed or writer.job or "-", "outcome": outcome,
        "facts": json.dumps({**facts, **rows}, ensure_ascii=False, default=str), "always": always,
    }  # fmt: skip
    connection.execute(copying.query("database/sql/record_audit"), told)
