"""Editions (网格版本): import inactive, check, activate in one step, compare."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from gridmgmt import geo
from gridmgmt.city import City
from gridmgmt.database import auditing, cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work, lock
from gridmgmt.errors import EditionActive, EditionInvalid, EditionOverlap, EditionShrinks, GridAreaInvalid
from gridmgmt.files import geofiles
from gridmgmt.places import contested, grids, topology
from gridmgmt.places import editions as whole
from gridmgmt.places.contested import Settlement
from gridmgmt.places.grids import GridColumns
from gridmgmt.places.lineage import lineage, moved
from gridmgmt.places.operations import deliveries, drawing
from gridmgmt.places.operations.deliveries import Delivery
from gridmgmt.places.store import editions as store
from gridmgmt.places.store import indexes
from gridmgmt.places.topology import TopologyReport


@dataclass(frozen=True)
class Imported:
    """An edition as it was loaded: still inactive."""

    name: str
    n_grids: int
    report: TopologyReport
    mended: tuple[grids.Mended, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form, with the topology report."""
        mended = [dataclasses.asdict(m) for m in self.mended]
        return {"edition": self.name, "n_grids": self.n_grids, "mended": mended, "report": self.report.to_dict()}


@needs("reference.write", whole=True, by_worker=True)
def import_grids(
    work: Work,
    files: Sequence[str],
    name: str,
    *,
    base: str | None = None,
    crs: str | None = None,
    columns: GridColumns | None = None,
    swap: bool = False,
    dissolve: bool = False,
    settled: Settlement | None = None,
    replace: bool = False,
    encoding: str | None = None,
    source: str | None = None,
) -> Imported:
    """Load boundary files as an inactive edition and check it; what blocks activation is loaded all the same.

    Parameters
    ----------
    base
        An edition that completes a partial delivery (局部更新).
    swap
        The files have northing or latitude first.
    dissolve
        A code that stands in several rows of a file is one grid.
    settled
        What the city says about land that two grids claim (:mod:`gridmgmt.places.contested`); it stands in the report.
    encoding
        Of the texts of shapefiles whose .cpg is wrong.
    replace
        Load an inactive edition of that name anew, e.g. after its files were mended.
    source
        What the edition says it came from; default: the files as they are named here.

    Raises
    ------
    FileUnreadable, ColumnMissing, CrsMissing, CrsImplausible, MetricCrsElsewhere, GridAreaInvalid
    EditionMissing, EditionExists
        Nothing is loaded.
    EditionActive
        The edition to replace is, or was, active.
    EditionInvalid
        Rows that cannot become grids, or codes that stand twice: an edition is
        complete or not loaded; carries every row's fault.
    """
    with work.transaction() as connection:
        city = cities.load_city(connection)
        how = deliveries.How(crs, encoding, columns or GridColumns(), swap, dissolve)
        delivery = deliveries.read(files, name, city, how, work.progress)
        work.progress("derive", len(delivery.frame))
        built = _built(connection, delivery, city, base, settled)
        area_m2 = _measured(built.frame, city)
        work.progress("topology", len(built.frame))
        report = topology.check_edition(built.frame, city, settled=settled)
        report = dataclasses.replace(report, findings=(*built.findings, *report.findings))
        if any(f.code == "grid_code_duplicate" for f in report.findings):
            raise EditionInvalid(name=name, n=len(report.blocking), findings=_wordings(report, city))
        work.progress("save", len(built.frame))
        if replace:
            _make_room(connection, name)
        frame = built.frame.assign(area_m2=area_m2)
        store.insert_edition(connection, name, source or ", ".join(files), report.to_dict(), frame)
        made = Imported(name, len(frame), report, delivery.mended)
        auditing.note(connection, editions=[name])
        work.done(connection, made.as_dict())
        return made


def _built(
    connection: Connection, delivery: Delivery, city: City, base: str | None, settled: Settlement | None
) -> whole.Built:
    """The edition that a delivery makes: overlaps are cut where the city says so, what is left out is derived."""
    frame, found = delivery.frame, delivery.findings
    if settled is not None and settled.way == "cut":
        least = topology.DEFAULT
        frame, told = contested.cut(frame, city, settled, least.overlap_m2, least.overlap_share)
        found = (*found, *told)
    if base is None:
        built = whole.fill_hierarchy(frame, city, delivery.above)
    else:
        built = whole.complete(store.grids(connection, store.by_name(connection, base).id), frame, city)
    return dataclasses.replace(built, findings=(*found, *built.findings))


def _measured(frame: gpd.GeoDataFrame, city: City) -> "pd.Series[float]":
    """The area of each grid in m².

    Raises
    ------
    GridAreaInvalid
        One is zero, infinite or no number.
    """
    area_m2 = geo.areas_m2(frame, city.metric_epsg)
    wrong = frame.loc[~(np.isfinite(area_m2) & (area_m2 > 0)), "code"]
    if len(wrong):
        codes = list(wrong.head(grids.MAX_CODES))
        raise GridAreaInvalid(codes=codes, n=len(wrong), metric_crs=f"EPSG:{city.metric_epsg}")
    return area_m2


def _make_room(connection: Connection, name: str) -> None:
    """Remove the inactive edition of that name, if there is one."""
    lock(connection)
    for edition in store.all_editions(connection):
        if edition.name == name:
            _refuse_active(edition)
            store.drop_inactive(connection, edition)


def _refuse_active(edition: store.Edition) -> None:
    if edition.is_active:
        raise EditionActive(name=edition.name, valid_from=str(edition.valid_from))


def _wordings(report: TopologyReport, city: City) -> list[str]:
    def said(finding: grids.Finding) -> str:
        level = city.level(finding.level)
        return f"{level.zh} {finding.text('zh')} / {level.en} {finding.text('en')}"

    return [said(f) for f in report.blocking[:20]]


@needs("grids.read")
def check(work: Work, name: str) -> TopologyReport:
    """Check an edition's topology again, as it is stored.

    Raises
    ------
    EditionMissing
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        edition = store.by_name(connection, name)
        settled = TopologyReport.from_dict(edition.report).settled
        return topology.check_edition(store.grids(connection, edition.id), city, settled=settled)


@needs("grids.read")
def list_editions(work: Work) -> list[store.Edition]:
    """Every edition, in order of time."""
    with work.snapshot() as connection:
        return store.all_editions(connection)


@needs("grids.read")
def named(work: Work, name: str) -> store.Edition:
    """The edition of a name.

    Raises
    ------
    EditionMissing
    """
    with work.snapshot() as connection:
        return store.by_name(connection, name)


_SHRINK_TOLERANCE = 0.01
"""An edition that loses more than this share of the area before it is held back (project convention)."""


@needs("reference.write", whole=True, by_worker=True)
def activate(work: Work, name: str, first: dt.date, *, shrinks: bool = False) -> dict[str, Any]:
    """Make an edition valid from a day on; the one before ends on that day.

    It is drawn, its index is laid and kept (:mod:`gridmgmt.places.store.indexes`), and so is their lineage.

    Parameters
    ----------
    shrinks
        The city did become smaller: accept an edition that covers less than the one before.

    Raises
    ------
    EditionInvalid
        Its report has errors that would make assignment ambiguous.
    EditionActive
        It is active already: an active edition is never changed.
    EditionOverlap
        A later edition exists, or one begins on that very day.
    EditionShrinks, GridAreaInvalid
        It covers less than the one before, and ``shrinks`` was not said.
    """
    with work.locked() as connection:
        done = _activate(connection, name, first, shrinks=shrinks, keep=work.keep)
        auditing.note(connection, editions=[name])
        work.done(connection, done)
        return done


def _activate(connection: Connection, name: str, first: dt.date, *, shrinks: bool, keep: bool) -> dict[str, Any]:
    city = cities.load_city(connection)
    edition = store.by_name(connection, name)
    if edition.valid_from == first:
        return {**_activated(edition, first, None, 0), "is_new": False}
    _refuse_active(edition)
    report = TopologyReport.from_dict(edition.report)
    if report.blocking:
        raise EditionInvalid(name=name, n=len(report.blocking), findings=_wordings(report, city))
    active = [e for e in store.all_editions(connection) if e.is_active]
    last = active[-1] if active else None
    if last is not None and last.valid_from is not None and last.valid_from >= first:
        raise EditionOverlap(name=name, day=first.isoformat(), other=last.name, other_from=str(last.valid_from))
    if last is not None and not shrinks:
        _refuse_shrunk(edition, last)
    store.activate(connection, edition, first)
    drawing.save(connection, edition.id)
    if keep:
        indexes.ground(connection, edition.id, len(city.levels))
    if last is None:
        return _activated(edition, first, None, 0)
    frame = _lineage(connection, last, edition, city)
    store.save_lineage(connection, last.id, edition.id, frame)
    return _activated(edition, first, last.name, len(frame))


def _refuse_shrunk(edition: store.Edition, last: store.Edition) -> None:
    area, before = (TopologyReport.from_dict(e.report).levels[0].area_m2 / 1e6 for e in (edition, last))
    if area < before * (1 - _SHRINK_TOLERANCE):
        raise EditionShrinks(name=edition.name, area_km2=f"{area:.2f}", other=last.name, other_km2=f"{before:.2f}")


def _activated(edition: store.Edition, first: dt.date, predecessor: str | None, n_lineage: int) -> dict[str, Any]:
    return {
        "edition": edition.name,
        "from": first.isoformat(),
        "predecessor": predecessor,
        "n_lineage": n_lineage,
        "is_new": True,
    }


def _lineage(connection: Connection, a: store.Edition, b: store.Edition, city: City) -> pd.DataFrame:
    return lineage(store.grids(connection, a.id), store.grids(connection, b.id), city.metric_epsg)


@needs("grids.read")
def diff(work: Work, a: str, b: str) -> tuple[pd.DataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Which codes of edition a became which of b, by share of area; with both editions' grids."""
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        before, after = (store.grids(connection, store.by_name(connection, name).id) for name in (a, b))
        return lineage(before, after, city.metric_epsg), before, after


@needs("grids.read")
def difference(work: Work, a: str, b: str) -> dict[str, Any]:
    """The same, JSON-ready: what changed of a's grids and which of b's are new, and all pairs by share of area."""
    pairs, before, after = diff(work, a, b)
    plain = pairs.astype(object).where(pairs.notna(), None)
    return {"changes": moved(pairs, before, after), "pairs": plain.to_dict("records")}


@needs("grids.read")
def grids_of(work: Work, edition: str | None, day: dt.date | None, levels: Sequence[int] | None) -> gpd.GeoDataFrame:
    """An edition's grids with geometry, by name, or by the day on which it is valid (default: today's)."""
    with work.snapshot() as connection:
        return store.grids(connection, choose(connection, edition, day).id, levels)


@needs("grids.read")
def export_grids(
    work: Work,
    out: Path,
    *,
    edition: str | None = None,
    day: dt.date | None = None,
    levels: Sequence[str] = (),
) -> tuple[str, int]:
    """Write an edition's grids as GeoPackage, GeoParquet or GeoJSON, labelled as the city declares; name and number.

    Columns: edition, level, code, parent_code, name_zh, name_en, kind, responsible, area_m2 (m² in the city's metric
    CRS), geometry (degrees). The edition is the one of that name, else the one valid on the day, else today's.

    Raises
    ------
    EditionMissing, NoEditionOnDate, LevelUnknown, OptionInvalid
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        found = choose(connection, edition, day)
        numbers = sorted({city.level(x).number for x in levels})
        frame = store.grids(connection, found.id, numbers or None)
    frame = frame.drop(columns="id").set_crs(city.datum_epsg, allow_override=True)
    frame.insert(0, "edition", found.name)
    geofiles.write(frame, out, "grids")
    return found.name, len(frame)


def choose(connection: Connection, edition: str | None, day: dt.date | None) -> store.Edition:
    """The edition of that name, else the one valid on that day, else today's (the newest that has begun)."""
    if edition is not None:
        return store.by_name(connection, edition)
    if day is not None:
        return store.on_date(connection, day)
    return chosen(store.all_editions(connection), None, None, cities.today(connection))


def chosen(known: Sequence[store.Edition], name: str | None, day: dt.date | None, today: dt.date) -> store.Edition:
    """The same among editions that were read: all of them, in order of time.

    Raises
    ------
    EditionMissing, NoEditionOnDate
    """
    if name is not None:
        return store.named(known, name)
    if day is not None:
        return store.of_day(known, day)
    begun = [e for e in known if e.valid_from is not None and e.valid_from <= today]
    return begun[-1] if begun else store.of_day(known, today)


def as_json(edition: store.Edition) -> Mapping[str, Any]:
    """An edition as commands and the API show it."""
    return {
        "name": edition.name,
        "active": edition.is_active,
        "from": str(edition.valid_from) if edition.valid_from else None,
        "to": str(edition.valid_to) if edition.valid_to else None,
        "source": edition.source,
    }
