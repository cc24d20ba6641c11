"""The city and its reference tables: units, categories, responsibility rules."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from gridmgmt import city as cities_data
from gridmgmt import units as unit_tree
from gridmgmt.city import City
from gridmgmt.operations.database import snapshot, transaction
from gridmgmt.readers import calendars, reference
from gridmgmt.settings import data_path
from gridmgmt.store import cities, facts, quarantine
from gridmgmt.store import editions as edition_store


def init_city(engine: Engine, path: Path) -> City:
    """Write the database's one city from city.yaml, with the category table of its scheme if the project has it.

    Raises
    ------
    CityInvalid, CityExists, CalendarMissing, DataFileInvalid
    """
    city = cities_data.read(path)
    calendars.load(city.calendar)
    with transaction(engine) as connection:
        facts.lock(connection)
        cities.save_city(connection, city)
        table = data_path("categories", f"{city.scheme}.csv")
        if table.exists():
            cities.save_categories(connection, reference.read_categories(table))
    return city


def load_city(engine: Engine) -> City:
    """The database's city."""
    with snapshot(engine) as connection:
        return cities.load_city(connection)


def import_units(engine: Engine, path: Path) -> int:
    """Import units (责任单位), which are a tree with those that are there; gives the number of rows.

    Raises
    ------
    TableInvalid, TableRefused
    """
    with transaction(engine) as connection:
        facts.lock(connection)
        city = cities.load_city(connection)
        rows = reference.read_units(path, city)
        reference.refuse(path, unit_tree.faults(rows, cities.unit_tree(connection), city))
        return cities.save_units(connection, rows.values())


def import_categories(engine: Engine, path: Path) -> int:
    """Import categories (类别); gives the number of rows."""
    rows = reference.read_categories(path)
    with transaction(engine) as connection:
        facts.lock(connection)
        return cities.save_categories(connection, rows)


def import_rules(engine: Engine, path: Path) -> int:
    """Import responsibility rules (责任清单); gives how many were new or got another last day.

    Raises
    ------
    TableInvalid, TableRefused
    """
    with transaction(engine) as connection:
        facts.lock(connection)
        city = cities.load_city(connection)
        rules = reference.read_rules(path, city, set(cities.unit_ids(connection)))
        batch_id = cities.new_batch(connection, "responsibility", file=path.name)
        return cities.save_rules(connection, rules, batch_id, cities.stamp_batch(connection, batch_id))


def overview(engine: Engine) -> dict[str, Any]:
    """What the database holds: city, editions, rows by how they were located, rows in quarantine."""
    with snapshot(engine) as connection:
        city = cities.load_city(connection)
        return {
            "city": cities_data.to_dict(city),
            "editions": [e.name for e in edition_store.all_editions(connection)],
            "cases": facts.tally(connection, facts.CASES),
            "samples": facts.tally(connection, facts.SAMPLES),
            "n_quarantined": quarantine.count(connection),
        }


def unassigned(engine: Engine, limit: int) -> list[dict[str, Any]]:
    """Cases and samples in no leaf grid, with the nearest one and its distance."""
    with snapshot(engine) as connection:
        epsg = cities.load_city(connection).metric_epsg
        return facts.unassigned(connection, list(facts.KINDS.values()), epsg, limit)
