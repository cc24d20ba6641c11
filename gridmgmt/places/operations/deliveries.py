"""Boundary files as they are delivered (边界数据): read, checked row by row, in one frame."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import pandas as pd

from gridmgmt.city import City
from gridmgmt.database.work import Progress
from gridmgmt.errors import EditionInvalid
from gridmgmt.faults import Fault
from gridmgmt.files import checking
from gridmgmt.places import grids
from gridmgmt.places.grids import GridColumns
from gridmgmt.places.readers import boundaries
from gridmgmt.texts import both


@dataclass(frozen=True)
class How:
    """How files are read."""

    crs: str | None
    encoding: str | None
    columns: GridColumns
    swap: bool
    dissolve: bool


@dataclass(frozen=True)
class Delivery:
    """The grids of all files and layers in one frame, what was mended and found, and what stands above them."""

    frame: gpd.GeoDataFrame
    mended: tuple[grids.Mended, ...]
    above: Mapping[tuple[int, str], str]
    findings: tuple[grids.Finding, ...]


def read(files: Sequence[str], name: str, city: City, how: How, progress: Progress) -> Delivery:
    """The grids of boundary files, or of layers of them (``FILE:LAYER``).

    Raises
    ------
    FileUnreadable, ColumnMissing, CrsMissing, CrsImplausible, MetricCrsElsewhere
    EditionInvalid
        Rows that cannot become grids; carries every row's fault.
    """
    parts, faults = [], []
    for text in files:
        for source in boundaries.layers_of(boundaries.Source.parse(text)):
            progress(f"read:{source.label}", 0)
            frame = boundaries.read(source, how.crs, how.encoding, city=city, swap=how.swap)
            columns = _columns(frame, how.columns, source, city)
            faults += _unstorable(frame, columns, source.label)
            parts.append(grids.prepare(frame, city, columns, source.label, dissolve=how.dissolve))
            faults += parts[-1].faults
    if faults:
        shown = [f"{f.sheet} row {f.row} {f.column}={f.value!r}: {both(f.code, f.told)}" for f in faults[:20]]
        raise EditionInvalid(name=name, n=len(faults), findings=shown)
    frame = gpd.GeoDataFrame(pd.concat([p.frame for p in parts], ignore_index=True), crs=parts[0].frame.crs)
    n = sum(p.n_dissolved for p in parts)
    findings = (grids.Finding("grid_rows_dissolved", "note", len(city.levels), (), n),) if n else ()
    above = {key: code for part in parts for key, code in part.above.items()}
    return Delivery(frame, tuple(m for part in parts for m in part.mended), above, findings)


def _unstorable(frame: gpd.GeoDataFrame, columns: GridColumns, label: str) -> list[Fault]:
    """Texts of the columns that make grids which cannot be stored or are too long."""
    codes = {columns.code, columns.parent, columns.responsible, columns.kind, *columns.above}
    used = [c for c in frame.columns if c in codes | {columns.name_zh, columns.name_en}]
    table = pd.DataFrame(frame[used]).set_axis(range(1, len(frame) + 1))
    found = checking.unstorable(table, {str(c) for c in codes})
    return [dataclasses.replace(fault, sheet=label) for fault in found]


def _columns(frame: gpd.GeoDataFrame, given: GridColumns, source: boundaries.Source, city: City) -> GridColumns:
    """The columns that were named, the others by their usual names."""

    def usual(value: str | None, *names: str) -> str | None:
        return value or next((n for n in names if n in frame.columns), None)

    name, name_en = usual(given.name_zh, "name", "name_zh"), usual(given.name_en, "name_en")
    if city.languages[0] == "en" and name_en is None:
        name, name_en = None, name
    level = given.level or ("level" if "level" in frame.columns else source.layer or source.path.stem)
    return dataclasses.replace(
        given,
        level=level,
        name_zh=name,
        name_en=name_en,
        parent=usual(given.parent, "parent_code"),
        kind=usual(given.kind, "kind"),
        responsible=usual(given.responsible, "responsible"),
    )
