"""Workers as processes: one dies and another goes on, two never take one job, a database that was away is found."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing import active_children, get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from psycopg import sql

from api.standing.job_worker import accompanied
from gridmgmt.database.work import Connection
from gridmgmt.jobs.kinds import Job
from gridmgmt.jobs.operations import following, workers
from gridmgmt.jobs.operations.running import Doors
from gridmgmt.jobs.store import jobs
from gridmgmt.settings import Settings
from tests import servers
from tests.postgis.jobs.desk import case, handed_in, values

Start = Callable[..., BaseProcess]
_HEARTBEAT_S, _DEAD_S = 0.2, 1.0


def _work(settings: Settings, concurrency: int, marker: Path | None) -> None:
    """A worker that finds out quickly who died; with a marker its first job's effect hangs before it is committed."""
    workers.HEARTBEAT_S, workers.DEAD_S, workers._PAUSE_S = _HEARTBEAT_S, _DEAD_S, 0.2  # type: ignore[misc]
    if marker is not None:
        end = jobs.end

        def hanging(connection: Connection, job: Job, state: str, **more: object) -> bool:
            done = end(connection, job, state, **more)  # type: ignore[arg-type]
            if state == "done":
                marker.write_text("here")
                time.sleep(60)
            return done

        jobs.end = hanging
    workers.run_until_signal(settings, concurrency, 5.0)


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    begun: list[BaseProcess] = []

    def begin(concurrency: int = 1, marker: Path | None = None) -> BaseProcess:
        process = get_context("fork").Process(target=_work, args=(settings, concurrency, marker))
        process.start()
        begun.append(process)
        return process

    yield begin
    for process in begun:
        if process.is_alive():
            process.terminate()
        process.join(10)
        assert not process.is_alive(), "it stops when it is told to"


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def states(doors: Doors) -> list[str]:
    return values(doors.work, "SELECT state FROM job ORDER BY id")


@pytest.mark.crash
def test_what_a_killed_worker_left_another_ends(doors: Doors, start: Start, tmp_path: Path) -> None:
    job, marker = handed_in(doors, tmp_path, case("A")), tmp_path / "hangs"
    dying = start(marker=marker)
    until(marker.exists)
    os.kill(dying.pid or 0, signal.SIGKILL)
    dying.join()
    assert states(doors) == ["running"]
    start()
    until(lambda: states(doors) == ["done"])
    assert following.one(doors.work, job.id).n_tries == 2
    assert values(doors.work, "SELECT count(*) FROM case_version") == [1]
    until(lambda: values(doors.work, "SELECT count(*) FROM queue.procrastinate_jobs") == [0])


@pytest.mark.night
def test_two_workers_never_take_one_job(doors: Doors, start: Start, tmp_path: Path) -> None:
    for n in range(8):
        handed_in(doors, tmp_path, case(f"A{n}"))
    start(2)
    start(2)
    until(lambda: states(doors) == ["done"] * 8)
    assert values(doors.work, "SELECT sum(n_tries) FROM job") == [8]
    assert values(doors.work, "SELECT count(*) FROM batch WHERE kind = 'cases'") == [8]


def test_a_worker_told_to_stop_ends_what_it_has_begun(doors: Doors, start: Start, tmp_path: Path) -> None:
    process = start()
    for n in range(4):
        handed_in(doors, tmp_path, case(f"A{n}"))
    until(lambda: "running" in states(doors) or "done" in states(doors))
    process.terminate()
    process.join(15)
    assert process.exitcode == 0
    assert set(states(doors)) <= {"done", "waiting"}
    start()
    until(lambda: states(doors) == ["done"] * 4)
    assert values(doors.work, "SELECT sum(n_tries) FROM job") == [4]


def test_a_database_that_was_away_is_found_again(
    doors: Doors, start: Start, settings: Settings, tmp_path: Path
) -> None:
    """Every connection is cut and none is let in for a while, as a restart does it, while jobs wait and run."""
    process = start(2)
    for n in range(4):
        handed_in(doors, tmp_path, case(f"A{n}"))
    until(lambda: "running" in states(doors))
    with servers.administered(settings) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(settings.db)))
        try:
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(cut, [settings.db])
            time.sleep(1.5)
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(settings.db)))
    until(lambda: states(doors) == ["done"] * 4)
    assert values(doors.work, "SELECT count(*) FROM case_version") == [4]
    assert process.is_alive()


@pytest.mark.night
def test_the_server_brings_a_worker_along_and_begins_it_again(doors: Doors, settings: Settings, tmp_path: Path) -> None:
    with accompanied(settings):
        handed_in(doors, tmp_path, case("A"))
        until(lambda: states(doors) == ["done"], 40)
        (child,) = [p for p in active_children() if p.name == "gridmgmt worker"]
        os.kill(child.pid or 0, signal.SIGKILL)
        handed_in(doors, tmp_path, case("B"))
        until(lambda: states(doors) == ["done"] * 2, 40)
    assert not [p for p in active_children() if p.name == "gridmgmt worker"]
