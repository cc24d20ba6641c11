"""What people tell of a step (步骤内容): each fact read by its type, as far as the life cycle lets a step take it.

Whoever takes a step – by command, sheet or the API – names facts that its kind
takes and no others; their values are read here, once, so that everything that
later reads a step can rely on them. What the platform adds itself (limits, rule,
calendar) nobody can name.

Source: project convention.
"""

import datetime as dt
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from gridmgmt import accepted, texts
from gridmgmt.casework.cases import MARKS, ORDER_KINDS, VERDICTS, StepFacts
from gridmgmt.casework.transitions import TRANSITIONS, rule_of
from gridmgmt.codes import CategoryKey
from gridmgmt.deadlines import UNITS, Limit
from gridmgmt.errors import CodeInvalid, FactInvalid, FactUnknown, InstantInvalid, OptionInvalid
from gridmgmt.periods import parse_instant

KNOWN = frozenset(
    {"due_extended_at", "hang_due_at", "held_until", "continues", "provisional", "orders"}.union(
        *(t.takes for t in TRANSITIONS.values())
    )
)
"""Facts that have a word in the catalogue (``fact_…``): what people tell, and what the platform adds that they know."""

YEARS = (2000, 2200)
"""A deadline's year lies in between, the last one excluded: what is outside is a slip of the pen."""

_CHOICES = {"verdict": VERDICTS, "order_kind": ORDER_KINDS, "mark": MARKS, "amount_unit": tuple(UNITS)}
_WORDS = {"verdict": "verdict", "order_kind": "order", "mark": "mark", "amount_unit": "time_unit"}

Reader = Callable[[Any, ZoneInfo], Any]
"""Gives a value as a step's facts hold it, JSON-ready; ValueError where it is none of the type."""


def is_plain(text: str) -> bool:
    """Whether a text holds characters only, neither control codes nor halves of characters."""
    return not any((ord(c) < 32 and c not in "\r\n\t") or "\ud800" <= c <= "\udfff" for c in text)


def _text(value: Any, _zone: ZoneInfo) -> str:
    text = str(value).strip()
    if not text or not is_plain(text):
        raise ValueError(text)
    return text


def _number(value: Any, _zone: ZoneInfo) -> float:
    number = math.nan if isinstance(value, bool) else float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _instant(value: Any, zone: ZoneInfo) -> str:
    given = value.isoformat() if isinstance(value, dt.datetime) else str(value)
    if ":" not in given:
        raise ValueError(given)  # a day alone: its beginning or its end?
    at = parse_instant(given, zone).astimezone(dt.UTC)
    if not YEARS[0] <= at.year < YEARS[1]:
        raise ValueError(given)
    return at.isoformat()


def _flag(value: Any, _zone: ZoneInfo) -> bool:
    found = accepted.yes_no(value)
    if found is None:
        raise ValueError(value)
    return found


def _order(value: Any, _zone: ZoneInfo) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and int(text)):
        raise ValueError(value)
    return int(text)


def _category(value: Any, _zone: ZoneInfo) -> str:
    CategoryKey.parse(str(value))
    return str(value).strip()


def _choice(name: str) -> Reader:
    def read(value: Any, _zone: ZoneInfo) -> str:
        found = meant(name, str(value))
        if found is None:
            raise ValueError(value)
        return found

    return read


_BY_TYPE: Mapping[str, Reader] = {
    "text": _text,
    "number": _number,
    "flag": _flag,
    "instant": _instant,
    "amount": _text,  # with its unit a limit: see read
    "order": _order,
    "category": _category,
    **{name: _choice(name) for name in _CHOICES},
}

READERS: Mapping[str, tuple[str, Reader]] = MappingProxyType(
    {
        name: (type_, _BY_TYPE[type_])
        for name, field in StepFacts.model_fields.items()
        for type_ in field.metadata
        if isinstance(type_, str)
    }
)
"""Name of a fact → its type and who reads it."""


def shown(value: Any) -> str:
    """A value as a message can show it, whatever it holds."""
    text = str(value)
    return text if is_plain(text) else ascii(text)


def meant(name: str, text: str) -> str | None:
    """The code of a choice, given as code or by its Chinese or English word; None where it is none."""
    return accepted.words(name).get(text.strip())


def choices(name: str) -> str:
    """What may be said of a choice, for people to read: each Chinese word with its code."""
    return "、".join(f"{texts.word(f'{_WORDS[name]}_{code}')} {code}" for code in _CHOICES[name])


def _is_limit(amount: str, unit: str) -> bool:
    try:
        Limit.parse(amount, unit)
    except OptionInvalid:
        return False
    return True


def read(kind: str, facts: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """The facts that somebody names for a step, as they are stored; a fact without a value is left out.

    Parameters
    ----------
    facts
        Name (as code or by its Chinese word) → value, typed or as text.
    zone
        Times without a zone are of this one.

    Returns
    -------
    dict
        JSON-ready; instants in UTC, ISO 8601.

    Raises
    ------
    FactUnknown
        The step takes no fact of that name.
    FactInvalid
        A value is not of its fact's type.
    """
    takes = rule_of(kind).takes
    out = {}
    for given, value in facts.items():
        name = accepted.words("fact").get(given, given)
        if name not in takes:
            raise FactUnknown(step=kind, name=given, takes=list(takes) or ["nothing"])
        if name in out:
            raise FactInvalid(step=kind, name=name, value=str(value), type="once", options=None)
        if value is None or value == "":
            continue
        type_, reader = READERS[name]
        try:
            out[name] = reader(value, zone)
        except (ValueError, TypeError, OverflowError, CodeInvalid, InstantInvalid, OptionInvalid) as e:
            options = choices(name) if name in _CHOICES else None
            raise FactInvalid(step=kind, name=name, value=shown(value), type=type_, options=options) from e
    if "amount" in out and not _is_limit(out["amount"], out.get("amount_unit", "working_day")):
        raise FactInvalid(step=kind, name="amount", value=out["amount"], type="amount", options=None)
    for name, type_ in (("amount", "no_amount"), ("amount_unit", "with_amount")):
        if name in out and ("due_at" in out if name == "amount" else "amount" not in out):
            raise FactInvalid(step=kind, name=name, value=str(out[name]), type=type_, options=None)
    return out
