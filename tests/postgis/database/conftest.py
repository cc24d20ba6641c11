"""A private server of a test's own."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gridmgmt.database import administration, server
from gridmgmt.settings import Settings


@contextmanager
def _folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="gridmgmt-it's a test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the server's user can reach, which pytest's own are not."""
    with _folder() as path:
        yield path


@pytest.fixture(scope="session")
def stopped() -> Iterator[Path]:
    """The data of a server that was started and stopped once."""
    with _folder() as path:
        settings = Settings(None, path, "town")
        administration.start(settings)
        administration.stop(settings)
        yield server.locate(settings).data


@pytest.fixture
def private(home: Path) -> Iterator[Settings]:
    """Settings of a server of its own, stopped at the end."""
    settings = Settings(None, home, "town")
    yield settings
    administration.stop(settings)


@pytest.fixture
def ready(private: Settings, stopped: Path) -> Settings:
    """Settings of a server of its own that has its data already, and is not running."""
    data = server.locate(private).data
    data.parent.mkdir(parents=True)
    subprocess.run(["cp", "-a", stopped, data], check=True)
    return private
