"""The nested grids (责任网格) of one edition (网格版本): the frame they stand in and how it is made from files.

The edition frame, one row a grid, is a GeoDataFrame in EPSG:4490 (lon, lat) with the columns

=============  =======================================================================
level          int, 1 = the city … n = the leaf (:class:`gridmgmt.city.Level`)
code           str, unique within its level
parent_code    str or None: the code of its parent one level up; None at level 1 only
name_zh        str, may be empty
name_en        str, may be empty
kind           str: community, enterprise, zone …; the level's key where not given
responsible    str or None: the body named as responsible for the grid
geometry       MultiPolygon
=============  =======================================================================

Nothing here judges the edition: that is :mod:`gridmgmt.places.topology`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray

from gridmgmt.city import STORAGE_EPSG, City
from gridmgmt.errors import ColumnMissing, LevelUnknown
from gridmgmt.faults import Fault
from gridmgmt.files.cells import as_code, trimmed
from gridmgmt.geo import areas_m2, to_storage
from gridmgmt.texts import word

FRAME_COLUMNS = ("level", "code", "parent_code", "name_zh", "name_en", "kind", "responsible", "geometry")

MAX_CODES = 20
"""A finding names at most so many grids; its ``n`` counts them all."""

_POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)

Geometries = NDArray[np.object_]
Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing found about an edition, as code and facts; :meth:`text` words it.

    Attributes
    ----------
    code
        What was found; its wording stands in ``data/texts/grids.yaml``.
    severity
        ``error`` stops activation; ``warning`` and ``note`` do not.
    codes
        The first :data:`MAX_CODES` grids concerned, worst first where there is a measure.
    n
        How many there are in all.
    measure, unit
        The worst value and its unit (``m2`` or ``share``).
    facts
        Further JSON-ready values that the wording needs.
    """

    code: str
    severity: Severity
    level: int
    codes: tuple[str, ...]
    n: int
    measure: float | None = None
    unit: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def text(self, lang: str = "zh") -> str:
        """The finding in one language, without its level (shown beside it)."""
        shown = {"codes": ", ".join(self.codes[:5]) + (" …" if self.n > 5 else ""), "n": self.n}
        return word(self.code, {**self.facts, **shown, "measure": self.measure}, lang)


def called(frame: pd.DataFrame) -> list[str]:
    """What a map calls each grid: by its Chinese name, else the English one, else its code."""
    return [zh or en or code for zh, en, code in zip(frame.name_zh, frame.name_en, frame.code, strict=True)]


@dataclass(frozen=True)
class GridColumns:
    """Which columns of a boundary file hold what (列映射); None = the file has none, or the usual one is to be found.

    Attributes
    ----------
    level
        A column that holds level numbers, keys or names; or, where no column
        has that name, the one level that all rows belong to.
    above
        Columns with the codes of the grids above the parent, upwards: of a file that holds the lowest level only.
    """

    code: str = "code"
    level: str = ""
    name_zh: str | None = None
    name_en: str | None = None
    parent: str | None = None
    kind: str | None = None
    responsible: str | None = None
    above: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mended:
    """An invalid polygon that was mended: why it was invalid, and by how much its area changed (mended - given)."""

    level: int
    code: str
    reason: str
    area_change_m2: float


@dataclass(frozen=True)
class Prepared:
    """The grids of one file or layer in the edition's columns, what was mended, and why rows were left out.

    Attributes
    ----------
    above
        (level, code) of a grid that is no row of the file → the code above it, from the columns ``above``.
    n_dissolved
        Codes that stood in several rows and are one grid now.
    """

    frame: GeoDataFrame
    mended: tuple[Mended, ...]
    faults: tuple[Fault, ...]
    above: Mapping[tuple[int, str], str] = field(default_factory=dict)
    n_dissolved: int = 0


def prepare(
    frame: GeoDataFrame, city: City, columns: GridColumns, source: str = "", *, dissolve: bool = False
) -> Prepared:
    """Bring one boundary file to the edition's columns; name every row that cannot be, all at once.

    Codes are read as in every file (:func:`gridmgmt.files.cells.as_code`), and one read as a
    number loses its ``.0``. Invalid rings are mended with ``make_valid(method="structure")``: shells bound
    area, holes exclude it, and what collapses to a line is dropped.

    Parameters
    ----------
    frame
        The file's features in EPSG:4490 (EPSG:4326 is relabelled), any row index.
    source
        File and layer, named in faults.
    dissolve
        A code that stands in several rows is one grid, the union of their polygons.

    Raises
    ------
    ColumnMissing
        The mapping names a column that the file does not have.
    CrsMissing, CrsImplausible
        See :func:`gridmgmt.geo.to_storage`.
    """
    raw = to_storage(frame, name=source).reset_index(drop=True)
    _require_columns(raw, columns, source)
    table = _edition_columns(raw, city, columns)
    given = _uncollected(raw.geometry.to_numpy())
    raw = raw.set_geometry(given, crs=raw.crs)
    table["geometry"] = multipolygons(given)
    above, torn = _above(raw, table, columns, source)
    faults = (*_faults(raw, table, columns, source), *torn, *(_apart(table, columns, source) if dissolve else ()))
    good = ~table.index.isin([x.row - 1 for x in faults])
    mended = _tell_mended(table[good & ~shapely.is_valid(given)], given, city.metric_epsg)
    whole = table[good].astype({"level": "int64", "code": str, "kind": str})
    n_dissolved = int(whole.loc[whole.duplicated(["level", "code"]), ["level", "code"]].drop_duplicates().shape[0])
    if dissolve and n_dissolved:
        whole = _dissolved(whole)
    made = in_order(GeoDataFrame(whole, geometry="geometry", crs=STORAGE_EPSG))
    return Prepared(made, mended, faults, above, n_dissolved if dissolve else 0)


def _require_columns(raw: GeoDataFrame, columns: GridColumns, source: str) -> None:
    own = (columns.code, columns.name_zh, columns.name_en, columns.parent, columns.kind, columns.responsible)
    named = (*own, *columns.above)
    missing = [x for x in named if x is not None and x not in raw.columns]
    if missing:
        raise ColumnMissing(file=source, columns=missing, found=[str(x) for x in raw.columns])


def _edition_columns(raw: GeoDataFrame, city: City, columns: GridColumns) -> pd.DataFrame:
    """The edition's columns but geometry, with missing values where the file has none; the raw frame's rows."""
    wanted = {
        "code": columns.code,
        "parent_code": columns.parent,
        "name_zh": columns.name_zh,
        "name_en": columns.name_en,
        "kind": columns.kind,
        "responsible": columns.responsible,
    }
    table = pd.DataFrame({key: _texts(raw, column) for key, column in wanted.items()})
    for column in ("code", "parent_code", "responsible"):
        table[column] = table[column].map(as_code, na_action="ignore").astype(object)
        table[column] = table[column].where(table[column].notna() & (table[column] != ""), None)
    seen = _level_texts(raw, columns)
    table["level"] = seen.map({x: _level_number(city, x) for x in seen.unique()}).astype("Int64")
    keys = {x.number: x.key for x in city.levels}
    return table.assign(
        name_zh=table["name_zh"].fillna("").astype(str),
        name_en=table["name_en"].fillna("").astype(str),
        kind=table["kind"].fillna(table["level"].map(keys)),
    )


def _level_texts(raw: GeoDataFrame, columns: GridColumns) -> pd.Series:
    if columns.level in raw.columns:
        return _texts(raw, columns.level)
    return pd.Series([columns.level] * len(raw), index=raw.index, dtype=object)


def _level_number(city: City, value: str | None) -> int | None:
    try:
        return city.level(value or "").number
    except LevelUnknown:
        return None


def _texts(raw: GeoDataFrame, column: str | None) -> pd.Series:
    """A column as trimmed text, None where empty; a whole float, as Excel and GDAL read codes, loses its ``.0``."""
    values = [None] * len(raw) if column is None else [_text(x) for x in raw[column]]
    return pd.Series(values, index=raw.index, dtype=object)


def _text(value: Any) -> str | None:
    if pd.isna(value):
        return None
    whole = isinstance(value, float) and value.is_integer()
    return (str(int(value)) if whole else trimmed(str(value))) or None


def multipolygons(geometries: Geometries) -> Geometries:
    """Each as a valid MultiPolygon; None where nothing polygonal was given or is left after mending."""
    types = shapely.get_type_id(geometries)
    ready = (types == shapely.GeometryType.MULTIPOLYGON) & shapely.is_valid(geometries)
    made: Geometries = geometries.copy()
    made[~ready] = None
    for i in np.flatnonzero(np.isin(types, _POLYGONAL) & ~ready):
        geometry = geometries[i]
        if not shapely.is_valid(geometry):
            geometry = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
        parts = shapely.get_parts(shapely.get_parts(geometry))  # a collection's parts may be MultiPolygons
        polygons = parts[shapely.area(parts) > 0]
        if len(polygons):
            made[i] = shapely.multipolygons(polygons)
    return made


def _uncollected(geometries: Geometries) -> Geometries:
    """A collection of nothing but polygons is what those polygons are."""
    made: Geometries = geometries.copy()
    for i in np.flatnonzero(shapely.get_type_id(geometries) == shapely.GeometryType.GEOMETRYCOLLECTION):
        parts = shapely.get_parts(geometries[i])
        if len(parts) and np.isin(shapely.get_type_id(parts), _POLYGONAL).all():
            made[i] = parts[0] if len(parts) == 1 else shapely.multipolygons(shapely.get_parts(parts))
    return made


def _above(
    raw: GeoDataFrame, table: pd.DataFrame, columns: GridColumns, source: str
) -> tuple[dict[tuple[int, str], str], list[Fault]]:
    """What stands above the parents by the columns ``above``, and rows that put one code under two."""
    found: dict[tuple[int, str], str] = {}
    faults = []
    names = [columns.parent, *columns.above]
    texts = [_texts(raw, name) for name in names]
    for step, (below, upper) in enumerate(pairwise(texts), 1):
        for i, (level, code, parent) in enumerate(zip(table["level"], below, upper, strict=True)):
            if pd.isna(level) or code is None or parent is None:
                continue
            if found.setdefault((int(level) - step, code), parent) != parent:
                facts = {"grid": code, "other": found[int(level) - step, code]}
                faults.append(Fault(i + 1, str(names[step]), parent, "grid_parent_two", facts, sheet=source))
    return found, faults


def _apart(table: pd.DataFrame, columns: GridColumns, source: str) -> list[Fault]:
    """Rows of one code that name another parent than its first row: they are not one grid."""
    first = table.groupby(["level", "code"])["parent_code"].transform("first")
    rows = table.index[table["parent_code"].notna() & (table["parent_code"] != first) & first.notna()]
    return [
        Fault(
            i + 1, columns.parent or "", table["parent_code"][i], "grid_parent_two",
            {"grid": table["code"][i], "other": first[i]}, sheet=source,
        )
        for i in rows
    ]  # fmt: skip


def _dissolved(whole: pd.DataFrame) -> pd.DataFrame:
    """One row a code, the union of its rows; what else it is called is told by the first row that says it."""
    groups = whole.groupby(["level", "code"], sort=False)
    told = groups.first().reset_index()
    unions = groups["geometry"].agg(lambda x: shapely.union_all(x.to_numpy())).to_numpy()
    return told.assign(geometry=multipolygons(unions))[list(whole.columns)]


def _faults(raw: GeoDataFrame, table: pd.DataFrame, columns: GridColumns, source: str) -> tuple[Fault, ...]:
    """Every reason for which a row cannot become a grid, in the file's order."""
    given, column = raw.geometry.to_numpy(), str(raw.geometry.name)
    absent = shapely.is_missing(given) | shapely.is_empty(given)
    foreign = ~absent & ~np.isin(shapely.get_type_id(given), _POLYGONAL)
    collapsed = ~absent & ~foreign & shapely.is_missing(table["geometry"])
    levels = _level_texts(raw, columns).fillna("")
    checks: tuple[tuple[Any, str, Callable[[int], str], str], ...] = (
        (table["code"].isna(), columns.code, lambda i: "", "grid_code_missing"),
        (table["level"].isna(), columns.level, lambda i: levels[i], "grid_level_unknown"),
        (absent, column, lambda i: "", "grid_geometry_missing"),
        (foreign, column, lambda i: given[i].geom_type, "grid_not_polygonal"),
        (collapsed, column, lambda i: given[i].wkt[:80], "grid_collapsed"),
    )
    faults = [
        Fault(i + 1, where, value(i), code, sheet=source)
        for wrong, where, value, code in checks
        for i in np.flatnonzero(wrong).tolist()
    ]
    return tuple(sorted(faults, key=lambda x: x.row))


def _tell_mended(rows: pd.DataFrame, given: Geometries, epsg: int) -> tuple[Mended, ...]:
    """What was mended in these rows; ``given`` are all geometries as they came, by row."""
    before = given[rows.index]
    after_m2, before_m2 = (
        areas_m2(GeoDataFrame(geometry=x, crs=STORAGE_EPSG), epsg) for x in (rows["geometry"].to_numpy(), before)
    )
    reasons = shapely.is_valid_reason(before)
    told = zip(rows["level"], rows["code"], reasons, after_m2 - before_m2, strict=True)
    return tuple(Mended(int(level), str(code), str(reason), float(m2)) for level, code, reason, m2 in told)


def in_order(frame: GeoDataFrame) -> GeoDataFrame:
    """The edition's columns and types, rows by level and code, numbered from 0."""
    ordered = frame[list(FRAME_COLUMNS)].sort_values(["level", "code"], kind="stable", ignore_index=True)
    for column in ("parent_code", "responsible"):  # None, not NaN: the store would write NaN as text
        ordered[column] = ordered[column].astype(object).where(ordered[column].notna(), None)
    return ordered
