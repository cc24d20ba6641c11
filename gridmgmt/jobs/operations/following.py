"""How a job stands (任务进度), taking it back, and its result: for who asked, and who has jobs.read everywhere."""

from pathlib import Path

from gridmgmt.access.store import accounts
from gridmgmt.database import auditing
from gridmgmt.database.work import Work
from gridmgmt.errors import AccessDenied, JobMissing, JobUnfinished, OutsideScope
from gridmgmt.jobs.kinds import Job, State
from gridmgmt.jobs.store import files, jobs


def listing(work: Work, *, state: State | None = None, before: int | None = None, limit: int = 100) -> list[Job]:
    """Jobs, newest first: one's own, and all of them for who has jobs.read for the whole city."""
    with work.snapshot() as connection:
        return [job for job in jobs.listing(connection, state, before, limit) if _sees(work, job)]


def one(work: Work, number: int) -> Job:
    """A job.

    Raises
    ------
    JobMissing
        There is none, or it is not the viewer's.
    """
    with work.snapshot() as connection:
        job = jobs.by_number(connection, number)
    if job is None or not _sees(work, job):
        raise JobMissing(number=number)
    return job


def cancel(work: Work, number: int) -> Job:
    """Cancel a job: one that waits at once, one that runs as soon as it looks up; one that ended stays as it is.

    Raises
    ------
    JobMissing
    """
    one(work, number)
    with work.transaction() as connection:
        jobs.cancel(connection, number)
        auditing.note(connection, jobs=[number])
    return one(work, number)


def result(work: Work, root: Path, number: int) -> tuple[Job, Path | None]:
    """A job that is done, with the file that it made, if its kind makes one: for who asked for it, with his rights.

    Raises
    ------
    JobMissing
        Also if its file is no longer kept.
    AccessDenied
        Somebody else asked for it: what he was given is his to see.
    OutsideScope
        His posts are others since it was done: he may ask again with those of now.
    JobUnfinished
    """
    job = one(work, number)
    with work.refusals_told():
        _check_given(work, job)
    if job.state != "done":
        raise JobUnfinished(number=number, state=job.state)
    if job.result_sha256 is None:
        return job, None
    path = files.path_of(root, job.result_sha256)
    if not path.is_file():
        raise JobMissing(number=number)
    return job, path


def _check_given(work: Work, job: Job) -> None:
    """Refuse a result that is not its viewer's, or no longer."""
    viewer = work.viewer
    if viewer is None:
        return
    if job.login != viewer.login:
        raise AccessDenied(verb=job.kind)
    with work.snapshot() as connection:
        if job.finished_at is not None and accounts.is_of_other_posts(connection, viewer.login, job.finished_at):
            raise OutsideScope(verb=job.kind, about=str(job.id))


def _sees(work: Work, job: Job) -> bool:
    viewer = work.viewer
    return viewer is None or job.login == viewer.login or viewer.scope("jobs.read").everywhere
