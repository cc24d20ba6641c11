"""Events and where somebody is in their order (消息与读取位置)."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gridmgmt.errors import OptionInvalid

KINDS = ("case", "step", "light", "import", "assessment")
"""New cases, their steps, lights that turn, imports, published assessments."""

_FORM = re.compile(r"(\d{1,18})-(\d{1,18})")


class Position(NamedTuple):
    """Behind which event somebody is: the transaction that wrote it, and its number."""

    xid: int
    id: int

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read what a client gives back.

        Raises
        ------
        OptionInvalid
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise OptionInvalid(name="Last-Event-ID", value=text[:100], expected="N-N")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"


@dataclass(frozen=True)
class Event:
    """Something that happened (消息)."""

    position: Position
    kind: str
    at: dt.datetime
    document: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """As it is sent: ``told_at`` is when the platform learnt of it, ``at`` of a step when it was taken."""
        return {"id": str(self.position), "kind": self.kind, "told_at": self.at.isoformat(), **self.document}


@dataclass(frozen=True)
class Page:
    """Events behind a position.

    Attributes
    ----------
    position
        From which to read on: everything up to there has been given.
    more
        More is there, or is committed and waits for an older transaction that is open.
    is_full
        More is there, to be read at once.
    gap
        Events behind the position are gone, or it is none of this database: one reads on from now.
    """

    events: Sequence[Event]
    position: Position
    more: bool = False
    is_full: bool = False
    gap: bool = False
