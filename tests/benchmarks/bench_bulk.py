"""Bulk assignment on a cluster: one worker beside two, and its join beside geopandas' on the same workers.

    python -m tests.benchmarks --only bulk

Workers have one thread each and run until all files are done; starting them and carrying the city is not counted. The
join is that of all levels with a carried index; beside it each worker joins the points of a file to the leaves by
geopandas.sjoin, as dask_geopandas.sjoin does with each part. Of both the processor time of the workers is taken.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from distributed import Client

from gridmgmt.bulk.operations import running
from gridmgmt.database.work import Work
from gridmgmt.people.store import categories
from gridmgmt.places.edition_locator import EditionLocator
from gridmgmt.places.store import editions, indexes
from tests.benchmarks import made_cities, servers
from tests.benchmarks.rows import Row, Size

FILES, LEVELS = 8, 4
PROFILE = """
id: bulk_cases
kind: cases
title: {zh: 案件, en: Cases}
columns: {case_no: no, reported_at: at, closed_at: closed}
location: {lon: x, lat: y_, system: "epsg:4490"}
category: {column: cat, kind: {column: kind, default: event}, scheme: gb47678.5-2026}
deadline: [{column: due}]
"""


def write(folder: Path, box: Sequence[float], n: int) -> None:
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
    """Two workers beside one, and the join."""
    n, runs = {"full": (800_000, 5), "quick": (800, 1)}[size]
    with servers.database("bench_bulk", size) as work, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made_cities.place(work, folder, size)
        with work.transaction() as connection:
            categories.ensure_categories(connection, [("gb47678.5-2026", "event", "01001")])
            edition = editions.by_name(connection, "first").id
            grids, (_, locator) = editions.grids(connection, edition), indexes.ground(connection, edition, LEVELS)
        (folder / "cases").mkdir()
        write(folder / "cases", grids[grids["level"] == 1].total_bounds, n)
        (folder / "bulk_cases.yaml").write_text(PROFILE, "utf-8")
        grids[grids["level"] == LEVELS][["code", "geometry"]].to_parquet(folder / "leaves.parquet")
        yield from _measured(work, folder, locator, n, runs)


def located(points: str, locator: EditionLocator) -> float:
    """Locate the points of a file in all levels; gives the seconds of processor time, without reading."""
    frame = pd.read_parquet(points)
    x, y = frame["x"].to_numpy(), frame["y_"].to_numpy()
    began = time.process_time()
    locator.locate(x, y)
    return time.process_time() - began


def joined(points: str, leaves: str) -> float:
    """Join the points of a file to the leaves; gives the seconds of processor time, without reading."""
    grids, frame = gpd.read_parquet(leaves), pd.read_parquet(points)
    cases = gpd.GeoDataFrame(geometry=gpd.points_from_xy(frame["x"], frame["y_"]), crs=grids.crs)
    began = time.process_time()
    gpd.sjoin(cases, grids, predicate="intersects")
    return time.process_time() - began


def _measured(work: Work, folder: Path, locator: EditionLocator, n: int, runs: int) -> Iterator[Row]:
    n_run = count()

    def under(address: str) -> running.Report:
        out, profile = folder / f"out{next(n_run)}", str(folder / "bulk_cases.yaml")
        report = running.assign(work, [str(folder / "cases")], profile, str(out), address)
        if report.n_cases != n:
            raise RuntimeError(f"{report.n_cases} of {n} cases were located")
        return report

    ours, joins = list[tuple[float, float]](), list[tuple[float, float]]()
    with running.local(1) as one, running.local(2) as two, Client(two) as client:
        files = [str(path) for path in sorted((folder / "cases").iterdir())]
        carried = client.scatter(locator, broadcast=True)
        for k in range(runs + 1):
            both = under(one).run_s, under(two).run_s
            own = sum(client.gather(client.map(located, files, locator=carried, pure=False)))
            peer = sum(client.gather(client.map(joined, files, leaves=str(folder / "leaves.parquet"), pure=False)))
            if k:
                ours.append(both)
                joins.append((own, peer))
    single, double = (float(x) for x in np.median(ours, axis=0))
    note = f"{single:.2f} s → {double:.2f} s"
    yield Row("bulk-workers", f"assign {n} cases on two workers", "on one", single / double, 1.6, least=True, note=note)
    locating, joining = (float(x) for x in np.median(joins, axis=0))
    note = f"{locating:.2f} s beside {joining:.2f} s of processors"
    work_done = f"locate {n} cases in all levels"
    yield Row("bulk-join", work_done, "geopandas.sjoin, leaves", joining / locating, 10, least=True, note=note)
