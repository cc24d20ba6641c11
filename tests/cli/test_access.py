"""Accounts, keys and the audit at the command line; `--as` acts as one of them and sees no more than he does."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gridmgmt.cli import app
from gridmgmt.database.work import open_database
from gridmgmt.errors import AccessDenied, AccountMissing, OutsideScope
from gridmgmt.settings import Settings
from tests.postgis import towns
from tests.servers import Databases

Run = Callable[..., Result]


@pytest.fixture
def run(databases: Databases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    found: Settings = databases.copied("cli_access")
    work = open_database(found)
    towns.found(work, tmp_path, units=["U1"])
    towns.load(work, tmp_path, [towns.case(f"c{n}", place) for n, place in enumerate(towns.COMMUNITIES)])
    work.close()
    monkeypatch.setenv("GRIDMGMT_HOME", str(found.home))
    monkeypatch.setenv("GRIDMGMT_DB", found.db)
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["--lang", "en", *words])


def listed(run: Run, *who: str) -> list[str]:
    done = run(*who, "case", "list", "--json")
    assert done.exit_code == 0, done.exception
    return sorted(row["case_no"] for row in json.loads(done.stdout)["cases"])


def test_as_somebody_one_sees_and_does_what_he_may(run: Run, tmp_path: Path) -> None:
    assert run("--as", "anybody", "case", "list").exit_code == 0, "without accounts a name is claimed"
    added = run("user", "add", "wang", "--post", "community@community:D1-1", "--name", "王某")
    assert added.exit_code == 0, added.output
    password = added.output.split()[-1]
    assert len(password) >= 16
    assert run("user", "add", "boss", "--post", "city_centre").exit_code == 0
    assert listed(run) == listed(run, "--as", "boss") == ["c0", "c1", "c2", "c3"]
    assert listed(run, "--as", "wang") == ["c0"]
    (tmp_path / "units.csv").write_text("code,name_zh,name_en,kind,parent_code\nU2,x,,,\n", "utf-8")
    for words, error in (
        (("--as", "nobody", "case", "list"), AccountMissing),
        (("--as", "wang", "units", "import", "units.csv"), AccessDenied),
        (("--as", "wang", "indicators", "--period", "2025-12", "--level", "district"), OutsideScope),
        (("--as", "wang", "audit", "list"), AccessDenied),
    ):
        assert isinstance(run(*words).exception, error), words
    assert run("--as", "boss", "units", "import", "units.csv").exit_code == 0
    rows = json.loads(run("audit", "list", "--json").stdout)
    told = [(r["login"], r["deed"], r["outcome"], r["os_user"] is not None) for r in rows[:4]]
    assert told[0] == ("boss", "gridmgmt units import", "done", True)
    assert told[1][:3] == ("wang", "access_denied", "refused")
    assert password not in json.dumps(rows)


def test_keys_are_told_once_and_the_chain_is_verified(run: Run, tmp_path: Path) -> None:
    run("user", "add", "bot", "--post", "machine", "--no-password")
    made = json.loads(run("key", "new", "bot", "maps", "--days", "30", "--json").stdout)
    assert made["key"].startswith("gmk_")
    assert made["key"] not in run("key", "list").output
    assert run("key", "revoke", str(made["id"])).exit_code == 0
    assert run("user", "disable", "bot").exit_code == 0
    assert "disabled" in run("user", "list").output
    whole = json.loads(run("audit", "verify", "--json").stdout)
    assert whole["n"] >= 5
    assert run("audit", "verify", "--head", whole["head"]).exit_code == 0
    longer = f"{whole['n'] + 7}:{'0' * 64}"
    assert run("audit", "verify", "--head", longer).exit_code == 1, "the head of a chain that was longer once"
    out = tmp_path / "audit.jsonl"
    assert run("audit", "export", "--out", str(out)).exit_code == 0
    assert len(out.read_text("utf-8").splitlines()) == whole["n"]


def test_a_password_comes_from_standard_input(run: Run) -> None:
    asked = ["--lang", "en", "user", "add", "li", "--post", "viewer", "--ask"]
    done = CliRunner().invoke(app, asked, input="a long enough password\n")
    assert done.exit_code == 0, done.output
    assert "password" not in done.output.replace("--ask", "")
    assert CliRunner().invoke(app, [*asked[:4], "zhao", "--ask"], input="short\n").exception is not None


def test_a_file_that_a_command_writes_stands_in_the_audit(run: Run, tmp_path: Path) -> None:
    assert run("user", "add", "boss", "--post", "city_centre").exit_code == 0
    assert run("--as", "boss", "grids", "export", "--level", "district", "--out", "grids.gpkg").exit_code == 0
    assert run("case", "template", "--out", "steps.xlsx").exit_code == 0, "there is nothing of the database in it"
    rows = json.loads(run("audit", "list", "--deed", "export", "--json").stdout)
    assert [(r["login"], r["facts"]["asked"], r["facts"]["given"]) for r in rows] == [
        ("boss", "gridmgmt grids export", {"out": "grids.gpkg", "level": ["district"]})
    ]
