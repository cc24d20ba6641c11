"""People in posts (人员与岗位), and whether there are enough of them (人员配置核查)."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from gridmgmt.database import batches, cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.documents import Words
from gridmgmt.errors import OutsideScope, PersonUnknown, StaffingSchemeMissing
from gridmgmt.files import data_files
from gridmgmt.files.tables import refuse
from gridmgmt.people import staffing
from gridmgmt.people.operations import past
from gridmgmt.people.readers import people as reader
from gridmgmt.people.readers.reference import reopened
from gridmgmt.people.staffing import Headcount, Person, Post, Roles, Scheme, Schemes, Staffing
from gridmgmt.people.store import people as store
from gridmgmt.people.store import units as store_units
from gridmgmt.places.store import editions
from gridmgmt.settings import data_path
from gridmgmt.viewer import NOWHERE, Scope


def roles() -> dict[str, Words]:
    """The roles (岗位) of ``data/staffing/roles.yaml``."""
    return data_files.read(data_path("staffing", "roles.yaml"), Roles).roles


def scheme_of(name: str) -> Scheme:
    """A staffing scheme (人员配置标准) by its id.

    Raises
    ------
    StaffingSchemeMissing, DataFileInvalid
    """
    known = data_files.read(data_path("staffing", "rules.yaml"), Schemes).schemes
    if name not in known:
        raise StaffingSchemeMissing(name=name, known=sorted(known))
    return known[name]


@needs("reference.write", whole=True, by_worker=True)
def import_people(work: Work, path: Path) -> int:
    """Import people (人员), adding them or correcting their names and days; gives the number of rows.

    Raises
    ------
    TableInvalid, TableRefused
    """
    rows = reader.read_people(path)
    with work.locked() as connection:
        batch_id = batches.new_batch(connection, "people", file=path.name)
        return store.save_people(connection, rows, batch_id, batches.stamp_batch(connection, batch_id))


@needs("reference.write", whole=True, by_worker=True)
def import_posts(work: Work, path: Path, *, reopen: bool = False) -> dict[str, int]:
    """Import posts (岗位); one with the same person, unit, role, grid and first day is corrected, none is taken away.

    Parameters
    ----------
    reopen
        Also let posts go on that have an end, or an earlier one; an old table does this by mistake.

    Raises
    ------
    TableInvalid
    TableRefused
        Also where the table would reopen posts without being asked to; every such row is named.
    """
    known_roles = roles()
    with work.locked() as connection:
        city = cities.load_city(connection)
        persons, units = store.person_ids(connection), store_units.unit_ids(connection)
        rows = reader.read_posts(path, city, units, persons, known_roles)
        if not reopen:
            held = {post.key: post.valid_to for post in store.all_posts(connection)}
            refuse(path, reopened({row: (post.valid_to, held.get(post.key)) for row, post in rows.items()}))
        batch_id = batches.new_batch(connection, "posts", file=path.name)
        return store.save_posts(connection, rows.values(), batch_id, batches.stamp_batch(connection, batch_id))


@dataclass(frozen=True)
class Held:
    """A post and, where it was asked for, the name of the person who holds it."""

    post: Post
    name: str | None


@needs("grids.read")
def list_posts(
    work: Work, day: dt.date, role: str | None = None, *, names: bool = False, known_by: dt.datetime | None = None
) -> list[Held]:
    """The posts held on a day, as is known now or was by an instant; names only if asked.

    Names are personal data: they are told where the viewer may read people, by the post's grid or unit.

    Raises
    ------
    AccessDenied
        Names are asked for by who may read nobody's.
    """
    scope = work.allowed("people.read") if names else NOWHERE
    with work.snapshot() as connection:
        if known_by is not None:
            found = store.posts_known_by(connection, day, known_by, names=names)
        else:
            persons: Sequence[Person] = store.people(connection, day) if names else ()
            name_of = {p.code: p.name for p in persons}
            found = [(p, name_of.get(p.person_code)) for p in store.posts(connection, day)]
    return [Held(p, name if _holds(scope, p) else None) for p, name in found if role in (None, p.role)]


def _holds(scope: Scope, post: Post) -> bool:
    in_grid = post.level is not None and post.grid_code is not None and scope.holds_grid(post.level, post.grid_code)
    return scope.everywhere or in_grid or scope.holds_unit(post.unit_code)


@needs("grids.read")
def past_of_people(work: Work, code: str | None = None, *, names: bool = False) -> list[dict[str, Any]]:
    """What was ever said of people (人员沿革): each row holds from when it was known until the next of its code.

    Raises
    ------
    PersonUnknown
    AccessDenied, OutsideScope
        Names, which are personal data, are asked for by who may not read those of the whole city.
    """
    if names and not work.allowed("people.read").everywhere:
        raise OutsideScope(verb="people.read", about=code or "city")
    return past.versions(work, partial(store.past_of_people, names=names), code, lambda one: PersonUnknown(value=one))


@needs("grids.read")
def past_of_posts(work: Work, person: str | None = None) -> list[dict[str, Any]]:
    """What was ever said of posts (岗位沿革), of one person or of all, as of people.

    Raises
    ------
    PersonUnknown
        No such person ever had a post.
    """
    return past.versions(work, store.past_of_posts, person, lambda one: PersonUnknown(value=one))


@dataclass(frozen=True)
class StaffingReport:
    """The result of a check: by area and role, and who was counted."""

    scheme: Scheme
    edition: str
    day: dt.date
    lines: tuple[Staffing, ...]
    heads: Headcount
    names: dict[str, tuple[str | None, str | None]]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form: what each area needs and has, and how many people have no place in it."""
        counts = ("n_grids", "n_enterprise_grids", "needed", "have", "have_full_time", "short")
        return {
            "scheme": self.scheme.title,
            "edition": self.edition,
            "on": self.day.isoformat(),
            "areas": [
                {
                    "level": s.area[0],
                    "code": s.area[1],
                    **{name: getattr(s.check, name) for name in ("role", "people", "grids")},
                    **{name: getattr(s, name) for name in counts[:3]},
                    "rounded_up": not s.check.is_whole(s.n_grids),
                    **{name: getattr(s, name) for name in counts[3:]},
                }
                for s in self.lines
            ],
            "unplaced": {c.role: len(self.heads.unplaced.get(c.role, ())) for c in self.scheme.checks},
        }


@needs("figures.read", whole=True)
def check(work: Work, name: str, day: dt.date, level: str | None = None) -> StaffingReport:
    """Needed, there and short by a scheme on a day, for each area of a level (人员配置核查).

    Parameters
    ----------
    level
        By which level the result is shown; default: the scheme's.

    Raises
    ------
    StaffingSchemeMissing, NoEditionOnDate, LevelUnknown
    """
    scheme = scheme_of(name)
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        edition = editions.on_date(connection, day)
        grids = editions.grid_names(connection, [edition.id])
        basic = city.leaf if scheme.basic == "leaf" else city.level(scheme.basic)
        area = city.level(level or scheme.area)
        posts, units = store.posts(connection, day), store_units.unit_tree(connection)
    found, heads = staffing.check(scheme, grids, posts, units, basic.number, area.number)
    shown = grids[grids["level"] == area.number]
    names = {str(r["code"]): (r["name_zh"] or None, r["name_en"] or None) for r in shown.to_dict("records")}
    return StaffingReport(scheme, edition.name, day, tuple(found), heads, names)


def headcount(
    connection: Connection, grids: pd.DataFrame, day: dt.date, known_by: dt.datetime | None = None
) -> Headcount:
    """People by role for every grid and unit on a day (人员统计), as an input of rulebooks.

    Parameters
    ----------
    grids
        One edition's: level, code, parent_code.
    known_by
        What has no days of its own – which unit stands below which, full time – as it was known then.
    """
    units = store_units.unit_tree(connection, known_by)
    return staffing.headcount(store.posts(connection, day, known_by), units, staffing.lines(grids))
