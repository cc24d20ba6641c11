"""Files that are made (写出文件): whole or not there, and never over what is no file."""

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridmgmt.errors import DiskFull

FULL = (errno.ENOSPC, errno.EDQUOT)
"""How the system says that a disk, or somebody's share of it, is full."""

_DRAFT = f".gridmgmt-{os.uname().nodename.partition('.')[0]}-"
"""How the names of files begin that are being written."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name beside the file's own, of the same ending, to write to: it takes the file's name when the block ends well.

    A symbolic link keeps standing; what it points to is replaced.

    Raises
    ------
    DiskFull
    OSError
        The place is a folder, a pipe or a device; its folder is not there; it cannot be written.
    """
    target = path.resolve()
    check(target)
    draft = target.with_name(f"{_DRAFT}{os.getpid()}.{threading.get_native_id()}{target.suffix}")
    try:
        _sweep(target.parent)
        yield draft
        with draft.open("rb+") as made:
            os.fsync(made.fileno())
        draft.replace(target)
    except FileNotFoundError as e:
        raise FileNotFoundError(e.errno, e.strerror, str(path)) from e
    except OSError as e:
        if e.errno in FULL:
            raise DiskFull(file=str(path)) from e
        raise
    finally:
        for left in target.parent.glob(f"{draft.name}*"):  # GDAL leaves a journal beside it
            left.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what processes of this machine left half written when they were killed."""
    for path in folder.glob(f"{_DRAFT}*"):
        pid = path.name.removeprefix(_DRAFT).partition(".")[0]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            path.unlink(missing_ok=True)


def check(path: Path) -> None:
    """Refuse a place that holds what is no file.

    Raises
    ------
    OSError
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def write(path: Path, content: bytes | str) -> None:
    """Write a file whole; a text in UTF-8."""
    with whole(path) as draft:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
