"""Reference tables of units, rules, people and posts through the command; staffing; a place with its candidates."""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gridmgmt import texts
from gridmgmt.cli import app
from gridmgmt.database.work import open_database
from gridmgmt.errors import GridmgmtError, OptionInvalid, PersonUnknown, StaffingSchemeMissing, TableRefused
from gridmgmt.people.operations.locating import near_m
from gridmgmt.settings import Settings
from tests.postgis import towns
from tests.postgis.towns import SIDE, SOUTH, WEST
from tests.servers import Databases

Run = Callable[..., Result]
METRE_LON = 1 / 96_486  # degrees at 30° N
UNITS = (
    "code,name_zh,name_en,kind,parent_code,level,grid_code\n"
    "CITY,市城管局,City bureau,bureau,,city,C\n"
    "WEST,西区城管局,West bureau,bureau,CITY,district,D1\n"
    "EAST,东区城管局,East bureau,bureau,CITY,district,D2\n"
    "LAMPS,路灯队,Lamp team,team,WEST,,\n"
)
RULES = (
    "category,level,grid_code,unit_code,valid_from,valid_to\n"
    "*,district,D1,WEST,,\n*,district,D2,EAST,,\ncomponent:01*,district,D1,LAMPS,,\n"
)
PEOPLE = "code,name\nP1,王一\nP2,李二\n"
POSTS = "person_code,unit_code,role,level,grid_code\nP1,LAMPS,supervisor,,\nP2,EAST,collector,community,D2-1\n"


@pytest.fixture
def settings(databases: Databases) -> Settings:
    """The town of four communities."""
    return databases.built("people", towns.found)


@pytest.fixture
def run(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Commands against the town, in the folder of its tables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRIDMGMT_HOME", str(settings.home))
    monkeypatch.setenv("GRIDMGMT_DB", settings.db)
    for name, text in (("units", UNITS), ("rules", RULES), ("people", PEOPLE), ("posts", POSTS)):
        Path(f"{name}.csv").write_text(text, "utf-8")
    return lambda *words, lang="en": CliRunner().invoke(app, ["--lang", lang, *words])


def done(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def imported(run: Run) -> list[str]:
    return [done(run(*words.split())) for words in (
        "units import units.csv", "responsibility import rules.csv", "people import people.csv",
        "posts import posts.csv",
    )]  # fmt: skip


def test_tables_come_in_one_after_the_other(run: Run) -> None:
    told = imported(run)
    assert told == [
        "units: 4 new, 0 corrected, 0 unchanged\n",
        "3 rules in the table: 3 new, 0 end or end earlier, 0 reopened\n",
        "2 people imported\n",
        "posts: 2 new, 0 corrected\n",
    ]
    assert done(run("units", "import", "units.csv")) == "units: 0 new, 0 corrected, 4 unchanged\n"
    Path("units.csv").write_text(UNITS.replace("West bureau", "Far west bureau"), "utf-8")
    assert done(run("units", "import", "units.csv")) == "units: 0 new, 1 corrected, 3 unchanged\n"
    assert done(run("posts", "import", "posts.csv")) == "posts: 0 new, 0 corrected\n"
    held = json.loads(done(run("posts", "list", "--on", "2025-12-05", "--role", "collector", "--json")))
    assert [(p["person_code"], p["unit_code"], p["grid_code"]) for p in held] == [("P2", "EAST", "D2-1")]
    assert "name" not in held[0]
    head, _, *rows = done(run("posts", "list", "--on", "2025-12-05", lang="zh")).splitlines()
    assert [x.strip() for x in head.split("┃")][1:5] == ["岗位", "单位", "层级", "辖区"]
    (row,) = [row for row in rows if "P2" in row]
    assert [x.strip() for x in row.split("│")][1:5] == ["信息采集员", "EAST", "社区", "D2-1"]


def test_a_wrong_tree_is_refused_in_both_languages_with_every_row(run: Run) -> None:
    Path("bad.csv").write_text(
        UNITS.replace("CITY,district,D1", "LAMPS,district,D1") + "TEAM,队,Team,team,NOBODY,,\n", "utf-8"
    )
    program = str(Path(sys.executable).with_name("gridmgmt"))  # a process of its own words its errors
    refused = subprocess.run([program, "units", "import", "bad.csv"], capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    for word in ("row 3", "row 6", "circle", "第 3 行", "第 6 行", "成了圈", "WEST → LAMPS → WEST", "NOBODY"):
        assert word in refused.stderr
    done(run("units", "import", "units.csv"))


@pytest.mark.parametrize(
    ("words", "error", "known"),
    [
        ("posts list --on 2025-12-05 --role king", OptionInvalid, "supervisor"),
        ("staffing check --scheme both --on 2025-12-05", StaffingSchemeMissing, "ningbo"),
        ("staffing check --scheme ningbo --on friday", OptionInvalid, "YYYY-MM-DD"),
    ],
)
def test_an_unknown_role_scheme_or_day_is_refused_with_what_is_known(
    run: Run, words: str, error: type[GridmgmtError], known: str
) -> None:
    imported(run)
    refused = run(*words.split()).exception
    assert isinstance(refused, error)
    assert known in texts.word(refused.code, refused.facts, "zh")
    assert known in texts.word(refused.code, refused.facts, "en")


@pytest.mark.parametrize(("lang", "role"), [("zh", "监督员"), ("en", "supervisor")])
def test_staffing_says_what_is_needed_there_and_short(run: Run, lang: str, role: str) -> None:
    imported(run)
    check = ("staffing", "check", "--scheme", "beijing", "--on", "2025-12-05", "--level", "district")
    assert role in done(run(*check, lang=lang))
    found = json.loads(done(run(*check, "--json")))
    assert [(a["code"], a["n_grids"], a["needed"], a["have"], a["short"]) for a in found["areas"]] == [
        ("D1", 2, 6, 1, 5), ("D2", 2, 6, 0, 6),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        (
            "zh",
            ("西区城管局", "责任判定", "生效", "区 D1", "属地兜底", "职责分工先于属地兜底", "临近 D2-1", "东区城管局"),
        ),
        ("en", ("West bureau", "decides", "District D1", "category rule goes before", "near D2-1", "East bureau")),
    ],
)
def test_a_place_near_a_border_is_told_with_rules_and_candidates(
    run: Run, lang: str, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")  # no cell of a table is broken
    imported(run)
    x, y = WEST + SIDE - (near_m() - 1) * METRE_LON, SOUTH + SIDE / 2
    shown = done(run("locate", repr(x), repr(y), "--category", "component:01001", "--on", "2025-12-05", lang=lang))
    assert [word for word in expected if word not in shown] == []
    place = ("locate", repr(x), repr(y), "--category", "component:01001", "--on", "2025-12-05", "--json")
    found = json.loads(done(run(*place)))
    decision = found["decision"]
    assert (found["unit"]["code"], decision["kind"]) == ("LAMPS", "category")
    assert [(b["unit_code"], b["why"]) for b in decision["beaten"]] == [("WEST", "kind")]
    assert [(n["code"], n["unit"]["code"]) for n in found["neighbours"]] == [("D2-1", "EAST")]


@pytest.mark.parametrize(("lang", "words"), [("zh", "1 件因网格版本"), ("en", "1 to another edition")])
def test_reassigning_says_why(run: Run, tmp_path: Path, settings: Settings, lang: str, words: str) -> None:
    work = open_database(settings)
    towns.load(work, tmp_path, [towns.case("a", at="2026-02-01"), towns.case("b", cat="01001")])
    grids = towns.shapes()
    grids["D1-7"] = grids.pop("D1-1")
    towns.add_edition(work, tmp_path, "2026", dt.date(2026, 1, 1), grids)
    work.close()
    imported(run)
    assert words in done(run("assign", "--reassign", lang=lang))


@pytest.mark.parametrize(("lang", "words"), [("zh", ("属地兜底", "区 D2")), ("en", ("category rule", "district D1"))])
def test_the_table_of_rules_is_shown_as_it_stands_and_as_it_stood(
    run: Run, lang: str, words: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    imported(run)
    shown = done(run("responsibility", "list", lang=lang)).casefold()
    assert [word for word in words if word.casefold() not in shown] == []
    held = json.loads(done(run("responsibility", "list", "--json")))
    assert [(r["kind"], r["unit_code"], r["valid_to"]) for r in held] == [
        ("category", "LAMPS", None), ("fallback", "EAST", None), ("fallback", "WEST", None),
    ]  # fmt: skip
    assert json.loads(done(run("responsibility", "list", "--as-of", "2020-01-01", "--json"))) == []
    Path("rules.csv").write_text(RULES.replace("D2,EAST,,", "D2,EAST,,2025-12-01"), "utf-8")
    told = json.loads(done(run("responsibility", "import", "rules.csv", "--json")))
    assert told == {"n_rows": 3, "n_new": 0, "n_ended": 1, "reopened": [], "nowhere": []}
    on = json.loads(done(run("responsibility", "list", "--on", "2025-12-01", "--json")))
    assert [r["unit_code"] for r in on] == ["LAMPS", "WEST"]
    Path("rules.csv").write_text(RULES, "utf-8")
    refused = run("responsibility", "import", "rules.csv").exception
    assert isinstance(refused, TableRefused)
    told_again = done(run("responsibility", "import", "rules.csv", "--reopen"))
    assert [word for word in ("2025-12-01", "reopened") if word not in told_again] == []
    Path("rules.csv").write_text(RULES.replace("D2,EAST", "D99,EAST"), "utf-8")
    told_nowhere = done(run("responsibility", "import", "rules.csv"))
    assert [word for word in ("D99", "no edition") if word not in told_nowhere] == []
    many = [f"*,district,N{n},EAST,," for n in range(21)]
    Path("rules.csv").write_text("\n".join([RULES.splitlines()[0], *many]), "utf-8")
    assert "21 rows in all" in done(run("responsibility", "import", "rules.csv"))


def test_an_ended_post_is_reopened_only_when_asked(run: Run) -> None:
    imported(run)
    Path("ended.csv").write_text(POSTS.replace("\n", ",valid_to\n", 1).replace("D2-1", "D2-1,2025-12-05"), "utf-8")
    Path("ended.csv").write_text(Path("ended.csv").read_text("utf-8").replace("supervisor,,", "supervisor,,,"), "utf-8")
    assert done(run("posts", "import", "ended.csv")) == "posts: 0 new, 1 corrected\n"
    refused = run("posts", "import", "posts.csv").exception
    assert isinstance(refused, TableRefused)
    assert "--reopen" in texts.word(refused.code, refused.facts, "zh")
    assert done(run("posts", "import", "posts.csv", "--reopen")) == "posts: 0 new, 1 corrected\n"


def test_what_was_said_of_people_and_posts_is_shown(run: Run) -> None:
    imported(run)
    Path("people.csv").write_text(PEOPLE.replace("王一", "王伊"), "utf-8")
    done(run("--as", "赵", "people", "import", "people.csv"))
    names = "person_code,unit_code,role,level,grid_code,full_time,valid_to"
    Path("posts.csv").write_text(f"{names}\nP2,EAST,collector,community,D2-1,no,2025-12-05\n", "utf-8")
    done(run("--as", "赵", "posts", "import", "posts.csv"))
    assert "王" not in done(run("people", "history"))
    named = done(run("people", "history", "P1", "--names", lang="zh"))
    assert named.index("王一") < named.index("王伊") < named.index("赵")
    told = json.loads(done(run("posts", "history", "P2", "--json")))
    assert [(x["is_full_time"], x["valid_to"]) for x in told] == [(True, None), (False, "2025-12-05")]
    shown = done(run("posts", "history", "P2", lang="zh"))
    assert "是" in shown.splitlines()[-2]
    assert "否" in shown.splitlines()[-1]
    since = told[1]["known_at"]
    assert "P2" not in done(run("posts", "list", "--on", "2025-12-06"))
    assert "P2" not in done(run("posts", "list", "--on", "2025-12-06", "--as-of", since))
    before = (dt.datetime.fromisoformat(since) - dt.timedelta(microseconds=1)).isoformat()
    assert "P2" in done(run("posts", "list", "--on", "2025-12-06", "--as-of", before))
    assert isinstance(run("posts", "history", "P9").exception, PersonUnknown)
