"""A small plain map of one grid (示意图): its outline, children, neighbours and hot spots, as SVG under 40 kB.

North is up. The projection is a local equirectangular one (degrees scaled by
the cosine of the middle latitude), true to shape at the size of a city. It is
a picture for paper: nothing is measured or decided on it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from gridmgmt.files.wording import label

Points = npt.NDArray[np.float64]

MAX_BYTES = 40_000
WIDTH, HEIGHT, STRIP, MARGIN = 4800, 3400, 300, 240
"""Drawing units, a tenth of a pixel each: the map, and below it the strip for scale and legend."""

CELL = 110
"""Side of the square cells in which cases are binned, in drawing units."""

CLASSES = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000)
"""Lower limits (included) of the dots' sizes, half a power of ten apart."""

DOTS = ("#fdae61", "#f46d43", "#d73027", "#b81426", "#7f0523")
"""Colours of the dots, from few cases to many (after ColorBrewer RdYlBu's warm half)."""

EARTH_M = 6_371_008.8
FONT = "'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',sans-serif"


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
        return self.per_degree / (math.radians(1) * EARTH_M)


def view_of(outline: BaseGeometry) -> View:
    """The view that shows an outline whole."""
    west, south, east, north = outline.bounds
    shrink = math.cos(math.radians((south + north) / 2))
    wide, high = (east - west) * shrink, north - south
    fits = [(size - 2 * MARGIN) / span for size, span in ((WIDTH, wide), (HEIGHT, high)) if span > 0]
    return View((west + east) / 2, (south + north) / 2, min(fits), shrink)


def sketch(
    outline: BaseGeometry,
    children: Sequence[BaseGeometry] = (),
    neighbours: Sequence[BaseGeometry] = (),
    spots: Iterable[tuple[float, float]] = (),
    *,
    title: str = "",
    lang: str | None = None,
) -> str:
    """Draw one grid with what lies in and around it.

    Parameters
    ----------
    outline, children, neighbours
        Polygons in lon, lat degrees (EPSG:4490 or 4326); neighbours are the
        grids of its level around it, drawn pale.
    spots
        Lon, lat of its cases; those of one cell become one dot at their middle.
    title
        For screen readers: the grid's name.

    Returns
    -------
    str
        An SVG document, the same for the same input; outlines are simplified
        until it is smaller than :data:`MAX_BYTES`.
    """
    view = view_of(outline)
    dots = bin_spots(view, np.array(list(spots), dtype=float).reshape(-1, 2))
    tolerance = 4.0
    while True:
        areas = [_area(view, neighbours, tolerance, "s"), _area(view, [outline], tolerance, "o")]
        lines = [_area(view, children, tolerance, "c"), _area(view, [outline], tolerance, "e")]
        parts = [*areas, *lines, *_dots(dots), _strip(view, dots, lang), _north()]
        text = _document(title, "".join(parts))
        if len(text.encode()) < MAX_BYTES or tolerance > WIDTH:
            return text
        tolerance *= 2


def bin_spots(view: View, spots: Points) -> Points:
    """Cases by cell: rows of x, y (their middle, drawing units) and how many; the fewest first."""
    if not len(spots):
        return np.empty((0, 3))
    xy = view(spots)
    inside = (xy >= 0).all(axis=1) & (xy[:, 0] <= WIDTH) & (xy[:, 1] <= HEIGHT)
    cells, of, n = np.unique(xy[inside] // CELL, axis=0, return_inverse=True, return_counts=True)
    middle = [np.bincount(of.ravel(), weights=xy[inside, i], minlength=len(cells)) / n for i in (0, 1)]
    rows = np.column_stack([*middle, n])
    return rows[np.lexsort((rows[:, 0], rows[:, 1], rows[:, 2]))]


def _area(view: View, shapes: Sequence[BaseGeometry], tolerance: float, kind: str) -> str:
    """Polygons as one path, clipped to the map with its edges out of sight."""
    drawn = [shapely.transform(s, view) for s in shapes if not s.is_empty]
    seen = [shapely.clip_by_rect(s, -50, -50, WIDTH + 50, HEIGHT + 50) for s in drawn]
    simple = shapely.simplify(np.array(seen, dtype=object), tolerance)
    rings = shapely.get_rings(shapely.get_parts(simple)[shapely.get_type_id(shapely.get_parts(simple)) == 3])
    path = "".join(_ring(np.rint(shapely.get_coordinates(r)).astype(int)) for r in rings)
    return f'<path class="{kind}" d="{path}"/>' if path else ""


def _ring(points: npt.NDArray[np.int_]) -> str:
    """A ring in whole drawing units, each step relative to the last: half the bytes of absolute ones."""
    steps = np.diff(points[:-1], axis=0)
    steps = steps[(steps != 0).any(axis=1)]
    if len(steps) < 2:
        return ""
    text = " ".join(f"{dx} {dy}" for dx, dy in steps.tolist()).replace(" -", "-")
    return f"M{points[0][0]} {points[0][1]}l{text}z"


def dot_classes(dots: Points) -> list[int]:
    """Lower limits of the sizes in use: 1 and the largest ones that the map reaches."""
    reached = [c for c in CLASSES if len(dots) and c <= dots[-1, 2]]
    return reached if len(reached) <= len(DOTS) else [1, *reached[1 - len(DOTS) :]]


def dot_sizes(n: int) -> list[int]:
    """Diameters of n classes of dots: the largest just fills its cell."""
    return [round(48 + (CELL - 48) * i / max(n - 1, 2)) for i in range(n)]


def _dots(dots: Points) -> list[str]:
    """One path a class, each dot a line of no length with round ends; the three busiest with their number."""
    limits = dot_classes(dots)
    sizes = dot_sizes(len(limits))
    place = np.searchsorted(limits, dots[:, 2], side="right") - 1
    out = []
    for i in range(len(limits)):
        path = "".join(f"M{x:.0f} {y:.0f}h0" for x, y, _ in dots[place == i])
        out.append(f'<path class="d" stroke="{DOTS[i]}" stroke-width="{sizes[i]}" d="{path}"/>' if path else "")
    for (x, y, n), i in zip(dots[-3:], place[-3:], strict=True):
        if n > 1:
            up = y - sizes[i] / 2 - 22
            out.append(f'<text class="n" x="{x:.0f}" y="{up if up > 130 else y + 190:.0f}">{n:.0f}</text>')
    return out


def _strip(view: View, dots: Points, lang: str | None) -> str:
    """Scale bar and the legend of the dots, below the map."""
    length_m, written = scale_bar(view)
    wide, y = length_m * view.units_per_m, HEIGHT + 190
    out = [
        f'<rect y="{HEIGHT}" width="{WIDTH}" height="{STRIP}" fill="#fff"/>',
        f'<path class="b" d="M60 {y - 50}v50h{wide:.0f}v-50"/>',
        f'<text x="{wide + 110:.0f}" y="{y}">{written}</text>',
    ]
    limits = dot_classes(dots)
    sizes = dot_sizes(len(limits))
    x = WIDTH - 80.0
    out.append(
        f'<text x="{x:.0f}" y="{y}" text-anchor="end">{escape(label("card_cases", lang))}</text>' if limits else ""
    )
    x -= 620 if lang is None else 320
    for i in reversed(range(len(limits))):
        text = f"≥{limits[i]}" if i == len(limits) - 1 and i else str(limits[i])
        if i < len(limits) - 1 and limits[i + 1] - 1 > limits[i]:
            text = f"{limits[i]}–{limits[i + 1] - 1}"
        x -= 68 * len(text) + 60
        out.append(f'<text x="{x:.0f}" y="{y}">{text}</text>')
        x -= sizes[i] / 2 + 30
        out.append(f'<path class="d" stroke="{DOTS[i]}" stroke-width="{sizes[i]}" d="M{x:.0f} {y - 42}h0"/>')
        x -= sizes[i] / 2
    return "".join(out)


def scale_bar(view: View) -> tuple[float, str]:
    """A round length in metres, about a fifth of the map wide, and how it is written."""
    length_m = _round_down(WIDTH * 0.2 / view.units_per_m)
    return length_m, f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"


def _round_down(value: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not above a value."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(n * power for n in (5, 2, 1) if n * power <= value or n == 1)


def _north() -> str:
    x = WIDTH - 200
    return f'<path class="a" d="M{x} 110l75 210l-75-50l-75 50z"/><text class="t" x="{x}" y="440">N</text>'


def _document(title: str, body: str) -> str:
    style = (
        f"text{{font:110px {FONT};fill:#333}}.s{{fill:#f6f7f7;stroke:#c4cacd;stroke-width:8}}.o{{fill:#fff}}"
        ".c{fill:none;stroke:#a9b4bb;stroke-width:9}.e{fill:none;stroke:#1f3a5f;stroke-width:16}"
        ".d{fill:none;stroke-linecap:round;stroke-opacity:.85}.b{fill:none;stroke:#333;stroke-width:14}"
        ".a{fill:#333}.t{text-anchor:middle}.n{text-anchor:middle;font-weight:700;font-size:120px;"
        "paint-order:stroke;stroke:#fff;stroke-width:34;stroke-linejoin:round}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + STRIP}" role="img" '
        f'class="sketch" width="480" height="370"><title>{escape(title)}</title><style>{_scoped(style)}</style>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#e9eced"/>{body}</svg>'
    )


def _scoped(style: str) -> str:
    """The style's rules for this drawing only: in a page it must not reach anything else."""
    return "}".join(f".sketch {rule}" if rule else "" for rule in style.split("}"))
