"""Photographs and files of cases and samples (照片与附件): kept, attached, listed, exported, and looked after.

Files are kept with :func:`store_files` and said to belong somewhere with
:func:`attach`, both inside the transaction of whoever takes the step.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gridmgmt.casework import photographs
from gridmgmt.casework.clean_copies import clean
from gridmgmt.casework.photographs import Accepted, Limits, Note, StoredFile
from gridmgmt.casework.store import attachments, files, steps
from gridmgmt.casework.store.attachments import About, Attachment, Lacking
from gridmgmt.database import auditing, cities
from gridmgmt.database.doors import needs
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import (
    CaseMissing,
    FileLost,
    FileMissing,
    FileRefused,
    FilesFull,
    OptionInvalid,
    OutsideScope,
    UnitUnknown,
)
from gridmgmt.files import data_files
from gridmgmt.files.names import file_stem
from gridmgmt.files.writing import write
from gridmgmt.people.store import units
from gridmgmt.periods import Period
from gridmgmt.settings import data_path

Kind = Literal["before", "after", "evidence"]
Form = Literal["original", "clean", "thumbnail"]


def load_limits() -> Limits:
    """What is taken and up to which size; ``data/files/limits.yaml``."""
    return data_files.read(data_path("files", "limits.yaml"), Limits)


def store_files(connection: Connection, root: Path, paths: Sequence[Path]) -> list[StoredFile]:
    """Keep files in the files folder and note them in the database; content that is known is kept once.

    All are checked before the first is kept. If the transaction fails
    afterwards, files without a row remain, which are harmless.

    Raises
    ------
    FileRefused
        Absent, or not to be taken (:func:`gridmgmt.casework.photographs.accept`).
    FilesUnwritable
    """
    return keep(connection, root, checked(connection, paths))


def checked(connection: Connection, paths: Sequence[Path]) -> list[Accepted]:
    """Files that may be kept, none kept yet.

    Raises
    ------
    FileRefused
    """
    limits, zone = load_limits(), cities.load_city(connection).zone
    return [photographs.accept(p.name, _bytes(p, limits), limits, zone) for p in paths]


def keep(connection: Connection, root: Path, accepted: Sequence[Accepted]) -> list[StoredFile]:
    """Keep files that were checked: first in the folder, then in the database."""
    for one in accepted:
        files.put(root, one)
    attachments.save_files(connection, [one.file for one in accepted])
    return [one.file for one in accepted]


def _bytes(path: Path, limits: Limits) -> bytes:
    """A file's bytes, of a too large one no more than are needed to see that it is."""
    try:
        with path.open("rb") as f:
            return f.read(max(limits.max_bytes.values()) + 1)
    except OSError as e:
        raise FileRefused(file=str(path), why="unreadable") from e


@dataclass(frozen=True)
class Attached:
    """What :func:`attach` did; ``is_new`` is False where the same was attached before."""

    id: int
    file: StoredFile
    is_new: bool
    notes: tuple[Note, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "id": self.id, "sha256": self.file.sha256, "is_new": self.is_new,
            "notes": [n.as_dict() for n in self.notes],
        }  # fmt: skip


def attach(
    connection: Connection,
    stored: StoredFile,
    *,
    kind: Kind,
    actor: str,
    case_id: int | None = None,
    step_seq: int | None = None,
    sample_no: str | None = None,
    caption: str | None = None,
) -> Attached:
    """Say what a kept file shows of a case, of one of its steps, or of a sample (挂接附件).

    Either ``case_id`` or ``sample_no`` is given. A photograph taken far from
    its case, or after its step, is noted and never refused.

    Raises
    ------
    FilesFull
        The step or sample has as many as are allowed.
    """
    limits, about = load_limits(), About(case_id, step_seq, sample_no)
    number, is_new = attachments.add(connection, stored.sha256, about, kind, caption, actor)
    auditing.note(connection, attachments=[number])
    if is_new and attachments.count(connection, about) > limits.max_per_step:
        raise FilesFull(n_most=limits.max_per_step)
    found = attachments.attached(connection, ids=[number])[0]
    notes = photographs.compare(stored, found.place, found.at, limits)
    return Attached(number, stored, is_new, (*stored.notes, *notes))


@needs("step:note")
def add(
    work: Work,
    root: Path,
    paths: Sequence[Path],
    *,
    kind: Kind,
    case_no: str,
    step_seq: int | None = None,
    caption: str | None = None,
) -> list[Attached]:
    """Keep files and attach them to a case or to one of its steps; all or none.

    Raises
    ------
    CaseMissing, OutsideScope, FileRefused, FilesFull, FilesUnwritable
    OptionInvalid
        The case has no such step.
    """
    scope = work.allowed("step:note")
    with work.transaction() as connection:
        row = steps.found(connection, [case_no]).get(case_no)
        if row is None:
            raise CaseMissing(case_no=case_no)
        if not scope.holds_fact([row[name] for name in GRID_COLUMNS], row["unit_id"]):
            raise OutsideScope(verb="step:note", about=case_no)
        taken = len(steps.of_cases(connection, [row["id"]]).get(row["id"], []))
        if step_seq is not None and not 1 <= step_seq <= taken:
            raise OptionInvalid(name="--step", value=step_seq, expected=f"1 … {taken}")
        about = About(row["id"], step_seq)
        auditing.note(connection, cases=[case_no])
        return attach_all(connection, root, paths, about, kind=kind, actor=work.by, caption=caption)


def attach_all(
    connection: Connection, root: Path, paths: Sequence[Path], about: About, *, kind: Kind, actor: str,
    caption: str | None = None,
) -> list[Attached]:  # fmt: skip
    """Keep files and say what they show.

    Raises
    ------
    FileRefused, FilesFull, FilesUnwritable
    """
    stored = store_files(connection, root, paths)
    return [attach(connection, file, kind=kind, actor=actor, caption=caption, **vars(about)) for file in stored]


@needs("cases.read")
def listed(work: Work, case_no: str) -> list[dict[str, Any]]:
    """Photographs and files of a case, with what is to be looked at.

    Raises
    ------
    CaseMissing
    """
    with work.snapshot() as connection:
        return shown(_of_case(connection, case_no))


def shown(found: Sequence[Attachment]) -> list[dict[str, Any]]:
    """Attachments as they are listed."""
    limits = load_limits()
    return [_told(a, photographs.compare(a.file, a.place, a.at, limits)) for a in found]


def _of_case(connection: Connection, case_no: str) -> list[Attachment]:
    if not steps.found(connection, [case_no]):
        raise CaseMissing(case_no=case_no)
    return attachments.attached(connection, case_no=case_no)


def _told(a: Attachment, notes: Sequence[Note]) -> dict[str, Any]:
    names = ("media_type", "n_bytes", "width", "height", "taken_at", "taken_at_zone_known", "exif_lon", "exif_lat")
    return {
        "id": a.id, "sha256": a.file.sha256, "no": a.no, "step": a.about.step_seq, "kind": a.kind,
        "caption": a.caption, "actor": a.actor, "known_at": a.known_at,
        **{name: getattr(a.file, name) for name in names},
        "notes": [n.as_dict() for n in notes],
    }  # fmt: skip


@needs("cases.read")
def lacking(work: Work, period: Period, unit: str | None = None) -> list[Lacking]:
    """The answers of a period without photographs before and after (缺处置前后照片的答复), by case; of void cases none.

    Raises
    ------
    UnitUnknown
    """
    with work.snapshot() as connection:
        if unit is not None and unit not in units.unit_ids(connection):
            raise UnitUnknown(value=unit)
        start, end = period.bounds(cities.load_city(connection).zone)
        found = attachments.lacking(connection, start=start, end=end)
    return [a for a in found if not a.is_void and unit in (None, a.unit_code)]


@needs("cases.read")
def read(work: Work, root: Path, sha256: str, form: Form = "clean") -> tuple[bytes, str]:
    """One photograph or file by its SHA-256, and its media type.

    Parameters
    ----------
    form
        ``original``: as it was handed in; ``clean``: without what the camera
        wrote (去元数据); ``thumbnail``: small, and None of a document.

    Raises
    ------
    FileMissing, FileLost
    """
    with work.snapshot() as connection:
        is_seen = work.viewer is None or attachments.is_attached(connection, sha256)
        file = attachments.file(connection, sha256) if is_seen else None
    if file is None or (form == "thumbnail" and file.width is None):
        raise FileMissing(sha256=sha256)
    if form == "thumbnail":
        path = files.thumbnail_path(root, sha256)
        if not path.is_file():
            raise FileLost(sha256=sha256, folder=str(root))
        return path.read_bytes(), "image/jpeg"
    content = _content(root, file)
    return (content if form == "original" else clean(content, file.media_type)), file.media_type


def _content(root: Path, file: StoredFile) -> bytes:
    content = files.content(root, file)
    if content is None:
        raise FileLost(sha256=file.sha256, folder=str(root))
    return content


@needs("cases.read")
def clean_copies(work: Work, root: Path, case_no: str) -> Iterator[tuple[str, bytes]]:
    """Clean copies of a case's files, one after the other: ``<number>_<kind>_<n>.<extension>``, n from 1 for each kind.

    Raises
    ------
    CaseMissing
    FileLost
        When its turn comes.
    """
    with work.snapshot() as connection:
        found = _of_case(connection, case_no)
    return named_copies(root, found)


def named_copies(root: Path, found: Sequence[Attachment]) -> Iterator[tuple[str, bytes]]:
    """Clean copies of what is attached, each under its name."""
    n: Counter[str] = Counter()
    for a in found:
        n[a.kind] += 1
        name = f"{file_stem(a.no or '')}_{a.kind}_{n[a.kind]}.{a.file.extension}"
        yield name, clean(_content(root, a.file), a.file.media_type)


@needs("cases.read")
def export(work: Work, root: Path, out: Path, case_no: str) -> list[Path]:
    """Write the clean copies of a case's files into a folder.

    Raises
    ------
    CaseMissing, FileLost
        Nothing is written.
    """
    return write_all(out, dict(clean_copies(work, root, case_no)))


def write_all(out: Path, copies: Mapping[str, bytes]) -> list[Path]:
    """Write files into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    for name, content in copies.items():
        write(out / name, content)
    return [out / name for name in copies]


def copies(connection: Connection, root: Path) -> dict[str, list[Path]]:
    """SHA-256 of each file that the database knows → where it stands, behind it where its small picture would."""
    return {
        file.sha256: [files.path_of(root, file), files.thumbnail_path(root, file.sha256)]
        for file in attachments.all_files(connection)
    }


def put_back(root: Path, name: str, content: bytes) -> None:
    """Put a file of a backup where it stood, ``ab/cd/abcd….jpg``.

    Raises
    ------
    FilesUnwritable
    """
    files.put_back(root, name, content)


def everything(root: Path) -> list[Path]:
    """Every whole file of the folder, whether a row names it or not."""
    return [path for path in files.walk(root) if path.suffix != files.UNFINISHED]


@dataclass
class FolderReport:
    """How the files folder and the database agree (附件库核对).

    Attributes
    ----------
    missing, damaged
        Files that the database knows and the folder has not, or not as they were handed in.
    no_thumbnail
        Pictures without their small copy; handing the picture in again makes it.
    orphans
        Paths that no row names, left behind by transactions that failed: harmless.
    unfinished
        Half-written files that a break left behind, or that are being written just now: harmless.
    """

    folder: str
    n_files: int = 0
    n_sound: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    no_thumbnail: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)

    def as_dict(self) -> Mapping[str, Any]:
        """JSON-ready form."""
        return vars(self)


@needs("users.manage", whole=True, by_worker=True)
def check(work: Work, root: Path) -> FolderReport:
    """Compare the files folder with the database, hash by hash.

    The folder is listed before the database is asked, so that files being
    handed in meanwhile are told neither as orphans nor as missing.
    """
    here = list(files.walk(root))
    with work.snapshot() as connection:
        known = {f.sha256: f for f in attachments.all_files(connection)}
    report = FolderReport(str(root), len(known))
    for n, file in enumerate(known.values(), 1):
        state = files.state(root, file)
        if state == "sound":
            report.n_sound += 1
        else:
            (report.missing if state == "missing" else report.damaged).append(file.sha256)
        if file.width is not None and not files.thumbnail_path(root, file.sha256).exists():
            report.no_thumbnail.append(file.sha256)
        work.progress("check", n, len(known))
    report.unfinished = [_below(root, path) for path in here if path.suffix == files.UNFINISHED]
    named = {files.path_of(root, f) for f in known.values()} | {files.thumbnail_path(root, s) for s in known}
    others = (path for path in here if path.suffix != files.UNFINISHED and path not in named)
    report.orphans = [_below(root, path) for path in others]
    return report


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
