"""Names of files (文件名), from codes and as they are handed in: safe on every system."""

import hashlib
import re
from urllib.parse import quote

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
