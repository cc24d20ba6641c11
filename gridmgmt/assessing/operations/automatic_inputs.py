"""Where automatic inputs come from (自动数据来源): cases and samples, the staff table, the grids below a subject."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas as pd

from gridmgmt.assessing.operations import contact_stations
from gridmgmt.assessing.store import entries
from gridmgmt.city import City
from gridmgmt.database.work import Connection
from gridmgmt.figures.counts import KNOWN_BY, Facts
from gridmgmt.figures.grouping import ENDINGS
from gridmgmt.figures.indicators import base_of, filtered, keeps
from gridmgmt.figures.operations import step_counts
from gridmgmt.figures.operations.period_counts import Figures, Filters
from gridmgmt.figures.predicates import Condition, Mask, some
from gridmgmt.numbers import exact
from gridmgmt.people.operations import people
from gridmgmt.people.staffing import Headcount
from gridmgmt.people.store import units
from gridmgmt.places.store import layers
from gridmgmt.rulebooks.dossier import Subject
from gridmgmt.rulebooks.inputs import Automatic, CaseFilter, Input
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.scorecards import documents

Key = tuple[str, int, str]
"""Kind, level number (0 for units and persons) and code of an assessed subject."""


@dataclass(frozen=True)
class Assessed:
    """One subject: its code in the dossier, its key in the database, and what its document says of it."""

    code: str
    key: Key
    subject: Subject
    told: documents.Subject
    area_m2: float | None = None


Repeats = Callable[[str], Collection[str]]
"""A rule of data/repeats → the numbers of the period's cases that are repeats by it."""


def filters_of(book: Rulebook, repeats: Repeats, zone: ZoneInfo) -> Filters:
    """A rulebook's own counts: those with a filter on cases, and the samples behind each mean of samples."""
    out: dict[str, Callable[[Facts], Mask]] = {}
    for name, spec in book.inputs.items():
        automatic = spec.automatic
        if automatic is not None and automatic.count is not None and automatic.only is not None:
            out[filtered(automatic.count, name)] = _kept(automatic.only, repeats)
        if automatic is not None and automatic.sample_mean:
            out[filtered("n_scored_samples", name)] = partial(_sampled, automatic, zone)
    return out


def parted_by(book: Rulebook) -> list[str]:
    """What a rulebook must know of cases beside their grids: who answers, and where it asks for them, their sources."""
    told = [a.only for s in book.inputs.values() if (a := s.automatic) is not None and a.only is not None]
    sources = ["source"] if any(only.sources for only in told) else []
    return [*(["unit_id"] if book.population.kind == "unit" else []), *sources]


def step_counts_of(book: Rulebook) -> list[str]:
    """The counts of steps that a rulebook asks for, with those that tell whether steps are known at all."""
    counts = [s.automatic.count for s in book.inputs.values() if s.automatic is not None and s.automatic.count]
    names = [n for n in counts if base_of(n).of == "steps"]
    acts = [n for n in counts if base_of(n).of == "acts"]
    return [*names, *(KNOWN_BY[n][0] for n in names if n in KNOWN_BY), *acts]


def _kept(only: CaseFilter, repeats: Repeats) -> Condition:
    numbers = repeats(only.repeats) if only.repeats else None
    taken = keeps(only.kind, only.categories, only.except_categories, only.sources, numbers, only.order_kinds)
    return taken & some([ENDINGS[name] for name in only.endings]) if only.endings else taken


def _sampled(automatic: Automatic, zone: ZoneInfo, facts: Facts) -> Mask:
    """Which samples are of the types and hours that a mean is taken over."""
    return _of_types_and_hours(automatic, zone, facts.frame).to_numpy(dtype=bool)


def _of_types_and_hours(automatic: Automatic, zone: ZoneInfo, frame: pd.DataFrame) -> pd.Series:
    taken = pd.Series(True, index=frame.index)
    if automatic.sample_types:
        taken &= frame["sample_type"].isin(automatic.sample_types)
    if automatic.hours is not None:
        hour = frame["sampled_at"].dt.tz_convert(zone).dt.hour
        taken &= (hour >= automatic.hours[0]) & (hour < automatic.hours[1])
    return taken


class Sources:
    """Where automatic inputs are counted: cases and samples, the staff table, the grids."""

    def __init__(
        self,
        connection: Connection,
        city: City,
        found: Figures,
        counts: Mapping[str, Mapping[str, int | Fraction]],
        subjects: Sequence[Assessed],
        known_by: dt.datetime | None = None,
    ) -> None:
        """``known_by``: what has no days of its own is read as it was known then."""
        self.city, self.found, self.counts, self.subjects = city, found, counts, subjects
        self._staff = entries.staff_sums(connection, found.period.start, found.day + dt.timedelta(days=1))
        end = min(found.as_of, found.cases.facts.end)
        self._days = max(1, (end - found.cases.facts.start).days)
        self._units = {v: k for k, v in units.unit_ids(connection).items()}
        self._below: dict[int, Mapping[str, int]] = {}
        self._connection, self._known_by = connection, known_by
        self._stations: dict[tuple[str, ...], contact_stations.Stations | None] = {}

    def has(self, kind: str) -> bool:
        """Whether the period has any fact of a kind, wherever it lies."""
        if kind == "staff":
            return bool(self._staff)
        part = self.found.parts.get(kind)
        return part is not None and any(bool(mask.any()) for mask in part.masks.values())

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
        if automatic.posts is not None:
            n = self._n_posts(automatic.posts, automatic.full_time, subject)
            return None if n is None else (n, "posts")
        if automatic.accounts:
            accounts = self._accounts_of(subject)
            return None if accounts is None else (accounts, "steps")
        if automatic.silent_stations:
            silent = self._silent(automatic.silent_stations, subject)
            return None if silent is None else (silent, "cases")
        if automatic.grids is not None:
            n = self._n_below(automatic.grids, subject)
            return None if n is None else (n, "grids")
        mean = self._sample_mean(automatic, subject)
        return None if mean is None else (exact(mean), "samples")

    def _count(self, name: str, spec: Input, count: str, subject: Assessed) -> tuple[Any, str] | None:
        if base_of(count).of == "acts":
            n = self._acts(spec, count, subject)
            return None if n is None else (n, "acts")
        counts = self.counts[subject.code]
        if subject.key[0] == "person" or (base_of(count).of == "steps" and not self._has_steps):
            return None
        known, of = KNOWN_BY.get(count, (count, count))
        if spec.entered is not None and counts.get(known, 0) < counts.get(of, 0):
            return None  # the exports do not tell it for every case
        automatic = spec.automatic
        if automatic is not None and automatic.only is not None and self._are_unknown(automatic.only):
            return None
        own = filtered(count, name) if automatic is not None and automatic.only is not None else count
        value = Fraction(counts.get(own, 0))
        if automatic is not None and automatic.per_day:
            value /= self._days
        return (int(value) if value.denominator == 1 else exact(value)), base_of(count).of

    def _acts(self, spec: Input, count: str, subject: Assessed) -> int | None:
        """What a person did, or all did (``per: all``); None where nobody did anything or acts may be anybody's.

        As long as some act of the count is of nobody known, whose it is cannot be told: what was entered is taken.
        """
        part = self.found.parts.get("acts")
        if subject.key[0] != "person" or part is None or part.facts.frame.empty:
            return None
        mask, persons = part.masks[count], part.facts.frame["person_code"]
        if spec.per == "all":
            return int(mask.sum())
        if bool((mask & persons.isna().to_numpy()).any()):
            return None
        return int((mask & (persons == subject.key[2]).to_numpy()).sum())

    @cached_property
    def _has_steps(self) -> bool:
        """Whether steps are known at all: a city that imports only dates has none."""
        part = self.found.parts.get("steps")
        return part is not None and bool(part.masks["n_dispatched_logged"].any())

    def _accounts_of(self, subject: Assessed) -> list[dict[str, Any]] | None:
        """The hanging accounts of a grid's or unit's cases; None where no case of the period has steps."""
        accounts = self._accounts
        if accounts is None or subject.key[0] == "person":
            return None
        kind, level, code = subject.key
        return [dict(a.written) for a in accounts.get((0 if kind == "unit" else level, code), ())]

    @cached_property
    def _accounts(self) -> Mapping[tuple[int, str], list[step_counts.PlacedAccount]] | None:
        """Level (0: units) and code → the accounts there; None where nothing is known of any."""
        f, out = self.found.cases.facts, defaultdict[tuple[int, str], list[step_counts.PlacedAccount]](list)
        then = self.found.then
        found = step_counts.accounts_of_period(self._connection, f.start, f.end, self.found.as_of, then)
        if found is None:
            return None
        for a in found:
            for level, code in enumerate((a.unit_code, *a.grid_codes)):
                if code is not None:
                    out[level, code].append(a)
        return dict(out)

    def _silent(self, sources: tuple[str, ...], subject: Assessed) -> list[dict[str, Any]] | None:
        """A unit's communities whose contact stations did not report on a working day; None where none can tell."""
        if sources not in self._stations:
            self._stations[sources] = contact_stations.stations(self._connection, self.found, sources)
        known = self._stations[sources]
        return known.findings(subject.key[2]) if known is not None and subject.key[0] == "unit" else None

    def _are_unknown(self, only: CaseFilter) -> bool:
        """Whether the facts cannot tell what a filter asks.

        No case of the period bears one of its sources (the export words them
        otherwise), or there is no layer of roads by which a repeat is judged.
        """
        if only.repeats is not None and not self._has_roads:
            return True
        frame = self.found.cases.facts.frame
        return bool(only.sources) and not frame["source"].isin(only.sources).any()

    @cached_property
    def _has_roads(self) -> bool:
        return not layers.features(self._connection, "roads", self.found.period.last).empty

    @cached_property
    def _heads(self) -> Headcount:
        own = self.found.grids[self.found.grids["edition"] == self.found.edition.name]
        return people.headcount(self._connection, own, self.found.day, self._known_by)

    def _n_posts(self, role: str, full_time: bool | None, subject: Assessed) -> int | None:
        """How many people hold posts of a role, or of these the full-time ones, or the others.

        None for persons, and where the city has no posts of the role at all.
        """
        kind, level, code = subject.key
        if kind == "person" or not any(role in by_role for by_role in self._heads.people.values()):
            return None
        key: tuple[Literal["grid", "unit"], int, str] = ("grid" if kind == "grid" else "unit", level, code)
        n, n_full_time = self._heads.n(key, role), self._heads.n_full_time(key, role)
        return n if full_time is None else n_full_time if full_time else n - n_full_time

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
        """Mean over sample types of the mean score; None without a scored sample.

        In a grid a road counts by the share of its length there (按长度分摊).
        """
        if subject.key[0] == "person":
            return None
        frame = self._samples_of(automatic, subject)
        means = []
        for _, group in frame.groupby(frame["sample_type"].fillna("")):
            scores = [Fraction(str(x)) * w for x, w in zip(group["score"], group["weight"], strict=True)]
            means.append(sum(scores, Fraction(0)) / sum(group["weight"], Fraction(0)))
        return sum(means, Fraction(0)) / len(means) if means else None

    def n_sampled(self, spec: Input, subject: Assessed) -> int | None:
        """How many samples an input is the mean of, a road that is shared as one; None where it is no mean."""
        automatic = spec.automatic
        if automatic is None or not automatic.sample_mean:
            return None
        return len(self._samples_of(automatic, subject))

    def _samples_of(self, automatic: Automatic, subject: Assessed) -> pd.DataFrame:
        frame = self._of_subject(subject)
        return frame[_of_types_and_hours(automatic, self.city.zone, frame)]

    def _of_subject(self, subject: Assessed) -> pd.DataFrame:
        """The scored samples of a unit or grid, each with its weight: 1, or the share of its length in the grid."""
        part = self.found.samples
        frame = part.facts.frame[part.masks["n_scored_samples"]]
        kind, level, code = subject.key
        if kind == "unit":
            own = frame[frame["unit_id"].map(self._units) == code]
            return own.assign(weight=pd.Series(Fraction(1), own.index, dtype=object))
        weights = part.of_grid(level, code)
        own = frame[frame.index.isin(weights)]
        return own.assign(weight=pd.Series({row: weights[row] for row in own.index}, own.index, dtype=object))


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
