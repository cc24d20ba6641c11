"""Features read by map software (要素服务): which collections there are, a page of one, one feature."""

import base64
import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from gridmgmt import bounds
from gridmgmt.city import City
from gridmgmt.database import cities, clock
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import FeatureMissing, OptionInvalid
from gridmgmt.features import collections, cql, systems, times
from gridmgmt.features.collections import Collection
from gridmgmt.features.cql import Term
from gridmgmt.features.store import conditions, origins
from gridmgmt.features.store import reading as store
from gridmgmt.features.store.conditions import Asked
from gridmgmt.features.store.origins import Source
from gridmgmt.features.systems import System
from gridmgmt.features.times import Span
from gridmgmt.figures.operations.period_counts import figures
from gridmgmt.periods import Period, period_of
from gridmgmt.places.store import editions, layers
from gridmgmt.texts import expected

_MONTHS = 12
"""So many months have their indicators listed; others are asked for by id."""

_Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Question:
    """What is asked of a collection, as requests write it."""

    limit: int
    cursor: str | None = None
    bbox: str | None = None
    bbox_crs: str | None = None
    datetime: str | None = None
    filter: str | None = None
    filter_lang: str = "cql2-text"
    filter_crs: str | None = None
    crs: str | None = None


@dataclass(frozen=True)
class Feature:
    """One feature: its shape as GeoJSON text, in the axes of the page's system."""

    id: str
    shape: str | None
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """One page of a collection; ``cursor`` leads to the next one, None: it is the last."""

    city: City
    collection: Collection
    system: System
    features: tuple[Feature, ...]
    n_matched: int
    cursor: str | None


@dataclass(frozen=True)
class Described:
    """A collection with where (degrees) and when its features are.

    Of cases and samples the box is that of the city's grids: some may lie outside.
    """

    collection: Collection
    box: _Box | None
    span: Span


@dataclass(frozen=True)
class Catalogue:
    """The city's collections."""

    city: City
    collections: tuple[Described, ...]


def catalogue(work: Work) -> Catalogue:
    """All collections: grids of each level, indicators of the last months, cases, samples, each layer."""
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        listed = collections.listed(city, _months(connection, city), _layer_names(connection))
        return Catalogue(city, tuple(_described(connection, city, listed)))


def described(work: Work, name: str) -> Catalogue:
    """One collection, also one that is not listed.

    Raises
    ------
    CollectionMissing
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        found = collections.of_id(name, city, _layer_names(connection))
        return Catalogue(city, tuple(_described(connection, city, [found])))


def page(work: Work, name: str, question: Question) -> Page:
    """A page of a collection's features in the order of their ids.

    Raises
    ------
    CollectionMissing, OptionInvalid, FilterInvalid
    """
    term = None if question.filter is None else cql.read(question.filter, question.filter_lang)
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        collection = collections.of_id(name, city, _layer_names(connection))
        system = systems.of_uri(city, question.crs, "crs")
        span = times.parse(question.datetime, city.zone) if question.datetime is not None else None
        pin, after = _read_cursor(question.cursor)
        source, pinned = _source(connection, city, collection, span, pin)
        wanted = _wanted(source, collection, city, question, span, term)
        limit = min(question.limit, bounds.most("page_features"))
        rows = store.page(connection, source, wanted, after, limit + 1, system)
        features = tuple(_feature(row, city) for row in rows[:limit])
        cursor = _write_cursor(pinned, features[-1].id) if len(rows) > limit else None
        n = store.matched(connection, source, wanted)
        return Page(city, collection, system, features, n, cursor)


def feature(work: Work, name: str, key: str, *, datetime: str | None = None, crs: str | None = None) -> Page:
    """One feature, as a page of one.

    Raises
    ------
    CollectionMissing, FeatureMissing, OptionInvalid
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        collection = collections.of_id(name, city, _layer_names(connection))
        system = systems.of_uri(city, crs, "crs")
        span = times.parse(datetime, city.zone) if datetime is not None else None
        source, _ = _source(connection, city, collection, span, None)
        row = store.one(connection, source, key, system)
        if row is None:
            raise FeatureMissing(name=name, id=key)
        return Page(city, collection, system, (_feature(row, city),), 1, None)


# --- what a page is made of -------------------------------------------------------------------------------------------


def _source(
    connection: Connection, city: City, collection: Collection, span: Span | None, pin: str | None
) -> tuple[Source, str | None]:
    """The rows of a collection at a time, and what pages behind this one are held to: the edition or the layer."""
    if collection.kind in ("cases", "samples"):
        return origins.facts(collection.kind), None
    if collection.kind == "indicators":
        return _figures(connection, city, collection, span, pin)
    first, last = _days(connection, city, span)
    if collection.layer is not None:
        layer = _valid(_layers_of(connection, *collection.layer), first, last, pin, lambda x: str(x.id))
        return (
            (origins.none("layers"), None)
            if layer is None
            else (origins.layer(layer.id, layer.valid_from), str(layer.id))
        )
    edition = _valid(editions.all_editions(connection), first, last, pin, lambda x: x.name)
    if edition is None or collection.level is None:
        return origins.none("grids"), None
    number = collection.level.number
    return origins.grids(edition.id, edition.name, edition.valid_from, number), edition.name


def _figures(
    connection: Connection, city: City, collection: Collection, span: Span | None, pin: str | None
) -> tuple[Source, str | None]:
    """A period's figures; none where the period lies outside the time that is asked for."""
    if collection.period is None or collection.level is None:
        raise ValueError(collection)
    start, end = collection.period.bounds(city.zone)
    if span is not None and ((span.last and span.last < start) or (span.first and span.first >= end)):
        return origins.none("indicators"), None
    found = figures(connection, city, collection.period, None, [collection.level.number])
    if pin not in (None, found.edition.name):
        raise OptionInvalid(name="cursor", value=str(pin), expected=expected("cursor"))
    table = found.table(collection.level.number)
    head = {"period": collection.period.label, "as_of": found.as_of, "edition": found.edition.name}
    rows = table[table["code"] != ""]
    return origins.indicators(found.edition.id, collection.level.number, rows, head), found.edition.name


def _wanted(
    source: Source, collection: Collection, city: City, question: Question, span: Span | None, term: Term | None
) -> list[Any]:
    """The conditions of a question."""
    out = []
    if question.bbox is not None:
        box = systems.of_uri(city, question.bbox_crs, "bbox-crs").box(question.bbox, "bbox")
        out.append(conditions.in_box(source.geometry, box))
    if span is not None and source.at is not None:
        out += [source.at >= span.first] if span.first is not None else []
        out += [source.at <= span.last] if span.last is not None else []
    if term is not None:
        types = {x.name: x.type for x in collection.queryables}
        columns = {name: (source.columns[name], kind) for name, kind in types.items()}
        system = systems.of_uri(city, question.filter_crs, "filter-crs")
        out.append(conditions.condition(term, Asked(columns, source.geometry, city.zone, system)))
    return out


def _feature(row: Any, city: City) -> Feature:
    key, shape, *values = row
    properties = {name: _plain(value, city) for name, value in zip(row._fields[2:], values, strict=True)}
    return Feature(key, shape, properties)


def _plain(value: Any, city: City) -> Any:
    """A value as JSON has it: instants in the city's time, numbers without a type of their own."""
    if isinstance(value, dt.datetime):
        return value.astimezone(city.zone).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float | Mapping):
        return value
    return float(value)


# --- time ------------------------------------------------------------------------------------------------------------


class _Lasting(Protocol):
    @property
    def valid_from(self) -> dt.date | None: ...

    @property
    def valid_to(self) -> dt.date | None: ...


L = TypeVar("L", bound=_Lasting)


def _days(connection: Connection, city: City, span: Span | None) -> tuple[dt.date, dt.date]:
    """The first and last day that is asked for; today where nothing is said, or where the end is open."""
    today = cities.today(connection)
    if span is None:
        return today, today
    first = dt.date.min if span.first is None else span.first.astimezone(city.zone).date()
    return first, max(today, first) if span.last is None else span.last.astimezone(city.zone).date()


def _valid(known: Sequence[L], first: dt.date, last: dt.date, pin: str | None, name: Any) -> L | None:
    """What is valid on the last of some days that has anything; or what earlier pages were taken from."""
    if pin is not None:
        found = [x for x in known if name(x) == pin]
        if not found:
            raise OptionInvalid(name="cursor", value=pin, expected=expected("cursor"))
        return found[0]
    begun = [x for x in known if x.valid_from is not None and x.valid_from <= last]
    lasting = [x for x in begun if x.valid_to is None or x.valid_to > first]
    return max(lasting, key=lambda x: x.valid_from or dt.date.min, default=None)


def _layers_of(connection: Connection, kind: str, name: str) -> list[layers.Layer]:
    return [x for x in layers.all_layers(connection, kind) if x.name == name]


def _layer_names(connection: Connection) -> list[tuple[str, str]]:
    """Kind and name of each layer that ever held."""
    return sorted({(x.kind, x.name) for x in layers.all_layers(connection) if x.valid_from is not None})


def _months(connection: Connection, city: City) -> list[Period]:
    """The newest months with cases that have begun, the newest first."""
    first, last = store.reported(connection)
    if first is None or last is None:
        return []
    month = period_of(min(last, clock.now(connection)).astimezone(city.zone).date(), "month")
    out: list[Period] = []
    while len(out) < _MONTHS and month.bounds(city.zone)[1] > first:
        out.append(month)
        month = month.previous()
    return out


# --- where and when ---------------------------------------------------------------------------------------------------


def _described(connection: Connection, city: City, listed: Sequence[Collection]) -> list[Described]:
    known = editions.all_editions(connection)
    today = cities.today(connection)
    whole = _valid(known, today, today, None, str)
    box = None if whole is None else store.extent(connection, origins.grids(whole.id, whole.name, None, 1))
    out = []
    for x in listed:
        if x.layer is not None:
            found = [y for y in _layers_of(connection, *x.layer) if y.valid_from is not None]
            newest = max(found, key=lambda y: y.valid_from or dt.date.min)
            out.append(Described(x, store.extent(connection, origins.layer(newest.id, None)), _lasted(found, city)))
        else:
            out.append(Described(x, box, _span(connection, city, x, known)))
    return out


def _span(connection: Connection, city: City, collection: Collection, known: Sequence[editions.Edition]) -> Span:
    if collection.period is not None:
        start, end = collection.period.bounds(city.zone)
        return Span(start, end - dt.timedelta(microseconds=1))
    if collection.kind == "cases":
        return Span(*store.reported(connection))
    if collection.kind == "samples":
        return Span(*store.sampled(connection))
    return _lasted(known, city)


def _lasted(known: Sequence[_Lasting], city: City) -> Span:
    """From the first day of the first to the last day of the last; open where one still holds."""
    first = min((x.valid_from for x in known if x.valid_from is not None), default=None)
    last = [x.valid_to for x in known if x.valid_from is not None]
    begin = None if first is None else times.span_of(first.isoformat(), city.zone).first
    ends = [x for x in last if x is not None]
    if not ends or len(ends) < len(last):
        return Span(begin, None)
    return Span(begin, times.span_of((max(ends) - dt.timedelta(days=1)).isoformat(), city.zone).last)


# --- pages -----------------------------------------------------------------------------------------------------------


_STORABLE = re.compile("[^\0\ud800-\udfff]*")


def _write_cursor(pin: str | None, key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([pin, key]).encode()).decode().rstrip("=")


def _read_cursor(text: str | None) -> tuple[str | None, str | None]:
    """What earlier pages were held to, and the last key they had."""
    if text is None:
        return None, None
    try:
        pin, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, RecursionError):
        pin, key = 0, 0
    if not isinstance(key, str) or not (pin is None or isinstance(pin, str)) or not _STORABLE.fullmatch(key):
        raise OptionInvalid(name="cursor", value=text, expected=expected("cursor"))
    return pin, key
