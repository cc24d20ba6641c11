"""`gridmgmt worker`: works off what was asked for as jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from gridmgmt.cli.base import Shown, State, command

app = typer.Typer()


@command(app, "worker")
def worker(
    run: State,
    *,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, max=64)] = 1,
    grace: Annotated[int, typer.Option("--grace", min=0, max=86_400)] = 30,
) -> Shown:
    """Work off jobs – imports, assessments, exports – until it is told to stop (SIGTERM, Ctrl-C)."""
    from gridmgmt.jobs.operations import workers

    run.work.ready()
    yield run.said("worker_ready", {"n": concurrency})
    workers.run_until_signal(run.settings, concurrency, grace)
    yield run.said("worker_stopped")
