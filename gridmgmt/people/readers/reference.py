"""Reference tables of a city: units, categories, responsibility rules (:mod:`gridmgmt.files.tables`)."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ValidationInfo, model_validator

from gridmgmt.city import City
from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.errors import CodeInvalid, LevelUnknown
from gridmgmt.faults import Faults
from gridmgmt.files import tables
from gridmgmt.files.tables import GridCode, Level, Row, Text, Wrong, known, refuse, repeated
from gridmgmt.people.responsibility import Rule
from gridmgmt.people.units import Unit
from gridmgmt.periods import outlasts


def _own_code(value: str | None, info: ValidationInfo) -> str:
    if value is None or known(info)["seen"].setdefault(value, known(info)["row"]) != known(info)["row"]:
        raise Wrong("expected_code_of_its_own")
    return value


class _UnitRow(Row):
    code: Annotated[str, BeforeValidator(_own_code)]
    name_zh: Text
    name_en: Text
    kind: Text
    parent_code: Text
    level: Level = None
    grid_code: GridCode = None


class _CategoryRow(Row):
    scheme: Text
    kind: Text
    code: Text
    major_code: Text
    major_zh: Text
    major_en: Text
    name_zh: Text
    name_en: Text

    @model_validator(mode="after")
    def _keyed(self) -> Self:
        try:
            CategoryKey.parse(f"{self.kind}:{self.code or ''}")
        except CodeInvalid as e:
            raise Wrong("expected_form", column="kind, code", shows=["kind", "code"], form=e.expected) from None
        if self.scheme is None:
            raise Wrong("expected_scheme", column="scheme")
        return self


def _pattern(text: str | None) -> str:
    try:
        CategoryPattern.parse(text or "")
    except CodeInvalid as e:
        raise Wrong("expected_form", form=e.expected) from None
    return str(text)


def _level_of_grid(text: str | None, info: ValidationInfo) -> int | None:
    """The level, where a grid is named."""
    try:
        return int(known(info)["city"].level(text or "").number) if info.data["grid_code"] is not None else None
    except LevelUnknown as e:
        raise Wrong("expected_one_of", known=e.known) from None


def _unless_any(text: str | None) -> str | None:
    return None if text == "*" else text


_AnyOr = Annotated[str | None, BeforeValidator(_unless_any)]
"""``*`` is nothing in particular."""


class _RuleRow(Row):
    category: Annotated[str, BeforeValidator(_pattern)]
    grid_code: _AnyOr
    level: Annotated[int | None, BeforeValidator(_level_of_grid)]
    unit_code: Annotated[Text, tables.one_of("units", "expected_known_unit")]
    valid_from: Annotated[dt.date, tables.first_day("expected_day_or_nothing")]
    valid_to: Annotated[dt.date | None, tables.end_day("expected_day_or_nothing", "expected_day_after_first")]
    land_owner: _AnyOr = None
    override: Annotated[bool, tables.answer(default=False)] = False

    @model_validator(mode="before")
    @classmethod
    def _grid_of_level(cls, cells: dict[str, Any]) -> dict[str, Any]:
        if cells["level"] is not None and cells["grid_code"] is None:  # else it would hold everywhere
            raise Wrong("table_fault_level_without_grid", column="grid_code", shows=["level"])
        return cells

    @model_validator(mode="after")
    def _of_one_grid(self) -> Self:
        if self.override and (self.category != "*" or self.grid_code is None or self.land_owner is not None):
            raise Wrong("table_fault_override", column="override")
        return self


def reopened(ends: Mapping[int, tuple[dt.date | None, dt.date | None]]) -> Faults:
    """Rows that let something go on after its end, as an old table does: by row its end there, and the one it has."""
    out = Faults()
    for row, (end, held) in ends.items():
        if outlasts(end, held):
            out.note(row, "valid_to", str(end) if end else None, "table_fault_reopens", held=str(held))
    return out


def read_units(path: Path, city: City) -> dict[int, Unit]:
    """Units by row: code, name_zh, name_en, kind, parent_code, and where the table has them level and grid_code.

    Raises
    ------
    TableInvalid
        A row without a code, or a code that stands twice.
    TableRefused
        Levels that the city does not have; whether the units are a tree :func:`gridmgmt.people.units.faults` checks.
    """
    rows, faults = tables.read(path, _UnitRow, city=city)
    refuse(path, faults)
    return {row: Unit(**dict(one)) for row, one in rows.items()}


def read_categories(path: Path) -> list[dict[str, str | None]]:
    """Categories keyed by scheme, kind and code.

    Raises
    ------
    TableInvalid
        A row whose kind and code are not of the form ``component:01001``,
        without a scheme, or a category that stands twice.
    """
    rows, faults = tables.read(path, _CategoryRow)
    for row, one, _ in repeated(rows, lambda x: (x.scheme, x.kind, x.code)):
        faults.note(row, "kind, code", f"{one.kind}:{one.code}", "expected_category_of_its_own")
    refuse(path, faults)
    return [one.model_dump() for one in rows.values()]


def read_rules(path: Path, city: City, units: set[str]) -> dict[int, Rule]:
    """Responsibility rules (责任清单) by row; ``*`` or nothing as grid_code means everywhere, as land_owner anybody's.

    ``valid_from`` and ``valid_to`` are days, the second the first day on which
    the rule no longer holds; nothing means from ever, without end. The columns
    ``land_owner`` and ``override`` may be absent.

    Raises
    ------
    TableInvalid, TableRefused
        Names the row, the column, the value and what was expected: the first of the table.
    """
    found, faults = tables.read(path, _RuleRow, city=city, units=units)
    refuse(path, faults[:1])
    rows = {row: Rule(**dict(one)) for row, one in found.items()}
    for row, rule, before in repeated(rows, lambda x: x.endless):
        if rows[before] != rule:
            faults.note(
                row, "valid_to", str(rule.valid_to) if rule.valid_to else None, "table_fault_two_ends", first=before
            )
    refuse(path, faults)
    return rows
