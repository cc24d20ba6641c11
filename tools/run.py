"""Run `gridmgmt` commands in one process and show each before it runs, as a user would type it."""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from gridmgmt import settings
from gridmgmt.cli import app, load_plugins
from gridmgmt.operations import database, editions
from gridmgmt.operations.database import open_database


class Runner:
    """Runs commands against one database of the private server (or the one at GRIDMGMT_DATABASE_URL)."""

    def __init__(self, db: str) -> None:
        self.db = db
        self.settings = settings.Settings(**{**vars(settings.read()), "db": db})
        load_plugins()
        self.began = time.monotonic()

    def __call__(self, *words: str | Path) -> None:
        """Run one command; an error stops the run."""
        args = [str(w) for w in words]
        print(f"\n$ gridmgmt --db {self.db} {shlex.join(args)}", flush=True)
        app(["--db", self.db, *args], standalone_mode=False)

    def start(self) -> None:
        """Start the database."""
        self("db", "start")

    def has_edition(self, name: str) -> bool:
        """Whether an edition was loaded by an earlier run."""
        return any(e.name == name for e in editions.list_editions(open_database(self.settings)))

    def edition(self, name: str, first: str, files: Sequence[str], *options: str) -> None:
        """Load and activate an edition unless an earlier run did."""
        if not self.has_edition(name):
            self("grids", "import", *files, "--edition", name, *options)
        self("grids", "activate", name, "--from", first)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.began


def stop(db: str) -> None:
    """Stop the private server."""
    database.stop(settings.Settings(**{**vars(settings.read()), "db": db}))
