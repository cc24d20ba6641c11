"""No text that somebody may type ends a command in a traceback: every option and argument of every command."""

import os
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from gridmgmt import cli
from gridmgmt.cli import app
from gridmgmt.database.work import open_database
from gridmgmt.errors import GridmgmtError
from gridmgmt.settings import Settings
from tests.examples import about
from tests.pictures import PDF
from tests.postgis import towns

LEFT_OUT = re.compile(r"gridmgmt (db .*|serve|worker|demo-city|simulate.*)")
"""What starts or drops servers, what ends only when it is stopped, and what writes for minutes."""

HOSTILE = [
    "", " ", "\0", "a\0b", "\udcff", "9999-12-31", "9999-12-31T23:00Z", "0001-01-01", "0001-01-01T00:00+14:00",
    "9" * 6000, "-" + "9" * 6000, "1/" + "9" * 6000, "x" * 300, "网" * 300, "x" * 5000, "../" * 40, "/", ".",
    "/dev/null/x",
    "nan", "inf", "-inf", "1e999", "1e-999", "-0", "0x10", "٣", "１２", "=1+1", "%s %(a)s {0} {a}", "'; --", "\\", "*",
    "[" * 2000, "{" * 2000, "a: [b", "&a [*a]", "a=b", "=", "a.b.c=1", "..", "2015-12..", "2199-12", "1900", "1900-01",
    "2015-12@29", "component:*", "component:", ":", "epsg:0", "epsg:999999999999", "gcj02", "\u202e", "\x1b[31m",
    "👩‍👩‍👧",
]  # fmt: skip
PLAIN = ["D1", "city", "district", "2025-12", "2025-12-05", "grid_baseline", "latest", "c1", "one", "1", "0.5", "e1"]


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by its whole name."""

    def walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "commands"):
            yield path, command
            return
        for name in command.list_commands(click.Context(command)):
            yield from walk(f"{path} {name}", command.commands[name])

    yield from walk("gridmgmt", cli.Root(name="gridmgmt"))


COMMANDS = [(path, command) for path, command in commands() if not LEFT_OUT.fullmatch(path)]


@st.composite
def typed(draw: st.DrawFn) -> list[str]:
    """A command with every argument and some of its options, one text of them hostile."""
    path, command = draw(st.sampled_from(COMMANDS))
    taken = [p for p in command.params if p.name not in ("help", "as_json")]
    asked = [p for p in taken if p.required or draw(st.booleans())]
    texts = [p for p in asked if not getattr(p, "is_flag", False)]
    victim = draw(st.sampled_from(texts)) if texts else None
    options: list[str] = []
    arguments: list[str] = []
    for p in asked:
        if getattr(p, "is_flag", False):
            options.append(p.opts[0])
            continue
        value = draw(st.sampled_from(HOSTILE if p is victim else [*PLAIN, "file.csv", "file.yaml", "file.xlsx"]))
        if p.param_type_name == "argument":
            arguments += [value] * max(p.nargs, 1)
        else:
            options.append(f"{p.opts[0]}={value}")
    return [*path.split()[1:], *options, "--", *arguments]


@pytest.fixture(scope="module")
def run(
    make_database: Callable[[str], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[list[str]], BaseException | None]]:
    """Run the command on the town of four communities, in a folder with some files; gives what it raised."""
    found, folder = make_database("hostile"), tmp_path_factory.mktemp("hostile")
    work = open_database(found)
    towns.found(work, folder)
    towns.load(work, folder, [towns.case("c1")])
    work.close()
    (folder / "file.csv").write_text("code,name\n1,x\n", "utf-8")
    (folder / "file.yaml").write_text("a: {b: [1, 2]}\n", "utf-8")
    (folder / "file.xlsx").write_bytes(PDF)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GRIDMGMT_")]:
            patch.delenv(name)
        for name, value in (("HOME", found.home), ("DB", found.db), ("FILES", folder / "photos")):
            patch.setenv(f"GRIDMGMT_{name}", str(value))
        patch.chdir(folder)

        def command(words: list[str]) -> BaseException | None:
            return CliRunner().invoke(app, words).exception

        yield command


def told(error: BaseException | None) -> bool:
    """Whether `gridmgmt` itself words it (:func:`gridmgmt.cli.main`)."""
    named = isinstance(error, OSError) and error.filename is not None
    return named or error is None or isinstance(error, GridmgmtError | SystemExit | click.exceptions.ClickException)


@about(75, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(words=typed())
def test_no_text_ends_a_command_in_a_traceback(
    run: Callable[[list[str]], BaseException | None], words: list[str]
) -> None:
    error = run(words)
    assert told(error), "".join(traceback.format_exception(error))
