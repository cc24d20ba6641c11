"""What every command shares: the database, the language, tables, JSON and progress."""

import datetime as dt
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from gridmgmt import periods, texts
from gridmgmt.city import City
from gridmgmt.database.work import Progress, Work, open_database
from gridmgmt.errors import OptionInvalid
from gridmgmt.people.operations import reference
from gridmgmt.settings import Settings

JSON = typer.Option(False, "--json", help="Machine-readable output.")


@dataclass
class State:
    """Settings of this run."""

    settings: Settings
    asked_lang: str | None
    _work: Work | None = None
    _city: City | None = None

    @property
    def engine(self) -> Work:
        """The database, connected when first used."""
        if self._work is None:
            self._work = open_database(self.settings)
        return self._work

    def close(self) -> None:
        """Give the connections back when the command ends."""
        if self._work is not None:
            self._work.close()

    @property
    def city(self) -> City:
        """The database's city."""
        if self._city is None:
            self._city = reference.load_city(self.engine)
        return self._city

    @property
    def lang(self) -> str:
        """The language asked for, else the city's first."""
        if self.asked_lang not in (None, *texts.LANGUAGES):
            raise OptionInvalid(name="--lang", value=self.asked_lang, expected="zh / en")
        return self.asked_lang or self.city.languages[0]

    def word(self, code: str, facts: Mapping[str, Any] | None = None) -> str:
        """A message of the catalogue in this run's language."""
        return texts.word(code, facts, self.lang)

    def instant(self, text: str | None) -> dt.datetime | None:
        """An instant given by option, in city time if it has no zone."""
        return periods.parse_instant(text, self.city.zone) if text else None


def state(context: typer.Context) -> State:
    """This run's state."""
    found: State = context.find_object(State) or context.obj
    return found


def change_of(text: str) -> tuple[str, str]:
    """A change of a rulebook given by option, ``PATH=VALUE``.

    Raises
    ------
    OptionInvalid
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise OptionInvalid(name="--set", value=text, expected="PATH=VALUE")
    return path.strip(), value.strip()


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    """A document as it is stored, anything else as text."""
    if not hasattr(value, "model_dump"):
        return str(value)
    from gridmgmt.documents import plain

    return plain(value)


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[int] = ()) -> None:
    """Print a table; as wide as it needs where nobody looks at a terminal."""
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    table = Table(title=title, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if v is None else str(v) for v in row))
    console.print(table, markup=False)


@contextmanager
def progress() -> Iterator[Progress]:
    """Show on standard error what is being done: a moving line on a terminal, plain lines elsewhere."""
    console = Console(stderr=True, highlight=False)
    began = time.monotonic()
    if console.is_terminal:
        with console.status("…") as status:
            yield lambda step, n: status.update(_line(step, n, time.monotonic() - began))
        return
    last: list[str] = [""]

    def tell(step: str, n: int) -> None:
        if step != last[0]:
            console.print(_line(step, n, time.monotonic() - began), markup=False)
            last[0] = step

    yield tell


def _line(step: str, n: int, seconds: float) -> str:
    return f"[{seconds:6.1f}s] {step}" + (f" · {n:,}" if n else "")
