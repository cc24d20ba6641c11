"""Dossiers from the database (考核数据包): everything a period's assessment is computed from, by value.

Automatic inputs are counted, entered ones read from the entries, earlier
periods taken from their assessments: the published one, else the newest.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from gridmgmt.city import City
from gridmgmt.errors import LevelUnknown, OptionInvalid, SubjectsMissing
from gridmgmt.indicators import KNOWN_BY, Facts, base_of, filtered, kept
from gridmgmt.operations.figures import Figures, Filters, by_unit, figures
from gridmgmt.periods import Period, parse_period
from gridmgmt.rulebooks.check import stage_inputs
from gridmgmt.rulebooks.dossier import EVERYBODY, Subject, stage_of
from gridmgmt.rulebooks.inputs import LISTED, Automatic, Input
from gridmgmt.rulebooks.items import Carry, Periods
from gridmgmt.rulebooks.model import Rulebook, Stage
from gridmgmt.rulebooks.numbers import exact
from gridmgmt.rulebooks.records import SIGNED
from gridmgmt.store import assessments as store
from gridmgmt.store import cities, entries

Key = tuple[str, int, str]
"""Kind, level number (0 for units and persons) and code of an assessed subject."""


@dataclass(frozen=True)
class Assessed:
    """One subject: its code in the dossier, its key in the database, and what its document says of it."""

    code: str
    key: Key
    subject: Subject
    facts: Mapping[str, Any]
    area_m2: float | None = None


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
    """

    plain: Mapping[str, Any]
    found: Figures
    subjects: Sequence[Assessed]
    counts: Mapping[str, Mapping[str, int | Fraction]]
    earlier: Mapping[str, Mapping[str, str]]


def stage_for(book: Rulebook, period: Period) -> Stage:
    """The stage that assesses a period.

    Raises
    ------
    OptionInvalid
        The rulebook has no stage of that length.
    """
    stage = stage_of(book, period)
    if stage is None:
        cadences = ", ".join(s.cadence for s in book.stages)
        raise OptionInvalid(name="--period", value=period.label, expected=f"a period of {book.id}: {cadences}")
    return stage


def shorter_periods(book: Rulebook, stage: Stage, period: Period) -> list[Period]:
    """The shorter periods that a stage's value is made of, in order."""
    below = dict.fromkeys(i.stage for _, i in stage.items() if isinstance(i, Periods))
    out = []
    for name in below:
        cadence = book.stage(name).cadence.partition("@")[0]
        n = {"month": 1, "quarter": 3, "half": 6}[cadence]
        months = period.months()
        out += [parse_period(_joined(months[i : i + n])) for i in range(0, len(months), n)]
    return sorted(out, key=lambda p: p.end)


def _joined(months: Sequence[Period]) -> str:
    """The label of the quarter or half-year that months make, or of the month itself."""
    first = months[0].label
    if len(months) == 1:
        return first
    name, _, day = first.partition("@")
    year, month = name.split("-")
    part = f"Q{(int(month) + 2) // 3}" if len(months) == 3 else f"H{1 if int(month) <= 6 else 2}"
    return f"{year}-{part}" + (f"@{day}" if day else "")


def filters_of(book: Rulebook) -> Filters:
    """A rulebook's own counts: those with a filter on cases."""
    out = {}
    for name, spec in book.inputs.items():
        automatic = spec.automatic
        if automatic is not None and automatic.count is not None and automatic.only is not None:
            out[filtered(automatic.count, name)] = partial(_kept, automatic)
    return out


def _kept(automatic: Automatic, facts: Facts) -> Any:
    only = automatic.only
    if only is None:
        raise ValueError("a count without a filter")
    return kept(facts, only.kind, only.categories, only.except_categories, only.sources)


def build(
    connection: Connection,
    city: City,
    book: Rulebook,
    stage: Stage,
    period: Period,
    *,
    level: str | None = None,
    as_of: dt.datetime | None = None,
) -> Built:
    """Read a period's dossier.

    Raises
    ------
    NoEditionOnDate, PeriodAhead, LevelUnknown, SubjectsMissing
    """
    filters = filters_of(book)
    found = figures(connection, city, period, as_of, filters=filters)
    subjects = _subjects(connection, city, book, found, level)
    counts = _counts(connection, book, found, subjects)
    specs = stage_inputs(book, stage)
    entered = entries.current_entries(connection, book.id, [period.label]).get(period.label, {})
    source = _Sources(connection, city, found, counts, subjects)
    records: dict[str, Any] = {}
    everybody = {k: v for k, v in entered.get(EVERYBODY, {}).items() if k in specs}
    if everybody:
        records[EVERYBODY] = {"inputs": everybody}
    for subject in subjects:
        own = entered.get(subject.key[2], {})
        records[subject.code] = _record(specs, subject, source, own, entered.get(EVERYBODY, {}))
    earlier, results = _earlier(connection, book, stage, period, subjects)
    plain = {
        "rulebook": book.id,
        "subjects": {s.code: _plain_subject(s) for s in subjects},
        "periods": {**results, period.label: records},
    }
    return Built(plain, found, subjects, counts, earlier)


def _plain_subject(assessed: Assessed) -> dict[str, Any]:
    s = assessed.subject
    out = {
        "name": dict(s.name), "level": s.level, "group": s.group, "role": s.role,
        "superiors": list(s.superiors), "attributes": list(s.attributes),
    }  # fmt: skip
    return {k: v for k, v in out.items() if v}


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


def _subjects(connection: Connection, city: City, book: Rulebook, found: Figures, level: str | None) -> list[Assessed]:
    listed = {s.code: s for s in entries.assessed_on(connection, book.id, found.period.end - dt.timedelta(days=1))}
    if book.population.kind == "grid":
        return _grids(book, city, found, listed, level)
    if level is not None and level != book.population.kind:
        raise LevelUnknown(value=level, known=[book.population.kind])
    if book.population.kind == "unit":
        known = cities.units(connection)
        kinds = book.population.unit_kinds
        chosen = listed or {
            code: Subject(code, _names(row, code)) for code, row in known.items() if not kinds or row["kind"] in kinds
        }
        parents = {code: row["parent_code"] for code, row in known.items()}
    else:
        chosen, parents = listed, {}
    if not chosen:
        raise SubjectsMissing(name=book.id, kind=book.population.kind)
    return [_person(book.population.kind, chosen[code], parents.get(code)) for code in sorted(chosen)]


def _names(row: Any, code: str) -> dict[str, str]:
    return {"zh": row["name_zh"] or row["name_en"] or code, "en": row["name_en"] or row["name_zh"] or code}


def _person(kind: str, subject: Subject, parent: str | None) -> Assessed:
    facts = {
        "kind": kind, "level": kind, "level_number": 0, "code": subject.code, "parent": subject.group or parent,
        "name": dict(subject.name), "grid_kind": None, "edition": None, "group": subject.group, "role": subject.role,
    }  # fmt: skip
    return Assessed(subject.code, (kind, 0, subject.code), subject, facts)


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
        name = {"zh": row.name_zh or row.name_en or code, "en": row.name_en or row.name_zh or code}
        more = listed.get(code)
        key = code if one_level else f"{keys[number]}/{code}"
        subject = Subject(
            key, name, keys[number], more.group if more else None, more.role if more else None,
            more.superiors if more else (), more.attributes if more else (),
        )  # fmt: skip
        facts = {
            "kind": "grid", "level": keys[number], "level_number": number, "code": code, "parent": row.parent_code,
            "name": name, "grid_kind": row.kind, "edition": row.edition, "group": subject.group, "role": subject.role,
        }  # fmt: skip
        out.append(Assessed(key, ("grid", number, code), subject, facts, row.area_m2))
    return out


# --- what -------------------------------------------------------------------------------------------------------------


def _counts(
    connection: Connection, book: Rulebook, found: Figures, subjects: Sequence[Assessed]
) -> dict[str, Mapping[str, int | Fraction]]:
    if book.population.kind == "unit":
        units = by_unit(found, {v: k for k, v in cities.unit_ids(connection).items()})
        return {s.code: units.get(s.key[2], {}) for s in subjects}
    if book.population.kind == "person":
        return {s.code: {} for s in subjects}
    return {s.code: found.levels[s.key[1]].by_code.get(s.key[2], {}) for s in subjects}


class _Sources:
    """Where automatic inputs are counted: cases and samples, the staff table, the grids."""

    def __init__(
        self,
        connection: Connection,
        city: City,
        found: Figures,
        counts: Mapping[str, Mapping[str, int | Fraction]],
        subjects: Sequence[Assessed],
    ) -> None:
        self.city, self.found, self.counts, self.subjects = city, found, counts, subjects
        self._staff = entries.staff_sums(connection, found.period.start, found.period.end)
        end = min(found.as_of, found.cases.end)
        self._days = max(1, (end - found.cases.start).days)
        self._units = {v: k for k, v in cities.unit_ids(connection).items()}
        self._below: dict[int, Mapping[str, int]] = {}

    def value(self, name: str, spec: Input, subject: Assessed) -> tuple[Any, str] | None:
        """An automatic input's plain value and where it came from; None where the facts cannot tell."""
        automatic = spec.automatic
        if automatic is None:
            return None
        if automatic.count is not None:
            return self._count(name, spec, automatic.count, subject)
        if automatic.staff is not None:
            sums = self._staff.get(subject.key[2])
            return None if sums is None else (exact(Fraction(sums[automatic.staff])), "staff")
        if automatic.grids is not None:
            n = self._n_below(automatic.grids, subject)
            return None if n is None else (n, "grids")
        mean = self._sample_mean(automatic, subject)
        return None if mean is None else (exact(mean), "samples")

    def _count(self, name: str, spec: Input, count: str, subject: Assessed) -> tuple[Any, str] | None:
        counts = self.counts[subject.code]
        if subject.key[0] == "person":
            return None
        known, of = KNOWN_BY.get(count, (count, count))
        if spec.entered is not None and counts.get(known, 0) < counts.get(of, 0):
            return None  # the exports do not tell it for every case
        automatic = spec.automatic
        if automatic is not None and automatic.only is not None and self._are_unknown(automatic.only.sources):
            return None
        own = filtered(count, name) if automatic is not None and automatic.only is not None else count
        value = Fraction(counts.get(own, 0))
        if automatic is not None and automatic.per_day:
            value /= self._days
        return (int(value) if value.denominator == 1 else exact(value)), base_of(count).of

    def _are_unknown(self, sources: Sequence[str]) -> bool:
        """Whether no case of the period bears one of these sources: the export words them otherwise."""
        return bool(sources) and not self.found.cases.frame["source"].isin(sources).any()

    def _n_below(self, level: str, subject: Assessed) -> int | None:
        """How many grids of a level lie below a grid; None where the city has no such level."""
        numbers = {x.key: x.number for x in self.city.levels} | {"leaf": len(self.city.levels)}
        number = numbers.get(level)
        if subject.key[0] != "grid" or number is None:
            return None
        if number not in self._below:
            self._below[number] = _descendants(self.found.grids, self.found.edition.name, number)
        return self._below[number].get(f"{subject.key[1]}/{subject.key[2]}", 0)

    def _sample_mean(self, automatic: Automatic, subject: Assessed) -> Fraction | None:
        """Mean over sample types of the mean score; None without a scored sample."""
        f = self.found.samples
        frame = f.frame[self.found.sample_masks["n_scored_samples"]]
        kind, level, code = subject.key
        if kind == "grid":
            frame = frame[self.found.sample_codes[level].reindex(frame.index) == code]
        elif kind == "unit":
            frame = frame[frame["unit_id"].map(self._units) == code]
        else:
            return None
        if automatic.sample_types:
            frame = frame[frame["sample_type"].isin(automatic.sample_types)]
        if automatic.hours is not None:
            hour = frame["sampled_at"].dt.tz_convert(self.city.zone).dt.hour
            frame = frame[(hour >= automatic.hours[0]) & (hour < automatic.hours[1])]
        means = []
        for _, group in frame.groupby(frame["sample_type"].fillna("")):
            scores = [Fraction(str(x)) for x in group["score"]]
            means.append(sum(scores, Fraction(0)) / len(scores))
        return sum(means, Fraction(0)) / len(means) if means else None


def _descendants(grids: pd.DataFrame, edition: str, level: int) -> dict[str, int]:
    """``level/code`` of every grid → how many grids of a level it consists of; one of the level is one itself."""
    own = grids[grids["edition"] == edition]
    columns = (own["level"].tolist(), own["code"].tolist(), own["parent_code"].tolist())
    parents = {(int(n), str(code)): parent for n, code, parent in zip(*columns, strict=True)}
    out: dict[str, int] = {}
    for code in own.loc[own["level"] == level, "code"]:
        number, here = level, str(code)
        out[f"{number}/{here}"] = 1
        while (parent := parents.get((number, here))) is not None and number > 1:
            number, here = number - 1, str(parent)
            out[f"{number}/{here}"] = out.get(f"{number}/{here}", 0) + 1
    return out


def _record(
    specs: Mapping[str, Input],
    subject: Assessed,
    source: _Sources,
    own: Mapping[str, Any],
    everybody: Mapping[str, Any],
) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, spec in specs.items():
        counted = source.value(name, spec, subject)
        if counted is not None:
            inputs[name], sources[name] = counted
        elif name in own:
            inputs[name], sources[name] = own[name], "entries"
    needs_sign = any(s.type in LISTED and s.automatic is None for s in specs.values())
    signed = not needs_sign or _is_true(own.get(SIGNED, everybody.get(SIGNED)))
    record: dict[str, Any] = {"inputs": inputs, "sources": sources}
    return record if signed else {**record, "signed": False}


def _is_true(value: Any) -> bool:
    return str(value).strip().lower() in ("true", "1", "是", "yes")


# --- earlier periods --------------------------------------------------------------------------------------------------


def _earlier(
    connection: Connection, book: Rulebook, stage: Stage, period: Period, subjects: Sequence[Assessed]
) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, Any]]]:
    """The results of earlier periods that count: shorter ones within this one, and those of windows and carry-over.

    They are those of the period's assessment; where it has none, those that were handed in (往期结果).
    """
    wanted = {p.label for p in shorter_periods(book, stage, period)}
    official = store.official(connection, book.id)
    handed_in = entries.results(connection, book.id)
    wanted |= set(_in_windows(book, stage, period, {**handed_in, **official}))
    codes = {s.key: s.code for s in subjects}
    used: dict[str, dict[str, str]] = {}
    results: dict[str, dict[str, Any]] = {}
    for label in sorted(wanted & set(official)):
        stored = official[label]
        used[label] = {"assessment": stored.name, "sha256": stored.sha256}
        results[label] = {}
        for document in store.documents(connection, stored.id):
            code = codes.get(_key(document))
            if code is not None:
                results[label][code] = result_of(book, document)
    for label in sorted(wanted & set(handed_in) - set(official)):
        found = handed_in[label]
        results[label] = {s.code: {"result": found[s.key[2]]} for s in subjects if s.key[2] in found}
    return used, results


def _key(document: Mapping[str, Any]) -> Key:
    subject = document["subject"]
    return subject["kind"], subject["level_number"], subject["code"]


def _in_windows(book: Rulebook, stage: Stage, period: Period, labels: Iterable[str]) -> list[str]:
    """Earlier periods of the same stage that a window or the carry-over looks back on."""
    windows = [c.window for c in book.consequences if c.window is not None and c.stage == stage.id]
    carries = any(isinstance(item, Carry) for _, item in stage.items())
    if not windows and not carries:
        return []
    runs = any(w.kind == "consecutive" for w in windows)
    out = []
    for label in labels:
        other = parse_period(label)
        same = stage_of(book, other)
        if same is None or same.id != stage.id or other.end > period.start:
            continue
        if runs or label[:4] == period.label[:4] or (carries and int(label[:4]) == int(period.label[:4]) - 1):
            out.append(label)
    return out


def _items_needed(book: Rulebook) -> set[str]:
    parts = {i.of for s in book.stages for _, i in s.items() if isinstance(i, Periods) and i.of}
    return parts | {m.item for c in book.consequences for m in c.when.measured if m.item}


def _ledger_inputs(book: Rulebook) -> set[str]:
    out = {m.input for c in book.consequences for m in c.when.measured if m.input}
    return out | {c.window.sum_of for c in book.consequences if c.window and c.window.sum_of}


def result_of(book: Rulebook, document: Mapping[str, Any]) -> dict[str, Any]:
    """A document as the record that a later period, or the year's ledger, builds on."""
    place = document["rank"]["level"]
    result: dict[str, Any] = {"total": document["total"]["exact"] if document["total"] else None}
    if document["grade"] is not None:
        result["grade"] = document["grade"]
    if place is not None:
        differ = place["of"] > place["tied"]
        result["rank"] = place["rank"]
        result["first"] = differ and place["rank"] == 1
        result["last"] = differ and place["rank"] + place["tied"] - 1 == place["of"]
        result["from_bottom"] = place["of"] - place["rank"] - place["tied"] + 2
        result["tied"] = place["tied"]
    items = _items_needed(book)
    found = {x["item"]: m for x in (*document["lines"], *document["shown"]) if x["item"] in items and (m := _mark(x))}
    if document["reason"]["code"] == "line_carry":
        result["carry_out"] = document["reason"]["facts"]["carry_out"]
        carries = {i.id for s in book.stages for _, i in s.items() if isinstance(i, Carry)}
        found |= dict.fromkeys(items & carries, document["reason"]["facts"]["own"])
    if found:
        result["items"] = found
    if document["missing"]:
        result["missing"] = sorted({m["input"] for m in document["missing"]})
    values = {k: v["value"] for k, v in document["inputs"].items() if k in _ledger_inputs(book)}
    return {"result": result, **({"inputs": values} if values else {})}


def _mark(line: Mapping[str, Any]) -> str | None:
    """The figure that conditions and sums over periods read from a line: of hanging accounts, how many are exposed."""
    if line["kind"] == "hanging" and line["status"] == "ok":
        return str(line["reason"]["facts"]["n_exposed"])
    return line["points"]["exact"] if line["points"] else None
