"""Repeat cases (重复案件) of a period, by the road layers of the day; suspected duplicates (疑似重复) of a new case."""

import datetime as dt
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd

from gridmgmt import geo
from gridmgmt.casework import repeats
from gridmgmt.casework.cases import Case
from gridmgmt.casework.readers import repeats as reading
from gridmgmt.casework.repeats import Rule
from gridmgmt.casework.store import repeats as store
from gridmgmt.city import STORAGE_EPSG, City
from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import OutsideScope
from gridmgmt.people.store import categories
from gridmgmt.periods import Period
from gridmgmt.places.grids import called
from gridmgmt.places.layers import OTHER, road_class_at
from gridmgmt.places.linework import Linework
from gridmgmt.places.operations import drawing
from gridmgmt.places.store import editions, layers
from gridmgmt.viewer import Scope

ROADS, KEY_AREAS = "roads", "key_areas"
"""Kinds of layers that give a place its road class."""

_TOLD = ("case_no", "category", "road_class", "occurrence", "threshold", "is_repeat", "earlier", "group")
"""What is told of a case that was filed."""


def repeats_of(connection: Connection, period: Period, rule: Rule, seen: pd.DataFrame | None = None) -> pd.DataFrame:
    """The cases filed in a period, each with its occurrence and whether it is a repeat (重复案件认定).

    Filed is registered (立案) and not void. Each assessment period of the rule
    is judged by itself. A place has the road class of the layers valid on its
    case's day of registration in city time.

    Parameters
    ----------
    seen
        The period's cases as they were at a cut-off, later times empty; default: as they are now.

    Returns
    -------
    DataFrame
        The columns of :func:`gridmgmt.casework.repeats.find`, with lon and lat; groups are numbered through the
        whole period.
    """
    city = cities.load_city(connection)
    spans = (period.months() or [period]) if rule.period == "month" else [period]
    found: list[pd.DataFrame] = []
    n_groups = 0
    for span in spans:
        part = repeats.find(_placed(connection, city, span, rule, seen), rule)
        part["group"] += n_groups
        n_groups = max(n_groups, int(part["group"].max()) if part["group"].notna().any() else 0)
        found.append(part)
    return pd.concat(found, ignore_index=True)


def marks(
    connection: Connection, period: Period, rule: Rule, seen: pd.DataFrame | None = None
) -> dict[str, bool | None]:
    """Case number → whether it is a repeat by the rule (:func:`repeats_of`); None where that cannot be told."""
    found = repeats_of(connection, period, rule, seen)
    answers = [None if pd.isna(x) else bool(x) for x in found["is_repeat"]]
    return dict(zip(found["case_no"], answers, strict=True))


@dataclass(frozen=True)
class Repetition:
    """Why a case is a repeat: the how manieth of its class and place it is, from which on it counts, after which."""

    case_no: str
    occurrence: int
    threshold: int
    road_class: str
    earlier: tuple[str, ...]


def reasons(connection: Connection, period: Period, rule: Rule, numbers: Collection[str]) -> list[Repetition]:
    """Why cases of a period are repeats, as the facts stand now; those that are none any more are left out."""
    found = repeats_of(connection, period, rule)
    chosen = found[found["case_no"].isin(numbers) & found["is_repeat"].fillna(False)]
    return [
        Repetition(r["case_no"], int(r["occurrence"]), int(r["threshold"]), r["road_class"], tuple(r["earlier"]))
        for r in chosen.to_dict("records")
    ]


def _filed(seen: pd.DataFrame, start: dt.datetime, end: dt.datetime) -> pd.DataFrame:
    """Of cases as they were at a cut-off those filed in [start, end), in the columns of the store's."""
    at = seen["registered_at"]
    cases = seen[(at >= start) & (at < end) & seen["voided_at"].isna()]
    texts = cases[["case_no", "category_kind", "category_code", "address"]].astype(object)
    texts = texts.where(texts.notna(), None)
    category = [
        f"{kind}:{code}" if code else None for kind, code in zip(texts.category_kind, texts.category_code, strict=True)
    ]
    more = cases[["registered_at", "lon", "lat"]].assign(category=pd.Series(category, texts.index, dtype=object))
    return texts[["case_no", "address"]].join(more).reset_index(drop=True)[list(store.FILED_TYPES)]


def _placed(connection: Connection, city: City, span: Period, rule: Rule, seen: pd.DataFrame | None) -> pd.DataFrame:
    """The cases filed in a span, with x and y in metres and the road class of their place."""
    bounds = span.bounds(city.zone)
    cases = store.filed(connection, *bounds) if seen is None else _filed(seen, *bounds)
    points = gpd.GeoSeries(gpd.points_from_xy(cases["lon"], cases["lat"]), index=cases.index, crs=STORAGE_EPSG)
    has = cases["lon"].notna() & cases["lat"].notna()
    metric = geo.to_metric(gpd.GeoDataFrame(geometry=points[has]), city.metric_epsg).geometry
    days = cases["registered_at"].dt.tz_convert(city.zone).dt.date
    classes = pd.Series(OTHER, index=cases.index, dtype=object)
    for day, rows in _by_layers(connection, span, days):
        own = has & rows
        if own.any():
            roads, areas = (layers.features(connection, kind, day) for kind in (ROADS, KEY_AREAS))
            classes[own] = road_class_at(
                points[own], roads, areas, rule.road_within_m, city.metric_epsg, rule.strictest_first
            )
    return cases.assign(x=metric.x.reindex(cases.index), y=metric.y.reindex(cases.index), road_class=classes)


def _by_layers(connection: Connection, span: Period, days: pd.Series) -> Iterator[tuple[dt.date, Any]]:
    """Stretches of days on which the same layers hold: the first day, and which cases fall into it."""
    every = [x for kind in (ROADS, KEY_AREAS) for x in layers.all_layers(connection, kind)]
    changes = {d for x in every if x.valid_from for d in (x.valid_from, x.valid_to) if d and span.start < d < span.end}
    firsts = [span.start, *sorted(changes)]
    for first, after in zip(firsts, [*firsts[1:], span.end], strict=True):
        yield first, (days >= first) & (days < after)


@dataclass(frozen=True)
class RepeatReport:
    """The repeat cases of a period.

    Attributes
    ----------
    cases
        See :func:`repeats_of`.
    groups
        See :func:`gridmgmt.casework.repeats.groups`, each with lon and lat of its middle (None without a place),
        ``names``, its categories' names by language, and ``grids``: codes of the deepest grids its cases are in, with
        their names by language.
    without_roads
        Whether no road layer was valid in the period: every place then is "other".
    """

    city: City
    period: Period
    rule: Rule
    cases: pd.DataFrame
    groups: Sequence[Mapping[str, Any]]
    without_roads: bool

    @property
    def counts(self) -> dict[str, int]:
        """Cases filed, excepted, not comparable, repeats, groups."""
        answers = self.cases["is_repeat"]
        return {
            "n_filed": len(self.cases),
            "n_excepted": int((self.cases["occurrence"].isna() & answers.notna()).sum()),
            "n_unknown": int(answers.isna().sum()),
            "n_repeats": int(answers.fillna(False).sum()),
            "n_groups": len(self.groups),
        }

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON has it: the groups, and every case that was filed with its occurrence."""
        shown = self.cases[[*_TOLD]].astype(object)
        cases = shown.where(shown.notna(), None).to_dict("records")
        return {
            "period": self.period.label, "rule": self.rule.id, **self.counts, "without_roads": self.without_roads,
            "groups": list(self.groups), "cases": cases,
        }  # fmt: skip


@needs("figures.read", whole=True, by_worker=True)
def report(work: Work, period: Period, rule_name: str) -> RepeatReport:
    """The repeat cases of a period by a rule, group by group.

    Raises
    ------
    RepeatRuleMissing, DataFileInvalid, AccessDenied, OutsideScope
    """
    _check_cases(work)
    rule = reading.rule(rule_name)
    with work.snapshot() as connection:
        return _report(connection, period, rule)


@needs("figures.read", whole=True, by_worker=True)
def map_data(work: Work, period: Period, rule_name: str) -> tuple[RepeatReport, pd.DataFrame, Linework]:
    """The repeat cases of a period; the second level's grids on its last day (code, name, name_en), how they are drawn.

    Raises
    ------
    RepeatRuleMissing, DataFileInvalid, NoEditionOnDate, AccessDenied, OutsideScope
    """
    _check_cases(work)
    rule = reading.rule(rule_name)
    with work.snapshot() as connection:
        found = _report(connection, period, rule)
        edition = editions.on_date(connection, period.last)
        second, names = found.city.levels[1].number, editions.grid_names(connection, [edition.id])
        lines = drawing.read(connection, edition.id, [second])
    outlines = names[names["level"] == second].reset_index(drop=True)
    return found, outlines.assign(name=called(outlines)), lines


def _check_cases(work: Work) -> None:
    """Repeats are told case by case, with place and class: only to whoever may see all cases.

    Raises
    ------
    AccessDenied, OutsideScope
    """
    if not work.allowed("cases.read").everywhere:
        raise OutsideScope(verb="cases.read", about="city")


def _report(connection: Connection, period: Period, rule: Rule) -> RepeatReport:
    city = cities.load_city(connection)
    found = repeats_of(connection, period, rule)
    covered = any(_holds_in(x, period) for x in layers.all_layers(connection, ROADS))
    names = categories.category_names(connection, city.scheme)
    grouped = repeats.groups(found)
    grids = store.grids_of(connection, [no for g in grouped for no in g["cases"]])
    return RepeatReport(city, period, rule, found, shown_groups(found, grouped, names, grids), not covered)


_Named = Mapping[str, Mapping[str, str | None]]


def shown_groups(
    found: pd.DataFrame, grouped: Sequence[Mapping[str, Any]], names: _Named, grids: _Named
) -> list[dict[str, Any]]:
    """The groups that hold a repeat, each with its middle in degrees, its grids and the names of its categories."""
    return [_shown(g, found, names, grids) for g in grouped]


def _holds_in(layer: layers.Layer, period: Period) -> bool:
    first, last = layer.valid_from, layer.valid_to
    return first is not None and first < period.end and (last is None or last > period.start)


def _shown(group: Mapping[str, Any], found: pd.DataFrame, names: _Named, grids: _Named) -> dict[str, Any]:
    own = found[found["group"] == group["group"]]
    lon, lat = own["lon"].mean(), own["lat"].mean()
    words = {lang: ", ".join(names.get(c, {}).get(lang) or c for c in group["categories"]) for lang in ("zh", "en")}
    place = {"lon": None if math.isnan(lon) else float(lon), "lat": None if math.isnan(lat) else float(lat)}
    own_grids = {grids[no]["code"]: grids[no] for no in group["cases"] if no in grids}
    told = {"grids": [own_grids[code] for code in sorted(own_grids, key=str)], "names": words}
    return {**{k: v for k, v in group.items() if k not in ("x", "y")}, **place, **told}


@needs("cases.read")
def suspects_of(work: Work, opened: Sequence[Case]) -> dict[str, list[dict[str, Any]]]:
    """Cases that may be the same problem as one reported now (疑似重复), the nearest first: suggested, never merged.

    Returns
    -------
    dict
        Number of the case → case_no, distance_m, hours_before, why (``recent`` or ``open``), status of each suspect.
        A case whose class, place or time is not known, or that has none, is not there; nor is the one that it is
        said to repeat a suspect any more.
    """
    with work.snapshot() as connection:
        return _suspects(connection, opened, work.allowed("cases.read"))


def _suspects(connection: Connection, opened: Sequence[Case], scope: Scope) -> dict[str, list[dict[str, Any]]]:
    known = [c for c in opened if None not in (c.category, c.lon, c.lat, c.reported_at)]
    if not known:
        return {}
    rule, city = reading.suspect_rule(), cities.load_city(connection)
    new = pd.DataFrame(
        {n: [getattr(c, n) for c in known] for n in ("case_no", "category", "reported_at", "lon", "lat")}
    )
    span = max(dt.timedelta(hours=rule.hours), dt.timedelta(days=rule.open_days))
    since, until = new["reported_at"].min() - span, new["reported_at"].max()
    recent = store.near(connection, sorted(set(new["category"])), _box(new, rule.radius_m), since, until, scope)
    found = repeats.suspects(_metric(new, city), _metric(recent, city), rule)
    states = dict(zip(recent["case_no"], recent["status"], strict=True))
    out: dict[str, list[dict[str, Any]]] = {}
    for row in found.to_dict("records"):
        if known[row["new"]].repeat_of == row["case_no"]:
            continue
        told = {str(k): v for k, v in row.items() if k != "new"}
        out.setdefault(known[row["new"]].case_no, []).append({**told, "status": states[row["case_no"]]})
    return out


def _metric(frame: pd.DataFrame, city: City) -> pd.DataFrame:
    """The frame with x and y in the city's metric CRS, from lon and lat."""
    shapes = gpd.GeoSeries(gpd.points_from_xy(frame["lon"], frame["lat"]), crs=STORAGE_EPSG)
    xy = geo.to_metric(gpd.GeoDataFrame(geometry=shapes), city.metric_epsg).geometry
    return frame.assign(x=xy.x.to_numpy(), y=xy.y.to_numpy())


def _box(places: pd.DataFrame, radius_m: float) -> tuple[float, float, float, float]:
    """Degrees that surely hold all within the radius of some places: one is more than 110 km of latitude."""
    high = radius_m / 110_000
    wide = high / max(math.cos(math.radians(min(places["lat"].abs().max() + high, 89.0))), 0.01)
    west, east, south, north = (f for n in ("lon", "lat") for f in (places[n].min(), places[n].max()))
    return float(west - wide), float(south - high), float(east + wide), float(north + high)
