"""A month of inspections by the commands alone: plan, draw, form, take, notices, in both languages."""

import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner, Result

from gridmgmt.cli import app
from gridmgmt.database.work import Work, open_database
from gridmgmt.errors import DrawExists, InstantInvalid
from gridmgmt.settings import Settings
from tests.postgis import district

Run = Callable[..., Result]
DRAW = ("samples", "draw", "--rulebook", "huiji", "--period", "2025-06")


@pytest.fixture(scope="module")
def settings(make_database: Callable[[str], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A district without gardens."""
    found = make_database("samples")
    work: Work = open_database(found)
    points = {kind: n for kind, n in district.POINTS.items() if kind != "gardens"}
    district.found(work, tmp_path_factory.mktemp("district"), points)
    work.close()
    return found


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("GRIDMGMT_HOME", str(settings.home))
    monkeypatch.setenv("GRIDMGMT_DB", settings.db)
    return lambda *words, lang="zh": CliRunner().invoke(app, ["--lang", lang, *words])


def told(result: Result, status: int = 0) -> str:
    assert result.exit_code == status, (result.output, result.exception)
    return result.output


def named(run: Run, folder: Path) -> str:
    """The unit of the notices gets its name: the list of notices, with it beside the code."""
    table = folder / "named.csv"
    table.write_text("code,name_zh,name_en,kind,parent_code\nS01,北下街,North,department,\n", "utf-8")
    told(run("units", "import", str(table)))
    listed = told(run("samples", "notices", "list", "--draw", "huiji-2025-06"))
    assert "S01 北下街" in listed
    return listed


def test_a_month(run: Run, tmp_path: Path) -> None:
    assert "2025-06 共 299 个样本" in told(run("samples", "plan", "--rulebook", "huiji", "--period", "2025-06"))
    plan = json.loads(told(run("samples", "plan", "--rulebook", "huiji", "--period", "2025-06", "--json")))
    assert (plan["n"], sum(x["n"] for x in plan["lines"])) == (299, 299)
    english = told(run("samples", "plan", "--rulebook", "huiji", "--period", "2025-06", lang="en"))
    assert "another object instead (no_market)" in english

    assert "试运行" in told(run(*DRAW, "--seed", "7", "--dry-run"))
    made = told(run(*DRAW, "--seed", "7"))
    assert "huiji-2025-06：289 个样本" in made  # ten gardens are missing, which is told
    assert made.count("小游园") == 10
    assert "相同" in told(run(*DRAW, "--seed", "7"))
    assert isinstance(run(*DRAW, "--seed", "8").exception, DrawExists)

    assert told(run("samples", "verify", "huiji-2025-06")).count("是") == 4
    shown = json.loads(told(run("samples", "show", "huiji-2025-06", "--unit", "S01", "--json")))
    assert len(shown["samples"]) == 30
    assert "主干道" in told(run("samples", "show", "huiji-2025-06", "--unit", "S01"))

    out = tmp_path / "forms" / "june.xlsx"  # the folder is made
    written = told(run("samples", "form", "huiji-2025-06", "--unit", "S01", "--out", str(out)))
    assert written == f"已写出 30 行：{out}\n"
    fill(out, "2025-06-12 09:30")
    assert "王五" not in told(run("samples", "take", str(out)))
    taken = json.loads(told(run("samples", "take", str(out), "--json")))
    assert (taken["n_new"], taken["n_unchanged"], taken["n_not_filled"]) == (0, 1, 29)

    issue = ("samples", "notices", "issue", "huiji-2025-06", "--unit", "S01", "--by", "李四", "--json", "--due")
    assert run(*issue, "2025-06-20").exit_code != 0  # the deadline is past
    assert isinstance(run(*issue, "9999-12-31").exception, InstantInvalid)  # there is no day after it
    (notice,) = json.loads(told(run(*issue, "2099-06-20")))
    assert (notice["state"], notice["due_at"][:16]) == ("open", "2099-06-20 16:00")  # the end of the day in Shanghai
    number = notice["notice_no"]
    assert "复查未整改" in told(run("samples", "notices", "check", number, "--result", "not_done", "--by", "赵六"))
    shown_notice = told(run("samples", "notices", "show", number))
    assert "未整改" in shown_notice
    assert "赵六" in shown_notice
    assert "done" in told(run("samples", "notices", "check", number, "--result", "done", "--by", "赵六", lang="en"))
    assert number in named(run, tmp_path)

    again = (*DRAW, "--seed", "8", "--again", "道路图层有误")
    assert "1 个样本已检查" in told(run(*again, "--dry-run"))


def fill(path: Path, at: str) -> None:
    """One sample is inspected, with one finding of its first item."""
    book = openpyxl.load_workbook(path)
    samples, findings = book.worksheets[1:]
    columns = {str(c.value): c.column for c in samples[4]}
    samples.cell(5, columns["inspected_at"]).value = at
    samples.cell(5, columns["inspector"]).value = "王五"
    findings.cell(5, {str(c.value): c.column for c in findings[4]}["n"]).value = 1
    book.save(path)


def test_a_form_with_nothing_but_faults_ends_with_status_1(run: Run, tmp_path: Path) -> None:
    run(*DRAW, "--seed", "7")
    out = tmp_path / "bad.xlsx"
    told(run("samples", "form", "huiji-2025-06", "--unit", "S02", "--out", str(out)))
    fill(out, "昨天")
    output = told(run("samples", "take", str(out)), 1)
    assert "“昨天”不是可识别的时间" in output.replace("\n", "")
    assert "is not a time" in told(run("samples", "take", str(out), lang="en"), 1)


def test_formats_of_forms(run: Run, tmp_path: Path) -> None:
    run(*DRAW, "--seed", "7")
    out = tmp_path / "a.geojson"
    told(run("samples", "form", "huiji-2025-06", "--out", str(out)))
    assert len(json.loads(out.read_text("utf-8"))["features"]) == 289
    assert run("samples", "form", "huiji-2025-06", "--out", "a.pdf").exit_code != 0
