"""One command, ``gridmgmt``; other packages add their sub-commands by the entry point ``gridmgmt.commands``.

A command's module is imported when the command is asked for, and what is slow to import (pandas, SQLAlchemy, …) when
it runs: help and completion wait for none of it.
"""

import gc
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, NoReturn

import typer
from typer.core import CompletionItem  # type: ignore[attr-defined]

from gridmgmt import __version__, bounds, settings, texts
from gridmgmt.cli import base, help
from gridmgmt.errors import (
    AccessError,
    ConflictError,
    DiskFull,
    FileUnreadable,
    GridmgmtError,
    InputError,
    NotFoundError,
    OptionInvalid,
    by_parser,
)
from gridmgmt.files.writing import FULL

COMMANDS = {
    "help_ground": {
        "db": "setup", "city": "setup", "demo-city": "setup", "units": "setup", "categories": "setup",
        "responsibility": "setup", "grids": "grids", "layers": "layers", "locate": "grids", "assign": "grids",
        "unassigned": "grids", "log": "written",
    },
    "help_work": {
        "case": "casework", "cases": "facts", "steps": "facts", "quarantine": "facts", "limits": "limits",
        "files": "files", "repeats": "repeats", "simulate": "simulating", "bulk": "bulk",
    },
    "help_people": {"people": "people", "posts": "people", "staffing": "people", "samples": "samples"},
    "help_assessing": {
        "rulebook": "rulebooks", "subjects": "entering", "staff": "entering", "entries": "entering",
        "indicators": "scoring", "score": "scoring", "explain": "explaining", "rank": "judging",
        "scorecards": "scoring", "assessments": "scoring", "publish": "judging", "recompute": "judging",
        "appeal": "judging", "correct": "judging", "consequences": "judging", "whatif": "supposing",
        "due": "reporting", "reports": "reporting",
    },
    "help_access": {"user": "access", "key": "access", "audit": "access", "worker": "jobs", "hook": "live"},
}  # fmt: skip
"""Heading in the help → command or group → its module below :mod:`gridmgmt.cli`."""

_EXIT = ((InputError, 2), (NotFoundError, 3), (ConflictError, 4), (AccessError, 6))
"""Exit status by kind of error; anything else of ours is 5."""


_MOST_SHOWN = 200
"""Characters of a path that are shown."""


class Commands(Mapping[str, Any]):
    """The commands by name; one is imported when it is looked up."""

    def __init__(self) -> None:
        self._modules = {name: module for names in COMMANDS.values() for name, module in names.items()}
        self._loaded: dict[str, Any] = {}

    @cached_property
    def plugins(self) -> dict[str, EntryPoint]:
        """Those of installed packages (map, serve): a Typer application behind each name."""
        return {e.name: e for e in sorted(entry_points(group="gridmgmt.commands"), key=lambda e: e.name)}

    def __iter__(self) -> Iterator[str]:
        """Their names, as the help lists them."""
        return iter({**self._modules, **self.plugins})

    def __len__(self) -> int:
        """How many there are."""
        return len(self._modules) + len(self.plugins)

    def __contains__(self, name: object) -> bool:
        """Whether there is one of that name."""
        return name in self._modules or name in self.plugins

    def __getitem__(self, name: str) -> Any:
        """The command itself."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> Any:
        if name in self._modules:
            module = import_module(f"gridmgmt.cli.{self._modules[name]}")
            return typer.main.get_group(module.app).commands[name]
        found = typer.main.get_command(self.plugins[name].load())
        found.name = name
        return found


class Root(help.Group):
    """The command itself; what it lists is not imported."""

    def __init__(self, **attributes: Any) -> None:
        self.known = Commands()
        super().__init__(**{**attributes, "commands": self.known})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Note what was typed, since help speaks the language asked for; help by a bare name reads no option."""
        ctx.meta["typed"] = [*args]
        if args and args[-1] in ctx.help_option_names and (asked := self._asked(ctx, args[:-1])):
            typer.echo(asked.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def _asked(self, context: Any, names: Sequence[str]) -> Any:
        """The command that is named, with nothing else between."""
        for name in names:
            if name not in getattr(context.command, "commands", ()):
                return None
            context = type(context)(context.command.commands[name], info_name=name, parent=context)
        return context

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return [*self.commands]

    def sections(self) -> Mapping[str, Sequence[str]]:
        """The commands by subject; last those of installed packages."""
        return {**{heading: [*names] for heading, names in COMMANDS.items()}, "help_seeing": [*self.known.plugins]}

    def shell_complete(self, ctx: Any, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name by the table, anything else as typer does."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        lang = help.language(ctx)
        names = [name for name in self.commands if name.startswith(incomplete)]
        return [CompletionItem(n, help=(help.text_of(f"gridmgmt {n}", lang) or "").partition("\n")[0]) for n in names]


app = typer.Typer(
    name="gridmgmt",
    cls=Root,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    """The release (版本号), which needs no database."""
    if asked:
        typer.echo(f"gridmgmt {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    db: Annotated[str | None, typer.Option("--db")] = None,
    lang: Annotated[str | None, typer.Option("--lang")] = None,
    as_: Annotated[str | None, typer.Option("--as")] = None,
    version: Annotated[bool, typer.Option("--version", callback=_tell_version, is_eager=True)] = False,
) -> None:
    """Choose the database, the language and who writes; help of a command needs none, and no setting that is right."""
    if {*context.help_option_names} & {*context.meta["typed"]}:
        return
    found = settings.read()
    bounds.use(found.bounds)
    if db and found.database_url:
        raise OptionInvalid(name="--db", value=db, expected=texts.expected("without_db"))
    if db and (len(os.fsencode(db)) > settings.MOST_NAME or "\0" in db):
        expected = texts.expected("short_name", most=settings.MOST_NAME)
        raise OptionInvalid(name="--db", value=db[:_MOST_SHOWN].replace("\0", "\\0"), expected=expected)
    if as_ is not None and not as_.strip():
        raise OptionInvalid(name="--as", value=as_, expected="NAME")
    context.obj = base.State(replace(found, db=db) if db else found, found.lang, help.language(context), as_)
    context.obj.speak(lang)
    context.call_on_close(context.obj.close)


@contextmanager
def worded() -> Iterator[None]:
    """An error of ours is worded, on standard error, and ends the process with a status of its own."""
    try:
        yield
    except GridmgmtError as e:
        _end(e)
    except BrokenPipeError:
        raise
    except OSError as e:
        if e.errno in FULL:
            if e.filename is None:  # what is printed; Python is not to try once more when it ends
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            _end(DiskFull(file=str(e.filename or "stdout")[:_MOST_SHOWN]))
        if e.filename is None:  # nothing that somebody named
            raise
        _end(FileUnreadable(file=str(e.filename)[:_MOST_SHOWN], reason=by_parser(e)))


def _end(e: GridmgmtError) -> NoReturn:
    _tell(e)
    sys.exit(next((status for kind, status in _EXIT if isinstance(e, kind)), 5))


def main() -> None:
    """Run the command."""
    gc.set_threshold(1_000_000)  # what is imported stays: to look through it again and again costs a third of a start
    status = None
    with worded():
        try:
            status = app(standalone_mode=False)
        except typer.Abort:
            sys.exit(130)
        except help.UsageError as e:
            is_help = type(e).__name__ == "NoArgsIsHelpError"
            typer.echo(e.format_message() if is_help else help.wrong(e, sys.argv[1:]), err=not is_help)
            sys.exit(e.exit_code)
        except BrokenPipeError:
            sys.exit(0)
        finally:
            gc.freeze()  # the process ends: nobody needs its memory tidied up
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
        first = help.language(None, sys.argv[1:])
        for lang in sorted(texts.LANGUAGES, key=lambda x: x != first):
            typer.echo(texts.word(e.code, e.facts, lang), err=True)
