"""When lights of running cases turn, and the last that was told of each."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, case, func, select
from sqlalchemy.dialects.postgresql import insert

from gridmgmt.database import copying
from gridmgmt.database import tables as t
from gridmgmt.database.work import LOCK

_LOOKING = LOCK + 8
"""Advisory lock of the one who looks for lights that turned."""


def claim(connection: Connection) -> bool:
    """Be the one who looks until the transaction ends; False: another is."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_LOOKING))).scalar())


def stale(connection: Connection, states: Sequence[str], basis: str, most: int) -> list[str]:
    """Numbers of some running cases whose turns are not known as they stand now."""
    told = {"states": [*states], "basis": basis, "most": most}
    return [r["case_no"] for r in copying.rows(connection, "live/store/lights_stale", **told)]


def keep(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep when the lights of cases turn; what was told of one stays while it is in the same stage."""
    light = t.case_light.c
    made = insert(t.case_light).values(list(rows))
    changes = {name: made.excluded[name] for name in ("version_at", "basis", "stage", "due_at", "yellow_at", "red_at")}
    told = case((light.stage == made.excluded.stage, light.told), else_=made.excluded.told)
    connection.execute(made.on_conflict_do_update(index_elements=["case_id"], set_={**changes, "told": told}))


def forget(connection: Connection, states: Sequence[str]) -> None:
    """Forget cases that run no more."""
    connection.execute(copying.query("live/store/lights_forgotten"), {"states": [*states]})


def turn(connection: Connection, at: dt.datetime) -> int:
    """Tell the lights that turned yellow or red by a moment; gives how many."""
    return connection.execute(copying.query("live/store/lights_turned"), {"at": at}).rowcount
