"""Tiles as PostGIS writes them (Mapbox Vector Tile 2.1): geometry in whole units in, bytes out; no table is read."""

from collections.abc import Mapping, Sequence

import numpy as np
import shapely
from sqlalchemy import Connection

from gridmgmt.database.copying import query
from gridmgmt.places.tiles import AREAS, EXTENT, LABEL_FACTS, LABELS, Cut, Facts

_TYPES: Mapping[type, str] = {str: "text", int: "bigint", float: "double precision"}


def encode(connection: Connection, held: Cut, codes: Sequence[str], facts: Facts) -> bytes:
    """What stands in a tile as its bytes; a feature's id is the row of its grid among all codes, from 1."""
    wkb = shapely.to_wkb(held.areas)
    sizes = np.array([len(x) for x in wkb], dtype=np.int64)
    begins = 1 + np.cumsum(sizes) - sizes
    told = {row: f'"at":{a},"size":{n},' for row, a, n in zip(*_lists(held.rows, begins, sizes), strict=True)}
    at = shapely.get_coordinates(held.labels).astype(np.int64)
    for row, x, y in zip(*_lists(held.named, at[:, 0], at[:, 1]), strict=True):
        told[row] = f'{told.get(row, "")}"x":{x},"y":{y},'
    rows = ",".join(f'{{"id":{row + 1},{where}{facts.rows[codes[row]][1:]}' for row, where in told.items())
    names = ", ".join(f'"{c}"' for c in facts.columns)
    columns = ", ".join(f'"{c}" {_TYPES[kind]}' for c, kind in facts.columns.items())
    statement = query("places/store/tile", names=names, named=", ".join(LABEL_FACTS), columns=columns)
    given = {"areas": AREAS, "labels": LABELS, "extent": EXTENT, "shapes": b"".join(wkb), "rows": f"[{rows}]"}
    return b"".join(layer or b"" for layer in connection.execute(statement, given).one())


def _lists(*columns: np.ndarray) -> list[list[int]]:
    return [column.tolist() for column in columns]
