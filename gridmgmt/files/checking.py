"""Between a file's reader and everything else: no cell holds what cannot be stored (单元格检查), of whatever format."""

import re
from collections.abc import Collection
from functools import cache

import pandas as pd

from gridmgmt.documents import Strict
from gridmgmt.faults import Faults
from gridmgmt.files import columns, data_files
from gridmgmt.files.rows import Rows
from gridmgmt.settings import data_path

BAD_BYTE = "\uffff"
"""Stands before the two hexadecimal digits of a byte that is no text."""
_SHOWN = 200
_NUL, _NUL_SHOWN = "\x00", "\u2400"


class Limits(Strict):
    """How many characters a text and a code may have."""

    text: int
    code: int


@cache
def limits() -> Limits:
    """What ``data/tables/limits.yaml`` says."""
    return data_files.read(data_path("tables", "limits.yaml"), Limits)


def checked(rows: Rows, chunk: pd.DataFrame) -> pd.DataFrame:
    """A chunk in which NUL and bytes that are no text are shown; these, and texts that are too long, are noted."""
    out = chunk
    for column in chunk.columns:
        texts = chunk[column]
        if _is_plain(texts):
            continue
        wrong = _forbidden(texts)
        if wrong.any():
            out = out.assign(**{str(column): texts.where(~wrong, texts.map(shown, na_action="ignore"))})
        rows.faults += _faults(str(column), texts, wrong)
    return out


def unstorable(frame: pd.DataFrame, codes: Collection[str] = ()) -> Faults:
    """The same of the features of a map layer: every text that cannot be stored or is too long.

    Parameters
    ----------
    frame
        Its columns of text are looked at; the index: the feature's number.
    codes
        Columns that hold codes, which are shorter than other texts.
    """
    found = Faults()
    for column in frame.columns:
        texts = frame[column].map(lambda value: value if isinstance(value, str) else None).astype(object)
        if texts.notna().any():
            found += _faults(str(column), texts, _forbidden(texts))
            if column in codes:
                found += _long_codes(str(column), texts)
    return Faults(sorted(found, key=lambda fault: fault.row))


def _is_plain(column: pd.Series) -> bool:
    """Whether a column holds, at a glance, nothing to look at."""
    texts = columns.texts_of(column)
    return columns.longest(texts) <= limits().text and not columns.may_hold(texts, _NUL.encode(), BAD_BYTE.encode())


def _forbidden(texts: pd.Series) -> pd.Series:
    return texts.str.contains(f"[{_NUL}{BAD_BYTE}]", regex=True).fillna(False).astype(bool)


def _faults(column: str, texts: pd.Series, wrong: pd.Series) -> Faults:
    found, most = Faults(), limits().text
    long = (texts.str.len() > most).fillna(False).astype(bool)
    for row in texts.index[wrong | long]:
        text = str(texts[row])
        code = "cell_bytes" if BAD_BYTE in text else "cell_nul" if _NUL in text else "cell_long"
        facts = {"most": most, "n": len(text)} if code == "cell_long" else {}
        found.note(int(row), column, shown(text)[:_SHOWN], code, **facts)
    return found


def _long_codes(column: str, texts: pd.Series) -> Faults:
    found, most = Faults(), limits().code
    size = texts.str.len()
    for row in texts.index[((size > most) & (size <= limits().text)).fillna(False).astype(bool)]:
        found.note(int(row), column, str(texts[row])[:most], "code_long", most=most)
    return found


def shown(text: str) -> str:
    """A text with its NUL as ``␀`` and each byte that is no text as ``\\xFF``."""
    return re.sub(f"{BAD_BYTE}(?=[0-9A-F]{{2}})", r"\\x", text.replace(_NUL, _NUL_SHOWN))
