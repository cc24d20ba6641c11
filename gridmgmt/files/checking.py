"""Between a file's reader and everything else: no cell holds what cannot be stored (单元格检查), of whatever format."""

import re
from functools import cache

import pandas as pd

from gridmgmt.documents import Strict
from gridmgmt.files import data_files
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
    most = limits().text
    out = chunk
    for column in chunk.columns:
        texts = chunk[column]
        wrong = texts.str.contains(f"[{_NUL}{BAD_BYTE}]", regex=True).fillna(False).astype(bool)
        if wrong.any():
            out = out.assign(**{str(column): texts.where(~wrong, texts.map(shown, na_action="ignore"))})
        long = (texts.str.len() > most).fillna(False).astype(bool)
        for row in chunk.index[wrong | long]:
            text = str(texts[row])
            code = "cell_bytes" if BAD_BYTE in text else "cell_nul" if _NUL in text else "cell_long"
            facts = {"most": most, "n": len(text)} if code == "cell_long" else {}
            rows.faults.note(int(row), str(column), shown(text)[:_SHOWN], code, **facts)
    return out


def shown(text: str) -> str:
    """A text with its NUL as ``␀`` and each byte that is no text as ``\\xFF``."""
    return re.sub(f"{BAD_BYTE}(?=[0-9A-F]{{2}})", r"\\x", text.replace(_NUL, _NUL_SHOWN))
