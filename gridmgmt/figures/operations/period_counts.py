"""Figures of a period: the base counts of every grid at every level, ready for tables, maps and scoring."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gridmgmt.city import City
from gridmgmt.database import clock, facts
from gridmgmt.database.spools import Spool, spooled_frame
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Connection
from gridmgmt.documents import canonical
from gridmgmt.errors import CutOffAhead, PeriodAhead
from gridmgmt.figures import indicators
from gridmgmt.figures.counts import COUNTS, Facts
from gridmgmt.figures.indicators import RATIOS, LevelCounts, base_of, plain
from gridmgmt.figures.operations import acts as acting
from gridmgmt.figures.operations import kept_cells, replaying
from gridmgmt.figures.operations import step_counts as stepwork
from gridmgmt.figures.predicates import Condition, Mask
from gridmgmt.figures.sharing import Shares, shared
from gridmgmt.figures.store import period_facts
from gridmgmt.figures.store import shares as store_shares
from gridmgmt.figures.store.period_cases import PeriodCases, worked_after
from gridmgmt.numbers import exact
from gridmgmt.periods import Period
from gridmgmt.places.store import editions

Filters = Mapping[str, Callable[[Facts], Mask]]
"""A rulebook's own counts (``n_due@name``) → which rows each keeps of its base count; of cases as a condition."""

Asked = Callable[[Callable[[], Facts]], Filters]
"""Gives the filters; it may look at the period's cases, which are only read then."""


def _unfiltered(cases: Callable[[], Facts]) -> Filters:
    return {}


@dataclass(frozen=True)
class Counted:
    """One kind of facts, counted: row by row, or cases in cells, each with the number of those that are equal in all
    that is asked of them.

    Attributes
    ----------
    key
        The column of its numbers; cells have none.
    masks
        Base count → which rows it takes.
    codes
        Level → the code of each row's grid.
    shared
        Level → roads that count by length, whatever grid their point lies in.
    """

    key: str | None
    facts: Facts
    masks: dict[str, Mask]
    codes: Mapping[int, pd.Series]
    shared: Mapping[int, Shares]

    def of_grid(self, level: int, code: str) -> dict[int, Fraction]:
        """The rows that count for a grid → with what part: 1, or the share of a road's length."""
        shared = self.shared[level]
        rows = np.flatnonzero((self.codes[level] == code).to_numpy()).tolist()
        parts = {row: own[code] for row, own in shared.items() if code in own}
        return {row: Fraction(1) for row in rows if row not in shared} | parts

    def held(self, level: int) -> set[str]:
        """The codes of the grids of a level that hold any row or a part of one."""
        shared = {code for own in self.shared[level].values() for code in own}
        return {*self.codes[level].dropna().unique(), *shared} - {""}


@dataclass(frozen=True)
class Figures:
    """What a period's facts come to.

    Attributes
    ----------
    edition
        The one valid on the period's last day; its grids are the subjects.
    grids
        Its grids without geometry, and those of other editions that hold
        facts of the period under a code this one does not have (column ``edition``).
    parts
        What was counted, by kind of facts: ``cases``, ``samples``, and where they are asked for ``steps`` and ``acts``.
    levels
        Figures by level number.
    then
        The cases with steps after the cut-off, as they were then; without those that have gone straight since, whose
        class, source, grids and unit are what they were.
    held
        All grids that hold facts, under whatever edition, and those of the edition.
    stored
        The period's cases where they are.
    conditions
        What each count of cases asks of one.
    """

    city: City
    period: Period
    as_of: dt.datetime
    edition: editions.Edition
    grids: pd.DataFrame
    parts: Mapping[str, Counted]
    levels: Mapping[int, LevelCounts]
    then: pd.DataFrame
    held: pd.DataFrame
    stored: PeriodCases
    conditions: Mapping[str, Condition]

    @property
    def day(self) -> dt.date:
        """The last day that is seen: the period's, or the one that the cut-off ends or lies in."""
        seen = (self.as_of - dt.timedelta(microseconds=1)).astimezone(self.city.zone).date()
        return max(self.period.start, min(self.period.last, seen))

    @property
    def cases(self) -> Counted:
        """The cases of the period."""
        return self.parts["cases"]

    @cached_property
    def case_rows(self) -> Facts:
        """The cases of the period row by row; as long as the figures' snapshot lasts."""
        return Facts(self.stored.rows(), self.stored.start, self.stored.end, self.as_of)

    @property
    def samples(self) -> Counted:
        """The samples of the period."""
        return self.parts["samples"]

    def codes_of(self, frame: pd.DataFrame, level: int) -> pd.Series:
        """The code of each row's grid at a level, None where it is in none."""
        return frame[GRID_COLUMNS[level - 1]].map(_named(self.held, level))

    def table(self, level: int) -> pd.DataFrame:
        """Counts and rates of every grid of a level, the unassigned rows last under code ``""``.

        Columns: code, name_zh, name_en, parent_code, area_km2, the base counts
        (floats where parts of roads are in them), the rates as floats (NaN = no data) for show.
        """
        return shown_table(self.grids[self.grids["level"] == level].set_index("code"), self.levels[level])


def shown_table(grids: pd.DataFrame, found: LevelCounts) -> pd.DataFrame:
    """The table of :meth:`Figures.table` from the grids by code; without the rates that the counts do not make."""
    counts = pd.concat([found.counts, pd.DataFrame([found.unassigned], index=[""])])
    out = grids[["name_zh", "name_en", "parent_code"]].reindex(counts.index)
    areas = grids["area_m2"].reindex(counts.index)
    out = out.assign(area_km2=areas / 1e6).join(counts)
    rows = [(plain(row), area) for row, area in zip(counts.to_dict("records"), areas, strict=True)]
    for name, rule in RATIOS.items():
        if {rule.numerator, rule.denominator} <= {*counts.columns, "area_km2"}:
            out[name] = [_shown(name, row, area) for row, area in rows]
    exact_ones = counts.select_dtypes("object").columns
    out[exact_ones] = out[exact_ones].astype(float)
    return out.rename_axis("code").reset_index()


def _shown(name: str, counts: Mapping[str, Any], area_m2: float) -> float:
    parts = indicators.ratio(name, counts, None if np.isnan(area_m2) else area_m2)
    return float("nan") if parts is None else float(parts[0] / parts[1])


def figures(
    connection: Connection,
    city: City,
    period: Period,
    as_of: dt.datetime | None = None,
    levels: Sequence[int] | None = None,
    filters: Asked = _unfiltered,
    step_counts: Collection[str] = (),
    by: Sequence[str] = (),
) -> Figures:
    """Read a period's facts and count them for every grid.

    Parameters
    ----------
    as_of
        Data cut-off (数据截止时点): what happened later is not seen. Default:
        the period's end, or, while the period runs, when facts were last taken
        in: what is not due by then is not overdue.
    levels
        Levels to count; default all.
    filters
        A rulebook's own counts: name → the base count and which cases it keeps.
    step_counts
        Counts of steps (回退、延期、回访 …) and of acts of persons that are wanted; none: steps are not read.
    by
        What the cells of cases are kept apart by beside their grids: ``unit_id``, ``source``, ``category_kind``,
        ``category_code``, ``ending``.

    Returns
    -------
    Figures
        Whatever order the rows and editions came in, equal facts give equal figures.

    Raises
    ------
    NoEditionOnDate
        No edition is valid on the period's last day.
    PeriodAhead
        The cut-off lies before the period.
    CutOffAhead
        It lies in the future.
    """
    start, end = period.bounds(city.zone)
    cut = _cut_off(connection, city, period, as_of)
    edition = editions.on_date(connection, period.last)
    worked = worked_after(connection, cut)
    told, then = replaying.past(connection, worked, cut)
    wanted = list(levels) if levels else [x.number for x in city.levels]
    stored = PeriodCases(connection, start, end, cut, replaying.held_since(cut), told, worked)
    rows = cache(lambda: Facts(stored.rows(), start, end, cut))
    own = filters(rows)
    conditions = _conditions(own)
    facts = {
        "cases": _cells(stored, [GRID_COLUMNS[n - 1] for n in wanted], by, conditions),
        "samples": Facts(period_facts.samples_of_period(connection, start, end), start, end, cut),
    }
    if step_counts:
        read = _read_steps(connection, start, end, cut, step_counts, then)
        facts |= {of: Facts(frame, start, end, cut) for of, frame in read.items()}
    every = _grids(connection, edition, *(f.frame for f in facts.values()))
    named = {n: _named(every, n) for n in wanted}
    parts = {of: _counted(_KEYS.get(of), f, _masks(f, of, conditions, step_counts), named) for of, f in facts.items()}
    parts["samples"], every = _shared(connection, city, parts["samples"], every)
    for name, keep in own.items():
        part = parts[base_of(name).of]
        if name not in part.masks:
            part.masks[name] = part.masks[base_of(name).name] & keep(part.facts)
    used = [(n, code) for p in parts.values() for n in wanted for code in p.held(n)]
    subjects = _subjects(every, edition.name, used)
    counted = {}
    for n in wanted:
        amounts = [indicators.amounts(p.facts, p.masks, p.codes[n], p.shared[n]) for p in parts.values()]
        counted[n] = _level(subjects[subjects["level"] == n]["code"].tolist(), *amounts)
    return Figures(city, period, cut, edition, subjects, parts, counted, then, every, stored, conditions)


_KEYS = {"samples": "sample_no", "steps": "step_no", "acts": "act_no"}
"""Kinds of facts that are read row by row → the column of their numbers."""


def _conditions(filters: Filters) -> dict[str, Condition]:
    """What each count of cases, base or filtered, asks of a case."""
    base = {c.name: c.mask for c in COUNTS.values() if c.of == "cases" and isinstance(c.mask, Condition)}
    own = {
        n: base[base_of(n).name] & f for n, f in filters.items() if isinstance(f, Condition) and base_of(n).name in base
    }
    return base | own


def _cells(stored: PeriodCases, grids: Sequence[str], by: Sequence[str], conditions: Mapping[str, Condition]) -> Facts:
    """The period's cases, those together that lie in the same grids and count in the same."""
    cells = kept_cells.cells(stored, [*grids, *by, "n_rework"], list(conditions.values()))
    missing = [c for c in GRID_COLUMNS if c not in cells]
    cells = cells.assign(**{c: pd.Series(np.nan, cells.index) for c in missing})
    return Facts(cells, stored.start, stored.end, stored.cut, cells["n"].to_numpy(dtype=np.int64))


def _masks(facts: Facts, of: str, conditions: Mapping[str, Condition], asked: Collection[str]) -> dict[str, Mask]:
    if of == "cases":
        return indicators.bits(facts.frame["mask"].to_numpy(dtype=np.int64), list(conditions))
    return indicators.masks(facts, of, asked)


def _read_steps(
    connection: Connection,
    start: dt.datetime,
    end: dt.datetime,
    cut: dt.datetime,
    counts: Collection[str],
    then: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """The steps of a period and, where they are counted, the same as acts of persons."""
    kinds = {base_of(name).of for name in counts}
    out = {}
    if "steps" in kinds:
        out["steps"] = stepwork.steps_of_period(connection, start, end, cut, counts)
    if "acts" in kinds:
        out["acts"] = acting.acts_of_period(connection, start, end, cut)
    return {of: replaying.placed_as_then(frame, then) for of, frame in out.items()}


def _cut_off(connection: Connection, city: City, period: Period, asked: dt.datetime | None) -> dt.datetime:
    def told(at: dt.datetime) -> str:
        return at.astimezone(city.zone).isoformat(timespec="minutes")

    start, end = period.bounds(city.zone)
    cut = asked or min(end, facts.last_known(connection) or end)
    if cut > (now := clock.now(connection)):
        raise CutOffAhead(given=told(cut), now=told(now))
    if cut < start:
        raise PeriodAhead(period=period.label, known=told(cut))
    return cut


def _counted(key: str | None, facts: Facts, masks: dict[str, Mask], named: Mapping[int, pd.Series]) -> Counted:
    codes = {n: facts.frame[GRID_COLUMNS[n - 1]].map(code) for n, code in named.items()}
    return Counted(key, facts, masks, codes, {n: {} for n in named})


def _shared(connection: Connection, city: City, samples: Counted, every: pd.DataFrame) -> tuple[Counted, pd.DataFrame]:
    """The same samples, those of roads with their parts by length, and the grids with those of their days' editions.

    A grid may hold a part of a road and the point of none.
    """
    frame = samples.facts.frame
    lengths = store_shares.shares(connection, frame["sample_no"].tolist())
    if not lengths:
        return samples, every
    days = frame["sampled_at"].dt.tz_convert(city.zone).dt.tz_localize(None).dt.floor("D").to_numpy()
    by_day = pd.Series(pd.NA, index=frame.index, dtype="Int64")
    for e in editions.all_editions(connection):
        if e.is_active:
            by_day[e.covers(days)] = e.id
    names = {e.id: e.name for e in editions.all_editions(connection)}  # in order of time
    grids = editions.grid_names(connection, [i for i in names if i in set(by_day.dropna())])
    grids = grids.assign(edition=grids["edition_id"].map(names))
    counted = replace(samples, shared=shared(frame.assign(edition_id=by_day), lengths, grids, samples.codes))
    order = grids["edition_id"].map({number: n for n, number in enumerate(names)})
    crossed = grids.iloc[np.argsort(order.to_numpy(), kind="stable")].drop(columns="edition_id")
    return counted, pd.concat([every, crossed[~crossed["id"].isin(every["id"])]], ignore_index=True)


def _grids(connection: Connection, edition: editions.Edition, *frames: pd.DataFrame) -> pd.DataFrame:
    """The grids of the edition and those of others that hold facts, in order of the editions' time.

    Column ``edition`` says which: the last one that had it.
    """
    own = editions.grid_names(connection, [edition.id]).drop(columns="edition_id").assign(edition=edition.name)
    held = {int(x) for f in frames for name in GRID_COLUMNS for x in f[name].dropna().unique()}
    elsewhere = sorted(held - {*own["id"].tolist()})
    if not elsewhere:
        return own
    others = editions.grids_by_id(connection, elsewhere, edition.valid_from or dt.date.max)
    return pd.concat([own, others], ignore_index=True)


def _named(grids: pd.DataFrame, level: int) -> pd.Series:
    """The codes of the grids of a level by their ids."""
    here = grids[grids["level"] == level]
    return pd.Series(here["code"].to_numpy(dtype=object), index=here["id"].to_numpy())


def _subjects(grids: pd.DataFrame, edition: str, used: Sequence[tuple[int, str]]) -> pd.DataFrame:
    """The edition's grids, and other editions' grids that hold facts under a code of their own (the latest such)."""
    own = grids[grids["edition"] == edition]
    if len(own) == len(grids):
        return own.sort_values(["level", "code"], ignore_index=True)
    keys = pd.MultiIndex.from_frame(grids[["level", "code"]])
    foreign = keys.isin(used) & ~keys.isin(pd.MultiIndex.from_frame(own[["level", "code"]]))
    others = grids[foreign].drop_duplicates(["level", "code"], keep="last")
    return pd.concat([own, others]).sort_values(["level", "code"], ignore_index=True)


def _level(codes: list[str], *parts: pd.DataFrame) -> LevelCounts:
    """Counts of every grid of a level, zero where nothing counts; the rows in no grid stand under ``""``."""
    every = indicators.side_by_side(parts, [*codes, ""])
    return LevelCounts(every.loc[codes], plain(dict(every.loc[""])))


def by_unit(found: Figures, units: Mapping[int, str]) -> dict[str, Mapping[str, int | Fraction]]:
    """The same counts for every unit that answers (责任单位); rows without one stand under ``""``."""
    parts = [
        indicators.amounts(p.facts, p.masks, p.facts.frame["unit_id"].map(units).astype("object"))
        for p in found.parts.values()
    ]
    every = sorted({*(code for p in parts for code in p.index), *units.values()} - {""})
    level = _level(list(map(str, every)), *parts)
    return {**level.by_code, "": level.unassigned}


def by_person(found: Figures) -> dict[str, Mapping[str, int | Fraction]]:
    """What each person did (人员办理量), as counts of acts; those of nobody known stand under ``""``."""
    part = found.parts.get("acts")
    if part is None:
        return {}
    table = indicators.amounts(part.facts, part.masks, part.facts.frame["person_code"])
    return {str(code): plain(row) for code, row in table.to_dict("index").items()}


def evidence(found: Figures, units: Mapping[int, str], folder: Path) -> dict[str, Spool]:
    """The facts that count, to be frozen, by kind and in the order of their numbers, in files of a folder.

    fact_no, content_hash, grid_codes (PostgreSQL array, by level), unit_code, mask (one bit a count); of acts
    person_code. Where any is shared also ``shares``: level → code → part as JSON text, nothing for those that are not.
    As long as the figures' snapshot lasts.
    """
    levels = sorted(found.cases.codes)
    out = {"cases": found.stored.proofs(levels, list(found.conditions.values()), folder / "cases")}
    others = {of: _evidence(part, units) for of, part in found.parts.items() if of != "cases"}
    return out | {of: spooled_frame(frame.sort_values("fact_no"), folder / of) for of, frame in others.items()}


def _evidence(part: Counted, units: Mapping[int, str]) -> pd.DataFrame:
    f, codes = part.facts, part.codes
    bits = np.zeros(len(f.frame), dtype=np.int64)
    for bit, mask in enumerate(part.masks.values()):
        bits |= mask.astype(np.int64) << bit
    keep = bits != 0
    columns = [codes[n][keep].tolist() for n in sorted(codes)]
    arrays = [array_text(values) for values in zip(*columns, strict=True)] if columns else []
    chosen = f.frame[keep]
    frame = pd.DataFrame(
        {
            "fact_no": chosen[part.key].to_numpy(),
            "content_hash": chosen["content_hash"].to_numpy(),
            "grid_codes": arrays,
            "unit_code": chosen["unit_id"].map(units).to_numpy(dtype=object),
            "mask": bits[keep],
        }
    )
    if "person_code" in chosen:
        frame = frame.assign(person_code=chosen["person_code"].to_numpy())
    rows = {row for own in part.shared.values() for row in own if keep[row]}
    if rows:
        shares = [_frozen(part, row) if row in rows else None for row in np.flatnonzero(keep).tolist()]
        frame = frame.assign(shares=pd.Series(shares, dtype=object))
    return frame


def _frozen(part: Counted, row: int) -> str:
    """A shared row's parts in each grid of each level, as canonical JSON."""
    by_level = {n: own[row] for n, own in part.shared.items() if row in own}
    return canonical({n: {code: exact(x) for code, x in own.items() if code} for n, own in by_level.items()})


def array_text(values: Sequence[Any]) -> str:
    """Codes as PostgreSQL writes an array of them."""
    quoted = ('"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(v, str) else "NULL" for v in values)
    return "{" + ",".join(quoted) + "}"
