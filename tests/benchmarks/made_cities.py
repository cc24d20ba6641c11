"""A made-up city with as many cases as wanted, straight in the tables: for benchmarks."""

import atexit
import datetime as dt
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
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
from gridmgmt.demo import SIZES, make_demo_city
from gridmgmt.people.operations import assigning, reference
from gridmgmt.places.operations import editions
from gridmgmt.places.store import editions as store
from tests.benchmarks import servers
from tests.benchmarks.rows import Size

YEAR = 2025
CHUNK = 250_000
HOUR = 3_600


FEW = {"districts": 2, "streets": 6, "communities": 30}


@cache
def _few() -> Path:
    """The files of a city of 30 communities, made once for all quick forms of a process."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    with patch.dict(SIZES, {"medium": replace(SIZES["medium"], cases=1_000, second_edition=False, **FEW)}):
        make_demo_city(Path(folder), seed=7, size="medium")
    return Path(folder)


def place(work: Work, folder: Path, size: Size, cases: int = 1_000) -> None:
    """A city of 2 500 communities (of 30 in the quick form), its references and first edition; cases stay files."""
    if size == "quick":
        shutil.copytree(_few(), folder, dirs_exist_ok=True)
    else:
        with patch.dict(SIZES, {"medium": replace(SIZES["medium"], cases=cases, second_edition=False)}):
            make_demo_city(folder, seed=7, size="medium")
    reference.init_city(work, folder / "city.yaml")
    reference.import_units(work, folder / "units.csv")
    reference.import_rules(work, folder / "responsibility.csv")
    editions.import_grids(work, [str(folder / "grids.gpkg")], "first")
    editions.activate(work, "first", dt.date(YEAR, 1, 1))


def fill(connection: Connection, city: City, n: int) -> None:
    """So many cases of a year at random places inside the city, by the day of their report; three in ten are closed
    after the month in which they are due."""
    random = np.random.default_rng(7)
    edition = store.by_name(connection, "first")
    west, south, east, north = store.grids(connection, edition.id, [1]).total_bounds
    batch = batches.new_batch(connection, "cases")
    assigner = assigning.Assigner(connection, city)
    seconds = np.sort(random.integers(0, 365 * 86_400, n * 33 // 20))
    first = pd.Timestamp(YEAR, 1, 1, tz=city.zone).tz_convert("UTC")
    done = 0
    for k in range(0, len(seconds), CHUNK):
        at = pd.Series(first + pd.to_timedelta(seconds[k : k + CHUNK], "s"))
        size = len(at)
        lon, lat = random.uniform(west, east, size), random.uniform(south, north, size)
        category = random.choice([f"{a:02}{b:03}" for a in range(1, 7) for b in range(1, 6)], size)
        points = pd.DataFrame({"lon": lon, "lat": lat, "at": at, "category": "event:" + category, "unit_code": None})
        located = assigner.locate(points)[list(LOCATED)]
        units = {n: assigner.unit_code(int(n)) for n in located["unit_id"].dropna().unique()}
        rows = _rows(random, at).assign(
            category_scheme="gb47678.5-2026", category_kind="event", category_code=category, batch_id=batch, row_no=1,
            case_no=[f"B{k + i:09}" for i in range(size)], lon=lon, lat=lat, version_at=at, content_hash="-",
            geom=shapely.to_wkb(shapely.set_srid(shapely.points(lon, lat), 4490), hex=True, include_srid=True),
            unit_code=located["unit_id"].map(units), **located,
        )  # fmt: skip
        rows = rows[rows["located"] == assigning.LEAF].head(n - done)
        copy_in(connection, "cases", rows)
        done += len(rows)
    if done < n:
        raise RuntimeError(f"only {done} places lay inside the city")


def _rows(random: np.random.Generator, at: pd.Series) -> pd.DataFrame:
    """What becomes of cases that were reported at some instants."""
    size = len(at)

    def after(start: pd.Series, hours: float, share: float = 1.0) -> pd.Series:
        found = start + pd.to_timedelta(random.exponential(hours, size) * HOUR // 1, "s")
        return found.where(random.random(size) < share).astype("datetime64[us, UTC]")

    registered = after(at, 1)
    dispatched = after(registered, 1)
    due = (dispatched + pd.to_timedelta(random.choice([24, 72, 168], size), "h")).astype("datetime64[us, UTC]")
    is_slow = random.random(size) < 0.3
    lag = np.where(is_slow, 40 * 24, 30.0)
    handled = (dispatched + pd.to_timedelta(random.exponential(lag) * HOUR // 1, "s")).astype("datetime64[us, UTC]")
    rework = random.choice([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], size)
    return pd.DataFrame({
        "reported_at": at, "accepted_at": registered, "registered_at": registered, "dispatched_at": dispatched,
        "due_at": due, "due_extended_at": (due + pd.Timedelta(days=2)).where(random.random(size) < 0.05),
        "handled_at": handled, "closed_at": after(handled, 2), "voided_at": after(dispatched, 5, 0.01),
        "n_rework": rework, "reworked_at": after(dispatched, 20).where(rework > 0),
        "is_repeat": random.random(size) < 0.04,
        "source": random.choice(["collector", "public", "video", "sensor"], size),
    })  # fmt: skip


def worked_on(connection: Connection, cut: dt.datetime, others: int) -> None:
    """The cases that are closed after a moment are worked on here; so many hundredths of them do not go straight."""
    params = {"cut": cut, "others": others, "batch": batches.new_batch(connection, "steps")}
    connection.execute(text((Path(__file__).parent / "worked_after.sql").read_text("utf-8")), params)


@contextmanager
def city_of(name: str, cases: int, size: Size) -> Iterator[Work]:
    """A database of a name with the city and its cases, analysed; dropped at the end."""
    with servers.database(name, size) as work:
        with tempfile.TemporaryDirectory() as folder:
            place(work, Path(folder), size)
        with work.transaction() as connection:
            fill(connection, cities.load_city(connection), cases)
        analyse(work)
        yield work


def analyse(work: Work) -> None:
    """Let the server know what its tables hold."""
    with work.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
