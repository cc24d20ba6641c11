"""Boundary files → frames in storage coordinates: formats of the allow-list, and GeoParquet."""

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd

from gridmgmt import geo
from gridmgmt.city import City
from gridmgmt.errors import FileUnreadable
from gridmgmt.files import geofiles
from gridmgmt.places.whereabouts import placed


@dataclass(frozen=True)
class Source:
    """One file, or one layer of it, as ``FILE`` or ``FILE:LAYER`` names it."""

    path: Path
    layer: str | None

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Read ``FILE[:LAYER]``; a file whose own name has a colon wins."""
        path = Path(text)
        if not path.exists() and ":" in text:
            file, _, layer = text.rpartition(":")
            if Path(file).exists():
                return cls(Path(file), layer)
        return cls(path, None)

    @property
    def is_parquet(self) -> bool:
        """Whether it is GeoParquet, which GDAL may not read."""
        return self.path.suffix.lower() in (".parquet", ".geoparquet")

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.path.name}:{self.layer}" if self.layer else self.path.name


def layers_of(source: Source) -> list[Source]:
    """The layers to read: the one named, or every layer of the file that holds polygons.

    Raises
    ------
    FileUnreadable
        Absent, not of its format, or without that layer.
    """
    if source.is_parquet:
        if not source.path.exists():
            raise FileUnreadable(file=str(source.path), reason={"code": "unreadable_absent"})
        return [source]
    found = geofiles.layers(source.path)
    every = [name for name, _ in found]
    if source.layer is not None:
        if source.layer not in every:
            raise FileUnreadable(
                file=str(source.path), reason={"code": "unreadable_no_layer", "layer": source.layer, "known": every}
            )
        return [source]
    if len(every) == 1:
        return [source]
    names = [name for name, kind in found if kind is not None and ("Polygon" in kind or kind == "Unknown")]
    if not names:
        raise FileUnreadable(file=str(source.path), reason={"code": "unreadable_no_polygons", "known": every})
    return [Source(source.path, name) for name in names]


def read(
    source: Source,
    crs: str | None = None,
    encoding: str | None = None,
    *,
    city: City | None = None,
    swap: bool = False,
) -> gpd.GeoDataFrame:
    """Read one layer, in EPSG:4490.

    Parameters
    ----------
    crs
        Its coordinate system where the file has none or a wrong one.
    encoding
        Of the texts of a shapefile whose .cpg is wrong.
    city
        The city that it must lie in.
    swap
        Northing or latitude stands before easting or longitude.

    Raises
    ------
    FileUnreadable, CrsMissing, CrsUnknown, CrsImplausible
    MetricCrsElsewhere
        See :func:`gridmgmt.places.whereabouts.placed`.
    """
    claimed = geo.parse_crs(crs) if crs else None
    return placed(read_as_is(source, encoding), claimed, source.label, city, swap=swap)


def read_as_is(source: Source, encoding: str | None = None) -> gpd.GeoDataFrame:
    """Read one layer in the coordinates that it has.

    Raises
    ------
    FileUnreadable, FormatForeign, GeometryTooLarge, LimitExceeded
    """
    if source.is_parquet:
        frame: pd.DataFrame = geofiles.read_parquet(source.path, source.label)
    else:
        frame = geofiles.read(source.path, source.layer, given=encoding)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise FileUnreadable(file=source.label, reason={"code": "unreadable_no_geometry"})
    if frame.geometry.name != "geometry":
        frame = frame.rename_geometry("geometry")
    return frame
