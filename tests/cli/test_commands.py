"""The command itself, as a process: help with examples, exit status, errors in both languages, JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gridmgmt.settings import Settings

SQUARES = """{"type":"FeatureCollection","features":[%s]}"""


def _feature(code: str, level: int, parent: str | None, ring: list[list[float]]) -> str:
    return json.dumps(
        {
            "type": "Feature",
            "properties": {"code": code, "name": f"格{code}", "level": level, "parent_code": parent},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
    )


def _box(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


@pytest.fixture(scope="module")
def run(
    make_database: Callable[[str], Settings], tmp_path_factory: pytest.TempPathFactory, command: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in a process of its own, against a western city of two communities."""
    found = make_database("cli")
    folder = tmp_path_factory.mktemp("cli")
    env = {k: v for k, v in os.environ.items() if not k.startswith("GRIDMGMT_")}
    env |= {"GRIDMGMT_HOME": str(found.home), "GRIDMGMT_DB": found.db, "LC_ALL": "C.UTF-8"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command / "gridmgmt", *words], cwd=folder, env=env, capture_output=True, text=True, check=False
        )

    (folder / "city.yaml").write_text(
        "code: W\nname: {zh: 西城, en: West}\ntime_zone: America/New_York\nmetric_crs: 32618\nlanguages: [zh, en]\n"
        "levels:\n  - {key: city, zh: 市, en: City}\n  - {key: community, zh: 社区, en: Community}\n",
        "utf-8",
    )
    features = [
        _feature("W", 1, None, _box(-74, 40, -73.98, 40.01)),
        _feature("W1", 2, "W", _box(-74, 40, -73.99, 40.01)),
        _feature("W2", 2, "W", _box(-73.99, 40, -73.98, 40.01)),
    ]
    (folder / "grids.geojson").write_text(SQUARES % ",".join(features), "utf-8")
    for words in (
        ("city", "init", "city.yaml"),
        ("grids", "import", "grids.geojson", "--edition", "one"),
        ("grids", "activate", "one", "--from", "2020-01-01"),
    ):
        done = run(*words)
        assert done.returncode == 0, done.stderr + done.stdout
    return run


def test_a_city_again_says_what_changed_in_one_language(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert run("city", "init", "city.yaml").stdout == "城市 W 西城 已在库中，设置相同，没有更改\n"
    told = run("--lang", "en", "city", "init", "city.yaml").stdout
    assert told == "the city W West is there with the same settings; nothing changed\n"


def test_negative_coordinates_need_no_quotes(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("locate", "-73.995", "40.005", "--json")
    assert done.returncode == 0, done.stderr
    assert [g["code"] for g in json.loads(done.stdout)["grids"]] == ["W", "W1"]


def test_a_shared_edge_goes_to_the_smaller_code_and_names_the_neighbour(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    found = json.loads(run("locate", "-73.99", "40.005", "--json").stdout)
    assert found["grids"][-1]["code"] == "W1"
    assert [(n["code"], n["distance_m"]) for n in found["neighbours"]] == [("W2", 0.0)]


def test_outside_says_so_and_names_the_nearest(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("locate", "-73.97", "40.005")
    assert done.returncode == 0
    assert "不在网格版本 one 的任何网格内" in done.stdout
    assert "W2" in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "zh", "en"),
    [
        (("locate", "-73.9", "95"), 2, "95", "95"),
        (
            ("score", "no_such_book", "--period", "2025-01"),
            3,
            "没有名为 no_such_book 的考核办法",
            "there is no rulebook",
        ),
        (("indicators", "--period", "2025-13", "--level", "city"), 2, "2025-13", "2025-13"),
        (("indicators", "--period", "2025-01", "--level", "street"), 2, "street", "street"),
        (("indicators", "--period", "1999-01", "--level", "city"), 3, "没有有效的网格版本", "no edition is valid"),
        (("explain", "latest", "W1"), 3, "没有名为 latest 的考评", "there is no assessment"),
        (("cases", "import", "absent.csv", "--profile", "demo_cases"), 2, "无法读取文件", "cannot read"),
        (
            ("cases", "import", "city.yaml", "--profile", "nowhere"),
            3,
            "没有名为 nowhere 的导入方案",
            "no profile nowhere",
        ),
        (("grids", "activate", "one", "--from", "2021-01-01"), 4, "已启用", "has been active"),
        (("grids", "import", "grids.geojson", "--edition", "one"), 4, "已存在", "exists already"),
    ],
)
def test_failures_have_a_status_and_both_languages(
    run: Callable[..., subprocess.CompletedProcess[str]], words: tuple[str, ...], status: int, zh: str, en: str
) -> None:
    done = run(*words)
    assert done.returncode == status, done.stderr
    assert zh in done.stderr
    assert en in done.stderr
    assert "Traceback" not in done.stderr


def test_errors_as_json(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("explain", "latest", "W1", "--json")
    told = json.loads(done.stderr)
    assert (done.returncode, told["error"]) == (3, "assessment_missing")
    assert set(told["message"]) == {"zh", "en"}


def test_unknown_setting_stops_the_start(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    env = {**os.environ, "GRIDMGMT_DATABSE": "x"}
    program = str(Path(sys.executable).with_name("gridmgmt"))
    done = subprocess.run([program, "city", "show"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert "GRIDMGMT_DATABSE" in done.stderr


def test_unknown_option_is_refused(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("indicators", "--perod", "2025-01", "--level", "city")
    assert done.returncode == 2
    assert "perod" in done.stderr


def test_indicators_as_json_list_every_grid_and_the_unassigned(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = run("indicators", "--period", "2025-01", "--level", "community", "--json")
    assert done.returncode == 0, done.stderr
    grids = json.loads(done.stdout)["grids"]
    assert [(g["code"], g["n_reported"], g["closing_rate"]) for g in grids] == [
        ("W1", 0, None), ("W2", 0, None), ("", 0, None),
    ]  # fmt: skip


def test_indicators_by_source_have_a_total_and_by_grid_a_level(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = run("indicators", "--period", "2025-01", "--by", "ending", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [g["code"] for g in found["groups"]] == ["closed", "discarded", "open", "void", ""]
    assert found["total"]["n_reported"] == 0
    shown = run("indicators", "--period", "2025-01", "--by", "ending")
    assert "作废" in shown.stdout
    assert "合计" in shown.stdout
    assert run("indicators", "--period", "2025-01", "--by", "ending", "--behind", "void").stdout == ""
    for wrong in (("--by", "source", "--level", "city"), ("--by", "grid"), ("--by", "street")):
        assert run("indicators", "--period", "2025-01", *wrong).returncode == 2
