"""The small map of :mod:`gridmgmt.scorecards.exports.sketch` once more as PNG, for workbooks, which hold no SVG."""

import io
from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from PIL import Image, ImageDraw, ImageFont
from shapely.geometry.base import BaseGeometry

from gridmgmt.scorecards.exports.sketch import (
    DOTS,
    HEIGHT,
    WIDTH,
    View,
    bin_spots,
    dot_classes,
    dot_sizes,
    scale_bar,
    view_of,
)

DRAWN = 5
"""Drawing units to the pixel while drawing; the picture is then halved, which smooths its edges."""


def picture(
    outline: BaseGeometry,
    children: Sequence[BaseGeometry] = (),
    neighbours: Sequence[BaseGeometry] = (),
    spots: Iterable[tuple[float, float]] = (),
) -> bytes:
    """Draw one grid with what lies in and around it; the parameters are those of ``sketch``.

    Returns
    -------
    bytes
        A PNG of 480 × 340 pixels, the same for the same input.
    """
    view = view_of(outline)
    image = Image.new("RGB", (WIDTH // DRAWN, HEIGHT // DRAWN), "#e9eced")
    draw = ImageDraw.Draw(image)
    for shapes, fill, edge, width in (
        (neighbours, "#f6f7f7", "#c4cacd", 2),
        ([outline], "#ffffff", "#ffffff", 1),
        (children, None, "#a9b4bb", 2),
        ([outline], None, "#1f3a5f", 3),
    ):
        for shape in shapes:
            _polygons(draw, view, shape, fill, edge, width)
    _dots(draw, bin_spots(view, np.array(list(spots), dtype=float).reshape(-1, 2)))
    _furniture(draw, view)
    small = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()


def _polygons(
    draw: ImageDraw.ImageDraw, view: View, shape: BaseGeometry, fill: str | None, edge: str, width: int
) -> None:
    clipped = shapely.clip_by_rect(shapely.transform(shape, view), -50, -50, WIDTH + 50, HEIGHT + 50)
    parts = shapely.get_parts(shapely.simplify(clipped, DRAWN))
    for part in parts[shapely.get_type_id(parts) == 3]:
        if fill is not None:
            draw.polygon(_pixels(part.exterior), fill=fill)
            for hole in part.interiors:
                draw.polygon(_pixels(hole), fill="#e9eced")
        for ring in (part.exterior, *part.interiors):
            draw.line(_pixels(ring), fill=edge, width=width, joint="curve")


def _pixels(ring: BaseGeometry) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in shapely.get_coordinates(ring) / DRAWN]


def _dots(draw: ImageDraw.ImageDraw, dots: np.ndarray) -> None:
    limits = dot_classes(dots)
    sizes = dot_sizes(len(limits))
    for x, y, n in dots:
        i = int(np.searchsorted(limits, n, side="right")) - 1
        r = sizes[i] / 2
        box = [(x - r) / DRAWN, (y - r) / DRAWN, (x + r) / DRAWN, (y + r) / DRAWN]
        draw.ellipse(box, fill=DOTS[i])


def _furniture(draw: ImageDraw.ImageDraw, view: View) -> None:
    """Scale bar and north arrow."""
    length_m, written = scale_bar(view)
    wide, y = length_m * view.units_per_m / DRAWN, HEIGHT / DRAWN - 16
    draw.line([(14, y - 8), (14, y), (14 + wide, y), (14 + wide, y - 8)], fill="#333333", width=3)
    font = ImageFont.load_default(22)
    draw.text((22 + wide, y - 20), written, fill="#333333", font=font)
    x = WIDTH / DRAWN - 40
    draw.polygon([(x, 22), (x + 15, 64), (x, 54), (x - 15, 64)], fill="#333333")
    draw.text((x - 8, 66), "N", fill="#333333", font=font)
