"""Two writers at once follow each other, and a killed one leaves nothing: every row is there once."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from gridmgmt.database import facts
from gridmgmt.database import tables as t
from gridmgmt.database.work import LOCK, Work, open_database
from gridmgmt.files import rows as file_rows
from gridmgmt.intake.operations import imports
from gridmgmt.people.operations import reference
from gridmgmt.settings import Settings
from tests.postgis import towns
from tests.postgis.towns import case, contents, load, select_all

IMPORT = """
import sys
from dataclasses import replace
from pathlib import Path
from gridmgmt import settings
from gridmgmt.database.work import open_database
from gridmgmt.intake.operations import imports
home, db, file, profile = sys.argv[1:]
found = replace(settings.read({}), home=Path(home), db=db)
report = imports.import_file(open_database(found), Path(file), profile)
print(report.n_new, report.n_unchanged)
"""


def start_import(settings: Settings, path: Path, profile: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", IMPORT, str(settings.home), settings.db, str(path), profile]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.getcwd()})


def wait_until_blocked(work: Work, n: int) -> None:
    """Until so many sessions of this database wait for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(600):
        with work.engine.connect() as connection:
            if connection.execute(waiting).scalar_one() >= n:
                return
        time.sleep(0.1)
    raise AssertionError("nobody waits")


@contextmanager
def held(work: Work, statement: str) -> Iterator[None]:
    """Hold a lock that the others need."""
    with work.engine.connect() as connection:
        connection.execute(text(statement))
        yield
        connection.rollback()


WRITERS_LOCK = f"SELECT pg_advisory_xact_lock({LOCK})"


def test_two_processes_at_once_lose_and_double_nothing(town: Work, postgis_settings: Settings, tmp_path: Path) -> None:
    profile = towns.write_profile(tmp_path, towns.VERSIONED)
    shared = [case(f"n{i}", v="2026-01-01") for i in range(10, 20)]
    ranges = {"a": range(10), "b": range(20, 30)}
    paths = [
        towns.write_csv(tmp_path / f"{name}.csv", [case(f"n{i}", v="2026-01-01") for i in numbers] + shared)
        for name, numbers in ranges.items()
    ]
    with held(town, WRITERS_LOCK):
        running = [start_import(postgis_settings, path, profile) for path in paths]
        wait_until_blocked(town, 2)
    answers = sorted(process.communicate(timeout=120)[0].strip() for process in running)
    assert answers == ["10 10", "20 0"]
    assert [process.returncode for process in running] == [0, 0]
    numbers = sorted(f"n{i}" for i in range(30))
    assert [r[0] for r in select_all(town, t.cases.c.case_no)] == numbers
    assert len(select_all(town, t.case_version.c.id)) == len(select_all(town, t.assignment.c.id)) == 30


@pytest.mark.crash
@pytest.mark.parametrize("lock", [WRITERS_LOCK, "LOCK TABLE assignment IN SHARE MODE"], ids=["before", "amid"])
def test_a_killed_import_leaves_nothing_and_can_be_repeated(
    lock: str, town: Work, postgis_settings: Settings, tmp_path: Path
) -> None:
    path = towns.write_csv(
        tmp_path / "cases.csv", [*(case(f"n{i}", who="张三") for i in range(50)), case("bad", at="?")]
    )
    profile = towns.write_profile(tmp_path, towns.CASES)
    with held(town, lock):
        process = start_import(postgis_settings, path, profile)
        wait_until_blocked(town, 1)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    with held(town, WRITERS_LOCK):  # the server has noticed: the lock is free
        assert not any(contents(town).values())
        assert imports.list_quarantine(town) == []
    report = imports.import_file(town, path, profile)
    assert (report.n_new, report.n_quarantined) == (50, 1)
    assert {name: len(rows) for name, rows in contents(town).items() if rows} == dict.fromkeys(
        ("cases", "case_version", "assignment", "reporter"), 50
    )


def test_two_files_that_add_the_same_categories_do_not_block_each_other(
    town: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunk by chunk each file brings the category that the other brought in the chunk before."""
    monkeypatch.setattr(file_rows, "CHUNK_ROWS", 1)
    profile = towns.CASES.replace("scheme: town}", "scheme: town, unknown: add}") + "unknown_units: add\n"
    path = towns.write_profile(tmp_path, profile)
    together = threading.Barrier(2, timeout=60)

    def keep_step(step: str, n: int, of: int | None = None) -> None:
        if step == "read":
            together.wait()

    def run(order: tuple[str, str]) -> int:
        rows = [case(f"{order}-{code}", cat=code, unit=f"U{code}") for code in order]
        file = towns.write_csv(tmp_path / f"{'-'.join(order)}.csv", rows)
        return imports.import_file(town.but(progress=keep_step), file, path).n_new

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, [("71", "72"), ("72", "71")])) == [2, 2]
    assert {"71", "72"} < {r[0] for r in select_all(town, t.category.c.code)}


def test_reference_tables_wait_for_an_import(town: Work, tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text("code,name_zh,name_en,kind,parent_code\nU1,单位,Unit,,\n", "utf-8")
    with ThreadPoolExecutor(1) as pool, held(town, WRITERS_LOCK):
        done = pool.submit(reference.import_units, town, tmp_path / "units.csv")
        wait_until_blocked(town, 1)
        assert not done.done()
    assert done.result(60).n_new == 1


def test_a_reader_sees_one_moment_throughout(town: Work, tmp_path: Path) -> None:
    with town.snapshot() as connection:
        before = facts.tally(connection, facts.CASES)
        load(town, tmp_path, [case("n")])
        assert facts.tally(connection, facts.CASES) == before == {}


def test_a_snapshot_cannot_write(town: Work) -> None:
    with pytest.raises(Exception, match="read-only"), town.snapshot() as connection:
        connection.execute(t.unit.insert().values(code="U"))


def test_an_engine_of_a_stopped_server_says_so(postgis_settings: Settings, tmp_path: Path) -> None:
    nowhere = replace(postgis_settings, home=tmp_path / "nowhere")
    work = open_database(nowhere)
    with pytest.raises(Exception, match="database_unreachable"), work.transaction():
        pass
