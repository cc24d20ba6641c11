"""Assessments (考评): header, and one document a subject."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import pandas as pd
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Select,
    Text,
    case,
    cast,
    exists,
    func,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import insert

from gridmgmt.database import tables as t
from gridmgmt.database.copying import copy_in, rows
from gridmgmt.documents import canonical, many, plain
from gridmgmt.errors import AssessmentFormOld, AssessmentMissing, SubjectMissing
from gridmgmt.numbers import shown_apart
from gridmgmt.scorecards.documents import READABLE, Chance, Document, Header, Number, Subject, apart


@dataclass(frozen=True)
class Stored:
    """One assessment's row."""

    id: int
    name: str
    rulebook_id: str
    period: str
    as_of: dt.datetime
    edition_id: int
    stored_header: Mapping[str, Any]
    sha256: str
    rulebook_text: str
    complete: bool
    published_at: dt.datetime | None
    published_by: str | None
    corrects: int | None

    @cached_property
    def header(self) -> Header:
        """Its header, read once it is asked for."""
        _readable(self.name, self.schema)
        return Header.model_validate(self.stored_header)

    @property
    def schema(self) -> str:
        """The form that it is stored in."""
        return str(self.stored_header.get("schema"))


def _readable(name: str, schema: str) -> None:
    """Refuse a form that is no longer read.

    Raises
    ------
    AssessmentFormOld
    """
    if schema not in READABLE:
        raise AssessmentFormOld(name=name, schema=schema, known=list(READABLE))


COLUMNS = tuple(t.assessment.c[n.removeprefix("stored_")] for n in Stored.__dataclass_fields__)


def confirm_same(connection: Connection, rulebook_id: str, period: str, sha256: str) -> str | None:
    """The name of an assessment with the same content, if there is one; it is marked as what the facts say now."""
    a = t.assessment.c
    same = t.assessment.update().where(a.rulebook_id == rulebook_id, a.period == period, a.sha256 == sha256)
    return connection.execute(same.values(confirmed_at=func.clock_timestamp()).returning(a.name)).scalar()


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
    subjects: Sequence[Document],
    texts: Sequence[str],
    totals: Sequence[Fraction | None],
    chances: Sequence[Chance | None],
) -> int:
    """Save an assessment with its subjects' documents, each with its exact total and what chance it rests on.

    Parameters
    ----------
    texts
        The documents as JSON.
    """
    connection.execute(text(_QUICKER))
    assessment_id = int(
        connection.execute(t.assessment.insert().values(**values).returning(t.assessment.c.id)).scalar_one()
    )
    ids = _subject_ids(connection, [d.subject for d in subjects])
    rows = [
        {
            "assessment_id": assessment_id,
            "subject_id": ids[document.subject.key],
            "total_numerator": str(total.numerator) if total is not None else None,
            "total_denominator": str(total.denominator) if total is not None else None,
            "total_shown": document.total.shown if document.total else None,
            "rank": str(document.place) if document.place is not None else None,
            "document": text,
            "chance": canonical(plain(chance)) if chance else None,
        }
        for document, text, total, chance in zip(subjects, texts, totals, chances, strict=True)
    ]
    copy_in(connection, t.assessment_subject.name, pd.DataFrame(rows))
    return assessment_id


_QUICKER = """SELECT set_config(name, 'lz4', true) FROM pg_settings
    WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"""
"""Documents are packed by LZ4 where the server can: half the time of its own way, a quarter more room."""


def _subject_ids(connection: Connection, subjects: Sequence[Subject]) -> dict[tuple[str, int, str], int]:
    """The subjects' ids; units that were never assessed become subjects now."""
    s = t.subject.c
    names = {x.key: x.name for x in subjects}
    missing = [
        {"kind": kind, "level": level, "code": code, "name_zh": name["zh"], "name_en": name["en"]}
        for (kind, level, code), name in names.items()
        if kind != "grid"
    ]
    if missing:
        connection.execute(insert(t.subject).on_conflict_do_nothing(), missing)
    return {(r.kind, r.level, r.code): r.id for r in connection.execute(select(s.kind, s.level, s.code, s.id))}


def people_among(connection: Connection, subjects: Collection[int]) -> set[str]:
    """The codes of the people among these subjects."""
    s = t.subject.c
    return {*connection.execute(select(s.code).where(s.kind == "person", s.id.in_(subjects))).scalars()}


def by_name(connection: Connection, name: str, *, published: bool = False) -> Stored:
    """The assessment of that name; a rulebook's id means its newest one, ``latest`` the newest with totals, if any.

    ``published``: the newest of those that are published, and no other one is named.

    Raises
    ------
    AssessmentMissing
        There is none; lists the newest ones.
    AssessmentFormOld
        It is stored in a form that is no longer read.
    """
    a = t.assessment.c
    seen = a.published_at.is_not(None) if published else true()
    statement = select(*COLUMNS).where((a.name == name) | (seen & ((a.rulebook_id == name) | (name == "latest"))))
    first = [_has_totals().desc()] if name == "latest" else []
    row = connection.execute(statement.order_by((a.name == name).desc(), *first, a.id.desc()).limit(1)).one_or_none()
    if row is None:
        known = [r.name for r in connection.execute(select(a.name).where(seen).order_by(a.id.desc()).limit(10))]
        raise AssessmentMissing(name=name, known=known)
    found = Stored(*row)
    _readable(found.name, found.schema)
    return found


def _has_totals() -> ColumnElement[bool]:
    """Whether anybody has a total in an assessment."""
    s = t.assessment_subject.c
    return exists().where(s.assessment_id == t.assessment.c.id, s.total_numerator.is_not(None))


def newest_of_grids(connection: Connection, *, published: bool = False) -> str | None:
    """The name of the newest assessment of grids (level number 0: units or persons), if possible with totals."""
    a = t.assessment.c
    of_grids = select(a.name).where(~a.header.contains({"levels": [{"number": 0}]}))
    chosen = of_grids.where(a.published_at.is_not(None)) if published else of_grids
    return connection.execute(chosen.order_by(_has_totals().desc(), a.id.desc()).limit(1)).scalar()


def dossier(connection: Connection, assessment_id: int) -> Mapping[str, Any] | None:
    """The inputs that an assessment was computed from, by value; None: it was made before they were kept."""
    a = t.assessment.c
    return connection.execute(select(a.dossier).where(a.id == assessment_id)).scalar()


def official(connection: Connection, rulebook_id: str) -> dict[str, Stored]:
    """Period → the assessment that holds: the newest published one, else the last one at the latest cut-off."""
    a = t.assessment.c
    unpublished = (a.published_at.is_(None), a.published_at.desc(), a.as_of.desc(), a.confirmed_at.desc())
    ordered = select(*COLUMNS).where(a.rulebook_id == rulebook_id).order_by(a.period, *unpublished)
    out: dict[str, Stored] = {}
    for row in connection.execute(ordered):
        stored = Stored(*row)
        out.setdefault(stored.period, stored)
    return out


def publish(connection: Connection, assessment_id: int, by: str) -> None:
    """Freeze an assessment; what was published stays so."""
    a = t.assessment
    statement = a.update().where(a.c.id == assessment_id, a.c.published_at.is_(None))
    done = {"published_at": func.clock_timestamp(), "published_by": by, "publisher_id": func.current_actor()}
    connection.execute(statement.values(done))
    connection.execute(a.update().where(a.c.id == assessment_id).values(published_seal=text(_SEAL)))


_SEAL = """encode(sha256(convert_to(concat_ws(E'\\n', name, sha256, published_by,
    to_char(published_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS')), 'UTF8')), 'hex')"""
"""What a publication is sealed by: its name and hash, by whom and when; as in migration 0011."""


def is_sealed_as_published(connection: Connection, assessment_id: int) -> bool:
    """Whether name, hash, publisher and moment of a publication are those that were sealed; nothing published: yes."""
    a = t.assessment.c
    is_published = a.published_at.is_not(None)
    own = case((is_published, literal_column(f"({_SEAL})")), else_=None)
    kept = select(a.published_seal.is_not_distinct_from(own)).where(a.id == assessment_id)
    return bool(connection.execute(kept).scalar())


@dataclass(frozen=True)
class StoredRow:
    """One subject's row as it is stored: the raw document, with the total and rank that stand beside it."""

    key: tuple[str, int, str]
    document: Mapping[str, Any]
    total: Fraction | None
    rank: int | None


def stored_rows(connection: Connection, assessment_id: int) -> list[StoredRow]:
    """Every subject's row of an assessment, in the order in which the documents were saved."""
    c, s = t.assessment_subject.c, t.subject.c
    columns = (s.kind, s.level, s.code, c.document, c.total_numerator, c.total_denominator, c.rank)
    statement = select(*columns).join_from(t.assessment_subject, t.subject).where(c.assessment_id == assessment_id)
    out = []
    for r in connection.execute(statement.order_by(c.id)):
        total = Fraction(int(r.total_numerator), int(r.total_denominator)) if r.total_numerator is not None else None
        out.append(StoredRow((r.kind, r.level, r.code), r.document, total, r.rank))
    return out


def listing(connection: Connection) -> list[dict[str, Any]]:
    """Every assessment, newest first."""
    a = t.assessment.c
    names = (a.name, a.rulebook_id, a.period, a.as_of, a.sha256, a.known_at, a.complete, a.published_at, a.published_by)
    statement = select(*names).order_by(a.id.desc())
    return [dict(r) for r in connection.execute(statement).mappings()]


def replaced_sources(connection: Connection, name: str | None = None) -> dict[str, list[dict[str, str]]]:
    """Assessment → the assessments whose results it took and that hold no longer (``taken``), with what does (``now``).

    What it took may rest on such a result itself: then ``through`` names what it took. Only those that took such
    results; ``name``: of this one.
    """
    out: dict[str, list[dict[str, str]]] = {}
    for row in rows(connection, "assessing/store/replaced_sources", assessment=name):
        out.setdefault(row["name"], []).append({k: row[k] for k in ("taken", "now", "through") if row[k] is not None})
    return out


def documents(connection: Connection, assessment_id: int, level: int | None = None) -> list[Document]:
    """Subjects' documents, by level and code."""
    statement = _documents(assessment_id, level).order_by(t.subject.c.level, t.subject.c.code)
    with many():
        return apart([_whole(r) for r in connection.execute(statement)])


_ASIDE: Mapping[str, Any] = {"counts": {}, "indicators": {}, "comparisons": {}, "exempted": [], "consequences": []}
"""What no later period reads of a result, and how a document says that there is none."""


def results(connection: Connection, assessment_id: int, *, lines: bool, inputs: bool) -> list[Document]:
    """The same documents with no more than a result needs, its lines and inputs only where they are asked for."""
    empty = {**_ASIDE, **({} if lines else {"lines": [], "shown": []}), **({} if inputs else {"inputs": {}})}
    c, s = t.assessment_subject.c, t.subject.c
    kept = c.document.op("-")(cast(list(empty), ARRAY(Text))).label("document")
    schema = t.assessment.c.header["schema"].astext.label("schema")
    statement = select(kept, t.assessment.c.name, schema).join_from(t.assessment_subject, t.subject)
    statement = statement.join(t.assessment, t.assessment.c.id == c.assessment_id)
    found = connection.execute(statement.where(c.assessment_id == assessment_id).order_by(s.level, s.code)).all()
    for row in found[:1]:
        _readable(row.name, row.schema)
    with many():
        return [Document.model_validate({**empty, **row.document}) for row in found]


def _documents(assessment_id: int, level: int | None) -> Select[Any]:
    c = t.assessment_subject.c
    a = t.assessment.c
    schema = a.header["schema"].astext.label("schema")
    statement = select(c.document, c.chance, a.name, schema).join_from(t.assessment_subject, t.subject)
    statement = statement.join(t.assessment, a.id == c.assessment_id)
    of_level = [t.subject.c.level == level] if level is not None else []
    return statement.where(c.assessment_id == assessment_id, *of_level)


def _whole(row: Any) -> Document:
    """A document with what chance it rests on beside it, as it is shown."""
    _readable(row.name, row.schema)
    return Document.model_validate({**row.document, "chance": row.chance})


def document(connection: Connection, stored: Stored, code: str, level: int | None = None) -> Document:
    """One subject's document.

    Raises
    ------
    SubjectMissing
        The assessment has no grid of that code.
    """
    s = t.subject.c
    c = t.assessment_subject.c
    one = _documents(stored.id, level).add_columns(c.id).where(s.code == code)
    statement = one.order_by(s.level.desc()).limit(1)
    found = connection.execute(statement).one_or_none()
    if found is None:
        raise SubjectMissing(name=stored.name, code=code)
    whole = _whole(found)
    if whole.total is None:
        return whole
    return whole.as_written(_written(connection, found.id, whole.total))


def _written(connection: Connection, row: int, total: Number) -> str:
    """A total as it is written among those of its level."""
    alike = rows(connection, "assessing/store/totals_alike", row=row)
    totals: dict[int, tuple[Fraction, str]] = {r["id"]: (Fraction(r["total"]), total.shown) for r in alike}
    return shown_apart({**totals, row: (Fraction(total.exact), total.shown)})[row]
