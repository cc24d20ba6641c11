"""Cells (单元格) as people type them: blanks, full-width forms."""

from collections.abc import Collection, Iterator

import pandas as pd

_HALF_WIDTH = {full: full - 0xFEE0 for full in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}


_HALF_WIDTH |= {ord(full): ord(half) for full, half in zip("．－：／＋", ".-:/+", strict=True)}


def trimmed(text: str) -> str:
    """Text without blanks around it: full-width and zero-width ones too."""
    return text.strip() if text.isascii() else text.strip().strip("\u200b\ufeff").strip()


def texts_of(chunk: pd.DataFrame, as_written: Collection[str]) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Row number and trimmed texts of every row, in half-width forms but for some columns; None where it is empty."""
    for row, values in chunk.astype(object).to_dict("index").items():
        cells = {str(column): trimmed(v) if isinstance(v, str) else "" for column, v in values.items()}
        yield int(str(row)), {c: (text if c in as_written else half_width(text)) or None for c, text in cells.items()}


def half_width(text: str) -> str:
    """Full-width letters, digits and number signs (全角) as half-width ones; brackets and the rest stay."""
    return text if text.isascii() else text.translate(_HALF_WIDTH)
