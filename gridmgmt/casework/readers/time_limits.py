"""The time-limit table (时限表): CSV or Excel with fixed columns, right or refused as a whole."""

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from gridmgmt.accepted import words
from gridmgmt.casework.time_limits import STAGES, TimeLimit
from gridmgmt.codes import CategoryPattern
from gridmgmt.deadlines import UNITS, Limit
from gridmgmt.errors import CodeInvalid, OptionInvalid
from gridmgmt.people.readers.people import days
from gridmgmt.people.readers.reference import records, refuse
from gridmgmt.people.units import Fault

REQUIRED = ("category", "stage", "amount", "unit")
OPTIONAL = ("unit_code", "part", "part_zh", "part_en", "condition_zh", "condition_en", "valid_from", "valid_to")


def read_limits(path: Path, units: Collection[str]) -> list[TimeLimit]:
    """The rows of a time-limit table; ``valid_from`` empty: from ever.

    Raises
    ------
    TableRefused
        With every fault of every row.
    """
    faults: list[Fault] = []
    out: list[tuple[int, TimeLimit]] = []
    seen: dict[object, int] = {}
    for row, cells in records(path, REQUIRED, OPTIONAL):
        made = _row(row, cells, units, faults)
        key = (made.key, made.part)
        if key in seen:
            faults.append({**_fault("twice", row, "category", made.category), "first": seen[key]})
        seen.setdefault(key, row)
        out.append((row, made))
    faults += _gaps(out)
    refuse(path, faults)
    return [limit for _, limit in out]


def _row(row: int, v: dict[str, str | None], units: Collection[str], faults: list[Fault]) -> TimeLimit:
    try:
        CategoryPattern.parse(v["category"] or "")
    except CodeInvalid:
        faults.append(_fault("category", row, "category", v["category"]))
    if v["stage"] not in words("stage"):
        faults.append({**_fault("stage", row, "stage", v["stage"]), "known": _words(STAGES)})
    if v["unit_code"] is not None and v["unit_code"] not in units:
        faults.append(_fault("unit", row, "unit_code", v["unit_code"]))
    limit = Limit(Fraction(1), "urgent_hour")
    try:
        limit = Limit.parse(v["amount"] or "", v["unit"] or "")
    except OptionInvalid as e:
        column = str(e.name)
        faults.append({**_fault(f"limit_{column}", row, column, v[column]), "known": _words(UNITS)})
    part = v["part"] or "1"
    if not part.isdecimal() or int(part) < 1:
        faults.append(_fault("part", row, "part", part))
        part = "1"
    first, last = days(row, v, faults)
    return TimeLimit(
        v["category"] or "", words("stage").get(v["stage"] or "", ""), limit.amount, limit.unit, first, last,
        v["unit_code"], int(part), v["part_zh"], v["part_en"], v["condition_zh"], v["condition_en"],
    )  # fmt: skip


def _fault(code: str, row: int, column: str, value: str | None) -> Fault:
    return {"code": code, "row": row, "column": column, "value": value}


def _words(codes: Mapping[str, str]) -> list[str]:
    return [f"{zh} {code}" for code, zh in codes.items()]


def _gaps(rows: Sequence[tuple[int, TimeLimit]]) -> list[Fault]:
    """A staged limit has its parts 1, 2, 3 without a gap, all valid on the same days."""
    by_key: dict[object, list[tuple[int, TimeLimit]]] = {}
    for row, limit in rows:
        by_key.setdefault(limit.key, []).append((row, limit))
    out = []
    for parts in by_key.values():
        numbers = sorted({limit.part for _, limit in parts})
        if numbers != list(range(1, len(numbers) + 1)) or len({limit.valid_to for _, limit in parts}) > 1:
            row, limit = parts[-1]
            out.append(_fault("parts", row, "part, valid_to", ", ".join(map(str, numbers))))
    return out
