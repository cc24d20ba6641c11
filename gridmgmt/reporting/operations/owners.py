"""Whose duties somebody may look at (报送查阅范围): all, or those of the grids, units and people of his scope."""

from collections.abc import Collection

from gridmgmt.assessing.store.assessments import people_among
from gridmgmt.database.work import Connection, Work


def own_codes(work: Work, connection: Connection) -> Collection[str] | None:
    """The codes of those whose reports are the viewer's to see; None: everybody's, and the city's own."""
    scope = work.allowed("duties.read")
    if scope.everywhere:
        return None
    grids = {code for _, code in scope.grid_codes}
    return grids | scope.unit_codes | people_among(connection, scope.subjects)
