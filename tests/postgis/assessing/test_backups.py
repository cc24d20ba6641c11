"""A backup brings back what was there – rows, photographs, the hashes of what was published – or is refused, whole."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from gridmgmt.assessing.operations import backups, publishing
from gridmgmt.casework.operations import photographs
from gridmgmt.database import dumps
from gridmgmt.database import engine as engines
from gridmgmt.database.changes import SILENT
from gridmgmt.database.work import Work, open_database
from gridmgmt.errors import BackupInvalid, DatabaseForeign, DatabaseNotEmpty, ProgramFailed
from gridmgmt.settings import Settings
from tests.pictures import PDF, encode
from tests.postgis import court
from tests.postgis.assessing.test_publishing import december
from tests.worlds import World, tampered


def published(town: Work, folder: Path) -> None:
    """December in the town, published, with a photograph and a document at a case."""
    december(town, folder)
    made = court.score(town, folder, "2025-12")
    publishing.publish(town.but(actor="甲"), made.name)
    (folder / "a.jpg").write_bytes(encode())
    (folder / "b.pdf").write_bytes(PDF)
    work = town.but(actor="甲")
    photographs.add(work, folder / "photos", [folder / "a.jpg", folder / "b.pdf"], kind="after", case_no="w0")


@pytest.fixture
def settings(postgis_settings: Settings, tmp_path: Path) -> Settings:
    return replace(postgis_settings, files=tmp_path / "photos")


@pytest.fixture
def town(world: World) -> Work:
    return world(published)


@pytest.fixture
def target(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A database that is not there yet, with a folder of its own."""
    found = replace(settings, db=f"{settings.db}_back", files=tmp_path / "back")
    engines.drop_database(found)
    yield found
    engines.drop_database(found)


def rows(work: Work) -> dict[str, tuple[int, str]]:
    """Of each table how many rows it has, and a hash of them all; what holds for one server only is left behind."""
    with work.snapshot() as connection:
        names = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")).all()
        statement = "SELECT count(*), md5(coalesce(string_agg(x::text, '|' ORDER BY x::text), '')) FROM {} AS x"
        kept = [name for name in names if name not in SILENT]
        return {name: tuple(connection.execute(text(statement.format(name))).one()) for name in kept}  # type: ignore[misc]


def test_rows_photographs_and_published_hashes_come_back(
    town: Work, settings: Settings, target: Settings, tmp_path: Path
) -> None:
    told: list[tuple[str, int]] = []
    made = backups.backup(
        town.but(progress=lambda step, n, of=None: told.append((step, n))), settings, tmp_path / "b.tar"
    )
    assert (made.n_files, made.lost) == (2, [])
    assert ("backup_files", 2) in told
    done = backups.restore(town, target, tmp_path / "b.tar")
    assert (done.is_sound, done.n_files, [*done.assessments.values()]) == (True, 2, [True])
    back = open_database(target)
    assert rows(back) == rows(town)
    report = photographs.check(back, target.files_root)
    assert (report.n_sound, report.missing, report.orphans, report.no_thumbnail) == (2, [], [], [])
    back.close()
    for path in photographs.everything(settings.files_root):
        assert (target.files_root / path.relative_to(settings.files_root)).read_bytes() == path.read_bytes()


def test_it_is_one_moment_whoever_writes_meanwhile(
    town: Work, settings: Settings, target: Settings, tmp_path: Path
) -> None:
    before = rows(town)

    def meanwhile(step: str, n: int, of: int | None = None) -> None:
        if step == "backup_database":
            (tmp_path / "c.pdf").write_bytes(PDF + b"%later")
            photographs.add(town.but(actor="乙"), settings.files_root, [tmp_path / "c.pdf"], kind="after", case_no="w1")

    assert backups.backup(town.but(progress=meanwhile), settings, tmp_path / "b.tar").n_files == 2
    assert rows(town) != before
    backups.restore(town, target, tmp_path / "b.tar")
    back = open_database(target)
    assert rows(back) == before
    back.close()


def test_only_an_empty_database_and_folder_take_it(
    town: Work, settings: Settings, target: Settings, tmp_path: Path
) -> None:
    backups.backup(town, settings, tmp_path / "b.tar")
    before = rows(town)
    with pytest.raises(DatabaseNotEmpty) as full:
        backups.restore(town, replace(settings, files=target.files), tmp_path / "b.tar")
    assert full.value.what == "tables"
    assert rows(town) == before
    target.files_root.mkdir()
    (target.files_root / "other.jpg").write_bytes(b"x")
    with pytest.raises(DatabaseNotEmpty) as others:
        backups.restore(town, target, tmp_path / "b.tar")
    assert (others.value.what, others.value.n) == ("files", 1)


def _changed(source: Path, made: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    with tarfile.open(source) as old, tarfile.open(made, "w") as new:
        for info in old:
            content = change(info.name, old.extractfile(info).read())  # type: ignore[union-attr] # each is a file
            if content is not None:
                info.size = len(content)
                new.addfile(info, io.BytesIO(content))
    return made


def _flipped(name: str) -> Callable[[str, bytes], bytes | None]:
    def change(found: str, content: bytes) -> bytes:
        return content[:-1] + bytes([content[-1] ^ 1]) if found.endswith(name) else content

    return change


def _listed(change: Callable[[dict[str, dict[str, object]]], object]) -> Callable[[str, bytes], bytes]:
    def listed(found: str, content: bytes) -> bytes:
        if found != "manifest.json":
            return content
        manifest = json.loads(content)
        change(manifest)
        return json.dumps(manifest).encode()

    return listed


TAMPERED: dict[str, tuple[Callable[[str, bytes], bytes | None], str]] = {
    "dump": (_flipped("database.dump"), "changed"),
    "photograph": (_flipped(".pdf"), "changed"),
    "small picture": (_flipped(".thumb.jpg"), "changed"),
    "photograph gone": (lambda n, c: None if n.endswith(".pdf") else c, "missing"),
    "dump gone": (lambda n, c: None if n == "database.dump" else c, "missing"),
    "no list": (lambda n, c: None if n == "manifest.json" else c, "no_manifest"),
    "half a list": (lambda n, c: c[: len(c) // 2] if n == "manifest.json" else c, "no_manifest"),
    "format": (_listed(lambda m: m.update(format=99)), "format"),
    "way out": (_listed(lambda m: m["members"].update({"files/../../x": {}})), "member"),
    "other place": (_listed(lambda m: m["members"].update({f"files/aa/bb/{'c' * 64}.jpg": {}})), "member"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_was_tampered_with_is_refused_and_nothing_written(
    town: Work, settings: Settings, target: Settings, tmp_path: Path, how: str
) -> None:
    backups.backup(town, settings, tmp_path / "b.tar")
    change, why = TAMPERED[how]
    bad = _changed(tmp_path / "b.tar", tmp_path / "bad.tar", change)
    with pytest.raises(BackupInvalid) as told:
        backups.restore(town, target, bad)
    assert told.value.why == why
    assert not target.files_root.exists()


def test_a_backup_of_a_later_release_is_refused_before_anything_is_done(
    town: Work, settings: Settings, target: Settings, tmp_path: Path
) -> None:
    backups.backup(town, settings, tmp_path / "b.tar")
    later = _changed(tmp_path / "b.tar", tmp_path / "c.tar", _listed(lambda m: m.update(revision="9999")))
    with pytest.raises(DatabaseForeign):
        backups.restore(town, target, later)
    assert not target.files_root.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\0" * 10_240])
def test_what_is_no_backup_is_refused(town: Work, target: Settings, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.tar").write_bytes(content)
    with pytest.raises(BackupInvalid):
        backups.restore(town, target, tmp_path / "b.tar")


def test_a_backup_cut_off_anywhere_is_refused(town: Work, settings: Settings, target: Settings, tmp_path: Path) -> None:
    backups.backup(town, settings, tmp_path / "b.tar")
    whole = (tmp_path / "b.tar").read_bytes()
    for n in (600, len(whole) // 2, len(whole) - 11_000):
        (tmp_path / "cut.tar").write_bytes(whole[:n])
        with pytest.raises(BackupInvalid):
            backups.restore(town, target, tmp_path / "cut.tar")
    assert not target.files_root.exists()


def test_a_photograph_that_is_gone_is_told_and_the_rest_kept(
    town: Work, settings: Settings, target: Settings, tmp_path: Path
) -> None:
    (gone,) = settings.files_root.rglob("*.pdf")
    gone.unlink()
    made = backups.backup(town, settings, tmp_path / "b.tar")
    assert (made.n_files, made.lost) == (1, [gone.stem])
    done = backups.restore(town, target, tmp_path / "b.tar")
    assert (done.is_sound, done.lost, done.n_files) == (False, [gone.stem], 1)


def test_a_published_assessment_that_was_changed_is_told(
    town: Work, settings: Settings, target: Settings, tmp_path: Path
) -> None:
    with tampered(town) as connection:
        connection.execute(text("UPDATE assessment SET sha256 = repeat('0', 64)"))
    backups.backup(town, settings, tmp_path / "b.tar")
    done = backups.restore(town, target, tmp_path / "b.tar")
    assert ([*done.assessments.values()], done.is_sound) == ([False], False)


def test_a_program_that_fails_is_said_and_leaves_no_file(town: Work, settings: Settings, tmp_path: Path) -> None:
    def ended(step: str, n: int, of: int | None = None) -> None:
        raise ProgramFailed(program="pg_dump", reason="x")

    (tmp_path / "b.tar").write_text("the one before")
    with pytest.raises(ProgramFailed):
        backups.backup(town.but(progress=ended), settings, tmp_path / "b.tar")
    assert (tmp_path / "b.tar").read_text() == "the one before"
    assert list(tmp_path.glob(".gridmgmt*")) == []
    with pytest.raises(ProgramFailed, match="snapshot"), dumps.dumped(settings, "0-0-0") as stream:
        stream.read()


KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from gridmgmt import settings
from gridmgmt.assessing.operations import backups
from gridmgmt.database.work import open_database
home, db, files, file, what, when = sys.argv[1:]
found = replace(settings.read({}), home=Path(home), db=db, files=Path(files))
def die(step, n, of=None):
    if step == when:
        os.kill(os.getpid(), signal.SIGKILL)
work = open_database(found).but(progress=die)
getattr(backups, what)(work, found, Path(file))
"""


def _killed(settings: Settings, file: Path, what: str, when: str) -> None:
    words = [str(settings.home), settings.db, str(settings.files_root), str(file), what, when]
    env = {**os.environ, "PYTHONPATH": os.getcwd()}
    assert subprocess.run([sys.executable, "-c", KILLED, *words], env=env, check=False).returncode == -signal.SIGKILL
    time.sleep(1)


def test_killed_in_the_middle_nothing_half_is_left(
    town: Work, settings: Settings, target: Settings, tmp_path: Path
) -> None:
    _killed(settings, tmp_path / "b.tar", "backup", "backup_files")
    assert not (tmp_path / "b.tar").exists()
    assert len([*tmp_path.glob(".gridmgmt-*")]) == 1
    backups.backup(town, settings, tmp_path / "b.tar")
    assert [*tmp_path.glob(".gridmgmt-*")] == []  # what the killed one left is gone
    for when in ("restore_files", "restore_database"):
        _killed(target, tmp_path / "b.tar", "restore", when)
        assert dumps.tables(target) == []
    assert backups.restore(town, target, tmp_path / "b.tar").is_sound
