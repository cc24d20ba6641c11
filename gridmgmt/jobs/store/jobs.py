"""Jobs and how they stand."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, and_, case, func, insert, or_, select, update

from gridmgmt.database import tables as t
from gridmgmt.jobs.kinds import Job, State

_c = t.job.c
_COLUMNS = [_c[f.name] for f in fields(Job)]
_NOW = func.clock_timestamp()
_OPEN = ("waiting", "running")

FILES_LOCK = 4_780_010
"""Advisory lock of whoever hands in a file for a job, or removes one."""

_TAKEN = 4_780
"""First half of the advisory locks of jobs that somebody works on."""

_KEPT_DAYS = 7
"""So long the file that a job made is kept."""


def lock_files(connection: Connection) -> None:
    """Wait until nobody else hands in or removes a job's file; held until the transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(FILES_LOCK)))


def take(connection: Connection, number: int) -> bool:
    """Take a job for as long as this connection lives; False: somebody has it. Whoever dies lets it go."""
    return bool(connection.scalar(select(func.pg_try_advisory_lock(_TAKEN, func.hashint8(number)))))


def let_go(connection: Connection, number: int) -> None:
    """Let a job go that was taken."""
    connection.execute(select(func.pg_advisory_unlock(_TAKEN, func.hashint8(number))))


def add(connection: Connection, **values: Any) -> Job:
    """Add a job; the database queues it with the same commit."""
    return Job(**connection.execute(insert(t.job).values(**values).returning(*_COLUMNS)).mappings().one())


def by_number(connection: Connection, number: int) -> Job | None:
    """One job, if it is the viewer's to see."""
    row = connection.execute(select(*_COLUMNS).where(_c.id == number)).mappings().one_or_none()
    return Job(**row) if row else None


def listing(connection: Connection, state: str | None, before: int | None, limit: int) -> list[Job]:
    """Jobs, newest first, from before one of them."""
    statement = select(*_COLUMNS).order_by(_c.id.desc()).limit(limit)
    if state is not None:
        statement = statement.where(_c.state == state)
    if before is not None:
        statement = statement.where(_c.id < before)
    return [Job(**row) for row in connection.execute(statement).mappings()]


def cancel(connection: Connection, number: int) -> None:
    """A job that waits is cancelled, one that runs is asked to stop; others stay."""
    is_waiting = _c.state == "waiting"
    connection.execute(
        update(t.job)
        .where(_c.id == number, _c.state.in_(_OPEN))
        .values(
            state=case((is_waiting, "cancelled"), else_=_c.state),
            finished_at=case((is_waiting, _NOW)),
            cancel_asked_at=func.coalesce(_c.cancel_asked_at, _NOW),
        )
    )


def begin(connection: Connection, number: int) -> Job | None:
    """Begin a try of a job; None: there is nothing (any more) to be done. Who tried before may not finish it now."""
    connection.execute(
        update(t.job)
        .where(_c.id == number, _c.state == "running", _c.cancel_asked_at.is_not(None))
        .values(state="cancelled", finished_at=_NOW)
    )
    began = (
        update(t.job)
        .where(_c.id == number, _c.state.in_(_OPEN))
        .values(state="running", n_tries=_c.n_tries + 1, started_at=_NOW, progress=None)
        .returning(*_COLUMNS)
    )
    row = connection.execute(began).mappings().one_or_none()
    return Job(**row) if row else None


def end(connection: Connection, job: Job, state: State, **values: Any) -> bool:
    """End a try; False: it is no longer this one's, or (for *done*) somebody asked to cancel it."""
    mine = and_(_c.id == job.id, _c.n_tries == job.n_tries, _c.state == "running")
    if state == "done":
        mine = and_(mine, _c.cancel_asked_at.is_(None))
    finished = None if state == "waiting" else _NOW
    return bool(
        connection.execute(update(t.job).where(mine).values(state=state, finished_at=finished, **values)).rowcount
    )


def tell(connection: Connection, job: Job, progress: Mapping[str, Any]) -> bool:
    """Tell how far a try is; False: it is to stop."""
    mine = (_c.id == job.id, _c.n_tries == job.n_tries, _c.state == "running", _c.cancel_asked_at.is_(None))
    return bool(connection.execute(update(t.job).where(*mine).values(progress=progress)).rowcount)


def files_needed(connection: Connection) -> set[str]:
    """SHA-256 of the files that open jobs were handed, and of those that jobs made in the last days."""
    recent = _c.finished_at > func.now() - func.make_interval(0, 0, 0, _KEPT_DAYS)
    found = connection.execute(
        select(_c.file_sha256, _c.result_sha256, _c.state).where(or_(_c.state.in_(_OPEN), recent))
    )
    return {sha for handed, made, state in found for sha in (handed if state in _OPEN else None, made) if sha}
