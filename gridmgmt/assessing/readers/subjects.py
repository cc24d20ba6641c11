"""Who is assessed (考核对象名单) and the daily staff table (人员每日在线表), checked cell by cell."""

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, ValidationInfo, model_validator

from gridmgmt.faults import Faults
from gridmgmt.files import forms
from gridmgmt.files.forms import Collected, Line
from gridmgmt.files.tables import ALWAYS, Row, Wrong
from gridmgmt.files.wording import named
from gridmgmt.rulebooks.dossier import Subject
from gridmgmt.texts import Unfit

LIST_COLUMNS = (
    "code", "name_zh", "name_en", "group", "role", "superiors", "attributes", "level", "valid_from", "valid_to",
)  # fmt: skip


@dataclass(frozen=True)
class Listed:
    """One row of a list of subjects: valid from its first day to before its last (None: without end)."""

    subject: Subject
    first: dt.date
    last: dt.date | None
    line: Line


def _end(text: str, info: ValidationInfo) -> dt.date:
    last = forms.day(text)
    if last <= info.data.get("valid_from", ALWAYS):
        raise Unfit("day_after_first")
    return last


Names = Annotated[tuple[str, ...], BeforeValidator(forms.listed)]


class _ListRow(Row):
    code: str
    valid_from: Annotated[dt.date, BeforeValidator(forms.day)] = ALWAYS
    valid_to: Annotated[dt.date | None, BeforeValidator(_end)] = None
    name_zh: str | None = None
    name_en: str | None = None
    level: str | None = None
    group: str | None = None
    role: str | None = None
    superiors: Names = ()
    attributes: Names = ()


def _hours(text: str) -> str:
    value = forms.number(text)
    if not 0 <= Fraction(value) <= 24 or "/" in value:
        raise Unfit("hours")
    return value


Hours = Annotated[str, BeforeValidator(_hours)]
Times = Annotated[int, BeforeValidator(forms.whole(0))]


class StaffDay(Row):
    """One person's day at one subject: hours worked and online, times off the phone alone and with the whole office."""

    day: Annotated[dt.date, BeforeValidator(forms.day)]
    subject_code: str
    person: str
    worked_h: Hours = "0"
    online_h: Hours = "0"
    n_absent: Times = 0
    n_all_off: Times = 0

    @model_validator(mode="after")
    def _not_more_online(self) -> Self:
        if Fraction(self.online_h) > Fraction(self.worked_h):
            raise Wrong("expected_hours_up_to", column="online_h", worked=self.worked_h)
        return self

    @property
    def key(self) -> tuple[dt.date, str, str]:
        """Day, subject and person: of one key the newest row counts."""
        return self.day, self.subject_code, self.person


STAFF_COLUMNS = tuple(StaffDay.model_fields)


def read_line(collected: Collected, line: Line) -> Listed | None:
    """One row of a list of subjects; None where it is wrong, which is noted."""
    row = collected.row(line, _ListRow, "expected_subject_code")
    if row is None:
        return None
    name = named(row.name_zh, row.name_en, row.code)
    subject = Subject(row.code, name, row.level, row.group, row.role, row.superiors, row.attributes)
    return Listed(subject, row.valid_from, row.valid_to, line)


def read_subjects(path: Path) -> tuple[list[Listed], Collected, str]:
    """A list of subjects (csv, or the sheet 对象 of a form): its rows, what is wrong, the file's SHA-256.

    Raises
    ------
    FileUnreadable, ColumnMissing
    """
    collected = Collected(path.name)
    sheet = next(iter(forms.read_sheets(path, {"subjects": ("code", "name_zh")})))
    collected.faults += sheet.broken
    out: list[Listed] = []
    seen: dict[tuple[str, str | None, dt.date], int] = {}
    for line in sheet.lines:
        collected.known(line, LIST_COLUMNS)
        found = read_line(collected, line)
        if found is None:
            continue
        row = seen.setdefault((found.subject.code, found.subject.level, found.first), line.row)
        if row != line.row:
            collected.fault(line, "code", "subject_once", row=row)
        out.append(found)
    return out, collected, sheet.sha256


def read_staff(path: Path) -> tuple[list[tuple[Line, StaffDay]], Faults, str]:
    """A daily staff table: its good rows and where they stand, its faults, the file's SHA-256.

    Raises
    ------
    FileUnreadable, ColumnMissing
    """
    collected = Collected(path.name)
    sheet = next(iter(forms.read_sheets(path, {"staff": STAFF_COLUMNS})))
    collected.faults += sheet.broken
    out: dict[tuple[dt.date, str, str], tuple[Line, StaffDay]] = {}
    for line in sheet.lines:
        n = len(collected.faults)
        collected.known(line, STAFF_COLUMNS)
        row = collected.row(line, StaffDay)
        if row is None or len(collected.faults) > n:
            continue
        first, old = out.setdefault(row.key, (line, row))
        if old != row:
            collected.fault(line, "person", "person_once", row=first.row)
    return list(out.values()), collected.faults, sheet.sha256
