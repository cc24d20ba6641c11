"""Cells (单元格) as people type them: blanks, full-width forms, characters that nobody sees."""

import unicodedata
from collections.abc import Collection, Iterator

import pandas as pd

_HALF_WIDTH = {full: full - 0xFEE0 for full in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_HALF_WIDTH |= {ord(full): ord(half) for full, half in zip("．－：／＋＿", ".-:/+_", strict=True)}
_UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"
"""Zero-width blanks, joiners, marks of direction, the soft hyphen."""
_AS_CODE: dict[int, int | None] = {**_HALF_WIDTH, **{ord(c): None for c in _UNSEEN}}
BLANKS = "".join(c for c in map(chr, range(0x3001)) if c.isspace()) + _UNSEEN
"""What is no part of a text at its ends."""


def trimmed(text: str) -> str:
    """Text without blanks around it: full-width and zero-width ones too."""
    return text.strip() if text.isascii() else text.strip(BLANKS)


def as_code(text: str) -> str:
    """The one reading of codes, numbers and times (编码的唯一读法), of whatever file.

    Without blanks around it and characters that nobody sees anywhere in it; full-width letters, digits and number
    signs (全角) as half-width ones, and a character that has two forms (NFC) in its usual one. Brackets and the rest
    stay: ``〔２０２５〕`` is ``〔2025〕``.
    """
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFC", text.translate(_AS_CODE)).strip(BLANKS)


def texts_of(chunk: pd.DataFrame, as_written: Collection[str]) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Row number and trimmed texts of every row, read as codes but for some columns; None where it is empty."""
    for row, values in chunk.astype(object).to_dict("index").items():
        cells = {str(column): trimmed(v) if isinstance(v, str) else "" for column, v in values.items()}
        yield int(str(row)), {c: (text if c in as_written else as_code(text)) or None for c, text in cells.items()}
