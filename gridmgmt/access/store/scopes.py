"""What a post's scope covers: grids, units, and the subjects that they are."""

from sqlalchemy import Connection, select

from gridmgmt.database import copying
from gridmgmt.database import tables as t
from gridmgmt.viewer import EVERYWHERE, Scope


def of_post(connection: Connection, level: int | None, grid: str | None, unit: str | None) -> Scope:
    """What lies in a grid and below, or answers to a unit; with neither everything."""
    if grid is None and unit is None:
        return EVERYWHERE
    asked = {"level": level, "code": grid}
    found = [(r["level"], r["code"]) for r in copying.rows(connection, "access/store/grids_below", **asked)]
    levels, codes = [lev for lev, _ in found], [code for _, code in found]
    roots = select(t.grid.c.id).where(t.grid.c.level == level, t.grid.c.code == grid)
    places = {"levels": levels, "codes": codes}
    units = [*copying.rows(connection, "access/store/units_below", unit=unit, **places)]
    unit_codes = [r["code"] for r in units]
    subjects = copying.rows(connection, "access/store/subjects_of", units=unit_codes, **places)
    return Scope(
        roots=frozenset(connection.execute(roots).scalars()) if grid is not None else frozenset(),
        grid_codes=frozenset(found),
        units=frozenset(r["id"] for r in units),
        unit_codes=frozenset(unit_codes),
        subjects=frozenset(r["id"] for r in subjects),
    )


def is_grid(connection: Connection, level: int, code: str) -> bool:
    """Whether any edition has the grid."""
    return (
        connection.execute(select(t.grid.c.id).where(t.grid.c.level == level, t.grid.c.code == code)).first()
        is not None
    )


def is_unit(connection: Connection, code: str) -> bool:
    """Whether the unit is known."""
    return connection.execute(select(t.unit.c.id).where(t.unit.c.code == code)).first() is not None
