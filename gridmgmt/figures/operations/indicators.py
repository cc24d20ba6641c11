"""Indicator tables and what the maps show: the figures of a period as frames."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from gridmgmt.city import City, Level
from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import OutsideScope
from gridmgmt.figures.counts import Count
from gridmgmt.figures.indicators import describe, keeps
from gridmgmt.figures.operations.period_counts import Figures, figures
from gridmgmt.files import geofiles
from gridmgmt.periods import Period
from gridmgmt.places import topology
from gridmgmt.places.contested import Claims
from gridmgmt.places.grids import called
from gridmgmt.places.linework import Linework
from gridmgmt.places.operations import drawing
from gridmgmt.places.store import editions


@needs("figures.read", by_worker=True)
def indicators(
    work: Work, period: Period, level: str, as_of: dt.datetime | None = None
) -> tuple[pd.DataFrame, Figures]:
    """Counts and rates of every grid of a level (zero-case grids too), the unassigned last under code ``""``.

    Who may not see the whole city is told the grids of his scope: they are counted over everything, so their figures
    are those that the city sees.

    Raises
    ------
    OutsideScope
        No grid of that level is his.
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        number = city.level(level).number
        found = figures(connection, city, period, as_of, [number])
        return _of_viewer(work, found.table(number), number, level), found


def _of_viewer(work: Work, table: pd.DataFrame, number: int, level: str) -> pd.DataFrame:
    """The rows of a level that its viewer may see, and of nobody else."""
    scope = work.allowed("figures.read")
    if scope.everywhere:
        return table
    own = table[[scope.holds_grid(number, code) for code in table["code"]]].reset_index(drop=True)
    if own.empty:
        raise OutsideScope(verb="figures.read", about=level)
    return own


@needs("figures.read", by_worker=True)
def export_indicators(
    work: Work, period: Period, level: str, out: Path, as_of: dt.datetime | None = None
) -> tuple[pd.DataFrame, Figures]:
    """Write the table of :func:`indicators` with each grid's polygon as GeoPackage or GeoParquet.

    Counts are numbers, rates shares of 0–1 or as docs/indicators.md states their unit (nothing: no data), areas m²;
    the polygons are in degrees, labelled as the city declares. The unassigned have none. Columns in front say the
    period, the data cut-off and the edition.

    Raises
    ------
    OptionInvalid
    """
    table, found = indicators(work, period, level, as_of)
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        grids = editions.grids(connection, found.edition.id, [city.level(level).number])
    shapes = dict(zip(grids["code"], grids.geometry, strict=True))
    frame = gpd.GeoDataFrame(table, geometry=[shapes.get(code) for code in table["code"]], crs=city.datum_epsg)
    for name, value in (("edition", found.edition.name), ("as_of", found.as_of.isoformat()), ("period", str(period))):
        frame.insert(0, name, value)
    geofiles.write(frame, out, "indicators", (".gpkg", ".parquet", ".geoparquet"))
    return table, found


@dataclass(frozen=True)
class LevelMap:
    """One level for a choropleth: counts, and ``value`` with its ``rank``, by code.

    ``n_ranked``: among how many, of which a viewer may be told some; None: those of the frame.
    """

    level: Level
    frame: pd.DataFrame
    n_ranked: int | None = None


@dataclass(frozen=True)
class Own:
    """The figure by which an assessment without totals (不计总分) is drawn: title, unit, which end is better."""

    title: Mapping[str, str]
    unit: Literal["rate", "count", "score"]
    better: Literal["high", "low"] | None


@dataclass(frozen=True)
class MapData:
    """What a choropleth is drawn from."""

    city: City
    period: Period
    as_of: dt.datetime
    edition: str
    levels: tuple[LevelMap, ...]
    lines: Linework
    """How these levels are drawn."""
    n_too_little: int = 0
    """Of an assessment: how many subjects have too little data for a total."""
    own: Own | None = None
    """Of an assessment without totals: what its map shows in their place."""
    claims: Claims | None = None
    """Land that two grids claim, where the city accepted it."""


@needs("figures.read", by_worker=True)
def choropleth(work: Work, indicator: str, period: Period, as_of: dt.datetime | None = None) -> MapData:
    """Every level's grids with one indicator's value, rank and counts.

    The frames have code, name_zh, name_en, name, parent_code, value (rates as
    0–1 floats; NaN = no data), rank, numerator, denominator and the counts.

    Raises
    ------
    IndicatorMissing, NoEditionOnDate
    """
    rule, scope = describe(indicator), work.allowed("figures.read")
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        steps = [indicator] if isinstance(rule, Count) and rule.of in ("steps", "acts") else []
        found = figures(connection, city, period, as_of, step_counts=steps)
        lines = drawing.read(connection, found.edition.id, [level.number for level in city.levels])
        levels = []
        for level in city.levels:
            table = found.table(level.number)
            frame = table[table["code"] != ""].reset_index(drop=True)
            frame["value"] = frame[indicator].astype(float)
            ascending = getattr(rule, "better", None) == "low"
            frame["rank"] = frame["value"].rank(method="min", ascending=ascending)
            n_ranked = int(frame["rank"].notna().sum())
            if not scope.everywhere:
                frame = frame[[scope.holds_grid(level.number, code) for code in frame["code"]]].reset_index(drop=True)
            frame["name"] = called(frame)
            levels.append(LevelMap(level, frame, n_ranked))
        claims = claims_of(connection, found.edition, city.levels, city)
        return MapData(city, period, found.as_of, found.edition.name, tuple(levels), lines, claims=claims)


def claims_of(connection: Connection, edition: editions.Edition, levels: Sequence[Level], city: City) -> Claims | None:
    """The land that two grids of a level claim, where the city accepted it; only then the stored shapes are read."""
    shapes = ((level.number, editions.grids(connection, edition.id, [level.number])) for level in levels)
    return topology.claims(edition.report, shapes, city)


@dataclass(frozen=True)
class HeatData:
    """What a heat map is drawn from: points of the cases reported in a period, district outlines, and the smallest
    grids, which name the places."""

    city: City
    period: Period
    lon: np.ndarray
    lat: np.ndarray
    n_cases: int
    n_outside: int
    n_without_location: int
    boundary: gpd.GeoDataFrame
    lines: Linework
    """How the outlines are drawn."""
    places: gpd.GeoDataFrame


@needs("cases.read")
def heat(work: Work, period: Period, category: str | None = None) -> HeatData:
    """The cases reported in a period, optionally of a category pattern (``component:01*``), as points.

    Raises
    ------
    CodeInvalid, NoEditionOnDate
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        found = figures(connection, city, period, levels=[city.levels[1].number])
        wanted = found.conditions["n_reported"] & keeps(categories=[category] if category else [])
        frame = found.case_rows.frame[wanted(found.case_rows)]
        scope = work.allowed("cases.read")
        if not scope.everywhere:
            in_grids = frame[list(GRID_COLUMNS)].isin(scope.roots).any(axis=1)
            frame = frame[in_grids | frame["unit_id"].isin(scope.units)]
        outlines, places = (
            editions.grids(connection, found.edition.id, [level.number]) for level in (city.levels[1], city.levels[-1])
        )
        outlines["name"], places["name"] = called(outlines), called(places)
        lines = drawing.read(connection, found.edition.id, [city.levels[1].number])
        placed = frame[frame["located"].isin(["leaf", "upper"])]
        return HeatData(
            city,
            period,
            placed["lon"].to_numpy(),
            placed["lat"].to_numpy(),
            len(frame),
            int((frame["located"] == "outside").sum()),
            int(frame["located"].isin(["no_location", "no_edition"]).sum()),
            outlines,
            lines,
            places,
        )
