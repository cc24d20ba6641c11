"""Asking for a job (提交任务): by the verb, and where, that what is to be done needs itself."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from gridmgmt.assessing.operations import browsing
from gridmgmt.database import auditing
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.errors import OptionInvalid
from gridmgmt.files import names
from gridmgmt.intake.readers import profiles
from gridmgmt.jobs.kinds import (
    ActivationAsked,
    Asked,
    AssignmentAsked,
    CorrectionAsked,
    EditionAsked,
    ExportAsked,
    ImportAsked,
    Job,
    LayerAsked,
    RecomputeAsked,
    RetryAsked,
    ScoringAsked,
)
from gridmgmt.jobs.store import files, jobs
from gridmgmt.periods import parse_period
from gridmgmt.places.operations import editions
from gridmgmt.places.operations import layers as layer_fields
from gridmgmt.places.readers import layers
from gridmgmt.rulebooks import load as rulebooks


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
    return _handed_in(work, root, "import", asked, names.plain(name), partial(files.pour, content))


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
        editions.named(work, asked.edition)
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


@needs("reference.write", whole=True)
def import_edition(work: Work, root: Path, parts: Sequence[tuple[str, IO[bytes]]], asked: EditionAsked) -> Job:
    """Ask for boundary files, each with its name, to be loaded as an edition.

    Raises
    ------
    OptionInvalid
        Layers of several files.
    LimitExceeded, FilesUnwritable
    """
    if asked.layers and len(parts) != 1:
        raise OptionInvalid(name="layers", value=", ".join(asked.layers)[:100], expected="files: 1")
    named = ", ".join(names.plain(name) for name, _ in parts)
    return _handed_in(work, root, "edition", asked, named, partial(files.pack, parts))


@needs("reference.write", whole=True)
def activate(work: Work, asked: ActivationAsked) -> Job:
    """Ask for an edition to be made valid from a day on.

    Raises
    ------
    EditionMissing
    """
    editions.named(work, asked.edition)
    return _add(work, "activation", _told(asked))


@needs("reference.write", whole=True)
def import_layer(work: Work, root: Path, content: IO[bytes], name: str, asked: LayerAsked) -> Job:
    """Ask for a file to be loaded as a reference layer.

    Raises
    ------
    LayerKindMissing, OptionInvalid, LimitExceeded, FilesUnwritable
    """
    layers.kind(asked.kind)
    layer_fields.mapping_of(asked.map)
    return _handed_in(work, root, "layer", asked, names.plain(name), partial(files.pour, content))


def _handed_in(work: Work, root: Path, kind: str, asked: Asked, name: str, write: Callable[[Path], str]) -> Job:
    """Keep what was handed in, and ask for what is to be done with it, in one transaction."""
    with files.draft(root) as draft:
        sha256 = write(draft)
        with work.transaction() as connection:
            jobs.lock_files(connection)
            files.keep(root, draft, sha256)
            handed = {"file": name, "file_sha256": sha256}
            job = jobs.add(connection, kind=kind, asked=_told(asked), login=_login(work), **handed)
            auditing.note(connection, jobs=[job.id])
    return job


def _add(work: Work, kind: str, asked: dict[str, Any]) -> Job:
    with work.transaction() as connection:
        job = jobs.add(connection, kind=kind, asked=asked, login=_login(work))
        auditing.note(connection, jobs=[job.id])
    return job


def _told(asked: Asked) -> dict[str, Any]:
    return asked.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _login(work: Work) -> str | None:
    return work.viewer.login if work.viewer is not None else None
