"""Grids (网格) of an edition, page by page and one by one."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.errors import GridMissing
from gridmgmt.places.operations.editions import choose
from gridmgmt.places.store import editions

_Bbox = tuple[float, float, float, float]


@dataclass(frozen=True)
class GridPage:
    """One page of an edition's grids, each with ``geometry`` as GeoJSON text, 7 decimals, EPSG:4490."""

    edition: str
    n_matched: int
    grids: tuple[Mapping[str, Any], ...]


@needs("grids.read")
def grids_page(
    work: Work,
    *,
    edition: str | None = None,
    day: dt.date | None = None,
    level: str | None = None,
    parent: str | None = None,
    bbox: _Bbox | None = None,
    limit: int,
    offset: int = 0,
) -> GridPage:
    """Grids of an edition by level and code: of one level, below one parent, touching a box (west, south, east, north).

    The edition is the one of that name, else the one valid on the day, else today's.

    Raises
    ------
    EditionMissing, NoEditionOnDate, LevelUnknown
    """
    with work.snapshot() as connection:
        number = cities.load_city(connection).level(level).number if level else None
        found = choose(connection, edition, day)
        n, page = editions.grids_page(
            connection, found.id, level=number, parent=parent, bbox=bbox, limit=limit, offset=offset
        )
        return GridPage(found.name, n, tuple(page))


@dataclass(frozen=True)
class GridFound:
    """One grid with ``geometry`` as GeoJSON text, and the grids above it, the city first."""

    edition: str
    grid: Mapping[str, Any]
    ancestors: tuple[Mapping[str, Any], ...]


@needs("grids.read")
def grid(
    work: Work, code: str, *, level: str | None = None, edition: str | None = None, day: dt.date | None = None
) -> GridFound:
    """One grid by code; without a level the deepest one that bears it.

    Raises
    ------
    GridMissing, EditionMissing, NoEditionOnDate, LevelUnknown
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        number = city.level(level).number if level else None
        found = choose(connection, edition, day)
        _, same = editions.grids_page(connection, found.id, level=number, code=code, limit=len(city.levels))
        if not same:
            raise GridMissing(code=code)
        line = editions.line_of(connection, found.id, same[-1])
        return GridFound(found.name, same[-1], tuple(line[:-1]))
