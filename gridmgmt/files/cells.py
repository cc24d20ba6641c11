"""Cells (单元格) as people type them: blanks, full-width forms."""

HALF_WIDTH = {full: full - 0xFEE0 for full in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}


HALF_WIDTH |= {ord(full): ord(half) for full, half in zip("．－：／＋", ".-:/+", strict=True)}


def trimmed(text: str) -> str:
    """Text without blanks around it: full-width and zero-width ones too."""
    return text.strip() if text.isascii() else text.strip().strip("\u200b\ufeff").strip()


def half_width(text: str) -> str:
    """Full-width letters, digits and number signs (全角) as half-width ones; brackets and the rest stay."""
    return text if text.isascii() else text.translate(HALF_WIDTH)
