"""Coordinate systems (坐标系): a layer or point of any declared system → stored CGCS2000 degrees, lon before lat.

Two routes lead to storage. Layers and points with a CRS go through PROJ,
always in x, y order. Points of web maps and phones (GCJ-02 国测局坐标, BD-09
百度坐标) go through the published shift and its exact inverse. A number that
its system cannot hold is refused by name; nothing passes through unconverted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.errors import (
    CoordinateOutOfRange,
    CrsImplausible,
    CrsLooksGeographic,
    CrsLooksProjected,
    CrsLooksSwapped,
    CrsMissing,
    CrsNotConvertible,
    CrsUnknown,
)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_STORAGE = CRS.from_epsg(STORAGE_EPSG)
WGS84 = CRS.from_epsg(4326)

_GCJ_BOUNDS = (72.004, 0.8293, 137.8347, 55.8271)
"""Where GCJ-02 and BD-09 are defined: west, south, east, north in degrees, edges included."""

_KRASOVSKY_A_M = 6378245.0
_KRASOVSKY_EE = 0.00669342162296594323
_BD_PI = np.pi * 3000 / 180
_INVERSE_EVALUATIONS = {"gcj02": 5, "bd09": 8}
"""Evaluations of the forward shift that bring its inverse below float64 noise (4 and 6 reach 1 µm)."""


# --- layers ----------------------------------------------------------------------------------------------------------


def parse_crs(text: str | int) -> CRS:
    """A named coordinate system: ``4490``, ``"epsg:3826"``, an OGC URN, WKT or a PROJ string.

    Raises
    ------
    CrsUnknown
        No such system, or one without horizontal coordinates (geocentric, heights only).
    """
    name = str(text).strip()
    try:
        crs = CRS.from_user_input(f"epsg:{name}" if name.isdecimal() else name).to_2d()
    except (CRSError, UnicodeEncodeError) as e:  # the latter: bytes of a command line that are no text
        raise CrsUnknown(value=name) from e
    if not (crs.is_geographic or crs.is_projected):
        raise CrsUnknown(value=name)
    return crs


def to_storage(frame: gpd.GeoDataFrame, crs: CRS | None = None, name: str = "") -> gpd.GeoDataFrame:
    """A layer in EPSG:4490, lon before lat, two dimensions; no layer without a CRS is guessed at.

    WGS84 and CGCS2000 degrees are relabelled and keep every bit of their
    coordinates; all else is transformed vertex by vertex. Datums other than
    CGCS2000 go over WGS84, whose numbers are taken for the same: PROJ knows
    few ways to CGCS2000 itself and falls back on an offset of nothing (250 m
    wrong for Hong Kong 1980).

    Parameters
    ----------
    crs
        Overrides the frame's own label, for a file that has none or a wrong one.
    name
        The file or layer as errors call it.

    Raises
    ------
    CrsMissing
        Neither the frame nor the caller names a CRS.
    CrsImplausible
        The numbers cannot belong to that CRS; its subclasses say what they look like.
    CrsNotConvertible
        No published transformation leads from its datum (西安80) to WGS84.
    """
    claimed = crs or frame.crs
    if claimed is None:
        raise CrsMissing(file=name)
    claimed = claimed.to_2d()
    flat = shapely.force_2d(frame.geometry.to_numpy())
    check_plausible(shapely.get_coordinates(flat), claimed, name)
    if not is_degrees_of_storage(claimed):
        flat = _transform(flat, _transformer(claimed, _hub(claimed)))
        _check_finite(shapely.get_coordinates(flat), claimed, name)
    return frame.set_geometry(gpd.GeoSeries(flat, index=frame.index, crs=_STORAGE))


def to_metric(frame: gpd.GeoDataFrame, epsg: int) -> gpd.GeoDataFrame:
    """A stored layer in the city's metric CRS (metres, x before y), by the way :func:`to_storage` came."""
    flat = _transform(to_storage(frame).geometry.to_numpy(), _to_metric(epsg))
    return frame.set_geometry(gpd.GeoSeries(flat, index=frame.index, crs=CRS.from_epsg(epsg)))


def to_metric_xy(lon: float, lat: float, epsg: int) -> tuple[float, float]:
    """A stored point in the city's metric CRS (metres), as :func:`to_metric` brings a layer there."""
    x, y = _to_metric(epsg).transform(lon, lat)
    return float(x), float(y)


@lru_cache(maxsize=8)
def _to_metric(epsg: int) -> Transformer:
    metric = CRS.from_epsg(epsg)
    return _transformer(_hub(metric), metric)


def areas_m2(frame: gpd.GeoDataFrame, epsg: int) -> "pd.Series[float]":
    """Area of each feature in m², measured in the city's metric CRS."""
    areas: pd.Series[float] = to_metric(frame, epsg).area.rename("area_m2")
    return areas


def is_degrees_of_storage(crs: CRS) -> bool:
    """Whether a CRS holds the same numbers as storage: CGCS2000 or WGS84 degrees, in either axis order."""
    return any(crs.equals(same, ignore_axis_order=True) for same in (_STORAGE, WGS84))


@lru_cache(maxsize=64)
def is_north_first(epsg: int) -> bool:
    """Whether the authority of a system names its northern axis before the eastern one, as of EPSG:4490."""
    return bool(CRS.from_epsg(epsg).axis_info[0].direction == "north")


@lru_cache(maxsize=64)
def hub_epsg(epsg: int) -> int:
    """The degrees whose stored numbers lead to a system: 4490 if CGCS2000 is its datum, else 4326 (same numbers)."""
    return STORAGE_EPSG if _hub(CRS.from_epsg(epsg)) == _STORAGE else 4326


_BEYOND = 10.0
"""Degrees around the area that a projected system is made for, in which its numbers are still good."""


@lru_cache(maxsize=64)
def usable_area(epsg: int) -> tuple[float, float, float, float]:
    """West, south, east, north of the degrees that a projected system can be asked for; beyond them PROJ may fail."""
    area = CRS.from_epsg(epsg).area_of_use
    if area is None or area.west > area.east:
        return -180.0, -85.0, 180.0, 85.0
    west, east = max(area.west - _BEYOND, -180.0), min(area.east + _BEYOND, 180.0)
    return west, max(area.south - _BEYOND, -85.0), east, min(area.north + _BEYOND, 85.0)


def check_plausible(xy: Floats, crs: CRS, name: str = "") -> None:
    """Refuse coordinates, shape (n, 2) in x, y order, that cannot belong to their CRS.

    Degrees lie within ±180 and ±90. A projected layer whose every number would
    pass for degrees is taken for degrees: no city lies within 180 m of a false origin.

    Raises
    ------
    CrsLooksProjected, CrsLooksSwapped, CrsLooksGeographic
        With what the numbers look like.
    CrsImplausible
        Not finite, or none of these.
    """
    if not len(xy):
        return
    _check_finite(xy, crs, name)
    x, y = np.abs(xy[:, 0]), np.abs(xy[:, 1])
    degrees: Bools = (x <= 180) & (y <= 90)
    if crs.is_projected:
        if degrees.all():
            raise _implausible(CrsLooksGeographic, xy, degrees, crs, name)
    elif not degrees.all():
        raise _implausible(_not_degrees(x, y), xy, ~degrees, crs, name)


def _check_finite(xy: Floats, crs: CRS, name: str) -> None:
    """Refuse NaN and infinite coordinates: PROJ's answer where a projection is not defined."""
    wrong: Bools = np.logical_not(np.isfinite(xy).all(axis=1))
    if wrong.any():
        raise _implausible(CrsImplausible, xy, wrong, crs, name)


def _not_degrees(x: Floats, y: Floats) -> type[CrsImplausible]:
    """What absolute values look like that are not all lon, lat."""
    if ((x <= 90) & (y <= 180)).all():
        return CrsLooksSwapped
    return CrsLooksProjected if np.median(np.maximum(x, y)) > 360 else CrsImplausible


def _implausible(kind: type[CrsImplausible], xy: Floats, wrong: Bools, crs: CRS, name: str) -> CrsImplausible:
    """An implausible layer's error: its label, the first wrong coordinate, how many there are."""
    x, y = (str(float(v)) for v in xy[wrong][0])
    return kind(file=name, crs=":".join(crs.to_authority() or [crs.name]), x=x, y=y, n=int(wrong.sum()))


# --- transformations -------------------------------------------------------------------------------------------------


def _hub(crs: CRS) -> CRS:
    """The degrees a CRS is tied to: CGCS2000 if that is its datum, else WGS84 (same numbers)."""
    datum = crs.geodetic_crs
    return _STORAGE if datum is not None and datum.to_2d().equals(_STORAGE, ignore_axis_order=True) else WGS84


@lru_cache(maxsize=32)
def _transformer(source: CRS, target: CRS) -> Transformer:
    """PROJ's best transformation in x, y order; one of unknown accuracy ("ballpark") is not used."""
    try:
        return Transformer.from_crs(source, target, always_xy=True, allow_ballpark=False)
    except ProjError as e:
        raise CrsNotConvertible(crs=source.name, target=target.name) from e


def _transform(geometries: NDArray[np.object_], transformer: Transformer) -> NDArray[np.object_]:
    """Geometries with every vertex transformed."""
    moved: NDArray[np.object_] = shapely.transform(geometries, transformer.transform, interleaved=False)
    return moved


# --- points ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Points:
    """Points in storage coordinates.

    Attributes
    ----------
    lon, lat
        float64 degrees of EPSG:4490; NaN where the point was missing or refused.
    refused
        True where a coordinate was given but its system is not defined there.
    """

    lon: Floats
    lat: Floats
    refused: Bools


def points_to_storage(x: ArrayLike, y: ArrayLike, system: str) -> Points:
    """Points of one system as stored lon, lat: x is east or longitude, y north or latitude.

    Parameters
    ----------
    system
        ``gcj02``, ``bd09`` or anything :func:`parse_crs` reads.

    Raises
    ------
    CrsUnknown, CrsNotConvertible
        The system as a whole cannot be used; single points are refused in the mask.
    """
    x, y = (np.asarray(v, dtype=np.float64) for v in (x, y))
    named = system.strip().lower()
    lon, lat = WEB_SYSTEMS[named](x, y) if named in WEB_SYSTEMS else _crs_points(x, y, *_named(system))
    outside = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
    missing = np.isnan(x) | np.isnan(y)
    return Points(np.where(outside, np.nan, lon), np.where(outside, np.nan, lat), outside & ~missing)


def point_to_storage(x: float, y: float, system: str) -> tuple[float, float]:
    """One point as stored lon, lat.

    Raises
    ------
    CoordinateOutOfRange
        The system is not defined there, or a number is missing.
    CrsUnknown, CrsNotConvertible
        See :func:`points_to_storage`.
    """
    if system.strip().lower() not in WEB_SYSTEMS and _named(system)[1] is None and abs(x) <= 180 and abs(y) <= 90:
        return float(x), float(y)  # nothing to convert, and a server is asked for many such places
    points = points_to_storage([x], [y], system)
    if np.isnan(points.lon[0]):
        raise CoordinateOutOfRange(x=str(x), y=str(y), system=system)
    return float(points.lon[0]), float(points.lat[0])


@lru_cache(maxsize=64)
def _named(system: str) -> tuple[CRS, Transformer | None]:
    """A system by name, with the way to its degrees; None: they are those of storage."""
    crs = parse_crs(system)
    return crs, None if is_degrees_of_storage(crs) else _transformer(crs, _hub(crs))


def _crs_points(x: Floats, y: Floats, crs: CRS, to_degrees: Transformer | None) -> tuple[Floats, Floats]:
    """Points of a CRS as degrees; what is no longitude or latitude before or after is left to the caller."""
    if to_degrees is None:
        return x, y
    if crs.is_geographic:
        defined = (np.abs(x) <= 180) & (np.abs(y) <= 90)
        x, y = np.where(defined, x, np.nan), np.where(defined, y, np.nan)
    lon, lat = to_degrees.transform(x, y)
    return np.asarray(lon), np.asarray(lat)


# --- GCJ-02 and BD-09 ------------------------------------------------------------------------------------------------


def to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Stored degrees → GCJ-02 (火星坐标); NaN outside :data:`_GCJ_BOUNDS`, where the shift jumps to nothing.

    This and the two below keep one rule: a point counts only if it lies in
    the bounds both as given and as found, so each undoes the other exactly.
    Source: the shift as published in many open implementations, with the
    Krasovsky radius; one that uses 6378137 m is up to 1.2 cm off.
    """
    return _defined(lon, lat, _gcj02_shifted)


def from_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """GCJ-02 → stored degrees, exact to float64 by fixed-point iteration; NaN outside :data:`_GCJ_BOUNDS`.

    One subtraction of the shift, as often seen, is up to 4.6 m wrong.
    """
    return _defined(lon, lat, lambda x, y: _solve(_gcj02_shifted, x, y, _INVERSE_EVALUATIONS["gcj02"]))


def from_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """BD-09 → stored degrees, iterated like :func:`from_gcj02`; NaN outside :data:`_GCJ_BOUNDS`."""
    return from_gcj02(*_defined(lon, lat, lambda x, y: _solve(_bd09_shifted, x, y, _INVERSE_EVALUATIONS["bd09"])))


WEB_SYSTEMS = {"gcj02": from_gcj02, "bd09": from_bd09}

Shift = Callable[[Floats, Floats], tuple[Floats, Floats]]


def _defined(lon: ArrayLike, lat: ArrayLike, convert: Shift) -> tuple[Floats, Floats]:
    """Convert; a point that is outside the bounds before or after becomes NaN."""
    x, y = (np.asarray(v, dtype=np.float64) for v in (lon, lat))
    inside = _in_bounds(x, y)
    x, y = convert(np.where(inside, x, np.nan), np.where(inside, y, np.nan))
    inside = _in_bounds(x, y)
    return np.where(inside, x, np.nan), np.where(inside, y, np.nan)


def _in_bounds(lon: Floats, lat: Floats) -> Bools:
    west, south, east, north = _GCJ_BOUNDS
    inside: Bools = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return inside


def _solve(shift: Shift, x: Floats, y: Floats, n: int) -> tuple[Floats, Floats]:
    """The point whose shifted image is x, y: n fixed-point steps p ← p + (target − shift(p))."""
    lon, lat = x, y
    for _ in range(n):
        shifted_x, shifted_y = shift(lon, lat)
        lon, lat = lon + (x - shifted_x), lat + (y - shifted_y)
    return lon, lat


def _gcj02_shifted(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = lon - 105.0, lat - 35.0
    waves = 20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)
    root = np.sqrt(np.abs(x))
    north_m = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north_m += (waves + 20 * np.sin(np.pi * y) + 40 * np.sin(np.pi * y / 3)) * 2 / 3
    north_m += (160 * np.sin(np.pi * y / 12) + 320 * np.sin(np.pi * y / 30)) * 2 / 3
    east_m = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east_m += (waves + 20 * np.sin(np.pi * x) + 40 * np.sin(np.pi * x / 3)) * 2 / 3
    east_m += (150 * np.sin(np.pi * x / 12) + 300 * np.sin(np.pi * x / 30)) * 2 / 3
    phi = np.radians(lat)
    w2 = 1 - _KRASOVSKY_EE * np.sin(phi) ** 2
    meridian_m = _KRASOVSKY_A_M * (1 - _KRASOVSKY_EE) / (w2 * np.sqrt(w2))
    parallel_m = _KRASOVSKY_A_M / np.sqrt(w2) * np.cos(phi)
    return lon + np.degrees(east_m / parallel_m), lat + np.degrees(north_m / meridian_m)


def _bd09_shifted(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_PI)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_PI)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006
