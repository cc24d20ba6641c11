"""`gridmgmt db backup` and `db restore`, as typed."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gridmgmt.cli import app
from gridmgmt.database import engine as engines
from gridmgmt.database.work import open_database
from gridmgmt.errors import DatabaseNotEmpty
from gridmgmt.settings import Settings
from tests.pictures import encode
from tests.postgis import towns


def test_a_backup_is_written_and_brought_back(
    make_database: Callable[[str], Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = make_database("backup")
    work = open_database(found)
    towns.found(work, tmp_path)
    towns.load(work, tmp_path, [towns.case("c1")])
    work.close()
    monkeypatch.setenv("GRIDMGMT_HOME", str(found.home))

    def run(db: str, *words: str) -> Result:
        environ = {"GRIDMGMT_FILES": str(tmp_path / db), "GRIDMGMT_DB": db}
        return CliRunner().invoke(app, ["--lang", "en", *words], env=environ)

    file, back = str(tmp_path / "b.tar"), f"{found.db}_b"
    (tmp_path / "a.jpg").write_bytes(encode())
    run(found.db, "files", "add", str(tmp_path / "a.jpg"), "--kind", "after", "--actor", "甲", "--case", "c1")
    made = run(found.db, "db", "backup", file, "--json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    assert (hashlib.sha256(Path(file).read_bytes()).hexdigest(), told["n_files"]) == (told["sha256"], 1)
    assert isinstance(run(found.db, "db", "restore", file).exception, DatabaseNotEmpty)
    done = run(back, "db", "restore", file)
    assert done.exit_code == 0, done.output
    assert "restored: 1 photographs" in done.output
    for words in (("files", "list", "--case", "c1", "--json"), ("city", "show", "--json"), ("case", "show", "c1")):
        assert run(back, *words).stdout == run(found.db, *words).stdout != ""
    assert run(back, "files", "check").exit_code == 0
    engines.drop_database(replace(found, db=back))
