"""A small plain map of one grid (示意图) as SVG under 40 kB."""

import numpy as np
import numpy.typing as npt
import shapely

from gridmgmt.files.wording import languages
from gridmgmt.scorecards.exports.rendering import draw
from gridmgmt.scorecards.exports.scene import DOTS, HEIGHT, STRIP, WIDTH, Scene, Shapes, polygons, scale_bar

MAX_BYTES = 40_000


def sketch(scene: Scene, *, title: str = "", lang: str | None = None) -> str:
    """Draw one grid with what lies in and around it.

    Parameters
    ----------
    title
        For screen readers: the grid's name.

    Returns
    -------
    str
        An SVG document, the same for the same input; outlines are simplified
        until it is smaller than :data:`MAX_BYTES`.
    """
    length_m, written = scale_bar(scene.view)
    tolerance = 4.0
    while True:
        text = draw(
            "sketch.svg",
            lang,
            title=title,
            width=WIDTH,
            height=HEIGHT,
            strip=STRIP,
            neighbours=_path(scene.neighbours, tolerance),
            children=_path(scene.children, tolerance),
            outline=_path(scene.outline, tolerance),
            dots=[(DOTS[i], size, scene.dots[scene.classes == i]) for i, size in enumerate(scene.sizes)],
            busiest=[
                (x, y, n, scene.sizes[i]) for (x, y, n), i in list(zip(scene.dots, scene.classes, strict=True))[-3:]
            ],
            scale=(length_m * scene.view.units_per_m, written),
            legend=_legend(scene, WIDTH - (700 if len(languages(lang)) > 1 else 400)),
        )
        if len(text.encode()) < MAX_BYTES or tolerance > WIDTH:
            return text
        tolerance *= 2


def _path(shapes: Shapes, tolerance: float) -> str:
    """Polygons as one path."""
    rings = shapely.get_rings(polygons(shapes, tolerance))
    return "".join(_ring(np.rint(shapely.get_coordinates(r)).astype(int)) for r in rings)


def _ring(points: npt.NDArray[np.int_]) -> str:
    """A ring in whole drawing units, each step relative to the last: half the bytes of absolute ones."""
    steps = np.diff(points[:-1], axis=0)
    steps = steps[(steps != 0).any(axis=1)]
    if len(steps) < 2:
        return ""
    text = " ".join(f"{dx} {dy}" for dx, dy in steps.tolist()).replace(" -", "-")
    return f"M{points[0][0]} {points[0][1]}l{text}z"


def _legend(scene: Scene, x: float) -> list[tuple[float, str, float, str, int]]:
    """The classes of dots from the largest, right to left: where the text stands, the text; the dot, colour, size."""
    out, limits = [], scene.limits
    for i in reversed(range(len(limits))):
        text = f"≥{limits[i]}" if i == len(limits) - 1 and i else str(limits[i])
        if i < len(limits) - 1 and limits[i + 1] - 1 > limits[i]:
            text = f"{limits[i]}–{limits[i + 1] - 1}"
        x_text = x - 68 * len(text) - 60
        x_dot = x_text - scene.sizes[i] / 2 - 30
        out.append((x_text, text, x_dot, DOTS[i], scene.sizes[i]))
        x = x_dot - scene.sizes[i] / 2
    return out
