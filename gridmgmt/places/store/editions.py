"""Editions (网格版本) and their grids."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import Range, insert

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database import tables as t
from gridmgmt.database.copying import copy_in, fetch, query, rows
from gridmgmt.errors import EditionExists, EditionMissing, NoEditionOnDate

_GRID_TYPES = {
    "id": pa.int64(), "level": pa.int64(), "code": pa.string(), "parent_code": pa.string(),
    "name_zh": pa.string(), "name_en": pa.string(), "kind": pa.string(), "responsible": pa.string(),
    "area_m2": pa.float64(),
}  # fmt: skip


@dataclass(frozen=True)
class Edition:
    """One edition: half-open validity, None while it is not active."""

    id: int
    name: str
    valid_from: dt.date | None
    valid_to: dt.date | None
    source: str | None
    report: Mapping[str, Any]

    @property
    def is_active(self) -> bool:
        """Whether it was activated (it may be closed by now)."""
        return self.valid_from is not None

    def covers(self, days: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """Which city days lie in its half-open validity."""
        day = days.astype("datetime64[D]")
        after = np.ones(len(day), bool) if self.valid_from is None else day >= np.datetime64(self.valid_from)
        return after if self.valid_to is None else after & (day < np.datetime64(self.valid_to))


def _edition(row: Any) -> Edition:
    return Edition(row.id, row.name, row.first, row.last, row.source, row.report)


def _select() -> Any:
    e = t.edition.c
    return select(
        e.id, e.name, func.lower(e.valid).label("first"), func.upper(e.valid).label("last"), e.source, e.report
    )


def all_editions(connection: Connection) -> list[Edition]:
    """Every edition, the active ones first in order of time."""
    order = (func.lower(t.edition.c.valid).asc().nulls_last(), t.edition.c.id)
    return [_edition(r) for r in connection.execute(_select().order_by(*order))]


def by_name(connection: Connection, name: str) -> Edition:
    """The edition of that name.

    Raises
    ------
    EditionMissing
        There is none; lists those there are.
    """
    row = connection.execute(_select().where(t.edition.c.name == name)).one_or_none()
    return named(all_editions(connection), name) if row is None else _edition(row)


def named(known: Sequence[Edition], name: str) -> Edition:
    """The edition of that name among those that were read; see :func:`by_name`."""
    for edition in known:
        if edition.name == name:
            return edition
    raise EditionMissing(name=name, known=[e.name for e in known])


def on_date(connection: Connection, day: dt.date) -> Edition:
    """The edition that is valid on a day.

    Raises
    ------
    NoEditionOnDate
        None is.
    """
    row = connection.execute(_select().where(t.edition.c.valid.contains(day))).one_or_none()
    return of_day(all_editions(connection), day) if row is None else _edition(row)


def of_day(known: Sequence[Edition], day: dt.date) -> Edition:
    """The edition that is valid on a day among those that were read; see :func:`on_date`."""
    active = [e for e in known if e.valid_from is not None]
    for edition in active:
        if edition.covers(np.array([day], dtype="datetime64[D]")).all():
            return edition
    told = [f"{e.name} [{e.valid_from}, {e.valid_to or '…'})" for e in active]
    raise NoEditionOnDate(day=day.isoformat(), known=told)


def insert_edition(
    connection: Connection, name: str, source: str, report: Mapping[str, Any], frame: gpd.GeoDataFrame
) -> int:
    """Save an inactive edition with its grids.

    Parameters
    ----------
    frame
        The edition frame of :mod:`gridmgmt.places.grids`, EPSG:4490, plus ``area_m2``.

    Raises
    ------
    EditionExists
        An edition of that name is there.
    """
    statement = insert(t.edition).values(name=name, source=source, report=dict(report)).on_conflict_do_nothing()
    edition_id = connection.execute(statement.returning(t.edition.c.id)).scalar()
    if edition_id is None:
        raise EditionExists(name=name)
    _save_grids(connection, int(edition_id), frame)
    return int(edition_id)


def _save_grids(connection: Connection, edition_id: int, frame: gpd.GeoDataFrame) -> None:
    """Save an edition's grids: those that no edition had before as new rows, the others as they stand."""
    columns = [c for c in _GRID_TYPES if c != "id"]
    plain = pd.DataFrame(frame.drop(columns="geometry"))[columns]
    geometry = shapely.set_srid(frame.geometry.to_numpy(), STORAGE_EPSG)
    plain["geom"] = shapely.to_wkb(geometry, hex=True, include_srid=True)
    of_one = ", ".join([*columns, "geom"])
    connection.execute(text("DROP TABLE IF EXISTS incoming_grid"))
    connection.execute(
        text(f"CREATE TEMPORARY TABLE incoming_grid ON COMMIT DROP AS SELECT {of_one} FROM grid WHERE false")
    )
    copy_in(connection, "incoming_grid", plain)
    connection.execute(query("places/store/grids_saved"), {"edition_id": edition_id})
    connection.execute(select(func.look_at("grid", False), func.look_at("edition_grid", False)))


def drop_inactive(connection: Connection, edition: Edition) -> None:
    """Remove an edition that was never active, to load it again; nothing refers to it yet."""
    connection.execute(query("places/store/grids_dropped"), {"edition_id": edition.id})
    connection.execute(t.edition.delete().where(t.edition.c.id == edition.id, t.edition.c.valid.is_(None)))


def grids(connection: Connection, edition_id: int, levels: Sequence[int] | None = None) -> gpd.GeoDataFrame:
    """An edition's grids with geometry, EPSG:4490, ordered by level and code."""
    wanted = list(levels) if levels else list(range(1, t.MAX_LEVELS + 1))
    return _with_geometry(connection, "places/store/grids_of_edition", edition_id=edition_id, levels=wanted)


def grids_at(connection: Connection, edition_id: int, level: int, lon: float, lat: float) -> gpd.GeoDataFrame:
    """The grids of one level whose bounding box holds a point, with geometry, ordered by code: the candidates."""
    return _with_geometry(
        connection, "places/store/grids_at_point", edition_id=edition_id, level=level, lon=lon, lat=lat
    )


def neighbours(
    connection: Connection, edition_id: int, level: int, own: str, point: tuple[float, float], epsg: int
) -> Sequence[Mapping[str, Any]]:
    """The level's grids nearest to a point (lon, lat in EPSG:4490) but its own, with ``distance_m``, nearest first."""
    lon, lat = point
    place = {"edition_id": edition_id, "level": level, "own": own, "lon": lon, "lat": lat}
    return rows(connection, "places/store/neighbours_of_point", epsg=epsg, **place)


def _with_geometry(connection: Connection, name: str, **params: Any) -> gpd.GeoDataFrame:
    frame = fetch(connection, query(name), params, {**_GRID_TYPES, "wkb": pa.string()})
    geometry = shapely.from_wkb(frame.pop("wkb").to_numpy(dtype=object))
    return gpd.GeoDataFrame(_nullable(frame), geometry=geometry, crs=f"EPSG:{STORAGE_EPSG}")


def every_grid(connection: Connection) -> set[tuple[int, str]]:
    """Level and code of every grid of any edition."""
    c = t.grid.c
    return {(r.level, r.code) for r in connection.execute(select(c.level, c.code).distinct())}


def grid_names(connection: Connection, edition_ids: Sequence[int]) -> pd.DataFrame:
    """Grids of some editions without geometry: id, edition_id and the columns of the frame."""
    c, m = t.grid.c, t.edition_grid.c
    columns = [m.edition_id, *(c[name] for name in _GRID_TYPES)]
    statement = select(*columns).join_from(t.edition_grid, t.grid).where(m.edition_id.in_(edition_ids))
    found = connection.execute(statement.order_by(c.level, c.code)).all()
    return _nullable(pd.DataFrame([tuple(row) for row in found], columns=[x.name for x in columns]))


def grid_contents(connection: Connection, edition_id: int) -> pd.DataFrame:
    """What :func:`grids` are, in their order: id, level, code, parent_code and the hash of all that each holds."""
    types = {**{n: _GRID_TYPES[n] for n in ("id", "level", "code", "parent_code")}, "content_hash": pa.string()}
    return fetch(connection, query("places/store/contents_of_edition"), {"edition_id": edition_id}, types)


def grids_by_id(connection: Connection, ids: Sequence[int], day: dt.date) -> pd.DataFrame:
    """Grids without geometry, each with the ``edition`` that had it last by a day, in order of these editions' time."""
    found = rows(connection, "places/store/grids_by_id", ids=list(ids), day=day)
    return _nullable(pd.DataFrame(found, columns=["edition", *_GRID_TYPES]))


def _nullable(frame: pd.DataFrame) -> pd.DataFrame:
    """Texts that may be absent as objects, absent ones None."""
    texts = ["parent_code", "name_zh", "name_en", "responsible"]
    objects = frame[texts].astype(object)
    return frame.assign(**{c: objects[c].where(objects[c].notna(), None) for c in texts})


def activate(connection: Connection, edition: Edition, first: dt.date) -> None:
    """Make an edition valid from a day on and close its predecessor on that day, in one step.

    Its grids become assessed subjects (考核对象); codes that stay keep theirs.
    """
    open_now = t.edition.c.valid.contains(first)
    connection.execute(
        update(t.edition)
        .where(open_now, func.lower(t.edition.c.valid) < first)
        .values(valid=func.daterange(func.lower(t.edition.c.valid), first))
    )
    connection.execute(
        update(t.edition)
        .where(t.edition.c.id == edition.id)
        .values(valid=Range(first, None), activated_at=func.clock_timestamp(), activator_id=func.current_actor())
    )
    connection.execute(query("places/store/subjects_of_edition"), {"edition_id": edition.id})


def save_lineage(connection: Connection, a: int, b: int, frame: pd.DataFrame) -> None:
    """Save which codes became which between two editions; a grid without counterpart has none on the other side."""
    found = frame[["level", "code_a", "code_b", "share_a", "share_b", "area_m2"]]
    copy_in(connection, "lineage", found.assign(edition_a=a, edition_b=b))


def line_of(connection: Connection, edition_id: int, deepest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A grid and its ancestors by parent_code, the city first (the leaf decides, upper levels follow)."""
    c, m = t.grid.c, t.edition_grid.c
    line = [dict(deepest)]
    while line[0]["parent_code"] is not None:
        above = (m.edition_id == edition_id, m.level == line[0]["level"] - 1, m.code == line[0]["parent_code"])
        statement = select(*(c[name] for name in _GRID_TYPES)).join_from(t.edition_grid, t.grid).where(*above)
        parent = connection.execute(statement).mappings().one_or_none()
        if parent is None:
            break
        line.insert(0, dict(parent))
    return line


def grids_page(
    connection: Connection,
    edition_id: int,
    *,
    level: int | None = None,
    parent: str | None = None,
    code: str | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    limit: int = 1,
    offset: int = 0,
) -> tuple[int, list[dict[str, Any]]]:
    """How many grids match, and one page of them by level and code, each with ``geometry`` as GeoJSON text.

    Parameters
    ----------
    parent
        Code of the grid one level above.
    bbox
        West, south, east, north in degrees of EPSG:4490; grids that touch the box match.
    """
    west, south, east, north = bbox or (None, None, None, None)
    found = rows(
        connection, "places/store/grids_page", edition_id=edition_id, level=level, parent=parent, code=code,
        west=west, south=south, east=east, north=north, limit=limit, offset=offset,
    )  # fmt: skip
    return int(found[0]["n_matched"]), [dict(r) for r in found if r["id"] is not None]
