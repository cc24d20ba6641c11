"""A town of two districts with two square communities each, small enough to count by hand; and what reads its tables.

Community D1-1 stands south-west, D1-2 north of it; D2-1 and D2-2 east of them. Sides are 1/128 degree, so that every
corner is exact in float64.
"""

import csv
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely
from sqlalchemy import select
from sqlalchemy.sql.expression import ColumnElement

from gridmgmt.city import City, Level
from gridmgmt.database import cities
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.intake.operations import imports
from gridmgmt.intake.operations.imports import ImportReport
from gridmgmt.people.store import categories as category_store
from gridmgmt.people.store import units as unit_store
from gridmgmt.places.operations import editions

LEVELS = (
    Level(1, "city", "市", "City"),
    Level(2, "district", "区", "District"),
    Level(3, "community", "社区", "Community"),
)
CITY = City("C", "小城", "Town", "Asia/Shanghai", 4547, levels=LEVELS, scheme="town")

WEST, SOUTH, SIDE = 114.0, 30.0, 1 / 128
COLUMNS_OF = {"D1": 0, "D2": 1}
COMMUNITIES = ("D1-1", "D1-2", "D2-1", "D2-2")
START, NOON = dt.date(2025, 1, 1), "2025-12-05 12:00"

FIELDS = (
    "no", "at", "reg", "due", "ext", "handled", "closed", "voided", "rework", "repeat",
    "kind", "cat", "unit", "text", "who", "phone", "x", "y", "v",
)  # fmt: skip
CASES = """
id: town_cases
kind: cases
title: {zh: 小城案件, en: Town cases}
columns:
  case_no: "no"
  reported_at: at
  registered_at: reg
  due_extended_at: ext
  handled_at: handled
  closed_at: closed
  voided_at: voided
  n_rework: rework
  is_repeat: repeat
  unit_code: unit
  description: text
  reporter_name: who
  reporter_phone: phone
location: {lon: x, lat: "y", system: "epsg:4490"}
category: {column: cat, kind: {column: kind, default: component}, scheme: town}
deadline: [{column: due}]
"""
VERSIONED = CASES + "version: v\n"
SAMPLES = """
id: town_samples
kind: samples
title: {zh: 小城样本, en: Town samples}
columns: {sample_no: "no", sampled_at: at, score: score}
location: {lon: x, lat: "y", system: "epsg:4490"}
"""


def box(column: int, row: int, columns: int = 1, rows: int = 1) -> shapely.Polygon:
    """A rectangle of sides: column from the west, row from the south."""
    west, south = WEST + column * SIDE, SOUTH + row * SIDE
    return shapely.box(west, south, west + columns * SIDE, south + rows * SIDE)


def middle(code: str) -> tuple[float, float]:
    """The middle of one of the four communities."""
    return WEST + (COLUMNS_OF[code[:2]] + 0.5) * SIDE, SOUTH + (int(code[3:]) - 0.5) * SIDE


def shapes() -> dict[str, tuple[str, str | None, shapely.Geometry]]:
    """The town's grids: code → level, parent, polygon."""
    out: dict[str, tuple[str, str | None, shapely.Geometry]] = {"C": ("city", None, box(0, 0, 2, 2))}
    for district, column in COLUMNS_OF.items():
        out[district] = ("district", "C", box(column, 0, 1, 2))
        for row in (0, 1):
            out[f"{district}-{row + 1}"] = ("community", district, box(column, row))
    return out


def write_grids(path: Path, grids: Mapping[str, tuple[str, str | None, shapely.Geometry]] | None = None) -> Path:
    """A boundary file."""
    rows = [(code, f"网格{code}", f"Grid {code}", *rest) for code, rest in (grids or shapes()).items()]
    names = ["code", "name", "name_en", "level", "parent_code", "geometry"]
    gpd.GeoDataFrame(rows, columns=names, geometry="geometry", crs=4490).to_file(path, engine="pyogrio")
    return path


def add_edition(
    work: Work,
    path: Path,
    name: str = "2025",
    first: dt.date | None = START,
    grids: Mapping[str, tuple[str, str | None, shapely.Geometry]] | None = None,
    shrinks: bool = False,
) -> None:
    """Load an edition, and activate it if ``first`` is given."""
    editions.import_grids(work, [str(write_grids(path / f"{name}.gpkg", grids))], name)
    if first is not None:
        editions.activate(work, name, first, shrinks=shrinks)


def found(
    work: Work, path: Path, units: Sequence[str] = (), categories: Sequence[str] = ("01", "02", "01001", "02001")
) -> None:
    """The town with its edition 2025."""
    with work.transaction() as connection:
        cities.save_city(connection, CITY)
        unit_store.ensure_units(connection, units)
        category_store.ensure_categories(connection, [("town", "component", code) for code in categories])
    add_edition(work, path)


def case(no: str, place: str | tuple[float, float] | None = "D1-1", **values: object) -> dict[str, str]:
    """A row of a case export: in the middle of a community, at a point, or without a place (None)."""
    x, y = (middle(place) if isinstance(place, str) else place) if place is not None else ("", "")
    given = {"no": no, "at": NOON, "x": x, "y": y, **values}
    return {k: v if isinstance(v, str) else repr(v) for k, v in given.items()}


def write_csv(path: Path, rows: Iterable[Mapping[str, str]], fields: Sequence[str] = FIELDS) -> Path:
    """A case export."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_profile(folder: Path, text: str) -> str:
    """A profile's file, named after its id, by which an import names it."""
    path = folder / f"{text.split()[1]}{'_versioned' if 'version: v' in text else ''}.yaml"
    path.write_text(text, "utf-8")
    return str(path)


_counter = iter(range(10**9))


def load(
    work: Work,
    folder: Path,
    rows: Iterable[Mapping[str, str]],
    *,
    day: int | None = None,
    profile: str = CASES,
    dry_run: bool = False,
) -> ImportReport:
    """Import rows as one new file, exported on a day of January 2026 (or with versions of their own).

    What must always hold of a report is checked on the way.
    """
    rows = list(rows)
    path = write_csv(folder / f"cases_{next(_counter)}.csv", rows)
    exported = dt.datetime(2026, 1, day, tzinfo=dt.UTC) if day else None
    report = imports.import_file(
        work.but(keep=not dry_run), path, write_profile(folder, profile), source_as_of=exported
    )
    assert report.n_rows == len(rows) == report.n_loaded + report.n_quarantined
    assert report.n_loaded == sum(report.located.values())
    return report


def load_samples(work: Work, folder: Path, rows: Iterable[tuple[str, str, str, str]]) -> ImportReport:
    """Import inspection samples: number, time, score, community."""
    fields = ("no", "at", "score", "x", "y")
    made = [dict(zip(fields, (no, at, score, *map(repr, middle(place))), strict=True)) for no, at, score, place in rows]
    path = write_csv(folder / f"samples_{next(_counter)}.csv", made, fields)
    return imports.import_file(
        work, path, write_profile(folder, SAMPLES), source_as_of=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    )


Rows = list[tuple[Any, ...]]


def select_all(work: Work, *columns: ColumnElement[Any], where: ColumnElement[bool] | None = None) -> Rows:
    """Rows of a query, sorted by their text."""
    statement = select(*columns) if where is None else select(*columns).where(where)
    with work.snapshot() as connection:
        return sorted((tuple(r) for r in connection.execute(statement)), key=repr)


FACT_TABLES = (t.cases, t.case_version, t.samples, t.sample_version, t.assignment, t.reporter)


def contents(work: Work) -> dict[str, Rows]:
    """Every row of the fact tables, to be compared before and after."""
    return {table.name: select_all(work, *(c for c in table.c if c.name != "geom")) for table in FACT_TABLES}


def current(work: Work) -> dict[str, tuple[str | None, str]]:
    """Case number → description and version day (city time) of the current row."""
    c = t.cases.c
    return {
        r[0]: (r[1], f"{r[2].astimezone(CITY.zone):%Y-%m-%d}")
        for r in select_all(work, c.case_no, c.description, c.version_at)
    }


def places(work: Work) -> dict[str, tuple[str, str | None, str | None]]:
    """Case number → how it was located, its leaf grid, its district."""
    leaf, district = t.grid.alias(), t.grid.alias()
    c = t.cases.c
    statement = (
        select(c.case_no, c.located, leaf.c.code, district.c.code)
        .select_from(t.cases)
        .outerjoin(leaf, c.grid_l3 == leaf.c.id)
        .outerjoin(district, c.grid_l2 == district.c.id)
    )
    with work.snapshot() as connection:
        return {r[0]: (r[1], r[2], r[3]) for r in connection.execute(statement)}
