"""Many points at once (批量定位): as they are given, row by row, and what is answered to each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gridmgmt.faults import Fault

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Form = Literal["csv", "arrow", "geojson"]

COLUMNS = ("lon", "lat", "crs", "category", "id")
"""What a file of points may say of each: the first two it must."""

BATCH = 65_536
"""So many points are held at once."""


@dataclass(frozen=True, eq=False)
class Given:
    """Some points of a file, in its order.

    Attributes
    ----------
    first
        The row of the first one, as the file shows it: of a table its heading is row 1, else they count from 1.
    x, y
        East or longitude, north or latitude, NaN where there is no number.
    crs, category
        Texts by row, None where the row says nothing; None: the file has no such column.
    ids
        What stands in the column ``id``, as it came.
    faults
        Position → what is wrong there.
    """

    first: int
    x: Floats
    y: Floats
    crs: pa.Array | None = None
    category: pa.Array | None = None
    ids: pa.Array | None = None
    faults: Mapping[int, Fault] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.x)


@dataclass(frozen=True, eq=False)
class Answered:
    """What is answered to some points, in their order.

    Attributes
    ----------
    lon, lat
        In degrees of EPSG:4490; NaN where there is no place.
    grids
        Key of a level, the city first → code of the grid, null where none owns the point.
    units
        Code of the unit that answers, or null.
    is_assigned
        Whether any grid owns the point.
    """

    edition: str
    lon: Floats
    lat: Floats
    grids: Mapping[str, pa.Array]
    units: pa.Array
    is_assigned: NDArray[np.bool_]
    ids: pa.Array | None
    faults: Mapping[int, Fault]
