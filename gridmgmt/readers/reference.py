"""Reference tables of a city: units, categories, responsibility rules. Plain CSV or Excel with fixed column names."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from gridmgmt.city import City
from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.errors import CodeInvalid, LevelUnknown, TableInvalid
from gridmgmt.readers.files import open_rows
from gridmgmt.responsibility import Rule

ENCODINGS = ("utf-8", "gb18030")
UNIT_COLUMNS = ("code", "name_zh", "name_en", "kind", "parent_code")
CATEGORY_COLUMNS = ("scheme", "kind", "code", "major_code", "major_zh", "major_en", "name_zh", "name_en")
RULE_COLUMNS = ("category", "level", "grid_code", "unit_code", "valid_from", "valid_to")


def _records(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str | None]]]:
    for chunk in open_rows(path, ENCODINGS, columns).chunks:
        plain = chunk[list(columns)].astype(object).where(chunk[list(columns)].notna(), None)
        for row, values in plain.to_dict("index").items():
            yield (
                int(str(row)),
                {str(k): (v.strip() or None) if isinstance(v, str) else None for k, v in values.items()},
            )


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
        A row whose kind and code are not of the form ``component:01001``.
    """
    out = []
    for row, values in _records(path, CATEGORY_COLUMNS):
        try:
            CategoryKey.parse(f"{values['kind']}:{values['code'] or ''}")
        except CodeInvalid as e:
            raise _fail(path, row, "kind, code", f"{values['kind']}:{values['code']}", e.expected) from e
        if values["scheme"] is None:
            raise _fail(path, row, "scheme", None, "the scheme's name")
        out.append(values)
    return out


def read_rules(path: Path, city: City, units: set[str]) -> list[Rule]:
    """Responsibility rules; ``*`` or nothing as grid_code means everywhere.

    Raises
    ------
    TableInvalid
        Names the row, the column, the value and what was expected.
    """
    out = []
    for row, v in _records(path, RULE_COLUMNS):
        everywhere = v["grid_code"] in (None, "*")
        try:
            CategoryPattern.parse(v["category"] or "")
            level = None if everywhere else city.level(v["level"] or "").number
        except (CodeInvalid, LevelUnknown) as e:
            column = "category" if isinstance(e, CodeInvalid) else "level"
            raise _fail(path, row, column, v[column], str(e.facts.get("expected") or e.facts.get("known"))) from e
        if v["unit_code"] not in units:
            raise _fail(path, row, "unit_code", v["unit_code"], "a unit of the city's table")
        first, last = (_date(path, row, name, v[name]) for name in ("valid_from", "valid_to"))
        grid = None if everywhere else v["grid_code"]
        out.append(Rule(v["category"] or "", level, grid, str(v["unit_code"]), first or dt.date(1900, 1, 1), last))
    return out


def _date(path: Path, row: int, column: str, value: str | None) -> dt.date | None:
    if value is None:
        return None
    stamp = pd.to_datetime(value, format="ISO8601", errors="coerce")
    if pd.isna(stamp):
        raise _fail(path, row, column, value, "a date such as 2025-01-01, or nothing")
    return dt.date(stamp.year, stamp.month, stamp.day)
