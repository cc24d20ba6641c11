"""The schemes of reporting (报送制度) in the data folder, the days they ask for, and who owes what in this city."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gridmgmt.assessing.operations import subjects
from gridmgmt.city import City
from gridmgmt.database.work import Connection
from gridmgmt.errors import DataFileInvalid, LevelUnknown, SchemeMissing
from gridmgmt.files import calendars, data_files
from gridmgmt.files.wording import named
from gridmgmt.people.store import units as store_units
from gridmgmt.reporting.duties import Duty, IsWorking, Scheme
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.settings import data_path
from gridmgmt.texts import expected


def known() -> list[str]:
    """Ids of the schemes (报送制度) in ``data/reporting``."""
    return sorted(path.stem for path in data_path("reporting").glob("*.yaml"))


def load_schemes(names: Sequence[str] = ()) -> list[Scheme]:
    """Schemes by their ids; none named: all.

    Raises
    ------
    SchemeMissing, DataFileInvalid
    """
    for name in names:
        if name not in known():
            raise SchemeMissing(name=name, known=known())
    return [_load(name) for name in names or known()]


def _load(name: str) -> Scheme:
    path = data_path("reporting", f"{name}.yaml")
    scheme = data_files.read(path, Scheme)
    if scheme.id != name:
        wanted = expected("form", form=name)
        raise DataFileInvalid(
            file=f"reporting/{path.name}", fault="wrong_value", key="id", value=scheme.id, expected=wanted
        )
    return scheme


def is_working(schemes: Sequence[Scheme], city: City) -> IsWorking | None:
    """The working days of the city's calendar, where some duty asks for them."""
    if not any(d.rule.needs_calendar for s in schemes for d in s.duties):
        return None
    return calendars.load(city.calendar).is_workday


class Owing:
    """Who owes a duty on a day (应报单位), code → name; each rulebook and day is asked once."""

    def __init__(self, connection: Connection, city: City) -> None:
        self._connection, self._city = connection, city
        self._found: dict[tuple[str, dt.date], dict[str, Mapping[str, str]]] = {}

    def of(self, scheme: Scheme, duty: Duty, day: dt.date) -> dict[str, Mapping[str, str]]:
        """Those who owe a duty, one by one; nobody: the body that the scheme names, or the city has no list of them."""
        if duty.each_unit:
            return _named(u for u in store_units.units(self._connection).values() if u["kind"] in duty.each_unit)
        if not duty.each_subject or scheme.rulebook is None:
            return {}
        key = scheme.rulebook, day
        if key not in self._found:
            self._found[key] = _assessed(self._connection, self._city, *key)
        return self._found[key]


def _assessed(connection: Connection, city: City, rulebook: str, day: dt.date) -> dict[str, Mapping[str, str]]:
    """Whom a rulebook assesses on a day: its list, else the grids or units of its population."""
    try:
        return {s.code: s.name for s in subjects.assessed(connection, city, rulebooks.load(rulebook).rulebook, day)}
    except LevelUnknown:  # a city without grids of that level: nobody is known to owe it
        return {}


def _named(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, str]]:
    return {r["code"]: named(r["name_zh"], r["name_en"], r["code"]) for r in rows}
