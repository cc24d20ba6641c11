"""Hand-entered data (录入数据): entries, lists of who is assessed, the daily staff table; rows are only added.

Of one key the newest row counts. A row without a value withdraws; what an entry
said before stays and is listed with it.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.dialects.postgresql import Range, distinct_on

from gridmgmt.database import cities, copying
from gridmgmt.database import tables as t
from gridmgmt.files.wording import named
from gridmgmt.rulebooks.dossier import Subject
from gridmgmt.rulebooks.records import RESULT, joined

_EntryKey = tuple[str, str, str, str]
"""Period, subject, input, ref."""

_STAFF_SUMS = ("worked_h", "online_h", "n_absent", "n_all_off")


@dataclass(frozen=True)
class Current:
    """The newest row of an entry's key, the file it came from, and its place in the order of first entry."""

    period: str
    subject: str
    input: str
    ref: str
    value: Any
    evidence: str | None
    file_sha256: str | None
    place: int

    @property
    def key(self) -> _EntryKey:
        """Of one key the newest row counts."""
        return self.period, self.subject, self.input, self.ref


def current(connection: Connection, rulebook_id: str, period_labels: Sequence[str]) -> list[Current]:
    """The newest row of every key in some periods, withdrawn ones too, in the order in which keys came up first."""
    e = t.entry.c
    key = (e.period, e.subject_code, e.input, e.ref)
    order = func.row_number().over(partition_by=key, order_by=(e.known_at.desc(), e.id.desc()))
    first = func.min(e.id).over(partition_by=key)
    numbered = (
        select(*key, e.value, e.evidence, t.batch.c.file_sha256, first.label("place"), order.label("n"))
        .join_from(t.entry, t.batch)
        .where(e.rulebook_id == rulebook_id, e.period.in_(period_labels))
        .subquery()
    )
    newest = select(*(c for c in numbered.c if c.name != "n")).where(numbered.c.n == 1).order_by(numbered.c.place)
    return [Current(*row) for row in connection.execute(newest)]


def current_entries(
    connection: Connection, rulebook_id: str, period_labels: Sequence[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Period → subject → input → plain value, records joined; each finding and event says which ``entry`` it is.

    The order of records follows from what they say, not from when they were
    entered; only the steps of hanging accounts without days come as entered.
    """
    found: dict[tuple[str, str, str], list[tuple[str, Any]]] = {}
    for row in current(connection, rulebook_id, period_labels):
        if row.value is not None:
            value = row.value
            if row.ref and {"mark", "title", "step", "category"}.isdisjoint(value):
                value = {**value, "entry": entry_name(rulebook_id, row.key)}
            found.setdefault((row.period, row.subject, row.input), []).append((row.ref, value))
    out: dict[str, dict[str, dict[str, Any]]] = {}
    for (period, subject, name), rows in found.items():
        if not (rows[0][0] and "step" in rows[0][1]):
            rows.sort(key=lambda r: r[0])
        out.setdefault(period, {}).setdefault(subject, {})[name] = joined(rows)
    return out


def results(connection: Connection, rulebook_id: str) -> dict[str, dict[str, Any]]:
    """Period → subject → the result that was handed in instead of being computed (往期结果)."""
    e = t.entry.c
    labels = select(e.period).distinct().where(e.rulebook_id == rulebook_id, e.input == RESULT)
    found = current_entries(connection, rulebook_id, list(connection.execute(labels).scalars()))
    made = {label: {c: x[RESULT] for c, x in own.items() if RESULT in x} for label, own in found.items()}
    return {label: own for label, own in made.items() if own}


def entry_name(rulebook_id: str, key: _EntryKey) -> str:
    """What an entry is called wherever it is told: the same in every database."""
    return "/".join((rulebook_id, *key)).rstrip("/")


def add(
    connection: Connection, rulebook_id: str, rows: Sequence[Mapping[str, Any]], by: str, batch_id: int, at: dt.datetime
) -> None:
    """Append entries: period, subject_code, input, ref, value (None withdraws), evidence, row_no."""
    made = [{**row, "rulebook_id": rulebook_id, "entered_by": by, "batch_id": batch_id, "known_at": at} for row in rows]
    if made:
        connection.execute(t.entry.insert(), made)


def listing(
    connection: Connection,
    rulebook_id: str,
    period: str | None = None,
    *,
    history: bool = False,
    after: int = 0,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Entries with where they came from and what they replaced; with ``history`` every row, else what holds now.

    With a limit they come in the order in which they were entered, behind the row of that ``id``, and say their own.
    """
    e, b = t.entry.c, t.batch.c
    key = (e.period, e.subject_code, e.input, e.ref)
    older = func.lag(e.value).over(partition_by=key, order_by=(e.known_at, e.id))
    newest = func.row_number().over(partition_by=key, order_by=(e.known_at.desc(), e.id.desc()))
    columns = (*key, e.value, e.evidence, e.entered_by.label("by"), e.known_at, b.file, e.row_no.label("row"))
    told = (
        select(*columns, older.label("replaces"), newest.label("newest"), e.id)
        .join_from(t.entry, t.batch)
        .where(e.rulebook_id == rulebook_id)
    )
    rows = (told.where(e.period == period) if period is not None else told).subquery()
    order = (*(rows.c[k.name] for k in key), rows.c.known_at, rows.c.id) if limit is None else (rows.c.id,)
    statement = select(rows).where(rows.c.id > after).order_by(*order).limit(limit)
    if not history:
        statement = statement.where(rows.c.newest == 1, rows.c.value.is_not(None))
    found = connection.execute(statement).mappings()
    return [_listed(rulebook_id, row) | ({} if limit is None else {"id": row["id"]}) for row in found]


def _listed(rulebook_id: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    names = ("period", "subject_code", "input", "ref", "value", "replaces", "evidence", "by", "known_at", "file", "row")
    key = (row["period"], row["subject_code"], row["input"], row["ref"])
    return {"entry": entry_name(rulebook_id, key), **{n: row[n] for n in names}, "holds": row["newest"] == 1}


# --- who is assessed --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AssessedRow:
    """One row of a rulebook's list (考核对象名单): of those of a subject that begin on one day the newest."""

    subject_id: int
    kind: str
    subject: Subject
    first: dt.date
    last: dt.date | None


def assessed_rows(connection: Connection, rulebook_id: str, known_by: dt.datetime | None = None) -> list[AssessedRow]:
    """A rulebook's list with every span of days, by level, code and first day.

    Days are those that are known now; what is said of a subject in a span (group, role, superiors, attributes) is told
    as it was known by an instant where one is given, or, where it was not known yet, as it was first told.
    """
    found = copying.rows(connection, "assessing/store/assessed_rows", rulebook=rulebook_id, known_by=known_by)
    levels = [x.key for x in cities.load_city(connection).levels]
    return [_assessed_row(levels, SimpleNamespace(**r)) for r in found]


def _assessed_row(levels: Sequence[str], r: Any) -> AssessedRow:
    name = named(r.name_zh, r.name_en, r.code)
    level = levels[r.level - 1] if r.kind == "grid" else None
    subject = Subject(r.code, name, level, r.group_name, r.role, tuple(r.superiors), tuple(r.attributes))
    return AssessedRow(r.subject_id, r.kind, subject, r.first, r.last)


def assessed_on(
    connection: Connection, rulebook_id: str, day: dt.date, known_by: dt.datetime | None = None
) -> list[Subject]:
    """Who is assessed by a rulebook on a day, by its list (:func:`assessed_rows`); nobody where it has none."""
    rows = assessed_rows(connection, rulebook_id, known_by)
    return [r.subject for r in rows if r.first <= day and (r.last is None or day < r.last)]


def subject_ids(connection: Connection, kind: str) -> dict[tuple[int, str], int]:
    """Level number and code → id of the subjects of a kind; levels are 0 except for grids."""
    s = t.subject.c
    rows = connection.execute(select(s.level, s.code, s.id).where(s.kind == kind))
    return {(r.level, r.code): r.id for r in rows}


def save_subjects(connection: Connection, kind: str, names: Mapping[str, Mapping[str, str]]) -> int:
    """Make units or persons subjects, by code; gives how many known ones bear another name now."""
    s = t.subject.c
    rows = connection.execute(select(s.code, s.name_zh, s.name_en).where(s.kind == kind))
    known = {r.code: (r.name_zh, r.name_en) for r in rows}
    made = [{"kind": kind, "level": 0, "code": c, "name_zh": n["zh"], "name_en": n["en"]} for c, n in names.items()]
    copying.put(connection, t.subject, made, ["kind", "level", "code"])
    return sum(c in known and known[c] != (n["zh"], n["en"]) for c, n in names.items())


def add_assessed(
    connection: Connection,
    rulebook_id: str,
    subject_id: int,
    subject: Subject,
    first: dt.date,
    last: dt.date | None,
    batch_id: int,
    at: dt.datetime,
) -> None:
    """Append a row to a rulebook's list; a row of the same subject that is under way ends where it begins."""
    a = t.assessed.c
    connection.execute(
        t.assessed.update()
        .where(a.rulebook_id == rulebook_id, a.subject_id == subject_id, func.lower(a.valid) < first)
        .where(a.valid.contains(first))
        .values(valid=func.daterange(func.lower(a.valid), first))
    )
    connection.execute(
        t.assessed.insert().values(
            rulebook_id=rulebook_id, subject_id=subject_id, group_name=subject.group, role=subject.role,
            superiors=list(subject.superiors), attributes=list(subject.attributes), valid=Range(first, last),
            batch_id=batch_id, known_at=at,
        )
    )  # fmt: skip


# --- the daily staff table --------------------------------------------------------------------------------------------


def _staff() -> Select[Any]:
    """The newest row of each day, subject and person."""
    d = t.staff_day.c
    key = (d.day, d.subject_code, d.person)
    newest = select(*key, *(d[n] for n in _STAFF_SUMS)).ext(distinct_on(*key))
    return newest.order_by(*key, d.known_at.desc(), d.id.desc())


def staff_rows(connection: Connection, days: Iterable[dt.date]) -> dict[tuple[dt.date, str, str], tuple[Any, ...]]:
    """Day, subject and person → hours worked and online, and the two numbers of times off, on some days."""
    found = connection.execute(_staff().where(t.staff_day.c.day.in_(sorted(set(days)))))
    return {(r.day, r.subject_code, r.person): (Fraction(r[3]), Fraction(r[4]), r[5], r[6]) for r in found}


def add_staff(connection: Connection, rows: Sequence[Mapping[str, Any]], batch_id: int, at: dt.datetime) -> None:
    """Append rows of the daily staff table."""
    if rows:
        connection.execute(t.staff_day.insert(), [{**row, "batch_id": batch_id, "known_at": at} for row in rows])


def staff_sums(connection: Connection, start_day: dt.date, end_day: dt.date) -> dict[str, dict[str, Fraction | int]]:
    """Sums of the daily staff table (人员每日在线表) from the first day to before the last, by subject.

    Where all phones of an office were off together, that one finding
    (``n_all_off``) stands for the single absences of the occasion: ``n_absent``
    of its persons must not count them again, for nothing is subtracted here.
    It is the office's finding, so of a day the largest number on any person's
    row counts, whether it stands on one row or on all.
    """
    d = t.staff_day.c
    rows = _staff().where(d.day >= start_day, d.day < end_day).subquery().c
    by_day = (
        select(rows.subject_code, *(func.sum(rows[n]).label(n) for n in _STAFF_SUMS[:3]))
        .add_columns(func.max(rows.n_all_off).label("n_all_off"))
        .group_by(rows.subject_code, rows.day)
        .subquery()
        .c
    )
    sums = select(by_day.subject_code, *(func.sum(by_day[n]).label(n) for n in _STAFF_SUMS))
    return {
        r.subject_code: {
            "worked_h": Fraction(r.worked_h),
            "online_h": Fraction(r.online_h),
            "n_absent": int(r.n_absent),
            "n_all_off": int(r.n_all_off),
        }
        for r in connection.execute(sums.group_by(by_day.subject_code))
    }
