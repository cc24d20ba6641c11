"""The one catalogue of messages, reasons and labels (文案), Chinese and English.

Entries stand in ``data/texts/*.yaml`` as ``code: {zh: …, en: …}`` with
``{fact}`` fields. Errors, reasons and report lines are stored as code + facts
and worded here when they are shown, so a language can be chosen late.
"""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from gridmgmt.settings import data_path

LANGUAGES = ("zh", "en")
COMPILED = "compiled.json"
"""Beside the YAML files: their entries as they are read at every start, marked with the hash of the files."""


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """All entries of ``data/texts``: compiled once for what the files hold, and never parsed while they stay so.

    Where nothing can be written beside them they are parsed each time; the wheel brings them compiled.

    Raises
    ------
    ValueError
        A code stands twice, or has other languages than zh and en: a fault of
        the release, not of anything that was handed in.
    """
    folder = data_path("texts")
    sources = {path.name: path.read_bytes() for path in sorted(folder.glob("*.yaml"))}
    mark = sha256(b"\0".join(part for name, text in sources.items() for part in (name.encode(), text))).hexdigest()
    with suppress(OSError, ValueError, KeyError, TypeError):  # not there, not to be read, or half of something
        found = json.loads((folder / COMPILED).read_bytes())
        if found["of"] == mark:
            return dict(found["entries"])
    entries = _parsed(sources)
    _keep(folder / COMPILED, json.dumps({"of": mark, "entries": entries}, ensure_ascii=False))
    return entries


def _parsed(sources: Mapping[str, bytes]) -> dict[str, dict[str, str]]:
    from ruamel.yaml import YAML

    entries: dict[str, dict[str, str]] = {}
    for name, text in sources.items():
        for code, wording in (YAML(typ="safe").load(text.decode()) or {}).items():
            if code in entries:
                raise ValueError(f"{name}: {code} stands twice in the catalogue")
            if set(wording) != set(LANGUAGES):
                raise ValueError(f"{name}: {code} needs exactly zh and en")
            entries[code] = wording
    return entries


def _keep(path: Path, text: str) -> None:
    """Write a file as a whole or not at all: another process may read it, or write it too, at this moment."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(OSError):
        partial.write_text(text, "utf-8")
        partial.replace(path)


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
            return _joined(
                [word(f"{spec}_{v['code']}", v, self._lang) for v in values[:_MOST]], len(values), self._lang
            )
        comma = "、" if self._lang == "zh" else ", "
        return comma.join(word(f"{spec}_{v}", self._facts, self._lang) for v in values)


def _joined(worded: list[str], n: int, lang: str) -> str:
    """Faults one after the other, those beyond the first ones as a number only: all of them are in the facts."""
    if n > len(worded):
        more = n - len(worded)
        worded = [*worded, f"另有 {more} 处" if lang == "zh" else f"and {more} more"]
    return ("；" if lang == "zh" else "; ").join(worded)


_MOST = 20
"""So many faults of a list are worded."""


def _shown(value: Any, lang: str) -> Any:
    if isinstance(value, list | tuple):
        if not value:
            return "—"
        if any(isinstance(v, Mapping) for v in value):
            return _joined([str(_shown(v, lang)) for v in value[:_MOST]], len(value), lang)
        return ", ".join(str(_shown(v, lang)) for v in value)
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


def step(code: str, lang: str) -> str:
    """A step of progress by its word, with what it concerns behind a colon (``read:grids.gpkg``)."""
    code, colon, what = code.partition(":")
    return word(f"progress_{code}", lang=lang) + (f" {what}" if colon else "")
