"""score and explain, as a process, for units: a tree with reasons, what follows, what is missing, what is behind."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api import offices
from tests.api.small_city import COMMUNITIES
from tests.servers import Databases
from tests.unit.unit_scorecards import RULEBOOK


@pytest.fixture(scope="module")
def run(databases: Databases, command: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in a process of its own, against the small city with its departments."""
    found = databases.built("cli_offices", offices.build)
    env = {k: v for k, v in os.environ.items() if not k.startswith("GRIDMGMT_")}
    env |= {"GRIDMGMT_HOME": str(found.home), "GRIDMGMT_DB": found.db}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([command / "gridmgmt", *words], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done

    return run


def test_score_ranks_with_consequences_and_says_what_is_missing(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    lines = run("score", str(RULEBOOK), "--period", "2025-12").stdout.splitlines()
    assert offices.NAME in lines[0]
    ranked = next(x for x in lines if " D9 " in x)
    for expected in ("69.20", "不合格", "64.20", "4.00", "-2.00", "分管领导作检查"):
        assert expected in ranked
    assert "待定" in next(x for x in lines if " S1 " in x)
    assert "尚缺 1 项数据，名次和结果运用均为暂定" in lines
    assert lines[-1] == "  S1 望湖街道办事处: 2025-12 街景立面"


def test_explain_prints_the_tree_and_what_follows(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    lines = run("explain", offices.NAME, "D9").stdout.splitlines()
    assert lines[:4] == [
        "departments-2025-12-1 · D9 市政中心",
        "  一 基本分: 64.20 · 加权：（60 × 60 + 70.5 × 40）÷ 100",
        "    1 数字城管: 60.00 权重 60 · 录入值 60",
        "    2 专项考评: 70.50 权重 40 · 1 项平均：70.5 ÷ 1",
    ]
    assert "  二 工作纪律: 4.00 / 10 · 满分 10 分，扣 6 分" in lines
    assert "    1 每迟报一次: -6.00 · 4 次 × 2 分 = 8 分，封顶 6 分" in lines
    assert "  总分: 69.20 · 各项之和 69.2 分" in lines
    assert "  另行列示（不计入总分）" in lines
    assert any(x.startswith("    结案率: 91.67% · 结案率（11 ÷ 12）") for x in lines)
    assert "  [惩戒] 分管领导作检查 · 依据 2025-11、2025-12 的结果，已计 2 次；向工作领导小组书面检查" in lines
    missing = run("explain", offices.NAME, "S1", "--lang", "en").stdout
    assert "  Inputs still missing: 2025-12 Street fronts" in missing
    assert "total: open" in missing


def test_explain_goes_down_to_cases_entries_and_periods(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    discipline = run("explain", offices.NAME, "D9", "discipline").stdout.splitlines()
    assert discipline[1].startswith("  二 工作纪律: 4.00 / 10")
    assert discipline[2].startswith("    1 每迟报一次")
    assert "应结案数 (due): 12" in discipline
    assert "迟报 (late_reports): 1" in discipline
    penalties = run("explain", offices.NAME, "D9", "penalties").stdout
    start = "  2025-12-04 · 被县通报 · 依据：县通报3号 · 录入人："
    told = next(x for x in penalties.splitlines() if x.startswith(start))
    assert "[departments/2025-12/D9/events/" in told
    why = run("explain", offices.NAME, "D9", "self_criticism").stdout.splitlines()
    assert why[2:] == [
        "  2025-11: 74.00 · 不合格 · 第 2 名 / 共 2 个 (departments-2025-11-1)",
        "  2025-12: 69.20 · 不合格 · 第 1 名 / 共 1 个 (departments-2025-12-1)",
    ]
    plain = json.loads(run("explain", offices.NAME, "D9", "self_criticism", "--json").stdout)
    assert plain["consequence"]["because"] == ["2025-11", "2025-12"]
    assert [p["total"]["shown"] for p in plain["periods"]] == ["74.00", "69.20"]


def test_explain_a_grid_as_before(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    lines = run("explain", "grid_baseline", COMMUNITIES[0], "rework").stdout.splitlines()
    assert lines[1].startswith("  返工率: 0.00 / 15 · 返工率（1 ÷ 10）10.00%")
    assert lines[lines.index("返工案件数 (rework_cases): 1") + 1] == "  A000"
    assert run("explain", "grid_baseline", COMMUNITIES[0], "n_overdue_open").stdout.splitlines()[-1] == "  A009"


def test_scorecards_of_units_are_written(run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    run("scorecards", offices.NAME, "--level", "unit", "--out", str(tmp_path / "cards"))
    names = sorted(p.name for p in (tmp_path / "cards").iterdir())
    assert names == ["D9.html", "D9.json", "D9.xlsx", "S1.html", "S1.json", "S1.xlsx", "summary.csv", "summary.xlsx"]
