"""Rows of text → facts: each field parsed, checked, and each fault named by row, column and value.

A row with any fault is left out of the facts and handed to the quarantine
(问题数据) with all its faults; the other rows go on.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from gridmgmt import geo
from gridmgmt.calendars import Calendar, Clock
from gridmgmt.city import City
from gridmgmt.codes import CATEGORY_KINDS
from gridmgmt.deadlines import CONTINUOUS, Limit, advance
from gridmgmt.errors import CrsNotConvertible, CrsUnknown
from gridmgmt.faults import Fault, Faults
from gridmgmt.files.rows import X, Y
from gridmgmt.intake.readers import profiles
from gridmgmt.intake.readers.columns import CASE_TIMES, FieldSpec
from gridmgmt.intake.readers.fields import Chunk
from gridmgmt.intake.readers.profiles import Profile

_NOT_BEFORE_REPORT = (
    "accepted_at", "registered_at", "dispatched_at", "due_extended_at",
    "handled_at", "closed_at", "voided_at", "reworked_at",
)  # fmt: skip
_MAX_REWORK = 1000


@dataclass
class Parsed:
    """What became of a chunk: ``facts`` indexed by row, ``faults`` of the rows left out, tallies.

    Attributes
    ----------
    given
        The coordinates of all rows as the file has them: x, y (NaN: none), system, and ``at``, the row's instant.
    dropped
        Field → wrong values of rows that are taken without them (``invalid: drop``).
    """

    facts: pd.DataFrame
    faults: Faults
    notes: dict[str, int]
    given: pd.DataFrame = field(default_factory=pd.DataFrame)
    dropped: Mapping[str, Sequence[Fault]] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What the city's tables hold: (scheme, kind, code) of categories, and unit codes."""

    categories: Collection[tuple[str, str, str]]
    units: Collection[str]


def parse(
    raw: pd.DataFrame,
    profile: Profile,
    city: City,
    known: Known,
    crs: str | None = None,
    unread: Sequence[Fault] = (),
    calendar: Calendar | None = None,
) -> Parsed:
    """Parse one chunk of rows by a profile.

    Parameters
    ----------
    raw
        Text columns, index = row number.
    crs
        The file's own coordinate system, for ``location.geometry``.
    unread
        Cells that could not be read as what the file shows.
    calendar
        The city's, for deadlines that are counted in working time.

    Returns
    -------
    Parsed
        ``facts`` has the columns of the case or sample tables plus ``version_at``
        (NaT where the profile has none), lon, lat in EPSG:4490.
    """
    chunk = Chunk(raw, profile, ZoneInfo(profile.time_zone) if profile.time_zone else city.zone, unread)
    facts = pd.DataFrame(index=raw.index)
    if profile.kind == "cases":
        _case_fields(chunk, facts)
        _category(chunk, facts, known)
        _deadline(chunk, facts, Clock(calendar, city.zone) if calendar is not None else None)
        _order_of_times(chunk, facts)
    else:
        _sample_fields(chunk, facts)
    units(chunk, facts, known)
    for name in chunk.dropped:
        facts[name] = chunk.leave_out(facts[name], name)
    given = location(chunk, facts, crs).assign(at=facts["reported_at" if profile.kind == "cases" else "sampled_at"])
    version = FieldSpec(column=profile.version) if profile.version else None
    facts["version_at"] = chunk.time(version) if version else _no_times(raw.index)
    bad = {f.row for f in chunk.faults}
    dropped = {name: [f for row, f in found.items() if row not in bad] for name, found in chunk.dropped.items()}
    return Parsed(facts[~facts.index.isin(bad)], chunk.faults, chunk.notes, given, dropped)


def _case_fields(chunk: Chunk, facts: pd.DataFrame) -> None:
    columns = chunk.profile.columns
    none = pd.Series(None, index=facts.index, dtype="object")
    facts["case_no"] = chunk.code(columns["case_no"])
    chunk.required(facts["case_no"], "case_no")
    _texts(chunk, facts, profiles.CASE_TEXTS)
    for name in CASE_TIMES:
        facts[name] = _no_times(facts.index)
        if name in columns:
            with chunk.reading(name, columns[name].invalid):
                facts[name] = chunk.time(columns[name])
    chunk.required(facts["reported_at"], "reported_at")
    facts["status"] = none
    if "status" in columns:
        facts["status"] = chunk.text(columns["status"])
        known = facts["status"].isna() | facts["status"].isin(profiles.STATUSES)
        chunk.refuse(~known, columns["status"].label, "status_unknown", facts["status"], known=list(profiles.STATUSES))
    # an export that cannot tell leaves them unknown; an empty cell of a column that can tell means none
    facts["n_rework"] = pd.array([pd.NA] * len(facts), dtype="Int64")
    if "n_rework" in columns:
        with chunk.reading("n_rework", columns["n_rework"].invalid):
            facts["n_rework"] = chunk.count(columns["n_rework"], _MAX_REWORK).fillna(0)
    facts["is_repeat"] = none
    if "is_repeat" in columns:
        with chunk.reading("is_repeat", columns["is_repeat"].invalid):
            facts["is_repeat"] = chunk.flag(columns["is_repeat"])
    _repeat_of(chunk, facts)


def _repeat_of(chunk: Chunk, facts: pd.DataFrame) -> None:
    """The number of the case that a duplicate repeats (所重复案件): a case that names one is a repeat."""
    spec, flag = (chunk.profile.columns.get(name) for name in ("repeat_of", "is_repeat"))
    facts["repeat_of"] = pd.Series(None, index=facts.index, dtype="object")
    if spec is None:
        return
    with chunk.reading("repeat_of", spec.invalid):
        numbers = facts["repeat_of"] = chunk.code(spec)
        chunk.refuse(numbers.notna() & (numbers == facts["case_no"]), spec.label, "repeats_itself")
        if flag is not None:
            chunk.refuse(numbers.notna() & chunk.denied(flag), flag.label, "repeat_denied", chunk.text(flag))
    named = chunk.leave_out(numbers, "repeat_of").notna()
    facts["is_repeat"] = named if flag is None else facts["is_repeat"].mask(named, True)


def _sample_fields(chunk: Chunk, facts: pd.DataFrame) -> None:
    columns = chunk.profile.columns
    facts["sample_no"] = chunk.code(columns["sample_no"])
    chunk.required(facts["sample_no"], "sample_no")
    facts["sampled_at"] = chunk.time(columns["sampled_at"])
    chunk.required(facts["sampled_at"], "sampled_at")
    _texts(chunk, facts, profiles.SAMPLE_TEXTS)
    facts["score"] = np.nan
    if "score" in columns:
        with chunk.reading("score", columns["score"].invalid):
            facts["score"] = chunk.number(columns["score"], 0, 100)


def _texts(chunk: Chunk, facts: pd.DataFrame, names: Collection[str]) -> None:
    """Free texts as they are written; a unit is a code."""
    columns = chunk.profile.columns
    for name in names:
        read = chunk.code if name == "unit_code" else chunk.text
        facts[name] = pd.Series(None, index=facts.index, dtype="object")
        if name in columns:
            with chunk.reading(name, columns[name].invalid):
                facts[name] = read(columns[name])


def _no_times(index: pd.Index) -> pd.Series:
    return pd.Series(pd.NaT, index=index, dtype="datetime64[us, UTC]")


def _category(chunk: Chunk, facts: pd.DataFrame, known: Known) -> None:
    rule = chunk.profile.category
    for name in ("category_scheme", "category_kind", "category_code"):
        facts[name] = pd.Series(None, index=facts.index, dtype="object")
    if rule is None:
        return
    code = chunk.code(FieldSpec(column=rule.column))
    kind = chunk.text(rule.kind)
    label = rule.kind.label or rule.column
    facts["category_code"] = code
    facts["category_kind"] = kind.where(code.notna(), None)
    facts["category_scheme"] = pd.Series(rule.scheme, facts.index, dtype="object").where(code.notna(), None)
    nameless = code.notna() & kind.isna() & ~code.index.isin(chunk.faulty(rule.kind.label))
    chunk.refuse(nameless, label, "value_missing", field="kind")
    strange = kind.notna() & ~kind.isin(CATEGORY_KINDS)
    chunk.refuse(strange, label, "value_not_in_map", kind, known=list(CATEGORY_KINDS))
    starred = code.astype("str").str.contains("*", regex=False).fillna(False).astype(bool)
    chunk.refuse(starred, rule.column, "category_malformed", code)
    if rule.unknown == "quarantine":
        keys, there = kind + ":" + code, {f"{k}:{c}" for scheme, k, c in known.categories if scheme == rule.scheme}
        unknown = code.notna() & kind.notna() & ~strange & ~starred & ~keys.isin(there)
        chunk.refuse(unknown, rule.column, "category_unknown_value", code, scheme=rule.scheme)


def units(chunk: Chunk, facts: pd.DataFrame, known: Known) -> None:
    """Refuse units that the table does not hold, unless the profile lets its files add them."""
    spec = chunk.profile.columns.get("unit_code")
    if spec is not None and chunk.profile.unknown_units == "quarantine":
        unknown = facts["unit_code"].notna() & ~facts["unit_code"].isin(set(known.units))
        chunk.refuse(unknown, spec.label, "unit_unknown_value")


def _deadline(chunk: Chunk, facts: pd.DataFrame, clock: Clock | None) -> None:
    """The deadline by the first of the profile's rules that gives one; a wrong one that is left out is not replaced."""
    due = _no_times(facts.index)
    for rule in chunk.profile.deadline:
        spec = rule.field
        with chunk.reading("due_at", rule.invalid):
            value = _counted(chunk, facts[rule.from_ or ""], rule.limit, clock) if spec is None else chunk.time(spec)
            here = pd.Series(True, index=facts.index)
            if rule.when is not None:
                here = chunk.text(FieldSpec(column=rule.when.column)).isin(rule.when.in_)
            value = value.where(here & due.isna() & ~due.index.isin(list(chunk.dropped.get("due_at", ()))))
            early = value.notna() & (value < facts["reported_at"])
            chunk.refuse(early, spec.label if spec is not None else "due_at", "time_before_report")
        due = due.where(due.notna(), value)
    facts["due_at"] = chunk.leave_out(due, "due_at")


def _counted(chunk: Chunk, start: pd.Series, limit: Limit, clock: Clock | None) -> pd.Series:
    """So much time after each instant, working time by the city's calendar; equal instants are counted once."""
    if limit.unit in CONTINUOUS:
        hours = limit.amount * (24 if limit.unit == "calendar_day" else 1)
        return start + pd.Timedelta(microseconds=round(hours * 3_600_000_000))
    if clock is None:
        raise ValueError("a deadline in working time needs the city's calendar")
    length_us = dt.timedelta(microseconds=limit.us(clock.calendar))
    ends = {at: advance(at.to_pydatetime(), length_us, limit.unit, clock) for at in start.dropna().unique()}
    out = pd.to_datetime(start.map(ends), utc=True).astype("datetime64[us, UTC]")
    provisional = int(out.dropna().map(clock.is_provisional).sum())
    if provisional:
        chunk.notes["deadlines_provisional"] = chunk.notes.get("deadlines_provisional", 0) + provisional
    return out


def _order_of_times(chunk: Chunk, facts: pd.DataFrame) -> None:
    """Nothing happens to a case before it is reported, and an extension never shortens."""
    columns = chunk.profile.columns
    for name in _NOT_BEFORE_REPORT:
        if name in columns:
            early = facts[name].notna() & (facts[name] < facts["reported_at"])
            with chunk.reading(name, columns[name].invalid):
                chunk.refuse(early, columns[name].label, "time_before_report")
    shorter = facts["due_extended_at"].notna() & (facts["due_extended_at"] < facts["due_at"])
    if shorter.any():
        with chunk.reading("due_extended_at", columns["due_extended_at"].invalid):
            chunk.refuse(shorter, columns["due_extended_at"].label, "extension_shortens")


def location(chunk: Chunk, facts: pd.DataFrame, crs: str | None) -> pd.DataFrame:
    """Longitude and latitude in storage coordinates; a row without a location stays, without one.

    Gives the coordinates as the file has them: x, y, system.
    """
    facts["lon"], facts["lat"] = np.nan, np.nan
    where = chunk.profile.location
    if where is None:
        return facts[["lon", "lat"]].set_axis(["x", "y"], axis="columns").assign(system=None)
    x_name, y_name = (X, Y) if where.geometry else (where.lon or "", where.lat or "")
    x, y = _coordinate(chunk, x_name), _coordinate(chunk, y_name)
    for lon, lat in where.null:
        absent = (x == lon) & (y == lat)
        x, y = x.mask(absent), y.mask(absent)
    for name, here, there in ((x_name, x, y), (y_name, y, x)):
        chunk.refuse(here.isna() & there.notna() & ~here.index.isin(chunk.faulty(name)), name, "coordinate_missing")
    systems = chunk.text(where.system) if where.system else pd.Series(crs, index=x.index, dtype="object")
    label = (where.system.label if where.system else "") or "CRS"
    nameless = x.notna() & y.notna() & systems.isna() & ~x.index.isin(chunk.faulty(label))
    chunk.refuse(nameless, label, "system_missing")
    for system in systems[x.notna() & y.notna()].dropna().unique():
        _convert(chunk, facts, x, y, (systems == system) & x.notna() & y.notna(), str(system), (x_name, y_name, label))
    return pd.DataFrame({"x": x, "y": y, "system": systems})


def _convert(
    chunk: Chunk,
    facts: pd.DataFrame,
    x: pd.Series,
    y: pd.Series,
    rows: pd.Series,
    system: str,
    labels: tuple[str, str, str],
) -> None:
    """The points of one system; those that it cannot hold, or all if it is no system, are refused."""
    try:
        points = geo.points_to_storage(x[rows].to_numpy(), y[rows].to_numpy(), system)
    except (CrsUnknown, CrsNotConvertible):
        chunk.refuse(rows, labels[2], "system_unknown", pd.Series(system, index=rows.index))
        return
    facts.loc[rows, "lon"], facts.loc[rows, "lat"] = points.lon, points.lat
    if points.refused.any():
        refused = pd.Series(False, index=rows.index)
        refused[rows] = points.refused
        pair = x.astype("str") + ", " + y.astype("str")
        chunk.refuse(refused, f"{labels[0]}, {labels[1]}", "coordinate_refused", pair, system=system)


def _coordinate(chunk: Chunk, column: str) -> pd.Series:
    return chunk.number(FieldSpec(column=column), -np.inf, np.inf)
