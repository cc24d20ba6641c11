"""The year's ledger through the command: praise and blame of one rank are printed as held back, not as praise."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gridmgmt.assessing.operations import entries, scoring
from gridmgmt.cli import app
from gridmgmt.database.work import Work
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_period
from gridmgmt.settings import Settings
from gridmgmt.texts import word

MARKS = {"D1": 95, "D2": 70, "D3": 70, "D4": 70}
"""Three of the four are the last, and so also among the first two: the second rank is theirs."""

CAMPAIGNS = ("facades", "roads", "construction_waste", "greening", "parking", "advertising", "hoardings")
MARKED = ("digital", "lines", "security", "civility", "city_office", "garden")


@pytest.fixture
def month(town: Work, tmp_path: Path) -> Work:
    """December of four units of Qi county: the first alone, three tied last."""
    rows = "".join(f"{code},{code}单位,Unit {code},department,\n" for code in MARKS)
    (tmp_path / "units.csv").write_text("code,name_zh,name_en,kind,parent_code\n" + rows, "utf-8")
    reference.import_units(town, tmp_path / "units.csv")
    told = [f"2025-12,{code},{name},{mark}" for code, mark in MARKS.items() for name in MARKED]
    told += [f"2025-12,{code},{name},不适用" for code in MARKS for name in CAMPAIGNS]
    path = tmp_path / "entries.csv"
    path.write_text("\n".join(["period,subject,input,value", *told, "2025-12,*,signed_off,是"]) + "\n", "utf-8")
    assert not entries.import_entries(town.but(actor="王工"), "qixian", path).problems
    made = scoring.score(town, "qixian", parse_period("2025-12"))
    assert {d.subject.code: d.place for d in made.subjects} == {"D1": 1, "D2": 2, "D3": 2, "D4": 2}
    return town


@pytest.fixture
def ledger(month: Work, postgis_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run ``gridmgmt consequences qixian --year 2025`` after that December."""
    monkeypatch.setenv("GRIDMGMT_HOME", str(postgis_settings.home))
    monkeypatch.setenv("GRIDMGMT_DB", postgis_settings.db)
    monkeypatch.setenv("COLUMNS", "300")

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["consequences", "qixian", "--year", "2025", *words])
        assert done.exit_code == 0, done.output
        return done.output

    return run


def test_a_clash_of_consequences_is_printed_as_held_back(ledger: Callable[..., str]) -> None:
    held = word("undecided_clash", lang="zh")
    assert held == "同一名次既受表扬又受批评，由人决定"
    praise, last, first = "县委县政府督查局通报表扬", "媒体公布末位", "媒体公布第一名"
    said = {
        (code, title): held in line
        for line in ledger().splitlines()
        for code in MARKS
        for title in (praise, "县委县政府督查局通报批评", last, first)
        if f" {code} " in line and f" {title} " in line
    }
    tied = ("D2", "D3", "D4")  # that they are the last is a fact and stands
    assert said == {
        ("D1", praise): False, ("D1", first): False,
        **{(code, praise): True for code in tied}, **{(code, last): False for code in tied},
    }  # fmt: skip


def test_the_ledger_as_data_says_what_is_undecided(ledger: Callable[..., str]) -> None:
    told = {r["consequence"]: r["undecided"] for r in json.loads(ledger("--subject", "D2", "--json"))["reached"]}
    assert told["bureau_praise"] == "clash"
    assert told["last_named"] is None
