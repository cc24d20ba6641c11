"""One field of many rows: text → instants, numbers, flags and codes; each fault named by row, column and value.

What a keyboard in Chinese mode leaves behind is read as what was meant: blanks
around a value (full-width ones too) are no part of it, and codes, times,
numbers and flags are read as :func:`gridmgmt.files.cells.as_code` says.
Nothing else is mended: ``1,234`` is not a number here.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridmgmt import periods
from gridmgmt.accepted import words
from gridmgmt.faults import Fault, Faults
from gridmgmt.files import columns
from gridmgmt.files.checking import limits
from gridmgmt.files.columns import Texts
from gridmgmt.intake.readers.columns import FieldSpec, IfWrong
from gridmgmt.intake.readers.profiles import Profile

_TIME_FORMATS = (
    "ISO8601", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
    "%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日 %H:%M", "%Y年%m月%d日",
    "%Y.%m.%d %H:%M:%S", "%Y.%m.%d %H:%M", "%Y.%m.%d", "%Y%m%d%H%M%S",
)  # fmt: skip
FIRST_YEAR, LAST_YEAR = 1980, 2099

_WHOLE_DAY = r"\d{4}-\d{1,2}-\d{1,2}|\d{8}"
"""How an ISO time must begin: a year or month alone is no day."""

_WITH_OFFSET = r":\d\d(?:[.,]\d+)?\s*(?:Z|[+-]\d\d(?::?\d\d)?)$"
"""How a time ends that names its own offset from UTC; 01-03-2025 has none."""

_HALF_DAY = re.compile(r"\s*(上午|下午)\s*(\d{1,2})(?=:)")
_MIDNIGHT = r"\b24:00(?::00)?$"
"""The end of a day: the first instant of the next."""
_SERIAL = r"\d{5}(?:\.\d+)?"
"""Days since 1899-12-30, as spreadsheets count them (序列号)."""

_PLAIN_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?$"
"""How exports write most times."""
_PLAIN_LENGTHS = (16, 19)
_NO_TIME_BEFORE = pd.Timestamp(1900, 1, 1)

_MAYBE_ROUNDED = r"[eE]\+"
_ROUNDED = re.compile(r"\d+(?:\.\d+)?[eE]\+\d+")
"""A long number as spreadsheets write it, its last digits lost: 2.02503E+17."""


class Chunk:
    """Some rows of a file (index = row number), read field by field; collects ``faults`` and ``notes``."""

    def __init__(self, raw: pd.DataFrame, profile: Profile, zone: ZoneInfo, unread: Sequence[Fault] = ()) -> None:
        self.raw = raw
        self.profile = profile
        self.zone = zone
        none = {"", *profile.null_values}
        read = profile.file_columns()
        wrong = [f for f in unread if f.column in read and f.value not in none]
        self.faults = Faults(f for f in wrong if f.column not in profile.droppable)
        self._unread = {(f.row, f.column) for f in self.faults}
        self.notes: dict[str, int] = {}
        self.dropped: dict[str, dict[int, Fault]] = {}
        for f in wrong:
            for field in profile.droppable.get(f.column, ()):
                self.dropped.setdefault(field, {}).setdefault(f.row, f)
        self._seen: set[tuple[int, str, str]] = set()
        self._leaving_out: str | None = None

    @contextmanager
    def reading(self, field: str, invalid: IfWrong) -> Iterator[None]:
        """Faults found meanwhile are of one field: where it may be left out, they keep no row back (``dropped``)."""
        self._leaving_out = field if invalid == "drop" else None
        yield
        self._leaving_out = None

    def leave_out(self, values: pd.Series, field: str) -> pd.Series:
        """A field's values without those that were wrong and may be left out."""
        wrong = values.index.isin(list(self.dropped.get(field, ())))
        if not wrong.any():
            return values
        plain = values.astype("object") if values.dtype == bool else values
        left = plain.mask(wrong)
        return left.where(left.notna(), None) if left.dtype == object else left

    def refuse(self, mask: pd.Series, column: str, code: str, values: pd.Series | None = None, **facts: Any) -> None:
        """Note a fault for every row where ``mask`` holds, once for a column that several fields read."""
        if not mask.any():
            return
        shown = values if values is not None else self.raw.get(column)
        if self._leaving_out is not None:
            left_out = self.dropped.setdefault(self._leaving_out, {})
            for row in mask.index[mask]:
                value = None if shown is None or pd.isna(shown[row]) else str(shown[row])
                left_out.setdefault(int(row), Fault(int(row), column, value, code, facts))
            return
        for row in mask.index[mask]:
            key = (int(row), column, code)
            if key not in self._seen and key[:2] not in self._unread:
                self._seen.add(key)
                value = None if shown is None or pd.isna(shown[row]) else str(shown[row])
                self.faults.note(int(row), column, value, code, **facts)

    def faulty(self, column: str) -> set[int]:
        """Rows whose value in that column has a fault already."""
        return {f.row for f in self.faults if f.column == column}

    def text(self, spec: FieldSpec) -> pd.Series:
        """A field's trimmed text, nulls as None, mapped where the profile maps."""
        if not spec.names:
            return pd.Series(spec.default, index=self.raw.index, dtype="object")
        texts = self._given(spec)
        if spec.map is None:
            values = columns.objects(texts, self.raw.index)
        else:
            unknown = pc.and_(pc.is_valid(texts), pc.invert(pc.is_in(texts, pa.array(spec.map, texts.type))))
            told = columns.series(texts, self.raw.index)
            self.refuse(_mask(unknown, told.index), spec.label, "value_not_in_map", told, known=list(spec.map))
            values = pd.Series(columns.by_value(texts, spec.map.get), index=told.index, dtype="object")
        if spec.default is not None:
            values = values.where(values.notna(), spec.default)
        return values.where(values.notna(), None)

    def _given(self, spec: FieldSpec) -> Texts:
        """The texts of a field's columns: joined, or the first that has one."""
        texts, *more = (self._plain(name, spec.null) for name in spec.names)
        if more and not spec.first:
            return pc.binary_join_element_wise(texts, *more, columns.one("-"))
        return pc.coalesce(texts, *more)

    def _plain(self, column: str, null: tuple[str, ...]) -> Texts:
        texts = columns.trimmed(columns.texts_of(self.raw[column]))
        none = pa.array(["", *self.profile.null_values, *null], texts.type)
        return pc.if_else(pc.is_in(texts, none), columns.one(None), texts)

    def code(self, spec: FieldSpec) -> pd.Series:
        """A field's codes or numbers of cases: text in half-width forms, in which nothing was rounded."""
        values, most = self._half_width(spec), limits().code
        odd = values[values.str.contains(_MAYBE_ROUNDED).fillna(False).astype(bool)]
        rounded = values.index.isin(odd.index[[_ROUNDED.fullmatch(v) is not None for v in odd]])
        self.refuse(pd.Series(rounded, values.index), spec.label, "code_rounded", values)
        long = (values.str.len() > most).fillna(False).astype(bool)
        if long.any():
            self.refuse(long, spec.label, "code_long", values.str.slice(0, most), most=most)
        return columns.objects(columns.texts_of(values), values.index)

    def _half_width(self, spec: FieldSpec) -> pd.Series:
        """A field's texts as codes are read, as ``str``."""
        if spec.names and spec.map is None and spec.default is None:
            return columns.series(columns.as_codes(self._given(spec)), self.raw.index)
        values = self.text(spec)
        texts = columns.texts_of(values.map(str, na_action="ignore"))
        return columns.series(columns.as_codes(columns.trimmed(texts)), self.raw.index)

    def time(self, spec: FieldSpec) -> pd.Series:
        """A field's instants in UTC; texts without an offset are local times of the profile's zone.

        A day alone is its first instant, or its end where the column holds
        days that mean it (``day: end``). A time that a clock change repeats is
        its first occurrence (noted); one that it skips is refused.
        """
        values = self._half_width(spec)
        if values.isna().all():
            return pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]")
        naive, aware = _stamps(values, spec.format)
        if spec.day == "end":
            is_day = (naive == naive.dt.normalize()) & ~values.astype("str").str.contains(_MIDNIGHT).fillna(False)
            naive = naive.where(~is_day.astype(bool), naive + pd.Timedelta(days=1))
        self.refuse(values.notna() & naive.isna() & aware.isna(), spec.label, "time_unreadable", values)
        wrong = _implausible(naive) | _implausible(aware.dt.tz_localize(None))
        self.refuse(wrong, spec.label, "time_implausible", values, first=FIRST_YEAR, last=LAST_YEAR)
        utc, missing, ambiguous = periods.localize(naive.mask(wrong), self.zone)
        self.refuse(missing, spec.label, "time_does_not_exist", values, zone=str(self.zone))
        if ambiguous.any():
            self.notes["ambiguous_times"] = self.notes.get("ambiguous_times", 0) + int(ambiguous.sum())
        return utc.where(utc.notna(), aware.mask(wrong)).astype("datetime64[us, UTC]")

    def number(self, spec: FieldSpec, low: float, high: float) -> pd.Series:
        """A field's numbers within closed bounds; NaN where there is none or a fault."""
        values = self._half_width(spec)
        numbers = pd.to_numeric(values, errors="coerce").astype("float64")
        numbers = numbers.where(np.isfinite(numbers))
        self.refuse(values.notna() & numbers.isna(), spec.label, "number_unreadable", values)
        outside = (numbers < low) | (numbers > high)
        self.refuse(outside, spec.label, "number_out_of_range", values, low=low, high=high)
        return numbers.mask(outside)

    def count(self, spec: FieldSpec, high: int) -> pd.Series:
        """A field's whole numbers from 0 up to ``high``, as ``Int64``."""
        numbers = self.number(spec, 0, high)
        broken = numbers.notna() & (numbers % 1 != 0)
        self.refuse(broken, spec.label, "number_not_whole")
        return numbers.mask(broken).astype("Int64")

    def flag(self, spec: FieldSpec) -> pd.Series:
        """A yes/no field (是/否), also true and false from a map; none means no."""
        values, meant = self._yes_no(spec)
        self.refuse(values.notna() & meant.isna(), spec.label, "flag_unreadable")
        return meant == "yes"

    def denied(self, spec: FieldSpec) -> pd.Series:
        """Where a yes/no field says no, and not just nothing."""
        return self._yes_no(spec)[1] == "no"

    def _yes_no(self, spec: FieldSpec) -> tuple[pd.Series, pd.Series]:
        values, known = self._half_width(spec), words("yes_no")
        meant = columns.by_value(columns.texts_of(values), lambda text: known.get(text.lower()))
        return values, pd.Series(meant, index=values.index, dtype="object")

    def required(self, values: pd.Series, name: str) -> None:
        """Refuse rows where a field that every row needs has no value and no other fault yet."""
        column = self.profile.columns[name].label or name
        self.refuse(values.isna() & ~values.index.isin(self.faulty(column)), column, "value_missing", field=name)


def _mask(found: Any, index: pd.Index) -> pd.Series:
    return pd.Series(found.to_numpy(zero_copy_only=False), index=index)


def _implausible(times: pd.Series) -> pd.Series:
    return (times < pd.Timestamp(FIRST_YEAR, 1, 1)) | (times >= pd.Timestamp(LAST_YEAR + 1, 1, 1))


def _stamps(values: pd.Series, given: str | None) -> tuple[pd.Series, pd.Series]:
    """Texts as local times and as instants, one of the two for each that can be read; plain ones are read at once."""
    naive = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us]")
    aware = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]")
    if given is None:
        naive = _iso(values)
    left = values.notna() & naive.isna()
    if left.any():
        naive.loc[left], aware.loc[left] = _any_stamps(values[left], given)
    return naive, aware


def _iso(values: pd.Series) -> pd.Series:
    """Times in the plainest of forms (as exports write most); NaT for others, and where there is no such day."""
    texts = columns.texts_of(values)
    is_long = pc.is_in(pc.binary_length(texts), pa.array(_PLAIN_LENGTHS, pa.int64()))
    texts = pc.if_else(is_long, texts, columns.one(None))
    try:
        read = texts.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # which one is none?
        plain = values.where(values.str.match(_PLAIN_TIME).fillna(False).astype(bool))
        read = pd.to_datetime(plain, format="ISO8601", errors="coerce")
    found = pd.Series(read, index=values.index, dtype="datetime64[us]")
    return found.where(found >= _NO_TIME_BEFORE)


def _any_stamps(values: pd.Series, given: str | None) -> tuple[pd.Series, pd.Series]:
    """The same, tried in one form after the other."""
    texts = values.astype("str")
    if given is None:
        texts = texts.str.replace(r"\s+", " ", regex=True).map(_by_24_hours).astype("str")
    naive = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us]")
    aware = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]")
    if given is not None and "%z" in given:
        return naive, pd.to_datetime(texts, format=given, utc=True, errors="coerce").astype("datetime64[us, UTC]")
    zoned = values.notna() & texts.str.contains(_WITH_OFFSET, regex=True).fillna(False)
    if zoned.any():
        found = pd.to_datetime(texts.where(zoned), format="ISO8601", utc=True, errors="coerce")
        aware = found.astype("datetime64[us, UTC]")
    for form in (given,) if given else _TIME_FORMATS:
        left = values.notna() & ~zoned & naive.isna()
        if form == "ISO8601":
            left &= texts.str.match(_WHOLE_DAY).fillna(False)
        if left.any():
            naive.loc[left] = pd.to_datetime(texts[left], format=form, errors="coerce").astype("datetime64[us]")
    return (_also_odd(naive, texts, values.notna() & ~zoned) if given is None else naive), aware


def _also_odd(naive: pd.Series, texts: pd.Series, asked: pd.Series) -> pd.Series:
    """Also a day's end written 24:00, and a spreadsheet's serial numbers, to the second."""
    left = asked & naive.isna()
    midnight = left & texts.str.contains(_MIDNIGHT, regex=True).fillna(False).astype(bool)
    if midnight.any():
        days = texts[midnight].str.replace(_MIDNIGHT, "00:00", regex=True)
        naive.loc[midnight] = _stamps(days.astype("str"), None)[0] + pd.Timedelta(days=1)
    serial = left & texts.str.fullmatch(_SERIAL).fillna(False).astype(bool)
    if serial.any():
        seconds = (texts[serial].astype("float64") * 86_400).round()
        naive.loc[serial] = pd.Timestamp("1899-12-30") + pd.to_timedelta(seconds, unit="s")
    return naive


def _by_24_hours(text: object) -> object:
    """``下午3:05`` as ``15:05``; a half of the day with an hour above 12 stays as it is, and is no time."""

    def hour(found: re.Match[str]) -> str:
        number = int(found[2])
        return f" {number % 12 + 12 * (found[1] == '下午'):02}" if 1 <= number <= 12 else found[0]

    return _HALF_DAY.sub(hour, text) if isinstance(text, str) else text
