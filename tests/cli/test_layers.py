"""Layers and repeat cases by the command: import, list, show, export, the groups of a month, their map."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import openpyxl
import pytest
import shapely

from gridmgmt.database.work import Work, open_database
from gridmgmt.people.store import categories
from gridmgmt.settings import Settings
from tests.maps.synthetic import data_of
from tests.postgis import towns

X, Y = towns.middle("D1-1")
LINE = shapely.LineString([(towns.WEST, Y), (towns.WEST + towns.SIDE, Y)])
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("layers")


@pytest.fixture(scope="module")
def run(make_database: Callable[[str], Settings], folder: Path, command: Path) -> Run:
    """The command in a process of its own, in the town with five cases at one place and a main road."""
    found = make_database("cli_layers")
    work: Work = open_database(found)
    towns.found(work, folder)
    with work.transaction() as connection:
        categories.ensure_categories(connection, [("town", "event", "03001")])
    days = [f"2025-12-0{i}" for i in range(1, 5)]
    more = {"kind": "event", "cat": "03001"}
    profile = towns.CASES.replace("  reporter_name: who\n", "  address: who\n")
    towns.load(
        work,
        folder,
        [
            towns.case(f"A{d[-1]}", (X, Y), at=f"{d} 08:00", reg=f"{d} 09:00", who=who, **more)
            for d, who in zip(days, ["人民路1号", "", "", ""], strict=True)
        ],
        day=9,
        profile=profile,
    )
    work.close()
    env = {k: v for k, v in os.environ.items() if not k.startswith("GRIDMGMT_")}
    env |= {"GRIDMGMT_HOME": str(found.home), "GRIDMGMT_DB": found.db}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command / "gridmgmt", *words], cwd=folder, env=env, capture_output=True, text=True, check=False
        )

    rows = [("R1", "一路", "主干道", LINE), ("R2", "二路", "高速", LINE), (None, "三路", "main", LINE)]
    frame = gpd.GeoDataFrame(rows, columns=["OBJECTID", "name", "等级", "geometry"], geometry="geometry", crs=4490)
    frame.to_file(folder / "roads.gpkg", engine="pyogrio")
    return run


IMPORT = ("layers", "import", "roads.gpkg", "--kind", "roads", "--valid-from", "2025-01-01", "--map", "code=OBJECTID")


@pytest.fixture(scope="module")
def loaded(run: Run) -> subprocess.CompletedProcess[str]:
    return run(*IMPORT, "--map", "class=等级")


def test_what_was_loaded_and_what_was_left_out_is_said(loaded: subprocess.CompletedProcess[str]) -> None:
    assert loaded.returncode == 0, loaded.stderr
    assert "图层 roads/roads：读取 3 个要素，入库 1，未入库 2；自 2025-01-01 起有效" in loaded.stdout
    assert "高速" in loaded.stdout
    assert "没有这个类；可用：main (主干道), secondary (次干道), back (背街小巷)" in loaded.stdout
    assert "没有编码；请补填，或加 --number 以要素序号为编码" in loaded.stdout


def test_the_same_file_again_and_a_dry_run_change_nothing(run: Run, loaded: object) -> None:
    again = run("--lang", "en", *IMPORT, "--map", "class=等级")
    assert "the layer roads/roads is the one that is there (valid from 2025-01-01); nothing was changed" in again.stdout
    dry = json.loads(run(*IMPORT, "--map", "class=等级", "--number", "--replace", "--dry-run", "--json").stdout)
    assert (dry["n_loaded"], dry["n_numbered"], dry["dry_run"], dry["predecessor"]) == (2, 1, True, "replaced")
    assert dry["faults"] == [
        {
            "number": 2,
            "name": "class",
            "value": "高速",
            "code": "feature_class_unknown",
            "facts": dry["faults"][0]["facts"],
        }
    ]
    (head,) = json.loads(run("layers", "list", "--json").stdout)
    assert (head["kind"], head["name"], head["from"], head["to"], head["n_features"]) == (
        "roads", "roads", "2025-01-01", None, 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("layers", "import", "roads.gpkg", "--kind", "volcanoes"), 3, "there is no kind of layer volcanoes"),
        (("layers", "import", "roads.gpkg", "--kind", "roads", "--map", "class"), 2, "FIELD=COLUMN"),
        (IMPORT, 2, "none of the 3 features of roads.gpkg can be loaded"),
        ((*IMPORT, "--map", "class=等级", "--number"), 4, "add --replace to correct it"),
        (("layers", "show", "water"), 3, "no layer water"),
        (("layers", "export", "roads", "--out", "roads.dwg"), 2, ".geojson | .json | .gpkg"),
        (("repeats", "--period", "2025-12", "--rule", "annex9"), 3, "known are annex2"),
        (("repeats", "--period", "2025-12", "--out", "repeats.csv"), 2, ".xlsx"),
    ],
)
def test_what_is_wrong_ends_with_its_status(
    run: Run, loaded: object, words: tuple[str, ...], status: int, said: str
) -> None:
    done = run(*words)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr


def test_a_layer_is_shown_listed_and_written(run: Run, loaded: object, folder: Path) -> None:
    assert "roads" in run("layers", "list", "--on", "2025-12-31").stdout
    shown = run("layers", "show", "roads", "--on", "2025-12-31").stdout
    assert "主干道" in shown
    (only,) = json.loads(run("layers", "show", "roads", "--json").stdout)["classes"]
    assert only == {"class": "main", "n": 1}
    assert run("layers", "export", "roads", "--on", "2025-12-31", "--out", "out.gpkg").returncode == 0
    assert gpd.read_file(folder / "out.gpkg", engine="pyogrio")["code"].tolist() == ["R1"]


def test_the_groups_of_a_month_go_to_table_json_workbook_and_map(run: Run, loaded: object, folder: Path) -> None:
    done = run("repeats", "--period", "2025-12", "--out", "out/repeats.xlsx")
    assert done.returncode == 0, done.stderr
    assert "A1, A2*, A3*, A4*" in done.stdout
    assert "重复案件 3 件，1 组" in done.stdout
    told = json.loads(run("repeats", "--period", "2025-12", "--json").stdout)
    assert (told["n_filed"], told["n_repeats"], told["without_roads"]) == (4, 3, False)
    assert told["groups"][0]["repeats"] == ["A2", "A3", "A4"]
    assert told["groups"][0]["grids"] == [{"code": "D1-1", "zh": "网格D1-1", "en": "Grid D1-1"}]
    assert told["groups"][0]["addresses"] == ["人民路1号"]
    head = next(line for line in done.stdout.splitlines() if "地点" in line)
    row = next(line for line in done.stdout.splitlines() if "event:03001" in line)
    assert "D1-1 网格D1-1" in row
    assert head.index("小类编码") < head.index("地点") < head.index("道路等级")
    assert "人民路1号" in done.stdout
    assert [c["occurrence"] for c in told["cases"]] == [1, 2, 3, 4]
    groups, cases = openpyxl.load_workbook(folder / "out" / "repeats.xlsx").worksheets
    place = ["D1-1 网格D1-1 Grid D1-1", "人民路1号"]
    assert [c.value for c in groups[4]][:5] == [1, "event:03001", "03001", *place]
    assert [row[3].value for row in cases.iter_rows(min_row=4)] == ["人民路1号", None, None, None]
    assert [row[0].value for row in cases.iter_rows(min_row=4)] == ["A1", "A2", "A3", "A4"]
    assert [row[5].value for row in cases.iter_rows(min_row=4)] == [1, 2, 3, 4]
    assert run("map", "repeats", "--period", "2025-12", "--out", "repeats.html").returncode == 0
    refused = run("map", "repeats", "--period", "2025-12", "--out", "out/repeats.xlsx")
    assert (refused.returncode, "--out" in refused.stderr) == (2, True), "a page is no workbook: nothing is overwritten"
    assert openpyxl.load_workbook(folder / "out" / "repeats.xlsx").worksheets
    assert "A4" in str(data_of((folder / "repeats.html").read_text("utf-8"))["layer"]["rows"])
