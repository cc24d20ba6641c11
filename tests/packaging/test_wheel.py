"""The wheel installs gridmgmt, api and maps with their data, and works in a clean environment outside the sources."""

import subprocess
import sys
import venv
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
assert "FROM cases" in str(query("figures/store/cases_of_period"))
from maps import assets
assert "Leaflet" in assets.leaflet("leaflet.js")[:400]
from api.main import create_app
names = {e.name for e in importlib.metadata.entry_points(group="gridmgmt.commands")}
assert names == {"map", "serve"}, names
print("fine")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True, capture_output=True,
    )  # fmt: skip
    return next(out.glob("gridmgmt-*.whl"))


def test_wheel_works_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "env"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", str(wheel)],
        check=True, capture_output=True,
    )  # fmt: skip
    # the dependencies are those of the lock file, lent by this environment; the package itself is the wheel's
    lent = next(Path(sys.prefix).glob("lib/python*/site-packages"))
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "zz_lent.pth").write_text(f"{lent}\n")
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", CHECK], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "fine", done.stderr
    done = subprocess.run(
        [str(folder / "bin" / "gridmgmt"), "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "scorecards" in done.stdout
    assert "map" in done.stdout


def test_wheel_holds_every_data_file(wheel: Path) -> None:
    import zipfile

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
