"""A disk that is truly full: of the database in the middle of an import, and of the folder that is written to."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from gridmgmt.cli import app
from gridmgmt.database import administration, server
from gridmgmt.database import engine as engines
from gridmgmt.database.work import Work, open_database
from gridmgmt.errors import DatabaseUnreachable, GridmgmtError
from gridmgmt.settings import Settings
from gridmgmt.texts import LANGUAGES, word
from tests import servers
from tests.frozen.stored import row_counts
from tests.postgis import towns

COMMAND = [sys.executable, "-c", "from gridmgmt.cli import main; main()"]
N_CASES, N_MANY = 4_000, 40_000


@dataclass(frozen=True)
class Disk:
    """A small file system with a file that fills it."""

    folder: Path

    @property
    def filler(self) -> Path:
        return self.folder / "filler"

    def fill(self, left: int = 0) -> None:
        """Leave so many bytes."""
        free = shutil.disk_usage(self.folder).free - left
        with self.filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free)

    def names(self) -> list[str]:
        return sorted(p.name for p in self.folder.iterdir() if p != self.filler)


@pytest.fixture
def mounted() -> Iterator[Callable[[str], Disk]]:
    """Makes file systems of a size, in memory."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a small file system")
    made: list[Path] = []

    def mount(size: str) -> Disk:
        folder = Path(tempfile.mkdtemp(prefix="gridmgmt-full-", dir="/var/tmp"))
        folder.chmod(0o755)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", folder], capture_output=True, check=False
        )
        if done.returncode != 0:
            folder.rmdir()
            pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
        made.append(folder)
        return Disk(folder)

    yield mount
    for folder in made:
        subprocess.run(["umount", "-l", folder], check=True)  # GDAL keeps open what it could not write
        folder.rmdir()


@pytest.fixture
def town(databases: servers.Databases, mounted: Callable[[str], Disk]) -> Iterator[tuple[Settings, Disk]]:
    """The town in a database whose tables stand on a small disk of their own."""
    disk, found = mounted("96m"), databases.built("full_disk", towns.found)
    place = disk.folder / "tables"
    place.mkdir(mode=0o700)
    owner = server.locate(found).user
    if owner is not None:
        shutil.chown(place, owner)
    name = f"small_{servers.RUN}"
    with servers.administered(found) as connection:
        connection.execute(f"CREATE TABLESPACE {name} LOCATION '{place}'")
        connection.execute(f"ALTER DATABASE {found.db} SET TABLESPACE {name}")
    yield found, disk
    disk.filler.unlink(missing_ok=True)
    engines.drop_database(found)
    with servers.administered(found) as connection:
        connection.execute(f"DROP TABLESPACE {name}")


def counts(work: Work) -> dict[str, int]:
    with work.connect() as connection:
        return row_counts(connection)


def imported(found: Settings, folder: Path, file: str) -> "subprocess.CompletedProcess[str]":
    """The import of a file as a person types it."""
    environment = {**os.environ, "GRIDMGMT_HOME": str(found.home), "GRIDMGMT_DB": found.db, "GRIDMGMT_LANG": "zh"}
    words = ["cases", "import", file, "--profile", "town_cases.yaml"]
    return subprocess.run([*COMMAND, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def write_files(folder: Path, n: int) -> None:
    """The profile, a file of one case and one of many."""
    towns.write_profile(folder, towns.CASES)
    towns.write_csv(folder / "one.csv", [towns.case("c", v="2026-01-01")])
    towns.write_csv(folder / "many.csv", (towns.case(f"n{i}", v="2026-01-02", text="x" * 200) for i in range(n)))


def breaks_off(ended: "subprocess.CompletedProcess[str]") -> None:
    """It ends in words, with nothing of a statement."""
    assert ended.returncode == 5, ended.stderr
    assert [x for x in ("Traceback", "INSERT", "COPY") if x in ended.stderr] == []


def ends_in_words(ended: "subprocess.CompletedProcess[str]") -> None:
    """The full disk is told in both languages, with nothing of a statement."""
    breaks_off(ended)
    assert [x for x in ("磁盘", "no disk", "No space left") if x not in ended.stderr] == []


def test_an_import_ends_in_words_leaves_nothing_and_works_once_there_is_room(
    town: tuple[Settings, Disk], tmp_path: Path
) -> None:
    found, disk = town
    write_files(tmp_path, N_CASES)
    assert imported(found, tmp_path, "one.csv").returncode == 0
    work = open_database(found)
    before = counts(work)
    assert before["cases"] == 1
    disk.fill(left=1 << 18)
    ends_in_words(imported(found, tmp_path, "many.csv"))
    assert counts(work) == before
    with work.connect() as connection:
        here = "(SELECT oid FROM pg_database WHERE datname = current_database())"
        held = text(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = {here}")
        assert connection.execute(held).scalar() == 0
    disk.filler.unlink()
    done = imported(found, tmp_path, "many.csv")
    assert done.returncode == 0, done.stderr
    after = counts(work)
    assert (after["cases"], after["case_version"]) == (1 + N_CASES, 1 + N_CASES)
    assert after["batch"] == before["batch"] + 1
    work.close()


@pytest.mark.night
def test_a_server_whose_own_log_has_no_room_breaks_off_and_comes_back_whole(
    mounted: Callable[[str], Disk], tmp_path: Path
) -> None:
    """The log of changes on a disk of its own that is full; without its log PostgreSQL aborts itself."""
    disk = mounted("200m")
    found = Settings(None, Path(tempfile.mkdtemp(prefix="gridmgmt-log-", dir="/var/tmp")), "town")
    administration.start(found)
    try:
        _log_stands_on(found, disk)
        administration.migrate(found)
        work = open_database(found)
        towns.found(work, tmp_path)
        write_files(tmp_path, N_MANY)
        before = counts(work)
        work.close()
        disk.fill(left=20 << 20)  # one more file of the log, of 16 MB
        breaks_off(imported(found, tmp_path, "many.csv"))  # which of the server's processes met it first is chance
        assert "xlogtemp" in server.locate(found).log.read_text("utf-8")
        with pytest.raises(DatabaseUnreachable) as told:
            administration.start(found)  # what it told to do
        assert [x for x in LANGUAGES if "No space left" not in word(told.value.code, told.value.facts, x)] == []
        disk.filler.unlink()
        administration.start(found)
        work = open_database(found)
        assert counts(work) == before
        assert imported(found, tmp_path, "many.csv").returncode == 0
        assert counts(work)["cases"] == N_MANY
        work.close()
    finally:
        administration.stop(found)
        shutil.rmtree(found.home)


def _log_stands_on(found: Settings, disk: Disk) -> None:
    """Move the log of changes of a private server to another disk."""
    with servers.administered(found) as connection:
        log = Path(*(connection.execute("SHOW data_directory").fetchone() or ()), "pg_wal")
    administration.stop(found)
    shutil.copytree(log, disk.folder / "pg_wal", copy_function=shutil.copy2)
    for place in (disk.folder / "pg_wal", *(disk.folder / "pg_wal").rglob("*")):
        shutil.chown(place, log.owner(), log.group())
    shutil.rmtree(log)
    log.symlink_to(disk.folder / "pg_wal")
    administration.start(found)


OUTS = (
    "case template --out {}/t.xlsx",
    "grids export --out {}/g.gpkg",
    "grids export --out {}/g.parquet",
    "grids export --out {}/g.geojson",
    "indicators --period 2025-12 --by grid --level city --geometry --out {}/i.gpkg",
    "map choropleth --indicator on_time_closing_rate --period 2025-12 --out {}/m.html",
    "rulebook schema --out {}/s.json",
    "rulebook inputs grid_baseline --period 2025-12 --template {}/e.xlsx",
    "db backup {}/b.tar",
)


def test_what_is_written_to_a_full_disk_is_the_old_file_or_none(
    databases: servers.Databases, mounted: Callable[[str], Disk], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, disk = databases.built("full_out", towns.found), mounted("1m")
    monkeypatch.setenv("GRIDMGMT_HOME", str(found.home))
    monkeypatch.setenv("GRIDMGMT_DB", found.db)

    def run(words: str) -> Result:
        return CliRunner().invoke(app, ["--lang", "zh", *words.format(disk.folder).split()])

    disk.fill()
    wrong = {}
    for words in OUTS:
        error = run(words).exception
        said = [word(error.code, error.facts, x) for x in LANGUAGES] if isinstance(error, GridmgmtError) else []
        if not said or "磁盘" not in said[0] or "full" not in said[1] or disk.names():
            wrong[words] = (error, said, disk.names())
            for name in disk.names():
                (disk.folder / name).unlink()
    assert wrong == {}
    old = disk.folder / "g.gpkg"
    disk.filler.unlink()
    old.write_bytes(b"old")
    disk.fill()
    assert run(OUTS[1]).exception is not None
    assert old.read_bytes() == b"old"
    disk.filler.unlink()
    old.unlink()
    done = run(OUTS[1])
    assert done.exit_code == 0, done.output
    assert disk.names() == ["g.gpkg"]
