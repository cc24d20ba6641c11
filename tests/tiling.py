"""What tiles have to keep: neighbours share their vertices, and part nowhere by more than a unit."""

from collections.abc import Iterator, Mapping
from typing import Any

import mapbox_vector_tile
import numpy as np
import shapely

from gridmgmt.places.tiles import EXTENT, Ground, Tile

BUFFER = 64
SQUARE = shapely.box(0, 0, EXTENT, EXTENT)
Areas = Mapping[str, shapely.Geometry]
"""Code → area in a tile, in its units."""


def around(ground: Ground, z: int, n: int = 9) -> list[Tile]:
    """The tiles of a zoom in which a city stands, at most so many, from its middle on."""
    west, north, east, south = shapely.total_bounds(ground.areas) * 2**z
    middle = np.array([west + east, north + south]) / 2 - 0.5
    columns, rows = (range(int(a), int(b) + 1) for a, b in ((west, east), (north, south)))
    found = [Tile(z, x, y) for x in columns for y in rows]
    return sorted(found, key=lambda t: float(np.abs(middle - (t.x, t.y)).max()))[:n]


def decoded(body: bytes) -> dict[str, Any]:
    """A tile's layers as somebody else's decoder reads them, y to the south."""
    return dict(mapbox_vector_tile.decode(body, default_options={"y_coord_down": True}))


def areas_of(body: bytes) -> Areas:
    """The areas of a tile's grids by their code."""
    features = decoded(body).get("grids", {"features": []})["features"]
    return {f["properties"]["code"]: shapely.geometry.shape(f["geometry"]) for f in features}


def land_of(ground: Ground, tile: Tile) -> shapely.Geometry:
    """What a tile's areas have to fill: the city without the unit along its edge that rounding may take."""
    whole = shapely.union_all(ground.areas)
    return shapely.transform(whole, lambda xy: xy * tile.scale - tile.corner).buffer(-1).intersection(SQUARE)


def parted(areas: Areas, land: shapely.Geometry) -> float:
    """How wide the widest gap in the land or overlap of two areas is, in units."""
    shapes = np.array(list(areas.values()), dtype=object)
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    both = shapely.intersection(shapes[a[a < b]], shapes[b[a < b]])
    return _widest([land.difference(shapely.union_all(shapes)), *both])


def parted_between(areas: Areas, beside: Areas, steps: tuple[int, int]) -> float:
    """How wide the same grid is drawn otherwise in a tile and in the one so many columns and rows on, in units."""
    shift = np.array(steps) * EXTENT
    strip = shapely.box(-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
    strip = strip.intersection(shapely.transform(strip, lambda xy: xy + shift))
    unlike = []
    for code in areas.keys() | beside.keys():
        here, there = areas.get(code, shapely.Polygon()), beside.get(code, shapely.Polygon())
        moved = shapely.transform(there, lambda xy: xy + shift)
        unlike.append(shapely.symmetric_difference(here, moved).intersection(strip))
    return _widest(unlike)


def shares_vertices(areas: Areas) -> bool:
    """Whether areas that meet have the same vertices along what they share."""
    return bool(shapely.coverage_is_valid(np.array(list(areas.values()), dtype=object)))


def pairs(tiles: list[Tile]) -> Iterator[tuple[Tile, Tile, tuple[int, int]]]:
    """Tiles that lie side by side or meet at a corner."""
    known = {(t.x, t.y): t for t in tiles}
    for (x, y), tile in known.items():
        for dx, dy in ((1, 0), (0, 1), (1, 1)):
            if (x + dx, y + dy) in known:
                yield tile, known[x + dx, y + dy], (dx, dy)


def _widest(shapes: list[shapely.Geometry]) -> float:
    parts = shapely.get_parts(np.array(shapes, dtype=object))
    parts = parts[shapely.area(parts) > 0]
    return max((2 * shapely.maximum_inscribed_circle(p, tolerance=0.01).length for p in parts), default=0.0)
