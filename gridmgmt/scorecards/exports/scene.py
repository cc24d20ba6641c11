"""What the small map of one grid shows (示意图), in drawing units: its outline, children, neighbours and hot spots.

North is up. The projection is a local equirectangular one (degrees scaled by
the cosine of the middle latitude), true to shape at the size of a city. It is
a picture for paper: nothing is measured or decided on it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

Points = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]

WIDTH, HEIGHT, STRIP, MARGIN = 4800, 3400, 300, 240
"""Drawing units, a tenth of a pixel each: the map, and below it the strip for scale and legend."""

_CELL = 110
"""Side of the square cells in which cases are binned, in drawing units."""

CLASSES = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000)
"""Lower limits (included) of the dots' sizes, half a power of ten apart."""

DOTS = ("#fdae61", "#f46d43", "#d73027", "#b81426", "#7f0523")
"""Colours of the dots, from few cases to many (after ColorBrewer RdYlBu's warm half)."""

_EARTH_M = 6_371_008.8


@dataclass(frozen=True)
class View:
    """Degrees → drawing units: the grid's bounds, fitted into the map with a margin."""

    lon: float
    lat: float
    per_degree: float
    shrink: float

    def __call__(self, points: Points) -> Points:
        """Lon, lat → x to the right, y downwards."""
        x = WIDTH / 2 + (points[:, 0] - self.lon) * self.per_degree * self.shrink
        y = HEIGHT / 2 - (points[:, 1] - self.lat) * self.per_degree
        return np.column_stack([x, y])

    @property
    def units_per_m(self) -> float:
        """Drawing units to the metre."""
        return self.per_degree / (math.radians(1) * _EARTH_M)


def view_of(outline: BaseGeometry) -> View:
    """The view that shows an outline whole."""
    west, south, east, north = outline.bounds
    shrink = math.cos(math.radians((south + north) / 2))
    wide, high = (east - west) * shrink, north - south
    fits = [(size - 2 * MARGIN) / span for size, span in ((WIDTH, wide), (HEIGHT, high)) if span > 0]
    return View((west + east) / 2, (south + north) / 2, min(fits), shrink)


@dataclass(frozen=True)
class Scene:
    """One grid with what lies in and around it: areas clipped to the map, cases as dots of a few sizes."""

    view: View
    outline: Shapes
    children: Shapes
    neighbours: Shapes
    dots: Points
    """Rows of x, y and how many; the fewest first."""
    sizes: Sequence[int]
    """Diameters of the classes of dots."""
    limits: Sequence[int]
    """Their lower limits."""

    @property
    def classes(self) -> npt.NDArray[np.intp]:
        """The class of each dot."""
        return np.searchsorted(self.limits, self.dots[:, 2], side="right") - 1


def scene_of(
    outline: BaseGeometry,
    children: Sequence[BaseGeometry] = (),
    neighbours: Sequence[BaseGeometry] = (),
    spots: Iterable[tuple[float, float]] = (),
) -> Scene:
    """Lay out one grid with what lies in and around it.

    Parameters
    ----------
    outline, children, neighbours
        Polygons in lon, lat degrees (EPSG:4490 or 4326); neighbours are the
        grids of its level around it, drawn pale.
    spots
        Lon, lat of its cases; those of one cell become one dot at their middle.
    """
    view = view_of(outline)
    dots = bin_spots(view, np.array(list(spots), dtype=float).reshape(-1, 2))
    limits = _dot_classes(dots)
    own, below, beside = (_clipped(view, shapes) for shapes in ([outline], children, neighbours))
    return Scene(view, own, below, beside, dots, _dot_sizes(len(limits)), limits)


def bin_spots(view: View, spots: Points) -> Points:
    """Cases by cell: rows of x, y (their middle, drawing units) and how many; the fewest first."""
    if not len(spots):
        return np.empty((0, 3))
    xy = view(spots)
    inside = (xy >= 0).all(axis=1) & (xy[:, 0] <= WIDTH) & (xy[:, 1] <= HEIGHT)
    cells, of, n = np.unique(xy[inside] // _CELL, axis=0, return_inverse=True, return_counts=True)
    middle = [np.bincount(of.ravel(), weights=xy[inside, i], minlength=len(cells)) / n for i in (0, 1)]
    rows = np.column_stack([*middle, n])
    return rows[np.lexsort((rows[:, 0], rows[:, 1], rows[:, 2]))]


def _clipped(view: View, shapes: Sequence[BaseGeometry]) -> Shapes:
    """Shapes in drawing units, clipped to the map with their edges out of sight."""
    drawn = [shapely.transform(s, view) for s in shapes if not s.is_empty]
    seen = [shapely.clip_by_rect(s, -50, -50, WIDTH + 50, HEIGHT + 50) for s in drawn]
    return np.array(seen, dtype=object)


def polygons(shapes: Shapes, tolerance: float) -> Shapes:
    """The polygons among shapes, simplified."""
    parts = shapely.get_parts(shapely.simplify(shapes, tolerance))
    found: Shapes = parts[shapely.get_type_id(parts) == 3]
    return found


def _dot_classes(dots: Points) -> list[int]:
    """Lower limits of the sizes in use: 1 and the largest ones that the map reaches."""
    reached = [c for c in CLASSES if len(dots) and c <= dots[-1, 2]]
    return reached if len(reached) <= len(DOTS) else [1, *reached[1 - len(DOTS) :]]


def _dot_sizes(n: int) -> list[int]:
    """Diameters of n classes of dots: the largest just fills its cell."""
    return [round(48 + (_CELL - 48) * i / max(n - 1, 2)) for i in range(n)]


def scale_bar(view: View) -> tuple[float, str]:
    """A round length in metres, about a fifth of the map wide, and how it is written."""
    length_m = _round_down(WIDTH * 0.2 / view.units_per_m)
    return length_m, f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"


def _round_down(value: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not above a value."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(n * power for n in (5, 2, 1) if n * power <= value or n == 1)
