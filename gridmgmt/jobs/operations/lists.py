"""The rows of a list that is exported (清单): what its own use case shows to whoever asks, no row more."""

import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

import geopandas as gpd
import pandas as pd

from gridmgmt import bounds
from gridmgmt.assessing.operations import scorecards, scoring
from gridmgmt.casework.operations import lookup
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.figures.operations import indicators
from gridmgmt.inspections.operations import samples
from gridmgmt.intake.exports import bad_rows
from gridmgmt.intake.operations import imports, mending
from gridmgmt.jobs.exports import lists
from gridmgmt.jobs.kinds import ExportAsked, Wanted
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_period
from gridmgmt.places.operations import editions, layers
from gridmgmt.scorecards.exports.cards import ranked
from gridmgmt.scorecards.exports.writing import Writer
from gridmgmt.texts import LANGUAGES

_CARDS = ("xlsx", "csv", "json", "html")


@needs("exports.make")
def write(work: Work, asked: ExportAsked, out: Path) -> int:
    """Write a list to a file; gives how many rows or files it holds.

    Raises
    ------
    AccessDenied, OutsideScope
        The list itself is not his.
    """
    work.progress("read", 0)
    if asked.list == "quarantine":
        return _quarantine(work, asked, out)
    if asked.format == "zip":
        return _cards(work, asked, out)
    city = reference.load_city(work)
    frame = _READ[asked.list](work, asked.filter)
    bounds.hold(out, "rows", len(frame))
    work.progress("save", len(frame))
    if not isinstance(frame, gpd.GeoDataFrame):
        frame = gpd.GeoDataFrame(frame, geometry=[None] * len(frame))
    frame = frame.set_crs(city.datum_epsg, allow_override=True)
    lists.write(frame, out, asked.list, asked.format, {"list": asked.list, "filter": asked.told()})
    return len(frame)


def _points(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> gpd.GeoDataFrame:
    frame = pd.DataFrame(rows, columns=None if rows else columns)
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(frame["lon"], frame["lat"]))


def _cases(work: Work, wanted: Wanted) -> gpd.GeoDataFrame:
    most = bounds.most("rows") + 1
    _, rows = lookup.list_cases(
        work, states=wanted.states, unit=wanted.unit, grid=wanted.grid, category=wanted.category,
        overdue=wanted.overdue, limit=most,
    )  # fmt: skip
    return _points(rows, ("case_no", "lon", "lat"))


def _samples(work: Work, wanted: Wanted) -> gpd.GeoDataFrame:
    period = parse_period(wanted.period) if wanted.period else None
    asked = samples.Asked(period, wanted.unit, wanted.grid)
    return _points(samples.by_time(work, asked, bounds.most("rows") + 1), ("sample_no", "lon", "lat"))


def _indicators(work: Work, wanted: Wanted) -> pd.DataFrame:
    period = parse_period(wanted.period or "")
    table, found = indicators.indicators(work, period, wanted.level or "", wanted.as_of)
    number = found.city.level(wanted.level or "").number
    grids = editions.grids_of(work, found.edition.name, None, [number])
    shapes = dict(zip(grids["code"], grids.geometry, strict=True))
    frame: pd.DataFrame = gpd.GeoDataFrame(table, geometry=[shapes.get(code) for code in table["code"]])
    for name, value in (("edition", found.edition.name), ("as_of", found.as_of.isoformat()), ("period", str(period))):
        frame.insert(0, name, value)
    return frame


def _grids(work: Work, wanted: Wanted) -> gpd.GeoDataFrame:
    city = reference.load_city(work)
    levels = [city.level(x).number for x in wanted.levels] or None
    frame: gpd.GeoDataFrame = editions.grids_of(work, wanted.edition, wanted.day, levels).drop(columns="id")
    return frame


def _layers(work: Work, wanted: Wanted) -> gpd.GeoDataFrame:
    return layers.features(work, wanted.kind or "", wanted.day, wanted.name)


def _scorecards(work: Work, wanted: Wanted) -> pd.DataFrame:
    stored, documents, _ = scoring.read(work, wanted.assessment or "", wanted.level)
    rows = [
        {
            "assessment": stored.name, "level": d.subject.level, "code": d.subject.code,
            "name_zh": d.subject.name["zh"], "name_en": d.subject.name["en"],
            "status": d.status, "total": d.written_total, "place": d.place,
            "grade": d.grade,
        }
        for d in ranked(documents)
    ]  # fmt: skip
    return pd.DataFrame(rows)


_READ: Mapping[str, Callable[[Work, Wanted], pd.DataFrame]] = {
    "cases": _cases, "samples": _samples, "indicators": _indicators, "grids": _grids, "layers": _layers,
    "scorecards": _scorecards,
}  # fmt: skip


def _cards(work: Work, asked: ExportAsked, out: Path) -> int:
    """All scorecards of a level with their summary, in an archive."""
    wanted = asked.filter
    with tempfile.TemporaryDirectory() as folder:
        cards = Path(folder) / "cards"
        made = scorecards.export(
            work, wanted.assessment or "", wanted.level or "", cards, _CARDS, wanted.codes or None, Writer(asked.lang)
        )
        (cards / "filter.json").write_text(wanted.model_dump_json(exclude_defaults=True), "utf-8")
        shutil.move(shutil.make_archive(str(Path(folder) / "made"), "zip", cards), out)
    return len(made)


def _quarantine(work: Work, asked: ExportAsked, out: Path) -> int:
    """The rows in quarantine, a workbook for each file, in an archive; who reported stays here."""
    names: Counter[str] = Counter()
    n = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for held in imports.held_rows(work):
            name = PurePath(held.group.file).name
            names[name] += 1
            entry = f"{name}.xlsx" if names[name] == 1 else f"{name}-{names[name]}.xlsx"
            archive.writestr(entry, bad_rows.workbook(mending.without_reporters(held), asked.lang or LANGUAGES[0]))
            n += len(held.rows)
            work.progress("save", n)
    return n
