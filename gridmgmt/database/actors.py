"""Who writes (经办人): told to each transaction, kept with each written row, and asked for again (操作记录)."""

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from gridmgmt.database import copying
from gridmgmt.settings import os_user
from gridmgmt.viewer import Viewer

KINDS = (
    "cases", "samples", "steps", "entries", "staff", "subjects", "people", "posts", "responsibility", "reassign",
    "time_limits", "layer", "city", "edition", "activated", "units", "categories", "rulebook", "draw", "notice",
    "notice_check", "attachment", "handed_in", "duty_event", "assessment", "published", "appeal", "decided",
)  # fmt: skip
"""What may be written, by its code of ``written_…``."""


@dataclass(frozen=True)
class Writer:
    """Who writes at this machine: a name is recorded as it is claimed; who signed in is told by the viewer.

    Attributes
    ----------
    name
        As claimed (``--as``, GRIDMGMT_ACTOR); None: who answers for the deed, else the operating system's user.
    job
        The command or request as it was called; None: a program of somebody's own.
    request
        The id of the request, as the log has it.
    """

    name: str | None = None
    job: str | None = None
    os_user: str = field(default_factory=os_user)
    request: str | None = None


def claim(connection: Connection, writer: Writer, answers: str | None, viewer: Viewer | None = None) -> None:
    """Tell the database who writes in this transaction; its row is made with the first row that he writes.

    Parameters
    ----------
    answers
        Who answers for the deed by its own option, where nobody is claimed to write.
    """
    name = next((n for n in (writer.name, answers) if n and n.strip()), None)
    told = {
        "name": viewer.login if viewer else name or writer.os_user,
        "means": viewer.means if viewer else "claimed" if name else "os_user",
        "os_user": writer.os_user, "job": writer.job,
    }  # fmt: skip
    scopes = viewer.row_scopes if viewer else ""
    connection.execute(
        copying.query("database/sql/claim_actor"), {"actor": json.dumps(told, ensure_ascii=False), "viewer": scopes}
    )


def behold(connection: Connection, viewer: Viewer | None) -> None:
    """Tell the database who views in this transaction: its row policies show him his rows only."""
    if viewer is not None:
        connection.execute(copying.query("database/sql/behold"), {"viewer": viewer.row_scopes})


@contextmanager
def whoever_looks(connection: Connection, verb: str) -> Iterator[None]:
    """Look past the row policies of a verb, within a transaction: for what is one in the whole city, such as a number.

    Nothing that is read so may be told; it decides whether something is free.
    """
    name = "gridmgmt.viewer"
    before = connection.execute(select(func.current_setting(name, True))).scalar()
    connection.execute(select(func.set_config(name, json.dumps({verb: {"all": True}}), True)))
    yield
    connection.execute(select(func.set_config(name, before or "", True)))


@dataclass(frozen=True)
class Written:
    """One thing that was written (操作记录).

    Attributes
    ----------
    at
        When it was known.
    kind
        A code of ``written_…``: what kind of hand-over or deed.
    object
        What it is about: a file, an assessment, an edition, a case's step.
    n
        How many rows it brought, where it says so.
    actor, means, os_user, job
        Who, by which means he is known, and how he wrote; None: from before actors were kept.
    """

    at: dt.datetime
    kind: str
    object: str | None
    n: int | None
    actor: str | None
    means: str | None
    os_user: str | None
    job: str | None


def written(
    connection: Connection,
    *,
    by: str | None = None,
    kind: str | None = None,
    object: str | None = None,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    limit: int = 100,
) -> list[Written]:
    """Who wrote what, newest first: of one actor (name, user or job), one kind, about one object, in [start, end)."""
    asked: dict[str, Any] = {"by": by, "kind": kind, "object": object, "start": start, "end": end, "limit": limit}
    return [Written(**r) for r in copying.rows(connection, "database/sql/written", **asked)]
