"""The time-limit table (时限表): CSV or Excel with fixed columns, right or refused as a whole."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo

from gridmgmt.accepted import words
from gridmgmt.casework.time_limits import STAGES, TimeLimit
from gridmgmt.codes import CategoryPattern
from gridmgmt.deadlines import UNITS, Limit
from gridmgmt.errors import CodeInvalid, OptionInvalid
from gridmgmt.faults import Fault
from gridmgmt.files import tables
from gridmgmt.files.tables import ALWAYS, EndDay, FirstDay, Row, Text, Wrong, known, refuse, repeated


def _category(text: str | None) -> str:
    try:
        CategoryPattern.parse(text or "")
    except CodeInvalid:
        raise Wrong("table_fault_category") from None
    return str(text)


def _stage(text: str | None) -> str:
    found = words("stage").get(text or "")
    if found is None:
        raise Wrong("table_fault_stage", known=_known(STAGES))
    return found


def _unit_code(text: str | None, info: ValidationInfo) -> str | None:
    if text is not None and text not in known(info)["units"]:
        raise Wrong("table_fault_unit")
    return text


def _limit(unit: str | None, info: ValidationInfo) -> Limit:
    try:
        return Limit.parse(info.data["amount"] or "", unit or "")
    except OptionInvalid as e:
        raise Wrong(f"table_fault_limit_{e.name}", column=str(e.name), known=_known(UNITS)) from None


def _part(text: str | None) -> int:
    if text is not None and (not text.isdecimal() or int(text) < 1):
        raise Wrong("table_fault_part")
    return int(text or 1)


class _LimitRow(Row):
    category: Annotated[str, BeforeValidator(_category)]
    stage: Annotated[str, BeforeValidator(_stage)]
    unit_code: Annotated[Text, BeforeValidator(_unit_code)] = None
    amount: Text
    unit: Annotated[Limit, BeforeValidator(_limit)]
    part: Annotated[int, BeforeValidator(_part)] = 1
    part_zh: Text = None
    part_en: Text = None
    condition_zh: Text = None
    condition_en: Text = None
    valid_from: FirstDay = ALWAYS
    valid_to: EndDay = None


def read_limits(path: Path, units: Collection[str]) -> list[TimeLimit]:
    """The rows of a time-limit table; ``valid_from`` empty: from ever.

    Raises
    ------
    TableRefused
        With every fault of every row.
    """
    found, faults = tables.read(path, _LimitRow, units=units)
    rows = {row: TimeLimit(**{**dict(x), "amount": x.unit.amount, "unit": x.unit.unit}) for row, x in found.items()}
    for row, limit, first in repeated(rows, lambda x: (x.key, x.part)):
        faults.note(row, "category", limit.category, "table_fault_twice", first=first)
    refuse(path, faults or [*_gaps(rows)])
    return [*rows.values()]


def _known(codes: Mapping[str, str]) -> list[str]:
    return [f"{zh} {code}" for code, zh in codes.items()]


def _gaps(rows: Mapping[int, TimeLimit]) -> Iterator[Fault]:
    """A staged limit has its parts 1, 2, 3 without a gap, all valid on the same days."""
    by_key: dict[object, list[tuple[int, TimeLimit]]] = {}
    for row, limit in rows.items():
        by_key.setdefault(limit.key, []).append((row, limit))
    for parts in by_key.values():
        numbers = sorted({limit.part for _, limit in parts})
        if numbers != list(range(1, len(numbers) + 1)) or len({limit.valid_to for _, limit in parts}) > 1:
            yield Fault(parts[-1][0], "part, valid_to", ", ".join(map(str, numbers)), "table_fault_parts")
