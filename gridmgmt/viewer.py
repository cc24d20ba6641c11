"""Who asks, and what he may do where (用户视角): handed to every use case in its ``Work``.

Who may do what is decided in :mod:`gridmgmt.access`; here is only the answer, so that every room can ask for it.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gridmgmt.errors import AccessDenied

_ROW_VERBS = (
    "cases.read", "cases.open", "reporters.read", "samples.read", "results.read", "results.compare",
    "audit.read", "jobs.read",
)  # fmt: skip
"""Verbs by whose scope the database itself lets rows be seen or added (row-level security)."""


@dataclass(frozen=True)
class Scope:
    """Where somebody may do something (权限范围): everywhere, or in subtrees of grids and of units.

    Attributes
    ----------
    roots
        Ids of the grids at the top of grid subtrees, in every edition.
    grid_codes
        (level, code) of every grid in them.
    units, unit_codes
        Every unit in the subtrees of units.
    subjects
        Ids of the assessed subjects that these grids and units, and the people who work in them, are.
    """

    everywhere: bool = False
    roots: frozenset[int] = frozenset()
    grid_codes: frozenset[tuple[int, str]] = frozenset()
    units: frozenset[int] = frozenset()
    unit_codes: frozenset[str] = frozenset()
    subjects: frozenset[int] = frozenset()

    def __or__(self, other: "Scope") -> "Scope":
        return Scope(
            self.everywhere or other.everywhere,
            self.roots | other.roots,
            self.grid_codes | other.grid_codes,
            self.units | other.units,
            self.unit_codes | other.unit_codes,
            self.subjects | other.subjects,
        )

    def holds_grid(self, level: int, code: str) -> bool:
        """Whether a grid lies in it."""
        return self.everywhere or (level, code) in self.grid_codes

    def holds_line(self, codes: Sequence[str | None]) -> bool:
        """Whether a place lies in it whose grids have these codes, the city's first; None: none of that level."""
        return self.everywhere or any((n, code) in self.grid_codes for n, code in enumerate(codes, 1) if code)

    def holds_unit(self, code: str | None) -> bool:
        """Whether a unit belongs to it."""
        return self.everywhere or code in self.unit_codes

    def holds_fact(self, grid_ids: Collection[int | None], unit_id: int | None) -> bool:
        """Whether a case or sample with these grids (all levels) and this unit lies in it."""
        return self.everywhere or unit_id in self.units or not self.roots.isdisjoint(x for x in grid_ids if x)

    def told(self) -> dict[str, Any]:
        """As the database's row policies read it."""
        if self.everywhere:
            return {"all": True}
        return {
            "grids": sorted(self.roots), "units": sorted(self.units), "unit_codes": sorted(self.unit_codes),
            "subjects": sorted(self.subjects),
        }  # fmt: skip


NOWHERE, EVERYWHERE = Scope(), Scope(everywhere=True)


@dataclass(frozen=True)
class Viewer:
    """Somebody who is known to the platform (登录用户), with what he may do where.

    Attributes
    ----------
    login
        The name that he signs in with.
    means
        How he is known: ``session``, ``token``, ``key``, or ``acting``: the machine's operator acts as him.
    verbs
        Verb → where; a verb that is absent is not his.
    address
        Where the request came from.
    """

    login: str
    name: str = ""
    means: str = "acting"
    verbs: Mapping[str, Scope] = field(default_factory=dict)
    address: str | None = None

    def scope(self, verb: str) -> Scope:
        """Where he may do that; nowhere is an empty scope."""
        return self.verbs.get(verb, NOWHERE)

    @cached_property
    def row_scopes(self) -> str:
        """What row policies are told, as JSON."""
        told = {verb: self.verbs[verb].told() for verb in _ROW_VERBS if verb in self.verbs}
        return json.dumps({"login": self.login, **told}, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def key(self) -> str:
        """Equal for all who may see the same: what was made for one of them may be given to the other."""
        told = {verb: scope.told() for verb, scope in sorted(self.verbs.items())}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def allowed(viewer: Viewer | None, verb: str) -> Scope:
    """Where somebody may do something; None is the machine's own operator, who may do everything.

    Raises
    ------
    AccessDenied
        It is not his.
    """
    if viewer is None:
        return EVERYWHERE
    if verb not in viewer.verbs:
        raise AccessDenied(verb=verb)
    return viewer.verbs[verb]
