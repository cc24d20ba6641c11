"""Many points located by the server, a file in and a file out, beside the same work in the process.

    python -m tests.benchmarks --only points

Points are sent as one file and come back as one, located by a server in a process of its own that has the city's grids
in memory; beside it the locator alone finds the grids of the same points. The city is the demo's.
"""

import csv
import datetime as dt
import http.client
import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa

from gridmgmt.database.work import Work, open_database
from gridmgmt.demo import SIZES, make_demo_city
from gridmgmt.people.operations import directory, reference
from gridmgmt.places.operations import editions
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.signed import bearer
from tests.benchmarks import bench_server, servers
from tests.benchmarks.rows import Row, Size, in_turn

WANTED = {"csv": 30.0, "arrow": 15.0}
"""So many times the locator's own time at most."""

_TYPES = {"csv": "text/csv", "arrow": "application/vnd.apache.arrow.stream"}


def build(work: Work, folder: Path) -> None:
    """The grids, units and rules of the demo city of 2 500 communities."""
    with patch.dict(SIZES, {"medium": replace(SIZES["medium"], second_edition=False)}):
        make_demo_city(folder, seed=7, size="medium", cases=1_000)
    reference.init_city(work, folder / "city.yaml")
    reference.import_units(work, folder / "units.csv")
    reference.import_rules(work, folder / "responsibility.csv")
    editions.import_grids(work, [str(folder / "grids.gpkg")], "first")
    editions.activate(work, "first", dt.date(2020, 1, 1))


def sent(lon: np.ndarray, lat: np.ndarray, form: str) -> bytes:
    """Points as a file."""
    if form == "csv":
        out = io.StringIO()
        csv.writer(out).writerows([("lon", "lat"), *zip(lon.tolist(), lat.tolist(), strict=True)])
        return out.getvalue().encode()
    batch, sink = pa.record_batch({"lon": lon, "lat": lat}), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def located(port: int, content: bytes, form: str, key: dict[str, str]) -> bytes:
    """What the server answers."""
    connection = http.client.HTTPConnection(bench_server.HOST, port)
    connection.request("POST", "/v1/locate", content, {**key, "Content-Type": _TYPES[form]})
    with closing(connection), connection.getresponse() as answer:
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(body[:500].decode(errors="replace"))
        return body


def rows(size: Size) -> Iterator[Row]:
    """A file of points in each form."""
    n, runs = {"full": (1_000_000, 5), "quick": (500, 1)}[size]
    with (
        tempfile.TemporaryDirectory() as name,
        servers.settled("bench_points", size) as settings,
        closing(open_database(settings)) as work,
    ):
        (build if size == "full" else small_city.prepare)(work, Path(name))
        ground = directory.place(work, None, None).ground
        west, south, east, north = editions.grids_of(work, None, None, [1]).total_bounds
        place = np.random.default_rng(3).uniform([west, south], [east, north], (n, 2))
        lon, lat = np.ascontiguousarray(place.T)
        yield from _each(settings, lambda: ground.lines(lon, lat), lon, lat, runs)


def _each(
    settings: Settings, alone: Callable[[], np.ndarray], lon: np.ndarray, lat: np.ndarray, runs: int
) -> Iterator[Row]:
    key = bearer(settings)
    with bench_server.serving(settings) as port:
        for form, wanted in WANTED.items():
            content = sent(lon, lat, form)
            located(port, content, form, key)  # the grids are read once
            (door, peer), (body, _) = in_turn([partial(located, port, content, form, key), alone], runs)
            note = f"{len(lon) / door:,.0f} points/s, {len(content) / 1e6:.0f} + {len(body) / 1e6:.0f} MB"
            work = f"{len(lon)} points as a file ({form}) over HTTP, with units"
            yield Row(f"points-{form}", work, "the locator in the process", door / peer, wanted, note=note)
