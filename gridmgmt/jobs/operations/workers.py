"""A worker (后台进程): takes jobs from the queue, as many at once as it is told, until it is to stop.

The queue is procrastinate's, in the same database: it hands a job to one worker, wakes workers when one is queued, and
knows by their heartbeats which of them may have died. What is done and what is not stands in the job's own row alone.
"""

import asyncio
import logging
import signal
from contextlib import suppress
from functools import partial

import procrastinate
from procrastinate.exceptions import AppNotOpen, ConnectorException, JobAborted

from gridmgmt.database import failures
from gridmgmt.database.engine import queue_address
from gridmgmt.database.work import open_database
from gridmgmt.errors import UnavailableError
from gridmgmt.jobs.operations import running
from gridmgmt.jobs.operations.running import Doors, Stopped
from gridmgmt.settings import Settings

HEARTBEAT_S, DEAD_S = 2.0, 10.0
"""A worker tells so often that it lives; one that did not for so long, and holds its job no more, is dead."""

_AGAIN_S = 3
_PAUSE_S = 1.0
_QUEUE = "jobs"

_LOG = logging.getLogger("gridmgmt.jobs")

_LOST = (*failures.DRIVER, ConnectorException, AppNotOpen, OSError)


async def work(settings: Settings, stop: asyncio.Event, *, concurrency: int = 1, grace_s: float = 30.0) -> None:
    """Work off jobs until told to stop; a database that is gone is sought again.

    Parameters
    ----------
    grace_s
        When it is to stop, a job that runs has so long to end; then it is undone and waits for another worker.
    """
    doors = Doors(open_database(settings), open_database(settings, "web"), settings.files_root)
    try:
        while not stop.is_set():
            serving = asyncio.create_task(_serve(settings, doors, concurrency, grace_s))
            asked = asyncio.create_task(stop.wait())
            await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if stop.is_set():
                serving.cancel()
            try:
                with suppress(asyncio.CancelledError):
                    await serving
            except _LOST as e:
                _LOG.warning("the database is away: %s", type(e).__name__)
            if not stop.is_set():
                await asyncio.sleep(_PAUSE_S)
    finally:
        doors.work.close()
        doors.web.close()


def run_until_signal(settings: Settings, concurrency: int, grace_s: float, parent: int | None = None) -> None:
    """Work until SIGTERM or SIGINT; ``parent``: what becomes readable when the process that began this one ends."""

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if parent is not None:
            loop.add_reader(parent, stop.set)
        await work(settings, stop, concurrency=concurrency, grace_s=grace_s)

    asyncio.run(serve())


async def _serve(settings: Settings, doors: Doors, concurrency: int, grace_s: float) -> None:
    app = procrastinate.App(connector=_connector(queue_address(settings), concurrency))
    app.task(name="job", queue=_QUEUE, pass_context=True, retry=procrastinate.RetryStrategy(wait=_AGAIN_S))(
        partial(_run, doors)
    )
    async with app.open_async():
        rescuing = asyncio.create_task(_rescue(app, doors))
        try:
            await app.run_worker_async(
                queues=[_QUEUE], concurrency=concurrency, install_signal_handlers=False, delete_jobs="always",
                shutdown_graceful_timeout=grace_s, update_heartbeat_interval=HEARTBEAT_S, stalled_worker_timeout=DEAD_S,
            )  # fmt: skip
        finally:
            rescuing.cancel()
            with suppress(asyncio.CancelledError):
                await rescuing


def _connector(address: str, concurrency: int) -> procrastinate.PsycopgConnector:
    return procrastinate.PsycopgConnector(conninfo=address, min_size=1, max_size=concurrency + 3, timeout=10)


def _run(doors: Doors, context: procrastinate.JobContext, *, number: int) -> None:
    try:
        running.run(doors, number, context.should_abort)
    except Stopped as e:
        raise JobAborted from e


async def _rescue(app: procrastinate.App, doors: Doors) -> None:
    """Give the jobs of dead workers back to the queue; one that is only busy is still at its own."""
    while True:
        with suppress(UnavailableError, *_LOST):  # or somebody else did it first
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_S):
                if await asyncio.to_thread(running.is_free, doors, int(str(job.task_kwargs["number"]))):
                    await app.job_manager.retry_job(job)
        await asyncio.sleep(HEARTBEAT_S)
