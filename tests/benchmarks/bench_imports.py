"""An import of new cases, beside a bare COPY of the rows it makes; what it takes of memory; whether it stops people.

    python -m tests.benchmarks --only imports
    BENCH_IMPORTED_ROWS="1000000 10000000" python -m tests.benchmarks --only imports
    python -m tests.benchmarks.bench_imports --rows 1000000

A city of 2 500 communities, its responsibility table, and a case export of the demo city made as long as is asked: the
same texts and times, other numbers and places, a few bad rows among them. The import is a process of its own, so that
its memory is its own; it times its use case, without the start of Python. Beside it: the rows that it left in all
tables, dumped by COPY, are copied back into the same tables, emptied, with all their indexes and constraints.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
from psycopg import sql

from gridmgmt import settings
from gridmgmt.casework.operations import cases
from gridmgmt.casework.operations.requests import Request
from gridmgmt.database import server
from gridmgmt.database.work import Work, open_database
from gridmgmt.intake.operations import imports
from tests.benchmarks import made_cities, servers
from tests.benchmarks.rows import Row, Size
from tests.memory import peak_mb

ROWS = [int(n) for n in os.environ.get("BENCH_IMPORTED_ROWS", "1000000 2000000").split()]
CHUNK = 100_000
TABLES = ("cases", "case_version", "assignment", "reporter", "quarantine")
MEMORY_MB = 600

_ALONE = "import json, sys; from tests.benchmarks import bench_imports as b; print(json.dumps(b.done(*sys.argv[1:])))"


@dataclass(frozen=True)
class Done:
    """What an import took: seconds and megabytes, and the rows it loaded."""

    seconds: float
    mb: float
    n_new: int
    n_rows: int


def done(home: str, db: str, file: str) -> dict[str, float]:
    """Import a file; gives the fields of :class:`Done`, its memory being the most that this process has held."""
    with closing(open_database(replace(settings.read({}), home=Path(home), db=db))) as work:
        began = time.perf_counter()
        report = imports.import_file(work, Path(file), "demo_cases")
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "mb": peak_mb(), "n_new": report.n_new, "n_rows": report.n_rows}


def export(folder: Path, n: int) -> Path:
    """A case export of so many rows, made of the demo city's."""
    random = np.random.default_rng(7)
    base = pd.read_csv(folder / "cases.csv", encoding="gb18030", dtype="str", keep_default_na=False)
    base = base.drop_duplicates("案卷编号", ignore_index=True)
    west, south, east, north = gpd.read_file(folder / "grids.gpkg", layer="city").total_bounds
    width, height = (east - west) / 5, (north - south) / 5  # its corners are no part of the city
    path = folder / f"cases_{n}.csv"
    for first in range(0, n, CHUNK):
        numbers = np.arange(first, min(first + CHUNK, n))
        made = base.iloc[numbers % len(base)].assign(
            案卷编号=[f"B{k:010}" for k in numbers],
            经度=random.uniform(west + width, east - width, len(numbers)).round(6).astype(str),
            纬度=random.uniform(south + height, north - height, len(numbers)).round(6).astype(str),
        )
        made.to_csv(path, mode="a" if first else "w", header=not first, index=False)
    return path


@contextmanager
def _plain(work: Work) -> Iterator[psycopg.Connection]:
    """A connection without the platform's habits: statements are their own transactions until one is begun."""
    owner = {"drivername": "postgresql", "username": server.OWNER}
    address = work.engine.url.set(**owner).render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def emptied(connection: psycopg.Connection) -> None:
    """Take all cases out, and what the last run left to write."""
    names = sql.SQL(", ").join(map(sql.Identifier, TABLES))
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")  # else what is only added stays
        connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))
    connection.execute("CHECKPOINT")


def imported(work: Work, path: Path, size: Size) -> Done:
    """Import a file in another process, in the quick form in this one."""
    words = (*servers.address(work), str(path))
    if size == "quick":
        return Done(**done(*words))
    told = subprocess.run([sys.executable, "-c", _ALONE, *words], stdout=subprocess.PIPE, text=True, check=True)
    return Done(**json.loads(told.stdout))


def dumped(connection: psycopg.Connection, folder: Path) -> None:
    """Write the rows of all tables as COPY gives them."""
    for table in TABLES:
        with (folder / table).open("wb") as file, connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
            for block in copy:
                file.write(block)


def copied(connection: psycopg.Connection, folder: Path) -> float:
    """Copy them back in one transaction; gives the seconds."""
    began = time.perf_counter()
    with connection.transaction():
        for table in TABLES:
            with (folder / table).open("rb") as file, connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                while block := file.read(1 << 20):
                    copy.write(block)
    return time.perf_counter() - began


class People:
    """Somebody who takes steps of a case of his own as long as an import goes on, and how long he waits at most."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._stop = threading.Event()
        self.slowest, self.n = 0.0, 0
        facts = {"lon": 113.6, "lat": 30.1, "category": "matter:06012", "source": "12319热线"}
        self._take(Request("report", "somebody", "OWN-1", facts=facts))

    def _take(self, request: Request) -> None:
        (outcome,) = cases.take(self._work, [request])
        if outcome.fault is not None:
            raise outcome.fault

    def work_on(self) -> None:
        """Take a step every fifth of a second."""
        is_first = True
        while is_first or not self._stop.wait(0.2):
            began = time.perf_counter()
            self._take(Request("note", "somebody", "OWN-1", reason="seen"))
            self.slowest, self.n, is_first = max(self.slowest, time.perf_counter() - began), self.n + 1, False

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Somebody works meanwhile."""
        thread = threading.Thread(target=self.work_on)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()


def measured(work: Work, folder: Path, n: int, runs: int, size: Size) -> tuple[Row, Done]:
    """The import of so many rows beside the bare COPY."""
    path = export(folder, n)
    with _plain(work) as connection:
        found: list[Done] = []

        def bring_in() -> float:
            emptied(connection)
            found.append(imported(work, path, size))
            return found[-1].seconds

        bring_in()
        dumped(connection, folder)

        def copy() -> float:
            emptied(connection)
            return copied(connection, folder)

        seconds, bare = (float(np.median(x)) for x in _timed([bring_in, copy], runs))
    most = max(found, key=lambda done: done.mb)
    done = replace(most, seconds=seconds)
    note = f"{seconds:.1f} s beside {bare:.1f} s, {done.n_new} of {done.n_rows} rows new"
    work_done = f"import of {n} rows with assignment, history and all indexes"
    return Row(f"imports-{n}", work_done, "bare COPY of the same rows", seconds / bare, 2.0, note=note), done


def _timed(works: list[Callable[[], float]], runs: int) -> list[list[float]]:
    """What works say that they took, run in turn."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(runs):
        for work, times in zip(works, taken, strict=True):
            times.append(work())
    return taken


def beside_people(work: Work, path: Path, size: Size) -> Row:
    """The slowest step of a person during an import."""
    with _plain(work) as connection:
        emptied(connection)
    people = People(work)
    with people.at_work():
        done = imported(work, path, size)
    note = f"{people.n} steps, the slowest {people.slowest:.2f} s, in an import of {done.seconds:.1f} s"
    return Row("imports-steps", "a step taken while an import goes on", "a second", people.slowest, 1.0, note=note)


def rows_of(sizes: Sequence[int], runs: int, demo_cases: int, size: Size = "full") -> Iterator[Row]:
    """Import and COPY of so many rows each, memory, how it grows, and people beside the first."""
    with servers.database("bench_imports", size) as work, tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), list[Done]()
        made_cities.place(work, folder, size, demo_cases)
        for n in sizes:
            row, done = measured(work, folder, n, max(1, runs * sizes[0] // n), size)
            found.append(done)
            yield row
            if len(found) == 1:
                yield beside_people(work, folder / f"cases_{n}.csv", size)
    each = [done.seconds / done.n_rows for done in found]
    note = ", ".join(f"{seconds * 1e6:.1f} µs" for seconds in each) + " a row"
    yield Row("imports-linear", f"a row of {sizes[-1]}", f"a row of {sizes[0]}", each[-1] / each[0], 1.15, note=note)
    note = ", ".join(f"{done.mb:.0f} MB" for done in found)
    most = max(done.mb for done in found)
    yield Row("imports-memory", "memory of the importing process", "600 MB", most / MEMORY_MB, 1.0, note=note)


def rows(size: Size) -> Iterator[Row]:
    """An import beside a bare COPY, memory, growth and people beside it."""
    if size == "quick":
        return rows_of([300], 1, 1_000, size)
    return rows_of(ROWS, 5, 20_000)


if __name__ == "__main__":
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--rows", type=int, nargs="+", default=ROWS, help="one or two sizes")
    ask.add_argument("--runs", type=int, default=1)
    asked = ask.parse_args()
    for row in rows_of(sorted(asked.rows), asked.runs, 20_000):
        print(row.id, row.ratio, row.note, flush=True)
