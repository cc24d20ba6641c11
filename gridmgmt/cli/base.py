"""What every command shares: the database, the language, and how what it found is shown."""

from __future__ import annotations

import gc
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer

from gridmgmt import texts
from gridmgmt.cli import help as helping
from gridmgmt.cli import watching
from gridmgmt.cli.options import check_texts, writing
from gridmgmt.errors import CityMissing, OptionInvalid, UnavailableError

if TYPE_CHECKING:
    import datetime as dt

    from gridmgmt.city import City
    from gridmgmt.database.work import Progress, Work
    from gridmgmt.settings import Settings


@dataclass
class State:
    """One run: its settings, the language asked for (None: the city's), and that of who reads at the terminal.

    ``actor``: who writes, as it was claimed (``--as``); ``job``: the command as it was called.
    """

    settings: Settings
    asked_lang: str | None = None
    reader: str = "zh"
    actor: str | None = None
    job: str | None = None
    _both: bool = field(default=False, init=False)
    _work: Work | None = field(default=None, init=False)
    _worker: Work | None = field(default=None, init=False)
    _city: City | None = field(default=None, init=False)

    @property
    def work(self) -> Work:
        """The database, connected when first used."""
        if self._work is None:
            from gridmgmt.database.actors import Writer
            from gridmgmt.database.work import open_database

            gc.freeze()  # all that has been imported stays; what the work makes is looked through from here on
            gc.set_threshold(100_000)
            writer = Writer(self.actor or self.settings.actor, self.job)
            self._work = open_database(self.settings).but(writer=writer)
            if self.actor is not None:
                from gridmgmt.access.operations import users

                if (viewer := users.acting(self._work, self.actor)) is not None:
                    self._worker = self._work
                    seen = {"worker": self._work.engine, "viewer": viewer, "writer": writer}
                    self._work = open_database(self.settings, "web").but(**seen)
        return self._work

    def tell_export(self, given: Mapping[str, Any]) -> None:
        """Tell the audit of a file that a command wrote of what the database holds."""
        if self._work is not None:
            told = {name: value for name, value in given.items() if value not in (None, False, (), [])}
            self._work.audit("export", given=told)

    def close(self) -> None:
        """Give the connections back when the command ends."""
        for work in (self._work, self._worker):
            if work is not None:
                work.close()

    @property
    def city(self) -> City:
        """The database's city."""
        if self._city is None:
            from gridmgmt.people.operations import reference

            self._city = reference.load_city(self.work)
        return self._city

    def speak(self, lang: str | None) -> None:
        """Speak the language that a command was asked for itself; ``both``: the city's, and files in both.

        Raises
        ------
        OptionInvalid
        """
        if lang not in (None, "both", *texts.LANGUAGES):
            raise OptionInvalid(name="--lang", value=lang, expected="zh / en / both")
        self._both = lang == "both" or (self._both and lang is None)
        self.asked_lang = None if self._both else lang or self.asked_lang

    @property
    def file_lang(self) -> str | None:
        """The language of files: the one asked for; else the city's, or both with the city's first in front.

        As :func:`gridmgmt.files.wording.languages` reads it.
        """
        from gridmgmt.files.wording import ENGLISH_FIRST

        if self.asked_lang is not None:
            return self.asked_lang
        own = self.city.languages
        if len(own) == 1 and not self._both:
            return own[0]
        return ENGLISH_FIRST if own[0] == "en" else None

    def said(self, code: str, facts: Mapping[str, Any] | None = None) -> str:
        """A message before there is a city, or beside one: in the reader's language; ``--lang both``: in both."""
        return texts.both(code, facts) if self._both else texts.word(code, facts, self.spoken)

    @property
    def spoken(self) -> str:
        """The language asked for, else that of the city, where its database is open by now, else the environment's."""
        if self.asked_lang is None and self._work is not None:
            with suppress(CityMissing, UnavailableError):
                return self.city.languages[0]
        return self.asked_lang or self.reader

    @property
    def lang(self) -> str:
        """The language asked for, else the city's first."""
        return self.asked_lang or self.city.languages[0]

    def word(self, code: str, facts: Mapping[str, Any] | None = None) -> str:
        """A message of the catalogue in this run's language."""
        return texts.word(code, facts, self.lang)

    def says(self, code: str, facts: Mapping[str, Any] | None = None) -> Iterator[str]:
        """A view of one line."""
        yield self.word(code, facts)

    def words(self, codes: Iterable[str], prefix: str = "") -> Iterator[str]:
        """Headings of a table in this run's language; like the rows of a table they are made when they are shown."""
        return (self.word(prefix + code) for code in codes)

    def left_out(self, columns: Sequence[str]) -> str:
        """Which columns of a table a narrow window has no room for."""
        return self.word("columns_left_out", {"columns": list(columns)})

    def name(self, zh: Any, en: Any) -> str:
        """A name in this run's language, else in the other."""
        return next((x for x in ((zh, en) if self.lang == "zh" else (en, zh)) if isinstance(x, str) and x), "")

    def level_name(self, key: str) -> str:
        """What the city calls a grid level; what is none of its levels stays as it is."""
        level = next((x for x in self.city.levels if x.key == key), None)
        return key if level is None else level.zh if self.lang == "zh" else level.en

    def instant(self, text: str | None) -> dt.datetime | None:
        """An instant given by option, in city time if it has no zone."""
        from gridmgmt import periods

        return periods.parse_instant(text, self.city.zone) if text else None

    def time(self, at: dt.datetime, *, seconds: bool = False) -> str:
        """An instant as the city's clocks show it: ``2025年12月3日 08:30``; seconds only where there are some."""
        local = at.astimezone(self.city.zone)
        day = f"{local.year}年{local.month}月{local.day}日" if self.lang == "zh" else f"{local:%Y-%m-%d}"
        return f"{day} {local:%H:%M:%S}" if seconds and local.second else f"{day} {local:%H:%M}"

    def coded(self, code: str | None, names: Mapping[str, Any]) -> str | None:
        """A code with its name beside it; ``names`` by language, as far as they are told."""
        name = self.name(names.get("zh"), names.get("en")) if code else ""
        return f"{code} {name}" if name and name != code else code

    def progress(self) -> AbstractContextManager[Progress]:
        """Show on standard error what is being done, in the reader's language."""
        _ = self.work  # the city says which language
        return watching.progress(lambda: self.spoken)


# --- what commands give back ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Rows under headings (表).

    Attributes
    ----------
    right
        Places of the columns set to the right.
    whole
        Columns whose lines are not broken: codes and days.
    spare
        Columns that are left out, the last first, where the screen is too narrow for all.
    left_out
        How it is told which were left out.
    again
        So many columns stand again in each part of a table that is too wide for the screen; 0: it is never parted.
    """

    columns: Iterable[str]
    rows: Iterable[Sequence[Any]]
    right: Sequence[int] = ()
    title: Iterable[str] = ""
    whole: Sequence[int] = ()
    spare: Sequence[int] = ()
    left_out: Callable[[Sequence[str]], str] = ", ".join
    again: int = 0

    def show(self, nothing: Callable[[], str] = lambda: texts.both("nothing")) -> None:
        """Print it, as wide as it needs where nobody looks at a terminal; without rows that there are none."""
        from rich import console, table

        screen = console.Console(width=_screen_width(), highlight=False, emoji=False)
        heads, rows = [*self.columns], [["" if v is None else str(v) for v in row] for row in self.rows]
        title = "".join(self.title)
        if not rows:
            typer.echo(f"{title}\n{nothing()}" if title else nothing())
            return
        kept = self._fitting(heads, rows, screen.width)
        for places in self._parts(kept, heads, rows, screen.width):
            shown = table.Table(title=title, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
            for place in places:
                justify: Literal["left", "right"] = "right" if place in self.right else "left"
                shown.add_column(heads[place], justify=justify, overflow="fold", no_wrap=place in self.whole)
            for row in rows:
                shown.add_row(*(row[place] for place in places))
            screen.print(shown, markup=False)
        if len(kept) < len(heads):
            typer.echo(self.left_out([name for place, name in enumerate(heads) if place not in kept]))

    def _fitting(self, heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
        """The columns that stand side by side without being squeezed; long texts may be broken."""
        kept, spare = [*range(len(heads))], [*self.spare]
        while spare and sum(self._need(place, heads, rows) + 3 for place in kept) > width + 3:
            kept.remove(spare.pop())
        return kept

    def _parts(
        self, kept: Sequence[int], heads: Sequence[str], rows: Sequence[Sequence[str]], width: int
    ) -> list[list[int]]:
        """The columns of each part, as many as stand side by side; all in one where it is not to be parted."""
        if not self.again:
            return [[*kept]]
        first, parts = [*kept[: self.again]], [[*kept[: self.again]]]
        for place in kept[self.again :]:
            if sum(self._need(p, heads, rows) + 3 for p in (*parts[-1], place)) > width + 3 and parts[-1] != first:
                parts.append([*first])
            parts[-1].append(place)
        return parts

    def _need(self, place: int, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
        """So wide a column has to be."""
        from rich.cells import cell_len

        widest = max((cell_len(line) for row in rows for line in row[place].split("\n")), default=0)
        heading = max(map(cell_len, heads[place].split()), default=0)
        return max(widest if place in self.whole else min(widest, _BROKEN_AT), min(heading, _HEADING_AT))


_BROKEN_AT, _HEADING_AT = 20, 12
"""So wide a column or its heading may have to be before it is broken into lines."""


def _screen_width() -> int | None:
    """None: the terminal's; where nobody looks at one as many characters as are asked for (COLUMNS), else 200."""
    return None if sys.stdout.isatty() else shutil.get_terminal_size((200, 50)).columns


Shown = Iterable[Table | str | Iterable[Table | str]]
"""What people read: tables and lines, one after the other; what is a generator is made when it is shown."""


@dataclass(frozen=True)
class View:
    """What a command found (所得): for programs (``--json``), and as people read it, which is worded only for them.

    ``data`` that is slow to make is a function; ``failed`` ends the command with status 1: a nightly job notices.
    """

    data: Any
    shown: Shown
    failed: bool = False


def as_json_text(data: Any) -> str:
    """Data as programs read it."""
    return json.dumps(data, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: Any) -> Any:
    """A document as it is stored, anything else as text."""
    if not hasattr(value, "model_dump"):
        return str(value)
    from gridmgmt.documents import plain

    return plain(value)


def _show(found: View | Shown, nothing: Callable[[], str], *, as_json: bool) -> None:
    """Show what was found; ``nothing``: how it is said that a table has no rows."""
    if not isinstance(found, View):
        _print(found, nothing)
        return
    if as_json:
        typer.echo(as_json_text(found.data() if callable(found.data) else found.data))
    else:
        _print(found.shown, nothing)
    if found.failed:
        raise typer.Exit(1)


def _print(shown: Shown, nothing: Callable[[], str]) -> None:
    for part in shown:
        if isinstance(part, Table):
            part.show(nothing)
        elif isinstance(part, str):
            typer.echo(part)
        else:
            _print(part, nothing)


# --- functions as commands --------------------------------------------------------------------------------------------

Found = TypeVar("Found", bound=View | Shown)


def group(parent: typer.Typer, name: str) -> typer.Typer:
    """A group of commands below another."""
    made = typer.Typer(cls=helping.Group, no_args_is_help=True)
    parent.add_typer(made, name=name)
    return made


def command(parent: typer.Typer, name: str, **settings: Any) -> Callable[[Callable[..., Found]], Callable[..., Found]]:
    """Hang a function into a group as a command: what stands before ``*`` are its arguments, behind it its options.

    An option is named as the parameter (``as_of`` → ``--as-of``, ``from_`` → ``--from``), a bool is a switch, a
    Sequence may be given several times; what is written out as ``Annotated[…, typer.Option(…)]`` stays so. A function
    that gives a :class:`View` has ``--json``. Its help stands in the catalogue (:mod:`gridmgmt.cli.help`).
    """

    def add(function: Callable[..., Found]) -> Callable[..., Found]:
        hints = get_type_hints(function, include_extras=True)
        _, *taken = signature(function).parameters.values()
        parameters = [Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context)]
        parameters += [_declared(p, hints[p.name]) for p in taken]
        if hints["return"] is View:
            json_switch = typer.Option(False, "--json")
            parameters.append(Parameter("as_json", Parameter.KEYWORD_ONLY, annotation=bool, default=json_switch))

        def call(context: typer.Context, as_json: bool = False, **given: Any) -> None:
            check_texts(given)
            run = context.find_object(State)
            if run is not None:
                run.job = context.command_path
            with writing(given):
                _show(
                    function(run, **given),
                    lambda: run.said("nothing") if run else texts.both("nothing"),
                    as_json=as_json,
                )
            if run is not None and given.get("out") is not None:
                run.tell_export(given)

        call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        call.__doc__ = function.__doc__
        parent.command(name, cls=helping.Command, context_settings=settings)(call)
        return function

    return add


def _declared(taken: Parameter, hint: Any) -> Parameter:
    """A function's parameter as typer declares it."""
    kept = taken.replace(kind=Parameter.KEYWORD_ONLY, annotation=hint)
    if get_origin(hint) is Annotated:
        return kept
    default = ... if taken.default is Parameter.empty else taken.default
    if get_origin(hint) is Sequence:
        hint, default = list[get_args(hint)[0]], [] if default == () else default  # type: ignore[misc]
    name = taken.name.rstrip("_")
    if taken.kind is Parameter.KEYWORD_ONLY:
        return kept.replace(annotation=hint, default=typer.Option(default, f"--{name.replace('_', '-')}"))
    return kept.replace(annotation=hint, default=typer.Argument(default, metavar=name.upper()))
