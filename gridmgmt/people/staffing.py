"""Staffing (人员配置): posts that people hold, counted by grid and unit, and what a scheme demands for its grids.

Every check belongs to a named scheme: the ratios of different cities rest on
grids of different size and are never combined. How many are needed is computed
in whole numbers; where the ratio does not come out whole it is rounded up, so
that n people suffice exactly where grids ≤ n × grids per person.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from gridmgmt.documents import Strict, Words
from gridmgmt.people.units import Place, Unit, line_of, territory

_SubjectKey = tuple[Literal["grid", "unit"], int, str]
"""Kind, level number (0 for units) and code of what people are counted for."""


class Roles(Strict, strict=True):
    """Roles (岗位) that a post may have; ``data/staffing/roles.yaml``."""

    roles: dict[str, Words]


class Check(Strict, strict=True):
    """So many people of a role for so many grids: ``people`` for every ``grids``."""

    role: str
    people: int = Field(ge=1)
    grids: int = Field(ge=1)
    source: str

    def needed(self, n_grids: int) -> int:
        """How many people so many grids need, rounded up."""
        return -(-n_grids * self.people // self.grids)

    def is_whole(self, n_grids: int) -> bool:
        """Whether the ratio comes out without rounding."""
        return n_grids * self.people % self.grids == 0


class Scheme(Strict, strict=True):
    """One city's demands (人员配置标准).

    Attributes
    ----------
    basic
        Key of the level whose grids are counted; ``leaf``: the deepest the city has.
    area
        Key of the level by which the result is shown.
    """

    title: Words
    basic: str
    area: str
    checks: tuple[Check, ...] = Field(min_length=1, strict=False)


class Schemes(Strict, strict=True):
    """All schemes; ``data/staffing/rules.yaml``."""

    schemes: dict[str, Scheme]


@dataclass(frozen=True)
class Person:
    """One person; the name is personal data and shown only where it is asked for."""

    code: str
    name: str | None
    valid_from: dt.date
    valid_to: dt.date | None = None


@dataclass(frozen=True)
class Post:
    """A person's post (岗位) in a unit: half-open days, optionally a grid of its own."""

    person_code: str
    unit_code: str
    role: str
    level: int | None
    grid_code: str | None
    is_full_time: bool
    valid_from: dt.date
    valid_to: dt.date | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes it the same post when a table is handed in again."""
        return self.person_code, self.unit_code, self.role, self.level, self.grid_code, self.valid_from

    def place(self, units: Mapping[str, Unit]) -> Place | None:
        """Where it is: its own grid, else the territory of its unit."""
        if self.level is not None and self.grid_code is not None:
            return self.level, self.grid_code
        return territory(units, self.unit_code)


@dataclass(frozen=True)
class Headcount:
    """People by role: each counted once in a place, however many posts he holds there.

    Attributes
    ----------
    people, full_time
        By subject and role: codes of persons; of those with a full-time post.
    unplaced
        By role: persons none of whose posts has a place in the edition; they count for units only.
    """

    people: Mapping[_SubjectKey, Mapping[str, frozenset[str]]]
    full_time: Mapping[_SubjectKey, Mapping[str, frozenset[str]]]
    unplaced: Mapping[str, frozenset[str]]

    def n(self, subject: _SubjectKey, role: str) -> int:
        """How many people have a role for a grid (all that is below it included) or a unit (likewise)."""
        return len(self.people.get(subject, {}).get(role, ()))

    def n_full_time(self, subject: _SubjectKey, role: str) -> int:
        """How many of them hold a full-time post there."""
        return len(self.full_time.get(subject, {}).get(role, ()))


Lines = Mapping[Place, Sequence[Place]]
"""Every grid of an edition → itself and the grids above it."""


def lines(grids: pd.DataFrame) -> dict[Place, list[Place]]:
    """The line of every grid of one edition, itself first; columns level, code, parent_code."""
    columns = (grids["level"].tolist(), grids["code"].tolist(), grids["parent_code"].tolist())
    parents = {(int(n), str(code)): parent for n, code, parent in zip(*columns, strict=True)}
    out = {}
    for place in parents:
        line = [place]
        while (parent := parents.get(line[-1])) is not None and line[-1][0] > 1:
            line.append((line[-1][0] - 1, str(parent)))
        out[place] = line
    return out


def headcount(posts: Iterable[Post], units: Mapping[str, Unit], above: Lines) -> Headcount:
    """Count people for every grid and unit they work in, and for all above (人员统计)."""
    people: dict[_SubjectKey, dict[str, set[str]]] = {}
    full_time: dict[_SubjectKey, dict[str, set[str]]] = {}
    placed: dict[str, set[str]] = {}
    everybody: dict[str, set[str]] = {}
    for post in posts:
        everybody.setdefault(post.role, set()).add(post.person_code)
        place = post.place(units)
        subjects: list[_SubjectKey] = [("unit", 0, u.code) for u in line_of(units, post.unit_code)]
        if place is not None and place in above:
            subjects += [("grid", level, code) for level, code in above[place]]
            placed.setdefault(post.role, set()).add(post.person_code)
        for subject in subjects:
            people.setdefault(subject, {}).setdefault(post.role, set()).add(post.person_code)
            if post.is_full_time:
                full_time.setdefault(subject, {}).setdefault(post.role, set()).add(post.person_code)
    unplaced = {role: frozenset(found - placed.get(role, set())) for role, found in everybody.items()}
    return Headcount(_frozen(people), _frozen(full_time), unplaced)


def _frozen(
    found: Mapping[_SubjectKey, Mapping[str, set[str]]],
) -> dict[_SubjectKey, dict[str, frozenset[str]]]:
    return {key: {role: frozenset(x) for role, x in by_role.items()} for key, by_role in found.items()}


def _n_grids_below(above: Lines, level: int, only: Iterable[str] | None = None) -> dict[Place, int]:
    """How many grids of a level every grid consists of, itself included; ``only``: just these codes."""
    wanted = None if only is None else set(only)
    out: dict[Place, int] = {}
    for place, line in above.items():
        if place[0] == level and (wanted is None or place[1] in wanted):
            for grid in line:
                out[grid] = out.get(grid, 0) + 1
    return out


@dataclass(frozen=True)
class Staffing:
    """One check in one area: how many are needed, are there, are short (缺员)."""

    area: Place
    check: Check
    n_grids: int
    n_enterprise_grids: int
    have: int
    have_full_time: int

    @property
    def needed(self) -> int:
        """By the ratio, rounded up."""
        return self.check.needed(self.n_grids)

    @property
    def short(self) -> int:
        """How many are missing; 0 where there are enough."""
        return max(0, self.needed - self.have)


def check(
    scheme: Scheme, grids: pd.DataFrame, posts: Sequence[Post], units: Mapping[str, Unit], basic: int, area: int
) -> tuple[list[Staffing], Headcount]:
    """Every check of a scheme in every area, the areas by code, and the heads it counted (人员配置核查).

    Parameters
    ----------
    grids
        One edition's: level, code, parent_code, kind.
    posts
        Those held on the day.
    basic, area
        Numbers of the levels that are counted and shown.
    """
    above = lines(grids)
    enterprises = grids.loc[(grids["level"] == basic) & (grids["kind"] == "enterprise"), "code"]
    n_all, n_enterprise = _n_grids_below(above, basic), _n_grids_below(above, basic, enterprises)
    heads = headcount(posts, units, above)
    found = [
        Staffing(
            place, rule, n_all.get(place, 0), n_enterprise.get(place, 0),
            heads.n(("grid", *place), rule.role), heads.n_full_time(("grid", *place), rule.role),
        )
        for place in sorted(p for p in above if p[0] == area)
        for rule in scheme.checks
    ]  # fmt: skip
    return found, heads
