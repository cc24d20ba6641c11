"""Rows of text → facts: each field parsed, checked, and each fault named by row, column and value.

A row with any problem is left out of the facts and handed to the quarantine
(隔离区) with all its problems; the other rows go on.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from gridmgmt import geo, periods
from gridmgmt.city import City
from gridmgmt.readers import profiles
from gridmgmt.readers.files import X, Y
from gridmgmt.readers.profiles import FieldSpec, Profile

TIME_FORMATS = (
    "ISO8601", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
    "%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日 %H:%M", "%Y年%m月%d日",
)  # fmt: skip
FIRST_YEAR, LAST_YEAR = 1980, 2099
TRUE = {"是", "y", "yes", "true", "1", "t"}
FALSE = {"否", "n", "no", "false", "0", "f"}
NOT_BEFORE_REPORT = (
    "accepted_at", "registered_at", "dispatched_at", "due_at", "due_extended_at",
    "handled_at", "closed_at", "voided_at", "reworked_at",
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """One fault of one row: stored as code + facts, worded when shown."""

    row: int
    column: str
    value: str | None
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"column": self.column, "value": self.value, "code": self.code, "facts": dict(self.facts)}


@dataclass
class Parsed:
    """What became of a chunk: ``facts`` indexed by row, ``problems`` of the rows left out, tallies."""

    facts: pd.DataFrame
    problems: list[Problem]
    notes: dict[str, int]


class _Chunk:
    """Collects fields and problems of one chunk of rows."""

    def __init__(self, raw: pd.DataFrame, profile: Profile, zone: ZoneInfo) -> None:
        self.raw = raw
        self.profile = profile
        self.zone = zone
        self.problems: list[Problem] = []
        self.notes: dict[str, int] = {}

    def refuse(self, mask: pd.Series, column: str, code: str, values: pd.Series | None = None, **facts: Any) -> None:
        """Note a problem for every row where ``mask`` holds."""
        if mask.any():
            shown = values if values is not None else self.raw.get(column)
            for row in mask.index[mask]:
                value = None if shown is None or pd.isna(shown[row]) else str(shown[row])
                self.problems.append(Problem(int(row), column, value, code, facts))

    def text(self, spec: FieldSpec) -> pd.Series:
        """A field's stripped text, nulls as NA, mapped where the profile maps."""
        if not spec.names:
            return pd.Series(spec.default, index=self.raw.index, dtype="object")
        values = self._plain(spec.names[0], spec.null)
        for name in spec.names[1:]:
            values = values + "-" + self._plain(name, spec.null)
        if spec.map is not None:
            mapped = values.map(spec.map)
            if spec.default is None:
                self.refuse(
                    values.notna() & ~values.isin(list(spec.map)), spec.label, "value_not_in_map", known=list(spec.map)
                )
            values = mapped
        if spec.default is not None:
            values = values.where(values.notna(), spec.default)
        return values.where(values.notna(), None)

    def _plain(self, column: str, null: tuple[str, ...]) -> pd.Series:
        values = self.raw[column].astype("object").where(self.raw[column].notna(), None)
        values = values.map(lambda v: v.strip() if isinstance(v, str) else v)
        return values.mask(values.isin([*self.profile.null_values, *null]), None)

    def time(self, spec: FieldSpec) -> pd.Series:
        """A field's instants in UTC; texts without a zone are local times of the profile's zone."""
        values = self.text(spec)
        column = spec.label
        naive, aware = self._stamps(values, spec.format)
        self.refuse(values.notna() & naive.isna() & aware.isna(), column, "time_unreadable", values)
        utc, missing, ambiguous = periods.localize(naive, self.zone)
        self.refuse(missing, column, "time_does_not_exist", values, zone=str(self.zone))
        if ambiguous.any():
            self.notes["ambiguous_times"] = self.notes.get("ambiguous_times", 0) + int(ambiguous.sum())
        utc = utc.where(utc.notna(), aware).astype("datetime64[us, UTC]")
        years = utc.dt.year
        wrong = utc.notna() & ((years < FIRST_YEAR) | (years > LAST_YEAR))
        self.refuse(wrong, column, "time_implausible", values, first=FIRST_YEAR, last=LAST_YEAR)
        return utc

    def _stamps(self, values: pd.Series, given: str | None) -> tuple[pd.Series, pd.Series]:
        naive = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us]")
        aware = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]")
        zoned = values.notna() & values.astype("str").str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True)
        if zoned.any():
            aware = aware.where(
                ~zoned, pd.to_datetime(values.where(zoned), format="ISO8601", utc=True, errors="coerce")
            )
        for form in (given,) if given else TIME_FORMATS:
            left = values.notna() & ~zoned & naive.isna()
            if not left.any():
                break
            read = pd.to_datetime(values[left].astype("str"), format=form, errors="coerce")
            naive.loc[left] = read.astype("datetime64[us]")
        return naive, aware

    def number(self, spec: FieldSpec, low: float, high: float) -> pd.Series:
        """A field's numbers within closed bounds."""
        values = self.text(spec)
        numbers = pd.to_numeric(values, errors="coerce").astype("float64")
        column = spec.label
        self.refuse(values.notna() & ~np.isfinite(numbers), column, "number_unreadable", values)
        self.refuse((numbers < low) | (numbers > high), column, "number_out_of_range", values, low=low, high=high)
        return numbers

    def flag(self, spec: FieldSpec) -> pd.Series:
        """A yes/no field (是/否); none means no."""
        values = self.text(spec).map(lambda v: v.lower() if isinstance(v, str) else v)
        known = values.isna() | values.isin(TRUE | FALSE)
        self.refuse(~known, spec.label, "flag_unreadable")
        return values.isin(TRUE)

    def required(self, values: pd.Series, name: str) -> None:
        """Refuse rows where a field that every row needs has no value and no other fault yet."""
        column = self.profile.columns[name].label or name
        faulty = {p.row for p in self.problems if p.column == column}
        self.refuse(values.isna() & ~values.index.isin(faulty), column, "value_missing", field=name)


@dataclass(frozen=True)
class Known:
    """What the city's tables hold: (scheme, kind, code) of categories, and unit codes."""

    categories: Collection[tuple[str, str, str]]
    units: Collection[str]


def parse(raw: pd.DataFrame, profile: Profile, city: City, known: Known, crs: str | None = None) -> Parsed:
    """Parse one chunk of rows by a profile.

    Parameters
    ----------
    raw
        Text columns, index = row number.
    crs
        The file's own coordinate system, for ``location.geometry``.

    Returns
    -------
    Parsed
        ``facts`` has the columns of the case or sample tables plus ``version_at``
        (NaT where the profile has none), lon, lat in EPSG:4490.
    """
    chunk = _Chunk(raw, profile, ZoneInfo(profile.time_zone) if profile.time_zone else city.zone)
    facts = pd.DataFrame(index=raw.index)
    if profile.kind == "cases":
        _case_fields(chunk, facts)
        _category(chunk, facts, known)
        _deadline(chunk, facts)
        _order_of_times(chunk, facts)
    else:
        _sample_fields(chunk, facts)
    _units(chunk, facts, known)
    _location(chunk, facts, crs)
    version = FieldSpec(column=profile.version) if profile.version else None
    facts["version_at"] = chunk.time(version) if version else pd.Series(pd.NaT, raw.index, dtype="datetime64[us, UTC]")
    bad = {p.row for p in chunk.problems}
    return Parsed(facts[~facts.index.isin(bad)], chunk.problems, chunk.notes)


def _case_fields(chunk: _Chunk, facts: pd.DataFrame) -> None:
    columns = chunk.profile.columns
    none = pd.Series(None, index=facts.index, dtype="object")
    facts["case_no"] = chunk.text(columns["case_no"])
    chunk.required(facts["case_no"], "case_no")
    for name in profiles.CASE_TEXTS:
        facts[name] = chunk.text(columns[name]) if name in columns else none
    for name in profiles.CASE_TIMES:
        facts[name] = (
            chunk.time(columns[name])
            if name in columns
            else pd.Series(pd.NaT, facts.index, dtype="datetime64[us, UTC]")
        )
    chunk.required(facts["reported_at"], "reported_at")
    facts["status"] = none
    if "status" in columns:
        facts["status"] = chunk.text(columns["status"])
        known = facts["status"].isna() | facts["status"].isin(profiles.STATUSES)
        chunk.refuse(~known, columns["status"].label, "status_unknown", known=list(profiles.STATUSES))
    # an export that cannot tell leaves them unknown; an empty cell of a column that can tell means none
    facts["n_rework"] = pd.array([pd.NA] * len(facts), dtype="Int64")
    if "n_rework" in columns:
        facts["n_rework"] = chunk.number(columns["n_rework"], 0, 1000).fillna(0).round().astype("Int64")
    facts["is_repeat"] = chunk.flag(columns["is_repeat"]) if "is_repeat" in columns else none


def _sample_fields(chunk: _Chunk, facts: pd.DataFrame) -> None:
    columns = chunk.profile.columns
    none = pd.Series(None, index=facts.index, dtype="object")
    facts["sample_no"] = chunk.text(columns["sample_no"])
    chunk.required(facts["sample_no"], "sample_no")
    facts["sampled_at"] = chunk.time(columns["sampled_at"])
    chunk.required(facts["sampled_at"], "sampled_at")
    for name in profiles.SAMPLE_TEXTS:
        facts[name] = chunk.text(columns[name]) if name in columns else none
    facts["score"] = chunk.number(columns["score"], 0, 100) if "score" in columns else np.nan


def _category(chunk: _Chunk, facts: pd.DataFrame, known: Known) -> None:
    rule = chunk.profile.category
    for name in ("category_scheme", "category_kind", "category_code"):
        facts[name] = None
    if rule is None:
        return
    code = chunk.text(FieldSpec(column=rule.column))
    kind = chunk.text(rule.kind)
    facts["category_code"] = code
    facts["category_kind"] = kind.where(code.notna(), None)
    facts["category_scheme"] = pd.Series(rule.scheme, facts.index, dtype="object").where(code.notna(), None)
    faulty = {p.row for p in chunk.problems if p.column == rule.kind.label}
    chunk.refuse(
        code.notna() & kind.isna() & ~code.index.isin(faulty),
        rule.kind.label or rule.column,
        "value_missing",
        field="kind",
    )
    if rule.unknown == "quarantine":
        keys = pd.Series([(rule.scheme, k, c) for k, c in zip(kind, code, strict=True)], index=facts.index)
        unknown = code.notna() & kind.notna() & ~keys.isin(set(known.categories))
        chunk.refuse(unknown, rule.column, "category_unknown_value", scheme=rule.scheme)


def _units(chunk: _Chunk, facts: pd.DataFrame, known: Known) -> None:
    spec = chunk.profile.columns.get("unit_code")
    if spec is not None and chunk.profile.unknown_units == "quarantine":
        unknown = facts["unit_code"].notna() & ~facts["unit_code"].isin(set(known.units))
        chunk.refuse(unknown, spec.label, "unit_unknown_value")


def _deadline(chunk: _Chunk, facts: pd.DataFrame) -> None:
    due = pd.Series(pd.NaT, index=facts.index, dtype="datetime64[us, UTC]")
    for rule in chunk.profile.deadline:
        if rule.column is not None:
            value = chunk.time(FieldSpec(column=rule.column, format=rule.format))
        else:
            value = facts[rule.after] + pd.Timedelta(hours=rule.hours)
        if rule.when is not None:
            value = value.where(chunk.text(FieldSpec(column=rule.when.column)).isin(rule.when.in_))
        due = due.where(due.notna(), value)
    facts["due_at"] = due


def _order_of_times(chunk: _Chunk, facts: pd.DataFrame) -> None:
    """Nothing happens to a case before it is reported, and an extension never shortens."""
    columns = chunk.profile.columns
    for name in NOT_BEFORE_REPORT:
        column = columns[name].label if name in columns else name
        if name == "due_at":
            column = next((d.column for d in chunk.profile.deadline if d.column), name)
        early = facts[name].notna() & (facts[name] < facts["reported_at"])
        chunk.refuse(early, column, "time_before_report")
    shorter = facts["due_extended_at"].notna() & (facts["due_extended_at"] < facts["due_at"])
    if shorter.any():
        chunk.refuse(shorter, columns["due_extended_at"].label, "extension_shortens")


def _location(chunk: _Chunk, facts: pd.DataFrame, crs: str | None) -> None:
    """Longitude and latitude in storage coordinates; a row without a location stays, without one."""
    where = chunk.profile.location
    x_name, y_name = (X, Y) if where.geometry else (where.lon or "", where.lat or "")
    x = _coordinate(chunk, x_name)
    y = _coordinate(chunk, y_name)
    for lon, lat in where.null:
        absent = (x == lon) & (y == lat)
        x, y = x.mask(absent), y.mask(absent)
    chunk.refuse(
        x.isna() & y.notna() & ~x.index.isin([p.row for p in chunk.problems if p.column == x_name]),
        x_name,
        "coordinate_missing",
    )
    chunk.refuse(
        y.isna() & x.notna() & ~y.index.isin([p.row for p in chunk.problems if p.column == y_name]),
        y_name,
        "coordinate_missing",
    )
    if where.system is not None:
        systems = chunk.text(where.system)
    else:
        systems = pd.Series(crs, index=x.index, dtype="object")
    chunk.refuse(x.notna() & systems.isna(), (where.system.label if where.system else "") or "CRS", "system_missing")
    lon = pd.Series(np.nan, index=x.index)
    lat = pd.Series(np.nan, index=x.index)
    for system, rows in systems[x.notna() & systems.notna()].groupby(systems):
        points = geo.points_to_storage(x[rows.index].to_numpy(), y[rows.index].to_numpy(), str(system))
        lon[rows.index], lat[rows.index] = points.lon, points.lat
        refused = pd.Series(points.refused, index=rows.index).reindex(x.index, fill_value=False)
        pair = x.astype("str") + ", " + y.astype("str")
        chunk.refuse(refused, f"{x_name}, {y_name}", "coordinate_refused", pair, system=str(system))
    facts["lon"], facts["lat"] = lon, lat


def _coordinate(chunk: _Chunk, column: str) -> pd.Series:
    if column not in chunk.raw:
        return pd.Series(np.nan, index=chunk.raw.index)
    return chunk.number(FieldSpec(column=column), -np.inf, np.inf)
