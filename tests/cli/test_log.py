"""The command that says who wrote what, and how a writer is named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gridmgmt.cli import app
from gridmgmt.database.actors import KINDS
from gridmgmt.errors import OptionInvalid, UnitUnknown
from gridmgmt.settings import os_user
from gridmgmt.texts import catalogue
from tests.postgis import towns
from tests.servers import Databases

Run = Callable[..., Result]


@pytest.fixture
def run(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    found = databases.built("log", towns.found)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRIDMGMT_HOME", str(found.home))
    monkeypatch.setenv("GRIDMGMT_DB", found.db)
    return lambda *words: CliRunner().invoke(app, ["--lang", "zh", *words])


def table(name: str) -> None:
    Path("units.csv").write_text(f"code,name_zh,name_en,kind,parent_code\nU7,{name},,team,\n", "utf-8")


def test_who_wrote_what_is_told_with_the_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    table("一队")
    assert run("--as", "张三", "units", "import", "units.csv").exit_code == 0
    table("一中队")
    monkeypatch.setenv("GRIDMGMT_ACTOR", "考评办")
    assert run("units", "import", "units.csv").exit_code == 0
    found = json.loads(run("log", "--kind", "units", "--object", "U7", "--json").output)
    assert [(x["actor"], x["means"], x["os_user"], x["job"].split()[-2:], x["n"]) for x in found] == [
        (name, "claimed", os_user(), ["units", "import"], 1) for name in ("考评办", "张三")
    ]
    shown = run("log", "--by", "张三").output
    assert "张三 (自报)" in shown
    assert "责任单位" in shown
    assert "考评办" not in shown
    assert json.loads(run("log", "--to", "2020-01-01", "--json").output) == []
    past = run("units", "history", "U7").output
    assert past.index("一队") < past.index("一中队") < past.index("考评办")
    assert past.count("team") == 2, "a kind of the city's own stands as it wrote it"


@pytest.mark.parametrize(("lang", "word"), [("zh", "专业部门"), ("en", "handling department")])
def test_kinds_of_units_are_worded(run: Run, lang: str, word: str) -> None:
    Path("units.csv").write_text("code,name_zh,name_en,kind,parent_code\nU8,八局,Eight,department,\n", "utf-8")
    assert run("units", "import", "units.csv").exit_code == 0
    row = run("--lang", lang, "units", "history", "U8").output.splitlines()[-1]
    assert [cell.strip() for cell in row.split("│")][2] == word
    assert json.loads(run("units", "history", "U8", "--json").output)[0]["kind"] == "department"


def test_what_is_mistyped_is_said(run: Run) -> None:
    assert isinstance(run("log", "--kind", "case").exception, OptionInvalid)
    assert isinstance(run("--as", " ", "log").exception, OptionInvalid)
    assert isinstance(run("units", "history", "U77").exception, UnitUnknown)


def test_every_kind_is_worded() -> None:
    worded = {code.removeprefix("written_") for code in catalogue() if code.startswith("written_")}
    assert worded == {*KINDS}
