"""Assessment (考评): figures + rulebook → a saved, explained, repeatable score; and the way back to case numbers."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine

from gridmgmt import scorecards
from gridmgmt.city import City
from gridmgmt.errors import ItemMissing, LevelUnknown, NoEditionOnDate
from gridmgmt.indicators import COUNTS, RATIOS
from gridmgmt.operations.database import Progress, silent, snapshot, transaction
from gridmgmt.operations.figures import Figures, evidence, figures
from gridmgmt.periods import Period
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.scorecards import Earlier
from gridmgmt.store import assessments as store
from gridmgmt.store import cities, facts

EVIDENCE = {"cases": "assessment_case", "samples": "assessment_sample"}
"""The table of the frozen facts of each kind."""


@dataclass(frozen=True)
class Made:
    """An assessment as it was saved; ``is_new`` False: one with the same content was there."""

    name: str
    sha256: str
    is_new: bool
    header: Mapping[str, Any]
    subjects: tuple[Mapping[str, Any], ...]


def levels_of(book: Rulebook, city: City, level: str | None) -> list[int]:
    """The levels an assessment covers: the rulebook's population, or one of it.

    Raises
    ------
    LevelUnknown
        The rulebook does not assess that level.
    """
    keys = book.population.levels
    wanted = [x.number for x in city.levels] if keys == "all" else [city.level(k).number for k in keys]
    if level is None:
        return wanted
    number = city.level(level).number
    if number not in wanted:
        raise LevelUnknown(value=level, known=[city.levels[n - 1].key for n in wanted])
    return [number]


def score(
    engine: Engine,
    rulebook: str,
    period: Period,
    *,
    level: str | None = None,
    as_of: dt.datetime | None = None,
    progress: Progress = silent,
) -> Made:
    """Assess a period by a rulebook and save the result; the same content again is not saved twice.

    It reads in one snapshot and saves in a transaction of its own: an import
    that goes on meanwhile is either in all of the assessment or in none of it.

    Raises
    ------
    RulebookMissing, RulebookInvalid, NoEditionOnDate, LevelUnknown
        Nothing is saved.
    """
    loaded = rulebooks.load(rulebook)
    with snapshot(engine) as connection:
        city = cities.load_city(connection)
        levels = levels_of(loaded.rulebook, city, level)
        progress("count", 0)
        now = figures(connection, city, period, as_of)
        before = _comparisons(connection, now, levels)
        proofs = _evidence(connection, now)
        known_through = store.known_through(connection)
    progress("score", len(now.grids))
    keys = {x.number: x.key for x in city.levels}
    subjects = now.grids[now.grids["level"].isin(levels)]
    made = scorecards.assess(loaded, _header(now, levels, proofs), subjects, now.levels, before, keys)
    progress("save", len(made.subjects))
    values = {
        "rulebook_id": loaded.rulebook.id,
        "rulebook_sha256": loaded.sha256,
        "rulebook_text": loaded.text,
        "period": period.label,
        "as_of": now.as_of,
        "known_through": known_through,
        "edition_id": now.edition.id,
        "header": dict(made.header),
        "sha256": made.sha256,
    }
    name, is_new = _save(engine, values, made, proofs)
    return Made(name, made.sha256, is_new, made.header, made.subjects)


def _save(
    engine: Engine, values: Mapping[str, Any], made: scorecards.Assessment, proofs: Mapping[str, pd.DataFrame]
) -> tuple[str, bool]:
    """Save an assessment unless one of the same content is there; gives its name and whether it is new."""
    with transaction(engine) as connection:
        facts.lock(connection)
        rulebook, period = values["rulebook_id"], values["period"]
        same = store.find_same(connection, rulebook, period, made.sha256)
        if same is not None:
            return same, False
        name = store.next_name(connection, rulebook, period)
        assessment_id = store.save(connection, {**values, "name": name}, made.subjects, made.totals)
        for kind, table in EVIDENCE.items():
            store.save_evidence(connection, table, assessment_id, proofs[kind])
        return name, True


def _comparisons(connection: Connection, now: Figures, levels: list[int]) -> dict[str, Earlier]:
    """The period before (环比) and the same period a year ago (同比), each cut off at its own end.

    A period before the first facts, or on days without an edition, has no figures: no data, not 0.
    """
    out: dict[str, Earlier] = {}
    for name, period in (("previous", now.period.previous()), ("year_ago", now.period.year_ago())):
        out[name] = Earlier(period.label, None, {})
        with suppress(NoEditionOnDate):
            then = figures(connection, now.city, period, levels=levels)
            if len(then.cases.frame) or len(then.samples.frame):
                out[name] = Earlier(period.label, then.edition.name, then.levels)
    return out


def _evidence(connection: Connection, now: Figures) -> dict[str, pd.DataFrame]:
    units = {v: k for k, v in cities.unit_ids(connection).items()}
    return {
        "cases": evidence(now.cases, now.case_masks, now.case_codes, "case_no", units),
        "samples": evidence(now.samples, now.sample_masks, now.sample_codes, "sample_no", units),
    }


def _header(now: Figures, levels: list[int], proofs: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    city, period = now.city, now.period
    return {
        "city": {"code": city.code, "name": {"zh": city.name("zh"), "en": city.name("en")}},
        "datum": city.datum,
        "period": {
            "label": period.label,
            "first": period.start.isoformat(),
            "last": (period.end - dt.timedelta(days=1)).isoformat(),
        },
        "as_of": now.as_of.astimezone(city.zone).isoformat(),
        "edition": now.edition.name,
        "levels": [{"key": x.key, "zh": x.zh, "en": x.en} for x in city.levels if x.number in levels],
        "counts": {"cases": list(now.case_masks), "samples": list(now.sample_masks)},
        "evidence": {kind: {"n": len(frame), "sha256": _digest(frame)} for kind, frame in proofs.items()},
    }


def _digest(proof: pd.DataFrame) -> str:
    """SHA-256 over which contents count where; not over version instants, which may be those of an import."""
    return hashlib.sha256(proof.to_csv(index=False, lineterminator="\n").encode()).hexdigest()


def listing(engine: Engine) -> list[dict[str, Any]]:
    """Every assessment, newest first; its cut-off in city time."""
    with snapshot(engine) as connection:
        zone = cities.load_city(connection).zone
        return [{**row, "as_of": row["as_of"].astimezone(zone)} for row in store.listing(connection)]


def read(engine: Engine, name: str, level: str | None = None) -> tuple[store.Stored, list[dict[str, Any]], City]:
    """An assessment and its subjects' documents."""
    with snapshot(engine) as connection:
        city = cities.load_city(connection)
        stored = store.by_name(connection, name)
        number = city.level(level).number if level else None
        return stored, store.documents(connection, stored.id, number), city


def scorecard(engine: Engine, name: str, code: str, level: str | None = None) -> tuple[store.Stored, dict[str, Any]]:
    """One subject's scorecard document with its assessment."""
    with snapshot(engine) as connection:
        city = cities.load_city(connection)
        stored = store.by_name(connection, name)
        return stored, store.document(connection, stored, code, city.level(level).number if level else None)


@dataclass(frozen=True)
class Explained:
    """A line (or the total) with the facts behind it: count name → fact numbers."""

    assessment: str
    sha256: str
    subject: Mapping[str, Any]
    line: Mapping[str, Any] | None
    document: Mapping[str, Any]
    evidence: Mapping[str, list[str]]


def explain(engine: Engine, name: str, code: str, item: str | None = None, level: str | None = None) -> Explained:
    """What a grid's line rests on, down to the case and sample numbers frozen with the assessment.

    Parameters
    ----------
    item
        An item of the rulebook, or the name of a count or indicator; None: the total, without numbers.

    Raises
    ------
    AssessmentMissing, SubjectMissing, ItemMissing
    """
    with snapshot(engine) as connection:
        city = cities.load_city(connection)
        stored = store.by_name(connection, name)
        document = store.document(connection, stored, code, city.level(level).number if level else None)
        lines = {x["item"]: x for x in document["lines"]}
        line = lines.get(item) if item else None
        counts = _counts_behind(item, line, lines)
        number = document["subject"]["level_number"]
        found = {}
        for count in counts:
            of = COUNTS[count].of
            bit = stored.header["counts"][of].index(count)
            found[count] = store.evidence(connection, EVIDENCE[of], stored.id, number, code, bit)
        return Explained(stored.name, stored.sha256, document["subject"], line, document, found)


def _counts_behind(item: str | None, line: Mapping[str, Any] | None, lines: Mapping[str, Any]) -> list[str]:
    if item is None:
        return []
    name = line["indicator"] if line else item
    if name in COUNTS:
        return [name]
    if name not in RATIOS:
        raise ItemMissing(item=item, known=[*lines, *RATIOS, *COUNTS])
    rule = RATIOS[name]
    return [c for c in (rule.numerator, rule.denominator) if c in COUNTS]
