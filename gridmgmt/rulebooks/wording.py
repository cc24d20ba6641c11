"""Words that several kinds of items and rules share (规则说明), in both languages."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gridmgmt.files.wording import Words, same, words
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.results import Book

TESTS = {">": ">", ">=": "≥", "<": "<", "<=": "≤"}


def concat(*texts: Words | None, zh: str = "", en: str = "") -> Words:
    """Texts one behind the other, with a separator of each language between them; None is passed over."""
    held = [t for t in texts if t is not None]
    return {"zh": zh.join(t["zh"] for t in held), "en": en.join(t["en"] for t in held)}


def input_title(book: Book, name: str) -> Words:
    """An input's title."""
    return book.inputs[name].title


def limit_words(book: Book, rate: str | None, value: Fraction) -> str:
    """A limit as it is compared: in percent for a rate of 0–1, else as it is."""
    is_percent = rate is not None and book.rates[rate].unit == "percent"
    return f"{exact(value)}%" if is_percent else exact(value)


def terms_words(book: Book, terms: Mapping[str, Fraction]) -> Words:
    """A sum of inputs times coefficients: ``按期结案数 + 0.6 × 延期结案数``."""
    parts = []
    for place, (name, coefficient) in enumerate(terms.items()):
        sign = " − " if coefficient < 0 else " + " if place else ""
        factor = "" if abs(coefficient) == 1 else f"{exact(abs(coefficient))} × "
        parts.append(concat(same(sign.lstrip() if not place else sign), same(factor), input_title(book, name)))
    return concat(*parts)


def measured_title(book: Book, part: Any) -> Words:
    """The title of the rate or input that a limit is set for."""
    return book.rates[part.rate].title if part.rate is not None else input_title(book, part.input)


def cap_words(cap: Fraction | None) -> Words | None:
    """At most so many points; nothing without a cap."""
    return words("show_cap", cap=exact(cap)) if cap is not None else None
