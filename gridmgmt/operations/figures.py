"""Figures of a period: the base counts of every grid at every level, ready for tables, maps and scoring."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from gridmgmt import indicators
from gridmgmt.city import City
from gridmgmt.indicators import COUNTS, RATIOS, Facts
from gridmgmt.periods import Period
from gridmgmt.scorecards import LevelCounts, plain
from gridmgmt.store import editions, facts
from gridmgmt.store.tables import GRID_COLUMNS


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
    levels
        Figures by level number.
    """

    city: City
    period: Period
    as_of: dt.datetime
    edition: editions.Edition
    grids: pd.DataFrame
    cases: Facts
    samples: Facts
    case_masks: Mapping[str, Any]
    sample_masks: Mapping[str, Any]
    case_codes: Mapping[int, pd.Series]
    sample_codes: Mapping[int, pd.Series]
    levels: Mapping[int, LevelCounts]

    def table(self, level: int) -> pd.DataFrame:
        """Counts and rates of every grid of a level, the unassigned rows last under code ``""``.

        Columns: code, name_zh, name_en, parent_code, area_km2, the base counts,
        the rates as floats (NaN = no data) for show.
        """
        names = self.grids[self.grids["level"] == level].set_index("code")
        counts = pd.concat([self.levels[level].counts, pd.DataFrame([self.levels[level].unassigned], index=[""])])
        out = names[["name_zh", "name_en", "parent_code"]].reindex(counts.index)
        out["area_km2"] = names["area_m2"].reindex(counts.index) / 1e6
        out = out.join(counts)
        areas = names["area_m2"].to_dict()
        for name in RATIOS:
            out[name] = [_shown(name, row, areas.get(code)) for code, row in counts.to_dict("index").items()]
        out["sum_sample_score"] = out["sum_sample_score"].astype(float)
        return out.rename_axis("code").reset_index()


def _shown(name: str, counts: Mapping[str, Any], area_m2: float | None) -> float:
    parts = indicators.ratio(name, plain(counts), area_m2)
    return float("nan") if parts is None else float(parts[0] / parts[1])


def figures(
    connection: Connection,
    city: City,
    period: Period,
    as_of: dt.datetime | None = None,
    levels: Sequence[int] | None = None,
) -> Figures:
    """Read a period's facts and count them for every grid.

    Parameters
    ----------
    as_of
        Data cut-off (数据截止时点), default the period's end: what happened
        later is not seen.
    levels
        Levels to count; default all.

    Raises
    ------
    NoEditionOnDate
        No edition is valid on the period's last day.
    """
    start, end = period.bounds(city.zone)
    cut = as_of or end
    edition = editions.on_date(connection, period.end - dt.timedelta(days=1))
    cases = Facts(facts.cases_of_period(connection, start, end), start, end, cut)
    samples = Facts(facts.samples_of_period(connection, start, end), start, end, cut)
    ids = {edition.id}
    for frame in (cases.frame, samples.frame):
        ids |= {int(i) for i in frame["edition_id"].dropna().unique()}
    names = {e.id: e.name for e in editions.all_editions(connection)}
    everything = editions.grid_names(connection, sorted(ids))
    everything["edition"] = everything["edition_id"].map(names)
    wanted = list(levels) if levels else [x.number for x in city.levels]
    case_codes = {n: _codes(cases.frame, everything, n) for n in wanted}
    sample_codes = {n: _codes(samples.frame, everything, n) for n in wanted}
    case_masks, sample_masks = indicators.masks(cases, "cases"), indicators.masks(samples, "samples")
    subjects = _subjects(everything, edition.id, case_codes, sample_codes)
    counted = {}
    for n in wanted:
        by_case = indicators.amounts(cases, case_masks, case_codes[n])
        by_sample = indicators.amounts(samples, sample_masks, sample_codes[n])
        counted[n] = _level(subjects[subjects["level"] == n]["code"].tolist(), by_case, by_sample)
    return Figures(
        city,
        period,
        cut,
        edition,
        subjects,
        cases,
        samples,
        case_masks,
        sample_masks,
        case_codes,
        sample_codes,
        counted,
    )


def _codes(frame: pd.DataFrame, grids: pd.DataFrame, level: int) -> pd.Series:
    """The code of each row's grid at a level, None where it is in none."""
    here = grids[grids["level"] == level]
    ids = frame[GRID_COLUMNS[level - 1]]
    return ids.map(pd.Series(here["code"].to_numpy(dtype=object), index=here["id"].to_numpy()))


def _subjects(grids: pd.DataFrame, edition_id: int, *codes: Mapping[int, pd.Series]) -> pd.DataFrame:
    """The edition's grids, and other editions' grids that hold facts under a code of their own."""
    own = grids[grids["edition_id"] == edition_id]
    have = set(zip(own["level"], own["code"], strict=True))
    used = {(n, c) for by_level in codes for n, s in by_level.items() for c in s.dropna().unique()} - have
    others = grids[[key in used for key in zip(grids["level"], grids["code"], strict=True)]]
    others = others[others["edition_id"] != edition_id].drop_duplicates(["level", "code"], keep="last")
    return pd.concat([own, others]).sort_values(["level", "code"], ignore_index=True)


def _level(codes: list[str], *parts: pd.DataFrame) -> LevelCounts:
    every = pd.concat([p.reindex([*codes, ""]) for p in parts], axis=1)
    for name in every.columns:
        if COUNTS[name].amount == "score":
            every[name] = [v if isinstance(v, indicators.Fraction) else indicators.Fraction(0) for v in every[name]]
        else:
            every[name] = every[name].fillna(0).astype("int64")
    return LevelCounts(every.loc[codes], plain(dict(every.loc[""])))


def evidence(
    f: Facts, masks: Mapping[str, Any], codes: Mapping[int, pd.Series], key: str, units: Mapping[int, str]
) -> pd.DataFrame:
    """The facts that count, to be frozen: fact_no, version_at, grid_codes as a PostgreSQL array, unit_code, mask."""
    bits = np.zeros(len(f.frame), dtype=np.int64)
    for bit, name in enumerate(masks):
        bits |= masks[name].astype(np.int64) << bit
    keep = bits != 0
    columns = [codes[n][keep].tolist() for n in sorted(codes)]
    arrays = [_array(values) for values in zip(*columns, strict=True)] if columns else []
    chosen = f.frame[keep]
    return pd.DataFrame(
        {
            "fact_no": chosen[key].to_numpy(),
            "version_at": chosen["version_at"].to_numpy(),
            "grid_codes": arrays,
            "unit_code": chosen["unit_id"].map(units).to_numpy(dtype=object),
            "mask": bits[keep],
        }
    ).assign(version_at=lambda x: pd.to_datetime(x["version_at"], utc=True))


def _array(values: Sequence[Any]) -> str:
    quoted = ('"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(v, str) else "NULL" for v in values)
    return "{" + ",".join(quoted) + "}"
