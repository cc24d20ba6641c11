"""Whose duties somebody may look at (报送查阅范围): all, or those of the grids, units and people of his scope."""

from collections.abc import Collection

from gridmgmt.assessing.store.assessments import people_among
from gridmgmt.database.work import Connection
from gridmgmt.viewer import Scope


def own_codes(connection: Connection, scope: Scope) -> Collection[str] | None:
    """The codes of those whose reports lie in a scope; None: everybody's, and the city's own."""
    if scope.everywhere:
        return None
    grids = {code for _, code in scope.grid_codes}
    return grids | scope.unit_codes | people_among(connection, scope.subjects)
