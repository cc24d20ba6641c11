"""The files folder (附件库): each photograph and file once, under the SHA-256 of its bytes, never changed.

``ab/cd/abcd….jpg`` is a file as it was handed in, ``ab/cd/abcd….thumb.jpg`` its
small picture. A file is whole or not there: it is written under another name,
forced to the disk, and only then given its own. It stands in the folder before
the database's row that names it is committed, so that a break leaves at most a
file that no row names, which is harmless.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from gridmgmt.casework.photographs import Accepted, StoredFile
from gridmgmt.errors import FilesUnwritable, by_program

JOBS = "jobs"
"""Folder inside for what jobs were handed and what they made, which passes."""

UNFINISHED = ".part"
"""Ending of files that a break left half written."""

State = Literal["sound", "missing", "damaged"]


def path_of(root: Path, file: StoredFile) -> Path:
    """Where a file stands."""
    return _folder(root, file.sha256) / f"{file.sha256}.{file.extension}"


def thumbnail_path(root: Path, sha256: str) -> Path:
    """Where a picture's small copy (缩略图) stands."""
    return _folder(root, sha256) / f"{sha256}.thumb.jpg"


def _folder(root: Path, sha256: str) -> Path:
    return root / sha256[:2] / sha256[2:4]


def put(root: Path, accepted: Accepted) -> None:
    """Keep a file and its small picture; the same content again changes nothing, and mends a damaged copy.

    Raises
    ------
    FilesUnwritable
        The folder cannot be written, or the disk is full.
    """
    file = accepted.file
    try:
        if accepted.thumbnail is not None and not thumbnail_path(root, file.sha256).exists():
            _write(thumbnail_path(root, file.sha256), accepted.thumbnail, root)
        if state(root, file) != "sound":
            _write(path_of(root, file), accepted.content, root)
    except OSError as e:
        raise FilesUnwritable(folder=str(root), reason=by_program(e.strerror or str(e))) from e


def put_back(root: Path, name: str, content: bytes) -> None:
    """Put a file under a name below the folder, whole or not at all.

    Raises
    ------
    FilesUnwritable
    """
    try:
        _write(root / name, content, root)
    except OSError as e:
        raise FilesUnwritable(folder=str(root), reason=by_program(e.strerror or str(e))) from e


def _write(path: Path, content: bytes, root: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as part:
            part.write(content)
            part.flush()
            os.fsync(part.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    for folder in (path.parent, path.parent.parent, root):
        _force(folder)


def _force(folder: Path) -> None:
    """Force a folder's own list of names to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def state(root: Path, file: StoredFile) -> State:
    """Whether a file stands in the folder with the bytes that were handed in."""
    try:
        with path_of(root, file).open("rb") as f:
            return "sound" if hashlib.file_digest(f, "sha256").hexdigest() == file.sha256 else "damaged"
    except FileNotFoundError:
        return "missing"


def content(root: Path, file: StoredFile) -> bytes | None:
    """A file's bytes as they were handed in; None where they are gone or others."""
    try:
        found = path_of(root, file).read_bytes()
    except FileNotFoundError:
        return None
    return found if hashlib.sha256(found).hexdigest() == file.sha256 else None


def walk(root: Path) -> Iterator[Path]:
    """Every file of the folder, small pictures and unfinished ones too, but those of jobs."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(x for x in folders if x != JOBS)
        yield from (Path(folder) / name for name in sorted(names))
