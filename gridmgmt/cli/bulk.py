"""Commands past one machine: files of cases located and counted by a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.errors import ExtraMissing

if TYPE_CHECKING:
    from gridmgmt.bulk.operations.running import Report

app = typer.Typer()
bulk = group(app, "bulk")

COUNTS = ("n_files", "n_rows", "n_cases", "n_earlier", "n_quarantined")


@command(bulk, "assign")
def bulk_assign(
    run: State,
    sources: Sequence[str],
    *,
    profile: str,
    out: str,
    scheduler: str | None = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=1024)] = 2,
) -> View:
    """Give the cases of many files their grids and units on a cluster; the database is only read."""
    with _cluster(scheduler, workers) as address, run.progress() as tell:
        from gridmgmt.bulk.operations import running

        report = running.assign(run.work.but(progress=tell), sources, profile, out, address)
    return View(asdict(report), _shown(run, report, out), failed=bool(report.n_rows and not report.n_cases))


@command(bulk, "indicators")
def bulk_indicators(
    run: State,
    sources: Sequence[str],
    *,
    profile: str,
    period: str,
    out: str,
    as_of: str | None = None,
    scheduler: str | None = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=1024)] = 2,
) -> View:
    """Count the cases of many files in the grids of every level on a cluster; the database is only read."""
    with _cluster(scheduler, workers) as address, run.progress() as tell:
        from gridmgmt.bulk.operations import running
        from gridmgmt.periods import parse_period

        when, work = run.instant(as_of), run.work.but(progress=tell)
        report, _ = running.count(work, sources, profile, out, address, parse_period(period), when)
    return View(asdict(report), _shown(run, report, out), failed=bool(report.n_rows and not report.n_cases))


@contextmanager
def _cluster(scheduler: str | None, workers: int) -> Iterator[str]:
    """The address of the cluster that is named, else of one on this machine."""
    try:
        from gridmgmt.bulk.operations import running
    except ModuleNotFoundError as e:
        raise ExtraMissing(module=str(e.name), extra="bulk") from e
    if scheduler is not None:
        yield scheduler
        return
    with running.local(workers) as address:
        yield address


def _shown(run: State, report: Report, out: str) -> Shown:
    counts = [f"{getattr(report, name):,}" for name in COUNTS]
    yield Table(run.words(COUNTS), [counts], right=range(len(COUNTS)))
    tally = " · ".join(f"{run.word('located_' + k)} {n:,}" for k, n in sorted(report.located.items()))
    yield f"{run.word('where')}: {tally}"
    if report.n_twice:
        yield run.word("bulk_twice", {"n": report.n_twice})
    if report.n_quarantined:
        yield run.word("bulk_quarantine", {"n": report.n_quarantined, "file": f"{out}/quarantine"})
    yield run.word("bulk_written", {"file": out})
