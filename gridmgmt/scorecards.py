"""Scorecards (考评表): counts + rulebook → one document for each subject, exact and explained.

The canonical JSON of an assessment (header + subject documents, sorted keys,
exact numbers as text, no clock, no locale, no database key) is what its
SHA-256 is taken of: the same facts, rulebook, edition and cut-off give the same
hash. Workbooks, pages and maps are made from it and from nothing else.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import pandas as pd

from gridmgmt.indicators import COUNTS, RATIOS, ratio
from gridmgmt.rulebooks.evaluate import Line, Reason, Score, exact, rank, score, shown, shown_near
from gridmgmt.rulebooks.load import Loaded
from gridmgmt.rulebooks.model import Rulebook

SCHEMA = "gridmgmt.assessment/1"
Key = tuple[int, str]


@dataclass(frozen=True)
class LevelCounts:
    """One level's figures of a period.

    Attributes
    ----------
    counts
        Index = grid code (every grid of the level, zero-case ones included);
        one column a base count, ``int`` or ``Fraction``.
    unassigned
        The same counts of the rows in no grid of this level.
    """

    counts: pd.DataFrame
    unassigned: Mapping[str, int | Fraction]

    @cached_property
    def by_code(self) -> Mapping[str, Mapping[str, int | Fraction]]:
        """The counts of each grid as plain numbers."""
        return {str(code): plain(row) for code, row in self.counts.to_dict("index").items()}


def plain(counts: Mapping[Any, Any]) -> dict[str, int | Fraction]:
    """Counts as Python's own exact numbers."""
    return {str(k): v if isinstance(v, Fraction) else int(v) for k, v in counts.items()}


@dataclass(frozen=True)
class Earlier:
    """A period to compare with: its label, the edition it was counted in, its figures (none: no data)."""

    period: str
    edition: str | None
    levels: Mapping[int, LevelCounts]


@dataclass(frozen=True)
class Assessment:
    """An assessment (考评) as a document; ``sha256`` is that of its canonical JSON."""

    header: Mapping[str, Any]
    subjects: tuple[Mapping[str, Any], ...]
    totals: Mapping[Key, Fraction | None]
    sha256: str


def canonical(document: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, UTF-8 as it is."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(header: Mapping[str, Any], subjects: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of an assessment's canonical JSON."""
    return hashlib.sha256(canonical({**header, "subjects": list(subjects)}).encode()).hexdigest()


def number(value: Fraction | int | None, places: int = 2, limits: Sequence[Fraction] = ()) -> dict[str, str] | None:
    """An exact number beside its rounded form."""
    if value is None:
        return None
    value = Fraction(value)
    return {"exact": exact(value), "shown": shown_near(value, limits, places) if limits else shown(value, places)}


def indicator_values(counts: Mapping[str, int | Fraction], area_m2: float | None) -> dict[str, Any]:
    """Every rate with numerator and denominator; None where there is no data."""
    out: dict[str, Any] = {}
    for name, rule in RATIOS.items():
        parts = ratio(name, counts, area_m2)
        if parts is None:
            out[name] = None
            continue
        value = parts[0] / parts[1]
        scaled = value * 100 if rule.unit == "percent" else value
        if rule.denominator == "area_km2":  # a measured area: shown, never decided on
            out[name] = {"numerator": exact(parts[0]), "denominator": shown(parts[1], 4), "shown": shown(scaled)}
        else:
            out[name] = {
                "numerator": exact(parts[0]),
                "denominator": exact(parts[1]),
                "value": exact(value),
                "shown": shown(scaled),
            }
    return out


def count_values(counts: Mapping[str, int | Fraction]) -> dict[str, Any]:
    """Base counts: whole numbers as numbers, sums of scores as exact text."""
    return {k: int(v) if COUNTS[k].amount != "score" else exact(Fraction(v)) for k, v in sorted(counts.items())}


def assess(
    loaded: Loaded,
    header: Mapping[str, Any],
    grids: pd.DataFrame,
    now: Mapping[int, LevelCounts],
    before: Mapping[str, Earlier],
    level_keys: Mapping[int, str],
) -> Assessment:
    """Score every grid of the assessed levels and document it.

    Parameters
    ----------
    header
        City, period, cut-off, edition and evidence; the rulebook and the sums are added.
    grids
        Columns level, code, parent_code, name_zh, name_en, kind, area_m2, edition: the subjects.
    now
        Figures of the period, by level number.
    before
        Figures to compare with: ``previous`` (环比) and ``year_ago`` (同比), each with its period's label.
    """
    book = loaded.rulebook
    scores: dict[Key, Score] = {}
    rows: dict[Key, Any] = {}
    row: Any
    for row in grids.astype(object).where(grids.notna(), None).itertuples(index=False):  # a missing name is no NaN
        key = (int(row.level), str(row.code))
        rows[key] = row
        scores[key] = score(book, _counts_of(now, key))
    totals = {key: s.total for key, s in scores.items()}
    ranks = _ranks(totals, rows)
    documents = tuple(
        _document(book, rows[key], level_keys, scores[key], now, before, ranks[key]) for key in sorted(rows)
    )
    full_header = {
        **header,
        "schema": SCHEMA,
        "rulebook": {
            "id": book.id,
            "version": book.version,
            "sha256": loaded.sha256,
            "title": dict(book.title),
            "issuer": dict(book.issuer),
            "empty": {"option": book.empty.option, "reason": dict(book.empty.reason)},
            "scale": exact(book.scale),
            "items": [{"id": i.id, "title": dict(i.title), "points": exact(i.points)} for i in book.items],
            "grades": [{"id": g.id, "at_least": exact(g.at_least), "title": dict(g.title)} for g in book.grades],
        },
        "unassigned": {level_keys[n]: count_values(x.unassigned) for n, x in sorted(now.items())},
    }
    return Assessment(full_header, documents, totals, digest(full_header, documents))


def _counts_of(figures: Mapping[int, LevelCounts], key: Key) -> Mapping[str, int | Fraction]:
    return figures[key[0]].by_code.get(key[1], {}) if key[0] in figures else {}


def _ranks(totals: Mapping[Key, Fraction | None], rows: Mapping[Key, Any]) -> dict[Key, dict[str, Any]]:
    out: dict[Key, dict[str, Any]] = {key: {"level": None, "siblings": None} for key in totals}
    groups: dict[tuple[str, Any], dict[Key, Fraction | None]] = {}
    for key, total in totals.items():
        groups.setdefault(("level", key[0]), {})[key] = total
        groups.setdefault(("siblings", (key[0], rows[key].parent_code)), {})[key] = total
    for (scope, _), members in groups.items():
        n_ranked = sum(v is not None for v in members.values())
        for key, (place, tied) in rank(members).items():
            out[key][scope] = {"rank": place, "of": n_ranked, "tied": tied}
    return out


def _document(
    book: Rulebook,
    row: Any,
    level_keys: Mapping[int, str],
    result: Score,
    now: Mapping[int, LevelCounts],
    before: Mapping[str, Earlier],
    ranks: Mapping[str, Any],
) -> dict[str, Any]:
    key = (int(row.level), str(row.code))
    counts = _counts_of(now, key)
    comparisons = {}
    for name, earlier in before.items():
        then = _counts_of(earlier.levels, key)
        comparisons[name] = {
            "period": earlier.period,
            "edition": earlier.edition,
            "counts": count_values(then) if then else None,
            "indicators": indicator_values(then, row.area_m2) if then else None,
        }
    return {
        "subject": {
            "kind": "grid",
            "level": level_keys[key[0]],
            "level_number": key[0],
            "code": key[1],
            "parent": row.parent_code,
            "name": {"zh": row.name_zh or row.name_en or key[1], "en": row.name_en or row.name_zh or key[1]},
            "grid_kind": row.kind,
            "edition": row.edition,
        },
        "counts": count_values(counts),
        "indicators": indicator_values(counts, row.area_m2),
        "comparisons": comparisons,
        "lines": [_line(book, x) for x in result.lines],
        "total": number(result.total, limits=[g.at_least for g in book.grades]),
        "grade": result.grade,
        "reason": _reason(result.reason),
        "rank": dict(ranks),
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, "facts": dict(reason.facts)}


def _line(book: Rulebook, line: Line) -> dict[str, Any]:
    item = book.item(line.item)
    value = None
    if line.numerator is not None and line.denominator is not None:
        unit = RATIOS[line.indicator].unit
        fraction = line.numerator / line.denominator
        value = {
            "numerator": exact(line.numerator),
            "denominator": exact(line.denominator),
            "value": exact(fraction),
            "shown": shown(fraction * 100 if unit == "percent" else fraction),
        }
    return {
        "item": line.item,
        "title": dict(item.title) if item else {},
        "maximum": exact(line.maximum),
        "points": number(line.points),
        "indicator": line.indicator,
        "value": value,
        "reason": _reason(line.reason),
    }
