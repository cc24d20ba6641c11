"""Exact numbers (精确数): how a rulebook's constants are read, and how fractions are written and rounded for show."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from gridmgmt.texts import Unfit

NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+|[0-9]+/0*[1-9][0-9]*)")
"""``5``, ``0.1``, ``1/3``: what is read as an exact number."""


_MOST_DIGITS = 1_000
"""Characters of a number that is written as text."""


def to_exact(value: Any) -> Fraction:
    """A number as it is written: whole, decimal or fraction, never a binary float.

    Raises
    ------
    Unfit
        Anything else; a float too, for it would not be what the file says.
    """
    if isinstance(value, bool) or not isinstance(value, int | str | Fraction):
        raise Unfit("number", value=str(value))
    if isinstance(value, str) and len(value) > _MOST_DIGITS:
        raise Unfit("number", value=f"{value[:40]}…")
    if isinstance(value, str) and not NUMBER.fullmatch(value.strip()):
        raise Unfit("number", value=str(value))
    return Fraction(value.strip() if isinstance(value, str) else value)


def summed(values: Iterable[Fraction]) -> Fraction:
    """The exact sum of numbers, over one common denominator."""
    ratios = [v.as_integer_ratio() for v in values]
    common = math.lcm(*(d for _, d in ratios))
    return Fraction(sum(n * (common // d) for n, d in ratios), common)


def exact(value: Fraction) -> str:
    """An exact number as text: ``5``, ``2.5`` where it is a short decimal, else ``1580/17``."""
    if value.denominator == 1:
        return str(value.numerator)
    d = value.denominator
    while d % 2 == 0:
        d //= 2
    while d % 5 == 0:
        d //= 5
    places = max(_twos(value.denominator), _fives(value.denominator))
    if d != 1 or places > 12:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return ("-" if value < 0 else "") + digits[:-places] + "." + digits[-places:]


def _twos(n: int) -> int:
    return (n & -n).bit_length() - 1


def _fives(n: int) -> int:
    count = 0
    while n % 5 == 0:
        n, count = n // 5, count + 1
    return count


def shown(value: Fraction, places: int = 2) -> str:
    """Rounded half up for display only; no decision is ever taken on it."""
    rounded = (2 * abs(value.numerator) * 10**places + value.denominator) // (2 * value.denominator)
    rounded = rounded if value.numerator >= 0 else -rounded
    sign, digits = "-" if rounded < 0 else "", str(abs(rounded)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def shown_near(
    value: Fraction, limits: Sequence[Fraction], places: int = 2, *, strictly: Sequence[Fraction] = ()
) -> str:
    """Like :func:`shown`, with more digits where rounding would seem to cross a limit (89.996 beside 90).

    What ten digits cannot tell from a limit above it is cut off, not rounded.
    ``strictly``: limits that count when they are passed, so that 2.004 does not
    seem to be the 2 that it is above.
    """
    for digits in range(places, 11):
        text = shown(value, digits)
        read = Fraction(int(text.replace(".", "")), 10**digits)
        is_passed = all((read > limit) == (value > limit) for limit in strictly)
        if is_passed and all((read >= limit) == (value >= limit) for limit in limits):
            return text
    return shown(Fraction(math.floor(value * 10**10), 10**10), 10)


K = TypeVar("K")


def shown_apart(values: Mapping[K, tuple[Fraction, str]]) -> dict[K, str]:
    """Texts of numbers that stand in one list: different ones never read the same.

    Where rounding made two of them equal, both get as many digits more as it
    takes to part them; beyond ten digits they are cut off, not rounded.

    Parameters
    ----------
    values
        Each exact number with its text as it stands alone.
    """
    alike: dict[str, set[Fraction]] = defaultdict(set)
    for value, text in values.values():
        alike[text].add(value)
    parted = {text: _parted(text, members) for text, members in alike.items() if len(members) > 1}
    return {key: parted[text][value] if text in parted else text for key, (value, text) in values.items()}


def _parted(text: str, members: set[Fraction]) -> dict[Fraction, str]:
    places = len(text.partition(".")[2])
    while True:
        places += 1
        texts = {m: shown(m if places <= 10 else _cut(m, places), places) for m in members}
        if len(set(texts.values())) == len(members):
            return texts


def _cut(value: Fraction, places: int) -> Fraction:
    return Fraction(math.floor(value * 10**places), 10**places)
