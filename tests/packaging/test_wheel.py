"""The wheel installs gridmgmt, api and maps with their data, and works in a clean environment outside the sources."""

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from gridmgmt import texts

ROOT = Path(__file__).resolve().parents[2]

CHECK = """
import importlib.metadata, pathlib, sys
import gridmgmt, maps, api
from gridmgmt import settings, texts
from gridmgmt.intake.readers import profiles
from gridmgmt.rulebooks import load
from gridmgmt.database.copying import query
root = pathlib.Path(gridmgmt.__file__).parent
assert settings.data_path() == root / "_data", settings.data_path()
assert load.load("grid_baseline").rulebook.scale == 100
assert profiles.load("demo_cases").kind == "cases"
assert settings.data_path("categories", "gb47678_5.csv").exists()
texts._parsed = None  # the wheel brings them compiled
assert texts.word("no_data", lang="zh") == "无数据"
assert "FROM samples" in str(query("figures/store/samples_of_period"))
from maps import assets
assert "Leaflet" in assets.leaflet("leaflet.js")[:400]
from api.main import create_app
names = {e.name for e in importlib.metadata.entry_points(group="gridmgmt.commands")}
assert names == {"map", "serve"}, names
print("fine")
"""
SCRIPT = """
import importlib.metadata, sys
(script,) = importlib.metadata.entry_points(group="console_scripts", name="gridmgmt")
assert script.dist.locate_file("").is_relative_to(sys.prefix), "the wheel's, not the lending environment's"
sys.exit(script.load()())
"""
"""What the installed command does."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(out.glob("gridmgmt-*.whl"))


def install(wheel: Path, folder: Path) -> Path:
    """A new environment that holds the wheel and lends all else from this one; gives its Python. Quicker than pip."""
    venv.create(folder)
    site = next(folder.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # the dependencies are those of the lock file, lent by this environment; the package itself is the wheel's
    lent = next(Path(sys.prefix).glob("lib/python*/site-packages"))
    (site / "zz_lent.pth").write_text(f"{lent}\n")
    return folder / "bin" / "python"


def record(wheel: Path) -> dict[str, str]:
    """What an installer checks: each file's SHA-256 as the wheel tells it."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/RECORD"))
        lines = csv.reader(io.StringIO(archive.read(name).decode()))
        told = {path: digest for path, digest, _ in lines if path != name}
        assert told.keys() == set(archive.namelist()) - {name}
        for path, digest in told.items():
            found = base64.urlsafe_b64encode(hashlib.sha256(archive.read(path)).digest()).rstrip(b"=").decode()
            assert digest == f"sha256={found}", path
    return told


def test_wheel_works_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    assert record(wheel)
    python = install(wheel, tmp_path / "env")

    def run(code: str, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [str(python), "-W", "ignore", "-c", code, *words]
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    done = run(CHECK)
    assert done.stdout.strip() == "fine", done.stderr
    done = run(SCRIPT, "--help")
    assert done.returncode == 0, done.stderr
    assert "scorecards" in done.stdout
    assert "map" in done.stdout


def test_wheel_holds_every_data_file(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "data").rglob("*"):
        if path.is_file():
            assert f"gridmgmt/_data/{path.relative_to(ROOT / 'data').as_posix()}" in names
    assert f"gridmgmt/_data/texts/{texts.COMPILED}" in names
    for pattern in (
        "*/store/*.sql",
        "database/sql/*.sql",
        "database/migrations/versions/*.py",
        "database/migrations/env.py",
    ):
        for path in (ROOT / "gridmgmt").glob(pattern):
            assert path.relative_to(ROOT).as_posix() in names
