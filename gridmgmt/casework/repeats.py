"""Repeat cases (重复案件) by class and place, and suspected duplicates (疑似重复) when a case is reported.

A case looks back when it is filed: at the cases of its period that were filed
before it, of its small class, within the radius or with the same address. Its
occurrence is one more than how many those are; from the threshold of its own
place's road class on it is a repeat. What it looked back at are single cases,
not a chain of neighbours, so a row of places along a street does not become one.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.documents import Count, Id, Strict, Words
from gridmgmt.errors import CodeInvalid
from gridmgmt.places.layers import OTHER, STRICTEST_FIRST

Ints = NDArray[np.int64]

CLASSES = (*STRICTEST_FIRST, OTHER)
"""Road classes of a place (道路等级)."""

_NUMBERED = re.compile(r"\d|[〇零一二三四五六七八九十百千]+号")
"""An address that names a house, not a street alone."""


def _category(text: str) -> str:
    try:
        return str(CategoryKey.parse(text))
    except CodeInvalid as e:
        raise ValueError(e.expected) from e


def _pattern(text: str) -> str:
    try:
        return str(CategoryPattern.parse(text))
    except CodeInvalid as e:
        raise ValueError(e.expected) from e


Metres = Annotated[float, Field(ge=0, le=10_000)]
Key = Annotated[str, AfterValidator(_category)]
Pattern = Annotated[str, AfterValidator(_pattern)]


class Rule(Strict):
    """When filed cases are repeats (重复案件规则); ``data/repeats/<id>.yaml`` explains the keys."""

    id: Id
    title: Words
    source: str
    period: Literal["month", "whole"]
    radius_m: Metres
    same_address: bool
    address_with_number: bool
    road_within_m: Metres
    thresholds: dict[str, Count]
    except_components: bool
    except_categories: tuple[Pattern, ...]
    similar: tuple[Annotated[tuple[Key, ...], Field(min_length=2)], ...]
    count: Literal["from_threshold", "all_in_group"]
    reasons: dict[Id, Words]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if set(self.thresholds) != set(CLASSES):
            raise ValueError(f"thresholds: {', '.join(CLASSES)}")
        every = [c for group in self.similar for c in group]
        twice = sorted({c for c in every if every.count(c) > 1})
        if twice:
            raise ValueError(f"similar: {', '.join(twice)} × 2")
        return self

    @property
    def strictest_first(self) -> tuple[str, ...]:
        """Road classes by threshold, the lowest first; of equal ones a key area before a main road and so on."""
        return tuple(sorted(STRICTEST_FIRST, key=lambda c: (self.thresholds[c], STRICTEST_FIRST.index(c))))

    def is_excepted(self, category: str) -> bool:
        """Whether cases of a category never are repeats."""
        key = CategoryKey.parse(category)
        if self.except_components and key.kind == "component":
            return True
        return any(CategoryPattern.parse(p).matches(key) for p in self.except_categories)

    def small_class(self, category: str) -> str:
        """What a category is compared by: itself, or the first of those taken as one with it."""
        return next((group[0] for group in self.similar if category in group), category)


def normal_address(text: str | None, with_number: bool) -> str | None:
    """An address as it is compared (地址归一): NFKC, small letters, letters and digits only; None for what is no place.

    >>> normal_address("中山路 １２号（东门）", True), normal_address("中山路", True)
    ('中山路12号东门', None)
    """
    if text is None:
        return None
    folded = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(char for char in folded if unicodedata.category(char)[0] in "LN")
    return plain if plain and (not with_number or _NUMBERED.search(plain)) else None


def find(cases: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Which of one period's filed cases are repeats (重复案件认定).

    Parameters
    ----------
    cases
        One period's filed cases in any order: case_no, registered_at (aware), category (``kind:code``),
        x and y (metres, NaN where there is no place), address (None where there is none), road_class.

    Returns
    -------
    DataFrame
        By registered_at and case_no: the columns of ``cases``, and occurrence and threshold (Int64; NA for a
        case that is excepted or cannot be compared), is_repeat (boolean; NA where there is no category, or neither
        place nor address; False for what is excepted), earlier (the case numbers it looked back at, oldest first),
        group (Int64; cases joined by looking back, numbered by their first case; NA for a case by itself).
    """
    ordered = cases.sort_values(["registered_at", "case_no"], ignore_index=True)
    categories = ordered["category"].to_numpy(dtype=object)
    excepted = _each(categories, rule.is_excepted).astype(bool)
    addresses = _addresses(ordered, rule)
    placed = np.isfinite(ordered[["x", "y"]].to_numpy(dtype=float)).all(axis=1) | (addresses != "")
    known = placed & ordered["category"].notna().to_numpy()
    counted = known & ~excepted
    later, earlier = _pairs(ordered, _each(categories, rule.small_class), addresses, counted, rule.radius_m)
    occurrence = 1 + np.bincount(later, minlength=len(ordered))
    threshold = ordered["road_class"].map(rule.thresholds).fillna(rule.thresholds[OTHER]).to_numpy(dtype=np.int64)
    repeats = counted & (occurrence >= threshold)
    if rule.count == "all_in_group":
        repeats[earlier[repeats[later]]] = True
    return ordered.assign(
        occurrence=pd.array(np.where(counted, occurrence, 0), dtype="Int64"),
        threshold=pd.array(np.where(counted, threshold, 0), dtype="Int64"),
        is_repeat=pd.array(repeats, dtype="boolean"),
        earlier=_earlier(ordered["case_no"].to_numpy(dtype=object), later, earlier),
        group=_groups(len(ordered), later, earlier),
    ).pipe(_unknown, counted, known | excepted)


def _unknown(frame: pd.DataFrame, counted: Any, known: Any) -> pd.DataFrame:
    """Numbers only where they were counted, an answer only where it is known."""
    frame.loc[~counted, ["occurrence", "threshold"]] = pd.NA
    frame.loc[~known, "is_repeat"] = pd.NA
    return frame


def _each(values: NDArray[np.object_], rule: Any) -> NDArray[np.object_]:
    """A rule on every value, worked out once for each distinct one; False for what is missing."""
    known = {v: rule(v) if isinstance(v, str) else False for v in pd.unique(values)}
    return np.array([known[v] for v in values], dtype=object)


def _addresses(cases: pd.DataFrame, rule: Rule) -> NDArray[np.object_]:
    """Addresses as they are compared; empty where there is none to compare by."""
    if not rule.same_address:
        return np.full(len(cases), "", dtype=object)
    given = [v if isinstance(v, str) else None for v in cases["address"]]
    return np.array([normal_address(v, rule.address_with_number) or "" for v in given], dtype=object)


def _pairs(cases: pd.DataFrame, classes: Any, addresses: Any, counted: Any, radius_m: float) -> tuple[Ints, Ints]:
    """Rows (later, earlier) of one class and place; ``cases`` are in order, so the greater row is the later one."""
    xy = cases[["x", "y"]].to_numpy(dtype=float)
    n = len(cases)
    found = [np.empty(0, dtype=np.int64)]
    for rows in _by_value(np.flatnonzero(counted), classes):
        near = rows[np.isfinite(xy[rows]).all(axis=1)]
        a, b = _near(xy[near], radius_m)
        found.append(near[a] * n + near[b])
        for same in _by_value(rows[addresses[rows] != ""], addresses):
            b, a = np.triu_indices(len(same), 1)
            found.append(same[a] * n + same[b])
    pairs = np.sort(np.concatenate(found))
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    return pairs // max(n, 1), pairs % max(n, 1)


def _by_value(rows: Ints, values: Any) -> list[Ints]:
    """Rows that share a value together, each in ascending order."""
    return [rows[places] for places in pd.Series(values[rows]).groupby(values[rows]).indices.values()]


def _near(xy: NDArray[np.float64], radius_m: float) -> tuple[Ints, Ints]:
    """Pairs of points, the later one first, not farther from each other than the radius."""
    points = shapely.points(xy)
    a, b = shapely.STRtree(points).query(points, predicate="dwithin", distance=radius_m * (1 + 1e-9))
    step = xy[a] - xy[b]
    meant = (a > b) & (step[:, 0] ** 2 + step[:, 1] ** 2 <= radius_m**2)
    return a[meant], b[meant]


def _earlier(numbers: NDArray[np.object_], later: Ints, earlier: Ints) -> list[Any]:
    ends = np.searchsorted(later, np.arange(len(numbers) + 1))
    return [tuple(numbers[earlier[a:b]]) for a, b in pairwise(ends)]


def _groups(n: int, later: Ints, earlier: Ints) -> Any:
    """Connected cases under one number, from 1 in the order of their first cases.

    Every case takes the least row among its neighbours', and that row's own, until nothing changes.
    """
    first = np.arange(n)
    while True:
        before = first.copy()
        np.minimum.at(first, later, first[earlier])
        np.minimum.at(first, earlier, first[later])
        first = first[first]
        if (first == before).all():
            break
    joined = np.zeros(n, dtype=bool)
    joined[later] = joined[earlier] = True
    numbers = np.zeros(n, dtype=np.int64)
    numbers[joined] = np.unique(first[joined], return_inverse=True)[1] + 1
    out = pd.array(numbers, dtype="Int64")
    out[~joined] = pd.NA
    return out


# --- suspected duplicates ---------------------------------------------------------------------------------------------


class SuspectRule(Strict):
    """Which cases are suggested as the same problem (疑似重复规则); see ``data/repeats/suspects.yaml``."""

    title: Words
    source: str
    radius_m: Metres
    hours: Annotated[float, Field(gt=0)]
    open_days: Annotated[float, Field(ge=0)]
    reasons: dict[Id, Words]


SUSPECTS = ("new", "case_no", "distance_m", "hours_before", "why")


def suspects(new: pd.DataFrame, recent: pd.DataFrame, rule: SuspectRule) -> pd.DataFrame:
    """Cases that may be the same problem as ones reported now (疑似重复): suggested, never merged.

    Of the same small class, within the radius, and reported within the hours
    before, or still open and not older than the days.

    Parameters
    ----------
    new
        Cases reported now: case_no, category, reported_at (aware), x and y in metres.
    recent
        The same columns and closed_at (NaT while open), of cases they may repeat.

    Returns
    -------
    DataFrame
        :data:`SUSPECTS`: ``new`` is the position of a case reported now; its suspects the nearest first, of equal
        ones the newest: distance_m, hours_before, and why: ``recent`` or ``open``.
    """
    places = [shapely.points(f["x"].to_numpy(dtype=float), f["y"].to_numpy(dtype=float)) for f in (new, recent)]
    mine, near = shapely.STRtree(places[1]).query(places[0], predicate="dwithin", distance=rule.radius_m)
    here, there = new.iloc[mine].reset_index(drop=True), recent.iloc[near].reset_index(drop=True)
    age = here["reported_at"] - there["reported_at"]
    is_open = there["closed_at"].isna() | (there["closed_at"] > here["reported_at"])
    is_recent = age <= pd.Timedelta(hours=rule.hours)
    meant = is_recent | (is_open & (age <= pd.Timedelta(days=rule.open_days)))
    other = (there["category"] == here["category"]) & (there["case_no"] != here["case_no"])
    found = pd.DataFrame(
        {
            "new": mine,
            "case_no": there["case_no"],
            "distance_m": shapely.distance(places[0][mine], places[1][near]),
            "hours_before": age.dt.total_seconds() / 3600,
            "why": np.where(is_recent, "recent", "open"),
        }
    )
    chosen: pd.DataFrame = found[other & (age >= pd.Timedelta(0)) & meant]
    return chosen.sort_values(["new", "distance_m", "hours_before", "case_no"], ignore_index=True)


def groups(found: pd.DataFrame) -> list[Mapping[str, Any]]:
    """The groups that hold a repeat (重复案件组), in order: classes, strictest place, cases, repeats, middle in metres.

    Parameters
    ----------
    found
        What :func:`find` gives.
    """
    out: list[Mapping[str, Any]] = []
    for number, own in found[found["group"].notna()].groupby("group"):
        repeats = own.loc[own["is_repeat"].fillna(False), "case_no"].tolist()
        if not repeats:
            continue
        strictest = own.sort_values("threshold", kind="stable").iloc[0]
        out.append(
            {
                "group": int(str(number)),
                "categories": _distinct(own["category"]),
                "road_class": strictest["road_class"],
                "threshold": int(strictest["threshold"]),
                "cases": own["case_no"].tolist(),
                "repeats": repeats,
                "addresses": _distinct(own["address"]),
                "x": float(own["x"].mean()),
                "y": float(own["y"].mean()),
            }
        )
    return out


def _distinct(values: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(v for v in values if isinstance(v, str) and v.strip()))
