"""Dossiers from the database (考核数据包): everything a period's assessment is computed from, by value.

Automatic inputs are counted, results of other assessments taken, entered ones
read from the entries, earlier periods taken from their assessments: the published one, else the newest.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any, Literal

from gridmgmt.accepted import yes_no
from gridmgmt.assessing.operations.automatic_inputs import Assessed, Sources, filters_of, parted_by, step_counts_of
from gridmgmt.assessing.operations.past_results import Past, earlier_results
from gridmgmt.assessing.operations.taken_results import Results
from gridmgmt.assessing.store import entries
from gridmgmt.casework.operations import repeats
from gridmgmt.casework.readers import repeats as repeat_rules
from gridmgmt.city import City
from gridmgmt.database.work import Connection
from gridmgmt.errors import LevelUnknown, OptionInvalid, SubjectsMissing
from gridmgmt.figures.counts import Facts
from gridmgmt.figures.operations.period_counts import Figures, Filters, by_person, by_unit, figures
from gridmgmt.files.wording import named
from gridmgmt.people.store import units as store_units
from gridmgmt.periods import Period
from gridmgmt.rulebooks.check import stage_inputs
from gridmgmt.rulebooks.dossier import EVERYBODY, Subject, stage_of
from gridmgmt.rulebooks.inputs import LISTED, Input
from gridmgmt.rulebooks.model import Rulebook, Stage
from gridmgmt.rulebooks.records import SIGNED
from gridmgmt.scorecards import documents
from gridmgmt.texts import expected


@dataclass(frozen=True)
class SetAside:
    """An entered value that is not used (录入未采用): the facts, or another assessment, say something else."""

    subject: str
    input: str
    entered: Any
    used: Any


@dataclass(frozen=True)
class Built:
    """A dossier with what it was read from.

    Attributes
    ----------
    plain
        The dossier as a plain document.
    found
        The period's figures.
    subjects
        Who is assessed, in the order of documents.
    counts
        Each subject's counts, by its code in the dossier.
    earlier
        Period → the assessment that an earlier period's results were taken from.
    sources
        The assessments whose results are inputs, by name.
    absent
        Kinds of facts that the stage counts and of which the period has none at all.
    unlisted
        No list of subjects was imported, so that all units are assessed (未导入考核对象名单).
    set_aside
        What was entered and is not used.
    """

    plain: Mapping[str, Any]
    found: Figures
    subjects: Sequence[Assessed]
    counts: Mapping[str, Mapping[str, int | Fraction]]
    earlier: Mapping[str, Mapping[str, str]]
    sources: Sequence[Mapping[str, str]] = ()
    absent: Sequence[str] = ()
    unlisted: bool = False
    set_aside: Sequence[SetAside] = ()


def stage_for(book: Rulebook, period: Period) -> Stage:
    """The stage that assesses a period.

    Raises
    ------
    OptionInvalid
        The rulebook has no stage of that length.
    """
    stage = stage_of(book, period)
    if stage is None:
        wanted = expected("period_of", rulebook=book.id, known=[s.cadence for s in book.stages])
        raise OptionInvalid(name="--period", value=period.label, expected=wanted)
    return stage


def build(
    connection: Connection,
    city: City,
    book: Rulebook,
    stage: Stage,
    period: Period,
    *,
    level: str | None = None,
    as_of: dt.datetime | None = None,
    past: Past | None = None,
) -> Built:
    """Read a period's dossier; ``past``: results of earlier periods that may have been read before.

    The list of subjects, posts and who answers are those of the last day that the cut-off sees. Where one is asked for,
    what has no days of its own (a subject's group and role, a unit's kind and place in the tree, full time) is read as
    it was known then, or at first.

    Raises
    ------
    NoEditionOnDate, PeriodAhead, LevelUnknown, SubjectsMissing
    """
    found = figures_for(connection, city, book, period, as_of)
    subjects = _subjects(connection, city, book, found, level, as_of)
    counts = counts_of(connection, book, found, subjects)
    specs = stage_inputs(book, stage)
    entered = entries.current_entries(connection, book.id, [period.label]).get(period.label, {})
    source = Sources(connection, city, found, counts, subjects, as_of)
    results_of = Results(connection, found, as_of)
    records: dict[str, Any] = {}
    everybody = {k: v for k, v in entered.get(EVERYBODY, {}).items() if k in specs}
    if everybody:
        records[EVERYBODY] = {"inputs": everybody}
    for subject in subjects:
        own = entered.get(subject.key[2], {})
        records[subject.code] = _record(specs, subject, source, results_of, own, entered.get(EVERYBODY, {}))
    earlier, results = earlier_results(connection, book, stage, period, subjects, past or Past())
    plain = {
        "rulebook": book.id,
        "subjects": {s.code: s.subject.plain for s in subjects},
        "periods": {**results, period.label: records},
    }
    absent = [k for k in _facts_read(specs) if not source.has(k)]
    is_unit = book.population.kind == "unit"
    unlisted = is_unit and not entries.assessed_on(connection, book.id, found.day, as_of)
    aside = [x for s in subjects for x in _set_aside(s, records[s.code], entered.get(s.key[2], {}))]
    return Built(plain, found, subjects, counts, earlier, results_of.assessments, absent, unlisted, aside)


def _set_aside(subject: Assessed, record: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[SetAside]:
    """What was entered of a subject and differs from what is counted or taken in its place."""
    for name, used in record["inputs"].items():
        if name in own and record["sources"][name] != "entries" and str(own[name]) != str(used):
            yield SetAside(subject.code, name, own[name], used)


def figures_for(
    connection: Connection, city: City, book: Rulebook, period: Period, as_of: dt.datetime | None
) -> Figures:
    """A period's figures in all that a rulebook counts."""

    def filters(cases: Callable[[], Facts]) -> Filters:
        return filters_of(book, partial(_repeats, connection, period, cases), city.zone)

    steps, by = step_counts_of(book), parted_by(book)
    return figures(connection, city, period, as_of, filters=filters, step_counts=steps, by=by)


def _facts_read(specs: Mapping[str, Input]) -> list[str]:
    """The kinds of facts that inputs are counted from and from nothing else: what may be entered is asked for."""
    counted = [s.automatic for s in specs.values() if s.automatic is not None and s.entered is None]
    return sorted({a.facts for a in counted if a.facts is not None})


def _repeats(connection: Connection, period: Period, cases: Callable[[], Facts], rule: str) -> set[str]:
    """The period's cases that are repeats by a rule, as they were at the cut-off."""
    found = repeats.marks(connection, period, repeat_rules.rule(rule), cases().seen)
    return {number for number, is_repeat in found.items() if is_repeat}


# --- who --------------------------------------------------------------------------------------------------------------


def levels_of(book: Rulebook, city: City, level: str | None) -> list[int]:
    """The grid levels an assessment covers: the rulebook's population, or one of it.

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


def _subjects(
    connection: Connection, city: City, book: Rulebook, found: Figures, level: str | None, as_of: dt.datetime | None
) -> list[Assessed]:
    listed = {s.code: s for s in entries.assessed_on(connection, book.id, found.day, as_of)}
    if book.population.kind == "grid":
        return _grids(book, city, found, listed, level)
    if level is not None and level != book.population.kind:
        raise LevelUnknown(value=level, known=[book.population.kind])
    if book.population.kind == "unit":
        known = store_units.units(connection, as_of)
        kinds = book.population.unit_kinds
        chosen = listed or {
            code: Subject(code, named(row["name_zh"], row["name_en"], code))
            for code, row in known.items()
            if not kinds or row["kind"] in kinds
        }
        parents = {code: row["parent_code"] for code, row in known.items()}
    else:
        chosen, parents = listed, {}
    if not chosen:
        raise SubjectsMissing(name=book.id, kind=book.population.kind)
    return [_person(book.population.kind, chosen[code], parents.get(code)) for code in sorted(chosen)]


def _person(kind: Literal["unit", "person"], subject: Subject, parent: str | None) -> Assessed:
    told = documents.Subject(
        kind=kind, level=kind, level_number=0, code=subject.code, parent=subject.group or parent,
        name=dict(subject.name), grid_kind=None, edition=None, group=subject.group, role=subject.role,
    )  # fmt: skip
    return Assessed(subject.code, told.key, subject, told)


def _grids(
    book: Rulebook, city: City, found: Figures, listed: Mapping[str, Subject], level: str | None
) -> list[Assessed]:
    wanted = levels_of(book, city, level)
    one_level = book.population.levels != "all" and len(book.population.levels) == 1
    keys = {x.number: x.key for x in city.levels}
    out = []
    row: Any
    for row in found.grids[found.grids["level"].isin(wanted)].itertuples(index=False):
        number, code = int(row.level), str(row.code)
        if listed and code not in listed:
            continue
        name = named(row.name_zh, row.name_en, code)
        key = code if one_level else f"{keys[number]}/{code}"
        subject = replace(listed.get(code, Subject(code, name)), code=key, name=name, level=keys[number])
        told = documents.Subject(
            kind="grid", level=keys[number], level_number=number, code=code, parent=row.parent_code,
            name=name, grid_kind=row.kind, edition=row.edition, group=subject.group, role=subject.role,
        )  # fmt: skip
        out.append(Assessed(key, told.key, subject, told, row.area_m2))
    return out


# --- what -------------------------------------------------------------------------------------------------------------


def counts_of(
    connection: Connection, book: Rulebook, found: Figures, subjects: Sequence[Assessed]
) -> dict[str, Mapping[str, int | Fraction]]:
    """The counts of a period's subjects: grids, units or persons."""
    if book.population.kind == "unit":
        units = by_unit(found, {v: k for k, v in store_units.unit_ids(connection).items()})
        return {s.code: units.get(s.key[2], {}) for s in subjects}
    if book.population.kind == "person":
        acts = by_person(found)
        return {s.code: acts.get(s.key[2], {}) for s in subjects}
    return _counts_of_grids(found, subjects)


def _counts_of_grids(found: Figures, subjects: Sequence[Assessed]) -> dict[str, Mapping[str, int | Fraction]]:
    """The counts of subjects that are grids; nothing of those that had no figures in the period."""
    return {s.code: found.levels[s.key[1]].by_code.get(s.key[2], {}) for s in subjects}


def _record(
    specs: Mapping[str, Input],
    subject: Assessed,
    source: Sources,
    results_of: Results,
    own: Mapping[str, Any],
    everybody: Mapping[str, Any],
) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    sources: dict[str, str] = {}
    results: dict[str, Any] = {}
    sampled: dict[str, int] = {}
    for name, spec in specs.items():
        counted = source.value(name, spec, subject)
        if counted is not None:
            inputs[name], sources[name] = counted
            if (n := source.n_sampled(spec, subject)) is not None:
                sampled[name] = n
        elif (taken := results_of.value(spec.result, subject)) is not None:
            inputs[name], results[name] = taken
            sources[name] = "result"
        elif name in own:
            inputs[name], sources[name] = own[name], "entries"
    told = {name for name, where in sources.items() if where not in ("entries", "result")}
    # what could not be counted and is not entered is no empty list, unless somebody signs that there was nothing
    needs_sign = any(s.type in LISTED and (s.automatic is None or name not in told) for name, s in specs.items())
    signed = not needs_sign or bool(yes_no(own.get(SIGNED, everybody.get(SIGNED))))
    more = {"results": results, "sampled": sampled}
    record: dict[str, Any] = {"inputs": inputs, "sources": sources, **{k: v for k, v in more.items() if v}}
    return record if signed else {**record, "signed": False}


# --- earlier periods --------------------------------------------------------------------------------------------------
