"""The small map of :mod:`gridmgmt.scorecards.exports.sketch` once more as PNG, for workbooks, which hold no SVG."""

import io

import shapely
from PIL import Image, ImageDraw, ImageFont
from shapely.geometry.base import BaseGeometry

from gridmgmt.scorecards.exports.scene import DOTS, HEIGHT, WIDTH, Scene, View, polygons, scale_bar

_DRAWN = 5
"""Drawing units to the pixel while drawing; the picture is then halved, which smooths its edges."""


def picture(scene: Scene) -> bytes:
    """Draw one grid with what lies in and around it.

    Returns
    -------
    bytes
        A PNG of 480 × 340 pixels, the same for the same input.
    """
    image = Image.new("RGB", (WIDTH // _DRAWN, HEIGHT // _DRAWN), "#e9eced")
    draw = ImageDraw.Draw(image)
    for shapes, fill, edge, width in (
        (scene.neighbours, "#f6f7f7", "#c4cacd", 2),
        (scene.outline, "#ffffff", "#ffffff", 1),
        (scene.children, None, "#a9b4bb", 2),
        (scene.outline, None, "#1f3a5f", 3),
    ):
        for part in polygons(shapes, _DRAWN):
            _polygon(draw, part, fill, edge, width)
    for (x, y, _), i in zip(scene.dots / _DRAWN, scene.classes, strict=True):
        draw.circle((x, y), scene.sizes[i] / 2 / _DRAWN, fill=DOTS[i])
    _furniture(draw, scene.view)
    small = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()


def _polygon(draw: ImageDraw.ImageDraw, part: BaseGeometry, fill: str | None, edge: str, width: int) -> None:
    if fill is not None:
        draw.polygon(_pixels(part.exterior), fill=fill)
        for hole in part.interiors:
            draw.polygon(_pixels(hole), fill="#e9eced")
    for ring in (part.exterior, *part.interiors):
        draw.line(_pixels(ring), fill=edge, width=width, joint="curve")


def _pixels(ring: BaseGeometry) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in shapely.get_coordinates(ring) / _DRAWN]


def _furniture(draw: ImageDraw.ImageDraw, view: View) -> None:
    """Scale bar and north arrow."""
    length_m, written = scale_bar(view)
    wide, y = length_m * view.units_per_m / _DRAWN, HEIGHT / _DRAWN - 16
    draw.line([(14, y - 8), (14, y), (14 + wide, y), (14 + wide, y - 8)], fill="#333333", width=3)
    font = ImageFont.load_default(22)
    draw.text((22 + wide, y - 20), written, fill="#333333", font=font)
    x = WIDTH / _DRAWN - 40
    draw.polygon([(x, 22), (x + 15, 64), (x, 54), (x - 15, 64)], fill="#333333")
    draw.text((x - 8, 66), "N", fill="#333333", font=font)
