"""Bulk assignment on a cluster: one worker beside two, and its join beside dask-geopandas'.

    python -m tests.benchmarks --only bulk

Workers have one thread each and run until all files are done; starting them and carrying the city is not counted.
"""

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from gridmgmt.bulk.operations import running
from gridmgmt.database.work import Work
from gridmgmt.people.store import categories
from tests.benchmarks import made_cities, servers
from tests.benchmarks.rows import Row, Size, in_turn

FILES = 8
PROFILE = """
id: bulk_cases
kind: cases
title: {zh: 案件, en: Cases}
columns: {case_no: no, reported_at: at, closed_at: closed}
location: {lon: x, lat: y_, system: "epsg:4490"}
category: {column: cat, kind: {column: kind, default: event}, scheme: gb47678.5-2026}
deadline: [{column: due}]
"""


def write(folder: Path, box: tuple[float, float, float, float], n: int) -> None:
    """So many cases in so many files."""
    random = np.random.default_rng(1)
    west, south, east, north = box
    for k in range(FILES):
        size = n // FILES
        at = pd.Timestamp(2025, 3, 1) + pd.to_timedelta(random.integers(0, 200 * 86_400, size), "s")
        frame = pd.DataFrame({
            "no": [f"{k}-{i}" for i in range(size)], "at": at.astype(str),
            "due": (at + pd.Timedelta(days=3)).astype(str), "closed": (at + pd.Timedelta(days=2)).astype(str),
            "x": random.uniform(west, east, size), "y_": random.uniform(south, north, size), "cat": "01001",
            "kind": "event",
        })  # fmt: skip
        frame.to_parquet(folder / f"{k}.parquet", index=False)


def rows(size: Size) -> Iterator[Row]:
    """Both rows."""
    n, runs = {"full": (800_000, 5), "quick": (800, 1)}[size]
    with servers.database("bench_bulk") as work, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made_cities.place(work, folder)
        with work.transaction() as connection:
            categories.ensure_categories(connection, [("gb47678.5-2026", "event", "01001")])
            edition = made_cities.store.by_name(connection, "first")
            box = made_cities.store.grids(connection, edition.id, [1]).total_bounds
        (folder / "cases").mkdir()
        write(folder / "cases", tuple(box), n)
        (folder / "bulk_cases.yaml").write_text(PROFILE, "utf-8")
        yield from _measured(work, folder, n, runs)


def _measured(work: Work, folder: Path, n: int, runs: int) -> Iterator[Row]:
    n_run = iter(range(100))

    def under(address: str) -> float:
        out, profile = folder / f"out{next(n_run)}", str(folder / "bulk_cases.yaml")
        report = running.assign(work, [str(folder / "cases")], profile, str(out), address)
        if report.n_cases != n:
            raise RuntimeError(f"{report.n_cases} of {n} cases were located")
        return report.run_s

    with running.local(1) as one, running.local(2) as two:
        works = [lambda: under(one), lambda: under(two)]
        taken: list[list[float]] = []
        for k in range(runs + 1):
            _, given = in_turn(works, 0)
            taken += [given] if k else []
    single, double = np.median(taken, axis=0)
    yield Row(
        "bulk-workers", f"assign {n} cases on two workers", "on one", single / double, 1.6, least=True,
        note=f"{single:.2f} s → {double:.2f} s",
    )  # fmt: skip
    note = "dask-geopandas is not installed" if find_spec("dask_geopandas") is None else "not measured yet"
    yield Row("bulk-join", f"locate {n} cases", "dask_geopandas.sjoin", None, 10, least=True, note=note)
