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
from gridmgmt.database import engine as engines
from gridmgmt.database import server
from gridmgmt.database.work import Work, open_database
from gridmgmt.errors import GridmgmtError
from gridmgmt.settings import Settings
from gridmgmt.texts import LANGUAGES, word
from tests import servers
from tests.frozen.stored import row_counts
from tests.postgis import towns

COMMAND = [sys.executable, "-c", "from gridmgmt.cli import main; main()"]
N_CASES = 20_000


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


def test_an_import_ends_in_words_leaves_nothing_and_works_once_there_is_room(
    town: tuple[Settings, Disk], tmp_path: Path
) -> None:
    found, disk = town
    towns.write_profile(tmp_path, towns.CASES)
    (tmp_path / "one.csv").write_bytes(
        towns.write_csv(tmp_path / "1.csv", [towns.case("c", v="2026-01-01")]).read_bytes()
    )
    towns.write_csv(
        tmp_path / "many.csv", (towns.case(f"n{i}", v="2026-01-02", text="x" * 200) for i in range(N_CASES))
    )
    environment = {**os.environ, "GRIDMGMT_HOME": str(found.home), "GRIDMGMT_DB": found.db, "GRIDMGMT_LANG": "zh"}

    def run(file: str) -> "subprocess.CompletedProcess[str]":
        words = ["cases", "import", file, "--profile", "town_cases.yaml"]
        return subprocess.run(
            [*COMMAND, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    assert run("one.csv").returncode == 0
    work = open_database(found)
    before = counts(work)
    assert before["cases"] == 1
    disk.fill(left=1 << 20)
    ended = run("many.csv")
    assert ended.returncode == 5, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "磁盘" in ended.stderr
    assert "no disk" in ended.stderr
    assert "No space left" in ended.stderr
    assert "INSERT" not in ended.stderr
    assert counts(work) == before
    with work.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar() == 0
    disk.filler.unlink()
    done = run("many.csv")
    assert done.returncode == 0, done.stderr
    after = counts(work)
    assert (after["cases"], after["case_version"]) == (1 + N_CASES, 1 + N_CASES)
    assert after["batch"] == before["batch"] + 1
    work.close()


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
