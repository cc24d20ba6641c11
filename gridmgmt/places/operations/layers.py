"""Reference layers (参考图层): loaded whole from a file, listed, read as they were on a day, written out."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from gridmgmt.city import City
from gridmgmt.database import batches, cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Undo, Work
from gridmgmt.errors import LayerEmpty, LayerExists, LayerMissing, LayerOverlap, NoEditionOnDate, OptionInvalid
from gridmgmt.faults import Fault
from gridmgmt.files import geofiles
from gridmgmt.files.writing import whole
from gridmgmt.places import layers
from gridmgmt.places.layers import Kind, Known, Prepared
from gridmgmt.places.readers import layers as reading
from gridmgmt.places.store import editions
from gridmgmt.places.store import layers as store
from gridmgmt.places.store.layers import Layer as Layer
from gridmgmt.texts import both

FORMATS = {".geojson": "GeoJSON", ".json": "GeoJSON", ".gpkg": "GPKG"}
_OWN_COLUMNS = ("fid", "geom", "geometry")
"""Columns that a GeoPackage has itself."""

_SHOWN_FAULTS = 5
"""So many faults stand in the message where nothing could be loaded."""


@dataclass
class LayerReport:
    """What became of a file's features: ``n_read == n_loaded + n_left_out``, always.

    Attributes
    ----------
    predecessor
        What became of the layer before: ``closed``, ``replaced`` (it began on the same day or later), or None.
    n_outside
        Loaded features wholly outside the city's grids of the day; None where no edition is valid then.
    """

    file: str
    kind: str
    name: str
    valid_from: dt.date
    n_read: int
    n_loaded: int
    n_left_out: int
    n_numbered: int
    n_outside: int | None
    sha256: str
    is_new: bool
    predecessor: str | None
    dry_run: bool
    reasons: dict[str, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        faults = [{"number": f.row, "name": f.column, **f.as_dict("value", "code", "facts")} for f in self.faults]
        return {**asdict(self), "valid_from": self.valid_from.isoformat(), "faults": faults}


@needs("reference.write", whole=True, by_worker=True)
def import_layer(
    work: Work,
    path: Path,
    kind: str,
    *,
    name: str | None = None,
    layer: str | None = None,
    crs: str | None = None,
    mapping: Mapping[str, str] | None = None,
    valid_from: dt.date | None = None,
    number: bool = False,
    replace: bool = False,
    encoding: str | None = None,
) -> LayerReport:
    """Load a file as the layer of a kind and name from a day on; the one before ends on that day.

    The same features again change nothing. Features with faults are left out and told one by one.

    Parameters
    ----------
    name
        Of the layer, where a kind has several side by side; default: the kind's.
    layer
        Layer or worksheet of the file.
    mapping
        Field → column of the file; also ``lon`` and ``lat`` of a table.
    encoding
        Of the file's texts, where they are read wrong or not at all.
    valid_from
        Default: today in city time.
    replace
        Correct the layers that begin on the same day or later: they stay, but hold on no day.

    Raises
    ------
    LayerKindMissing, FileUnreadable, ColumnMissing, CrsMissing, CrsImplausible, OptionInvalid
    LayerEmpty, LayerExists, LayerOverlap
        Nothing is loaded.
    """
    reading.kind(kind)
    place, fields = _mappings(mapping or {})
    wanted = _Wanted(kind, (name or "").strip() or kind, fields, valid_from, number, replace, not work.keep)
    work.progress("read", 0)
    read = reading.read(path, layer, crs, place, encoding)
    report: LayerReport | None = None
    with work.locked() as connection:
        work.progress("check", read.n)
        report, found, batch_id = _checked(connection, path, read, wanted)
        work.progress("save", len(found.frame))
        before = store.newest(connection, report.kind, report.name)
        began = before is not None and (before.valid_from or report.valid_from) <= report.valid_from
        if before is not None and began and before.sha256 == report.sha256:
            report.is_new, report.valid_from = False, before.valid_from or report.valid_from
            raise Undo
        _save(connection, report, found, before, wanted, batch_id)
        work.done(connection, report.as_dict())
    if report is None:
        raise RuntimeError("a layer was imported without its report")
    return report


@dataclass(frozen=True)
class _Wanted:
    """What an import was asked for."""

    kind: str
    name: str
    fields: dict[str, str]
    valid_from: dt.date | None
    number: bool
    replace: bool
    dry_run: bool


def _checked(
    connection: Connection, path: Path, read: reading.Features, wanted: _Wanted
) -> tuple[LayerReport, Prepared, int]:
    """The features that can be loaded, the report on all, and the batch they come in.

    Raises
    ------
    LayerEmpty
    """
    city = cities.load_city(connection)
    batch_id = batches.new_batch(connection, "layer", file=path.name, file_sha256=read.sha256)
    first = wanted.valid_from or cities.today(connection)
    others = store.codes_of_others(connection, wanted.kind, wanted.name, first)
    known = Known(store.unit_codes(connection), others)
    fields = _of_city(wanted.fields, read.frame, city)
    model = reading.kind(wanted.kind)
    found = layers.prepare(read.frame, model, fields, known, number=wanted.number, source=path.name)
    faults = tuple(sorted([*read.faults, *found.faults], key=lambda f: f.row))
    if found.frame.empty:
        examples = [worded(f) for f in faults[:_SHOWN_FAULTS]]
        raise LayerEmpty(file=path.name, kind=wanted.kind, n=read.n, faults=examples)
    n, n_outside = len(found.frame), _n_outside(connection, found, first)
    report = LayerReport(
        path.name, wanted.kind, wanted.name, first, read.n, n, read.n - n, found.n_numbered, n_outside,
        layers.sha256(found.frame), True, None, wanted.dry_run, dict(Counter(f.code for f in faults)), faults,
    )  # fmt: skip
    return report, found, batch_id


def _save(
    connection: Connection, report: LayerReport, found: Prepared, before: Layer | None, wanted: _Wanted, batch_id: int
) -> None:
    """Close the layer before, save this one, keep its report with the batch.

    Raises
    ------
    LayerExists, LayerOverlap
    """
    if before is not None and before.valid_from is not None:
        first, day = before.valid_from, report.valid_from.isoformat()
        if first == report.valid_from and not wanted.replace:
            raise LayerExists(kind=report.kind, name=report.name, day=day)
        if first > report.valid_from and not wanted.replace:
            raise LayerOverlap(kind=report.kind, name=report.name, day=day, other_from=first.isoformat())
        store.make_way(connection, report.kind, report.name, report.valid_from)
        report.predecessor = "closed" if first < report.valid_from else "replaced"
    known_at = batches.stamp_batch(connection, batch_id)
    store.insert(
        connection, report.kind, report.name, report.valid_from, found.frame,
        sha256=report.sha256, batch_id=batch_id, known_at=known_at,
    )  # fmt: skip
    kept = {k: v for k, v in report.as_dict().items() if k not in ("faults", "dry_run")}
    batches.close_batch(connection, batch_id, kept)


def mapping_of(given: Iterable[str]) -> dict[str, str]:
    """Which column holds which field, each written ``FIELD=COLUMN``.

    Raises
    ------
    OptionInvalid
    """
    out: dict[str, str] = {}
    for text in given:
        name, equals, column = (part.strip() for part in text.partition("="))
        if not (equals and name and column) or name in out:
            raise OptionInvalid(name="--map", value=text, expected="FIELD=COLUMN")
        out[name] = column
    return out


def worded(fault: Fault) -> str:
    """A fault in both languages."""
    return f"{fault.row} {fault.column}={fault.value!r}: {both(fault.code, fault.facts)}"


def _mappings(given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Columns of a table's coordinates, and columns of fields."""
    known = [*layers.USUAL, *reading.PLACE]
    for name in given:
        if name not in known:
            raise OptionInvalid(name="--map", value=name, expected=" | ".join(known))
    return (
        {k: v for k, v in given.items() if k in reading.PLACE},
        {k: v for k, v in given.items() if k in layers.USUAL},
    )


def _of_city(fields: dict[str, str], frame: gpd.GeoDataFrame, city: City) -> dict[str, str]:
    """A column that is called ``name`` holds names in the city's first language."""
    plain = "name" in frame.columns and "name_zh" not in {*frame.columns, *fields}
    if plain and city.languages[0] == "en" and "name_en" not in {*frame.columns, *fields}:
        return {**fields, "name_en": "name"}
    return fields


def _n_outside(connection: Connection, found: Prepared, day: dt.date) -> int | None:
    try:
        edition = editions.on_date(connection, day)
    except NoEditionOnDate:
        return None
    city = shapely.union_all(editions.grids(connection, edition.id, [1]).geometry.to_numpy())
    shapely.prepare(city)
    return int((~shapely.intersects(city, found.frame.geometry.to_numpy())).sum())


@needs("grids.read")
def list_layers(work: Work, kind: str | None = None, day: dt.date | None = None) -> list[Layer]:
    """Every layer, of one kind, or valid on a day.

    Raises
    ------
    LayerKindMissing
    """
    if kind is not None:
        reading.kind(kind)
    with work.snapshot() as connection:
        return store.all_layers(connection, kind, day)


def as_json(layer: Layer) -> dict[str, Any]:
    """A layer as commands and the API show it."""
    return {
        "kind": layer.kind, "name": layer.name, "from": layer.valid_from, "to": layer.valid_to,
        "n_features": layer.n_features, "sha256": layer.sha256, "file": layer.file,
        "file_sha256": layer.file_sha256, "known_at": layer.known_at,
    }  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """The layers of a kind on a day: the kind, their heads, how many features each class has, the features."""

    kind: Kind
    heads: tuple[Layer, ...]
    classes: Mapping[str | None, int]
    frame: gpd.GeoDataFrame

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form, without the features."""
        classes = [{"class": key, "n": n} for key, n in self.classes.items()]
        return {"layers": [as_json(x) for x in self.heads], "classes": classes}


@needs("grids.read")
def show(work: Work, kind: str, day: dt.date | None = None, name: str | None = None) -> Shown:
    """The layers of a kind on a day (default: today in city time).

    Raises
    ------
    LayerKindMissing
    LayerMissing
        None is valid on that day.
    """
    model = reading.kind(kind)
    with work.snapshot() as connection:
        when = day or cities.today(connection)
        valid = store.all_layers(connection, kind, when)
        heads = tuple(x for x in valid if name in (None, x.name))
        if not heads:
            known = [f"{x.kind}/{x.name}" for x in store.all_layers(connection, None, when)]
            raise LayerMissing(kind=kind, name=name, day=when.isoformat(), known=known)
        frame = store.features(connection, kind, when, name)
        tally = Counter(frame["class"])
        classes = {key: tally[key] for key in [*model.classes, None] if tally[key]}
        return Shown(model, heads, classes, frame)


@needs("grids.read")
def export(work: Work, kind: str, out: Path, *, day: dt.date | None = None, name: str | None = None) -> int:
    """Write the features of a kind on a day as GeoJSON or GeoPackage; gives how many.

    Further columns of the file they came in are columns again, with a number behind the name where it is taken; the
    folder is made.

    Raises
    ------
    LayerKindMissing, LayerMissing
    OptionInvalid
        The file's name ends in none of :data:`FORMATS`.
    """
    driver = FORMATS.get(out.suffix.lower())
    if driver is None:
        raise OptionInvalid(name="--out", value=out.name, expected=" | ".join(FORMATS))
    wide = features(work, kind, day, name)
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole(out) as draft:
        geofiles.save(wide, draft, driver, kind)
    return len(wide)


@needs("grids.read")
def features(work: Work, kind: str, day: dt.date | None = None, name: str | None = None) -> gpd.GeoDataFrame:
    """The features of a kind on a day as :func:`export` writes them.

    Raises
    ------
    LayerKindMissing, LayerMissing
    """
    found = show(work, kind, day, name).frame
    with work.snapshot() as connection:
        epsg = cities.load_city(connection).datum_epsg
    plain = pd.DataFrame(found.drop(columns=["geometry", "attributes"]))
    extra = pd.DataFrame(found["attributes"].tolist(), index=found.index)
    extra.columns = pd.Index(layers.free_names(list(extra.columns), [*plain.columns, *_OWN_COLUMNS]))
    return gpd.GeoDataFrame(plain.join(extra), geometry=found.geometry, crs=epsg)
