"""Where the files of a bulk run are (数据源): folders and files anywhere that fsspec reaches."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec

from gridmgmt.errors import FileUnreadable

_SUFFIXES = (".parquet", ".geoparquet", ".csv", ".csv.gz")


@dataclass(frozen=True)
class Part:
    """One file, worked on by itself; ``number`` names what is written of it."""

    number: int
    url: str

    @property
    def name(self) -> str:
        """The name of what is written, without its ending."""
        return f"part-{self.number:06}"

    @contextmanager
    def here(self) -> Iterator[Path]:
        """The file on this machine: itself, or a copy for as long as it is read."""
        fs, path = fsspec.core.url_to_fs(self.url)
        if "file" in _protocols(fs):
            yield Path(path)
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.rpartition("/")[2]
            fs.get(path, str(copy))
            yield copy


def parts(sources: Sequence[str]) -> list[Part]:
    """The files in folders, below them too, and single files; in order of their names, each once.

    Raises
    ------
    FileUnreadable
        There is none.
    """
    found: set[str] = set()
    for source in sources:
        fs, path = fsspec.core.url_to_fs(source)
        every = fs.find(path) if fs.isdir(path) else fs.glob(path)
        names = [p for p in every if p.lower().endswith(_SUFFIXES) and p.rpartition("/")[2][0] not in "._"]
        if not names:
            raise FileUnreadable(file=source, reason={"code": "unreadable_absent"})
        found |= {p if "file" in _protocols(fs) else fs.unstrip_protocol(p) for p in names}
    return [Part(n, url) for n, url in enumerate(sorted(found))]


def _protocols(fs: fsspec.AbstractFileSystem) -> Sequence[str]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
