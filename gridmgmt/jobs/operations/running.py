"""A try of a job (执行任务): as whoever asked for it, finished with the transaction of its effect, or undone."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridmgmt.access.operations import users
from gridmgmt.database import auditing
from gridmgmt.database.actors import Writer
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import GridmgmtError, JobBroken, JobCancelled, JobGivenUp, UnavailableError
from gridmgmt.jobs.kinds import Job
from gridmgmt.jobs.operations import deeds
from gridmgmt.jobs.store import files, jobs

MOST_TRIES = 8
"""A job that was begun so often and never ended is given up: it may be what its workers die of."""

_PAUSE_S = 0.5
"""So often at most is told how far a job is, and asked whether somebody cancels it."""

_LOG = logging.getLogger("gridmgmt.jobs")


class Stopped(Exception):
    """The worker is to stop: the job waits for another one."""


class Taken(Exception):
    """Another worker, who seemed dead, is at it."""


@dataclass(frozen=True)
class Doors:
    """What a worker works through.

    Attributes
    ----------
    work
        The database past its row policies.
    web
        The database as a request sees it, for lists of rows that are the viewer's.
    root
        The files folder.
    """

    work: Work
    web: Work
    root: Path


@dataclass
class _Try:
    """A try under way."""

    doors: Doors
    job: Job
    is_stopping: Callable[[], bool]
    is_finished: bool = field(default=False)
    _step: str = ""
    _told_at: float = 0.0

    def progress(self, step: str, n: int, of: int | None = None) -> None:
        """Tell how far it is; stop where the worker is to stop or somebody cancels."""
        if self.is_stopping():
            raise Stopped
        if self.is_finished or (step == self._step and time.monotonic() - self._told_at < _PAUSE_S):
            return
        self._step, self._told_at = step, time.monotonic()
        with self.doors.work.sealing() as connection:
            goes_on = jobs.tell(connection, self.job, {"step": step, "n": n, "of": of})
        if not goes_on:
            raise JobCancelled(number=self.job.id)

    def finish(self, connection: Connection, result: Mapping[str, Any], **made: Any) -> None:
        """Done, in the transaction of the effect: unless this try is the last that began, nothing of it stays."""
        self.is_finished = True  # from here on this transaction holds the job's row
        if not jobs.end(connection, self.job, "done", result=dict(result), **made):
            raise JobCancelled(number=self.job.id)
        auditing.note(connection, jobs=[self.job.id])


def run(doors: Doors, number: int, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Try a job, if there is anything to be done of it.

    Raises
    ------
    UnavailableError
        Something outside is missing: it is to be tried again later.
    Stopped, Taken
    """
    with _taken(doors, number):
        _try(doors, number, is_stopping)


@contextmanager
def _taken(doors: Doors, number: int) -> Iterator[None]:
    """Hold a job by a connection of its own: the database lets it go when this process dies, and not before."""
    with doors.work.connect() as plain:
        connection = plain.execution_options(isolation_level="AUTOCOMMIT")
        if not jobs.take(connection, number):
            raise Taken
        try:
            yield
        finally:
            jobs.let_go(connection, number)


def is_free(doors: Doors, number: int) -> bool:
    """Whether nobody is at a job."""
    try:
        with _taken(doors, number):
            return True
    except Taken:
        return False


def _try(doors: Doors, number: int, is_stopping: Callable[[], bool]) -> None:
    with doors.work.sealing() as connection:
        job = jobs.begin(connection, number)
    if job is None:
        return
    if job.n_tries > MOST_TRIES:
        _end(doors, job, "failed", error=job.error or _told(JobGivenUp(number=number, n=MOST_TRIES)))
        return
    try:
        _do(doors, job, is_stopping)
    except JobCancelled:
        _end(doors, job, "cancelled")
    except Stopped:
        _end(doors, job, "waiting")
        raise
    except UnavailableError as e:
        _end(doors, job, "waiting", error=_told(e))
        raise
    except GridmgmtError as e:
        _end(doors, job, "failed", error=_told(e))
    except Exception as e:
        _LOG.exception("job %s", number)
        _end(doors, job, "failed", error=_told(JobBroken(kind=type(e).__name__)))
    sweep(doors)


def _do(doors: Doors, job: Job, is_stopping: Callable[[], bool]) -> None:
    viewer = users.present(doors.work, job.login) if job.login is not None else None
    attempt = _Try(doors, job, is_stopping)
    attempt.progress("begin", 0)
    own = {"progress": attempt.progress, "viewer": viewer, "writer": Writer(None, f"job {job.kind}")}
    # whose job it is sees his rows only; what is done in bulk goes past them by its own door
    work = doors.work if viewer is None else doors.web.but(worker=doors.work.engine)
    with files.draft(doors.root) as draft:
        work = work.but(**own, finishing=attempt.finish)
        made = deeds.DEEDS[job.kind](work, doors.root, job, draft)
        if not attempt.is_finished or made.undone:
            attempt.is_finished = False
            _finish(doors.work.but(**own), attempt, made, draft)


def _finish(work: Work, attempt: _Try, made: deeds.Made, draft: Path) -> None:
    """A job without an effect in the database is done when its file stands, which may be made any number of times."""
    with work.transaction() as connection:
        told: dict[str, Any] = {}
        if made.file is not None:
            told = {"result_file": made.file, "result_sha256": files.digest(draft)}
            jobs.lock_files(connection)
            files.keep(attempt.doors.root, draft, told["result_sha256"])
        attempt.finish(connection, made.result, **told)


def _told(error: GridmgmtError) -> dict[str, Any]:
    return {"code": error.code, "facts": error.facts}


def _end(doors: Doors, job: Job, state: Any, **values: Any) -> None:
    with doors.work.sealing() as connection:
        is_mine = jobs.end(connection, job, state, **values)
    if is_mine and state == "failed":
        work = doors.work.but(writer=Writer(job.login))
        work.audit(f"job {job.kind}", outcome="failed", jobs=[job.id], error=values["error"]["code"])


def sweep(doors: Doors) -> None:
    """Remove the files of jobs that nobody needs any more."""
    with doors.work.sealing() as connection:
        jobs.lock_files(connection)
        files.remove(doors.root, jobs.files_needed(connection))
