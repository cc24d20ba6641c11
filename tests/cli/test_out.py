"""What `--out` names is written whole, and never over what is no file."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gridmgmt.cli import app
from gridmgmt.errors import DiskFull, OptionInvalid
from gridmgmt.files.writing import whole, write


def template(out: Path) -> BaseException | None:
    return CliRunner().invoke(app, ["--lang", "zh", "case", "template", "--out", str(out)]).exception


def test_a_pipe_a_device_and_a_socket_stay_what_they_are(tmp_path: Path) -> None:
    pipe, device, talk = tmp_path / "pipe.xlsx", tmp_path / "null.xlsx", tmp_path / "talk.xlsx"
    os.mkfifo(pipe)
    device.symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(talk))
        for out in (pipe, device, talk):
            before = out.stat()
            assert isinstance(template(out), OptionInvalid)
            assert (out.stat().st_mode, out.stat().st_ino) == (before.st_mode, before.st_ino)
            with pytest.raises(OSError, match="regular"):
                write(out, "x")
    assert device.is_symlink()


@pytest.mark.parametrize("out", ["folder.xlsx", "file/under.xlsx", "missing/here.xlsx", "x" * 300 + ".xlsx"])
def test_a_place_that_cannot_be_written_is_said_with_the_option(tmp_path: Path, out: str) -> None:
    (tmp_path / "folder.xlsx").mkdir()
    (tmp_path / "file").write_text("stays")
    told = template(tmp_path / out)
    assert isinstance(told, OptionInvalid)
    assert told.name == "--out"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.xlsx"]
    assert (tmp_path / "file").read_text() == "stays"


def test_a_file_is_whole_or_the_old_one(tmp_path: Path) -> None:
    path, link = tmp_path / "a.csv", tmp_path / "link.csv"
    path.write_text("old")
    link.symlink_to(path)

    def half() -> None:
        with whole(path) as draft:
            draft.write_text("half")
            raise OSError(errno.ENOSPC, "no space", str(draft))

    with pytest.raises(DiskFull):
        half()
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old", "old"]
    write(link, "new")
    assert (path.read_text(), link.is_symlink()) == ("new", True)
    assert len([*tmp_path.iterdir()]) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("words", ["rulebook schema", "rulebook list", "--version", "nonsense"])
def test_what_is_printed_to_a_full_disk_ends_in_words(words: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from gridmgmt.cli import main; main()", *words.split()],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if words == "nonsense":  # nothing is printed there
        assert done.returncode == 2
    else:
        assert done.returncode == 5
        assert "磁盘已满" in done.stderr
        assert "disk is full" in done.stderr
