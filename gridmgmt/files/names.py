"""Names of files (文件名) from codes: safe on every system."""

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
