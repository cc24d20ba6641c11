"""The one catalogue of messages, reasons and labels (文案), Chinese and English.

Entries stand in ``data/texts/*.yaml`` as ``code: {zh: …, en: …}`` with
``{fact}`` fields. Errors, reasons and report lines are stored as code + facts
and worded here when they are shown, so a language can be chosen late.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from ruamel.yaml import YAML

from gridmgmt.settings import data_path

LANGUAGES = ("zh", "en")


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """All entries of ``data/texts``.

    Raises
    ------
    ValueError
        A code stands twice, or has other languages than zh and en: a fault of
        the release, not of anything that was handed in.
    """
    entries: dict[str, dict[str, str]] = {}
    for path in sorted(data_path("texts").glob("*.yaml")):
        for code, wording in (YAML(typ="safe").load(path.read_text("utf-8")) or {}).items():
            if code in entries:
                raise ValueError(f"{path.name}: {code} stands twice in the catalogue")
            if set(wording) != set(LANGUAGES):
                raise ValueError(f"{path.name}: {code} needs exactly zh and en")
            entries[code] = wording
    return entries


def word(code: str, facts: Mapping[str, Any] | None = None, lang: str = "zh") -> str:
    """Word a message, reason or label in one language.

    An unknown code gives the code and its facts, never an exception: what
    failed to be worded must still be seen. A test walks all codes in use.
    A fact without a value is shown as ``—``, a list with commas between. A fact
    that is a mapping with a ``code`` is worded itself, with the facts beside it. A field
    written ``{step:step}`` is itself a code: the fact ``send_back`` is worded as ``step_send_back``; one that is
    a mapping, or a list of them, brings facts of its own beside its ``code``.
    """
    facts = facts or {}
    entry = catalogue().get(code)
    if entry is None:
        return f"{code} {dict(facts)}" if facts else code
    try:
        return entry[lang].format_map({k: _Fact(v, facts, lang) for k, v in facts.items()})
    except (KeyError, ValueError, TypeError, IndexError, AttributeError):  # whatever a field may ask of a fact
        return f"{entry[lang]} {dict(facts)}"


class _Fact:
    """A fact as a field of a wording shows it."""

    def __init__(self, value: Any, facts: Mapping[str, Any], lang: str) -> None:
        self._value, self._facts, self._lang = value, facts, lang

    def __format__(self, spec: str) -> str:
        if not re.fullmatch("[a-z_]{3,}", spec):
            return format(_shown(self._value, self._lang), spec)
        values = self._value if isinstance(self._value, list | tuple) else [self._value]
        if values and isinstance(values[0], Mapping):
            stop = "；" if self._lang == "zh" else "; "
            return stop.join(word(f"{spec}_{v['code']}", v, self._lang) for v in values)
        comma = "、" if self._lang == "zh" else ", "
        return comma.join(word(f"{spec}_{v}", self._facts, self._lang) for v in values)


def _shown(value: Any, lang: str) -> Any:
    if isinstance(value, list | tuple):
        between = ", " if not any(isinstance(v, Mapping) for v in value) else "；" if lang == "zh" else "; "
        return between.join(str(_shown(v, lang)) for v in value)
    if isinstance(value, Mapping) and "code" in value:
        return word(value["code"], value, lang)
    return "—" if value is None else value


def both(code: str, facts: Mapping[str, Any] | None = None) -> str:
    """Both languages, Chinese first, as exports show them: ``中文 / English``."""
    zh, en = word(code, facts, "zh"), word(code, facts, "en")
    return zh if zh == en else f"{zh} / {en}"


def expected(code: str, **facts: Any) -> dict[str, Any]:
    """What was expected (应为), as a fact of a message: worded as ``expected_…`` with facts of its own."""
    return {"code": f"expected_{code}", **facts}


class Unfit(ValueError):
    """A value is not what was expected; ``expected`` tells what was, as :func:`expected` does."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code, facts)
        self.expected = expected(code, **facts)
        self.code, self.facts = f"expected_{code}", facts

    def __str__(self) -> str:
        return both(self.code, self.facts)
