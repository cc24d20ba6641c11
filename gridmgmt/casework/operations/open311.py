"""Open311 (公众诉求): the services, citizens' reports taken as cases, and what has become of them."""

import datetime as dt
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridmgmt.casework.open311 import Service, Services
from gridmgmt.casework.operations import cases
from gridmgmt.casework.operations.requests import Request
from gridmgmt.casework.store import open311
from gridmgmt.casework.store.open311 import Chosen
from gridmgmt.city import City
from gridmgmt.database import cities, clock
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import CaseMissing, JurisdictionMissing, OptionInvalid, ServiceMissing
from gridmgmt.files import data_files
from gridmgmt.people.store import categories
from gridmgmt.periods import parse_instant
from gridmgmt.settings import data_path
from gridmgmt.texts import expected

_SPAN = dt.timedelta(days=90)
"""So many days of reports are told at once at most (GeoReport v2)."""

MOST = 1_000
"""So many requests are told at once at most (GeoReport v2)."""


def load_services() -> Services:
    """The catalogue: ``data/open311/services.yaml``."""
    return data_files.read(data_path("open311", "services.yaml"), Services)


@dataclass(frozen=True)
class Report:
    """What a citizen tells; his name and contact are kept apart from the case and never given out here."""

    service_code: str
    lat: float | None = None
    lon: float | None = None
    address: str | None = None
    description: str | None = None
    name: str | None = None
    contact: str | None = None
    media_url: str | None = None
    jurisdiction_id: str | None = None


@dataclass(frozen=True)
class Wanted:
    """Which requests; instants as text, with an offset or in city time.

    Attributes
    ----------
    numbers
        These, whatever else is asked.
    status
        ``open``, ``closed``, or both.
    """

    numbers: Sequence[str] = ()
    service_codes: Sequence[str] = ()
    status: Sequence[str] = ()
    start: str | None = None
    end: str | None = None
    updated_after: str | None = None
    updated_before: str | None = None
    page: int = 1
    page_size: int = MOST
    jurisdiction_id: str | None = None


@dataclass(frozen=True)
class Told:
    """A case as a service request; its instants in city time."""

    case_no: str
    status: str | None
    is_closed: bool
    service: Service
    description: str | None
    address: str | None
    lon: float | None
    lat: float | None
    reported_at: dt.datetime
    known_at: dt.datetime
    due_at: dt.datetime | None
    unit: dict[str, str | None] = field(default_factory=dict)


@needs("cases.read")
def services(work: Work, jurisdiction_id: str | None = None) -> list[Service]:
    """What may be reported in this city.

    Raises
    ------
    JurisdictionMissing
    """
    with work.snapshot() as connection:
        catalogue, city = load_services(), _city(connection, jurisdiction_id)
        return catalogue.offered(_classes(connection, catalogue, city))


@needs("cases.read")
def service(work: Work, code: str, jurisdiction_id: str | None = None) -> Service:
    """One service.

    Raises
    ------
    JurisdictionMissing, ServiceMissing
    """
    for found in services(work, jurisdiction_id):
        if found.code == code:
            return found
    raise ServiceMissing(code=code)


@needs("cases.open")
def report(work: Work, told: Report, photographs: Sequence[bytes], root: Path) -> str:
    """Take a citizen's report as a new case, with its photographs; gives its number.

    Raises
    ------
    JurisdictionMissing, ServiceMissing
    OptionInvalid
        It tells no place, or half of one.
    GridmgmtError
        What is wrong with the report or a photograph: nothing is kept.
    """
    with work.snapshot() as connection:
        catalogue, city = load_services(), _city(connection, told.jurisdiction_id)
        chosen = catalogue.named(told.service_code, _classes(connection, catalogue, city))
    if (told.lat is None) != (told.lon is None) or (told.lat is None and not told.address):
        raise OptionInvalid(name="lat, long, address_string", value="", expected=expected("place_of_report"))
    facts = {
        "source": catalogue.source, "category": chosen.category, "lon": told.lon, "lat": told.lat,
        "crs": None if told.lat is None else "epsg:4326", "address": told.address, "description": told.description,
    }  # fmt: skip
    by_whom = (told.name, told.contact) if told.name or told.contact else None
    given = {name: value for name, value in facts.items() if value is not None}
    request = Request("report", work.by, reason=told.media_url, facts=given, reporter=by_whom)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"media-{n}" for n, _ in enumerate(photographs, 1)]
        for path, content in zip(paths, photographs, strict=True):
            path.write_bytes(content)
        return cases.take_with_files(work, request, [("before", path) for path in paths], root)[0].case_no


@needs("cases.read")
def requests(work: Work, wanted: Wanted) -> list[Told]:
    """Cases as service requests: those named; else of 90 days, or all that were changed since.

    Raises
    ------
    JurisdictionMissing, ServiceMissing, InstantInvalid
    OptionInvalid
        A longer span of time.
    """
    with work.snapshot() as connection:
        catalogue, city = load_services(), _city(connection, wanted.jurisdiction_id)
        classes = _classes(connection, catalogue, city)
        chosen = _chosen(wanted, catalogue, classes, city, work.now or clock.now(connection))
        rows = open311.told(connection, chosen, work.allowed("cases.read"))
    return [_told(row, catalogue, city) for row in rows]


@needs("cases.read")
def request(work: Work, case_no: str, jurisdiction_id: str | None = None) -> Told:
    """One case as a service request.

    Raises
    ------
    JurisdictionMissing, CaseMissing
    """
    found = requests(work, Wanted(numbers=[case_no], jurisdiction_id=jurisdiction_id))
    if not found:
        raise CaseMissing(case_no=case_no)
    return found[0]


def _city(connection: Connection, jurisdiction_id: str | None) -> City:
    city = cities.load_city(connection)
    if jurisdiction_id is not None and jurisdiction_id != city.code:
        raise JurisdictionMissing(code=jurisdiction_id, known=[city.code])
    return city


def _classes(connection: Connection, catalogue: Services, city: City) -> set[str]:
    """The city's classes, if the catalogue is written in its scheme."""
    return set(categories.category_names(connection, city.scheme)) if city.scheme == catalogue.scheme else set()


def _chosen(wanted: Wanted, catalogue: Services, classes: set[str], city: City, now: dt.datetime) -> Chosen:
    if wanted.numbers:
        return Chosen(wanted.numbers, catalogue.scheme, None, False, [], *_ALWAYS, [True, False], False, MOST, 0)
    at = {
        name: parse_instant(text, city.zone) if text else None
        for name, text in (("after", wanted.updated_after), ("before", wanted.updated_before))
    }
    by_update = any(at.values())
    start, end = _window(wanted, city, now, by_update=by_update)
    under = {key: catalogue.of_class(key).code for key in classes}
    rest = catalogue.rest.code
    codes = {catalogue.named(code, classes).code for code in wanted.service_codes}
    return Chosen(
        None, catalogue.scheme, [k for k, code in under.items() if code in codes] if codes else None, rest in codes,
        [k for k, code in under.items() if code != rest], start, end, at["after"] or "-infinity",
        at["before"] or "infinity", [x == "closed" for x in wanted.status] or [True, False], by_update,
        wanted.page_size, (wanted.page - 1) * wanted.page_size,
    )  # fmt: skip


_ALWAYS = ("-infinity", "infinity") * 2


def _window(
    wanted: Wanted, city: City, now: dt.datetime, *, by_update: bool
) -> tuple[str | dt.datetime, str | dt.datetime]:
    """From when to when cases were reported: the last 90 days, where neither this nor a time of change is asked for."""
    start, end = (parse_instant(text, city.zone) if text else None for text in (wanted.start, wanted.end))
    if start is None and end is None:
        return ("-infinity", "infinity") if by_update else (now - _SPAN, "infinity")
    if start is None and end is not None:
        start = end - _SPAN
    elif start is not None and end is None:
        end = start + _SPAN
    if start is None or end is None or not dt.timedelta(0) <= end - start <= _SPAN:
        raise OptionInvalid(name="end_date", value=wanted.end or "", expected=expected("span_of_days", most=_SPAN.days))
    return start, end


def _told(row: dict[str, Any], catalogue: Services, city: City) -> Told:
    local = {
        name: row[name].astimezone(city.zone) if row[name] else None for name in ("reported_at", "known_at", "due_at")
    }
    same = {name: row[name] for name in ("case_no", "status", "is_closed", "description", "address", "lon", "lat")}
    told: dict[str, Any] = {**same, **local, "unit": {"zh": row["unit_zh"], "en": row["unit_en"]}}
    return Told(**told, service=catalogue.of_class(row["category"]))
