"""A profile proposed for an unknown file of cases (导入方案建议), to be looked at and edited by a person.

Columns are matched by their names and by what they hold, coordinates by where
the points would fall in the city's grids, classes and units by the city's
tables. What is proposed is then tried on rows of all parts of the file.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_crs_info
from pyproj.enums import PJType

from gridmgmt.city import City
from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.files import calendars
from gridmgmt.files.rows import X, Y
from gridmgmt.intake.operations import misplaced
from gridmgmt.intake.proposing import APART, PLACE, Match, Proposal, match, meanings
from gridmgmt.intake.readers import facts as parsing
from gridmgmt.intake.readers import unknown
from gridmgmt.intake.readers.columns import CASE_TIMES
from gridmgmt.intake.readers.contents import Contents, contents, spread
from gridmgmt.intake.readers.facts import Known, Parsed
from gridmgmt.intake.readers.names import names
from gridmgmt.intake.readers.profiles import Profile
from gridmgmt.intake.readers.unknown import Sample
from gridmgmt.people.operations.assigning import LEAF, UPPER, Assigner
from gridmgmt.people.store import categories, units
from gridmgmt.places.store import editions

_TRIED = 1000
"""So many located rows, spread over the file, are tried in each coordinate system."""

_MOST_COLUMNS = 8
"""Of so many columns of numbers every two are tried as coordinates, where none are named so."""

_CLOSE = 0.02
"""A reading that puts only so much less inside is as good as the best (project convention)."""

_MOST_WORDS = 40
"""A column of more different words tells no states."""

_NOT_METRES = 360


@dataclass
class _Table:
    """The file, what it holds, and the city that it is for."""

    sample: Sample
    found: Contents
    city: City
    known: Known
    assigner: Assigner
    day: dt.date
    area: AreaOfInterest | None


@needs("imports.write")
def propose(work: Work, path: Path, sheet: str | None = None) -> Proposal:
    """A profile for an unknown file of cases, and what a person should look at.

    Raises
    ------
    FileUnreadable, CityMissing
    """
    sheets = {} if sheet else unknown.sheets(path)
    sheet = sheet or _sheet(sheets)
    with work.snapshot() as connection:
        table = _table(connection, unknown.sample(path, sheet))
        matched = _matched(table)
        proposal = Proposal({"id": _id_of(path), "kind": "cases", "title": dict.fromkeys(("zh", "en"), path.name)})
        _file_keys(proposal, table)
        if len(sheets) > 1:
            others = [name for name in sheets if name != (sheet or next(iter(sheets)))]
            proposal.remark("sheet", "proposed_sheet", others=others)
        _columns(proposal, table, matched)
        _location(proposal, table, matched)
        _category(proposal, table, matched)
        _deadline(proposal, table, matched)
        _units(proposal, table, matched)
        _tried(proposal, table)
        _unused(proposal, table)
    return proposal


def _sheet(found: Mapping[str, Sequence[Sequence[str]]]) -> str | None:
    """The first of a workbook's sheets whose heads name most fields; None: that is the first of all."""
    fields = names().fields
    named = {
        sheet: max((sum(m.sure for m in match([c for c in row if c], fields, {}).values()) for row in rows), default=0)
        for sheet, rows in found.items()
    }
    best = max(named, key=lambda sheet: named[sheet], default=None)
    return None if best == next(iter(found), None) else best


def _table(connection: Connection, sample: Sample) -> _Table:
    city = cities.load_city(connection)
    known = Known(categories.category_keys(connection), set(units.unit_ids(connection)))
    told = names()
    found = contents(sample.rows, city.zone, told.nulls, told.time_formats)
    active = [e for e in editions.all_editions(connection) if e.is_active]
    area, day = None, dt.date(2000, 1, 1)
    if active:
        last = active[-1]
        bounds = editions.grids(connection, last.id).total_bounds
        area, day = AreaOfInterest(*map(float, bounds)), last.valid_from or day
    return _Table(sample, found, city, known, Assigner(connection, city), day, area)


def _id_of(path: Path) -> str:
    return re.sub(r"\W+", "_", path.name.partition(".")[0]).strip("_").lower() or "cases"


def _matched(table: _Table) -> dict[str, Match]:
    """Field → column, by name where the content fits; the number and the report also by content alone."""
    found = table.found
    columns = [c for c in found.values.columns if c not in (X, Y) and found.values[c].notna().any()]
    fits: dict[str, list[str]] = {key: [*found.times] for key in (*CASE_TIMES, "due_at", "version")}
    fits |= {"case_no": found.keys, **dict.fromkeys(PLACE, found.numbers)}
    out = match(columns, names().fields, fits)
    taken = {m.column for m in out.values()}
    filled = [c for c in found.times if found.values[c].notna().all()]
    for name, may in (("case_no", found.keys), ("reported_at", filled)):
        first = next((c for c in may if c not in taken and c not in (X, Y)), None)
        if name not in out and first is not None:
            out[name] = Match(first, sure=False)
    return out


def _file_keys(proposal: Proposal, table: _Table) -> None:
    sample, profile = table.sample, proposal.profile
    profile["time_zone"] = table.city.time_zone
    proposal.remark("time_zone", "proposed_zone")
    if sample.encoding is not None:
        profile["encodings"] = [sample.encoding]
        if sample.encoding != "utf-8":
            proposal.remark("encodings", "proposed_encoding", encoding=sample.encoding)
    if sample.separator not in (None, ","):
        profile["separator"] = sample.separator
    if sample.sheet is not None:
        profile["sheet"] = sample.sheet
    texts = {v for c in sample.rows for v in sample.rows[c].dropna().unique()}
    profile["null_values"] = ["", *(n for n in names().nulls if n in texts)]


def _columns(proposal: Proposal, table: _Table, matched: dict[str, Match]) -> None:
    out: dict[str, Any] = {}
    version = matched.get("version")
    if version is not None:
        proposal.profile["version"] = version.column
        _unsure(proposal, "version", version)
    for name, m in matched.items():
        if name in APART:
            continue
        spec: dict[str, Any] = {"column": m.column}
        times = table.found.times.get(m.column)
        if name in CASE_TIMES and times is not None:
            spec |= _format(proposal, f"columns.{name}", m.column, table)
        if name == "status":
            spec |= _states(proposal, table, m.column)
            if not spec.get("map"):
                continue
        out[name] = m.column if list(spec) == ["column"] else spec
        _unsure(proposal, f"columns.{name}", m)
    for name in ("case_no", "reported_at"):
        if name not in out:
            proposal.remark("columns", "proposed_missing", field=name)
    if "registered_at" not in out and "reported_at" in out:
        out["registered_at"] = out["reported_at"]
        proposal.remark("columns.registered_at", "proposed_registered")
    proposal.profile["columns"] = out


def _unsure(proposal: Proposal, key: str, found: Match) -> None:
    if not found.sure:
        proposal.remark(key, "proposed_guess", column=found.column)


def _format(proposal: Proposal, key: str, column: str, table: _Table) -> dict[str, str]:
    times = table.found.times[column]
    if times.others:
        proposal.remark(key, "proposed_format", others=list(times.others))
    if times.days_only and key != "deadline":
        proposal.remark(key, "proposed_days")
    return {"format": times.format} if times.format is not None else {}


def _states(proposal: Proposal, table: _Table, column: str) -> dict[str, Any]:
    values = table.found.values[column].dropna().unique()
    if len(values) > _MOST_WORDS:
        proposal.remark("columns", "proposed_no_states", column=column, n=len(values))
        return {}
    found = meanings(map(str, values), names().status)
    for value in (v for v, meaning in found.items() if meaning is None):
        proposal.remark("columns.status", "proposed_state", value=value)
    return {"map": {value: meaning or "registered" for value, meaning in found.items()}}


# --- where the points fall -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Reading:
    """Two columns read as coordinates of a system, and how many of the rows tried lie in a grid."""

    x: str
    y: str
    system: str
    n_inside: int
    n_tried: int


def _location(proposal: Proposal, table: _Table, matched: dict[str, Match]) -> None:
    found = sorted(_readings(table, matched), key=lambda r: -r.n_inside)
    if not found or found[0].n_inside == 0:
        proposal.remark("location", "proposed_no_place")
        named = [matched[name].column for name in PLACE if name in matched]
        if len(named) == len(PLACE):
            proposal.profile["location"] = {"lon": named[0], "lat": named[1], "system": "epsg:4490"}
        return
    best = found[0]
    by_geometry = (best.x, best.y) == (X, Y) and table.sample.crs is not None
    place: dict[str, Any] = {"geometry": True} if by_geometry else {"lon": best.x, "lat": best.y, "system": best.system}
    proposal.remark("location", "proposed_place", system=best.system, n=best.n_inside, of=best.n_tried)
    close = [r for r in found[1:] if r.n_inside >= (1 - _CLOSE) * best.n_inside and r.system != best.system]
    for other in [] if by_geometry else close[:3]:
        proposal.remark("location", "proposed_close", system=other.system, x=other.x, y=other.y, n=other.n_inside)
    if not by_geometry and "lon" in matched and best.x != matched["lon"].column:
        proposal.remark("location", "proposed_exchanged", x=best.x, y=best.y)
    numbers = (
        table.found.values[[best.x, best.y]].apply(pd.to_numeric, errors="coerce").set_axis(["lon", "lat"], axis=1)
    )
    if ((numbers["lon"] == 0) & (numbers["lat"] == 0)).any():
        place["null"] = [[0, 0]]
    for shared in misplaced.shared_places(numbers[(numbers != 0).any(axis=1)]):
        proposal.remark("location", "proposed_shared", lon=shared.lon, lat=shared.lat, n=shared.n)
    proposal.profile["location"] = place


def _readings(table: _Table, matched: dict[str, Match]) -> Iterator[_Reading]:
    """Named columns first; where they lie nowhere, every two columns of numbers."""
    named = [matched[name].column for name in PLACE if name in matched]
    pairs = [(X, Y)] if X in table.found.values else []
    pairs += [(named[0], named[1])] if len(named) == len(PLACE) else []
    found = [r for x, y in pairs for r in _of_pair(table, x, y)]
    if not any(2 * r.n_inside > r.n_tried for r in found):
        numbers = [c for c in table.found.numbers if c not in table.found.keys][:_MOST_COLUMNS]
        found += [r for x, y in permutations(numbers, 2) if x < y for r in _of_pair(table, x, y)]
    yield from found


def _of_pair(table: _Table, first: str, second: str) -> Iterator[_Reading]:
    both = table.found.values[[first, second]].apply(pd.to_numeric, errors="coerce").dropna()
    both = spread(both[(both != 0).any(axis=1)], _TRIED)
    if both.empty:
        return
    x, y = (both[c].to_numpy(dtype=np.float64) for c in (first, second))
    for system, swapped, lon, lat in misplaced.readings(x, y, _systems(table, float(np.nanmax(np.abs(both))))):
        points = pd.DataFrame({"lon": lon, "lat": lat, "category": None, "unit_code": None})
        points["at"] = pd.Timestamp(table.day, tz=table.city.zone) + pd.Timedelta(hours=12)
        manner = table.assigner.locate(points)["located"]
        names_ = (second, first) if swapped else (first, second)
        yield _Reading(*names_, system, int(manner.isin([LEAF, UPPER]).sum()), len(both))


def _systems(table: _Table, largest: float) -> list[str]:
    """Systems in which numbers of such a size may be: degrees, or what is used for the city's area."""
    own = [table.sample.crs] if table.sample.crs else []
    if largest <= _NOT_METRES:
        return [*own, *misplaced.SYSTEMS[-1:], *misplaced.SYSTEMS[:-1]]
    kinds = [PJType.PROJECTED_CRS]
    used = query_crs_info(auth_name="EPSG", pj_types=kinds, area_of_interest=table.area, contains=True)
    metric = f"epsg:{table.city.metric_epsg}"
    return list(dict.fromkeys([*own, metric, *(f"epsg:{info.code}" for info in used)]))


# --- classes, deadlines, units ---------------------------------------------------------------------------------------


def _category(proposal: Proposal, table: _Table, matched: dict[str, Match]) -> None:
    if "category" not in matched:
        return
    column = matched["category"].column
    values = set(table.found.values[column].dropna().unique())
    own = {(k, c) for s, k, c in table.known.categories if s == table.city.scheme}
    kinds = Counter(k for k, c in own if c in values)
    n_known = len({c for _, c in own} & values)
    is_known = bool(own) and 2 * n_known >= len(values)
    kind: Any = kinds.most_common(1)[0][0] if kinds else "matter"
    if "kind" in matched:
        words = meanings(map(str, table.found.values[matched["kind"].column].dropna().unique()), names().kind)
        if all(words.values()):
            kind = {"column": matched["kind"].column, "map": words}
    scheme = table.city.scheme if is_known or not own else proposal.profile["id"]
    proposal.profile["category"] = {
        "column": column, "kind": kind, "scheme": scheme, "unknown": "quarantine" if is_known else "add",
    }  # fmt: skip
    _unsure(proposal, "category", matched["category"])
    proposal.remark("category", "proposed_classes", n=n_known, of=len(values), scheme=table.city.scheme or "—")
    if isinstance(kind, str):
        proposal.remark("category", "proposed_kind", kind=kind)


def _deadline(proposal: Proposal, table: _Table, matched: dict[str, Match]) -> None:
    if "due_at" not in matched:
        proposal.remark("deadline", "proposed_no_deadline")
        return
    column = matched["due_at"].column
    rule = {"column": column, **_format(proposal, "deadline", column, table)}
    if table.found.times[column].days_only:
        rule["day"] = "end"
        proposal.remark("deadline", "proposed_day_end")
    proposal.profile["deadline"] = [rule]
    _unsure(proposal, "deadline", matched["due_at"])


def _units(proposal: Proposal, table: _Table, matched: dict[str, Match]) -> None:
    if "unit_code" not in matched:
        return
    values = set(table.found.values[matched["unit_code"].column].dropna().unique())
    n_known = len(values & set(table.known.units))
    proposal.profile["unknown_units"] = "quarantine" if 2 * n_known >= len(values) else "add"
    proposal.remark("unknown_units", "proposed_units", n=n_known, of=len(values))


# --- tried ------------------------------------------------------------------------------------------------------------


def _tried(proposal: Proposal, table: _Table) -> None:
    """Read the sample by what is proposed: how many rows would load, and what is wrong with the others."""
    try:
        profile = Profile.model_validate(proposal.profile)
    except ValidationError:
        proposal.remark("", "proposed_incomplete")
        return
    sample = table.sample
    calendar = calendars.load(table.city.calendar)
    parsed = parsing.parse(sample.rows, profile, table.city, table.known, sample.crs, sample.unread, calendar)
    proposal.remark("", "proposed_tried", n=len(sample.rows), of=sample.n_rows, n_good=len(parsed.facts))
    for (column, code), n in Counter((f.column, f.code) for f in parsed.faults).most_common():
        key = "deadline" if any(column == rule.column for rule in profile.deadline) else ""
        proposal.remark(key, "proposed_fault", column=column, why={"code": f"reason_{code}"}, n=n)
        if key:
            proposal.remark(key, "proposed_drop")
    _numbers_twice(proposal, profile, parsed)


def _numbers_twice(proposal: Proposal, profile: Profile, parsed: Parsed) -> None:
    """Rows of one number that differ: an import takes none of them, unless a version tells which is the newer."""
    if profile.version is not None:
        return
    facts = parsed.facts.drop(columns="version_at").drop_duplicates()
    n = int(parsed.facts["case_no"].isin(facts.loc[facts["case_no"].duplicated(), "case_no"]).sum())
    if n:
        proposal.remark("", "proposed_twice", n=n)


def _unused(proposal: Proposal, table: _Table) -> None:
    used = set(_words(proposal.profile))
    left: Sequence[str] = [c for c in table.found.values.columns if c not in used and c not in (X, Y)]
    if left:
        proposal.remark("unused", "proposed_unused", columns=list(left))


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _words(each)
    elif isinstance(value, list):
        for each in value:
            yield from _words(each)
    elif isinstance(value, str):
        yield value
