"""Photographs and files of samples (样本照片): kept and attached by whoever inspects there, listed, exported."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gridmgmt.casework.operations import photographs
from gridmgmt.casework.operations.photographs import Attached, Kind
from gridmgmt.casework.store import attachments
from gridmgmt.casework.store.attachments import About, Attachment
from gridmgmt.database import auditing
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import OutsideScope, SampleMissing
from gridmgmt.inspections import scopes
from gridmgmt.inspections.store import inspections
from gridmgmt.inspections.store import samples as store
from gridmgmt.viewer import Scope


@needs("inspections.write")
def add(
    work: Work, root: Path, paths: Sequence[Path], *, kind: Kind, sample_no: str, caption: str | None = None
) -> list[Attached]:
    """Keep files and attach them to a sample, drawn or looked at; all or none.

    Raises
    ------
    SampleMissing, OutsideScope, FileRefused, FilesFull, FilesUnwritable
    """
    scope = work.allowed("inspections.write")
    with work.transaction() as connection:
        if not _is_in(connection, scope, sample_no):
            raise OutsideScope(verb="inspections.write", about=sample_no)
        about = About(sample_no=sample_no)
        auditing.note(connection, samples=[sample_no])
        return photographs.attach_all(connection, root, paths, about, kind=kind, actor=work.by, caption=caption)


def _is_in(connection: Connection, scope: Scope, sample_no: str) -> bool:
    """Whether a sample lies in a scope, as it was drawn or as it counts.

    Raises
    ------
    SampleMissing
    """
    place, drawn = store.place_of(connection, sample_no), inspections.drawn(connection, sample_no)
    if place is None and drawn is None:
        raise SampleMissing(sample_no=sample_no)
    return (place is not None and scope.holds_fact(*place)) or (drawn is not None and scopes.holds(scope, drawn))


@needs("samples.read")
def listed(work: Work, sample_no: str) -> list[dict[str, Any]]:
    """Photographs and files of a sample, with what is to be looked at.

    Raises
    ------
    SampleMissing
    """
    with work.snapshot() as connection:
        return photographs.shown(_of_sample(connection, sample_no))


@needs("samples.read")
def clean_copies(work: Work, root: Path, sample_no: str) -> Iterator[tuple[str, bytes]]:
    """Clean copies of a sample's files, one after the other: see :func:`photographs.clean_copies`.

    Raises
    ------
    SampleMissing
    FileLost
        When its turn comes.
    """
    with work.snapshot() as connection:
        found = _of_sample(connection, sample_no)
    return photographs.named_copies(root, found)


@needs("samples.read")
def export(work: Work, root: Path, out: Path, sample_no: str) -> list[Path]:
    """Write the clean copies of a sample's files into a folder.

    Raises
    ------
    SampleMissing, FileLost
        Nothing is written.
    """
    return photographs.write_all(out, dict(clean_copies(work, root, sample_no)))


def _of_sample(connection: Connection, sample_no: str) -> list[Attachment]:
    if store.place_of(connection, sample_no) is None and inspections.drawn(connection, sample_no) is None:
        raise SampleMissing(sample_no=sample_no)
    return attachments.attached(connection, sample_no=sample_no)
