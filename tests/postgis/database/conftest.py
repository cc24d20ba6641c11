"""A private server of a test's own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gridmgmt.database import administration
from gridmgmt.settings import Settings


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the server's user can reach, which pytest's own are not."""
    path = Path(tempfile.mkdtemp(prefix="gridmgmt-it's a test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def private(home: Path) -> Iterator[Settings]:
    """Settings of a server of its own, stopped at the end."""
    settings = Settings(None, home, "town")
    yield settings
    administration.stop(settings)
