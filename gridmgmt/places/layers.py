"""Reference layers (参考图层): their kinds, and what a feature must be to enter one.

The feature frame, one row a feature, is a GeoDataFrame in EPSG:4490 with the columns

=====================  ================================================================================
code                   str, unique within the layer, and among the layers of its kind on a day
name_zh, name_en       str or None
class                  str or None: a key of the kind's classes
unit_code              str or None: the unit that answers for it (权属单位)
land_owner             str or None: whose land it stands on (土地权属)
category               str or None: ``component:01001``; of areas also a pattern
buffer_m               float: how far it reaches beyond its own shape; NaN where not said
attributes             dict of the file's other columns, as text
geometry               of the types that the kind allows
=====================  ================================================================================
"""

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pydantic import Field, model_validator

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.documents import Id, Strict, Words
from gridmgmt.errors import CodeInvalid, ColumnMissing
from gridmgmt.faults import Fault, Faults
from gridmgmt.geo import to_metric

Shape = Literal["point", "line", "polygon"]
_SHAPES: Mapping[str, frozenset[int]] = {
    "point": frozenset({0, 4}),
    "line": frozenset({1, 2, 5}),
    "polygon": frozenset({3, 6}),
}
"""Geometry types of shapely: single, ring, multi."""

_MOST_CODE = 200
"""Characters of a code at most."""

USUAL: Mapping[str, tuple[str, ...]] = {
    "code": ("code",),
    "name_zh": ("name_zh", "name"),
    "name_en": ("name_en",),
    "class": ("class",),
    "unit_code": ("unit_code",),
    "land_owner": ("land_owner",),
    "category": ("category",),
    "buffer_m": ("buffer_m",),
}
"""Field → the columns in which it is looked for where no mapping names one."""

_Required = Literal["name", "class", "unit_code", "land_owner", "category", "buffer_m"]
NAMES = ("name_zh", "name_en")


class FeatureClass(Strict):
    """One class: how it is shown, and in ``also`` the words that files have for it beside its key."""

    zh: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]
    also: tuple[str, ...] = ()


class Kind(Strict):
    """What the features of one kind of layer are (图层种类); ``data/layers/kinds.yaml`` explains the keys."""

    title: Words
    geometry: Annotated[tuple[Shape, ...], Field(min_length=1)]
    required: tuple[_Required, ...] = ()
    one_of: tuple[_Required, ...] = ()
    buffer: tuple[Shape, ...] = ()
    category: Literal["key", "pattern"] | None = None
    classes: dict[Id, FeatureClass] = Field(default_factory=dict)
    objects: dict[Id, tuple[Id, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        unknown = {c for classes in self.objects.values() for c in classes} - set(self.classes)
        if unknown:
            raise ValueError(f"objects: {', '.join(sorted(unknown))} ∉ classes")
        if "class" in self.required and not self.classes:
            raise ValueError("required: class; classes: {}")
        words = [w for key, x in self.classes.items() for w in {*self._words(key), x.zh.casefold(), x.en.casefold()}]
        twice = sorted({w for w in words if words.count(w) > 1})
        if twice:
            raise ValueError(f"classes: {', '.join(twice)} × 2")
        return self

    def _words(self, key: str) -> set[str]:
        return {w.casefold() for w in (key, *self.classes[key].also)}

    def class_of(self, word: str) -> str | None:
        """The class that a file's word means, None if none does."""
        return next((key for key in self.classes if word.casefold() in self._words(key)), None)


class Kinds(Strict):
    """Every kind of layer, by its key."""

    kinds: dict[Id, Kind]

    def serving(self, name: str) -> dict[str, tuple[str, ...]]:
        """Kind → classes (none: every one) whose features can be the object of a sample."""
        return {key: kind.objects[name] for key, kind in self.kinds.items() if name in kind.objects}


@dataclass(frozen=True)
class Prepared:
    """The features that are right, by code; the faults of the others; how many were numbered."""

    frame: gpd.GeoDataFrame
    faults: tuple[Fault, ...]
    n_numbered: int


@dataclass(frozen=True)
class Known:
    """What features are checked against: the city's units, and the codes of the kind's other layers by layer."""

    units: Collection[str]
    codes: Mapping[str, str] = field(default_factory=dict)


def prepare(
    raw: gpd.GeoDataFrame,
    kind: Kind,
    mapping: Mapping[str, str],
    known: Known,
    *,
    number: bool = False,
    source: str = "",
) -> Prepared:
    """Bring a file's features to the feature frame; what is wrong is named, feature by feature, and left out.

    Of features that share a code none is taken: which one is meant is not guessed.

    Parameters
    ----------
    raw
        Columns of trimmed text (None where empty) and geometry in EPSG:4490;
        the index is the feature's number in the file.
    mapping
        Field of :data:`USUAL` → column of the file; other fields are looked for under their usual names.
    number
        Give a feature without a code its number in the file as code.

    Raises
    ------
    ColumnMissing
        The mapping names a column that the file does not have.
    """
    columns = _columns(raw, mapping, source)
    table = pd.DataFrame({f: raw[c] if c else None for f, c in columns.items()}, index=raw.index, dtype=object)
    missing = table["code"].isna()
    if number:
        table["code"] = table["code"].where(~missing, raw.index.astype(str))
    checks = _Checks(table, raw.geometry, kind, known)
    faults = checks.all()
    good = ~table.index.isin([f.row for f in faults])
    used = {c for c in columns.values() if c} | {raw.geometry.name}
    others = pd.DataFrame(raw)[[c for c in raw.columns if c not in used]]
    found = table[good].assign(
        **{"class": checks.classes[good], "buffer_m": checks.buffers[good].astype(float)},
    )
    found["attributes"] = pd.Series(
        [{str(k): v for k, v in row.items() if isinstance(v, str)} for row in others[good].to_dict("records")],
        index=found.index, dtype=object,
    )  # fmt: skip
    frame = gpd.GeoDataFrame(found, geometry=raw.geometry[good], crs=STORAGE_EPSG)
    ordered = frame.sort_values("code", ignore_index=True)
    return Prepared(ordered, faults, int((missing[good]).sum()) if number else 0)


def _columns(raw: gpd.GeoDataFrame, mapping: Mapping[str, str], source: str) -> dict[str, str | None]:
    absent = [c for c in mapping.values() if c not in raw.columns]
    if absent:
        found = [str(c) for c in raw.columns if c != raw.geometry.name]
        raise ColumnMissing(file=source, columns=absent, found=found)
    taken = set(mapping.values())
    return {
        f: mapping.get(f) or next((c for c in usual if c in raw.columns and c not in taken), None)
        for f, usual in USUAL.items()
    }


class _Checks:
    """All that can be wrong with the features of one file."""

    def __init__(self, table: pd.DataFrame, shapes: gpd.GeoSeries, kind: Kind, known: Known) -> None:
        self.table, self.kind, self.known = table, kind, known
        self.shapes = shapes.to_numpy()
        self.types = shapely.get_type_id(self.shapes)
        self.classes = table["class"].map(lambda v: None if v is None else kind.class_of(v)).astype(object)
        self.buffers = table["buffer_m"].map(_metres)
        self.faults = Faults()

    def all(self) -> tuple[Fault, ...]:
        """Every fault, in the file's order."""
        self._codes()
        self._fields()
        self._words()
        self._geometry()
        return tuple(sorted(self.faults, key=lambda f: f.row))

    def _refuse(
        self, wrong: Any, name: str, code: str, value: Callable[[int], Any] | None = None, **facts: Any
    ) -> None:
        for i in np.flatnonzero(np.asarray(wrong, dtype=bool)).tolist():
            seen = value(i) if value else (self.table[name].iloc[i] if name in self.table else None)
            self.faults.note(int(self.table.index[i]), name, "" if seen is None else str(seen)[:80], code, **facts)

    def _codes(self) -> None:
        codes = self.table["code"]
        self._refuse(codes.isna(), "code", "feature_code_missing")
        self._refuse(
            codes.map(lambda c: c is not None and len(c) > _MOST_CODE), "code", "feature_code_long", most=_MOST_CODE
        )
        self._refuse(codes.notna() & codes.duplicated(keep=False), "code", "feature_code_twice")
        for layer in sorted(set(self.known.codes.values())):
            own = codes.map(lambda c, layer=layer: self.known.codes.get(c) == layer)
            self._refuse(own, "code", "feature_code_elsewhere", layer=layer)

    def _has(self, name: str) -> Any:
        parts = NAMES if name == "name" else (name,)
        return self.table[list(parts)].notna().any(axis=1)

    def _fields(self) -> None:
        for name in self.kind.required:
            self._refuse(~self._has(name), name, "feature_field_missing")
        if self.kind.one_of:
            have = [self._has(name) for name in self.kind.one_of]
            self._refuse(~np.any(have, axis=0), ", ".join(self.kind.one_of), "feature_fields_missing")

    def _words(self) -> None:
        table = self.table
        wrong = table["class"].notna() & self.classes.isna()
        known = [f"{key} ({own.zh})" for key, own in self.kind.classes.items()]
        self._refuse(wrong, "class", "feature_class_unknown", known=known)
        stranger = table["unit_code"].map(lambda u: u is not None and u not in self.known.units)
        self._refuse(stranger, "unit_code", "feature_unit_unknown")
        parse = CategoryKey.parse if self.kind.category == "key" else CategoryPattern.parse
        malformed = table["category"].map(lambda c: c is not None and not _parses(parse, c))
        form = "component:01001" if self.kind.category == "key" else "component:01001 | component:01* | component:* | *"
        self._refuse(malformed, "category", "feature_category_malformed", expected=form)
        self._refuse(table["buffer_m"].notna() & self.buffers.isna(), "buffer_m", "feature_buffer_wrong")

    def _geometry(self) -> None:
        absent = shapely.is_missing(self.shapes) | shapely.is_empty(self.shapes)
        allowed = set().union(*(_SHAPES[x] for x in self.kind.geometry))
        foreign = ~absent & ~np.isin(self.types, list(allowed))
        invalid = ~absent & ~foreign & ~shapely.is_valid(self.shapes)
        shapes = self.shapes
        self._refuse(absent, "geometry", "feature_geometry_missing")
        self._refuse(
            foreign,
            "geometry",
            "feature_geometry_foreign",
            lambda i: shapes[i].geom_type,
            shapes=list(self.kind.geometry),
        )
        self._refuse(invalid, "geometry", "feature_geometry_invalid", lambda i: shapely.is_valid_reason(shapes[i]))
        for shape in self.kind.buffer:
            bare = ~absent & np.isin(self.types, list(_SHAPES[shape])) & self.table["buffer_m"].isna().to_numpy()
            self._refuse(bare, "buffer_m", "feature_buffer_missing", shape=shape)


def _metres(text: str | None) -> float:
    """A distance in metres above 0; NaN for what is none."""
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return math.nan
    return value if 0 < value < math.inf else math.nan


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except CodeInvalid:
        return False
    return True


def free_names(names: Sequence[str], taken: Collection[str]) -> list[str]:
    """Names for columns, each with a number behind it where its name is taken, upper and lower case being the same."""
    used, out = {x.casefold() for x in taken}, []
    for name in names:
        free = next(x for n in itertools.count(1) if (x := name if n == 1 else f"{name}_{n}").casefold() not in used)
        used.add(free.casefold())
        out.append(free)
    return out


def sha256(frame: gpd.GeoDataFrame) -> str:
    """The SHA-256 of a feature frame's content, whatever file and order it came in."""
    ordered = frame.sort_values("code")
    plain = ordered[["code", "name_zh", "name_en", "class", "unit_code", "land_owner", "category", "attributes"]]
    buffers = [None if math.isnan(x) else repr(x) for x in ordered["buffer_m"].tolist()]
    digest = hashlib.sha256()
    shapes = shapely.to_wkb(ordered.geometry.to_numpy(), hex=True, byte_order=1)
    for row, buffer, shape in zip(plain.itertuples(index=False, name=None), buffers, shapes, strict=True):
        digest.update(json.dumps([*row, buffer, shape], ensure_ascii=False, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


STRICTEST_FIRST = ("key", "main", "secondary", "back")
"""Road classes of a place (道路等级), a key area before every road."""

OTHER = "other"
"""The class of a place in no key area and near no road."""


def road_class_at(
    points: gpd.GeoSeries,
    roads: gpd.GeoDataFrame,
    key_areas: gpd.GeoDataFrame,
    radius_m: float,
    metric_epsg: int,
    order: Collection[str] = STRICTEST_FIRST,
) -> "pd.Series[str]":
    """The road class of each place: the first in ``order`` of those within reach; ``other`` if none is.

    A key area reaches the points that it covers, border included; a road those
    within its own ``buffer_m``, else within ``radius_m``, the distance itself included.

    Parameters
    ----------
    points
        EPSG:4490; a missing one is ``other``.
    roads, key_areas
        Frames of :func:`gridmgmt.places.store.layers.features`, EPSG:4490.
    metric_epsg
        The city's metric CRS, in which distances are measured.
    """
    places = _metric(points, metric_epsg)
    rank = {name: i for i, name in enumerate(order)}
    best = np.full(len(places), len(rank))
    tree = shapely.STRtree(places)
    if len(roads):
        own = roads["buffer_m"].to_numpy(dtype=float)
        reach = np.where(np.isnan(own), radius_m, own)
        lines, near = tree.query(_metric(roads.geometry, metric_epsg), predicate="dwithin", distance=reach)
        ranks = roads["class"].map(rank).fillna(len(rank)).to_numpy(dtype=int)
        np.minimum.at(best, near, ranks[lines])
    if len(key_areas) and "key" in rank:
        near = tree.query(_metric(key_areas.geometry, metric_epsg), predicate="covers")[1]
        np.minimum.at(best, near, rank["key"])
    names = np.array([*order, OTHER], dtype=object)
    return pd.Series(names[best], index=points.index, name="road_class", dtype=object)


def _metric(shapes: gpd.GeoSeries, epsg: int) -> Any:
    return to_metric(gpd.GeoDataFrame(geometry=shapes.reset_index(drop=True)), epsg).geometry.to_numpy()
