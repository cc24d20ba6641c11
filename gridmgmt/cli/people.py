"""Commands on people: who holds which post, and whether there are enough."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.cli.options import a_day
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    from gridmgmt.people.operations.people import StaffingReport
    from gridmgmt.people.staffing import Staffing

app = typer.Typer()
people = group(app, "people")
posts = group(app, "posts")
staffing = group(app, "staffing")

_POST = ("person_code", "unit_code", "role", "level", "grid_code", "is_full_time", "valid_from", "valid_to")


@command(people, "import")
def people_import(run: State, file: Path) -> Shown:
    """Import people: columns code, name; where there are any valid_from, valid_to."""
    from gridmgmt.people.operations import people as operations

    yield run.word("people_imported", {"n": operations.import_people(run.work, file)})


@command(people, "history")
def people_history(run: State, code: str | None = None, *, names: bool = False) -> View:
    """What was ever said of a person, or of all: the days and, if asked for, the name; since when and by whom."""
    from gridmgmt.people.operations import people as operations

    found = operations.past_of_people(run.work, code, names=names)
    rows = (
        [
            r["code"],
            *([r["name"]] if names else []),
            r["valid_from"],
            r["valid_to"],
            run.time(r["known_at"]),
            r["actor"],
        ]
        for r in found
    )
    heads = ("code", *(["person_name"] if names else []), "from", "to", "known_at", "actor")
    return View(found, [Table(run.words(heads, "history_"), rows)])


@command(posts, "history")
def posts_history(run: State, code: str | None = None) -> View:
    """What was ever said of a person's posts, or of all: unit, role, place and days, since when and by whom."""
    from gridmgmt.people.operations import people as operations

    found, roles = operations.past_of_posts(run.work, code), operations.roles()
    rows = (
        [r["person_code"], r["unit_code"], _role(run, roles, r["role"]), r["grid_code"],
         run.word(f"history_{'yes' if r['is_full_time'] else 'no'}"), r["valid_from"], r["valid_to"],
         run.time(r["known_at"]), r["actor"]]
        for r in found
    )  # fmt: skip
    names = ("code", "unit", "role", "grid", "full_time", "from", "to", "known_at", "actor")
    return View(found, [Table(run.words(names, "history_"), rows)])


@command(posts, "import")
def posts_import(run: State, file: Path, *, reopen: bool = False) -> Shown:
    """Import posts: columns person_code, unit_code, role; also level, grid_code, full_time, valid_from, valid_to."""
    from gridmgmt.people.operations import people as operations

    yield run.word("posts_imported", operations.import_posts(run.work, file, reopen=reopen))


@command(posts, "list")
def posts_list(run: State, *, on: str, role: str | None = None, names: bool = False, as_of: str | None = None) -> View:
    """The posts held on a day."""
    from gridmgmt.people.operations import people as operations

    roles = operations.roles()
    if role is not None and role not in roles:
        raise OptionInvalid(name="--role", value=role, expected=" / ".join(roles))
    held = operations.list_posts(run.work, a_day(on, "--on"), role, names=names, known_by=run.instant(as_of))
    data = [{f: getattr(h.post, f) for f in _POST} | ({"name": h.name} if names else {}) for h in held]
    rows = (
        [*([p.person_code, h.name] if names else [p.person_code]), _role(run, roles, p.role), p.unit_code,
         run.level_name(run.city.levels[p.level - 1].key) if p.level else "", p.grid_code, p.valid_from, p.valid_to]
        for h in held
        for p in (h.post,)
    )  # fmt: skip
    heads = ("code", *(["person_name"] if names else []), "role", "unit", "level", "grid", "from", "to")
    return View(data, [Table(run.words(heads, "history_"), rows)])


def _role(run: State, roles: Mapping[str, Any], key: str) -> str:
    return str(roles[key][run.lang]) if key in roles else key


@command(staffing, "check")
def staffing_check(run: State, *, scheme: str, on: str, level: str | None = None) -> View:
    """How many people a scheme demands for each area, how many there are, and how many are short."""
    from gridmgmt.people.operations import people as operations

    found = operations.check(run.work, scheme, a_day(on, "--on"), level)
    return View(found.as_dict(), _staffing(run, found, operations.roles()))


def _staffing(run: State, found: StaffingReport, roles: Mapping[str, Any]) -> Shown:
    def row(s: Staffing) -> list[object]:
        name = run.name(*found.names[s.area[1]])
        ratio = run.word("staffing_ratio_of", {"people": s.check.people, "grids": s.check.grids})
        numbers = (s.n_grids, s.n_enterprise_grids, s.needed, s.have, s.have_full_time, s.short)
        return [f"{s.area[1]} {name}", _role(run, roles, s.check.role), ratio, *numbers]

    columns = ("area", "role", "ratio", "n_grids", "n_enterprise", "needed", "have", "full_time", "short")
    title = found.scheme.title[run.lang]
    facts = {"title": title, "day": found.day.isoformat(), "edition": found.edition}
    rows = [row(s) for s in found.lines]
    yield Table(run.words(columns, "staffing_"), rows, right=range(3, 9), title=run.word("staffing_title", facts))
    if any(not s.check.is_whole(s.n_grids) for s in found.lines):
        yield run.word("staffing_rounded")
    for check in found.scheme.checks:
        if n := len(found.heads.unplaced.get(check.role, ())):
            yield run.word("staffing_unplaced", {"n": n, "role": _role(run, roles, check.role)})
