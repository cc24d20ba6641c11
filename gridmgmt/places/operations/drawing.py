"""What maps draw of an edition (线划): made when it is activated, read by everything that draws."""

from collections.abc import Collection

from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.places import linework
from gridmgmt.places.linework import Linework
from gridmgmt.places.store import editions
from gridmgmt.places.store import linework as store

CITY = 0
"""The zoom for a whole city on a screen."""


def save(connection: Connection, edition_id: int) -> None:
    """Draw an edition from its grids as they stand, and keep it."""
    store.save(connection, edition_id, linework.draw(editions.grids(connection, edition_id)))


def read(connection: Connection, edition_id: int, levels: Collection[int], zoom: int = CITY) -> Linework:
    """How some levels of an edition are drawn.

    An edition of an older release that :func:`draw_missing` has not met yet is drawn from its grids, as it would be.
    """
    found = store.read(connection, edition_id, zoom)
    if found is None:
        found = linework.draw(editions.grids(connection, edition_id))[zoom]
    return found.only(levels)


@needs("reference.write", whole=True, by_worker=True)
def draw_missing(work: Work) -> list[str]:
    """Draw the active editions that are not drawn in today's form, and name them: after a new release."""
    with work.snapshot() as connection:
        if not store.undrawn(connection):
            return []
    with work.locked() as connection:
        missing = store.undrawn(connection)
        for edition_id, _ in missing:
            save(connection, edition_id)
        return [name for _, name in missing]
