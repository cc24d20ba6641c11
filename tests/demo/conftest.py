"""The demo, as `make demo` runs it, on a database of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings
from tools import demo
from tools.run import Runner


@pytest.fixture(scope="session")
def demo_run(
    make_database: Callable[[str], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Settings, Work, Path, dict[str, str]]]:
    """Settings, work, output folder, and what the run said it made."""
    found = make_database("demo")
    out = tmp_path_factory.mktemp("demo")
    made = demo.run_demo(Runner(found.db, found), out)
    work = open_database(found)
    yield found, work, out, made
    work.close()
