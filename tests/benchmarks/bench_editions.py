"""An edition change that touches one hundredth of the communities, beside assigning every case again.

    python -m tests.benchmarks --only editions

A city of 2 500 communities, cases at random places in it of all days of a year, a new edition from the middle of the
year in which every hundredth community has another code. Both reassignments are whole use cases, rolled back at the
end, on the same rows of the private server; they must find the same rows to move. Wall time, the median of some runs
taken in turn.
"""

import datetime as dt
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import text

from gridmgmt.city import City
from gridmgmt.database import batches, cities
from gridmgmt.database.copying import copy_in
from gridmgmt.database.facts import LOCATED
from gridmgmt.database.work import Connection, Work
from gridmgmt.people.operations import assigning
from gridmgmt.people.store import responsibility
from gridmgmt.places.operations import editions
from gridmgmt.places.store import editions as store
from tests.benchmarks import servers
from tests.benchmarks.made_cities import CHUNK, YEAR, place
from tests.benchmarks.rows import Row, Size, in_turn

WANTED = 1 / 30


def _fill(connection: Connection, city: City, n: int) -> None:
    """Cases at random places and times, each where the first edition has it."""
    random = np.random.default_rng(7)
    edition = store.by_name(connection, "first")
    west, south, east, north = store.grids(connection, edition.id, [1]).total_bounds
    batch = batches.new_batch(connection, "cases")
    assigner = assigning.Assigner(connection, city)
    for first in range(0, n, CHUNK):
        size = min(CHUNK, n - first)
        seconds = random.integers(0, 365 * 86_400, size)
        at = pd.Series(pd.Timestamp(YEAR, 1, 1, tz=city.zone) + pd.to_timedelta(seconds, "s")).dt.tz_convert("UTC")
        lon, lat = random.uniform(west, east, size), random.uniform(south, north, size)
        points = pd.DataFrame({"lon": lon, "lat": lat, "at": at, "category": None, "unit_code": None})
        rows = assigner.locate(points)[list(LOCATED)].assign(
            case_no=[f"B{first + k:09}" for k in range(size)], reported_at=at, version_at=at, content_hash="-",
            batch_id=batch, row_no=1, lon=lon, lat=lat,
            geom=shapely.to_wkb(shapely.set_srid(shapely.points(lon, lat), 4490), hex=True, include_srid=True),
        )  # fmt: skip
        copy_in(connection, "cases", rows[rows["located"] == assigning.LEAF])


def _change(work: Work, folder: Path) -> None:
    """The second edition, from the middle of the year."""
    with work.transaction() as connection:
        frame = store.grids(connection, store.by_name(connection, "first").id)
    last = frame["level"].max()
    leaves = frame.index[frame["level"] == last]
    frame.loc[leaves[::100], "code"] = [
        f"{code[:-3]}9{n:02}" for n, code in enumerate(frame.loc[leaves[::100], "code"])
    ]
    frame.drop(columns=["id", "area_m2"]).to_file(folder / "second.gpkg")
    editions.import_grids(work, [str(folder / "second.gpkg")], "second")
    editions.activate(work, "second", dt.date(YEAR, 7, 1))


def _everything(work: Work) -> dict[str, int]:
    """As after new rules of who answers: every case is looked at."""
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    with patch.object(responsibility, "rules_not_applied_since", lambda connection: later):
        return assigning.reassign(work)


def rows(size: Size) -> Iterator[Row]:
    """A change that touches one hundredth of the communities, beside looking at every case."""
    cases, runs = {"full": (10_000_000, 5), "quick": (5_000, 1)}[size]
    with servers.database("bench_editions", size) as work:
        with tempfile.TemporaryDirectory() as name:
            place(work, Path(name), size)
            with work.transaction() as connection:
                _fill(connection, cities.load_city(connection), cases)
            _change(work, Path(name))
        with work.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE cases"))
        tried = work.but(keep=False)
        works = [lambda: assigning.reassign(tried), lambda: _everything(tried)]
        (change, everything), done = in_turn(works, runs)
    moved = [d["n_cases_changed"] for d in done]
    if moved[0] != moved[1]:
        raise RuntimeError(f"{moved[0]} and {moved[1]} rows to move")
    note = f"{change:.2f} s beside {everything:.2f} s, {moved[0]} moved"
    work_done = f"an edition change of 1 % of the communities, {cases} cases"
    yield Row("editions", work_done, "full reassignment", change / everything, WANTED, note=note)
