"""Assessments (考评): header, one document a subject, and the frozen evidence behind every count."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pandas as pd
from sqlalchemy import Connection, func, select, text

from gridmgmt.errors import AssessmentMissing, SubjectMissing
from gridmgmt.store import tables as t
from gridmgmt.store.bulk import copy_in, rows


@dataclass(frozen=True)
class Stored:
    """One assessment's row."""

    id: int
    name: str
    rulebook_id: str
    period: str
    as_of: dt.datetime
    edition_id: int
    header: Mapping[str, Any]
    sha256: str
    rulebook_text: str


COLUMNS = tuple(t.assessment.c[n] for n in Stored.__dataclass_fields__)


def find_same(connection: Connection, rulebook_id: str, period: str, sha256: str) -> str | None:
    """The name of an assessment with the same content, if there is one."""
    a = t.assessment.c
    statement = select(a.name).where(a.rulebook_id == rulebook_id, a.period == period, a.sha256 == sha256)
    return connection.execute(statement).scalar()


def next_name(connection: Connection, rulebook_id: str, period: str) -> str:
    """``<rulebook>-<period>-<number>``, the number counting the assessments of that rulebook and period."""
    a = t.assessment.c
    n = connection.execute(select(func.count()).where(a.rulebook_id == rulebook_id, a.period == period)).scalar_one()
    return f"{rulebook_id}-{period}-{n + 1}"


def known_through(connection: Connection) -> dt.datetime | None:
    """When the database last learnt something: what an assessment made now has seen."""
    return connection.execute(select(func.max(t.batch.c.known_at))).scalar()


def save(
    connection: Connection,
    values: Mapping[str, Any],
    subjects: Sequence[Mapping[str, Any]],
    totals: Mapping[tuple[int, str], Fraction | None],
) -> int:
    """Save an assessment with its subjects' documents."""
    assessment_id = int(
        connection.execute(t.assessment.insert().values(**values).returning(t.assessment.c.id)).scalar_one()
    )
    s = t.subject.c
    ids = {(r.level, r.code): r.id for r in connection.execute(select(s.id, s.level, s.code).where(s.kind == "grid"))}
    rows = []
    for document in subjects:
        key = (document["subject"]["level_number"], document["subject"]["code"])
        total = totals[key]
        rows.append(
            {
                "assessment_id": assessment_id,
                "subject_id": ids[key],
                "total_numerator": total.numerator if total is not None else None,
                "total_denominator": total.denominator if total is not None else None,
                "total_shown": document["total"]["shown"] if document["total"] else None,
                "rank": document["rank"]["level"]["rank"] if document["rank"]["level"] else None,
                "document": document,
            }
        )
    if rows:
        connection.execute(t.assessment_subject.insert(), rows)
    return assessment_id


def save_evidence(connection: Connection, table: str, assessment_id: int, frame: pd.DataFrame) -> None:
    """Freeze the facts that count: fact_no, content_hash, grid_codes (list by level), unit_code, mask."""
    out = frame.copy()
    out.insert(0, "assessment_id", assessment_id)
    copy_in(connection, table, out)


def by_name(connection: Connection, name: str) -> Stored:
    """The assessment of that name; ``latest`` or a rulebook's id means its newest one.

    Raises
    ------
    AssessmentMissing
        There is none; lists the newest ones.
    """
    a = t.assessment.c
    statement = select(*COLUMNS).where((a.name == name) | (a.rulebook_id == name) | (name == "latest"))
    row = connection.execute(statement.order_by((a.name == name).desc(), a.id.desc()).limit(1)).one_or_none()
    if row is None:
        known = [r.name for r in connection.execute(select(a.name).order_by(a.id.desc()).limit(10))]
        raise AssessmentMissing(name=name, known=known)
    return Stored(*row)


def listing(connection: Connection) -> list[dict[str, Any]]:
    """Every assessment, newest first."""
    a = t.assessment.c
    statement = select(a.name, a.rulebook_id, a.period, a.as_of, a.sha256, a.known_at).order_by(a.id.desc())
    return [dict(r) for r in connection.execute(statement).mappings()]


def documents(connection: Connection, assessment_id: int, level: int | None = None) -> list[dict[str, Any]]:
    """Subjects' documents, by level and code."""
    c, s = t.assessment_subject.c, t.subject.c
    statement = (
        select(c.document)
        .join_from(t.assessment_subject, t.subject)
        .where(c.assessment_id == assessment_id)
        .order_by(s.level, s.code)
    )
    if level is not None:
        statement = statement.where(s.level == level)
    return [r.document for r in connection.execute(statement)]


def document(connection: Connection, stored: Stored, code: str, level: int | None = None) -> dict[str, Any]:
    """One subject's document.

    Raises
    ------
    SubjectMissing
        The assessment has no grid of that code.
    """
    c, s = t.assessment_subject.c, t.subject.c
    statement = (
        select(c.document)
        .join_from(t.assessment_subject, t.subject)
        .where(c.assessment_id == stored.id, s.code == code)
        .order_by(s.level.desc())
    )
    if level is not None:
        statement = statement.where(s.level == level)
    found = connection.execute(statement.limit(1)).scalar()
    if found is None:
        raise SubjectMissing(name=stored.name, code=code)
    return dict(found)


def evidence(connection: Connection, table: str, assessment_id: int, level: int, code: str, bit: int) -> list[str]:
    """The numbers of the frozen facts behind one count of one grid."""
    statement = text(
        f"SELECT fact_no FROM {table} "
        "WHERE assessment_id = :assessment_id AND grid_codes[:level] = :code AND mask & :bit <> 0 ORDER BY fact_no"
    )
    found = connection.execute(
        statement, {"assessment_id": assessment_id, "level": level, "code": code, "bit": 1 << bit}
    )
    return list(found.scalars())


def spots(connection: Connection, assessment_id: int, level: int, code: str, bit: int) -> list[tuple[float, float]]:
    """Where the cases behind one count of one grid stood, lon and lat in EPSG:4490, in case-number order."""
    found = rows(connection, "spots_of_grid", assessment_id=assessment_id, level=level, code=code, bit=1 << bit)
    return [(r["lon"], r["lat"]) for r in found]
