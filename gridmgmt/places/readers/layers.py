"""Files of reference layers (参考图层) → features with texts in EPSG:4490; the kinds of layers as data.

Any format that GDAL reads and GeoParquet; points also from CSV and Excel with
two columns of coordinates. A place that its system cannot hold is told feature
by feature; where most are so, the system is wrong and the file is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmgmt import geo
from gridmgmt.city import STORAGE_EPSG
from gridmgmt.errors import CrsMissing, LayerKindMissing, OptionInvalid
from gridmgmt.faults import Fault
from gridmgmt.files import checking, data_files, geofiles, tabular
from gridmgmt.files.cells import as_code, trimmed
from gridmgmt.files.rows import as_text
from gridmgmt.places.layers import Kind, Kinds
from gridmgmt.places.readers import boundaries
from gridmgmt.places.readers.boundaries import Source
from gridmgmt.places.whereabouts import placed
from gridmgmt.settings import data_path

ENCODINGS = ("utf-8", "gb18030")
TABLES = frozenset({".csv", ".txt", ".xlsx", ".xlsm"})
"""Formats without geometry: their points stand in two columns."""

PLACE = {"lon": "lon", "lat": "lat"}
"""The two columns, unless a mapping names others: longitude or easting, latitude or northing."""


def kinds() -> Kinds:
    """The kinds of layers of ``data/layers/kinds.yaml``.

    Raises
    ------
    DataFileInvalid
    """
    return data_files.read(data_path("layers", "kinds.yaml"), Kinds)


def kind(name: str) -> Kind:
    """One kind of layer.

    Raises
    ------
    LayerKindMissing
    """
    known = kinds().kinds
    if name not in known:
        raise LayerKindMissing(name=name, known=list(known))
    return known[name]


@dataclass(frozen=True)
class Features:
    """The features of one file, the faults of those without a usable place, how many there are in all.

    Attributes
    ----------
    frame
        Columns of trimmed text (None where empty) and geometry in EPSG:4490; index: number in the file,
        of a layer counted from 1, of a table as the spreadsheet shows it.
    """

    frame: gpd.GeoDataFrame
    faults: tuple[Fault, ...]
    n: int
    sha256: str


def read(
    path: Path, layer: str | None, crs: str | None, place: Mapping[str, str], encoding: str | None = None
) -> Features:
    """Read one file, or one layer or worksheet of it.

    Parameters
    ----------
    crs
        ``epsg:NNNN``, ``gcj02``, ``bd09``, for a file that names none or a wrong one.
    encoding
        Of its texts, where it is not found out or its .cpg is wrong.
    place
        Columns of a table's coordinates, by ``lon`` and ``lat``.

    Raises
    ------
    FileUnreadable, ColumnMissing, CrsMissing, CrsUnknown, CrsImplausible, CrsNotConvertible
    OptionInvalid
        A file of several layers, and none is named.
    """
    if path.suffix.lower() in TABLES or path.name.lower().endswith(".csv.gz"):
        return _table(path, layer, crs, {**PLACE, **place}, (encoding,) if encoding else ENCODINGS)
    source = _one_layer(path, layer)
    raw = boundaries.read_as_is(source, encoding)
    raw.index = pd.RangeIndex(1, len(raw) + 1)
    located, faults = _placed(raw, crs, source.label)
    frame = _texts(located)
    unstorable = checking.unstorable(frame)
    kept = frame[~frame.index.isin([f.row for f in unstorable])]
    return Features(kept, (*faults, *unstorable), len(raw), tabular.sha256_of(path))


def _one_layer(path: Path, layer: str | None) -> Source:
    source = Source(path, layer)
    if layer is not None or source.is_parquet or not path.exists():
        return boundaries.layers_of(source)[0]
    names = [name for name, _ in geofiles.layers(path)]
    if len(names) != 1:
        raise OptionInvalid(name="--layer", value="", expected=" | ".join(names))
    return source


def _placed(raw: gpd.GeoDataFrame, crs: str | None, label: str) -> tuple[gpd.GeoDataFrame, tuple[Fault, ...]]:
    """Features in EPSG:4490, without those that lie where their system is not defined."""
    shift = geo.WEB_SYSTEMS.get(crs.strip().lower()) if crs else None
    claimed = None if shift else geo.parse_crs(crs) if crs else raw.crs
    if shift is None and claimed is None:
        raise CrsMissing(file=label)
    shapes = shapely.force_2d(raw.geometry.to_numpy())
    bounds = shapely.bounds(shapes)
    if shift is not None:
        shapes = shapely.transform(shapes, shift, interleaved=False)
        wrong = ~np.isnan(bounds).any(axis=1) & np.array([_has_nan(s) for s in shapes], dtype=bool)
    else:
        degrees = bool(claimed is not None and claimed.is_geographic)
        wrong = _outside(shapes, bounds, degrees)
    if shift is None and 2 * wrong.sum() > len(raw):  # not these features are wrong, but the system
        wrong[:] = False
    system = str(crs) if shift is not None or claimed is None else ":".join(claimed.to_authority() or [claimed.name])
    rows = np.flatnonzero(wrong).tolist()
    faults = tuple(_out_of_range(int(raw.index[i]), bounds[i, 0], bounds[i, 1], system) for i in rows)
    kept = raw.set_geometry(gpd.GeoSeries(shapes, index=raw.index, crs=STORAGE_EPSG if shift else claimed))[~wrong]
    return placed(kept, name=label), faults


def _outside(shapes: np.ndarray, bounds: np.ndarray, degrees: bool) -> np.ndarray:
    """Features with a coordinate that is no number, or no degree of a system in degrees."""
    present = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    sound = np.isfinite(bounds).all(axis=1)
    if degrees:
        sound &= (np.abs(bounds[:, [0, 2]]) <= 180).all(axis=1) & (np.abs(bounds[:, [1, 3]]) <= 90).all(axis=1)
    return np.asarray(present & ~sound)


def _has_nan(shape: shapely.Geometry | None) -> bool:
    return shape is not None and bool(np.isnan(shapely.get_coordinates(shape)).any())


def _out_of_range(number: int, x: object, y: object, system: str) -> Fault:
    return Fault(number, "geometry", f"{x}, {y}", "feature_out_of_range", {"system": system})


def _texts(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Attributes as trimmed text, codes in half-width forms; None where there is nothing."""
    columns = {
        checking.shown(str(c)): pd.Series(
            [_cell(str(c), as_text(v)) for v in frame[c].astype(object)], frame.index, dtype=object
        )
        for c in frame.columns
        if c != "geometry"
    }
    return gpd.GeoDataFrame(columns, geometry=frame.geometry, index=frame.index, crs=STORAGE_EPSG)


def _cell(column: str, value: str | None) -> str | None:
    if value is None:
        return None
    text = trimmed(value)
    return (text if "name" in column.lower() else as_code(text)) or None


# --- tables with coordinates -----------------------------------------------------------------------------------------


def _table(
    path: Path, sheet: str | None, crs: str | None, place: Mapping[str, str], encodings: Sequence[str]
) -> Features:
    """Points of a table; its coordinates are no attributes."""
    rows = tabular.open_rows(path, encodings, list(place.values()), sheet)
    if crs is None:
        raise CrsMissing(file=path.name)
    chunks = list(rows.chunks)
    raw = pd.concat(chunks) if chunks else pd.DataFrame(columns=list(place.values()), dtype="str")
    text = {axis: raw[column].map(_number_text, na_action="ignore") for axis, column in place.items()}
    x, y = (pd.to_numeric(text[axis], errors="coerce").to_numpy(dtype=float) for axis in ("lon", "lat"))
    points = geo.points_to_storage(x, y, crs)
    faults = [Fault(n, "", line[:80], "feature_line_broken") for n, line in rows.broken]
    faults += rows.faults
    unread = raw.index.isin([f.row for f in rows.faults])
    for i in np.flatnonzero(np.isnan(points.lon) & ~unread).tolist():
        number, shown = int(raw.index[i]), [str(text[a].iloc[i]) if pd.notna(text[a].iloc[i]) else "" for a in PLACE]
        faults.append(
            _out_of_range(number, shown[0], shown[1], crs)
            if points.refused[i]
            else Fault(number, f"{place['lon']}, {place['lat']}", ", ".join(shown), "feature_coordinates_unreadable")
        )
    shapes = gpd.GeoSeries(gpd.points_from_xy(points.lon, points.lat), index=raw.index, crs=STORAGE_EPSG)
    placed = ~np.isnan(points.lon) & ~unread
    attributes = raw.drop(columns=list(place.values()))
    frame = gpd.GeoDataFrame(attributes, geometry=shapes, crs=STORAGE_EPSG)[placed]
    return Features(_texts(frame), tuple(faults), len(raw) + len(rows.broken), rows.sha256)


def _number_text(value: str) -> str:
    return as_code(value)
