"""Kept indexes: a file answers as what it was written of, or is laid aside; who maps it shares it."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from hypothesis import given

from gridmgmt.places.edition_locator import EditionLocator
from gridmgmt.places.locator import Locator
from gridmgmt.places.store import indexes
from tests.examples import about
from tests.unit.places.test_locator import FRAME, array, coverages, voronoi


def name(folder: Path, letter: str = "a") -> Path:
    return folder / f"{letter * 64}.locator"


def kept(path: Path) -> bytes:
    """A small edition's index, written."""
    indexes.write(path, EditionLocator(FRAME, 3).levels())
    return path.read_bytes()


@about(40)
@given(coverages())
def test_a_file_answers_as_what_it_was_written_of(tmp_path_factory, coverage):
    """Corners, edges and places of every size; levels with and without a polygon."""
    codes, geometries, points = coverage
    path = name(tmp_path_factory.mktemp("kept"))
    made = [Locator.build(codes, array(geometries)), Locator.build([], array([]))]
    indexes.write(path, made)
    lon, lat = np.array(points, dtype=np.float64).reshape(-1, 2).T
    found = indexes.read(path)
    assert found is not None
    assert len(found) == 2
    for one, other in zip(made, found, strict=True):
        assert other.owners(lon, lat).tolist() == one.owners(lon, lat).tolist()
        assert [other.owner_at(x, y) for x, y in zip(lon, lat, strict=True)] == one.owners(lon, lat).tolist()


def test_an_edition_on_mapped_locators_needs_no_shapes(tmp_path):
    kept(name(tmp_path))
    laid = indexes.read(name(tmp_path))
    rng = np.random.default_rng(4)
    lon, lat = rng.uniform(-1, 15, 3000), rng.uniform(-1, 10, 3000)
    found = EditionLocator(pd.DataFrame(FRAME.drop(columns="geometry")), 3, laid).locate(lon, lat)
    assert (found == EditionLocator(FRAME, 3).locate(lon, lat)).all()
    assert (found >= 0).any()
    assert not laid[0].owner.flags.writeable


def test_what_is_not_as_it_was_written_is_laid_aside(tmp_path):
    """Cut anywhere, one bit of any part turned, of another form, under another name, or no index at all."""
    path = name(tmp_path)
    whole = kept(path)
    places = [0, 20, 40, 60, 85, 200, 1500, len(whole) // 2, len(whole) - 1]
    wrong = [whole[:n] for n in (0, 3, 79, 80, 500, len(whole) // 2, len(whole) - 1)]
    wrong += [whole[:n] + bytes([whole[n] ^ 4]) + whole[n + 1 :] for n in places]
    wrong += [whole + b"\0", b"%PDF-1.7\n" * 40, whole.replace(b"a" * 64, b"b" * 64)]
    for content in wrong:
        path.write_bytes(content)
        assert indexes.read(path) is None
        assert not path.exists()
        assert (tmp_path / f"{path.name}.damaged").read_bytes() == content
    kept(name(tmp_path, "b"))
    name(tmp_path, "b").rename(path)
    assert indexes.read(path) is None  # another edition's
    assert kept(path) == whole
    assert indexes.read(path) is not None


def test_another_form_is_another_file(monkeypatch):
    rows = pd.DataFrame([[1, "3301", None, "x"], [2, "330101", "3301", "y"]])
    rows.columns = ["level", "code", "parent_code", "content_hash"]
    names = {indexes._name(rows, 2), indexes._name(rows, 3), indexes._name(rows[::-1], 2)}
    names |= {indexes._name(rows.assign(**{c: ["z", "z"]}), 2) for c in rows.columns}
    assert indexes._name(rows.copy(), 2) in names
    monkeypatch.setattr(indexes, "FORM", indexes.FORM + 1)
    names.add(indexes._name(rows, 2))
    assert len(names) == 8


def test_files_opened_longest_ago_are_removed(tmp_path):
    letters = "abcdefghij"
    for age, letter in enumerate(letters[: indexes.MOST]):
        kept(name(tmp_path, letter))
        os.utime(name(tmp_path, letter), (age + 1, age + 1))
    assert indexes.read(name(tmp_path, "a")) is not None  # opened last now
    (tmp_path / "notes.txt").write_text("of somebody else")
    kept(name(tmp_path, "y"))
    kept(name(tmp_path, "z"))
    left = {path.name[0] for path in tmp_path.glob("*.locator")}
    assert left == {"a", *letters[3 : indexes.MOST], "y", "z"}
    assert (tmp_path / "notes.txt").exists()


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path):
    """A file in the folder's place: nobody, not even root, writes below it."""
    (tmp_path / "kept").write_text("no folder")
    indexes.write(name(tmp_path / "kept"), EditionLocator(FRAME, 3).levels())
    assert indexes.read(name(tmp_path / "kept")) is None
    assert indexes.read(name(tmp_path / "nowhere")) is None
    name(tmp_path).mkdir()  # a folder under the file's own name
    indexes.write(name(tmp_path), EditionLocator(FRAME, 3).levels())
    assert indexes.read(name(tmp_path)) is None


def _write_often(path: Path, times: int) -> None:
    levels = EditionLocator(FRAME, 3).levels()
    for _ in range(times):
        indexes.write(path, levels)


def test_two_that_write_at_once_are_both_right(tmp_path):
    path = name(tmp_path)
    whole = kept(path)
    writers = [multiprocessing.get_context("fork").Process(target=_write_often, args=(path, 30)) for _ in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert indexes.read(path) is not None
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert path.read_bytes() == whole
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


KILLED = """
import os, signal, sys
from pathlib import Path
from gridmgmt.places.edition_locator import EditionLocator
from gridmgmt.places.store import indexes
from tests.unit.places.test_locator import FRAME

os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
indexes.write(Path(sys.argv[1]), EditionLocator(FRAME, 3).levels())
"""


def test_killed_while_writing(tmp_path):
    path = name(tmp_path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert indexes.read(path) is None
    assert len([*tmp_path.iterdir()]) == 1  # the unfinished one
    kept(path)
    assert indexes.read(path) is not None
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


MAPPED = """
import sys
from pathlib import Path
import numpy as np
from gridmgmt.places.store import indexes
from tests.memory import own_mb

before = own_mb()
laid = indexes.read(Path(sys.argv[1]))
rng = np.random.default_rng(1)
laid[0].owners(*rng.random((2, 1000)))
print(own_mb() - before, sum(a.nbytes for a in (laid[0].owner, laid[0].segments, laid[0].turns)) / 2**20)
"""


def test_processes_share_a_mapped_file(tmp_path):
    """What a process has of its own stays small beside the file, though all of it was read."""
    codes, geometries = voronoi(3, 6000)
    bent = shapely.segmentize(np.array(geometries, dtype=object), 0.002)
    indexes.write(name(tmp_path), [Locator.build(codes, bent)])
    told = subprocess.run([sys.executable, "-c", MAPPED, str(name(tmp_path))], check=True, capture_output=True).stdout
    own_mb, file_mb = map(float, told.split())
    assert file_mb > 12
    assert own_mb < file_mb / 3
