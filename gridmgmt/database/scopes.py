"""Which cases and samples lie in a scope, as a question to the database: row policies ask the same once more."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Table, any_, case, cast, or_
from sqlalchemy.dialects.postgresql import ARRAY, array

from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.viewer import Scope

_IDS = ARRAY(BigInteger)


def within(table: Table, scope: Scope) -> list[ColumnElement[bool]]:
    """Conditions that rows of cases or samples meet which lie in a scope; none where it is everywhere.

    A row lies in it by its unit or by any of its grids, as :meth:`gridmgmt.viewer.Scope.holds_fact` says.

    It is written as a CASE, which the planner takes for half of the rows: two conditions that say the same would seem
    to leave none, and a page would be sorted from the whole table instead of read along its index.
    """
    if scope.everywhere:
        return []
    c = table.c
    of_grids = array([c[name] for name in GRID_COLUMNS]).op("&&")(cast(sorted(scope.roots), _IDS))
    lies_in = or_(c.unit_id == any_(cast(sorted(scope.units), _IDS)), of_grids)
    return [case((lies_in, True), else_=False)]


def told(scope: Scope) -> dict[str, Any]:
    """A scope as statements take it that are written in SQL."""
    return {"is_everywhere": scope.everywhere, "scope_units": sorted(scope.units), "scope_grids": sorted(scope.roots)}
