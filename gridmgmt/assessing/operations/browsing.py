"""Browsing (浏览): what a reader leafs through – grids page by page, categories, and an assessment drawn as a map."""

from collections.abc import Sequence
from fractions import Fraction

import geopandas as gpd
import pandas as pd

from gridmgmt.assessing.store import assessments as assessment_store
from gridmgmt.assessing.store.assessments import Stored as Stored
from gridmgmt.city import Level
from gridmgmt.database import cities
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import AssessmentWithoutMap
from gridmgmt.figures.indicators import describe
from gridmgmt.figures.operations.indicators import LevelMap, MapData
from gridmgmt.periods import parse_period
from gridmgmt.places.grids import called
from gridmgmt.places.store import editions
from gridmgmt.rulebooks.run import rank
from gridmgmt.scorecards.documents import Document
from gridmgmt.scorecards.exports.cards import figure

_LATEST = "latest"
"""Stands for the name of the newest assessment."""

TOTAL = "total"
"""What a map of an assessment shows by default: the total score (总分)."""

MAP_COUNTS = ("n_reported", "n_due", "n_closed_on_time", "n_overdue_open")
"""Counts that a map of an assessment tells beside its value."""


def assessment(work: Work, name: str) -> Stored:
    """An assessment without its subjects; ``latest`` or a rulebook's id means its newest one.

    Raises
    ------
    AssessmentMissing
    """
    with work.snapshot() as connection:
        return assessment_store.by_name(connection, name)


def opening(work: Work) -> Stored | None:
    """The assessment that a reader begins with: the newest one of grids, which has a map, else the newest."""
    with work.snapshot() as connection:
        name = assessment_store.newest_of_grids(connection)
        if name is None and not assessment_store.listing(connection):
            return None
        return assessment_store.by_name(connection, name or _LATEST)


def mapped(work: Work, name: str) -> Stored:
    """An assessment that has a map; ``latest`` means the newest one of grids.

    Raises
    ------
    AssessmentMissing
    AssessmentWithoutMap
        Its subjects are units or persons.
    """
    with work.snapshot() as connection:
        newest = assessment_store.newest_of_grids(connection) if name == _LATEST else None
        stored = assessment_store.by_name(connection, newest or name)
        if not has_map(stored):
            raise AssessmentWithoutMap(name=stored.name)
        return stored


def has_map(stored: Stored) -> bool:
    """Whether an assessment's subjects are grids."""
    return all(level.number for level in stored.header.levels)


def assessment_map(work: Work, name: str, measure: str = TOTAL) -> MapData:
    """An assessment's grids with the total or one indicator, from its frozen documents and its own edition.

    So the map says what the scorecards say, whatever was imported since. The
    frames are those of :func:`gridmgmt.figures.operations.indicators.choropleth`, with
    the counts of :data:`MAP_COUNTS`.

    Raises
    ------
    AssessmentMissing, IndicatorMissing
    """
    if measure != TOTAL:
        describe(measure)
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        stored = assessment_store.by_name(connection, name)
        documents = assessment_store.documents(connection, stored.id)
        assessed = {x.key for x in stored.header.levels}
        levels = [x for x in city.levels if x.key in assessed]
        maps = [_level_map(connection, stored, level, documents, measure) for level in levels]
        period = parse_period(stored.period)
        little = sum(d.status == "incomplete" and not d.is_open for d in documents)
        return MapData(city, period, stored.as_of, stored.header.edition, tuple(maps), little)


def _level_map(
    connection: Connection, stored: Stored, level: Level, documents: Sequence[Document], measure: str
) -> LevelMap:
    own = [d for d in documents if d.subject.level_number == level.number]
    values = {d.subject.code: _value(d, measure) for d in own}
    places = rank({code: _goodness(value, measure) for code, value in values.items()})
    table = pd.DataFrame(
        {
            "code": list(values),
            "value": [None if v is None else float(v) for v in values.values()],
            "rank": [places[code][0] if code in places else None for code in values],
            **{count: [d.counts.get(count, 0) for d in own] for count in MAP_COUNTS},
            **{part: [_part(d, measure, part) for d in own] for part in ("numerator", "denominator")},
        }
    ).astype(dict.fromkeys(("value", "rank", "numerator", "denominator"), "float64"))
    shapes = editions.grids(connection, stored.edition_id, [level.number])
    frame = shapes[["code", "name_zh", "name_en", "parent_code", "geometry"]].merge(table, on="code", how="left")
    frame["name"] = called(frame)
    return LevelMap(level, gpd.GeoDataFrame(frame, geometry="geometry", crs=shapes.crs))


def _value(document: Document, measure: str) -> Fraction | None:
    if measure == TOTAL:
        return Fraction(document.total.exact) if document.total else None
    return figure(document, measure).value


def _goodness(value: Fraction | None, measure: str) -> Fraction | None:
    """What ranks are made by: the value, turned round where low is good."""
    is_low_good = measure != TOTAL and getattr(describe(measure), "better", None) == "low"
    return -value if is_low_good and value is not None else value


def _part(document: Document, measure: str, part: str) -> float | None:
    found = document.indicators.get(measure)
    return float(Fraction(getattr(found, part))) if found else None
