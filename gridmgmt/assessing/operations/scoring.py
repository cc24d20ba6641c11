"""Assessment (考评): dossier + rulebook → a saved, explained, repeatable score; and the way back to case numbers."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gridmgmt.assessing.operations import permits
from gridmgmt.assessing.operations.automatic_inputs import parted_by, step_counts_of
from gridmgmt.assessing.operations.dossiers import Built, SetAside, build, counts_of, stage_for
from gridmgmt.assessing.operations.past_results import Past, shorter_periods
from gridmgmt.assessing.operations.proofs import EVIDENCE
from gridmgmt.assessing.operations.resampling import patterns
from gridmgmt.assessing.store import assessments as store
from gridmgmt.assessing.store import frozen
from gridmgmt.city import City
from gridmgmt.database import auditing, cities
from gridmgmt.database.doors import needs
from gridmgmt.database.spools import Spool
from gridmgmt.database.work import Connection, Work
from gridmgmt.documents import many, plain
from gridmgmt.errors import NoEditionOnDate, PeriodAhead
from gridmgmt.figures.operations.period_counts import evidence, figures
from gridmgmt.people.store import units as store_units
from gridmgmt.periods import Period
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.rulebooks.dossier import Dossier
from gridmgmt.rulebooks.dossier_reading import read_after
from gridmgmt.rulebooks.load import Loaded
from gridmgmt.rulebooks.model import Rulebook, Stage
from gridmgmt.rulebooks.store import versions as rulebook_store
from gridmgmt.scorecards import assessment
from gridmgmt.scorecards.chance import chance
from gridmgmt.scorecards.documents import Chance, Comparison, Document, Facts, Header


@dataclass(frozen=True)
class Made:
    """An assessment as it was saved; ``is_new`` False: one with the same content was there.

    ``published``: the assessment of the period that is published and holds, if there is one. ``unlisted``: no list
    of subjects was imported, so that every unit was assessed. ``set_aside``: what was entered and is not used.
    """

    name: str
    sha256: str
    is_new: bool
    header: Header
    subjects: tuple[Document, ...]
    published: str | None = None
    unlisted: bool = False
    set_aside: Sequence[SetAside] = ()


@needs("results.write", whole=True, by_worker=True)
def score(
    work: Work,
    rulebook: str,
    period: Period,
    *,
    level: str | None = None,
    as_of: dt.datetime | None = None,
) -> Made:
    """Assess a period by a rulebook and save the result; the same content again is not saved twice.

    A period that is made of shorter ones has these assessed first, unless they
    are published. It reads in one snapshot and saves in a transaction of its
    own: an import that goes on meanwhile is either in all of the assessment or
    in none of it. What is missing leaves totals open and is listed; nothing is guessed.

    Raises
    ------
    RulebookMissing, RulebookInvalid, RulebookNotInForce, RulebookChanged
    NoEditionOnDate, PeriodAhead, LevelUnknown, OptionInvalid, SubjectsMissing
        Nothing is saved.
    """
    return _score_all(work, rulebook, period, level, as_of, defaultdict(Past))


def _score_all(
    work: Work,
    rulebook: str,
    period: Period,
    level: str | None,
    as_of: dt.datetime | None,
    pasts: dict[str, Past],
) -> Made:
    """Assess a period after its shorter ones; ``pasts``: by the rulebook's hash, the earlier results read so far."""
    loaded = rulebooks.load(rulebook, period.last)
    stage = stage_for(loaded.rulebook, period)
    _score_shorter(
        work.but(finishing=None), rulebook, shorter_periods(loaded.rulebook, stage, period), level, as_of, pasts
    )
    with TemporaryDirectory() as folder, many():
        return _score(work, loaded, stage, period, level, as_of, Path(folder), pasts[loaded.sha256])


def _score(
    work: Work,
    loaded: Loaded,
    stage: Stage,
    period: Period,
    level: str | None,
    as_of: dt.datetime | None,
    folder: Path,
    past: Past,
) -> Made:
    """Assess one period; ``folder``: where what is to be frozen waits until it is saved."""
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        work.progress("count", 0)
        built = build(connection, city, loaded.rulebook, stage, period, level=level, as_of=as_of, past=past)
        before = _comparisons(connection, loaded.rulebook, built)
        unit_codes = {v: k for k, v in store_units.unit_ids(connection).items()}
        proofs = evidence(built.found, unit_codes, folder)
        known_through = store.known_through(connection)
    work.progress("score", len(built.subjects))
    dossier = read_after(past.kept, loaded.rulebook, built.plain, period.label)
    header = _header(built, proofs)
    made = assessment.assess(loaded, dossier, period.label, Header, header, _facts(built, before), past.kept)
    work.progress("chance", len(made.subjects))
    chances = _chances(loaded, made, dossier, built, unit_codes)
    work.progress("save", len(made.subjects))
    values = {
        "rulebook_id": loaded.rulebook.id,
        "rulebook_sha256": loaded.sha256,
        "rulebook_text": loaded.text,
        "period": period.label,
        "as_of": built.found.as_of,
        "known_through": known_through,
        "edition_id": built.found.edition.id,
        "header": plain(made.header),
        "dossier": built.plain,
        "complete": made.header.complete,
        "sha256": made.sha256,
    }
    name, is_new, published = _save(work, loaded, values, made, chances, proofs)
    return Made(name, made.sha256, is_new, made.header, made.subjects, published, built.unlisted, built.set_aside)


def _score_shorter(
    work: Work,
    rulebook: str,
    periods: Sequence[Period],
    level: str | None,
    as_of: dt.datetime | None,
    pasts: dict[str, Past],
) -> None:
    """Assess the shorter periods that are not published; those without an edition or still ahead stay open."""
    with work.snapshot() as connection:
        zone = cities.load_city(connection).zone
        loaded = [rulebooks.load(rulebook, p.last) for p in periods]
        names = {x.rulebook.id for x in loaded}
        published = {p for n in names for p, s in store.official(connection, n).items() if s.published_at is not None}
    for period in periods:
        if period.label in published:
            continue
        cut = as_of and min(as_of, period.bounds(zone)[1])
        with suppress(NoEditionOnDate, PeriodAhead):
            _score_all(work, rulebook, period, level, cut, pasts)


def _save(
    work: Work,
    loaded: Loaded,
    values: Mapping[str, Any],
    made: assessment.Assessment[Header],
    chances: Sequence[Chance | None],
    proofs: Mapping[str, Spool],
) -> tuple[str, bool, str | None]:
    """Save an assessment unless one of the same content is there; gives its name, whether it is new, which holds."""
    with work.locked() as connection:
        rulebook_store.register(connection, loaded)
        rulebook, period = values["rulebook_id"], values["period"]
        holds = store.official(connection, rulebook).get(period)
        published = holds.name if holds is not None and holds.published_at is not None else None
        same = store.confirm_same(connection, rulebook, period, made.sha256)
        name = same or store.next_name(connection, rulebook, period)
        auditing.note(connection, assessments=[name])
        told = {"assessment": name, "sha256": made.sha256, "is_new": same is None, "n_subjects": len(made.subjects)}
        work.done(connection, told)
        if same is not None:
            return same, False, published
        totals = [o.total for o in made.outcomes.values()]  # in the order of the documents
        assessment_id = store.save(connection, {**values, "name": name}, made.subjects, made.texts, totals, chances)
        for kind, proof in proofs.items():
            frozen.save(connection, EVIDENCE[kind], assessment_id, proof)
        return name, True, published


@dataclass(frozen=True)
class Earlier:
    """A period to compare with: its label, the edition it was counted in, its figures (none: no data)."""

    period: str
    edition: str | None
    counts: Mapping[str, Mapping[str, Any]]


def _comparisons(connection: Connection, book: Rulebook, built: Built) -> dict[str, Earlier]:
    """The period before (环比) and the same period a year ago (同比), each cut off at its own end.

    Compared are grids, units and persons alike, in all that is counted of them now. A period before the first facts,
    or on days without an edition, has no figures: no data, not 0.
    """
    now = built.found
    levels = sorted({s.key[1] for s in built.subjects if s.key[0] == "grid"})
    counted = levels or [now.city.levels[0].number]  # units and persons are of no level: the fewest do
    out: dict[str, Earlier] = {}
    for name, period in (("previous", now.period.previous()), ("year_ago", now.period.year_ago())):
        out[name] = Earlier(period.label, None, {})
        with suppress(NoEditionOnDate):
            end = period.bounds(now.city.zone)[1]
            steps, by = step_counts_of(book), parted_by(book)
            then = figures(connection, now.city, period, end, levels=counted, step_counts=steps, by=by)
            if any(len(p.facts.frame) for p in then.parts.values()):
                counts = counts_of(connection, book, then, built.subjects)
                out[name] = Earlier(period.label, then.edition.name if levels else None, counts)
    return out


def _facts(built: Built, before: Mapping[str, Earlier]) -> dict[str, Facts]:
    """The parts of each document that are facts: subject, counts, indicators, comparisons."""
    out: dict[str, Facts] = {}
    for subject in built.subjects:
        counts = built.counts[subject.code]
        comparisons = {}
        for name, earlier in before.items():
            then = earlier.counts.get(subject.code)
            comparisons[name] = Comparison(
                period=earlier.period,
                edition=earlier.edition,
                counts=assessment.count_values(then) if then else None,
                indicators=assessment.indicator_values(then, subject.area_m2) if then else None,
            )
        out[subject.code] = Facts(
            subject=subject.told,
            counts=assessment.count_values(counts),
            indicators=assessment.indicator_values(counts, subject.area_m2) if counts else {},
            comparisons=comparisons,
        )
    return out


def _chances(
    loaded: Loaded, made: assessment.Assessment[Header], dossier: Dossier, built: Built, units: Mapping[int, str]
) -> list[Chance | None]:
    """What chance each result rests on (名次波动), in the order of the documents; it changes no score."""
    sources = {code: record.sources for code, record in dossier.periods[built.found.period.label].items()}
    found = chance(
        loaded.rulebook, made.stage, made.outcomes, dossier.subjects,
        patterns(loaded.rulebook, built.found, built.subjects, units, sources),
        seed_text=f"{loaded.rulebook.id}/{built.found.period.label}",
    )  # fmt: skip
    return [found.get(code) for code in made.outcomes]


UNGRIDDED = {"unit": {"zh": "单位", "en": "Units"}, "person": {"zh": "人员", "en": "Persons"}}
"""What stands in a level's place for subjects that are no grids."""


def _header(built: Built, proofs: Mapping[str, Spool]) -> dict[str, Any]:
    now = built.found
    city, period = now.city, now.period
    kinds = {s.key[0] for s in built.subjects}
    numbers = {s.key[1] for s in built.subjects}
    levels = [{"key": x.key, "number": x.number, "zh": x.zh, "en": x.en} for x in city.levels if x.number in numbers]
    levels += [{"key": k, "number": 0, **words} for k, words in UNGRIDDED.items() if k in kinds]
    keys = {x.number: x.key for x in city.levels}
    unassigned = {keys[n]: assessment.count_values(x.unassigned) for n, x in sorted(now.levels.items())}
    return {
        "city": {"code": city.code, "name": {"zh": city.name("zh"), "en": city.name("en")}},
        "datum": city.datum,
        "period": {
            "label": period.label,
            "first": period.start.isoformat(),
            "last": period.last.isoformat(),
        },
        "as_of": now.as_of.astimezone(city.zone).isoformat(),
        "edition": now.edition.name,
        "levels": levels,
        "counts": {of: list(part.masks) for of, part in now.parts.items()},
        "evidence": {kind: {"n": proof.n, "sha256": proof.sha256} for kind, proof in proofs.items()},
        "unassigned": unassigned,
        "earlier": dict(built.earlier),
        **({"sources": built.sources} if built.sources else {}),
        "absent": list(built.absent),
    }


@needs("results.compare", by_worker=True)
def listing(work: Work) -> list[dict[str, Any]]:
    """Every assessment, newest first; its cut-off in city time, and which of the results it took hold no longer.

    Who does not see the whole city's results is told those that are published.
    """
    is_whole = permits.sees_unpublished(work)
    with work.snapshot() as connection:
        zone = cities.load_city(connection).zone
        stale = store.replaced_sources(connection)
        return [
            {**row, "as_of": row["as_of"].astimezone(zone), "stale": stale.get(row["name"], [])}
            for row in store.listing(connection)
            if is_whole or row["published_at"] is not None
        ]


def level_number(stored: store.Stored, city: City, level: str | None) -> int | None:
    """The number of a level of an assessment; ``unit`` and ``person`` stand for those that are no grids.

    Raises
    ------
    LevelUnknown
    """
    if level is None:
        return None
    known = {x.key: x.number for x in stored.header.levels}
    found = known.get(level)
    return city.level(level).number if found is None else found


@needs("results.read", by_worker=True)
def read(work: Work, name: str, level: str | None = None) -> tuple[store.Stored, list[Document], City]:
    """An assessment and its subjects' documents, as far as they are its viewer's."""
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        stored = permits.named(work, connection, name)
        documents = store.documents(connection, stored.id, level_number(stored, city, level))
        return stored, permits.own(work, connection, stored, documents), city


@needs("results.read", by_worker=True)
def scorecard(work: Work, name: str, code: str, level: str | None = None) -> tuple[store.Stored, Document]:
    """One subject's scorecard document with its assessment.

    Raises
    ------
    AssessmentMissing, SubjectMissing, OutsideScope
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        stored = permits.named(work, connection, name)
        document = store.document(connection, stored, code, level_number(stored, city, level))
        permits.check(work, connection, stored, document)
        return stored, document
