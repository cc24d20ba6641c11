"""What is due from whom and when (报送时限): the schemes of the data folder, and who owes what in this city."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from gridmgmt.assessing.operations.dossiers import levels_of
from gridmgmt.assessing.store import entries
from gridmgmt.city import City
from gridmgmt.database import cities
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import DataFileInvalid, NoEditionOnDate, OptionInvalid, SchemeMissing
from gridmgmt.files import calendars, data_files
from gridmgmt.people.store import units as store_units
from gridmgmt.periods import parse_instant
from gridmgmt.places.store import editions
from gridmgmt.reporting import duties
from gridmgmt.reporting.duties import YEARS, Due, Duty, IsWorking, Scheme
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.settings import data_path


def known() -> list[str]:
    """Ids of the schemes (报送制度) in ``data/reporting``."""
    return sorted(path.stem for path in data_path("reporting").glob("*.yaml"))


def _load_schemes(names: Sequence[str] = ()) -> list[Scheme]:
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
        raise DataFileInvalid(
            file=f"reporting/{path.name}", fault="wrong_value", key="id", value=scheme.id, expected=name
        )
    return scheme


def due(
    work: Work,
    first: dt.date,
    last: dt.date,
    *,
    schemes: Sequence[str] = (),
    events: Sequence[str] = (),
    units: bool = False,
) -> list[dict[str, Any]]:
    """What is to be done on some day from ``first`` to ``last`` (应报事项), and what follows from events.

    Parameters
    ----------
    schemes
        Ids; none: all.
    events
        ``NAME=INSTANT`` each, in city time unless an offset is given; what
        follows from them is listed whatever its day.
    units
        A duty that everyone owes whom the scheme's rulebook assesses is listed
        once for each of them, as of its last day.

    Returns
    -------
    list of dict
        By last day; at the end the duties that follow an event not given here, without days.

    Raises
    ------
    SchemeMissing, DataFileInvalid, OptionInvalid, InstantInvalid, CityMissing
    """
    found = _load_schemes(schemes)
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        at = _events(events, duties.event_names(found), city)
        is_working = _is_working(found, city)
        dues = duties.due_between(found, first, last, is_working)
        dues += duties.due_after(found, at, city.zone, is_working)
        rows = [row for d in dues for row in _rows(connection, city, d, units=units)]
    waiting = [(s, d) for s, d in duties.standing(found) if d.rule.after not in at]
    return rows + [{**_told(s, d), "opens": None, "due": None, "at": None} for s, d in waiting]


def _events(given: Sequence[str], known_names: Sequence[str], city: City) -> dict[str, dt.datetime]:
    out = {}
    for text in given:
        name, equals, instant = text.partition("=")
        if not equals or name.strip() not in known_names:
            raise OptionInvalid(name="--event", value=text, expected=f"NAME=INSTANT: {', '.join(known_names)}")
        at = parse_instant(instant, city.zone)
        if name.strip() in out or at.year not in YEARS:
            expected = f"NAME=INSTANT × 1, {YEARS.start} … {YEARS.stop - 1}"
            raise OptionInvalid(name="--event", value=text, expected=expected)
        out[name.strip()] = at
    return out


def _is_working(schemes: Sequence[Scheme], city: City) -> IsWorking | None:
    if not any(d.rule.needs_calendar for s in schemes for d in s.duties):
        return None
    return calendars.load(city.calendar).is_workday


def _rows(connection: Connection, city: City, found: Due, *, units: bool) -> list[dict[str, Any]]:
    row = {
        **_told(found.scheme, found.duty),
        "opens": found.opens,
        "due": found.day,
        "at": found.at,
        "event_at": found.event_at,
        "period": found.period.label if found.period else None,
        "period_first": found.period.start if found.period else None,
        "period_last": found.period.last if found.period else None,
    }
    if not units or not found.duty.each_subject or found.scheme.rulebook is None:
        return [row]
    owing = _owing(connection, city, found.scheme.rulebook, found.day)
    return [{**row, "subject_code": code, "subject": name} for code, name in owing.items()] or [row]


def _told(scheme: Scheme, duty: Duty) -> dict[str, Any]:
    return {
        "scheme": scheme.id,
        "duty": duty.id,
        "what": duty.what,
        "from": duty.by,
        "to": duty.to,
        "after": duty.rule.after,
        "within": {k: v for k in ("days", "hours", "minutes") if (v := getattr(duty.rule, k)) is not None},
        "states_a_day": duty.rule.states_a_day,
        "source": f"{scheme.source} {duty.clause or ''}".rstrip(),
    }


def _owing(connection: Connection, city: City, rulebook: str, day: dt.date) -> dict[str, Mapping[str, str]]:
    """Whom a rulebook assesses on a day: its list, else the grids or units of its population; code → name."""
    listed = entries.assessed_on(connection, rulebook, day)
    book = rulebooks.load(rulebook).rulebook
    if listed or book.population.kind == "person":
        return {s.code: s.name for s in listed}
    if book.population.kind == "unit":
        kinds = book.population.unit_kinds
        rows = [u for u in store_units.units(connection).values() if not kinds or u["kind"] in kinds]
    else:
        rows = _grids(connection, levels_of(book, city, None), day)
    return {r["code"]: {"zh": r["name_zh"] or r["code"], "en": r["name_en"] or r["code"]} for r in rows}


def _grids(connection: Connection, levels: Sequence[int], day: dt.date) -> list[Mapping[str, Any]]:
    try:
        edition = editions.on_date(connection, day)
    except NoEditionOnDate:
        return []
    names = editions.grid_names(connection, [edition.id])
    chosen = names.loc[names["level"].isin(levels), ["code", "name_zh", "name_en"]]
    return [{str(k): v for k, v in row.items()} for row in chosen.to_dict("records")]
