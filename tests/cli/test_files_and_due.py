"""`gridmgmt files` and `gridmgmt due`: tables in both languages, JSON, statuses, the folder of the settings."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from gridmgmt.cli import app
from gridmgmt.cli.base import State
from gridmgmt.database.work import open_database
from gridmgmt.errors import CaseMissing, GridmgmtError, InstantInvalid, OptionInvalid
from gridmgmt.settings import Settings
from tests.pictures import PDF, encode, exif, opened
from tests.postgis import towns

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def desk(make_database: Callable[[str], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The town of four communities with case c1 in D1-1 and sample s1."""
    settings, folder = make_database("files"), tmp_path_factory.mktemp("town")
    work = open_database(settings)
    towns.found(work, folder)
    towns.load(work, folder, [towns.case("c1")])
    towns.load_samples(work, folder, [("s1", "2025-12-05 12:00", "90", "D1-1")])
    work.close()
    return replace(settings, files=folder / "photos")


@pytest.fixture
def run(desk: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name, value in (("HOME", desk.home), ("DB", desk.db), ("FILES", desk.files)):
        monkeypatch.setenv(f"GRIDMGMT_{name}", str(value))

    def command(*words: str, lang: str = "en") -> Result:
        return CliRunner().invoke(app, ["--lang", lang, *words])

    return command


def done(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_photographs_are_added_listed_exported_and_checked(run: Run, desk: Settings, tmp_path: Path) -> None:
    lon, lat = towns.middle("D1-1")
    told = exif("2025:12:05 11:00:00", place=((lat + 0.01, 0, 0), "N", (lon, 0, 0), "E"))
    photo, paper = tmp_path / "a.jpg", tmp_path / "b.pdf"
    photo.write_bytes(encode(exif=told))
    paper.write_bytes(PDF)
    about = ("--case", "c1", "--kind", "before", "--actor", "王某")
    assert "m from the case" in done(run("files", "add", str(photo), str(paper), *about))
    again = json.loads(done(run("files", "add", str(photo), *about, "--json")))
    assert [(a["is_new"], a["notes"][0]["code"]) for a in again] == [(False, "picture_far")]
    listed = json.loads(done(run("files", "list", "--case", "c1", "--json")))
    assert [(x["media_type"], x["kind"]) for x in listed] == [("image/jpeg", "before"), ("application/pdf", "before")]
    table = done(run("files", "list", "--case", "c1", lang="zh"))
    for shown in ("处置前", "2025年12月5日 11:00", "相机未写时区", "200 × 100", "王某", "拍摄位置距案件"):
        assert shown in table, shown
    assert "2 files" in done(run("files", "export", "--case", "c1", "--out", str(tmp_path / "out")))
    assert not opened((tmp_path / "out" / "c1_before_1.jpg").read_bytes()).getexif()
    assert "sound" in done(run("files", "check"))
    assert desk.files is not None
    (jpg,) = [p for p in desk.files.rglob("*.jpg") if not p.name.endswith(".thumb.jpg")]
    jpg.unlink()
    broken = run("files", "check", "--json")
    assert broken.exit_code == 1
    assert json.loads(broken.stdout)["missing"] == [jpg.stem]


def test_a_sample_has_photographs(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(form="PNG"))
    done(run("files", "add", str(path), "--sample", "s1", "--kind", "evidence", "--actor", "李某"))
    assert "evidence" in done(run("files", "list", "--sample", "s1"))


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("files", "list"), OptionInvalid),
        (("files", "list", "--case", "c1", "--sample", "s1"), OptionInvalid),
        (("files", "list", "--case", "nowhere"), CaseMissing),
        (("files", "add", "x.jpg", "--case", "c1", "--kind", "during", "--actor", "a"), OptionInvalid),
        (("files", "add", "x.jpg", "--sample", "s1", "--step", "1", "--kind", "after", "--actor", "a"), OptionInvalid),
        (("due", "--on", "2025-02-29"), OptionInvalid),
        (("due", "--on", "0001-01-01"), OptionInvalid),
        (("due", "--on", "2025-03-02", "--until", "2025-03-01"), OptionInvalid),
        (("due", "--on", "2025-03-02", "--event", "major_event=9999-12-31"), InstantInvalid),
        (("due", "--on", "2025-03-02", *("--event", "major_event=2025-03-01") * 2), OptionInvalid),
    ],
)
def test_wrong_words_are_told(run: Run, words: tuple[str, ...], error: type[GridmgmtError]) -> None:
    assert type(run(*words).exception) is error


def test_what_is_due_is_shown_in_both_languages(run: Run) -> None:
    words = ("due", "--on", "2026-01-05", "--event", "major_event=2026-01-05T23:45")
    table = done(run(*words, lang="zh"))
    for shown in (
        "上月本单位自查情况",
        "2025-12-31",
        "2026-01-05（当日截止）",
        "3 日内",
        "2026年1月6日 00:15",
    ):
        assert shown in table, shown
    table = done(run(*words))
    for shown in ("last week's situation", "2025-12-29 –", "within 4 hours", "major_event", "that day"):
        assert shown in table, shown
    rows = json.loads(done(run("due", "--on", "2026-01-05", "--scheme", "huiji", "--json")))
    assert [(r["duty"], r["due"]) for r in rows if r["states_a_day"]] == [
        ("self_check", "2026-01-05"), ("month_result", None), ("quarter_result", None),
    ]  # fmt: skip


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_is_due_is_read_in_a_window_of_100_columns(run: Run, lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    lines = done(run("due", "--on", "2026-01-05", lang=lang)).splitlines()
    assert max(map(cell_len, lines)) <= 100
    cells = [[x.strip() for x in line.split("│")] for line in lines if "│" in line]
    assert {len(row) for row in cells} == {5}
    days = [text for row in cells for text in row[2:4] if "2026-" in text]
    assert days
    assert not [text for row in cells for text in row if re.fullmatch("[0-9]{1,2}|-[0-9-]+", text)]  # half a day


def test_the_register_is_kept_shown_and_charged(run: Run, tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    paper.write_bytes(PDF)
    about = ("ningbo_district", "month_situation", "--about", "2026-02", "--from", "D1", "--by", "王某")
    told = done(run("reports", "enter", *about, "--at", "2026-03-11T09:00", "--file", str(paper)))
    assert told == "entered; due until 2026-03-10: handed in late\n"
    assert done(run("reports", "enter", *about, "--at", "2026-03-09", lang="zh")) == "已更正；截止 2026-03-10：已报\n"
    (row,) = json.loads(done(run("reports", "list", "ningbo_district", "--json")))
    assert (row["what"], row["about"], row["sha256"], row["by"]) == ("month_situation", "2026-02", None, "王某")
    assert done(run("reports", "list", "ningbo_district", "--history")).count("2026-02") == 2
    for lang, title in (("zh", "month_situation 上月工作情况"), ("en", "month_situation last month's situation")):
        assert title in done(run("reports", "list", "ningbo_district", lang=lang))
    asked = ("due", "--on", "2026-03-10", "--scheme", "ningbo_district", "--as-of", "2026-03-12")
    assert "逾期未报（已报 1 / 2）" in done(run(*asked, lang="zh"))
    told = [line.rpartition("│")[2].strip() for line in done(run(*asked, "--units")).splitlines()]
    assert "(2026-03-09 00:00)" in told
    event = ("ningbo_district", "major_event", "7", "--from", "D1", "--at", "2026-03-05T10:00", "--by", "王某")
    assert done(run("reports", "event", *event)) == "entered\n"
    assert "(7, 2026-03-05 10:00)" in done(run(*asked[:2], "2026-03-05", *asked[3:]))
    charge = ("reports", "charge", "ningbo_district", "--period", "2026-03", "--by", "王某", "--dry-run", "--json")
    assert (
        json.loads(done(run(*charge, "--as-of", "2026-03-10T12:00")))["n_new"] == 2 + 4
    )  # the event; two Mondays, two districts
    gone = ("withdraw", *about, "--reason", "another district's")
    assert done(run("reports", *gone)) == "withdrawn\n"


def test_due_names_the_units(run: Run) -> None:
    table = done(run("due", "--on", "2026-01-05", "--scheme", "ningbo_district", "--units", lang="zh"))
    assert "D1 网格D1" in table
    assert "D2 网格D2" in table


def test_what_the_database_is_and_holds_is_told_in_the_readers_language(run: Run) -> None:
    zh, en = (done(run("city", "show", lang=lang)) for lang in ("zh", "en"))
    for shown in ("层级", "市 › 区 › 社区", "案件 · 已落格", "问题数据"):
        assert shown in zh, shown
    for shown in ("levels", "cases · in a grid", "rows in quarantine"):
        assert shown in en, shown
    assert not re.search(r"\b(leaf|levels|editions|quarantine)\b", zh)
    status = done(run("db", "status", lang="zh"))
    assert re.search(r"表结构为本版本 *│ 是", status)
    assert re.search(r"tables are of this release *│ yes", done(run("db", "status")))
    assert not re.search(r"\b(url|running|migrated|True)\b", status)


def test_a_table_without_rows_says_that_there_is_nothing(run: Run) -> None:
    assert done(run("files", "lacking", "--period", "2024-01", lang="zh")).splitlines()[0] == "无"
    assert done(run("reports", "list", "huiji")).strip() == "none"


def test_progress_speaks_the_citys_language_where_none_is_asked_for(
    desk: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The town speaks Chinese first; of an environment in English only what is asked for by name is heard."""
    for name in ("LC_ALL", "LANG"):
        monkeypatch.setenv(name, "en_GB.UTF-8")
    told = {}
    for asked in (None, "en"):
        state = State(desk, asked, "en")
        with state.progress() as tell:
            tell("count", 0)
        told[asked] = state.spoken
        state.close()
    assert told == {None: "zh", "en": "en"}
    assert State(desk, None, "en").spoken == "en"  # no database is open yet
