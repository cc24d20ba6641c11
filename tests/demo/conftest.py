"""The demo as `make demo` left it, if it is of this very code and untouched since; else run here on a quick server."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gridmgmt.database import administration
from gridmgmt.database.work import Work, open_database
from gridmgmt.errors import GridmgmtError
from gridmgmt.settings import Settings
from tests import servers
from tools import demo
from tools.run import Runner


def told() -> dict[str, Any] | None:
    """What `make demo` said of itself, if the code is still the same."""
    path = demo.ROOT / demo.OUT / demo.TOLD
    found = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found if found.get("code") == demo.code() else None


def untouched(settings: Settings, rows: dict[str, int]) -> bool:
    """Whether the database is there and holds as many rows as then."""
    try:
        administration.status(settings)
    except GridmgmtError:
        return False
    work = open_database(settings)
    try:
        return demo.rows(work) == rows
    finally:
        work.close()


def taken(out: Path) -> tuple[Settings, dict[str, str]] | None:
    """Copies of the database and the folder that `make demo` made."""
    found = told()
    real = servers.real()
    if found is None or not untouched(replace(real, db="demo"), found["rows"]):
        return None
    try:
        copy = servers.Databases(real).copied("demo", template="demo")
    except psycopg.errors.ObjectInUse:  # somebody looks at it
        return None
    shutil.copytree(demo.ROOT / demo.OUT, out, dirs_exist_ok=True)
    return copy, found["made"]


Run = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def run_demo() -> Run:
    """Run the demo's commands as `make demo` does, on a database of one's own; gives what it said."""

    def run(settings: Settings, out: Path, **options: bool) -> dict[str, str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GRIDMGMT_HOME", str(settings.home))
            return demo.run_demo(Runner(settings.db, settings), out, **options)

    return run


@pytest.fixture(scope="session")
def demo_run(
    make_database: Callable[[str], Settings], run_demo: Run, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Settings, Work, Path, dict[str, str]]]:
    """Settings, work, output folder, and what the run said it made."""
    out = tmp_path_factory.mktemp("demo")
    found = taken(out)
    if found is None:
        settings = make_database("demo")
        found = settings, run_demo(settings, out)
    work = open_database(found[0])
    yield found[0], work, out, found[1]
    work.close()
