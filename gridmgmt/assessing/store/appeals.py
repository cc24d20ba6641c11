"""Appeals (申诉): opened on one fact of an assessment, decided once."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from gridmgmt.database import tables as t


def open_one(
    connection: Connection, assessment_id: int, code: str, kind: str, fact_no: str, reason: str, by: str
) -> int | None:
    """Open an appeal; gives its number, or None where the fact was appealed against before."""
    statement = insert(t.appeal).values(
        assessment_id=assessment_id, subject_code=code, kind=kind, fact_no=fact_no, reason=reason, opened_by=by
    )
    return connection.execute(statement.on_conflict_do_nothing().returning(t.appeal.c.id)).scalar()


def by_number(connection: Connection, number: int) -> Mapping[str, Any] | None:
    """One appeal."""
    found = connection.execute(_listed().where(t.appeal.c.id == number)).mappings().one_or_none()
    return dict(found) if found else None


def decide(connection: Connection, number: int, state: str, decision: str, by: str) -> None:
    """Write down a decision."""
    statement = t.appeal.update().where(t.appeal.c.id == number, t.appeal.c.state == "open")
    when, who = func.clock_timestamp(), func.current_actor()
    connection.execute(statement.values(state=state, decision=decision, decided_by=by, decided_at=when, decider_id=who))


def listing(connection: Connection, assessment_id: int | None = None) -> list[dict[str, Any]]:
    """Appeals, newest first; of one assessment, or all."""
    statement = _listed().order_by(t.appeal.c.id.desc())
    if assessment_id is not None:
        statement = statement.where(t.appeal.c.assessment_id == assessment_id)
    return [dict(r) for r in connection.execute(statement).mappings()]


def _listed() -> Any:
    a = t.appeal.c
    names = (a.id, a.subject_code, a.kind, a.fact_no, a.reason, a.opened_by, a.known_at, a.state, a.decision,
             a.decided_by, a.decided_at)  # fmt: skip
    return select(t.assessment.c.name.label("assessment"), *names).join_from(t.appeal, t.assessment)
