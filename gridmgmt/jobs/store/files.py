"""Files of jobs (任务文件): what was handed in and what was made, each under the SHA-256 of its content."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from gridmgmt import bounds
from gridmgmt.casework.store.files import JOBS
from gridmgmt.errors import FileLost, FilesUnwritable, by_program
from gridmgmt.files import names

_UNFINISHED = ".part"
_BLOCK = 1 << 20


def folder(root: Path) -> Path:
    """Where they stand: apart from the photographs, which are kept for ever."""
    return root / JOBS


def path_of(root: Path, sha256: str) -> Path:
    """Where a file stands."""
    return folder(root) / sha256


def found(root: Path, sha256: str) -> Path:
    """A file that is there.

    Raises
    ------
    FileLost
    """
    path = path_of(root, sha256)
    if not path.is_file():
        raise FileLost(sha256=sha256, folder=str(folder(root)))
    return path


@contextmanager
def draft(root: Path) -> Iterator[Path]:
    """A name to write to on the same disk; it is gone afterwards unless it was kept (:func:`keep`).

    Raises
    ------
    FilesUnwritable
    """
    try:
        folder(root).mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder(root), suffix=_UNFINISHED)
    except OSError as e:
        raise FilesUnwritable(folder=str(folder(root)), reason=by_program(e.strerror or str(e))) from e
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def pour(content: IO[bytes], path: Path) -> str:
    """Write what comes to a draft; gives its SHA-256.

    Raises
    ------
    LimitExceeded
        More than a file may hold.
    FilesUnwritable
    """
    try:
        with path.open("wb") as file:
            n = 0
            while block := content.read(_BLOCK):
                n += len(block)
                bounds.hold(path, "file_mb", n)
                file.write(block)
        return digest(path)
    except OSError as e:
        raise FilesUnwritable(folder=str(path.parent), reason=by_program(e.strerror or str(e))) from e


def digest(path: Path) -> str:
    """The SHA-256 of a file, whose content is on the disk then."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
        os.fsync(file.fileno())
    return found.hexdigest()


def keep(root: Path, written: Path, sha256: str) -> None:
    """Give a draft its own name."""
    os.replace(written, path_of(root, sha256))


@contextmanager
def named(root: Path, sha256: str, name: str) -> Iterator[Path]:
    """A file under the name that it was handed in by, as readers need it.

    Raises
    ------
    FileLost
    """
    source = found(root, sha256)
    with tempfile.TemporaryDirectory() as here, names.as_handed_in(Path(here)):
        path = Path(here) / name
        path.symlink_to(source)
        yield path


def pack(parts: Sequence[tuple[str, IO[bytes]]], path: Path) -> str:
    """Write several files, each by its name, to a draft as one archive, the same of the same files; gives its SHA-256.

    Raises
    ------
    LimitExceeded
        More than a file may hold.
    FilesUnwritable
    """
    n = 0
    try:
        with ZipFile(path, "w", ZIP_STORED) as archive:
            for number, (name, content) in enumerate(parts):
                with archive.open(ZipInfo(f"{number}/{names.plain(name)}"), "w", force_zip64=True) as part:
                    while block := content.read(_BLOCK):
                        n += len(block)
                        bounds.hold(Path(names.plain(name)), "file_mb", n)
                        part.write(block)
        return digest(path)
    except OSError as e:
        raise FilesUnwritable(folder=str(path.parent), reason=by_program(e.strerror or str(e))) from e


@contextmanager
def unpacked(root: Path, sha256: str) -> Iterator[list[Path]]:
    """The files of an archive (:func:`pack`) in their order, each under the name that it was handed in by.

    Raises
    ------
    FileLost
    """
    packed = found(root, sha256)
    with tempfile.TemporaryDirectory() as here, ZipFile(packed) as archive, names.as_handed_in(Path(here)):
        yield [Path(archive.extract(part, here)) for part in archive.infolist()]


def remove(root: Path, needed: set[str]) -> None:
    """Remove what no job needs, and what a break left half written an hour or more ago."""
    here = folder(root)
    if not here.is_dir():
        return
    newest = max((p.stat().st_mtime for p in here.iterdir()), default=0.0)
    for path in here.iterdir():
        is_old = path.suffix == _UNFINISHED and path.stat().st_mtime < newest - 3600
        if is_old or (path.suffix != _UNFINISHED and path.name not in needed):
            path.unlink(missing_ok=True)
