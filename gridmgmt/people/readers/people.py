"""People (人员) and the posts (岗位) they hold in units: tables that are right or refused as a whole."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from gridmgmt.city import City
from gridmgmt.files import tables
from gridmgmt.files.tables import ALWAYS, EndDay, FirstDay, GridCode, Level, Row, Text, Wrong
from gridmgmt.people.staffing import Person, Post


def _once(code: str, info: ValidationInfo) -> str:
    first = tables.known(info)["seen"].setdefault(code, tables.known(info)["row"])
    if first != tables.known(info)["row"]:
        raise Wrong("table_fault_twice", first=first)
    return code


def _with_level(code: str | None, info: ValidationInfo) -> str | None:
    if code is None and info.data.get("level") is not None:
        raise Wrong("table_fault_level_without_grid", shows=["level"])
    return code


class _PersonRow(Row):
    code: Annotated[str, AfterValidator(_once)]
    name: Text
    valid_from: FirstDay = ALWAYS
    valid_to: EndDay = None


class _PostRow(Row):
    person_code: Annotated[Text, tables.one_of("persons", "table_fault_person")]
    unit_code: Annotated[Text, tables.one_of("units", "table_fault_unit")]
    role: Annotated[Text, tables.one_of("roles", "table_fault_role", known="roles")]
    level: Level = None
    grid_code: Annotated[GridCode, AfterValidator(_with_level)] = None
    is_full_time: Annotated[bool, tables.answer(default=True)] = Field(True, alias="full_time")
    valid_from: FirstDay = ALWAYS
    valid_to: EndDay = None


def read_people(path: Path) -> list[Person]:
    """People: code, name, valid_from, valid_to (the first day on which they are no longer there).

    Raises
    ------
    TableRefused
        With every fault of every row.
    """
    rows, faults = tables.read(path, _PersonRow)
    tables.refuse(path, faults)
    return [Person(**dict(one)) for one in rows.values()]


def read_posts(
    path: Path, city: City, units: Collection[str], persons: Collection[str], roles: Collection[str]
) -> dict[int, Post]:
    """Posts by row: person_code, unit_code, role, and level, grid_code, full_time (nothing: yes), valid_from, valid_to.

    Raises
    ------
    TableRefused
        With every fault of every row.
    """
    found, faults = tables.read(path, _PostRow, city=city, units=units, persons=persons, roles=roles)
    rows = {row: Post(**dict(one)) for row, one in found.items()}
    for row, post, first in tables.repeated(rows, lambda x: x.key):
        faults.note(row, "person_code", post.person_code, "table_fault_twice", first=first)
    tables.refuse(path, faults)
    return rows
