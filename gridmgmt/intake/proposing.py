"""What an unknown file's columns may be (导入方案建议): matched to fields by their names, as far as these tell."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import model_validator

from gridmgmt.documents import Strict
from gridmgmt.files.cells import as_code

PLACE = ("lon", "lat")
APART = ("due_at", "category", "kind", "version", *PLACE)
"""What has a key of its own in a profile, beside ``columns``."""


class Names(Strict):
    """What other systems call fields, states and kinds of classes; ``data/intake/names.yaml``."""

    fields: dict[str, tuple[str, ...]]
    status: dict[str, tuple[str, ...]]
    kind: dict[str, tuple[str, ...]]
    nulls: tuple[str, ...]
    time_formats: tuple[str, ...]

    @model_validator(mode="after")
    def _each_means_one(self) -> "Names":
        for words in (self.fields, self.status, self.kind):
            seen: dict[str, str] = {}
            for meaning, names in words.items():
                for name in map(plain, names):
                    if seen.setdefault(name, meaning) != meaning:
                        raise ValueError(f"{name}: {seen[name]}, {meaning}")
        return self


@dataclass(frozen=True)
class Match:
    """A field and the column that may hold it; ``sure``: the name is one of those known, not only like one."""

    column: str
    sure: bool


@dataclass(frozen=True)
class Remark:
    """What a person should look at: a code of the catalogue and its facts, and on which ``key`` of the profile."""

    key: str
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Proposal:
    """A profile as it is proposed (JSON-like, its keys those of a profile) and what is not sure of it."""

    profile: dict[str, Any]
    remarks: list[Remark] = field(default_factory=list)

    def remark(self, key: str, code: str, /, **facts: Any) -> None:
        """Note what a person should look at."""
        self.remarks.append(Remark(key, code, facts))


def plain(name: str) -> str:
    """A name without what systems write differently: capitals, blanks, marks, full-width forms."""
    return re.sub(r"[\W_]+", "", as_code(name).casefold())


def match(
    columns: Sequence[str], names: Mapping[str, Sequence[str]], fits: Mapping[str, Iterable[str]]
) -> dict[str, Match]:
    """Field → the column that may hold it; each column for one field only.

    Parameters
    ----------
    fits
        Field → the columns whose content it could be; a field that is absent takes any.
    """
    found: dict[str, Match] = {}
    left = dict.fromkeys(columns)
    for sure in (True, False):
        for name, words in names.items():
            if name in found:
                continue
            may = [c for c in left if name not in fits or c in set(fits[name])]
            column = _named(may, words) if sure else _like(may, words)
            if column is not None:
                found[name] = Match(column, sure)
                del left[column]
    return found


def _named(columns: Sequence[str], words: Sequence[str]) -> str | None:
    by_name = {plain(c): c for c in reversed(columns)}
    return next((by_name[w] for w in map(plain, words) if w in by_name), None)


_SHORTEST = 4
"""A Latin word of fewer letters says nothing inside another one."""


def _like(columns: Sequence[str], words: Sequence[str]) -> str | None:
    telling = [w for w in map(plain, words) if len(w) >= (_SHORTEST if w.isascii() else 2)]
    return next((c for w in telling for c in columns if w in plain(c)), None)


def meanings(values: Iterable[str], words: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    """Value of a column → the platform's word for it; None: none is known."""
    known = {plain(w): meaning for meaning, names in words.items() for w in names}
    return {v: known.get(plain(v)) for v in sorted(values)}
