"""Cases as Open311 asks for them."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection

from gridmgmt.casework.cases import ENDED
from gridmgmt.database import scopes
from gridmgmt.database.copying import rows
from gridmgmt.viewer import Scope


@dataclass(frozen=True)
class Chosen:
    """Which cases.

    Attributes
    ----------
    classes
        Classes (``kind:code``) of the catalogue's scheme; None: all.
    others
        Also those of no class, of another scheme, or of a class that is not among ``named``.
    closed
        Ended, or not.
    by_update
        In the order in which they were changed; else the newest first.
    """

    numbers: Sequence[str] | None
    scheme: str
    classes: Sequence[str] | None
    others: bool
    named: Sequence[str]
    start: str | dt.datetime
    end: str | dt.datetime
    updated_after: str | dt.datetime
    updated_before: str | dt.datetime
    closed: Sequence[bool]
    by_update: bool
    most: int
    skipped: int


def told(connection: Connection, chosen: Chosen, scope: Scope) -> Collection[dict[str, Any]]:
    """The cases in a scope, each with its class, whether it is closed, and the unit that answers for it."""
    return [
        dict(r)
        for r in rows(connection, "casework/store/open311", ended=sorted(ENDED), **asdict(chosen), **scopes.told(scope))
    ]
