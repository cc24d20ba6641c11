"""Repeat cases (重复案件) of a period, by the road layers of the day; suspected duplicates (疑似重复) of a new case."""

import datetime as dt
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
from sqlalchemy import Connection, Engine

from gridmgmt import geo, repeats
from gridmgmt.cases import Case
from gridmgmt.city import STORAGE_EPSG, City
from gridmgmt.codes import CategoryKey
from gridmgmt.layers import OTHER, road_class_at
from gridmgmt.operations.database import snapshot
from gridmgmt.periods import Period
from gridmgmt.readers import repeats as reading
from gridmgmt.repeats import Rule
from gridmgmt.store import cities, editions, layers
from gridmgmt.store import repeats as store

ROADS, KEY_AREAS = "roads", "key_areas"
"""Kinds of layers that give a place its road class."""


def repeats_of(connection: Connection, period: Period, rule: Rule) -> pd.DataFrame:
    """The cases filed in a period, each with its occurrence and whether it is a repeat (重复案件认定).

    Filed is registered (立案) and not void. Each assessment period of the rule
    is judged by itself. A place has the road class of the layers valid on its
    case's day of registration in city time.

    Returns
    -------
    DataFrame
        The columns of :func:`gridmgmt.repeats.find`, with lon and lat; groups are numbered through the whole period.
    """
    city = cities.load_city(connection)
    spans = (period.months() or [period]) if rule.period == "month" else [period]
    found: list[pd.DataFrame] = []
    n_groups = 0
    for span in spans:
        part = repeats.find(_placed(connection, city, span, rule), rule)
        part["group"] += n_groups
        n_groups = max(n_groups, int(part["group"].max()) if part["group"].notna().any() else 0)
        found.append(part)
    return pd.concat(found, ignore_index=True)


def marks(connection: Connection, period: Period, rule: Rule) -> dict[str, bool | None]:
    """Case number → whether it is a repeat by the rule; None where that cannot be told."""
    found = repeats_of(connection, period, rule)
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


def _placed(connection: Connection, city: City, span: Period, rule: Rule) -> pd.DataFrame:
    """The cases filed in a span, with x and y in metres and the road class of their place."""
    cases = store.filed(connection, *span.bounds(city.zone))
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
        See :func:`gridmgmt.repeats.groups`, each with lon and lat of its middle (None without a place) and
        ``names``: its categories' names by language.
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


def report(engine: Engine, period: Period, rule_name: str) -> RepeatReport:
    """The repeat cases of a period by a rule, group by group.

    Raises
    ------
    RepeatRuleMissing, DataFileInvalid
    """
    rule = reading.rule(rule_name)
    with snapshot(engine) as connection:
        return _report(connection, period, rule)


def map_data(engine: Engine, period: Period, rule_name: str) -> tuple[RepeatReport, gpd.GeoDataFrame]:
    """The repeat cases of a period, and the outlines of the second level's grids on its last day (code, name, name_en).

    Raises
    ------
    RepeatRuleMissing, DataFileInvalid, NoEditionOnDate
    """
    rule = reading.rule(rule_name)
    with snapshot(engine) as connection:
        found = _report(connection, period, rule)
        edition = editions.on_date(connection, period.end - dt.timedelta(days=1))
        outlines = editions.grids(connection, edition.id, [found.city.levels[1].number])
    names = zip(outlines.name_zh, outlines.name_en, outlines.code, strict=True)
    return found, outlines.assign(name=[zh or en or code for zh, en, code in names])


def _report(connection: Connection, period: Period, rule: Rule) -> RepeatReport:
    city = cities.load_city(connection)
    found = repeats_of(connection, period, rule)
    covered = any(_holds_in(x, period) for x in layers.all_layers(connection, ROADS))
    names = cities.category_names(connection, city.scheme)
    return RepeatReport(city, period, rule, found, shown_groups(found, names), not covered)


def shown_groups(found: pd.DataFrame, names: Mapping[str, Mapping[str, str | None]]) -> list[dict[str, Any]]:
    """The groups that hold a repeat, each with its middle in degrees and the names of its categories."""
    return [_shown(g, found, names) for g in repeats.groups(found)]


def _holds_in(layer: layers.Layer, period: Period) -> bool:
    first, last = layer.valid_from, layer.valid_to
    return first is not None and first < period.end and (last is None or last > period.start)


def _shown(
    group: Mapping[str, Any], found: pd.DataFrame, names: Mapping[str, Mapping[str, str | None]]
) -> dict[str, Any]:
    own = found[found["group"] == group["group"]]
    lon, lat = own["lon"].mean(), own["lat"].mean()
    words = {lang: ", ".join(names.get(c, {}).get(lang) or c for c in group["categories"]) for lang in ("zh", "en")}
    place = {"lon": None if math.isnan(lon) else float(lon), "lat": None if math.isnan(lat) else float(lat)}
    return {**{k: v for k, v in group.items() if k not in ("x", "y")}, **place, "names": words}


def suspects(connection: Connection, lon: float, lat: float, category: str, at: dt.datetime) -> list[dict[str, Any]]:
    """Cases that may be the same problem as one reported now (疑似重复), the nearest first: suggested, never merged.

    Returns
    -------
    list
        case_no, distance_m, hours_before, why (``recent`` or ``open``), status.

    Raises
    ------
    CodeInvalid
        The category is not of the form ``kind:code``.
    """
    rule = reading.suspect_rule()
    city = cities.load_city(connection)
    since = at - max(dt.timedelta(hours=rule.hours), dt.timedelta(days=rule.open_days))
    recent = store.near(connection, CategoryKey.parse(category), _box(lon, lat, rule.radius_m), since, at)
    shapes = gpd.GeoSeries(gpd.points_from_xy([lon, *recent["lon"]], [lat, *recent["lat"]]), crs=STORAGE_EPSG)
    xy = geo.to_metric(gpd.GeoDataFrame(geometry=shapes), city.metric_epsg).geometry
    placed = recent.assign(x=xy.x.to_numpy()[1:], y=xy.y.to_numpy()[1:])
    found = repeats.suspects(float(xy.x[0]), float(xy.y[0]), category, at, placed, rule)
    shown = found.merge(recent[["case_no", "status"]], on="case_no", how="left")
    return [{str(k): v for k, v in row.items()} for row in shown.to_dict("records")]


def suspects_of(engine: Engine, opened: Sequence[Case]) -> dict[str, list[dict[str, Any]]]:
    """Number of a case just opened → other cases that may be its problem; none where class or place is not known."""
    out: dict[str, list[dict[str, Any]]] = {}
    with snapshot(engine) as connection:
        for case in opened:
            if case.category is None or case.lon is None or case.lat is None or case.reported_at is None:
                continue
            found = suspects(connection, case.lon, case.lat, case.category, case.reported_at)
            others = [s for s in found if s["case_no"] != case.case_no]
            out |= {case.case_no: others} if others else {}
    return out


def _box(lon: float, lat: float, radius_m: float) -> tuple[float, float, float, float]:
    """Degrees that surely hold all within the radius: a degree is more than 110 km of latitude."""
    high = radius_m / 110_000
    wide = high / max(math.cos(math.radians(min(abs(lat) + high, 89.0))), 0.01)
    return lon - wide, lat - high, lon + wide, lat + high
