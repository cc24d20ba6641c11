"""Names of files (文件名), from codes and as they are handed in: safe on every system."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gridmgmt.errors import GridmgmtError

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|summary)(\.|$)", re.IGNORECASE)
"""Names that Windows keeps for devices, and the summary's own."""


def file_stem(code: str) -> str:
    """A file name for any code: what is not a letter, digit, ``_``, ``-`` or ``.`` is percent-encoded.

    >>> file_stem("440106001"), file_stem("../a b"), file_stem("CON"), file_stem("summary")
    ('440106001', '%2E.%2Fa%20b', '%43ON', '%73ummary')
    """
    stem = quote(code, safe="").replace("~", "%7E")
    if not stem or stem.startswith(".") or _RESERVED.match(stem):
        stem = f"%{ord(stem[0]):02X}{stem[1:]}" if stem else "%00"
    return stem if len(stem) <= 120 else f"{stem[:100]}-{hashlib.sha256(code.encode()).hexdigest()[:16]}"


_LONGEST = 200
"""Bytes of a name; file systems take 255."""


def plain(name: str | None) -> str:
    """The last part of the name of a file that was handed in, never a path; of a long one the end, which says its kind.

    >>> plain("C:\\\\files\\\\a.csv"), plain("../x.csv"), plain(".."), plain(None)
    ('a.csv', 'x.csv', 'file', 'file')
    """
    last = "".join(c for c in (name or "").replace("\\", "/").rpartition("/")[2] if c.isprintable())
    cut = last.encode("utf-8", "ignore")[-_LONGEST:].decode("utf-8", "ignore")
    return cut if cut.strip(". ") else "file"


@contextmanager
def as_handed_in(folder: Path) -> Iterator[None]:
    """What is wrong with a file in a folder of ours is told by the name that it was handed in by.

    Raises
    ------
    GridmgmtError
        What was raised, without the folder in its facts.
    """
    try:
        yield
    except GridmgmtError as e:
        place = re.compile(re.escape(str(folder)) + r"/(\d+/)?")
        facts = {name: _without(value, place) for name, value in e.facts.items()}
        if facts == e.facts:
            raise
        raise type(e)(**facts) from e


def _without(value: Any, place: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return place.sub("", value)
    if isinstance(value, list | tuple):
        return [_without(x, place) for x in value]
    return {k: _without(v, place) for k, v in value.items()} if isinstance(value, Mapping) else value
