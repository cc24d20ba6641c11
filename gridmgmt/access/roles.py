"""Roles (角色): verbs of a closed vocabulary, and which of them allow each step of a case; data/access/roles.yaml."""

from collections.abc import Mapping
from typing import Literal, Self, get_args

from pydantic import model_validator

from gridmgmt.casework.transitions import BY_PEOPLE
from gridmgmt.documents import Strict
from gridmgmt.invalid import Invalid

Verb = Literal[
    "users.manage", "audit.read", "grids.read", "reference.write", "cases.read", "cases.open", "cases.operate",
    "cases.handle", "reporters.read", "samples.read", "inspections.write", "figures.read", "results.read",
    "results.compare", "results.write", "entries.write", "appeals.open", "appeals.decide", "imports.write",
    "exports.make", "duties.read", "duties.write", "jobs.read", "people.read",
]  # fmt: skip
VERBS: tuple[str, ...] = get_args(Verb)


class Role(Strict):
    """What who has this role may do within his scope."""

    zh: str
    en: str
    verbs: list[Verb]


class Roles(Strict):
    """All roles, and which of the verbs named any one allows a step (办理步骤)."""

    roles: Mapping[str, Role]
    steps: Mapping[str, list[Verb]]

    @model_validator(mode="after")
    def _every_step(self) -> Self:
        if set(self.steps) != set(BY_PEOPLE):
            odd = sorted(set(self.steps) ^ set(BY_PEOPLE))
            raise Invalid("steps_unknown", steps=odd)
        return self
