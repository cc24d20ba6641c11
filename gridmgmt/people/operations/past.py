"""What was ever said of something that is corrected in place (沿革): units, categories, people, posts."""

from collections.abc import Callable
from typing import Any

from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import GridmgmtError


@needs("grids.read")
def versions(
    work: Work,
    read: Callable[[Connection, str | None], list[dict[str, Any]]],
    one: str | None,
    unknown: Callable[[str], GridmgmtError],
) -> list[dict[str, Any]]:
    """What a store tells of one or of all, since when in city time; each row holds until the next of its kind.

    Raises
    ------
    GridmgmtError
        Nothing was ever said of the one: what ``unknown`` makes of it.
    """
    with work.snapshot() as connection:
        zone = cities.load_city(connection).zone
        found = read(connection, one)
    if one is not None and not found:
        raise unknown(one)
    return [{**row, "known_at": row["known_at"].astimezone(zone)} for row in found]
