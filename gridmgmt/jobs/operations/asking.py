"""Asking for a job (提交任务): by the verb, and where, that what is to be done needs itself."""

from pathlib import Path
from typing import IO, Any

from gridmgmt.assessing.operations import browsing
from gridmgmt.database import auditing
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.intake.readers import profiles
from gridmgmt.jobs.kinds import (
    Asked,
    AssignmentAsked,
    CorrectionAsked,
    ExportAsked,
    ImportAsked,
    Job,
    RecomputeAsked,
    RetryAsked,
    ScoringAsked,
)
from gridmgmt.jobs.store import files, jobs
from gridmgmt.periods import parse_period
from gridmgmt.places.store import editions
from gridmgmt.rulebooks import load as rulebooks

_LONGEST_NAME = 200


@needs("imports.write", whole=True)
def import_file(work: Work, root: Path, content: IO[bytes], name: str, asked: ImportAsked) -> Job:
    """Ask for the import of a file.

    Parameters
    ----------
    root
        The files folder.
    name
        What it is called where it comes from: its ending says the format.

    Raises
    ------
    ProfileMissing, LimitExceeded, FilesUnwritable
    """
    profiles.load(asked.profile)
    with files.draft(root) as draft:
        sha256 = files.pour(content, draft)
        with work.transaction() as connection:
            jobs.lock_files(connection)
            files.keep(root, draft, sha256)
            handed = {"file": _plain(name), "file_sha256": sha256}
            job = jobs.add(connection, kind="import", asked=_told(asked), login=_login(work), **handed)
            auditing.note(connection, jobs=[job.id])
    return job


@needs("imports.write", whole=True)
def retry_quarantine(work: Work, asked: RetryAsked) -> Job:
    """Ask for the quarantine's rows to be tried again."""
    return _add(work, "retry", _told(asked))


@needs("reference.write", whole=True)
def assign(work: Work, asked: AssignmentAsked) -> Job:
    """Ask for cases and samples to be assigned again.

    Raises
    ------
    EditionMissing
    """
    if asked.edition is not None:
        with work.snapshot() as connection:
            editions.by_name(connection, asked.edition)
    return _add(work, "assignment", _told(asked))


@needs("results.write", whole=True)
def score(work: Work, asked: ScoringAsked) -> Job:
    """Ask for a period to be assessed.

    Raises
    ------
    RulebookMissing, PeriodInvalid
    """
    rulebooks.load(asked.rulebook, parse_period(asked.period).last)
    return _add(work, "scoring", _told(asked))


@needs("results.read", whole=True)
def recompute(work: Work, asked: RecomputeAsked) -> Job:
    """Ask for an assessment to be computed again and compared.

    Raises
    ------
    AssessmentMissing
    """
    return _add(work, "recompute", {"assessment": browsing.assessment(work, asked.assessment).name})


@needs("results.write", whole=True)
def correct(work: Work, asked: CorrectionAsked) -> Job:
    """Ask for a published assessment to be corrected by what was granted.

    Raises
    ------
    AssessmentMissing
    """
    return _add(work, "correction", {"assessment": browsing.assessment(work, asked.assessment).name})


@needs("exports.make")
def export(work: Work, asked: ExportAsked) -> Job:
    """Ask for a list as a file."""
    return _add(work, "export", _told(asked))


def _add(work: Work, kind: str, asked: dict[str, Any]) -> Job:
    with work.transaction() as connection:
        job = jobs.add(connection, kind=kind, asked=asked, login=_login(work))
        auditing.note(connection, jobs=[job.id])
    return job


def _told(asked: Asked) -> dict[str, Any]:
    return asked.model_dump(mode="json", exclude_defaults=True)


def _login(work: Work) -> str | None:
    return work.viewer.login if work.viewer is not None else None


def _plain(name: str) -> str:
    """The last part of a file's name, whatever system it comes from."""
    last = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable())[-_LONGEST_NAME:]
    return last if last.strip(". ") else "file"
