"""Rows of a step log (办理步骤) → steps of cases: each field parsed and checked, each fault named.

The same reader serves another system's history and the sheet of steps that are
to be taken here; see :mod:`gridmgmt.intake.readers.profiles` for how columns are mapped.
"""

import math
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from gridmgmt.city import City
from gridmgmt.codes import CategoryKey
from gridmgmt.errors import CodeInvalid
from gridmgmt.faults import Fault
from gridmgmt.intake.readers.facts import Known, Parsed, location, units
from gridmgmt.intake.readers.fields import Chunk
from gridmgmt.intake.readers.profiles import STEP_CODES, STEP_FLAGS, STEP_TEXTS, STEP_WORDS, WORDS, Profile

COLUMNS = ("case_no", "kind", "at", "actor", "unit_code", "reason", "ref", "reporter_name", "reporter_phone")
"""Columns of a parsed step beside ``facts``."""

_IN_FACTS = (
    "due_at", "category", "lon", "lat", "verdict", "order_kind", "mark", "wrong_dispatch", "agreed",
    "source", "address", "description", "is_repeat", "repeat_of", "amount", "amount_unit", "order",
)  # fmt: skip
"""What a step's facts may hold; a row's facts hold those that its cells give."""

_MAX_ORDERS = 1000


def parse(
    raw: pd.DataFrame,
    profile: Profile,
    city: City,
    known: Known,
    crs: str | None = None,
    unread: Sequence[Fault] = (),
    *,
    history: bool,
) -> Parsed:
    """Parse one chunk of rows by a profile of kind ``steps``.

    Parameters
    ----------
    raw
        Text columns, index = row number.
    history
        The rows tell what happened elsewhere: each must name its case and its
        time. Otherwise a report may have no number yet, and a step without a
        time is taken now.

    Returns
    -------
    Parsed
        :data:`COLUMNS` and ``facts`` (JSON-ready dict: times ISO 8601 in UTC,
        ``category`` as ``kind:code``, lon and lat in EPSG:4490).
    """
    chunk = Chunk(raw, profile, ZoneInfo(profile.time_zone) if profile.time_zone else city.zone, unread)
    found = _fields(chunk)
    is_new = (found["kind"] == "report") & (not history)
    chunk.required(found["case_no"].mask(is_new, ""), "case_no")
    chunk.required(found["kind"], "kind")
    if history:
        if "at" in profile.columns:
            chunk.required(found["at"], "at")
        else:
            chunk.refuse(pd.Series(True, index=raw.index), "at", "value_missing", field="at")
    _category(chunk, found, city, known)
    units(chunk, found, known)
    location(chunk, found, crs)
    bad = {f.row for f in chunk.faults}
    good = found[~found.index.isin(bad)]
    facts = [_told(dict(zip(_IN_FACTS, row, strict=True))) for row in good[[*_IN_FACTS]].itertuples(index=False)]
    texts = good[[c for c in COLUMNS if c != "at"]].astype("object")
    out = texts.where(texts.notna(), None).assign(at=good["at"], facts=pd.Series(facts, good.index, dtype="object"))
    return Parsed(out, chunk.faults, chunk.notes)


def _fields(chunk: Chunk) -> pd.DataFrame:
    columns = chunk.profile.columns
    found = pd.DataFrame(index=chunk.raw.index)
    none = pd.Series(None, index=found.index, dtype="object")
    for name in ("case_no", *STEP_CODES):
        found[name] = chunk.code(columns[name]) if name in columns else none
    for name in STEP_TEXTS:
        found[name] = chunk.text(columns[name]) if name in columns else none
    for name in STEP_WORDS:
        found[name] = _word(chunk, name) if name in columns else none
    for name in STEP_FLAGS:
        found[name] = _flag(chunk, name) if name in columns else none
    never = pd.Series(pd.NaT, index=found.index, dtype="datetime64[us, UTC]")
    for name in ("at", "due_at"):
        found[name] = chunk.time(columns[name]).astype(never.dtype) if name in columns else never
    found["order"] = chunk.count(columns["order"], _MAX_ORDERS) if "order" in columns else none
    return found


def _word(chunk: Chunk, name: str) -> pd.Series:
    """A word of the platform: by the profile's map, or as it is where the profile has none."""
    spec = chunk.profile.columns[name]
    plain = {word: word for word in WORDS[name]}
    return chunk.text(spec if spec.map is not None else spec.model_copy(update={"map": plain}))


def _flag(chunk: Chunk, name: str) -> pd.Series:
    """Yes or no (是/否); an empty cell says neither."""
    spec = chunk.profile.columns[name]
    return chunk.flag(spec).astype("object").where(chunk.text(spec).notna(), None)


def _category(chunk: Chunk, found: pd.DataFrame, city: City, known: Known) -> None:
    """Classes written ``kind:code``, or as a code whose kind stands in a column of its own; the city must have them."""
    if "category" not in chunk.profile.columns:
        return
    label = chunk.profile.columns["category"].label
    given, kind = found["category"], found["category_kind"]
    bare = given.notna() & kind.notna() & ~given.astype("str").str.contains(":")
    found["category"] = given.mask(bare, kind.astype("str") + ":" + given.astype("str"))
    keys = found["category"].map(_key, na_action="ignore")
    chunk.refuse(found["category"].notna() & keys.isna(), label, "category_not_a_key")
    strange = keys.map(lambda key: isinstance(key, CategoryKey) and _entry(city, key) not in known.categories)
    chunk.refuse(strange.astype(bool), label, "category_unknown_value", found["category"], scheme=city.scheme)


def _entry(city: City, key: CategoryKey) -> tuple[str, str, str]:
    return city.scheme, key.kind, key.code


def _key(text: str) -> CategoryKey | None:
    try:
        return CategoryKey.parse(text)
    except CodeInvalid:
        return None


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """The facts that a row's cells give, JSON-ready."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
            continue
        if name == "order":
            out[name] = int(value)
        else:
            out[name] = value.isoformat() if isinstance(value, pd.Timestamp) else value
    return out
