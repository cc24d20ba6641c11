"""Bulk runs (批量计算): the city is read once, carried to each worker once, and the files are shared out among them.

A worker that dies loses nothing: its files are given to others, and what it wrote of them is written again.
"""

import datetime as dt
import functools
import multiprocessing
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from time import perf_counter
from typing import Any

import dask
import fsspec
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster, WorkerPlugin, as_completed, get_worker

from gridmgmt import bounds
from gridmgmt.bulk.folders import Part, parts
from gridmgmt.bulk.operations import one_file
from gridmgmt.bulk.operations.one_file import Carried, Done, Window
from gridmgmt.city import City
from gridmgmt.database import cities, clock, facts
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Progress, Work
from gridmgmt.deadlines import CONTINUOUS
from gridmgmt.errors import CasesInSeveralFiles, CutOffAhead, OptionInvalid
from gridmgmt.figures.indicators import LevelCounts, plain, side_by_side
from gridmgmt.figures.operations.period_counts import shown_table
from gridmgmt.files import calendars
from gridmgmt.intake.readers import profiles
from gridmgmt.intake.readers.facts import Known
from gridmgmt.people.operations.assigning import Assigner
from gridmgmt.people.store import categories, units
from gridmgmt.periods import Period
from gridmgmt.places.store import editions
from gridmgmt.texts import expected

__all__ = ["Report", "assign", "count", "local"]


@dataclass
class Report:
    """What became of the rows of all files; ``n_rows == n_cases + n_earlier + n_quarantined``.

    Attributes
    ----------
    n_twice
        Cases that stand in more than one file.
    locate_s, worked_s
        Processor time of the workers: of locating, and of all of it.
    run_s
        Time from the first file given out, every worker having the city, to the last one done.
    """

    n_files: int = 0
    n_rows: int = 0
    n_cases: int = 0
    n_earlier: int = 0
    n_quarantined: int = 0
    n_twice: int = 0
    located: dict[str, int] = field(default_factory=dict)
    locate_s: float = 0.0
    worked_s: float = 0.0
    run_s: float = 0.0


class Carrying(WorkerPlugin):  # type: ignore[misc]  # the library has no types
    """Brings the city to each worker, also to one that comes later in the place of a dead one."""

    def __init__(self, packed: bytes) -> None:
        self.name = f"gridmgmt-{sha256(packed).hexdigest()[:16]}"
        self._packed = packed

    def setup(self, worker: Any) -> None:
        """Unpack it; one thread is enough for a task, the cluster has others."""
        import pyarrow

        pyarrow.set_cpu_count(1)
        pyarrow.set_io_thread_count(1)
        self.carried: Carried = pickle.loads(self._packed)  # of the client, whose tasks this worker runs anyway


def _on_worker(carrying: str, task: Callable[..., Done], *given: Any) -> Done:
    return task(get_worker().plugins[carrying].carried, *given)


@contextmanager
def local(workers: int) -> Iterator[str]:
    """A cluster of so many processes of one thread on this machine; gives its address.

    They are forked from one that has read the code, so that each need not read it again.
    """
    options = {"processes": True, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    forked = {"distributed.worker.daemon": False, "distributed.worker.multiprocessing-method": "forkserver"}
    multiprocessing.set_forkserver_preload(["distributed", one_file.__name__])
    with (
        dask.config.set(forked),
        LocalCluster(n_workers=workers, **options) as cluster,
    ):
        yield cluster.scheduler_address


@needs("imports.write", whole=True, by_worker=True)
def assign(work: Work, sources: Sequence[str], profile: str, out: str, scheduler: str) -> Report:
    """Give each case of many files its grids and its unit; nothing is written to the database.

    Parameters
    ----------
    out
        Folder that all workers reach: ``assigned/`` with a Parquet file for each of the sources, ``quarantine/``.
    scheduler
        Address of the cluster.

    Raises
    ------
    FileUnreadable, ColumnMissing, ProfileMissing, OptionInvalid, CityMissing
    """
    with work.snapshot() as connection:
        packed = _packed(connection, cities.load_city(connection), profile)
    report, _ = _run(packed, scheduler, work.progress, parts(sources), out, one_file.assign)
    return report


@needs("imports.write", whole=True, by_worker=True)
def count(
    work: Work,
    sources: Sequence[str],
    profile: str,
    out: str,
    scheduler: str,
    period: Period,
    as_of: dt.datetime | None = None,
) -> tuple[Report, dict[str, pd.DataFrame]]:
    """Count the cases of many files in the grids of every level: the table of ``indicators``, of cases alone.

    Gives the tables by level; they are written to ``indicators/`` as Parquet and CSV.

    Parameters
    ----------
    as_of
        Data cut-off (数据截止时点); default: the period's end, or now where that has not come.

    Raises
    ------
    CasesInSeveralFiles
        They would count more than once: nothing is written.
    NoEditionOnDate
    CutOffAhead
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        start, end = period.bounds(city.zone)
        now = clock.now(connection)
        if as_of is not None and as_of > now:
            raise CutOffAhead(given=as_of.isoformat(timespec="minutes"), now=now.isoformat(timespec="minutes"))
        window = Window(start, end, as_of or min(end, now))
        edition = editions.on_date(connection, period.last)
        active = [e for e in editions.all_editions(connection) if e.is_active]
        names = {e.name: editions.grid_names(connection, [e.id]) for e in [*active, edition]}
        packed = _packed(connection, city, profile)
    report, sums = _run(packed, scheduler, work.progress, parts(sources), out, one_file.count, window)
    if report.n_twice:
        raise CasesInSeveralFiles(n=report.n_twice)
    tables = {}
    for level in city.levels:
        tables[level.key] = _table(sums.get(level.key), names, edition.name, level.number)
        for ending in ("parquet", "csv"):
            one_file.write(f"{out}/indicators/{level.key}.{ending}", tables[level.key])
    return report, tables


def _packed(connection: Connection, city: City, name: str) -> bytes:
    """The city and its profile as they travel."""
    profile = profiles.load(name)
    if profile.kind != "cases":
        raise OptionInvalid(name="--profile", value=name, expected=expected("profile_of_cases"))
    counts = any(rule.field is None and rule.limit.unit not in CONTINUOUS for rule in profile.deadline)
    carried = Carried(
        city=city,
        profile=profile,
        known=Known(categories.category_keys(connection), set(units.unit_ids(connection))),
        calendar=calendars.load(city.calendar) if counts else None,
        assigner=Assigner(connection, city),
        facts=facts.CASES.facts,
        read_at=clock.now(connection),
        limits=bounds.in_force(),
    )
    return pickle.dumps(carried)


Sums = dict[str, pd.DataFrame]


def _run(
    packed: bytes,
    scheduler: str,
    progress: Progress,
    files: Sequence[Part],
    out: str,
    task: Callable[..., Done],
    *given: Any,
) -> tuple[Report, Sums]:
    """Share the files out; what comes back is added up at once."""
    for folder in ("assigned", "indicators", "quarantine"):
        fs, path = fsspec.core.url_to_fs(f"{out}/{folder}")
        if fs.exists(path) and fs.ls(path):
            raise OptionInvalid(name="--out", value=out, expected=expected("empty_folder"))
    report, sums, keys = Report(), Sums(), []
    carrying = Carrying(packed)
    with Client(scheduler) as client:
        client.register_plugin(carrying, name=carrying.name)
        try:
            began = perf_counter()
            work = functools.partial(_on_worker, carrying.name, task)
            waiting = [client.submit(work, file, out, *given, pure=False) for file in files]
            for future, done in as_completed(waiting, with_results=True):
                _add(report, sums, done)
                keys.append(done.keys)
                future.release()
                progress("bulk", report.n_files, len(files))
            report.run_s = perf_counter() - began
        finally:
            client.unregister_worker_plugin(carrying.name)
    every = np.concatenate(keys)
    report.n_twice = len(every) - len(np.unique(every))
    return report, sums


def _add(report: Report, sums: Sums, done: Done) -> None:
    report.n_files += 1
    for name in ("n_rows", "n_cases", "n_earlier", "n_quarantined", "locate_s", "worked_s"):
        setattr(report, name, getattr(report, name) + getattr(done, name))
    for manner, n in done.located.items():
        report.located[manner] = report.located.get(manner, 0) + n
    for key, table in done.counts.items():
        sums[key] = sums[key].add(table, fill_value=0).astype("int64") if key in sums else table


def _table(sums: pd.DataFrame | None, names: dict[str, pd.DataFrame], edition: str, level: int) -> pd.DataFrame:
    """The grids of the period's edition, those of others that hold cases under a code of their own, and the rest."""
    here = {name: frame[frame["level"] == level].set_index("code") for name, frame in names.items()}
    found = sums if sums is not None else pd.DataFrame()
    grids = here[edition]
    for frame in reversed([*here.values()]):
        grids = pd.concat([grids, frame[frame.index.isin(found.index) & ~frame.index.isin(grids.index)]])
    codes = sorted(map(str, grids.index))
    every = side_by_side([found], [*codes, ""])
    return shown_table(grids, LevelCounts(every.loc[codes], plain(dict(every.loc[""]))))
