"""Editions (网格版本): import inactive, check, activate in one step, compare."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
from sqlalchemy import Connection, Engine

from gridmgmt import editions as whole
from gridmgmt import geo, grids, topology
from gridmgmt.city import City
from gridmgmt.errors import EditionActive, EditionInvalid, EditionOverlap
from gridmgmt.lineage import lineage
from gridmgmt.operations.database import Progress, silent, snapshot, transaction
from gridmgmt.readers import boundaries
from gridmgmt.store import cities
from gridmgmt.store import editions as store
from gridmgmt.store import facts as fact_store
from gridmgmt.topology import TopologyReport


@dataclass(frozen=True)
class ColumnNames:
    """Which columns hold what, as the command's options name them; None = the usual names."""

    code: str = "code"
    name: str | None = None
    name_en: str | None = None
    level: str | None = None
    parent: str | None = None
    kind: str | None = None
    responsible: str | None = None


@dataclass(frozen=True)
class Imported:
    """An edition as it was loaded: still inactive."""

    name: str
    n_grids: int
    report: TopologyReport
    problems: tuple[grids.RowProblem, ...]
    mended: tuple[grids.Mended, ...]


def _columns(frame: gpd.GeoDataFrame, given: ColumnNames, source: boundaries.Source, city: City) -> grids.GridColumns:
    def usual(value: str | None, *names: str) -> str | None:
        return value or next((n for n in names if n in frame.columns), None)

    name, name_en = usual(given.name, "name", "name_zh"), usual(given.name_en, "name_en")
    if city.languages[0] == "en" and name_en is None:
        name, name_en = None, name
    level = given.level or ("level" if "level" in frame.columns else source.layer or source.path.stem)
    return grids.GridColumns(
        code=given.code,
        level=level,
        name_zh=name,
        name_en=name_en,
        parent=usual(given.parent, "parent_code"),
        kind=usual(given.kind, "kind"),
        responsible=usual(given.responsible, "responsible"),
    )


def import_grids(
    engine: Engine,
    files: Sequence[str],
    name: str,
    *,
    base: str | None = None,
    crs: str | None = None,
    columns: ColumnNames | None = None,
    progress: Progress = silent,
) -> Imported:
    """Load boundary files as an inactive edition and check it.

    Raises
    ------
    FileUnreadable, ColumnMissing, CrsMissing, CrsImplausible, EditionExists
        Nothing is loaded.
    EditionInvalid
        Rows that cannot become grids: an edition is complete or not loaded;
        carries every row's problem.
    """
    given = columns or ColumnNames()
    with transaction(engine) as connection:
        city = cities.load_city(connection)
        parts = []
        for text in files:
            for source in boundaries.layers_of(boundaries.Source.parse(text)):
                progress(f"read {source.label}", 0)
                frame = boundaries.read(source, crs)
                parts.append(grids.prepare(frame, city, _columns(frame, given, source, city), source.label))
        problems = tuple(p for part in parts for p in part.problems)
        if problems:
            shown = [f"{p.source} row {p.row} {p.column}={p.value!r}: {p.reason}" for p in problems[:20]]
            raise EditionInvalid(name=name, n=len(problems), findings=shown)
        delivered = gpd.GeoDataFrame(pd.concat([p.frame for p in parts], ignore_index=True), crs=parts[0].frame.crs)
        progress("derive what is missing", len(delivered))
        if base is not None:
            built = whole.complete(store.grids(connection, store.by_name(connection, base).id), delivered, city)
        else:
            built = whole.fill_hierarchy(delivered, city)
        progress("check topology", len(built.frame))
        report = topology.check_edition(built.frame, city)
        report = TopologyReport(
            report.metric_epsg, report.tolerance, report.levels, (*built.findings, *report.findings)
        )
        progress("save", len(built.frame))
        if not any(f.code == "grid_code_duplicate" for f in report.findings):
            frame = built.frame.assign(area_m2=geo.areas_m2(built.frame, city.metric_epsg))
            store.insert_edition(connection, name, ", ".join(files), report.to_dict(), frame)
        else:
            raise EditionInvalid(name=name, n=len(report.blocking), findings=_wordings(report, city))
        mended = tuple(m for part in parts for m in part.mended)
        return Imported(name, len(built.frame), report, problems, mended)


def _wordings(report: TopologyReport, city: City) -> list[str]:
    return [f"{city.level(f.level).key}: {f.text(city.languages[0])}" for f in report.blocking[:20]]


def check(engine: Engine, name: str) -> TopologyReport:
    """Check an edition again and give its report; an inactive one keeps the new report."""
    with transaction(engine) as connection:
        city = cities.load_city(connection)
        edition = store.by_name(connection, name)
        return topology.check_edition(store.grids(connection, edition.id), city)


def list_editions(engine: Engine) -> list[store.Edition]:
    """Every edition, in order of time."""
    with snapshot(engine) as connection:
        return store.all_editions(connection)


def activate(engine: Engine, name: str, first: dt.date) -> dict[str, Any]:
    """Make an edition valid from a day on; the one before ends on that day. Their lineage is computed and kept.

    Raises
    ------
    EditionInvalid
        Its report has errors that would make assignment ambiguous.
    EditionActive
        It is active already: an active edition is never changed.
    EditionOverlap
        A later edition exists, or one begins on that very day.
    """
    with transaction(engine) as connection:
        fact_store.lock(connection)
        city = cities.load_city(connection)
        edition = store.by_name(connection, name)
        if edition.valid_from == first:
            return {"edition": name, "from": first.isoformat(), "predecessor": None, "n_lineage": 0}
        if edition.is_active:
            raise EditionActive(name=name, valid_from=str(edition.valid_from))
        report = TopologyReport.from_dict(edition.report)
        if report.blocking:
            raise EditionInvalid(name=name, n=len(report.blocking), findings=_wordings(report, city))
        active = [e for e in store.all_editions(connection) if e.valid_from is not None]
        later = [e for e in active if e.valid_from is not None and e.valid_from >= first]
        if later:
            raise EditionOverlap(
                name=name, day=first.isoformat(), other=later[0].name, other_from=str(later[0].valid_from)
            )
        before = active[-1] if active else None
        store.activate(connection, edition, first)
        n_lineage = 0
        if before is not None:
            frame = _lineage(connection, before, edition, city)
            store.save_lineage(connection, before.id, edition.id, frame)
            n_lineage = len(frame)
        return {
            "edition": name,
            "from": first.isoformat(),
            "predecessor": before.name if before else None,
            "n_lineage": n_lineage,
        }


def _lineage(connection: Connection, a: store.Edition, b: store.Edition, city: City) -> pd.DataFrame:
    return lineage(store.grids(connection, a.id), store.grids(connection, b.id), city.metric_epsg)


def diff(engine: Engine, a: str, b: str) -> tuple[pd.DataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Which codes of edition a became which of b, by share of area; with both editions' grids."""
    with snapshot(engine) as connection:
        city = cities.load_city(connection)
        before, after = (store.grids(connection, store.by_name(connection, name).id) for name in (a, b))
        return lineage(before, after, city.metric_epsg), before, after


def grids_of(
    engine: Engine, edition: str | None, day: dt.date | None, levels: Sequence[int] | None
) -> gpd.GeoDataFrame:
    """An edition's grids with geometry, by name, or by the day on which it is valid (default: the newest)."""
    with snapshot(engine) as connection:
        return store.grids(connection, choose(connection, edition, day).id, levels)


def choose(connection: Connection, edition: str | None, day: dt.date | None) -> store.Edition:
    """The edition of that name, else the one valid on that day, else the newest active one."""
    if edition is not None:
        return store.by_name(connection, edition)
    if day is not None:
        return store.on_date(connection, day)
    active = [e for e in store.all_editions(connection) if e.is_active]
    return active[-1] if active else store.on_date(connection, dt.date(1970, 1, 1))


def as_json(edition: store.Edition) -> Mapping[str, Any]:
    """An edition as commands and the API show it."""
    return {
        "name": edition.name,
        "active": edition.is_active,
        "from": str(edition.valid_from) if edition.valid_from else None,
        "to": str(edition.valid_to) if edition.valid_to else None,
        "source": edition.source,
    }
