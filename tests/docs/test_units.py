"""The systemd units on the pages: systemd finds nothing wrong with them, and what they start are commands of ours."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from gridmgmt.cli import app
from gridmgmt.cli.help import UsageError
from tests.docs.pages import PAGES, README, blocks

HEAD = re.compile(r"^# /etc/systemd/system/(\S+)\n", re.M)


def units() -> dict[str, str]:
    """Name → text of every unit that a page shows."""
    out: dict[str, str] = {}
    for page in (README, *PAGES):
        for block in blocks(page):
            parts = HEAD.split(block.text) if block.kind == "ini" else [""]
            out |= dict(zip(parts[1::2], parts[2::2], strict=True))
    return out


UNITS = units()


def test_the_backup_has_its_units() -> None:
    assert {"gridmgmt-backup.service", "gridmgmt-backup.timer"} <= UNITS.keys()
    for name in UNITS:  # a timer starts the service of its own name
        if name.endswith(".timer"):
            assert name.replace(".timer", ".service") in UNITS


def verified(folder: Path) -> str:
    """What systemd says of the units in a folder: nothing where all is well."""
    files = sorted(map(str, folder.iterdir()))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    told = (line for line in said.splitlines() if any(name in line for name in UNITS))
    return "\n".join(line for line in told if "is not executable" not in line)  # the platform is not installed there


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    for name, text in UNITS.items():
        (tmp_path / name).write_text(text, "utf-8")
    assert verified(tmp_path) == ""
    timer = tmp_path / "gridmgmt-backup.timer"
    timer.write_text(UNITS[timer.name].replace("Persistent", "Persistant"), "utf-8")
    assert "Persistant" in verified(tmp_path)


def started(text: str) -> list[list[str]]:
    """The words behind ``gridmgmt`` in what a unit starts, as the shell between them sees them."""
    out = []
    for line in re.findall(r"^Exec\w+=(.+)$", text, re.M):
        words = shlex.split(line.replace("%%", "%"))
        if words[:2] == ["/bin/sh", "-c"]:
            words = shlex.split(re.sub(r"\$\([^()]*\)", "X", words[2]))
        assert words[0].endswith("/bin/gridmgmt"), words
        out.append(words[1:])
    return out


def understood(words: list[str]) -> str:
    """The command that the words call; its arguments and options are read as when it runs, and it is not run."""
    command = typer.main.get_command(app)
    context = command.make_context("gridmgmt", words)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
    return str(context.command_path)


@pytest.mark.parametrize("name", [n for n in sorted(UNITS) if n.endswith(".service")])
def test_what_they_start_are_commands_of_ours_with_options_that_are_there(name: str) -> None:
    found = started(UNITS[name])
    assert found
    for words in found:
        path = understood(words)
        assert path.split()[1:] == words[: len(path.split()) - 1]
        with pytest.raises(UsageError):
            understood([*words, "--no-such-option"])
        with pytest.raises(UsageError):
            understood(["no-such-command", *words])
