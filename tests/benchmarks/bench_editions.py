"""An edition change that touches one hundredth of the communities, beside assigning every case again.

    python -m tests.benchmarks.bench_editions --cases 10000000

A city of 2 500 communities, cases at random places in it of all days of a year, a new edition from the middle of the
year in which every hundredth community has another code. Both reassignments are whole use cases, rolled back at the
end, on the same rows of the private server; they must find the same rows to move. Wall time, the median of some runs
taken in turn.
"""

import argparse
import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import text

from gridmgmt import settings as settings_module
from gridmgmt.city import City
from gridmgmt.database import batches, cities, engine
from gridmgmt.database.administration import migrate
from gridmgmt.database.copying import copy_in
from gridmgmt.database.facts import LOCATED
from gridmgmt.database.work import Connection, Work, open_database
from gridmgmt.demo import SIZES, make_demo_city
from gridmgmt.people.operations import assigning, reference
from gridmgmt.people.store import responsibility
from gridmgmt.places.operations import editions
from gridmgmt.places.store import editions as store
from tests import servers

CHUNK = 250_000
YEAR = 2025
WANTED = 1 / 30


def _place(work: Work, folder: Path) -> None:
    """The city and its first edition."""
    with patch.dict(SIZES, {"medium": replace(SIZES["medium"], cases=1_000, second_edition=False)}):
        make_demo_city(folder, seed=7, size="medium")
    reference.init_city(work, folder / "city.yaml")
    editions.import_grids(work, [str(folder / "grids.gpkg")], "first")
    editions.activate(work, "first", dt.date(YEAR, 1, 1))


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


def _timed(work: Work, do: Callable[[Work], dict[str, int]]) -> tuple[float, int]:
    began = time.perf_counter()
    done = do(work.but(keep=False))
    return time.perf_counter() - began, done["n_cases_changed"]


def _everything(work: Work) -> dict[str, int]:
    """As after new rules of who answers: every case is looked at."""
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    with patch.object(responsibility, "rules_not_applied_since", lambda connection: later):
        return assigning.reassign(work)


def main() -> None:
    """Measure, print, and fail where what was wanted does not hold."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--cases", type=int, default=10_000_000)
    ask.add_argument("--runs", type=int, default=3)
    asked = ask.parse_args()
    servers.real()
    found = replace(settings_module.read({}), home=servers.REAL, db="bench_editions")
    engine.drop_database(found)
    engine.ensure_database(found)
    migrate(found)
    work = open_database(found)
    try:
        with tempfile.TemporaryDirectory() as name:
            _place(work, Path(name))
            with work.transaction() as connection:
                _fill(connection, cities.load_city(connection), asked.cases)
            _change(work, Path(name))
        with work.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE cases"))
        taken: dict[str, list[tuple[float, int]]] = {"all": [], "change": []}
        for _ in range(asked.runs):
            taken["all"].append(_timed(work, _everything))
            taken["change"].append(_timed(work, assigning.reassign))
        one, two = (statistics.median(s for s, _ in taken[k]) for k in ("change", "all"))
        moved = {n for runs in taken.values() for _, n in runs}
        print(
            f"{asked.cases} cases, {moved} to move: change {one:.2f} s, all again {two:.2f} s, ratio 1/{two / one:.0f}"
        )
        if len(moved) > 1 or one / two > WANTED:
            raise SystemExit(f"wanted: the same rows, and at most 1/{1 / WANTED:.0f}")
    finally:
        work.close()
        engine.drop_database(found)


if __name__ == "__main__":
    main()
