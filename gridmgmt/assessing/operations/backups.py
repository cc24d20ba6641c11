"""Backup and restore (备份与恢复): database and photographs as one file of one moment, proved once it is back."""

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from gridmgmt import __version__
from gridmgmt.assessing.operations import recomputing
from gridmgmt.assessing.store import assessments as store
from gridmgmt.casework.operations import photographs
from gridmgmt.database import administration, clock, dumps
from gridmgmt.database import engine as engines
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work, open_database
from gridmgmt.errors import BackupInvalid, DatabaseNotEmpty, GridmgmtError
from gridmgmt.files import writing
from gridmgmt.places.operations import drawing
from gridmgmt.settings import Settings

_FORMAT = 1
_DUMP, _MANIFEST = "database.dump", "manifest.json"
_FILE = re.compile(r"files/([0-9a-f]{2})/([0-9a-f]{2})/(\1\2[0-9a-f]{60})(\.thumb)?\.[a-z0-9]{1,5}")
_BLOCK = 1 << 20
_MOST_MANIFEST = 500_000_000


@dataclass(frozen=True)
class Backup:
    """What was kept: the file, its SHA-256, what is in it, and photographs that the folder had lost before."""

    file: str
    sha256: str
    n_bytes: int
    n_files: int
    lost: list[str]


@dataclass
class Restored:
    """What is back: files, and every published assessment with whether it gives the same hash again (None: cannot)."""

    n_files: int
    revision: str
    lost: list[str]
    assessments: dict[str, bool | None] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is missing and every published assessment came out the same."""
        return not self.lost and all(self.assessments.values())


@needs("users.manage", whole=True, by_worker=True)
def backup(work: Work, settings: Settings, out: Path, audit_head: str | None = None) -> Backup:
    """Write the database and the files that it names into one file; the same moment for both, whoever writes meanwhile.

    Files are never changed or removed once a row names them, so those of the
    snapshot's rows are those of its moment. One that the folder has lost is told, and the rest is kept.

    Parameters
    ----------
    audit_head
        The head of the audit's chain, to be written down with the backup.

    Raises
    ------
    ServerMissing, ProgramFailed, OSError
    """
    root = settings.files_root
    members: dict[str, Any] = {}
    lost: list[str] = []
    with writing.whole(out) as draft, work.snapshot() as connection:
        known = photographs.copies(connection, root)
        with tarfile.open(draft, "w", format=tarfile.PAX_FORMAT) as archive:
            work.progress("backup_database", 0)
            _add_dump(archive, members, settings, dumps.export_snapshot(connection))
            for n, (sha256, paths) in enumerate(known.items(), 1):
                if not _add_files(archive, members, root, sha256, paths):
                    lost.append(sha256)
                work.progress("backup_files", n, len(known))
            manifest = {
                "format": _FORMAT,
                "gridmgmt": __version__,
                **dumps.versions(connection),
                "made_at": clock.now(connection).isoformat(),
                "members": members,
                "lost": lost,
                **({"audit_head": audit_head} if audit_head else {}),
            }
            _add(archive, _MANIFEST, io.BytesIO(json.dumps(manifest, indent=1, sort_keys=True).encode()))
    n_files, digest = len(known) - len(lost), _digest(out)
    work.audit("backup", file=out.name, sha256=digest)
    return Backup(str(out), digest, out.stat().st_size, n_files, lost)


def _add_dump(archive: tarfile.TarFile, members: dict[str, Any], settings: Settings, snapshot: str) -> None:
    """A member's length stands before it, so the stream waits in a nameless file that no break leaves behind."""
    with TemporaryFile(dir=Path(str(archive.name)).parent) as waiting:
        with dumps.dumped(settings, snapshot) as stream:
            while block := stream.read(_BLOCK):
                waiting.write(block)
        waiting.seek(0)
        members[_DUMP] = _add(archive, _DUMP, waiting)


def _add_files(archive: tarfile.TarFile, members: dict[str, Any], root: Path, sha256: str, paths: list[Path]) -> bool:
    """A file and its small picture; False if the file is gone or not as it was handed in."""
    first, *small = paths
    if not first.is_file() or _digest(first) != sha256:
        return False
    for path in [first, *(p for p in small if p.is_file())]:
        name = f"files/{path.relative_to(root).as_posix()}"
        with path.open("rb") as content:
            members[name] = _add(archive, name, content)
    return True


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes]) -> dict[str, Any]:
    size = content.seek(0, io.SEEK_END)
    content.seek(0)
    sha256 = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type] # any seekable file will do
    content.seek(0)
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    archive.addfile(info, content)
    return {"n_bytes": size, "sha256": sha256}


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


# --- back -------------------------------------------------------------------------------------------------------------


@needs("users.manage", whole=True, by_worker=True)
def restore(work: Work, settings: Settings, file: Path) -> Restored:
    """Bring a backup back into an empty database, and compute every published assessment again.

    First every checksum is compared, then files are put into their folder,
    which is harmless by itself, last the database comes in one transaction: a break leaves it empty.

    Raises
    ------
    BackupInvalid
        It is no backup, of another format, or not as it was written; nothing is done.
    DatabaseForeign
        It is of a release that this one cannot migrate; nothing is done.
    DatabaseNotEmpty
        The database holds tables, or the folder of files holds others.
    """
    with _opened(file) as (archive, manifest):
        known = {name.removeprefix("files/"): told for name, told in manifest["members"].items() if name != _DUMP}
        engines.ensure_database(settings)
        _refuse_full(settings, set(known))
        for n, (name, told) in enumerate(manifest["members"].items(), 1):
            _check(file, archive, name, told)
            work.progress("backup_check", n, len(manifest["members"]))
        for n, name in enumerate(known, 1):
            photographs.put_back(settings.files_root, name, _content(archive, f"files/{name}").read())
            work.progress("restore_files", n, len(known))
        work.progress("restore_database", 0)
        dumps.restore(settings, lambda stream: _pour(_content(archive, _DUMP), stream))
    done = Restored(sum(".thumb." not in name for name in known), administration.migrate(settings), manifest["lost"])
    drawing.draw_missing(work)
    _prove(work, settings, done)
    return done


def _refuse_full(settings: Settings, known: set[str]) -> None:
    if found := dumps.tables(settings):
        raise DatabaseNotEmpty(db=settings.db, what="tables", n=len(found))
    root = settings.files_root
    others = [path for path in photographs.everything(root) if path.relative_to(root).as_posix() not in known]
    if others:
        raise DatabaseNotEmpty(db=str(root), what="files", n=len(others))


def _prove(work: Work, settings: Settings, done: Restored) -> None:
    restored = open_database(settings)
    try:
        with restored.snapshot() as connection:
            names = [row["name"] for row in store.listing(connection) if row["published_at"] is not None]
        for n, name in enumerate(names, 1):
            try:
                done.assessments[name] = recomputing.recompute(restored, name).is_same
            except GridmgmtError:  # made before its inputs were kept with it
                done.assessments[name] = None
            work.progress("restore_prove", n, len(names))
    finally:
        restored.close()


@contextmanager
def _opened(file: Path) -> Iterator[tuple[tarfile.TarFile, Mapping[str, Any]]]:
    if not tarfile.is_tarfile(file):
        raise BackupInvalid(file=str(file), why="no_archive", member="")
    with tarfile.open(file, "r:") as archive:
        yield archive, _manifest(file, archive)


def _manifest(file: Path, archive: tarfile.TarFile) -> Mapping[str, Any]:
    try:
        info = archive.getmember(_MANIFEST)
        if not info.isreg() or info.size > _MOST_MANIFEST:
            raise BackupInvalid(file=str(file), why="no_manifest", member=_MANIFEST)
        found = json.loads(_content(archive, _MANIFEST).read())
        members, lost, form = dict(found["members"]), list(found["lost"]), found["format"]
    except (tarfile.TarError, KeyError, TypeError, ValueError, EOFError, RecursionError) as e:
        raise BackupInvalid(file=str(file), why="no_manifest", member=_MANIFEST) from e
    if form != _FORMAT:
        raise BackupInvalid(file=str(file), why="format", member=str(form))
    strange = next((name for name in members if name != _DUMP and not _FILE.fullmatch(name)), None)
    if strange is not None or _DUMP not in members:
        raise BackupInvalid(file=str(file), why="member", member=strange or _DUMP)
    engines.check_known(str(found.get("revision")))
    return {"members": members, "lost": lost}


def _check(file: Path, archive: tarfile.TarFile, name: str, told: Mapping[str, Any]) -> None:
    try:
        content = _content(archive, name)
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type] # any file will do
    except (tarfile.TarError, KeyError, OSError) as e:
        raise BackupInvalid(file=str(file), why="missing", member=name) from e
    named = _FILE.fullmatch(name)
    if sha256 != told["sha256"] or (named and not named[4] and named[3] != sha256):
        raise BackupInvalid(file=str(file), why="changed", member=name)


def _content(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found


def _pour(source: IO[bytes], stream: IO[bytes]) -> None:
    while block := source.read(_BLOCK):
        stream.write(block)
