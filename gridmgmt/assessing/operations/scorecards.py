"""Export (导出): an assessment's scorecards as files, one for each subject of a level and one summary."""

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely
from shapely.geometry.base import BaseGeometry

from gridmgmt.assessing.operations import permits
from gridmgmt.assessing.operations.scoring import level_number
from gridmgmt.assessing.store import assessments, frozen
from gridmgmt.assessing.store.assessments import Stored
from gridmgmt.city import City
from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import LevelUnknown, OptionInvalid, SubjectMissing
from gridmgmt.files.names import file_stem
from gridmgmt.files.wording import named
from gridmgmt.files.writing import check
from gridmgmt.people.store import units
from gridmgmt.places.store import editions
from gridmgmt.scorecards.documents import CardHeader, Document
from gridmgmt.scorecards.exports.cards import Card
from gridmgmt.scorecards.exports.picture import picture
from gridmgmt.scorecards.exports.scene import scene_of
from gridmgmt.scorecards.exports.writing import BILINGUAL, CARD_FORMATS, FORMATS, Writer

_HOT_SPOTS_OF = ("n_reported", "n_due")
"""The map shows the cases of the first of these that a grid has."""


@needs("results.read", by_worker=True)
def export(
    work: Work,
    assessment: str,
    level: str,
    out: Path,
    formats: Collection[str],
    codes: Collection[str] | None = None,
    writer: Writer = BILINGUAL,
) -> list[Path]:
    """Write a level's scorecards: ``<code>.xlsx|html|json`` for each subject, ``summary.xlsx`` and ``summary.csv``.

    All files are made beside ``out`` first and moved in at the end: a failure
    leaves the folder as it was. Files of the same name are replaced, others stay.

    Parameters
    ----------
    level
        A grid level, or ``unit`` or ``person``, which have no maps.
    formats
        Of :data:`gridmgmt.scorecards.exports.writing.FORMATS`; csv is the summary only.
    codes
        Only these subjects' cards; the summary always has the whole level.
    writer
        In which language, and under which heads.

    Returns
    -------
    list of Path
        The files, the summary first.

    Raises
    ------
    OptionInvalid, AssessmentMissing, LevelUnknown, SubjectMissing
    """
    for name in formats:
        if name not in FORMATS:
            raise OptionInvalid(name="format", value=name, expected=", ".join(FORMATS))
    wanted = [f for f in FORMATS if f in formats]
    with work.snapshot() as connection, _moved_into(out) as folder:
        source = _read(work, connection, assessment, level)
        names = _summary(source, wanted, folder, writer)
        chosen = _chosen(source, codes) if {*wanted} - {"csv"} else []
        for i, document in enumerate(chosen):
            work.progress("cards", i, len(chosen))
            card = source.card(document, writer)
            for name in (f for f in wanted if f in CARD_FORMATS):
                names.append(f"{file_stem(document.subject.code)}.{name}")
                (folder / names[-1]).write_bytes(writer.card(card, name))
        work.progress("cards", len(chosen), len(chosen))
    return [out / name for name in names]


@needs("results.read", by_worker=True)
def one(
    work: Work, assessment: str, code: str, format: str, level: str | None = None, writer: Writer = BILINGUAL
) -> bytes:
    """One subject's scorecard as xlsx, html or json, or its small map as svg (empty where it has no outline).

    Raises
    ------
    OptionInvalid, AssessmentMissing, LevelUnknown, SubjectMissing
    """
    if format not in CARD_FORMATS:
        raise OptionInvalid(name="format", value=format, expected=", ".join(CARD_FORMATS))
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        stored = permits.named(work, connection, assessment)
        document = assessments.document(connection, stored, code, level_number(stored, city, level))
        permits.check(work, connection, stored, document)
        source = _source(connection, city, stored, document.subject.level_number, [document])
        return writer.card(source.card(document, writer), format)


@dataclass(frozen=True)
class _Source:
    """What the cards of one level are made from."""

    connection: Connection
    stored: Stored
    header: CardHeader
    level: int
    documents: Sequence[Document]
    grids: gpd.GeoDataFrame
    """The level's grids in the assessment's edition, by code."""
    children: Mapping[str, Sequence[BaseGeometry]]
    """The outlines one level down, by parent code."""

    def card(self, document: Document, writer: Writer) -> Card:
        """A grid's card with its map; no map where it is not in the assessment's edition."""
        code = document.subject.code
        if code not in self.grids.index:
            return Card(self.header, document, None)
        count = next((c for c in _HOT_SPOTS_OF if document.counts.get(c)), _HOT_SPOTS_OF[0])
        bit = self.stored.header.counts["cases"].index(count)
        spots = frozen.spots(self.connection, self.stored.id, self.level, code, bit)
        outline = self.grids.geometry[code]
        around = self.grids.geometry.iloc[self.grids.sindex.query(_reach(outline))]
        scene = scene_of(outline, self.children.get(code, ()), around[around.index != code].tolist(), spots)
        drawing = writer.sketch(scene, document)
        return Card(self.header, document, drawing, (count, len(spots)), picture(scene))


def _reach(outline: BaseGeometry) -> BaseGeometry:
    """A box that holds all its map can show: around a grid as far as the grid is long."""
    west, south, east, north = outline.bounds
    far = max(east - west, north - south)
    return shapely.box(west - far, south - far, east + far, north + far)


def _read(work: Work, connection: Connection, assessment: str, level: str) -> _Source:
    city = cities.load_city(connection)
    stored = permits.named(work, connection, assessment)
    number = level_number(stored, city, level)
    documents = permits.own(work, connection, stored, assessments.documents(connection, stored.id, number))
    if number is None or not documents:
        raise LevelUnknown(value=level, known=[x.key for x in stored.header.levels])
    return _source(connection, city, stored, number, documents)


def _source(connection: Connection, city: City, stored: Stored, level: int, documents: Sequence[Document]) -> _Source:
    grids = editions.grids(connection, stored.edition_id, [level, level + 1] if level else [level])
    wanted = {d.subject.parent for d in documents}
    parents = {c: n for c, n in _names_above(connection, stored, level).items() if c in wanted}
    more = {"name": stored.name, "sha256": stored.sha256, "parents": parents}
    header = CardHeader.model_validate({**stored.stored_header, **more})
    below = grids[grids["level"] == level + 1]
    children = {str(code): list(group) for code, group in below.geometry.groupby(below["parent_code"])}
    here = grids[grids["level"] == level].set_index("code")
    return _Source(connection, stored, header, level, documents, here, children)


def _names_above(connection: Connection, stored: Stored, level: int) -> dict[str, dict[str, str]]:
    """Names of what stands above the subjects of a level: grids, or the units above units."""
    found: list[tuple[Any, Any, Any]]
    if level:
        names = editions.grid_names(connection, [stored.edition_id])
        above = names[names["level"] == level - 1]
        found = list(zip(above["code"], above["name_zh"], above["name_en"], strict=True))
    else:
        found = [(code, r["name_zh"], r["name_en"]) for code, r in units.units(connection).items()]
    return {code: named(zh, en, code) for code, zh, en in found}


def _chosen(source: _Source, codes: Collection[str] | None) -> list[Document]:
    if codes is None:
        return list(source.documents)
    found = {d.subject.code: d for d in source.documents}
    for code in codes:
        if code not in found:
            raise SubjectMissing(name=source.stored.name, code=code)
    return [found[code] for code in dict.fromkeys(codes)]


def _summary(source: _Source, formats: Sequence[str], folder: Path, writer: Writer) -> list[str]:
    names = [f"summary.{form}" for form in ("xlsx", "csv") if form in formats]
    for name in names:
        (folder / name).write_bytes(writer.summary(source.header, source.documents, name.rpartition(".")[2]))
    return names


@contextmanager
def _moved_into(out: Path) -> Iterator[Path]:
    """A folder to work in, beside ``out``; what it holds is moved there if all went well."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield folder
        out.mkdir(exist_ok=True)
        for path in sorted(folder.iterdir()):
            check(out / path.name)
        for path in sorted(folder.iterdir()):
            os.replace(path, out / path.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
