"""Files that requests hand in (上传文件): each under its own name in a folder of its own, while it is read."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fastapi import UploadFile

from gridmgmt.errors import OptionInvalid
from gridmgmt.files import names

_MOST_FILES, _CHUNK = 20, 1 << 20


@contextmanager
def files(handed: Sequence[UploadFile]) -> Iterator[list[Path]]:
    """The files of a request, each in a folder of its own that goes with the context; a name is never a path.

    What is wrong in one is told by its name. How large all of them may be, the limit of the body says before any is
    here.

    Raises
    ------
    OptionInvalid
        More files than a request may hand in.
    """
    if not 0 < len(handed) <= _MOST_FILES:
        raise OptionInvalid(name="files", value=str(len(handed)), expected=f"1–{_MOST_FILES}")
    with tempfile.TemporaryDirectory() as folder, names.as_handed_in(Path(folder)):
        yield [_written(file, Path(folder) / str(n)) for n, file in enumerate(handed)]


@contextmanager
def file(handed: UploadFile) -> Iterator[Path]:
    """The one file of a request: see :func:`files`."""
    with files([handed]) as (path,):
        yield path


def _written(file: UploadFile, place: Path) -> Path:
    place.mkdir()
    path = place / names.plain(file.filename)
    with path.open("wb") as out:
        while chunk := file.file.read(_CHUNK):
            out.write(chunk)
    return path
