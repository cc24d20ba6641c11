"""Units (责任单位) as a tree: the city, its districts, streets and communities, and the departments at each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gridmgmt.city import City
from gridmgmt.faults import Fault, Faults

Place = tuple[int, str]
"""Level number and code of a grid."""


@dataclass(frozen=True)
class Unit:
    """One unit.

    Attributes
    ----------
    level
        Number of the grid level at which it works, or None.
    grid_code
        Its territory (辖区), a grid of that level, or None.
    """

    code: str
    name_zh: str | None = None
    name_en: str | None = None
    kind: str | None = None
    parent_code: str | None = None
    level: int | None = None
    grid_code: str | None = None


def line_of(units: Mapping[str, Unit], code: str | None) -> Iterator[Unit]:
    """A unit and those above it, itself first; a circle is left after one round."""
    seen: set[str] = set()
    while code is not None and code in units and code not in seen:
        seen.add(code)
        yield units[code]
        code = units[code].parent_code


def territory(units: Mapping[str, Unit], code: str | None) -> Place | None:
    """Where a unit works: its own territory, else that of the nearest unit above it that has one."""
    for unit in line_of(units, code):
        if unit.level is not None and unit.grid_code is not None:
            return unit.level, unit.grid_code
    return None


def faults(rows: Mapping[int, Unit], known: Mapping[str, Unit], city: City) -> Faults:
    """What would not be a tree, once a table's rows stand beside the units that are known already (单位树检查).

    A parent must exist, nobody stands above himself, and no unit works at a
    higher level than the nearest unit above it that has a level.
    """
    row_of = {unit.code: row for row, unit in rows.items()}
    all_units = {**known, **{unit.code: unit for unit in rows.values()}}
    out = Faults()
    told: set[str] = set()
    for row, unit in rows.items():
        above = unit.parent_code
        if above is not None and above not in all_units:
            out.note(row, "parent_code", above, "table_fault_parent_unknown")
        circle = _circle(all_units, unit.code)
        if circle and not told & set(circle):
            told |= set(circle)
            out.note(row, "parent_code", " → ".join(circle), "table_fault_circle")
    for unit in all_units.values():
        if unit.code not in told and (fault := _above_parent(all_units, unit, row_of, city)) is not None:
            out.append(fault)
    return Faults(sorted(out, key=lambda f: f.row))


def _circle(units: Mapping[str, Unit], code: str) -> list[str]:
    """The codes of a circle from a unit back to itself; empty where it stands in none."""
    line = [unit.code for unit in line_of(units, code)]
    last = units[line[-1]].parent_code
    return [*line, code] if last == code else []


def _above_parent(units: Mapping[str, Unit], unit: Unit, row_of: Mapping[str, int], city: City) -> Fault | None:
    if unit.level is None:
        return None
    above = next((u for u in line_of(units, unit.parent_code) if u.level is not None), None)
    if above is None or above.level is None or unit.level >= above.level:
        return None
    row = row_of.get(unit.code, row_of.get(above.code))
    if row is None:  # neither stands in this table
        return None
    keys = {x.number: x.key for x in city.levels}
    told = {"level": keys[unit.level], "parent": above.code, "parent_level": keys[above.level]}
    return Fault(row, "level", unit.code, "table_fault_above_parent", told)
