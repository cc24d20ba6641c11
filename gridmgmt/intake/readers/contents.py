"""What an unknown file's columns hold: times and in which format, numbers, numbers of cases."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import pandas as pd

from gridmgmt.files.cells import trimmed
from gridmgmt.intake.readers import profiles
from gridmgmt.intake.readers.columns import FieldSpec
from gridmgmt.intake.readers.fields import Chunk

_MOST = 0.95
"""Of so many of its values must be true what is said of a column (project convention)."""

_UNIQUE = 0.98
"""From such a share of different values on a column may number cases: exports repeat some."""

_LOOKED_AT = 1000
"""So many values of a column, spread over the rows, are tried in each format."""


def spread(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """So many rows at equal distances, the first one among them; all where there are no more."""
    n = len(rows)
    return rows if n <= most else rows.iloc[[i * n // most for i in range(most)]]


@dataclass(frozen=True)
class Times:
    """How a column's times are read: None: without a format; others that would read all of it as well."""

    format: str | None
    others: tuple[str, ...] = ()
    days_only: bool = False


@dataclass
class Contents:
    """What the columns of a file hold; a column without any value is in none of them."""

    values: pd.DataFrame
    times: dict[str, Times] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


def contents(rows: pd.DataFrame, zone: ZoneInfo, nulls: Sequence[str], formats: Sequence[str]) -> Contents:
    """What each column holds, found by reading it as an import would."""
    texts = rows.map(lambda v: trimmed(v) if isinstance(v, str) else v)
    out = Contents(texts.mask(texts.isin(["", *nulls])))
    for column in out.values.columns:
        values = out.values[column].dropna()
        if values.empty:
            continue
        if values.nunique() >= _UNIQUE * len(rows):
            out.keys.append(column)
        if pd.to_numeric(values, errors="coerce").notna().mean() >= _MOST:
            out.numbers.append(column)
        found = _times(spread(values.to_frame(), _LOOKED_AT)[column], zone, formats)
        if found is not None:
            out.times[column] = found
    return out


def _times(values: pd.Series, zone: ZoneInfo, formats: Sequence[str]) -> Times | None:
    """The formats in which nearly all values are times."""
    if values.str.contains(r"\d", regex=True).mean() < _MOST:
        return None
    fitting: list[str | None] = []
    for form in (None, *formats):
        read = _read(values, zone, form)
        if read.notna().mean() >= _MOST:
            fitting.append(form)
            if form is None:
                break
    if not fitting:
        return None
    read = _read(values, zone, fitting[0]).dropna().dt.tz_convert(zone)
    others = tuple(f for f in fitting[1:] if f is not None)
    return Times(fitting[0], others, bool((read == read.dt.normalize()).all()))


def _read(values: pd.Series, zone: ZoneInfo, form: str | None) -> pd.Series:
    column = str(values.name)
    chunk = Chunk(values.to_frame(column).astype("str"), _TRIAL, zone)
    return chunk.time(FieldSpec(column=column, format=form))


_TRIAL = profiles.parse(
    "{id: trial, kind: steps, title: {zh: 试读, en: trial}, columns: {case_no: a, kind: b}}", "trial"
)
