"""People (人员) and the posts (岗位) they hold in units: tables that are right or refused as a whole."""

import datetime as dt
from collections.abc import Collection
from pathlib import Path

from gridmgmt.city import City
from gridmgmt.people.readers.reference import ALWAYS, PLACE_COLUMNS, YES_NO, level_and_grid, records, refuse
from gridmgmt.people.staffing import Person, Post
from gridmgmt.people.units import Fault

PERSON_COLUMNS, PERSON_OPTIONAL = ("code", "name"), ("valid_from", "valid_to")
POST_COLUMNS = ("person_code", "unit_code", "role")
POST_OPTIONAL = (*PLACE_COLUMNS, "full_time", "valid_from", "valid_to")

Cells = dict[str, str | None]


def read_people(path: Path) -> list[Person]:
    """People: code, name, valid_from, valid_to (the first day on which they are no longer there).

    Raises
    ------
    TableRefused
        With every fault of every row.
    """
    faults: list[Fault] = []
    rows: dict[str, int] = {}
    out = []
    for row, cells in records(path, PERSON_COLUMNS, PERSON_OPTIONAL):
        code = cells["code"]
        if code is None:
            faults.append(_fault("empty", row, "code", None))
        elif code in rows:
            faults.append({**_fault("twice", row, "code", code), "first": rows[code]})
        first, last = days(row, cells, faults)
        rows.setdefault(code or "", row)
        out.append(Person(code or "", cells["name"], first, last))
    refuse(path, faults)
    return out


def read_posts(
    path: Path, city: City, units: Collection[str], persons: Collection[str], roles: Collection[str]
) -> dict[int, Post]:
    """Posts by row: person_code, unit_code, role, and level, grid_code, full_time (nothing: yes), valid_from, valid_to.

    Raises
    ------
    TableRefused
        With every fault of every row.
    """
    faults: list[Fault] = []
    seen: dict[object, int] = {}
    out = {}
    known = {"person_code": (persons, "person"), "unit_code": (units, "unit"), "role": (roles, "role")}
    for row, cells in records(path, POST_COLUMNS, POST_OPTIONAL):
        for column, (there, what) in known.items():
            if cells[column] not in there:
                listed = {"known": sorted(roles)} if what == "role" else {}
                faults.append({**_fault(what, row, column, cells[column]), **listed})
        level, grid = level_and_grid(row, cells, city, faults)
        if level is not None and grid is None:
            faults.append(_fault("level_without_grid", row, "grid_code", cells["level"]))
        full_time = YES_NO.get((cells["full_time"] or "yes").lower())
        if full_time is None:
            faults.append(_fault("yes_no", row, "full_time", cells["full_time"]))
        first, last = days(row, cells, faults)
        who, unit, role = (cells[c] or "" for c in POST_COLUMNS)
        post = Post(who, unit, role, level, grid, bool(full_time), first, last)
        if post.key in seen:
            faults.append({**_fault("twice", row, "person_code", who), "first": seen[post.key]})
        seen.setdefault(post.key, row)
        out[row] = post
    refuse(path, faults)
    return out


def _fault(code: str, row: int, column: str, value: str | None) -> Fault:
    return {"code": code, "row": row, "column": column, "value": value}


def days(row: int, cells: Cells, faults: list[Fault]) -> tuple[dt.date, dt.date | None]:
    """First day and the first day after the last, half-open; nothing means from ever, without end."""
    found: dict[str, dt.date | None] = {}
    for column in ("valid_from", "valid_to"):
        text = cells[column]
        try:
            found[column] = dt.date.fromisoformat(text.removesuffix(" 00:00:00")) if text else None
        except ValueError:
            faults.append(_fault("day", row, column, text))
            return ALWAYS, None
    first, last = found["valid_from"] or ALWAYS, found["valid_to"]
    if last is not None and last <= first:
        faults.append(_fault("order", row, "valid_to", cells["valid_to"]))
    return first, last
