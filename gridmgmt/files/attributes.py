"""Attributes of shapefiles (属性表) in the encoding that their bytes have.

A .dbf names no encoding. Without a .cpg beside it its texts are UTF-8 if they all decode so, else GB18030. A .cpg that
the bytes contradict is told, never followed. Headers and values have a fixed width in bytes, which may cut the last
character: the piece of it is dropped.
"""

import codecs
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gridmgmt.errors import FileUnreadable

ENCODINGS = ("utf-8", "gb18030")
_PAGES = {**dict.fromkeys(("936", "cp936", "gbk", "gb2312"), "gb18030"), **dict.fromkeys(("65001", "utf8"), "utf-8")}

_BYTES = "ISO-8859-1"
"""Gives every byte as a character of its number; GDAL knows it so written only."""


def read(path: Path, layer: str | None, encodings: Sequence[str] = ENCODINGS, given: str | None = None) -> pd.DataFrame:
    """One layer as GDAL reads it; the texts of a shapefile in their own encoding.

    Parameters
    ----------
    encodings
        Tried in order where no .cpg names one.
    given
        The encoding that whoever hands in the file says it has; no other is tried.

    Raises
    ------
    FileUnreadable
    """
    import pyogrio  # slow, and needed by those only who read layers

    if path.suffix.lower() != ".shp":
        plain: pd.DataFrame = pyogrio.read_dataframe(path, layer=layer)
        return plain
    frame: pd.DataFrame = pyogrio.read_dataframe(path, layer=layer, encoding=_BYTES)
    table = frame.drop(columns=["geometry"], errors="ignore")
    texts = {name for name in table.columns if not name.isascii()}
    texts |= {v for c in table.columns for v in table[c] if isinstance(v, str) and not v.isascii()}
    encoding = _encoding(path, {t.encode(_BYTES) for t in texts}, encodings, given)

    def decoded(value: Any) -> Any:
        return _decoded(value.encode(_BYTES), encoding) if isinstance(value, str) else value

    for column in table.columns:
        if pd.api.types.is_string_dtype(frame[column]) or frame[column].dtype == object:
            frame[column] = frame[column].map(decoded)
    return frame.rename(columns={c: decoded(c) for c in table.columns})


def _encoding(path: Path, texts: Collection[bytes], encodings: Sequence[str], given: str | None) -> str:
    declared = _declared(path)
    if given is not None:
        if not _fits(texts, _codec(given)):
            raise _unreadable(path, "unreadable_encoding", encodings=[given])
        return _codec(given)
    found = next((e for e in encodings if _fits(texts, _codec(e))), None)
    if declared is None or not texts:
        if found is None:
            raise _unreadable(path, "unreadable_encoding", encodings=[*encodings])
        return found
    if not _fits(texts, declared) or _contradicted(texts, declared):
        raise _unreadable(path, "unreadable_cpg", declared=declared, found=found)
    return declared


def _contradicted(texts: Collection[bytes], declared: str) -> bool:
    """Whether the bytes say otherwise: all of them UTF-8, or Chinese where a Western page is named.

    Texts of another encoding are UTF-8 by accident only where they are few and short, and a Western page fits all.
    """
    if declared != "utf-8" and _fits(texts, "utf-8"):
        return True
    if declared in ("utf-8", "gb18030") or not _fits(texts, "gb18030"):
        return False
    return all("\u2e80" <= c <= "\uffef" for t in texts for c in _decoded(t, "gb18030") if not c.isascii())


def _declared(path: Path) -> str | None:
    """The encoding that the .cpg beside it names, if it names one that there is."""
    beside = next((p for p in (path.with_suffix(s) for s in (".cpg", ".CPG")) if p.is_file()), None)
    try:
        return _codec(beside.read_text("ascii").strip()) if beside else None
    except (LookupError, UnicodeDecodeError):
        return None


def _codec(name: str) -> str:
    plain = name.lower().removeprefix("oem ").removeprefix("ansi ").replace("_", "-")
    return _PAGES.get(plain) or codecs.lookup(f"cp{plain}" if plain.isdigit() else plain).name


def _fits(texts: Collection[bytes], encoding: str) -> bool:
    try:
        for text in texts:
            _decoded(text, encoding)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(text: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)("strict").decode(text)  # not final: a piece at the end is no fault


def _unreadable(path: Path, code: str, **facts: Any) -> FileUnreadable:
    return FileUnreadable(file=str(path), reason={"code": code, **facts})
