"""A year of monthly inspections (实地检查) of the demo city's streets and communities."""

from typing import Any

import numpy as np
import pandas as pd

from gridmgmt.demo.casework import DAY_S, SURE, YEAR, skills, within
from gridmgmt.demo.division import Division
from gridmgmt.demo.geography import Land, members, stream
from gridmgmt.demo.mesh import Ints, to_degrees
from gridmgmt.demo.names import table
from gridmgmt.geo import to_gcj02


def visited(division: Division, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Month (from 0) and cell of each sample: some of every street, and some communities, every month."""
    given = table("casework")["inspections"]
    groups = division.groups
    months, cells = [], []
    by_street, by_community = members(groups[:, 1]), members(groups[:, 2])
    for month in range(12):
        chosen = [rng.choice(cells_of, given["per_street"]) for cells_of in by_street]
        drawn = np.flatnonzero(rng.random(len(by_community)) < given["per_community"])
        chosen.append(np.array([rng.choice(by_community[c]) for c in drawn.tolist()], dtype=np.int64))
        cells.append(np.concatenate(chosen))
        months.append(np.full(len(cells[-1]), month))
    return np.concatenate(months), np.concatenate(cells)


def findings(score: "np.ndarray[Any, np.dtype[np.float64]]", rng: np.random.Generator) -> list[str]:
    """What was found: the lower the score, the more."""
    stock = table("casework")["inspections"]["findings"]
    n = np.clip(np.ceil((96 - score) / 6), 0, 4).astype(int)
    return ["；".join(stock[i] for i in rng.choice(len(stock), k, replace=False)) for k in n.tolist()]


def make_samples(land: Land, division: Division, seed: int, *again: int, before: int = 0) -> pd.DataFrame:
    """Make a year of samples (样本), in order of time.

    Parameters
    ----------
    again
        Number (from 1) of one more round of the same year.
    before
        How many numbers earlier rounds have taken.

    Returns
    -------
    DataFrame
        sample_no, sampled_at (datetime64[s], city time), sample_type,
        object_name, score (0–100, halves), findings, lon, lat, system.
    """
    rng = stream(seed, 6, *again)
    given = table("casework")["inspections"]
    month, cell = visited(division, rng)
    first = (np.datetime64(f"{YEAR}-01") + month).astype("datetime64[D]").astype("datetime64[s]")
    second = rng.integers(4, 26, len(cell)) * DAY_S + rng.integers(9 * 3600, 17 * 3600, len(cell))
    at = first + second.astype("timedelta64[s]")
    order = np.argsort(at, kind="stable")
    at, cell = at[order], cell[order]
    slow = skills(division, seed)[cell]
    score = np.clip(np.round((88 - 9 * slow + rng.normal(0, 5, len(cell))) * 2) / 2, 0, 100)
    kind = np.array(given["types"], dtype=object)[rng.integers(0, len(given["types"]), len(cell))]
    lon, lat = to_degrees(within(land, land.cells[cell], np.full(len(cell), SURE), rng), 6).T
    shifted = rng.random(len(cell)) < given["gcj02"]
    there = to_gcj02(lon, lat)
    lon, lat = np.where(shifted, np.round(there[0], 6), lon), np.where(shifted, np.round(there[1], 6), lat)
    lost = rng.random(len(cell)) < given["location_missing"]
    day = at.astype("datetime64[D]").astype(str)
    return pd.DataFrame({
        "sample_no": [f"YB{d.replace('-', '')}{i:06d}" for i, d in enumerate(day, 1 + before)],
        "sampled_at": at, "sample_type": kind,
        "object_name": division.of_cells(1, "name")[cell] + division.of_cells(2, "name")[cell] + kind,
        "score": score, "findings": findings(score, rng),
        "lon": np.where(lost, np.nan, lon), "lat": np.where(lost, np.nan, lat),
        "system": np.where(shifted, "GCJ02", "CGCS2000"),
    })  # fmt: skip


def sample_truth(samples: pd.DataFrame) -> dict[str, Any]:
    """The known totals of the samples."""
    missing = samples["lon"].isna()
    return {
        "rows": len(samples),
        "without_location": int(missing.sum()),
        "gcj02_rows": int(((samples["system"] == "GCJ02") & ~missing).sum()),
        "mean_score": float(samples["score"].mean()),
    }
