"""What exports say (文案): labels, reasons and rounded figures, in one language or both with Chinese first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gridmgmt.numbers import exact, shown
from gridmgmt.texts import LANGUAGES, catalogue, word

Words = Mapping[str, str]
"""One text in every language: ``{"zh": …, "en": …}``."""


ENGLISH_FIRST = "en+zh"
"""The language of a file that has both, English first; None: both, Chinese first."""


def languages(lang: str | None) -> tuple[str, ...]:
    """The languages of a file, in their order: one, or both.

    >>> languages("zh"), languages(None), languages(ENGLISH_FIRST)
    (('zh',), ('zh', 'en'), ('en', 'zh'))
    """
    return tuple((lang or "zh+en").split("+"))


def words(code: str, **facts: Any) -> Words:
    """An entry of the catalogue in every language; a fact that is itself :data:`Words` goes in by language."""
    return {lang: word(code, _in(facts, lang), lang) for lang in LANGUAGES}


def say(text: Words, lang: str | None = None) -> str:
    """One language, or ``中文 English`` where ``lang`` is None; once where both are the same."""
    return " ".join(dict.fromkeys(text[x] for x in languages(lang)))


def stacked(text: Words, lang: str | None = None) -> str:
    """One language, or the two on a line each."""
    return "\n".join(dict.fromkeys(text[x] for x in languages(lang)))


def label(code: str, lang: str | None = None, **facts: Any) -> str:
    """:func:`words`, said."""
    return say(words(code, **facts), lang)


@dataclass(frozen=True)
class Speaker:
    """The language of one file, for what is set out in many places: :func:`say`, :func:`stacked`, :func:`label`."""

    lang: str | None = None

    @property
    def first(self) -> str:
        """The language, or the first of both: that of words to choose from."""
        return languages(self.lang)[0]

    def say(self, text: Words) -> str:
        """In one language, or ``中文 English``."""
        return say(text, self.lang)

    def stacked(self, text: Words) -> str:
        """In one language, or the two on a line each."""
        return stacked(text, self.lang)

    def label(self, code: str, **facts: Any) -> str:
        """An entry of the catalogue, said."""
        return label(code, self.lang, **facts)


def listed(parts: Sequence[Words]) -> Words:
    """Several texts as one, ``甲；乙``."""
    return {"zh": "；".join(p["zh"] for p in parts), "en": "; ".join(p["en"] for p in parts)}


def joined(parts: Sequence[Words]) -> dict[str, str]:
    """Names in a row, ``甲、乙``."""
    return {"zh": "、".join(p["zh"] for p in parts), "en": ", ".join(p["en"] for p in parts)}


def same(value: object) -> Words:
    """A code, name or number that is the same in every language."""
    return dict.fromkeys(LANGUAGES, str(value))


def group_words(group: str) -> Words:
    """A group of subjects by its word, else as the list of subjects writes it (组别)."""
    return _words_or(f"subject_group_{group}", group)


def unit_kind_words(kind: str) -> Words:
    """A kind of units by its word, else as the table of units writes it (单位类别)."""
    return _words_or(f"unit_kind_{kind}", kind)


def _words_or(code: str, text: str) -> Words:
    return words(code) if code in catalogue() else same(text)


def named(zh: str | None, en: str | None, code: str) -> dict[str, str]:
    """A name in every language: where one is not told the other stands for it, and the code where neither is."""
    return {"zh": zh or en or code, "en": en or zh or code}


def readable(exact: str) -> str:
    """An exact number for people: short decimals as they are, a fraction rounded (the JSON holds it exactly).

    >>> readable("1580/17"), readable("0.6875"), readable("19455"), readable("-3/7")
    ('92.94', '0.6875', '19,455', '-0.43')
    """
    if "/" in exact:
        return shown(Fraction(exact))
    whole, dot, decimals = exact.partition(".")
    return f"{int(whole):,}{dot}{decimals}" if abs(int(whole)) >= 1000 else exact


def percent(exact: str) -> str:
    """An exact share for people.

    >>> percent("1/3"), percent("0.5")
    ('33.33%', '50.00%')
    """
    return f"{shown(Fraction(exact) * 100)}%"


def shown_short(value: Fraction) -> str:
    """A number as short as it may be: ``5``, ``2.5``, ``92.94``.

    >>> shown_short(Fraction(5)), shown_short(Fraction(5, 2)), shown_short(Fraction(1580, 17))
    ('5', '2.5', '92.94')
    """
    text = shown(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _in(facts: Mapping[str, Any], lang: str) -> dict[str, Any]:
    return {k: v[lang] if isinstance(v, Mapping) else v for k, v in facts.items()}


_NO_COMPARISON = "—"


@dataclass(frozen=True)
class Figure:
    """A number to show, with its unit; None is "no data" (or, for a change, not comparable).

    ``unit``: count, percent (of 0–1), points, per_km2; for changes pp
    (percentage points), relative (of 0–1), difference. ``without`` is what is
    said in place of a number that is not there.
    """

    value: Fraction | None
    unit: str
    without: str = "card_no_data"

    @property
    def is_change(self) -> bool:
        """Whether it is a difference between two periods: shown with its sign."""
        return self.unit in ("pp", "relative", "difference")

    def text(self, lang: str | None = None) -> str:
        """Rounded for show, with its unit: ``93.72%``, ``+1.20 个百分点``."""
        if self.value is None:
            return _NO_COMPARISON if self.is_change else say(words(self.without), lang)
        sign = "+" if self.is_change and self.value > 0 else ""
        match self.unit:
            case "count":
                return f"{int(self.value):,}" if self.value.denominator == 1 else readable(exact(self.value))
            case "percent":
                return f"{shown(self.value * 100)}%"
            case "relative":
                return f"{sign}{shown(self.value * 100, 1)}%"
            case "pp":
                return f"{sign}{shown(self.value)} {words('card_pp')[languages(lang)[0]]}"
            case _:
                return f"{sign}{shown(self.value)}"
