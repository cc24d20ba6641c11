"""One command, ``gridmgmt``; other packages add their sub-commands by the entry point ``gridmgmt.commands``."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points

import typer

from gridmgmt import settings, texts
from gridmgmt.cli import (
    base,
    casework,
    entering,
    facts,
    files,
    grids,
    judging,
    layers,
    limits,
    people,
    repeats,
    reporting,
    rulebooks,
    samples,
    scoring,
    setup,
    simulating,
    supposing,
)
from gridmgmt.errors import ConflictError, GridmgmtError, InputError, NotFoundError, OptionInvalid

app = typer.Typer(
    name="gridmgmt",
    help="城市网格化管理 · Grid management for digital urban management.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

UsageError: type[typer.BadParameter] = typer.BadParameter.__mro__[1]  # a command typed wrongly

EXIT = ((InputError, 2), (NotFoundError, 3), (ConflictError, 4))
"""Exit status by kind of error; anything else of ours is 5."""


@app.callback()
def root(
    context: typer.Context,
    db: str = typer.Option(None, "--db", help="Database on the private server (else GRIDMGMT_DB or gridmgmt)."),
    lang: str = typer.Option(None, "--lang", help="zh | en for messages and reasons (default: the city's)."),
) -> None:
    """Choose the database and the language."""
    found = settings.read()
    if db and found.database_url:
        raise OptionInvalid(name="--db", value=db, expected=texts.expected("without_db"))
    if lang not in (None, *texts.LANGUAGES):
        raise OptionInvalid(name="--lang", value=lang, expected="zh / en")
    context.obj = base.State(replace(found, db=db) if db else found, lang)
    context.call_on_close(context.obj.close)


setup.add_to(app)
grids.add_to(app)
facts.add_to(app)
samples.add_to(app)
casework.add_to(app)
limits.add_to(app)
simulating.add_to(app)
files.add_to(app)
people.add_to(app)
reporting.add_to(app)
layers.add_to(app)
repeats.add_to(app)
entering.add_to(app)
scoring.add_to(app)
judging.add_to(app)
rulebooks.add_to(app)
supposing.add_to(app)


@cache
def load_plugins() -> None:
    """Add the sub-commands of installed packages (map, serve), once."""
    for entry in sorted(entry_points(group="gridmgmt.commands"), key=lambda e: e.name):
        app.add_typer(entry.load(), name=entry.name)


@contextmanager
def worded() -> Iterator[None]:
    """An error of ours is worded, on standard error, and ends the process with a status of its own."""
    try:
        yield
    except GridmgmtError as e:
        _tell(e)
        sys.exit(next((status for kind, status in EXIT if isinstance(e, kind)), 5))


def main() -> None:
    """Run the command."""
    status = None
    with worded():
        load_plugins()
        try:
            status = app(standalone_mode=False)
        except typer.Abort:
            sys.exit(130)
        except UsageError as e:
            e.show()
            sys.exit(e.exit_code)
        except BrokenPipeError:
            sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)


def _tell(e: GridmgmtError) -> None:
    if "--json" in sys.argv:
        shown = {
            "error": e.code,
            "facts": e.facts,
            "message": {x: texts.word(e.code, e.facts, x) for x in texts.LANGUAGES},
        }
        typer.echo(json.dumps(shown, ensure_ascii=False, default=str), err=True)
    else:
        for lang in texts.LANGUAGES:
            typer.echo(texts.word(e.code, e.facts, lang), err=True)
