"""Reference tables of a city: units, categories, responsibility rules. Plain CSV or Excel with fixed column names.

Unlike facts, a table is right or refused as a whole: every error names file,
row and column. Codes and dates are read in half-width forms
(:mod:`gridmgmt.readers.fields`), names as they are written.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gridmgmt.city import City
from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.errors import CodeInvalid, LevelUnknown, TableInvalid
from gridmgmt.readers.fields import half_width, trimmed
from gridmgmt.readers.files import open_rows
from gridmgmt.responsibility import Rule

ENCODINGS = ("utf-8", "gb18030")
UNIT_COLUMNS = ("code", "name_zh", "name_en", "kind", "parent_code")
CATEGORY_COLUMNS = ("scheme", "kind", "code", "major_code", "major_zh", "major_en", "name_zh", "name_en")
RULE_COLUMNS = ("category", "level", "grid_code", "unit_code", "valid_from", "valid_to")

ALWAYS = dt.date(1900, 1, 1)
"""First day of a rule that names none."""


def _records(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str | None]]]:
    rows = open_rows(path, ENCODINGS, columns)
    for chunk in rows.chunks:
        plain = chunk[list(columns)].astype(object).where(chunk[list(columns)].notna(), None)
        for row, values in plain.to_dict("index").items():
            yield int(str(row)), {str(k): _cell(str(k), v) for k, v in values.items()}
    if rows.broken:
        row, text = rows.broken[0]
        raise _fail(path, row, "", text[:200], "as many columns as the header has")


def _cell(column: str, value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    text = trimmed(value)
    return (text if "_zh" in column or "_en" in column else half_width(text)) or None


def _fail(path: Path, row: int, column: str, value: Any, expected: str) -> TableInvalid:
    return TableInvalid(file=path.name, row=row, column=column, value=value, expected=expected)


def read_units(path: Path) -> list[dict[str, str | None]]:
    """Units: code, name_zh, name_en, kind, parent_code.

    Raises
    ------
    TableInvalid
        A row without a code, or a code that stands twice.
    """
    seen: set[str] = set()
    out = []
    for row, values in _records(path, UNIT_COLUMNS):
        code = values["code"]
        if code is None or code in seen:
            raise _fail(path, row, "code", code, "a code that no other row has")
        seen.add(code)
        out.append(values)
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
    for row, values in _records(path, CATEGORY_COLUMNS):
        try:
            CategoryKey.parse(f"{values['kind']}:{values['code'] or ''}")
        except CodeInvalid as e:
            raise _fail(path, row, "kind, code", f"{values['kind']}:{values['code']}", e.expected) from e
        if values["scheme"] is None:
            raise _fail(path, row, "scheme", None, "the scheme's name")
        key = (values["scheme"], values["kind"], values["code"])
        if key in seen:
            raise _fail(
                path, row, "kind, code", f"{values['kind']}:{values['code']}", "a category that no other row has"
            )
        seen.add(key)
        out.append(values)
    return out


def read_rules(path: Path, city: City, units: set[str]) -> list[Rule]:
    """Responsibility rules (责任清单); ``*`` or nothing as grid_code means everywhere.

    ``valid_from`` and ``valid_to`` are days, the second the first day on which
    the rule no longer holds; nothing means from ever, without end.

    Raises
    ------
    TableInvalid
        Names the row, the column, the value and what was expected.
    """
    return [_rule(path, row, values, city, units) for row, values in _records(path, RULE_COLUMNS)]


def _rule(path: Path, row: int, v: dict[str, str | None], city: City, units: set[str]) -> Rule:
    grid = None if v["grid_code"] == "*" else v["grid_code"]
    try:
        CategoryPattern.parse(v["category"] or "")
        level = city.level(v["level"] or "").number if grid is not None else None
    except CodeInvalid as e:
        raise _fail(path, row, "category", v["category"], e.expected) from e
    except LevelUnknown as e:
        raise _fail(path, row, "level", v["level"], ", ".join(e.known)) from e
    if v["unit_code"] not in units:
        raise _fail(path, row, "unit_code", v["unit_code"], "a unit of the city's table")
    first, last = _date(path, row, "valid_from", v["valid_from"]), _date(path, row, "valid_to", v["valid_to"])
    if last is not None and last <= (first or ALWAYS):
        raise _fail(path, row, "valid_to", v["valid_to"], "a day after valid_from")
    return Rule(str(v["category"]), level, grid, str(v["unit_code"]), first or ALWAYS, last)


def _date(path: Path, row: int, column: str, value: str | None) -> dt.date | None:
    if value is None:
        return None
    try:
        return dt.date.fromisoformat(value.removesuffix(" 00:00:00"))  # as a spreadsheet's date comes
    except ValueError as e:
        raise _fail(path, row, column, value, "a day such as 2025-01-01, or nothing") from e
