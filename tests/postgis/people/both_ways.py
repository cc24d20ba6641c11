"""A place, located by the database and by what a server keeps of it: the answers are the same, and so are refusals."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gridmgmt import geo
from gridmgmt.database import cities
from gridmgmt.database.work import Work
from gridmgmt.errors import GridmgmtError
from gridmgmt.people.operations import directory, locating
from gridmgmt.people.operations.locating import Located

_OF_NEIGHBOURS = ("code", "parent_code", "name_zh", "name_en", "kind", "responsible", "distance_m", "unit")


def locate(
    work: Work,
    x: float,
    y: float,
    *,
    crs: str = "epsg:4490",
    day: dt.date | None = None,
    category: str | None = None,
    edition: str | None = None,
    within_m: float = 0.0,
) -> Located:
    """As :func:`gridmgmt.people.operations.locating.locate`, and it must be the same by what is kept."""
    asked = {"day": day, "category": category, "edition": edition, "within_m": within_m}
    stored = _or_error(lambda: locating.locate(work, x, y, crs=crs, **asked))
    kept = _or_error(lambda: _kept(work, *geo.point_to_storage(x, y, crs), asked))
    if isinstance(stored, GridmgmtError):
        assert isinstance(kept, type(stored)), kept
        assert kept.facts == stored.facts
        raise stored
    if isinstance(kept, GridmgmtError):
        raise kept
    assert _plain(kept) == _plain(stored)
    return stored


def _kept(work: Work, lon: float, lat: float, asked: Mapping[str, Any]) -> Located:
    with work.snapshot() as connection:
        today = cities.today(connection)
    listed = directory.read(work)
    edition = listed.edition(asked["edition"], asked["day"], today)
    place = directory.Place(listed, edition, directory.ground(work, edition), today)
    return locating.answer(place, lon, lat, **asked)


def _or_error(make: Callable[[], Located]) -> Located | GridmgmtError:
    try:
        return make()
    except GridmgmtError as e:
        return e


def _plain(found: Located) -> Located:
    return replace(found, neighbours=tuple({k: n[k] for k in _OF_NEIGHBOURS} for n in found.neighbours))
