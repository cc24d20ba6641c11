"""`gridmgmt case template | steps` and `steps import`: a sheet filled, refused rows mended, history retried."""

import csv
import datetime as dt
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner, Result

from gridmgmt.cli import app
from gridmgmt.database.work import Work
from gridmgmt.errors import GridmgmtError, OptionInvalid, ProfileMissing
from gridmgmt.intake.operations import step_sheets
from gridmgmt.people.operations import reference
from gridmgmt.settings import Settings
from tests.postgis import towns
from tests.servers import Databases

Run = Callable[..., Result]
EMPTY = dict.fromkeys(step_sheets.step_profile("steps").file_columns(), "")
RULES = "category,level,grid_code,unit_code,valid_from,valid_to\n*,district,D1,U1,,\n"


def with_a_case(work: Work, folder: Path) -> None:
    """The town with a unit that answers in D1, and the case A known by its dates."""
    towns.found(work, folder, units=["U1"])
    (folder / "rules.csv").write_text(RULES, "utf-8")
    reference.import_rules(work, folder / "rules.csv")
    towns.load(work, folder, [towns.case("A", cat="01001")], day=1)


@pytest.fixture
def desk(databases: Databases) -> Settings:
    """The town with its case."""
    return databases.built("steps", with_a_case)


@pytest.fixture
def run(desk: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name, value in (("HOME", desk.home), ("DB", desk.db)):
        monkeypatch.setenv(f"GRIDMGMT_{name}", str(value))

    def command(*words: object, lang: str = "en") -> Result:
        return CliRunner().invoke(app, ["--lang", lang, *map(str, words)])

    return command


def done(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def told(result: Result) -> Any:
    return json.loads(done(result))


def counts(result: Result) -> tuple[int, int, int]:
    (report,) = json.loads(result.stdout)
    return report["n_taken"], report["n_there"], report["n_refused"]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def fill(path: Path, rows: list[Mapping[str, Any]]) -> None:
    """Type rows into the sheet below its columns' names, as somebody at a desk does."""
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    heads = {c.value: c.column for c in page[4]}
    for n, row in enumerate(rows, 5):
        for name, value in row.items():
            page.cell(n, heads[name]).value = value
    book.save(path)


def kinds(run: Run, no: str) -> list[str]:
    return [s["kind"] for s in told(run("case", "show", no, "--json"))["steps"]]


def test_a_template_is_filled_taken_and_its_refused_rows_mended(run: Run, tmp_path: Path) -> None:
    sheet, bad = tmp_path / "steps.xlsx", tmp_path / "bad.csv"
    assert "steps.xlsx" in done(run("case", "template", "--out", sheet))
    lon, lat = towns.middle("D1-1")
    day = dt.datetime(2025, 12, 8)
    report = {"步骤": "上报", "时间": day, "来源": "监督员上报", "类别": "component:01001", "经度": lon, "纬度": lat}
    fill(sheet, [
        report, {**report, "案件编号": "N", "时间": "2025-12-08 09:00"}, {"步骤": "签收", "案件编号": "N"},
        {"步骤": "审批", "案件编号": "N"}, {"步骤": "受理", "案件编号": "N", "时间": dt.datetime(2025, 12, 8, 9, 10)},
    ])  # fmt: skip
    first = done(run("case", "steps", sheet, "--actor", "李某", "--rejects", bad))
    assert "steps.xlsx, row 5: case C2025120800001" in first
    assert "2 rows written" in first
    assert kinds(run, "N") == ["report", "accept"]
    rows = read(bad)
    assert [(r["步骤"], r["案件编号"], r["_file"], r["_row"]) for r in rows] == [
        ("签收", "N", "steps.xlsx", "7"), ("审批", "N", "steps.xlsx", "8"),
    ]  # fmt: skip
    assert "legal" in rows[0]["_reason"]
    assert "步骤" in rows[1]["_reason"]
    rows[0]["步骤"], rows[1]["步骤"] = "立案", "派遣"
    mended = write(tmp_path / "mended.csv", rows)
    again = ("case", "steps", mended, "--actor", "李某", "--json")
    assert counts(run(*again)) == (2, 0, 0)
    assert kinds(run, "N") == ["report", "accept", "register", "dispatch"]
    assert counts(run(*again)) == (0, 2, 0)
    once_more = run("case", "steps", sheet, "--actor", "李某", "--rejects", bad, "--json")
    assert counts(once_more) == (0, 3, 2)  # 签收 was taken as 立案; 审批 is still no step
    assert [r["code"] for r in json.loads(once_more.stdout)[0]["refused"]] == ["row_taken", "value_not_in_map"]
    assert kinds(run, "N") == ["report", "accept", "register", "dispatch"]


def test_a_sheet_of_which_nothing_is_taken_is_a_failure(run: Run, tmp_path: Path) -> None:
    sheet, bad = write(tmp_path / "s.csv", [{**EMPTY, "案件编号": "Z", "步骤": "受理"}]), tmp_path / "bad.csv"
    for lang, why in (("zh", "没有编号为 Z 的案件"), ("en", "there is no case Z")):
        result = run("case", "steps", sheet, "--actor", "李某", "--rejects", bad, lang=lang)
        assert result.exit_code == 1
        assert why in read(bad)[0]["_reason"]


def test_history_waits_for_its_case_and_is_exported_and_retried(run: Run, tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", [
        {**EMPTY, "案件编号": "A", "步骤": "受理", "时间": "2025-12-05 12:10"},
        {**EMPTY, "案件编号": "B", "步骤": "受理", "时间": "2025-12-05 12:20"},
    ])  # fmt: skip
    (dry,) = told(run("steps", "import", log, "--profile", "steps", "--dry-run", "--json"))
    assert (dry["n_new"], dry["n_quarantined"], dry["dry_run"]) == (1, 1, True)
    (report,) = told(run("steps", "import", log, "--profile", "steps", "--json"))
    assert (report["n_new"], report["notes"], report["reasons"]) == (1, {"bridged_steps": 1}, {"case_not_here": 1})
    assert kinds(run, "A") == ["report", "accept"]
    (again,) = told(run("steps", "import", log, "--profile", "steps", "--json"))
    assert (again["n_new"], again["n_unchanged"], again["n_quarantined"]) == (0, 1, 1)
    (waiting,) = told(run("quarantine", "list", "--json"))
    assert (waiting["row"], waiting["column"], waiting["value"]) == (3, "案件编号", "B")
    for lang, why in (("zh", "没有编号为 B 的案件"), ("en", "there is no case B")):
        done(run("quarantine", "export", "--out", tmp_path / "bad", lang=lang))
        names, values = openpyxl.load_workbook(tmp_path / "bad" / "log.csv.xlsx").active.iter_rows(values_only=True)
        assert list(names)[: len(EMPTY)] == list(EMPTY)  # in the order of the file
        bad = dict(zip(names, values, strict=True))
        assert (bad["案件编号"], bad["步骤"], bad["_row"]) == ("B", "受理", "3")
        assert why in bad["_reason"]
    cases = towns.write_csv(tmp_path / "b.csv", [towns.case("B", cat="01001")])
    done(run("cases", "import", cases, "--profile", towns.write_profile(tmp_path, towns.CASES)))
    (retried,) = told(run("quarantine", "retry", "--json"))
    assert (retried["n_new"], retried["n_quarantined"]) == (1, 0)
    assert told(run("quarantine", "list", "--json")) == []
    assert kinds(run, "B") == ["report", "accept"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("case", "template", "--out", "x.xlsx", "--profile", "demo_cases"), OptionInvalid),
        (("case", "steps", "x.csv", "--profile", "demo_cases"), OptionInvalid),
        (("steps", "import", "x.csv", "--profile", "demo_cases"), OptionInvalid),
        (("case", "template", "--out", "x.xlsx", "--profile", "nothing"), ProfileMissing),
    ],
)
def test_only_profiles_of_steps_serve(words: tuple[str, ...], error: type[GridmgmtError]) -> None:
    assert isinstance(CliRunner().invoke(app, words).exception, error)
