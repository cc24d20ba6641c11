"""What a command prints with ``--json`` on a test's database, to stand beside what HTTP answers."""

import json
from typing import Any

from typer.testing import CliRunner

from gridmgmt.cli import app
from gridmgmt.settings import Settings


def told(settings: Settings, *words: str) -> Any:
    """The document of a command, called as the machine's own operator."""
    env = {"GRIDMGMT_HOME": str(settings.home), "GRIDMGMT_DB": settings.db}
    done = CliRunner().invoke(app, [*words, "--json"], env=env)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return json.loads(done.output)


def instants(found: Any, *names: str) -> Any:
    """A document without the instants of some names, which are written otherwise there and here."""
    if isinstance(found, list):
        return [instants(x, *names) for x in found]
    return {k: v for k, v in found.items() if k not in names}
