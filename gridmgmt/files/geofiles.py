"""Files of maps (地图文件): formats by an allow-list, compressed ones too, within stated limits.

GDAL reads what a file says inside, whatever its name: a VRT or WFS description
named ``.gpkg`` would make it fetch from the network and read other files. So a
format is told by its name and by how its content begins, and nothing that
points elsewhere is handed to GDAL.
"""

import errno
import gzip
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PositiveInt

from gridmgmt import bounds, texts
from gridmgmt.errors import FileUnreadable, FormatForeign, GeometryTooLarge, GridmgmtError, OptionInvalid, by_parser
from gridmgmt.files import attributes, data_files
from gridmgmt.files.writing import whole
from gridmgmt.settings import data_path

Geometries = NDArray[np.object_]

_HEAD = 4096
_CHUNK = 1 << 20
_SEGMENTS = 500


class GeometryLimits(BaseModel):
    """Up to which size files of maps are read (``data/files/geometry.yaml``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_bytes: PositiveInt
    max_features: PositiveInt
    max_ring: PositiveInt
    max_feature: PositiveInt
    max_vertices: PositiveInt
    max_crossings: PositiveInt


def limits() -> GeometryLimits:
    """The limits of ``data/files/geometry.yaml``.

    Raises
    ------
    DataFileInvalid
    """
    return data_files.read(data_path("files", "geometry.yaml"), GeometryLimits)


# --- formats ---------------------------------------------------------------------------------------------------------


def _is_json(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e")
    return text.startswith(b"{") and b"gdal_streamed_alg" not in text


def _is_xml(head: bytes) -> bool:
    root = re.search(rb"<(?![?!])(?:[\w.-]+:)?([\w.-]+)", head)
    return root is not None and root[1].lower() in (b"kml", b"gpx", b"featurecollection")


def _is_table(head: bytes) -> bool:
    text = head.lower()  # linked and seamless tables name other files
    return text.lstrip().startswith(b"!table") and re.search(rb"seamless|linked|odbc", text) is None


_FORMATS: dict[str, Callable[[bytes], bool]] = {
    **dict.fromkeys((".gpkg", ".sqlite"), lambda head: head.startswith(b"SQLite format 3\0")),
    **dict.fromkeys((".geojson", ".json", ".geojsonl", ".geojsons", ".topojson"), _is_json),
    ".shp": lambda head: head.startswith(b"\x00\x00\x27\x0a"),
    ".fgb": lambda head: head.startswith(b"fgb"),
    **dict.fromkeys((".kml", ".gml", ".gpx"), _is_xml),
    ".tab": _is_table,
    ".mif": lambda head: head.lower().lstrip().startswith(b"version"),
}
"""How the content of a format begins, by the ending of its name."""

_KNOWN = [*_FORMATS, ".gdb", ".parquet", ".gz", ".zip"]
_FENCES = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "GML_DOWNLOAD_SCHEMA": "NO",
    "GML_SKIP_RESOLVE_ELEMS": "ALL",
    "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
}


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """A file or folder that GDAL may open: of a known format, unpacked where it was compressed.

    Raises
    ------
    FileUnreadable
        It is not there, or is not what its name says.
    FormatForeign
        Of no format that is read, or one that points elsewhere; a ZIP of none or of several.
    GeometryTooLarge
    """
    import pyogrio

    if not path.exists():
        raise FileUnreadable(file=str(path), reason={"code": "unreadable_absent"})
    pyogrio.set_gdal_config_options(_FENCES)
    most, suffix = limits().max_bytes, path.suffix.lower()
    if path.is_file() and path.stat().st_size > most:
        raise GeometryTooLarge(file=path.name, what="bytes", n=path.stat().st_size, most=most, row=None)
    if suffix not in (".gz", ".zip"):
        _check(path, path.name)
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            inside = (_gunzipped if suffix == ".gz" else _unzipped)(path, Path(folder), most)
        except (OSError, EOFError, zipfile.BadZipFile, RuntimeError) as e:  # RuntimeError: a ZIP with a password
            raise FileUnreadable(file=path.name, reason=by_parser(e)) from e
        _check(inside, path.name)
        yield inside


def _check(path: Path, name: str) -> None:
    suffix = path.suffix.lower()
    if suffix == ".gdb" and path.is_dir():
        return
    if suffix not in _FORMATS or not path.is_file():
        raise FormatForeign(file=name, known=_KNOWN)
    with path.open("rb") as file:
        if not _FORMATS[suffix](file.read(_HEAD)):
            raise FormatForeign(file=name, known=_KNOWN)


def _gunzipped(path: Path, folder: Path, most: int) -> Path:
    inside = folder / path.stem
    with gzip.open(path) as source:
        _copy(source, inside, most, path.name)
    return inside


def _unzipped(path: Path, folder: Path, most: int) -> Path:
    """The one map of a ZIP, with the files beside it."""
    with zipfile.ZipFile(path) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and "__MACOSX" not in m.filename]
        if (n := sum(m.file_size for m in members)) > most:
            raise GeometryTooLarge(file=path.name, what="bytes", n=n, most=most, row=None)
        for member in members:
            inside = (folder / member.filename).resolve()
            if folder.resolve() not in inside.parents:
                raise FormatForeign(file=path.name, known=_KNOWN)
            inside.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source:
                _copy(source, inside, most, path.name)
    files = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in _FORMATS and ".gdb" not in str(p.parent)]
    found = [*files, *sorted(folder.rglob("*.gdb"))]
    if len(found) != 1:
        raise FormatForeign(file=path.name, known=_KNOWN)
    return found[0]


def _copy(source: Any, inside: Path, most: int, name: str) -> None:
    """Unpack as long as it is within the limit: what an archive says of its size is not believed."""
    with inside.open("wb") as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
            if target.tell() > most:
                raise GeometryTooLarge(file=name, what="bytes", n=target.tell(), most=most, row=None)


# --- reading ---------------------------------------------------------------------------------------------------------


def layers(path: Path) -> list[tuple[str, str | None]]:
    """The layers of a file with the type of their geometry (None: without).

    Raises
    ------
    FileUnreadable, FormatForeign, GeometryTooLarge
    """
    import pyogrio  # slow, and needed by those only who read maps

    with opened(path) as file:
        try:
            return [(str(name), kind) for name, kind in pyogrio.list_layers(file)]
        except Exception as e:  # GDAL's errors have no common class
            raise FileUnreadable(file=str(path), reason=by_parser(e)) from e


def read(
    path: Path, layer: str | None = None, encodings: Sequence[str] = attributes.ENCODINGS, *, given: str | None = None
) -> pd.DataFrame:
    """One layer of a file as a frame; with geometry a GeoDataFrame in the coordinates that it has.

    Raises
    ------
    FileUnreadable, FormatForeign, GeometryTooLarge
    """
    import pyogrio

    with opened(path) as file:
        try:
            coded = "ISO-8859-1" if file.suffix.lower() == ".shp" else None  # whose .cpg may lie
            n = int(pyogrio.read_info(file, layer=layer, encoding=coded, force_feature_count=True)["features"])
        except Exception as e:  # GDAL's errors have no common class
            raise FileUnreadable(file=str(path), reason=by_parser(e)) from e
        if n > (most := limits().max_features):
            raise GeometryTooLarge(file=path.name, what="features", n=n, most=most, row=None)
        try:
            frame = attributes.read(file, layer, encodings, given=given)
        except FileUnreadable:
            raise
        except Exception as e:  # GDAL's errors have no common class
            raise FileUnreadable(file=str(path), reason=by_parser(e)) from e
    _check_size(frame, path.name)
    return frame


def read_parquet(path: Path, name: str, columns: Sequence[str] | None = None) -> gpd.GeoDataFrame:
    """A file of GeoParquet as a frame, in the coordinates that it has; what it says of its size is looked at first.

    Parameters
    ----------
    name
        What messages call it.
    columns
        Those to read, beside the geometry; None: all.

    Raises
    ------
    FileUnreadable, LimitExceeded, GeometryTooLarge
    """
    try:
        size, n = path.stat().st_size, bounds.check_parquet(path)
        for what, found, most in (("bytes", size, limits().max_bytes), ("features", n, limits().max_features)):
            if found > most:
                raise GeometryTooLarge(file=path.name, what=what, n=found, most=most, row=None)
        read = columns and [*columns, _shapes(path)]
        bounds.check_shared(path, read)
        frame = gpd.read_parquet(path, columns=read)
    except GridmgmtError:
        raise
    except Exception as e:  # Arrow's errors have no common class
        raise FileUnreadable(file=name, reason=by_parser(e)) from e
    _check_size(frame, name)
    return frame


def _shapes(path: Path) -> str:
    """The name of the column of geometry."""
    metadata = pq.read_schema(path).metadata or {}
    return str(json.loads(metadata[b"geo"])["primary_column"])


def _check_size(frame: pd.DataFrame, name: str) -> None:
    """Refuse geometry with more corners, or a ring with more crossings of itself, than the limits allow.

    Raises
    ------
    GeometryTooLarge
        Names the feature, counted from 1.
    """
    if not isinstance(frame, gpd.GeoDataFrame) or frame.empty:
        return
    allowed, shapes = limits(), frame.geometry.to_numpy()
    corners = shapely.get_num_coordinates(shapes)
    rings, owner = shapely.get_rings(shapes, return_index=True)
    for what, counts, rows, most in (
        ("ring", shapely.get_num_coordinates(rings), owner, allowed.max_ring),
        ("feature", corners, np.arange(len(shapes)), allowed.max_feature),
        ("vertices", np.array([corners.sum()]), None, allowed.max_vertices),
    ):
        if len(counts) and counts.max() > most:
            row = None if rows is None else int(rows[counts.argmax()]) + 1
            raise GeometryTooLarge(file=name, what=what, n=int(counts.max()), most=most, row=row)
    for i in np.flatnonzero((corners > _SEGMENTS) & ~shapely.is_valid(shapes)):
        n = _crossings(shapes[i], allowed.max_crossings)
        if n > allowed.max_crossings:
            raise GeometryTooLarge(file=name, what="crossings", n=n, most=allowed.max_crossings, row=int(i) + 1)


def _crossings(shape: shapely.Geometry, most: int) -> int:
    """Pairs of edges whose boxes meet and that are no neighbours; counted no further than the limit is passed."""
    n, edges = 0, _edges(shape)
    tree = shapely.STRtree(edges)
    for start in range(0, len(edges), _SEGMENTS):
        a, b = tree.query(edges[start : start + _SEGMENTS])
        n += int((a + start + 1 < b).sum())
        if n > most:
            break
    return n


def _edges(shape: shapely.Geometry) -> Geometries:
    coordinates, ring = shapely.get_coordinates(shapely.get_rings(shape), return_index=True)
    inner = np.flatnonzero(ring[1:] == ring[:-1])
    edges: Geometries = shapely.linestrings(np.stack([coordinates[inner], coordinates[inner + 1]], axis=1))
    return edges


# --- writing ---------------------------------------------------------------------------------------------------------

_WRITTEN = {
    ".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON", ".parquet": "Parquet", ".geoparquet": "Parquet",
}  # fmt: skip
"""Formats that maps are written in, by the ending of the file's name."""

_LEAST_ROOM = 1 << 16
"""With fewer bytes left a disk is full: GDAL writes by blocks."""


def write(frame: gpd.GeoDataFrame, out: Path, layer: str, formats: Sequence[str] = tuple(_WRITTEN)) -> None:
    """Write a map as a whole or not at all; the folder is made.

    Raises
    ------
    OptionInvalid
        The name ends in none of the formats, or is a device, a pipe or a folder.
    DiskFull, OSError
    """
    suffix = out.suffix.lower()
    if suffix not in formats:
        raise OptionInvalid(name="--out", value=out.name, expected=" | ".join(formats))
    if out.exists() and not out.is_file():
        raise OptionInvalid(name="--out", value=str(out), expected=texts.expected("writable"))
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole(out) as draft:
        if _WRITTEN[suffix] == "Parquet":
            frame.to_parquet(draft, index=False)
        else:
            save(frame, draft, _WRITTEN[suffix], layer)


def save(frame: gpd.GeoDataFrame, path: Path, driver: str, layer: str, description: str | None = None) -> None:
    """Write a map by GDAL and look whether all of it is there, which GDAL does not say of a disk that became full.

    ``description``: what a GeoPackage says of the layer.

    Raises
    ------
    OSError
    """
    import pyogrio

    told_inside = {"layer_options": {"DESCRIPTION": description}} if description else {}
    try:
        frame.to_file(path, driver=driver, engine="pyogrio", layer=layer, index=False, **told_inside)
        n = int(pyogrio.read_info(path, force_feature_count=True)["features"])
        told = f"{n} of {len(frame)} features were written"
    except Exception as e:  # GDAL's errors have no common class
        n, told = -1, str(e)
    if n != len(frame):
        number = errno.ENOSPC if shutil.disk_usage(path.parent).free < _LEAST_ROOM else errno.EIO
        raise OSError(number, told, str(path))
