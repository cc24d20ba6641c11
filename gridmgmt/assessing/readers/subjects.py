"""Who is assessed (考核对象名单) and the daily staff table (人员每日在线表), checked cell by cell."""

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from gridmgmt.faults import Faults
from gridmgmt.files import forms
from gridmgmt.files.forms import Collected, Line
from gridmgmt.files.tables import ALWAYS
from gridmgmt.rulebooks.dossier import Subject
from gridmgmt.texts import Unfit

LIST_COLUMNS = (
    "code", "name_zh", "name_en", "group", "role", "superiors", "attributes", "level", "valid_from", "valid_to",
)  # fmt: skip
STAFF_COLUMNS = ("day", "subject_code", "person", "worked_h", "online_h", "n_absent", "n_all_off")


@dataclass(frozen=True)
class Listed:
    """One row of a list of subjects: valid from its first day to before its last (None: without end)."""

    subject: Subject
    first: dt.date
    last: dt.date | None
    line: Line


@dataclass(frozen=True)
class StaffDay:
    """One person's day at one subject: hours worked and online, times off the phone alone and with the whole office."""

    day: dt.date
    subject_code: str
    person: str
    worked_h: str
    online_h: str
    n_absent: int
    n_all_off: int
    line: Line

    @property
    def key(self) -> tuple[dt.date, str, str]:
        """Day, subject and person: of one key the newest row counts."""
        return self.day, self.subject_code, self.person


def read_line(collected: Collected, line: Line) -> Listed | None:
    """One row of a list of subjects; None where it is wrong, which is noted."""
    n = len(collected.faults)
    cells = line.cells
    if "code" not in cells:
        collected.fault(line, "code", "subject_code")
    first = collected.read(line, "valid_from", forms.day) or ALWAYS
    last = collected.read(line, "valid_to", forms.day)
    if last is not None and last <= first:
        collected.fault(line, "valid_to", "day_after_first")
    if len(collected.faults) > n:
        return None
    code = cells["code"]
    zh, en = cells.get("name_zh"), cells.get("name_en")
    subject = Subject(
        code, {"zh": zh or en or code, "en": en or zh or code}, cells.get("level"), cells.get("group"),
        cells.get("role"), forms.listed(cells.get("superiors", "")), forms.listed(cells.get("attributes", "")),
    )  # fmt: skip
    return Listed(subject, first, last, line)


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


def read_staff(path: Path) -> tuple[list[StaffDay], Faults, str]:
    """A daily staff table: its good rows, its faults, the file's SHA-256.

    Raises
    ------
    FileUnreadable, ColumnMissing
    """
    collected = Collected(path.name)
    sheet = next(iter(forms.read_sheets(path, {"staff": STAFF_COLUMNS})))
    collected.faults += sheet.broken
    out: dict[tuple[dt.date, str, str], StaffDay] = {}
    for line in sheet.lines:
        found = _staff_line(collected, line)
        if found is None:
            continue
        old = out.setdefault(found.key, found)
        if old is not found and _told(old) != _told(found):
            collected.fault(line, "person", "person_once", row=old.line.row)
    return list(out.values()), collected.faults, sheet.sha256


def _told(row: StaffDay) -> tuple[str, str, int, int]:
    return row.worked_h, row.online_h, row.n_absent, row.n_all_off


def _staff_line(collected: Collected, line: Line) -> StaffDay | None:
    n = len(collected.faults)
    collected.known(line, STAFF_COLUMNS)
    for column in STAFF_COLUMNS[:3]:
        if column not in line.cells:
            collected.fault(line, column, "value")
    day = collected.read(line, "day", forms.day)
    worked, online = (collected.read(line, c, _hours) or "0" for c in ("worked_h", "online_h"))
    absent, all_off = (collected.read(line, c, forms.whole(0)) or 0 for c in ("n_absent", "n_all_off"))
    if len(collected.faults) == n and Fraction(online) > Fraction(worked):
        collected.fault(line, "online_h", "hours_up_to", worked=worked)
    if len(collected.faults) > n or day is None:
        return None
    cells = line.cells
    return StaffDay(day, cells["subject_code"], cells["person"], worked, online, absent, all_off, line)


def _hours(text: str) -> str:
    value = forms.number(text)
    if not 0 <= Fraction(value) <= 24 or "/" in value:
        raise Unfit("hours")
    return value
