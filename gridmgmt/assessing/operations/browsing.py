"""Browsing (浏览): what a reader leafs through – grids page by page, categories, and an assessment drawn as a map."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal

import pandas as pd

from gridmgmt.assessing.operations import permits
from gridmgmt.assessing.operations.scoring import level_number
from gridmgmt.assessing.store import assessments as assessment_store
from gridmgmt.assessing.store.assessments import Stored as Stored
from gridmgmt.city import Level
from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import AssessmentWithoutMap
from gridmgmt.figures.indicators import describe
from gridmgmt.figures.operations.indicators import LevelMap, MapData, Own, claims_of
from gridmgmt.periods import parse_period
from gridmgmt.places.grids import called
from gridmgmt.places.operations import drawing
from gridmgmt.places.store import editions
from gridmgmt.rulebooks.run import rank
from gridmgmt.scorecards.documents import Document, Header
from gridmgmt.scorecards.exports.cards import figure, ranked
from gridmgmt.scorecards.exports.lines import shown_lines, top_points

_LATEST = "latest"
"""Stands for the name of the newest assessment with totals, else of the newest."""

_COSTLY = frozenset({"hanging", "lose"})
"""Items of which less is better."""

TOTAL = "total"
"""What a map of an assessment shows by default: the total score (总分)."""

MAP_COUNTS = ("n_reported", "n_due", "n_closed_on_time", "n_overdue_open")
"""Counts that a map of an assessment tells beside its value."""


@needs("results.compare", by_worker=True)
def assessment(work: Work, name: str) -> Stored:
    """An assessment without its subjects; a rulebook's id means its newest one, ``latest`` the newest with totals.

    Raises
    ------
    AssessmentMissing
    """
    with work.snapshot() as connection:
        return permits.compared(work, permits.named(work, connection, name))


@needs("results.compare", by_worker=True)
def opening(work: Work) -> Stored | None:
    """The assessment that a reader begins with: the newest one of grids with totals, else of grids, else the newest."""
    with work.snapshot() as connection:
        is_whole = permits.sees_unpublished(work)
        name = assessment_store.newest_of_grids(connection, published=not is_whole)
        known = [x for x in assessment_store.listing(connection) if is_whole or x["published_at"] is not None]
        if not known:
            return None
        return assessment_store.by_name(connection, name or (_LATEST if is_whole else known[0]["name"]))


@needs("results.compare", by_worker=True)
def mapped(work: Work, name: str) -> Stored:
    """An assessment that has a map; ``latest`` means the newest one of grids, with totals if there is any.

    Raises
    ------
    AssessmentMissing
    AssessmentWithoutMap
        Its subjects are units or persons.
    """
    with work.snapshot() as connection:
        newest = None
        if name == _LATEST:
            is_whole = permits.sees_unpublished(work)
            newest = assessment_store.newest_of_grids(connection, published=not is_whole)
        stored = permits.named(work, connection, newest or name)
        if not has_map(stored):
            raise AssessmentWithoutMap(name=stored.name)
        return permits.compared(work, stored)


@needs("results.compare", by_worker=True)
def ranks(work: Work, name: str, level: str | None = None) -> tuple[Stored, list[Document]]:
    """An assessment's subjects to be compared, best first: of grids everybody's, of units and people one's own.

    Of those that are not their viewer's only code, name, total and rank are to be told.

    Raises
    ------
    AssessmentMissing, LevelUnknown
    OutsideScope, AccessDenied
        Not published; or of units and people, whose results are not the viewer's.
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        stored = permits.compared(work, permits.named(work, connection, name))
        documents = assessment_store.documents(connection, stored.id, level_number(stored, city, level))
        if not has_map(stored):
            documents = permits.own(work, connection, stored, documents)
        return stored, ranked(documents)


def has_map(stored: Stored) -> bool:
    """Whether an assessment's subjects are grids."""
    return all(level.number for level in stored.header.levels)


@needs("results.compare", by_worker=True)
def assessment_map(work: Work, name: str, measure: str = TOTAL) -> MapData:
    """An assessment's grids with the total or one indicator, from its frozen documents and its own edition.

    So the map says what the scorecards say, whatever was imported since. Where
    the rulebook forms no total, its first figure stands in its place (``own``). The
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
        stored = permits.compared(work, permits.named(work, connection, name))
        every = assessment_store.documents(connection, stored.id)
        documents = _to_compare(work, connection, stored, measure, every)
        assessed = {x.key for x in stored.header.levels}
        levels = [x for x in city.levels if x.key in assessed]
        own = _own(stored.header, documents) if measure == TOTAL else None
        values = _values(stored.header, documents if measure == TOTAL else every, measure, own)
        better = own.better if own else getattr(describe(measure), "better", None) if measure != TOTAL else "high"
        names = editions.grid_names(connection, [stored.edition_id])
        maps = [_level_map(names, level, documents, measure, values, better) for level in levels]
        lines = drawing.read(connection, stored.edition_id, [level.number for level in levels])
        period = parse_period(stored.period)
        little = sum(d.status == "incomplete" and not d.is_open for d in documents)
        edition = editions.by_name(connection, stored.header.edition)
        claims = claims_of(connection, edition, levels, city)
        return MapData(city, period, stored.as_of, edition.name, tuple(maps), lines, little, own, claims)


def _to_compare(
    work: Work, connection: Connection, stored: Stored, measure: str, documents: list[Document]
) -> list[Document]:
    """Every subject's document; of those that are not its viewer's the total alone, of other measures nothing."""
    if permits.sees_unpublished(work):
        return documents
    has_own = work.viewer is not None and "results.read" in work.viewer.verbs
    known = {d.subject.key for d in permits.own(work, connection, stored, documents)} if has_own else set()
    bare: dict[str, object] = {"counts": {}, "indicators": {}, "lines": []}
    return [
        d if d.subject.key in known else d.model_copy(update=bare)
        for d in documents
        if measure == TOTAL or d.subject.key in known
    ]


def _own(header: Header, documents: Sequence[Document]) -> Own | None:
    """What is shown first where nobody has a total and nothing makes one up; None where totals are meant."""
    if any(d.lines or d.total for d in documents) or not header.rulebook.items:
        return None
    first = header.rulebook.items[0]
    lines = [x for d in documents for x in shown_lines(header, d) if x.item == first.id]
    units = {x.points.unit for x in lines if x.points.value is not None}
    if len(units) != 1:
        return None
    unit = units.pop()
    kinds = {x.kind for d in documents for x in d.shown if x.item == first.id}
    better: Literal["low"] | None = "low" if kinds & _COSTLY else None
    return Own(first.title, "rate" if unit == "percent" else "count" if unit == "count" else "score", better)


def _values(
    header: Header, documents: Sequence[Document], measure: str, own: Own | None
) -> dict[tuple[int | None, str], Fraction | None]:
    """Level and code of each subject → what the map shows of it."""

    def value(document: Document) -> Fraction | None:
        return _value(document, measure) if own is None else top_points(header, document)[0].value

    return {(d.subject.level_number, d.subject.code): value(d) for d in documents}


def _level_map(
    names: pd.DataFrame,
    level: Level,
    documents: Sequence[Document],
    measure: str,
    shown: Mapping[tuple[int | None, str], Fraction | None],
    better: str | None,
) -> LevelMap:
    """One level of the subjects that are told: their ranks are among all of it, whoever is told of them."""
    own = [d for d in documents if d.subject.level_number == level.number]
    values = {d.subject.code: shown[level.number, d.subject.code] for d in own}
    every = {code: v for (number, code), v in shown.items() if number == level.number}
    places = rank({code: -v if better == "low" and v is not None else v for code, v in every.items()})
    table = pd.DataFrame(
        {
            "code": list(values),
            "value": [None if v is None else float(v) for v in values.values()],
            "rank": [places[code][0] if code in places else None for code in values],
            **{count: [None if _is_bare(d) else d.counts.get(count, 0) for d in own] for count in MAP_COUNTS},
            **{part: [_part(d, measure, part) for d in own] for part in ("numerator", "denominator")},
        }
    ).astype(dict.fromkeys(("value", "rank", "numerator", "denominator"), "float64"))
    here = names.loc[names["level"] == level.number, ["code", "name_zh", "name_en", "parent_code"]]
    frame = here.merge(table, on="code", how="left")
    frame["name"] = called(frame)
    return LevelMap(level, frame, len(places))


def _is_bare(document: Document) -> bool:
    """Whether nothing but its total is told: see :func:`_to_compare`."""
    return not (document.counts or document.indicators or document.lines)


def _value(document: Document, measure: str) -> Fraction | None:
    if measure == TOTAL:
        return Fraction(document.total.exact) if document.total else None
    return figure(document, measure).value


def _part(document: Document, measure: str, part: str) -> float | None:
    found = document.indicators.get(measure)
    return float(Fraction(getattr(found, part))) if found else None
