"""Reference layers (参考图层): loaded whole, read as they were on a day."""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import shapely
from sqlalchemy import Connection, Select, case, func, select, text, update
from sqlalchemy.dialects.postgresql import Range

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database import tables as t
from gridmgmt.database.copying import copy_in, fetch, query

TEXTS = ("name_zh", "name_en", "class", "unit_code", "land_owner", "category")
_FEATURE_TYPES = {
    "layer": pa.string(), "code": pa.string(), **dict.fromkeys(TEXTS, pa.string()), "buffer_m": pa.float64(),
    "attributes": pa.string(),
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One layer as it was loaded; ``valid_from`` is None for one that was replaced.

    Attributes
    ----------
    sha256
        Of its features; ``file`` and ``file_sha256`` are those of the file they came in.
    """

    id: int
    kind: str
    name: str
    valid_from: dt.date | None
    valid_to: dt.date | None
    sha256: str
    n_features: int
    file: str
    file_sha256: str
    known_at: dt.datetime


def features(connection: Connection, kind: str, day: dt.date, name: str | None = None) -> gpd.GeoDataFrame:
    """The features of a kind on a day, those of all its layers or of one (某日有效的图层要素).

    Returns
    -------
    GeoDataFrame
        EPSG:4490, ordered by layer and code: layer (its name), code, name_zh, name_en, class, unit_code,
        land_owner, category (None where there is none), buffer_m (NaN), attributes (a dict of texts), geometry.
        Codes are unique within a kind and day.
    """
    params = {"kind": kind, "day": day, "name": name}
    frame = fetch(connection, query("places/store/features_on_day"), params, {**_FEATURE_TYPES, "wkb": pa.string()})
    geometry = shapely.from_wkb(frame.pop("wkb").to_numpy(dtype=object))
    objects = frame[list(TEXTS)].astype(object)
    plain = frame.assign(
        **{c: objects[c].where(objects[c].notna(), None) for c in TEXTS},
        attributes=[json.loads(x) for x in frame["attributes"]],
    )
    return gpd.GeoDataFrame(plain, geometry=geometry, crs=f"EPSG:{STORAGE_EPSG}")


def _layers() -> Select[Any]:
    y, b = t.layer.c, t.batch.c
    return select(
        y.id, y.kind, y.name, func.lower(y.valid).label("first"), func.upper(y.valid).label("last"), y.sha256,
        y.n_features, b.file, b.file_sha256, y.known_at,
    ).join_from(t.layer, t.batch)  # fmt: skip


def all_layers(connection: Connection, kind: str | None = None, day: dt.date | None = None) -> list[Layer]:
    """Every layer, of one kind, or valid on a day; by kind, name and the order in which they came."""
    statement = _layers().order_by(t.layer.c.kind, t.layer.c.name, t.layer.c.id)
    if kind is not None:
        statement = statement.where(t.layer.c.kind == kind)
    if day is not None:
        statement = statement.where(t.layer.c.valid.contains(day))
    return [Layer(*row) for row in connection.execute(statement)]


def newest(connection: Connection, kind: str, name: str) -> Layer | None:
    """The layer of that kind and name that is valid without end, if there is one."""
    y = t.layer.c
    row = connection.execute(_layers().where(y.kind == kind, y.name == name, func.upper_inf(y.valid))).one_or_none()
    return None if row is None else Layer(*row)


def codes_of_others(connection: Connection, kind: str, name: str, first: dt.date) -> dict[str, str]:
    """Code → layer for the features of a kind's other layers that are valid on a day or later."""
    y, f = t.layer.c, t.feature.c
    statement = select(f.code, y.name).join_from(t.feature, t.layer, f.layer_id == y.id)
    found = connection.execute(statement.where(y.kind == kind, y.name != name, y.valid.overlaps(Range(first, None))))
    return {row.code: row.name for row in found}


def make_way(connection: Connection, kind: str, name: str, first: dt.date) -> None:
    """From a day on no layer of that kind and name holds: one ends on it, those that begin then hold on no day."""
    y = t.layer.c
    none, ended = text("'empty'::daterange"), func.daterange(func.lower(y.valid), first)
    later = y.valid.overlaps(Range(first, None))
    changed = update(t.layer).where(y.kind == kind, y.name == name, later)
    connection.execute(changed.values(valid=case((func.lower(y.valid) >= first, none), else_=ended)))


def insert(
    connection: Connection,
    kind: str,
    name: str,
    first: dt.date,
    frame: gpd.GeoDataFrame,
    *,
    sha256: str,
    batch_id: int,
    known_at: dt.datetime,
) -> int:
    """Save a layer that is valid from a day on, without end.

    Parameters
    ----------
    frame
        The feature frame of :mod:`gridmgmt.places.layers`, EPSG:4490.
    """
    values = {
        "kind": kind, "name": name, "valid": Range(first, None), "sha256": sha256, "n_features": len(frame),
        "batch_id": batch_id, "known_at": known_at,
    }  # fmt: skip
    layer_id = int(connection.execute(t.layer.insert().values(**values).returning(t.layer.c.id)).scalar_one())
    plain = pd.DataFrame(frame.drop(columns="geometry"))[["code", *TEXTS, "buffer_m", "attributes"]]
    plain.insert(0, "layer_id", layer_id)
    plain["attributes"] = [json.dumps(x, ensure_ascii=False, sort_keys=True) for x in plain["attributes"]]
    geometry = shapely.set_srid(frame.geometry.to_numpy(), STORAGE_EPSG)
    plain["geom"] = shapely.to_wkb(geometry, hex=True, include_srid=True)
    copy_in(connection, "feature", plain)
    connection.execute(select(func.look_at("feature", False)))
    return layer_id


def unit_codes(connection: Connection) -> set[str]:
    """The units that a feature may name as its owner's."""
    return set(connection.execute(select(t.unit.c.code)).scalars())
