"""Collections (要素集): which there are, the columns of their features, and by which a page goes on."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from gridmgmt.city import City, Level
from gridmgmt.errors import CollectionMissing, PeriodInvalid
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.indicators import RATIOS
from gridmgmt.periods import Period, parse_period

Type = Literal["string", "integer", "number", "boolean", "date", "instant", "object"]
"""What a column holds; ``object``: texts by name, which no filter asks."""

Kind = Literal["grids", "indicators", "cases", "samples", "layers"]

VERBS: dict[Kind, str] = {
    "grids": "grids.read", "indicators": "figures.read", "cases": "cases.read", "samples": "samples.read",
    "layers": "grids.read",
}  # fmt: skip
"""Kind → what must be somebody's to read it."""

GEOMETRY = "geometry"
"""The name of every collection's shape in filters."""


@dataclass(frozen=True)
class Column:
    """One property of features."""

    name: str
    type: Type = "string"


def _columns(types: dict[str, Type] | None = None, *texts: str) -> tuple[Column, ...]:
    return (*map(Column, texts), *(Column(name, kind) for name, kind in (types or {}).items()))


_GRID = _columns(
    {"area_m2": "number", "edition": "string", "valid_from": "date"},
    "code", "name_zh", "name_en", "parent_code", "kind", "responsible",
)  # fmt: skip

_COUNTED = tuple(name for name, rule in COUNTS.items() if rule.of in ("cases", "samples"))
_FIGURES = (*_COUNTED, *(n for n, r in RATIOS.items() if {r.numerator, r.denominator} <= {*_COUNTED, "area_km2"}))

_INDICATORS = (
    *_columns({"area_km2": "number"}, "code", "name_zh", "name_en", "parent_code"),
    *_columns({"period": "string", "as_of": "instant", "edition": "string"}),
    *(Column(name, "number") for name in _FIGURES),
)

_INSTANTS = (
    "reported_at", "accepted_at", "registered_at", "dispatched_at", "due_at", "due_extended_at", "handled_at",
    "closed_at", "voided_at", "reworked_at",
)  # fmt: skip

_CASE = (
    *_columns(None, "case_no", "status", "category_kind", "category_code", "source", "unit_code", "grid_code"),
    *(Column(name, "instant") for name in _INSTANTS),
    *_columns({"n_rework": "integer", "is_repeat": "boolean"}),
    *_columns(None, "repeat_of", "address", "description", "located"),
)

_SAMPLE = (
    *_columns({"sampled_at": "instant", "score": "number"}, "sample_no", "sample_type", "object_name"),
    *_columns(None, "result", "findings", "unit_code", "grid_code", "address", "located"),
)

_FEATURE = _columns(
    {"buffer_m": "number", "valid_from": "date", "attributes": "object"},
    "code", "name_zh", "name_en", "class", "unit_code", "land_owner", "category",
)  # fmt: skip

COLUMNS: dict[Kind, tuple[Column, ...]] = {
    "grids": _GRID, "indicators": _INDICATORS, "cases": _CASE, "samples": _SAMPLE, "layers": _FEATURE,
}  # fmt: skip
"""The columns of each kind; names and telephones of reporters are in none."""

_KEYS: dict[Kind, str] = {
    "grids": "code", "indicators": "code", "cases": "case_no", "samples": "sample_no", "layers": "code",
}  # fmt: skip


@dataclass(frozen=True)
class Collection:
    """One collection: of a kind, and of which level, period or layer.

    Attributes
    ----------
    layer
        Kind and name of a reference layer.
    """

    id: str
    kind: Kind
    level: Level | None = None
    period: Period | None = None
    layer: tuple[str, str] | None = None

    @property
    def key(self) -> str:
        """The column that identifies a feature, and in whose order pages follow each other."""
        return _KEYS[self.kind]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of its features."""
        return COLUMNS[self.kind]

    @property
    def queryables(self) -> tuple[Column, ...]:
        """The columns that a filter may ask."""
        return tuple(column for column in self.columns if column.type != "object")


def listed(city: City, months: Iterable[Period], layers: Sequence[tuple[str, str]]) -> list[Collection]:
    """All collections: grids of each level, of each level and month its indicators, cases, samples, layers."""
    found = [Collection(f"grids-{level.key}", "grids", level) for level in city.levels]
    found += [_indicators(level, month) for level in city.levels for month in months]
    found += [Collection("cases", "cases"), Collection("samples", "samples")]
    return found + [Collection(name, "layers", layer=layer) for name, layer in _layer_ids(layers).items()]


def _layer_ids(layers: Sequence[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Each layer by an id that can stand in an address: kind and name, numbered where only signs tell two apart."""
    out: dict[str, tuple[str, str]] = {}
    for kind, name in layers:
        plain = f"layers-{kind}-" + re.sub(r"[^\w.-]+", "_", name)
        same = sum(1 for x in out if x == plain or x.rpartition("~")[0] == plain)
        out[f"{plain}~{same + 1}" if same else plain] = (kind, name)
    return out


def of_id(wanted: str, city: City, layers: Sequence[tuple[str, str]]) -> Collection:
    """The collection of an id; indicators may be asked of any period, also of one that is not listed.

    Raises
    ------
    CollectionMissing
    """
    for found in listed(city, (), layers):
        if found.id == wanted:
            return found
    for level in city.levels:
        stem = f"indicators-{level.key}-"
        if wanted.startswith(stem):
            try:
                return _indicators(level, parse_period(wanted.removeprefix(stem)))
            except PeriodInvalid:
                break
    raise CollectionMissing(name=wanted, known=[f"indicators-{city.leaf.key}-2025-12", *_ids(city, layers)])


def _ids(city: City, layers: Sequence[tuple[str, str]]) -> list[str]:
    return [x.id for x in listed(city, (), layers)]


def _indicators(level: Level, period: Period) -> Collection:
    return Collection(f"indicators-{level.key}-{period.label}", "indicators", level, period)
