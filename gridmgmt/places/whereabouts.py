"""Where a layer lies on the earth (图层所在): held against the area of use of its own system and of the city's.

Numbers that a system can hold may still lie in another ocean: northing written
before easting, feet read as metres, the zone beside. A layer is refused, with
what it looks like, where it lies further than a margin from the area
that its system was made for, and where the city's metric CRS would measure an
area or a distance more than :data:`_MOST_DISTORTED` wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Proj

from gridmgmt import geo
from gridmgmt.city import City, bad
from gridmgmt.errors import CrsAxesSwapped, CrsElsewhere, CrsImplausible, CrsUnitMistaken, MetricCrsElsewhere

Floats = NDArray[np.float64]

_MARGIN = (1.0, 3.0)
"""Degrees by which a layer may leave an area of use, at least and at most: a city over the border of a zone keeps one
zone, but a system made for one city is left sooner."""

_MOST_DISTORTED = 0.01
"""By so much may the city's metric CRS be wrong where its grids lie (project convention); a zone three degrees
beside is wrong by a tenth of it."""

_MOST_HOURS = 4.0
"""A city's clock may be so far from the sun: in the west of China it is three hours (project convention)."""

_FOOT = 0.3048
_STEPS = 5

_VARIANTS: Mapping[type[CrsImplausible], tuple[Callable[[Floats], Floats], ...]] = {
    CrsAxesSwapped: (lambda xy: xy[:, ::-1],),
    CrsUnitMistaken: (lambda xy: xy / _FOOT, lambda xy: xy * _FOOT),
}
"""What may have happened to a layer's numbers, and how to undo it to see."""


class _Area(NamedTuple):
    """An area of use: its name, and its bounds in degrees; one over 180° has its east before its west."""

    name: str
    west: float
    south: float
    east: float
    north: float

    @property
    def width(self) -> float:
        return (self.east - self.west) % 360 or 360.0

    @property
    def margin(self) -> float:
        """How far a layer may leave it, in degrees: its own smaller side within :data:`_MARGIN`."""
        least, most = _MARGIN
        return min(most, max(least, min(self.width, self.north - self.south)))


@dataclass(frozen=True)
class _Home:
    """Where the numbers of a layer may lie: near the area of its system, and where the city's metric CRS is true."""

    area: _Area | None
    metric: CRS | None

    def holds(self, lonlat: Floats) -> bool:
        return bool(np.isfinite(lonlat).all()) and bool(self.in_area(lonlat).all()) and self.distortion(lonlat) <= 0

    def in_area(self, lonlat: Floats) -> NDArray[np.bool_]:
        if self.area is None:
            return np.ones(len(lonlat), dtype=np.bool_)
        (lon, lat), margin = lonlat.T, self.area.margin
        inside = (lon - self.area.west + margin) % 360 <= self.area.width + 2 * margin
        return np.asarray(inside & (lat >= self.area.south - margin) & (lat <= self.area.north + margin))

    def distortion(self, lonlat: Floats) -> float:
        """By how much the metric CRS is more wrong than allowed, at worst; 0 and below: it is not."""
        return -1.0 if self.metric is None else _distortion(self.metric, lonlat) - _MOST_DISTORTED


def placed(
    frame: gpd.GeoDataFrame, crs: CRS | None = None, name: str = "", city: City | None = None, *, swap: bool = False
) -> gpd.GeoDataFrame:
    """A layer in EPSG:4490 that lies where its system, and the city, can be (see :func:`gridmgmt.geo.to_storage`).

    Parameters
    ----------
    crs
        Overrides the frame's own label.
    swap
        The file has northing or latitude first: its coordinates are exchanged.

    Raises
    ------
    CrsAxesSwapped, CrsUnitMistaken
        It would lie right with its axes exchanged, or in the other unit.
    CrsElsewhere
        It lies outside the area of use of its system.
    MetricCrsElsewhere
        It lies where the city's metric CRS measures wrongly.
    CrsMissing, CrsImplausible, CrsNotConvertible
    """
    if swap:
        turned = shapely.transform(shapely.force_2d(frame.geometry.to_numpy()), lambda xy: xy[:, ::-1])
        frame = frame.set_geometry(gpd.GeoSeries(turned, index=frame.index, crs=frame.crs))
    claimed = crs or frame.crs
    home = _Home(_area(claimed), CRS.from_epsg(city.metric_epsg) if city else None)
    try:
        stored = geo.to_storage(frame, crs, name)
    except CrsImplausible as e:
        if type(e) is CrsImplausible and claimed is not None:
            _suspect(frame, claimed, home, e)
        raise
    _hold(frame, claimed, stored, home, name, city)
    return stored


def _hold(
    frame: gpd.GeoDataFrame, claimed: CRS, stored: gpd.GeoDataFrame, home: _Home, name: str, city: City | None
) -> None:
    lonlat = shapely.get_coordinates(stored.geometry.to_numpy())
    if not len(lonlat):
        return
    outside = ~home.in_area(lonlat)
    wrong = home.distortion(_corners(lonlat))
    if not outside.any() and wrong <= 0:
        return
    first = int(np.argmax(outside))  # the first of all where none is outside
    x, y = (str(float(v)) for v in shapely.get_coordinates(frame.geometry.to_numpy())[first])
    lon, lat = (round(float(v), 5) for v in lonlat[first])
    n, area = int(outside.sum()) or len(lonlat), home.area.name if home.area else ""
    elsewhere = CrsElsewhere(file=name, crs=_called(claimed), x=x, y=y, n=n, lon=lon, lat=lat, area=area)
    _suspect(frame, claimed, home, elsewhere)
    if outside.any() or city is None:
        raise elsewhere
    metric, made_for = f"EPSG:{city.metric_epsg}", _area(home.metric)
    raise MetricCrsElsewhere(
        file=name, lon=lon, lat=lat, metric_crs=metric, area=made_for.name if made_for else "",
        wrong=f"{wrong + _MOST_DISTORTED:.1%}" if np.isfinite(wrong) else "∞",
    )  # fmt: skip


def _suspect(frame: gpd.GeoDataFrame, claimed: CRS, home: _Home, found: CrsImplausible) -> None:
    """Raise what a misplaced layer looks like, if with its numbers mended it would lie right."""
    corners = _corners(shapely.get_coordinates(frame.geometry.to_numpy()))
    if not np.isfinite(corners).all():
        return
    for kind, undone in _VARIANTS.items():
        if kind is CrsUnitMistaken and claimed.is_geographic:
            continue
        for undo in undone:
            if home.area is None and home.metric is None:
                return
            if home.holds(_lonlat(undo(corners), claimed)):
                facts = {k: v for k, v in found.facts.items() if k in kind.declared}
                raise kind(**facts) from found


def _lonlat(xy: Floats, crs: CRS) -> Floats:
    points = geo.points_to_storage(xy[:, 0], xy[:, 1], crs.to_wkt())
    return np.column_stack([points.lon, points.lat])


def _corners(xy: Floats) -> Floats:
    """Points spread over the box of coordinates, its corners included."""
    (west, south), (east, north) = xy.min(axis=0), xy.max(axis=0)
    lon, lat = np.meshgrid(np.linspace(west, east, _STEPS), np.linspace(south, north, _STEPS))
    return np.column_stack([lon.ravel(), lat.ravel()])


def _distortion(metric: CRS, lonlat: Floats) -> float:
    """By what share a projected CRS measures areas or lengths wrongly, at the worst of some points; inf: not at all."""
    scales = Proj(metric).get_factors(lonlat[:, 0], lonlat[:, 1])
    found = np.abs(np.array([scales.areal_scale, scales.meridional_scale, scales.parallel_scale]) - 1)
    return float(found.max()) if np.isfinite(found).all() else float("inf")


def _area(crs: CRS | None) -> _Area | None:
    """Where a CRS is meant for; None where nobody says, and for the degrees that all cities are stored in."""
    if crs is None or geo.is_degrees_of_storage(crs):
        return None
    named = None if crs.area_of_use else crs.to_authority(min_confidence=70)
    if named:  # a .prj names no area; the system that it describes has one
        crs = CRS.from_authority(*named)
    use = crs.area_of_use
    return _Area(use.name or "", use.west, use.south, use.east, use.north) if use else None


def _called(crs: CRS) -> str:
    return ":".join(crs.to_authority() or [crs.name])


def check_metric(city: City) -> None:
    """Refuse a city's metric CRS that is made for another part of the earth than its time zone, or that is never true.

    Where the city lies exactly is known with its first grids, which are held against it again.

    Raises
    ------
    CityInvalid
    """
    crs = CRS.from_epsg(city.metric_epsg)
    area = _area(crs)
    if area is None:
        return
    seen = f"EPSG:{city.metric_epsg} ({area.name})"
    if _distortion(crs, _within(area)) > 5 * _MOST_DISTORTED:
        raise bad("metric_crs", seen, "true_metres")
    hours = city.standard_hours
    if hours is None:
        return
    off = min(abs((15 * hours - lon + 180) % 360 - 180) for lon in _longitudes(area))
    if off > 15 * _MOST_HOURS:
        raise bad("metric_crs", seen, "own_region", zone=city.time_zone)


def _within(area: _Area) -> Floats:
    lon, lat = np.meshgrid(_longitudes(area), np.linspace(area.south, area.north, _STEPS))
    return np.column_stack([lon.ravel(), lat.ravel()])


def _longitudes(area: _Area) -> Floats:
    return np.linspace(area.west, area.west + area.width, max(_STEPS, int(area.width)))
