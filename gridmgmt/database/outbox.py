"""What is told of a deed to whoever listens (消息): written with it, so that there is no one without the other."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection

from gridmgmt.database import copying
from gridmgmt.database import tables as t

Kind = Literal["case", "step", "light", "import", "assessment"]


def tell(connection: Connection, kind: Kind, document: Mapping[str, Any]) -> None:
    """Tell what belongs to no case."""
    connection.execute(t.outbox.insert().values(kind=kind, document=dict(document)))


def tell_steps(connection: Connection, batch_id: int, case_ids: Sequence[int]) -> None:
    """Tell the steps that a batch took of these cases; one that opens its case as a new case."""
    told = {"batch": batch_id, "ids": list(case_ids)}
    connection.execute(copying.query("database/sql/tell_steps"), told)
