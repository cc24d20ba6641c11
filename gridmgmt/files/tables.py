"""Reference tables (参考表): CSV or Excel with fixed column names; a table is right or refused as a whole.

A model of its rows says what a table holds: a field without a default is a column that must be there, and an empty
cell is None. Codes and days are read in half-width forms, names as they are written.
"""

import datetime as dt
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pandas as pd
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo

from gridmgmt.accepted import yes_no
from gridmgmt.errors import ColumnMissing, LevelUnknown, TableInvalid, TableRefused
from gridmgmt.faults import Fault, Faults
from gridmgmt.files.cells import texts_of
from gridmgmt.files.checking import limits
from gridmgmt.files.rows import Rows
from gridmgmt.files.tabular import open_rows
from gridmgmt.texts import Unfit

ENCODINGS = ("utf-8", "gb18030")

ALWAYS = dt.date(1900, 1, 1)
"""First day of what names none."""

MOST_FAULTS = 100
"""A refusal lists at most so many faults; it counts them all."""

AS_WRITTEN = ("name", "name_zh", "name_en", "major_zh", "major_en", "land_owner")
"""Columns whose values are not brought to half-width forms."""

T = TypeVar("T")


class Row(BaseModel):
    """One row of a table."""

    model_config = ConfigDict(frozen=True)


R = TypeVar("R", bound=Row)


class Wrong(ValueError):
    """A cell is wrong, told by code and facts.

    ``column`` where it is another one; ``shows`` the columns whose cells are told as the value.
    """

    def __init__(self, code: str, *, column: str = "", shows: Sequence[str] = (), **facts: Any) -> None:
        super().__init__(code)
        self.code, self.column, self.shows, self.facts = code, column, shows, facts


# --- reading ----------------------------------------------------------------------------------------------------------


def read(path: Path, model: type[R], **known: Any) -> tuple[dict[int, R], Faults]:
    """The good rows of a table by number, and what is wrong with the others.

    Parameters
    ----------
    **known
        What the model's validators compare with, in their context; beside it they find ``row`` and ``seen``.

    Raises
    ------
    FileUnreadable, ColumnMissing
    """
    columns = {f.alias or name: f.is_required() for name, f in model.model_fields.items()}
    rows, found = _open(path, [*columns], [name for name, needed in columns.items() if needed])
    context: dict[str, Any] = {**known, "seen": {}}
    out: dict[int, R] = {}
    faults = Faults()
    for row, given in (x for chunk in rows.chunks for x in texts_of(_readable(rows, chunk[found]), AS_WRITTEN)):
        cells = {column: given.get(column) for column in columns}
        long = next((c for c, text in cells.items() if c.endswith("code") and len(text or "") > limits().code), None)
        if long is not None:
            faults.note(row, long, str(cells[long])[:80], "expected_characters_up_to", most=limits().code)
            continue
        try:
            out[row] = model.model_validate(cells, context={**context, "row": row})
        except ValidationError as e:
            faults += faults_of(e, row, cells)
    faults += (expected(f) for f in rows.faults if f.column in columns)
    for row, text in rows.broken:
        faults.note(row, "", text[:200], "expected_columns_of_header")
    return out, faults


def _readable(rows: Rows, chunk: pd.DataFrame) -> pd.DataFrame:
    return chunk.drop(index=[*{f.row for f in rows.faults_in(chunk, list(chunk.columns))}])


def expected(fault: Fault) -> Fault:
    """A cell that cannot be read, told by what should stand there."""
    return replace(fault, code=f"expected_{fault.code}")


def _open(path: Path, columns: Sequence[str], needed: Sequence[str]) -> tuple[Rows, list[str]]:
    wanted = sorted(columns, key=lambda c: c not in needed)
    try:
        return open_rows(path, ENCODINGS, wanted), wanted
    except ColumnMissing as e:
        there = [c for c in wanted if c not in e.columns or c in needed]
        if there == wanted:
            raise
        return open_rows(path, ENCODINGS, there), there


def faults_of(
    e: ValidationError,
    row: int,
    cells: Mapping[str, str | None],
    sheet: str | None = None,
    empty: str = "table_fault_empty",
) -> Faults:
    """What a model of rows refused, as faults of a row; ``empty`` is the code of a cell that must not be so."""
    out = Faults()
    for error in e.errors():
        why = error.get("ctx", {}).get("error")
        column, value = str((error["loc"] or ("",))[0]), None
        if isinstance(why, Wrong):
            column = why.column or column
            value = ":".join(str(cells.get(c)) for c in why.shows) or None
            code, facts = why.code, why.facts
        elif isinstance(why, Unfit):
            code, facts = why.code, why.facts
        else:
            code, facts = empty, {}
        out.append(Fault(row, column, cells.get(column) if value is None else value, code, facts, sheet))
    return out


def repeated(rows: Mapping[int, T], key: Callable[[T], Hashable]) -> Iterator[tuple[int, T, int]]:
    """Rows with a key that stood before: number, row, and the number of the first."""
    first: dict[Hashable, int] = {}
    for row, one in rows.items():
        before = first.setdefault(key(one), row)
        if before != row:
            yield row, one, before


def refuse(path: Path, faults: Sequence[Fault]) -> None:
    """Refuse a table that has faults.

    Raises
    ------
    TableInvalid
        The first, in the order of the rows with broken lines last, of those that tell what was expected.
    TableRefused
        All of them where there is none, the first :data:`MOST_FAULTS` listed.
    """
    ordered = sorted(faults, key=lambda f: (not f.column, f.row))
    for f in ordered:
        if f.code.startswith("expected_"):
            wanted = f.facts["form"] if f.code == "expected_form" else f.expected
            raise TableInvalid(file=path.name, row=f.row, column=f.column, value=f.value, expected=wanted)
    if faults:
        told = [{"code": f.code.removeprefix("table_fault_"), **f.told} for f in ordered[:MOST_FAULTS]]
        raise TableRefused(file=path.name, n=len(faults), faults=told)


def known(info: ValidationInfo) -> dict[str, Any]:
    """What a model's validators compare with."""
    return info.context or {}


# --- cells ------------------------------------------------------------------------------------------------------------


def one_of(name: str, code: str, **listed: str) -> AfterValidator:
    """A cell that must be among what the context knows by a name; ``listed`` are facts to be told from the context."""

    def check(value: str | None, info: ValidationInfo) -> str | None:
        if value not in known(info)[name]:
            facts: dict[str, Any] = {fact: sorted(known(info)[told]) for fact, told in listed.items()}
            raise Wrong(code, **facts)
        return value

    return AfterValidator(check)


def answer(*, default: bool) -> BeforeValidator:
    """Yes or no (是 / 否)."""

    def read(text: str | None) -> bool:
        found = default if text is None else yes_no(text)
        if found is None:
            raise Wrong("table_fault_yes_no")
        return found

    return BeforeValidator(read)


def _day(text: str | None, code: str) -> dt.date | None:
    try:
        return (
            None if text is None else dt.date.fromisoformat(text.removesuffix(" 00:00:00"))
        )  # as spreadsheets have it
    except ValueError:
        raise Wrong(code) from None


def first_day(code: str = "table_fault_day") -> BeforeValidator:
    """A first day; nothing means from ever."""
    return BeforeValidator(lambda text: _day(text, code) or ALWAYS)


def end_day(code: str = "table_fault_day", order: str = "table_fault_order") -> BeforeValidator:
    """The first day after ``valid_from`` on which it no longer holds; nothing means without end."""

    def read(text: str | None, info: ValidationInfo) -> dt.date | None:
        if "valid_from" not in info.data:  # which is told
            return None
        last = _day(text, code)
        if last is not None and last <= info.data["valid_from"]:
            raise Wrong(order)
        return last

    return BeforeValidator(read)


def _level(text: str | None, info: ValidationInfo) -> int | None:
    try:
        return None if text is None else int(known(info)["city"].level(text).number)
    except LevelUnknown as e:
        raise Wrong("table_fault_level", known=e.known) from None


def _grid(code: str | None, info: ValidationInfo) -> str | None:
    if code is not None and "level" in info.data and info.data["level"] is None:
        raise Wrong("table_fault_grid_without_level", column="level", shows=["grid_code"])
    return code


Text = str | None
Level = Annotated[int | None, BeforeValidator(_level)]
GridCode = Annotated[str | None, AfterValidator(_grid)]
"""The grid that a row names by ``level`` and ``grid_code``."""
FirstDay = Annotated[dt.date, first_day()]
EndDay = Annotated[dt.date | None, end_day()]
