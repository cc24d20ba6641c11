"""Rows in quarantine one by one (问题数据修正): looked at, and mended before they are tried again.

Of a row only what its profile reads is shown, and not who reported (举报人信息): other columns may hold anything.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gridmgmt import bounds
from gridmgmt.database import auditing, quarantine
from gridmgmt.database.doors import needs
from gridmgmt.database.quarantine import BadRow, Held, Open
from gridmgmt.database.work import Work
from gridmgmt.errors import OptionInvalid, ProfileMissing, RowMissing
from gridmgmt.faults import Fault
from gridmgmt.intake.readers import profiles


@needs("imports.write")
def rows(work: Work, *, after: int = 0, limit: int = 100, profile: str | None = None) -> list[Open]:
    """Rows that wait, in order of their coming in; ``after``: the number of the last one that was seen."""
    with work.snapshot() as connection:
        found = quarantine.waiting(connection, after, limit, profile=profile)
    columns = {name: _columns(name) for name in {row.profile for row in found}}
    return [_shown(row, columns[row.profile]) for row in found]


def _columns(profile: str) -> Sequence[str]:
    """The columns that are shown of a profile's files: of one that is not here any more, none."""
    try:
        return profiles.load(profile).open_columns()
    except ProfileMissing:
        return ()


def _shown(row: Open, columns: Sequence[str]) -> Open:
    def part(raw: Mapping[str, Any]) -> dict[str, Any]:
        return {column: raw[column] for column in columns if column in raw}

    problems = [p if p["column"] in columns else {**p, "value": None} for p in row.problems]
    return replace(row, raw=part(row.raw), given=part(row.given) if row.given is not None else None, problems=problems)


def without_reporters(held: Held) -> Held:
    """Rows of a file as they are handed on: what their profile reads, but for who reported.

    A cell that is withheld is one that cannot be read: the row is loaded by its workbook once somebody fills it in,
    or mended here. A line that was no record stands with its number alone.
    """
    try:
        profile = profiles.load(held.group.profile)
    except ProfileMissing:
        return replace(held, columns=[], rows=[_handed(row, (), ()) for row in held.rows])
    read, told = set(profile.file_columns()), set(profile.open_columns())
    columns = [c for c in held.columns if c in read]
    hidden = [c for c in columns if c not in told]
    return replace(held, columns=columns, rows=[_handed(row, told, hidden) for row in held.rows])


def _handed(row: BadRow, told: Collection[str], hidden: Sequence[str]) -> BadRow:
    faults = [f if f.column in told else replace(f, value=None) for f in row.faults]
    withheld = [Fault(row.row_no, c, None, "cell_withheld") for c in hidden if row.raw.get(c)]
    return BadRow(row.row_no, {c: v for c, v in row.raw.items() if c in told}, [*faults, *withheld])


@needs("imports.write")
def mend(work: Work, number: int, values: Mapping[str, str | None]) -> Open:
    """Say what cells of a row should hold; None empties one. It is tried by the next retry, and waits until then.

    What the file had stays beside it. A line that was no record is one from now on, of what is told.

    Raises
    ------
    RowMissing
        No such row waits, or it is not the viewer's.
    OptionInvalid
        The profile reads no such column, or the text is longer than is read.
    """
    with work.transaction() as connection:
        row = quarantine.locked(connection, number)
        if row is None:
            raise RowMissing(number=number)
        columns = _columns(row.profile)
        for column, text in values.items():
            if column not in columns:
                raise OptionInvalid(name="values", value=column, expected=", ".join(columns))
            if text is not None and len(text) > bounds.most("text_kb"):
                raise OptionInvalid(name=column, value=f"{text[:20]}…", expected=f"<= {bounds.most('text_kb')}")
        before = {} if set(row.raw) == {"text"} and "text" not in columns else row.raw
        raw = {c: v for c, v in {**before, **values}.items() if v is not None}
        quarantine.mend(connection, row, raw, [p for p in row.problems if p["column"] not in values])
        auditing.note(connection, quarantine=[number])
        found = quarantine.locked(connection, number)
    if found is None:
        raise RowMissing(number=number)
    return _shown(found, columns)
