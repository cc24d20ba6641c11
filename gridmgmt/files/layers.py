"""Map layers (图层) → rows of text: attributes, and points as two columns."""

from collections.abc import Iterator, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmgmt.errors import FileUnreadable
from gridmgmt.files import geofiles
from gridmgmt.files.rows import Rows, X, Y, as_text, frame_of, in_chunks, require


def read(rows: Rows, encodings: Sequence[str], wanted: Sequence[str], layer: str | None) -> Iterator[pd.DataFrame]:
    """One layer of a file that GDAL reads: the one named, or its only one."""
    names = [name for name, _ in geofiles.layers(rows.path)]
    if layer is None and len(names) == 1:
        layer = names[0]
    if layer not in names:
        code = "unreadable_no_layer" if layer else "unreadable_several_layers"
        raise FileUnreadable(file=str(rows.path), reason={"code": code, "layer": layer, "known": names})
    yield from points(rows, wanted, geofiles.read(rows.path, layer, encodings))


def points(rows: Rows, wanted: Sequence[str], frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """A layer's attributes, and its points as two columns; any other geometry stands there by its type's name."""
    located = isinstance(frame, gpd.GeoDataFrame)
    shapes = frame.geometry.name if located else None
    attributes = pd.DataFrame(frame).drop(columns=[shapes] if shapes else []).astype(object)
    texts = {str(c): list(map(as_text, attributes[c])) for c in attributes.columns}
    if located:
        rows.crs = _crs_name(frame)
        texts[X], texts[Y] = _coordinates(frame.geometry.to_numpy())
    require(rows.path, wanted, list(texts))
    yield from in_chunks(frame_of(texts, range(1, 1 + len(frame))))


def _crs_name(frame: gpd.GeoDataFrame) -> str | None:
    if frame.crs is None:
        return None
    number = frame.crs.to_epsg()
    return f"epsg:{number}" if number else str(frame.crs.to_wkt())


def _coordinates(shapes: Any) -> tuple[list[str | None], list[str | None]]:
    single = (shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOINT) & (
        shapely.get_num_geometries(shapes) == 1
    )
    points = np.where(single, shapely.get_geometry(shapes, 0), shapes)
    x, y = ([as_text(v) for v in values.tolist()] for values in (shapely.get_x(points), shapely.get_y(points)))
    other = ~shapely.is_missing(points) & ~shapely.is_empty(points) & (shapely.get_type_id(points) != 0)
    for place in np.flatnonzero(other).tolist():
        x[place] = points[place].geom_type
    return x, y
