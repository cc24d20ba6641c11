"""Run `gridmgmt` commands in one process and show each before it runs, as a user would type it."""

import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gridmgmt import settings
from gridmgmt.cli import app
from gridmgmt.database.work import Work, open_database
from gridmgmt.places.operations import editions
from gridmgmt.settings import Settings


class Runner:
    """Runs commands against one database of the private server (or the one at GRIDMGMT_DATABASE_URL)."""

    def __init__(self, db: str, given: Settings | None = None) -> None:
        self.settings = given or replace(settings.read(), db=db)
        self.began = time.monotonic()

    def __call__(self, *words: str | Path) -> None:
        """Run one command; an error stops the run."""
        args = [str(w) for w in words]
        base = [] if self.settings.database_url else ["--db", self.settings.db]
        print(f"\n$ gridmgmt {shlex.join([*base, *args])}", flush=True)
        app([*base, *args], standalone_mode=False)

    @contextmanager
    def work(self) -> Iterator[Work]:
        """The database, for what no command prints."""
        work = open_database(self.settings)
        yield work
        work.close()

    def edition(self, name: str, first: str, files: Sequence[str], *options: str) -> None:
        """Load and activate an edition unless an earlier run did."""
        with self.work() as work:
            known = any(e.name == name for e in editions.list_editions(work))
        if not known:
            self("grids", "import", *files, "--edition", name, *options)
        self("grids", "activate", name, "--from", first)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.began
