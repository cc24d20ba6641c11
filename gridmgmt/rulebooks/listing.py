"""Every rulebook of the data folder, version by version (考核办法清单); what is faulty is told in its place."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from gridmgmt.errors import RulebookInvalid, RulebookNotInForce
from gridmgmt.rulebooks.load import known, load, read_file, versions
from gridmgmt.rulebooks.model import Rulebook


@dataclass(frozen=True)
class Listed:
    """One version of a rulebook, or why there is none to show."""

    id: str
    book: Rulebook | None
    fault: RulebookInvalid | RulebookNotInForce | None = None


def listing(day: dt.date | None = None) -> list[Listed]:
    """Every version of every rulebook; ``day``: of each the one that is in force then."""
    return [entry for name in known() for entry in _versions(name, day)]


def _versions(name: str, day: dt.date | None) -> Iterator[Listed]:
    try:
        if day is not None:
            found = [load(name, day).rulebook]
        else:
            found = [read_file(p, f"{name}/{p.name}").rulebook for p in versions(name)]
    except (RulebookNotInForce, RulebookInvalid) as e:
        yield Listed(name, None, e)
    else:
        yield from (Listed(book.id, book) for book in found)
