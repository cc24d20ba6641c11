"""The city and its reference tables: units, categories, responsibility rules."""

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gridmgmt import city as cities_data
from gridmgmt.city import City
from gridmgmt.database import actors, auditing, batches, cities, facts, quarantine
from gridmgmt.database.actors import Written
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.errors import CategoryUnknown, UnitUnknown
from gridmgmt.faults import Fault
from gridmgmt.files.tables import refuse
from gridmgmt.people import units as unit_tree
from gridmgmt.people.operations import past
from gridmgmt.people.responsibility import Rule, strongest_first
from gridmgmt.people.store import categories as category_store
from gridmgmt.people.store import responsibility, units
from gridmgmt.people.units import Unit
from gridmgmt.places.store import editions as edition_store
from gridmgmt.places.whereabouts import check_metric
from gridmgmt.settings import data_path


@dataclass(frozen=True)
class InitReport:
    """The city, and what its file changed: None: there was none before; empty: nothing."""

    city: City
    changes: cities.Changes | None


@needs("reference.write", whole=True, by_worker=True)
def init_city(work: Work, path: Path) -> InitReport:
    """Write the database's one city from city.yaml, with the category table of its scheme if the project has it.

    Raises
    ------
    CityInvalid, CityExists, CalendarMissing, DataFileInvalid
    """
    from gridmgmt.files import calendars
    from gridmgmt.people.readers import reference  # slow, and needed by those only who bring tables

    city = cities_data.read(path)
    calendars.load(city.calendar)
    check_metric(city)
    with work.locked() as connection:
        changes = cities.save_city(connection, city)
        auditing.note(connection, cities=[city.code])
        table = data_path("categories", f"{city.scheme}.csv")
        if table.exists():
            category_store.save_categories(connection, reference.read_categories(table))
    return InitReport(city, changes)


def load_city(work: Work) -> City:
    """The database's city."""
    with work.snapshot() as connection:
        return cities.load_city(connection)


@dataclass(frozen=True)
class UnitsReport:
    """What a table of units (责任单位) changed: rows that are new, that correct what was there, that say the same."""

    n_new: int
    n_changed: int
    n_unchanged: int


@needs("reference.write", whole=True, by_worker=True)
def import_units(work: Work, path: Path) -> UnitsReport:
    """Import units (责任单位), which are a tree with those that are there.

    Raises
    ------
    TableInvalid, TableRefused
    """
    from gridmgmt.people.readers import reference

    with work.locked() as connection:
        city = cities.load_city(connection)
        rows = reference.read_units(path, city)
        known = units.unit_tree(connection)
        refuse(path, unit_tree.faults(rows, known, city))
        units.save_units(connection, rows.values())
        auditing.note(connection, units=[unit.code for unit in rows.values()])
    n_new = sum(unit.code not in known for unit in rows.values())
    n_same = sum(known.get(unit.code) == unit for unit in rows.values())
    return UnitsReport(n_new, len(rows) - n_new - n_same, n_same)


@needs("reference.write", whole=True, by_worker=True)
def import_categories(work: Work, path: Path) -> int:
    """Import categories (类别); gives the number of rows."""
    from gridmgmt.people.readers import reference

    rows = reference.read_categories(path)
    with work.locked() as connection:
        auditing.note(connection, categories=[f"{row['kind']}:{row['code']}" for row in rows])
        return category_store.save_categories(connection, rows)


@dataclass(frozen=True)
class RulesReport:
    """What a responsibility table changed; rows that are neither new nor ended nor reopened changed nothing.

    Attributes
    ----------
    n_ended
        Rules that were there and now end, or end earlier.
    reopened
        Rows that let an ended rule go on, with its old end.
    nowhere
        Rows whose grid no edition has: they decide nothing until one has it.
    """

    n_rows: int
    n_new: int
    n_ended: int
    reopened: tuple[Fault, ...]
    nowhere: tuple[Fault, ...]

    @property
    def n_changed(self) -> int:
        """Rules that are otherwise than before."""
        return self.n_new + self.n_ended + len(self.reopened)


@needs("reference.write", whole=True, by_worker=True)
def import_rules(work: Work, path: Path, *, reopen: bool = False) -> RulesReport:
    """Import responsibility rules (责任清单): new ones are added, those that are there get the last day of the table.

    What the table said before is kept with the moment at which it was known.

    Parameters
    ----------
    reopen
        Also let rules go on that have an end, or an earlier one; an old table does this by mistake.

    Raises
    ------
    TableInvalid
    TableRefused
        Also where the table would reopen rules without being asked to; every such row is named.
    """
    from gridmgmt.people.readers import reference

    with work.locked() as connection:
        city = cities.load_city(connection)
        rows = reference.read_rules(path, city, set(units.unit_ids(connection)))
        held = {rule.endless: rule for rule in responsibility.load_rules(connection)}
        changed = [rule for rule in dict.fromkeys(rows.values()) if held.get(rule.endless) != rule]
        ends = {row: (r.valid_to, held[r.endless].valid_to) for row, r in rows.items() if r.endless in held}
        reopened = reference.reopened(ends)
        if not reopen:
            refuse(path, reopened)
        batch_id = batches.new_batch(connection, "responsibility", file=path.name)
        responsibility.save_rules(connection, changed, batch_id, batches.stamp_batch(connection, batch_id))
        n_new = sum(rule.endless not in held for rule in changed)
        n_reopened = len({rows[fault.row] for fault in reopened})
        n_ended = len(changed) - n_new - n_reopened
        grids = edition_store.every_grid(connection)
        nowhere = [
            Fault(row, "grid_code", r.grid_code, "rule_nowhere", {"level": r.level})
            for row, r in rows.items()
            if r.level is not None and (r.level, r.grid_code) not in grids
        ]
        return RulesReport(len(rows), n_new, n_ended, tuple(reopened), tuple(nowhere if grids else ()))


@needs("grids.read")
def list_rules(work: Work, day: dt.date | None = None, known_by: dt.datetime | None = None) -> list[Rule]:
    """The responsibility table in the order in which its rules decide: of all days or of one, as it was known then."""
    with work.snapshot() as connection:
        rules = responsibility.load_rules(connection, known_by)
    return strongest_first([rule for rule in rules if day is None or rule.holds_on(day)])


@needs("figures.read", whole=True, by_worker=True)
def overview(work: Work) -> dict[str, Any]:
    """What the database holds: city, editions, rows by how they were located, rows in quarantine."""
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        return {
            "city": cities_data.to_dict(city),
            "editions": [e.name for e in edition_store.all_editions(connection)],
            "cases": facts.tally(connection, facts.CASES),
            "samples": facts.tally(connection, facts.SAMPLES),
            "n_quarantined": quarantine.count(connection),
        }


@needs("cases.read", whole=True)
def unassigned(work: Work, limit: int) -> list[dict[str, Any]]:
    """Cases and samples in no leaf grid, with the nearest one and its distance."""
    with work.snapshot() as connection:
        return facts.unassigned(connection, list(facts.KINDS.values()), cities.load_city(connection), limit)


@needs("grids.read")
def categories(work: Work) -> list[dict[str, Any]]:
    """The categories (类别) of the city's scheme, written ``kind:code``, with their names."""
    with work.snapshot() as connection:
        return category_store.of_scheme(connection, cities.load_city(connection).scheme)


@needs("grids.read")
def list_units(work: Work) -> list[Unit]:
    """The units (责任单位) by code, each with its place in the tree."""
    with work.snapshot() as connection:
        return [*units.unit_tree(connection).values()]


@needs("grids.read")
def unit_names(work: Work) -> dict[str, dict[str, str | None]]:
    """What each unit is called, by language."""
    with work.snapshot() as connection:
        return {code: {"zh": unit["name_zh"], "en": unit["name_en"]} for code, unit in units.units(connection).items()}


@needs("grids.read")
def past_of_units(work: Work, code: str | None = None) -> list[dict[str, Any]]:
    """What was ever said of units (单位沿革): each row holds from when it was known until the next of its code.

    Raises
    ------
    UnitUnknown
    """
    return past.versions(work, units.past, code, lambda one: UnitUnknown(value=one))


@needs("grids.read")
def past_of_categories(work: Work, category: str | None = None) -> list[dict[str, Any]]:
    """What was ever said of categories (类别沿革), as of units.

    Raises
    ------
    CategoryUnknown
    """
    return past.versions(work, category_store.past, category, lambda one: CategoryUnknown(value=one))


@needs("audit.read", whole=True)
def written(work: Work, /, *, limit: int, **asked: Any) -> list[Written]:
    """Who wrote what, newest first (操作记录); ``asked`` as :func:`gridmgmt.database.actors.written` takes it."""
    with work.snapshot() as connection:
        zone = cities.load_city(connection).zone
        found = actors.written(connection, limit=limit, **asked)
    return [replace(x, at=x.at.astimezone(zone)) for x in found]
