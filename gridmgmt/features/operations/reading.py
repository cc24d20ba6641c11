"""Features read by map software (要素服务): which collections there are, a page of one, one feature."""

import base64
import datetime as dt
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from gridmgmt import bounds
from gridmgmt.city import City
from gridmgmt.database import cities, clock
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import CollectionMissing, FeatureMissing, OptionInvalid
from gridmgmt.features import collections, cql, systems, times
from gridmgmt.features.collections import VERBS, Collection
from gridmgmt.features.cql import Term
from gridmgmt.features.store import conditions, origins
from gridmgmt.features.store import reading as store
from gridmgmt.features.store.conditions import Asked
from gridmgmt.features.store.origins import Source
from gridmgmt.features.systems import System
from gridmgmt.features.times import Span
from gridmgmt.figures.operations import indicators as counting
from gridmgmt.periods import Period, period_of
from gridmgmt.places.store import editions, layers
from gridmgmt.texts import expected

_MONTHS = 12
"""So many months have their indicators listed; others are asked for by id."""

_Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Question:
    """What is asked of a collection, as requests write it; ``key``: of one feature."""

    limit: int = 1
    key: str | None = None
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


@needs("grids.read")
def catalogue(work: Work) -> Catalogue:
    """The collections that the viewer may read: grids, indicators of the last months, cases, samples, each layer."""
    months = _months(work)
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        listed = collections.listed(city, months, _layer_names(connection))
        own = [x for x in listed if work.viewer is None or VERBS[x.kind] in work.viewer.verbs]
        return Catalogue(city, tuple(_described(connection, city, own)))


@needs("grids.read")
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


@needs("grids.read")
def grids(work: Work, name: str, question: Question) -> Page:
    """The grids of a level on a day.

    Raises
    ------
    CollectionMissing, FeatureMissing, OptionInvalid, FilterInvalid
        So does every page.
    """
    return _page(work, name, question, _grids)


@needs("figures.read")
def indicators(work: Work, name: str, question: Question) -> Page:
    """Counts and rates of a period for the grids that the viewer may see, counted over everything.

    Raises
    ------
    OutsideScope
        No grid of that level is his.
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        asked = collections.of_id(name, city, ())
    if asked.period is None or asked.level is None:
        raise CollectionMissing(name=name, known=[])
    table, found = counting.indicators(work, asked.period, asked.level.key)
    rows, level = table[table["code"] != ""], asked.level.number
    head = {"period": asked.period.label, "as_of": found.as_of, "edition": found.edition.name}

    def chosen(connection: Connection, ask: _Asked) -> _Chosen:
        start, end = found.period.bounds(ask.city.zone)
        span = ask.span or Span(None, None)
        if (span.last is not None and span.last < start) or (span.first is not None and span.first >= end):
            return origins.none("indicators"), None
        if ask.pin not in (None, found.edition.name):
            raise OptionInvalid(name="cursor", value=str(ask.pin), expected=expected("cursor"))
        return origins.indicators(found.edition.id, level, rows, head), found.edition.name

    return _page(work, name, question, chosen)


@needs("cases.read")
def cases(work: Work, name: str, question: Question) -> Page:
    """The cases as they stand, those that the viewer may see."""
    return _page(work, name, question, lambda *_: (origins.facts("cases", work.allowed("cases.read")), None))


@needs("samples.read")
def samples(work: Work, name: str, question: Question) -> Page:
    """The inspection samples as they stand, those that the viewer may see."""
    return _page(work, name, question, lambda *_: (origins.facts("samples", work.allowed("samples.read")), None))


@needs("grids.read")
def layer(work: Work, name: str, question: Question) -> Page:
    """The features of a reference layer on a day."""
    return _page(work, name, question, _layer)


# --- what a page is made of -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """What decides which rows a collection consists of: ``pin``, what earlier pages were held to."""

    city: City
    collection: Collection
    span: Span | None
    pin: str | None


_Chosen = tuple[Source, str | None]
"""The rows, and what the pages behind this one are held to: an edition, a layer."""


def _page(work: Work, name: str, question: Question, choose: Callable[[Connection, _Asked], _Chosen]) -> Page:
    """A page of a collection's features in the order of their ids, or the one that is asked for."""
    term = None if question.filter is None else cql.read(question.filter, question.filter_lang)
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        collection = collections.of_id(name, city, _layer_names(connection))
        system = systems.of_uri(city, question.crs, "crs")
        span = times.parse(question.datetime, city.zone) if question.datetime is not None else None
        pin, after = _read_cursor(question.cursor)
        source, pinned = choose(connection, _Asked(city, collection, span, pin))
        wanted = _wanted(source, collection, city, question, span, term)
        limit = min(question.limit, bounds.most("page_features"))
        rows = store.page(connection, source, wanted, after, limit + 1, system)
        features = tuple(_feature(row, city) for row in rows[:limit])
        if question.key is not None and not features:
            raise FeatureMissing(name=name, id=question.key)
        cursor = _write_cursor(pinned, features[-1].id) if len(rows) > limit else None
        n = store.matched(connection, source, wanted)
        return Page(city, collection, system, features, n, cursor)


def _grids(connection: Connection, ask: _Asked) -> _Chosen:
    first, last = _days(connection, ask.city, ask.span)
    edition = _valid(editions.all_editions(connection), first, last, ask.pin, lambda x: x.name)
    if edition is None or ask.collection.level is None:
        return origins.none("grids"), None
    return origins.grids(edition.id, edition.name, edition.valid_from, ask.collection.level.number), edition.name


def _layer(connection: Connection, ask: _Asked) -> _Chosen:
    first, last = _days(connection, ask.city, ask.span)
    known = _layers_of(connection, *(ask.collection.layer or ("", "")))
    found = _valid(known, first, last, ask.pin, lambda x: str(x.id))
    return (
        (origins.none("layers"), None) if found is None else (origins.layer(found.id, found.valid_from), str(found.id))
    )


def _wanted(
    source: Source, collection: Collection, city: City, question: Question, span: Span | None, term: Term | None
) -> list[Any]:
    """The conditions of a question."""
    out = [] if question.key is None else [source.key == question.key]
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


def _months(work: Work) -> list[Period]:
    """The newest months with cases that have begun, the newest first; of all cases, as indicators are."""
    with work.over_everything().snapshot() as connection:
        city = cities.load_city(connection)
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
