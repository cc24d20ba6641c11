"""A year of so many cases as are wanted (任意多的案卷), in parts, so that memory does not grow with them.

Each month is a file of cases and a file of their steps, made of parts of about
``PART`` cases, each of which goes through the whole month. A case and the
one that it repeats, and the versions of a case, lie in one part.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gridmgmt.database.work import Progress
from gridmgmt.demo import casework, dirt, inspections, step_log, writing
from gridmgmt.demo.division import Division
from gridmgmt.demo.geography import Land, stream
from gridmgmt.demo.mesh import Floats, Ints

PART = 40_000
"""Cases of a part: some 150 MB while it is made."""

LEAST = 1_000
"""As few cases as a year in parts may have: each kind of dirt spoils three of a part."""

_MONTH = (np.datetime64(f"{casework.YEAR}-01-01") + np.arange(365)).astype("datetime64[M]")


def plan(n: int, seed: int) -> Iterator[tuple[str, list[Ints]]]:
    """Each month (``2025-01``) with its parts: how many cases are reported on each day of the year."""
    a_day = casework.reports_a_day(n, stream(seed, 9))
    for month in np.unique(_MONTH):
        wanted = np.where(month == _MONTH, a_day, 0)
        n_parts = -(-int(wanted.sum()) // PART)
        yield str(month), [wanted // n_parts + (k < wanted % n_parts) for k in range(n_parts)]


def write_year(
    out: Path,
    ground: tuple[Land, Division, tuple[Floats, Floats]],
    *,
    cases: int,
    spots: int,
    seed: int,
    file_format: str,
    tell: Progress,
) -> tuple[list[str], dict[str, Any]]:
    """Write the cases and their steps; returns the names of the files and what is known of the cases.

    Parameters
    ----------
    ground
        The land, its division, and the places on borders (:func:`gridmgmt.demo.dirt.shared_vertices`).
    """
    names: list[str] = []
    told: dict[str, Any] = {}
    before, part, growing = np.zeros(len(_MONTH), dtype=np.int64), 0, writing.GROWING[file_format]
    for month, parts in plan(cases, seed):
        of, done = int(sum(p.sum() for p in parts)), 0
        names += [f"cases_{month}.{file_format}", f"steps_{month}.{file_format}"]
        n_rows = 0
        with (
            growing(out / names[-2], writing.CASE_HEADERS) as add_cases,
            growing(out / names[-1], writing.STEP_HEADERS) as add_steps,
        ):
            for a_day in parts:
                tell(f"demo_month:{month}", done, of)
                part += 1
                rows, steps, known = _made(ground, a_day, before, spots, seed, part)
                add_cases(rows)
                add_steps(steps)
                told, n_rows = added(told, known), n_rows + len(rows)
                before, done = before + a_day, done + int(a_day.sum())
        told.setdefault("rows_by_file", []).append(n_rows)
    return names, told


def _made(
    ground: tuple[Land, Division, tuple[Floats, Floats]], a_day: Ints, before: Ints, spots: int, seed: int, part: int
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """One part: its rows, the steps of those that an import takes, and what is known of it."""
    land, division, shared = ground
    cases = casework.make_part(land, division, a_day, before, spots, seed, part)
    rows, spoiled = dirt.spoil(cases, land, shared, stream(seed, 5, part), halves=False)
    known = dirt.truth(cases, rows, spoiled)
    del known["rows_by_file"]
    lost = np.concatenate([spoiled[kind] for kind in dirt.QUARANTINED])
    steps = step_log.of_cases(cases.drop(index=cases.index[lost]))
    return rows, steps, known | {"steps": len(steps)}


def write_samples(path: Path, land: Land, division: Division, seed: int, rounds: int, tell: Progress) -> dict[str, Any]:
    """Write so many rounds of a year of samples, each with its own numbers; returns their known totals."""
    told: dict[str, Any] = {}
    with writing.GROWING[path.suffix[1:]](path, writing.SAMPLE_HEADERS) as add:
        for again in range(1, rounds + 1):
            tell("demo_samples", again - 1, rounds)
            samples = inspections.make_samples(land, division, seed, again, before=told.get("rows", 0))
            add(samples)
            known = inspections.sample_truth(samples)
            told = added(told, known | {"mean_score": float(samples["score"].sum())})
    return told | {"mean_score": told["mean_score"] / told["rows"]}


def added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Totals of two parts together, by their names."""
    out = dict(one)
    for key, value in other.items():
        out[key] = added(out.get(key, {}), value) if isinstance(value, dict) else out.get(key, 0) + value
    return out
