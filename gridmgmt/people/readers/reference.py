"""Reference tables of a city: units, categories, responsibility rules. Plain CSV or Excel with fixed column names.

Unlike facts, a table is right or refused as a whole: every error names file,
row and column. Codes and dates are read in half-width forms
(:mod:`gridmgmt.intake.readers.fields`), names as they are written.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gridmgmt.city import City
from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.errors import CodeInvalid, ColumnMissing, LevelUnknown, TableInvalid, TableRefused
from gridmgmt.files.cells import half_width, trimmed
from gridmgmt.files.tabular import Rows, open_rows
from gridmgmt.people.responsibility import Rule
from gridmgmt.people.units import Fault, Unit
from gridmgmt.periods import outlasts
from gridmgmt.texts import expected

ENCODINGS = ("utf-8", "gb18030")
UNIT_COLUMNS = ("code", "name_zh", "name_en", "kind", "parent_code")
PLACE_COLUMNS = ("level", "grid_code")
CATEGORY_COLUMNS = ("scheme", "kind", "code", "major_code", "major_zh", "major_en", "name_zh", "name_en")
RULE_COLUMNS = ("category", "level", "grid_code", "unit_code", "valid_from", "valid_to")
OWNER_COLUMNS = ("land_owner", "override")

ALWAYS = dt.date(1900, 1, 1)
"""First day of a rule that names none."""

YES_NO = {
    **dict.fromkeys(("yes", "true", "1", "是", "y"), True),
    **dict.fromkeys(("no", "false", "0", "否", "n"), False),
}

MOST_FAULTS = 100
"""A refusal lists at most so many faults; it counts them all."""

MOST_CODE = 200
"""Characters of a code at most."""

AS_WRITTEN = ("name", "name_zh", "name_en", "major_zh", "major_en", "land_owner")
"""Columns whose values are not brought to half-width forms."""


def records(
    path: Path, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Row number and cells of every row; a column that may be absent is None in each of them then."""
    rows, found = _open(path, columns, optional)
    absent = dict.fromkeys(c for c in optional if c not in found)
    for chunk in rows.chunks:
        plain = chunk[found].astype(object).where(chunk[found].notna(), None)
        for row, values in plain.to_dict("index").items():
            cells = {str(k): _cell(str(k), v) for k, v in values.items()}
            for column, text in cells.items():
                if column.endswith("code") and len(text or "") > MOST_CODE:
                    wanted = expected("characters_up_to", most=MOST_CODE)
                    raise _fail(path, int(str(row)), column, str(text)[:80], wanted)
            yield int(str(row)), cells | absent
    if rows.broken:
        row, text = rows.broken[0]
        raise _fail(path, row, "", text[:200], expected("columns_of_header"))


def _open(path: Path, columns: Sequence[str], optional: Sequence[str]) -> tuple[Rows, list[str]]:
    wanted = [*columns, *optional]
    try:
        return open_rows(path, ENCODINGS, wanted), wanted
    except ColumnMissing as e:
        there = [c for c in wanted if c not in e.columns or c in columns]
        if there == wanted:
            raise
        return open_rows(path, ENCODINGS, there), there


def _cell(column: str, value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    text = trimmed(value)
    return (text if column in AS_WRITTEN else half_width(text)) or None


def _fail(path: Path, row: int, column: str, value: Any, wanted: str | Fault) -> TableInvalid:
    return TableInvalid(file=path.name, row=row, column=column, value=value, expected=wanted)


def refuse(path: Path, faults: Sequence[Fault]) -> None:
    """Refuse a table that has faults.

    Raises
    ------
    TableRefused
        With all of them, the first :data:`MOST_FAULTS` listed.
    """
    if faults:
        raise TableRefused(file=path.name, n=len(faults), faults=list(faults)[:MOST_FAULTS])


def reopened(ends: Mapping[int, tuple[dt.date | None, dt.date | None]]) -> list[Fault]:
    """Rows that let something go on after its end, as an old table does: by row its end there, and the one it has."""
    return [
        {"code": "reopens", "row": row, "column": "valid_to", "value": end and str(end), "held": str(held)}
        for row, (end, held) in ends.items()
        if outlasts(end, held)
    ]


def level_and_grid(
    row: int, v: dict[str, str | None], city: City, faults: list[Fault]
) -> tuple[int | None, str | None]:
    """The grid that a row names by ``level`` and ``grid_code``; what is wrong is added to the faults."""
    level = None
    if v["level"] is not None:
        try:
            level = city.level(v["level"]).number
        except LevelUnknown as e:
            faults.append({"code": "level", "row": row, "column": "level", "value": v["level"], "known": e.known})
    elif v["grid_code"] is not None:
        faults.append({"code": "grid_without_level", "row": row, "column": "level", "value": v["grid_code"]})
    return level, v["grid_code"]


def read_units(path: Path, city: City) -> dict[int, Unit]:
    """Units by row: code, name_zh, name_en, kind, parent_code, and where the table has them level and grid_code.

    Raises
    ------
    TableInvalid
        A row without a code, or a code that stands twice.
    TableRefused
        Levels that the city does not have; whether the units are a tree :func:`gridmgmt.people.units.faults` checks.
    """
    seen: set[str] = set()
    out: dict[int, Unit] = {}
    faults: list[Fault] = []
    for row, values in records(path, UNIT_COLUMNS, PLACE_COLUMNS):
        code = values["code"]
        if code is None or code in seen:
            raise _fail(path, row, "code", code, expected("code_of_its_own"))
        seen.add(code)
        level, grid = level_and_grid(row, values, city, faults)
        out[row] = Unit(
            code, values["name_zh"], values["name_en"], values["kind"], values["parent_code"], level, grid
        )  # fmt: skip
    refuse(path, faults)
    return out


def read_categories(path: Path) -> list[dict[str, str | None]]:
    """Categories keyed by scheme, kind and code.

    Raises
    ------
    TableInvalid
        A row whose kind and code are not of the form ``component:01001``,
        without a scheme, or a category that stands twice.
    """
    seen: set[tuple[str | None, ...]] = set()
    out = []
    for row, values in records(path, CATEGORY_COLUMNS):
        try:
            CategoryKey.parse(f"{values['kind']}:{values['code'] or ''}")
        except CodeInvalid as e:
            raise _fail(path, row, "kind, code", f"{values['kind']}:{values['code']}", e.expected) from e
        if values["scheme"] is None:
            raise _fail(path, row, "scheme", None, expected("scheme"))
        key = (values["scheme"], values["kind"], values["code"])
        if key in seen:
            raise _fail(path, row, "kind, code", f"{values['kind']}:{values['code']}", expected("category_of_its_own"))
        seen.add(key)
        out.append(values)
    return out


def read_rules(path: Path, city: City, units: set[str]) -> dict[int, Rule]:
    """Responsibility rules (责任清单) by row; ``*`` or nothing as grid_code means everywhere, as land_owner anybody's.

    ``valid_from`` and ``valid_to`` are days, the second the first day on which
    the rule no longer holds; nothing means from ever, without end. The columns
    ``land_owner`` and ``override`` may be absent.

    Raises
    ------
    TableInvalid, TableRefused
        Names the row, the column, the value and what was expected.
    """
    rows = {n: _rule(path, n, v, city, units) for n, v in records(path, RULE_COLUMNS, OWNER_COLUMNS)}
    first: dict[Rule, int] = {}
    faults: list[Fault] = []
    for row, rule in rows.items():
        before = first.setdefault(rule.endless, row)
        if rows[before] != rule:
            last = rule.valid_to and str(rule.valid_to)
            faults.append({"code": "two_ends", "row": row, "column": "valid_to", "value": last, "first": before})
    refuse(path, faults)
    return rows


def _rule(path: Path, row: int, v: dict[str, str | None], city: City, units: set[str]) -> Rule:
    grid = None if v["grid_code"] == "*" else v["grid_code"]
    if v["level"] is not None and v["grid_code"] is None:  # else it would hold everywhere
        fault = {"code": "level_without_grid", "row": row, "column": "grid_code", "value": v["level"]}
        refuse(path, [fault])
    try:
        CategoryPattern.parse(v["category"] or "")
        level = city.level(v["level"] or "").number if grid is not None else None
    except CodeInvalid as e:
        raise _fail(path, row, "category", v["category"], e.expected) from e
    except LevelUnknown as e:
        raise _fail(path, row, "level", v["level"], expected("one_of", known=e.known)) from e
    if v["unit_code"] not in units:
        raise _fail(path, row, "unit_code", v["unit_code"], expected("known_unit"))
    first, last = _date(path, row, "valid_from", v["valid_from"]), _date(path, row, "valid_to", v["valid_to"])
    if last is not None and last <= (first or ALWAYS):
        raise _fail(path, row, "valid_to", v["valid_to"], expected("day_after_first"))
    rule = Rule(str(v["category"]), level, grid, str(v["unit_code"]), first or ALWAYS, last)
    owner = None if v["land_owner"] == "*" else v["land_owner"]
    override = YES_NO.get((v["override"] or "no").lower())
    if override is None:
        refuse(path, [{"code": "yes_no", "row": row, "column": "override", "value": v["override"]}])
    if override and (rule.category != "*" or grid is None or owner is not None):
        refuse(path, [{"code": "override", "row": row, "column": "override", "value": v["override"]}])
    return replace(rule, land_owner=owner, override=bool(override))


def _date(path: Path, row: int, column: str, value: str | None) -> dt.date | None:
    if value is None:
        return None
    try:
        return dt.date.fromisoformat(value.removesuffix(" 00:00:00"))  # as a spreadsheet's date comes
    except ValueError as e:
        raise _fail(path, row, column, value, expected("day_or_nothing")) from e
