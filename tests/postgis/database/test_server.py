"""The private server: its own folder and socket; start, stop and status may be asked any number of times."""

import os
import shutil
import signal
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from gridmgmt import texts
from gridmgmt.database import administration, server
from gridmgmt.database import engine as engines
from gridmgmt.database.work import Work
from gridmgmt.errors import DatabaseForeign, DatabaseOutdated, DatabaseUnreachable, ServerPidTaken
from gridmgmt.settings import Settings
from tests import servers


def test_start_stop_and_status_can_be_repeated(private: Settings) -> None:
    assert administration.status(private)["running"] is False
    assert administration.stop(private) is False
    said: list[str] = []
    assert administration.start(private, said.append) is True
    assert [line.split()[0] for line in said] == ["initdb", "pg_ctl"]
    assert administration.start(private, said.append) is False
    status = administration.status(private)
    assert (status["running"], status["migrated"], len(said)) == (True, True, 2)
    with psycopg.connect(administration.url(private)) as connection:
        connection.execute("CREATE TABLE kept ()")
    assert (administration.stop(private), administration.stop(private)) == (True, False)
    assert administration.status(private)["running"] is False
    assert administration.start(private) is True
    with psycopg.connect(administration.url(private)) as connection:
        connection.execute("SELECT FROM kept")


def test_what_was_committed_outlasts_a_killed_server(ready: Settings, server_settings: Settings) -> None:
    administration.start(ready)
    with psycopg.connect(administration.url(ready)) as connection:
        asked = [connection.execute(f"SHOW {name}").fetchone() for name in servers.QUICK]
        assert asked == [("on",)] * 3, "only the tests' own server gives this up"
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        connection.commit()
        main = int((server.locate(ready).data / "postmaster.pid").read_text().split()[0])
        os.kill(main, signal.SIGKILL)
    while Path("/proc", str(main)).exists():  # the system takes a moment to bury it
        time.sleep(0.05)
    assert administration.start(ready) is True
    with psycopg.connect(administration.url(ready)) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(1,)]
    with psycopg.connect(administration.url(server_settings)) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("off",)


def test_two_starts_at_once_make_one_server(private: Settings) -> None:
    with ThreadPoolExecutor(2) as pool:
        started = list(pool.map(lambda _: administration.start(private), range(2)))
    assert sorted(started) == [False, True]


def test_nobody_else_can_reach_it(ready: Settings) -> None:
    administration.start(ready)
    found = server.locate(ready)
    for folder in (found.data, found.socket):
        assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0
    with psycopg.connect(administration.url(ready)) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_an_interrupted_initdb_is_made_good(private: Settings) -> None:
    found = server.locate(private)
    half = found.data.with_name("data.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("15\n")
    if found.user:
        shutil.chown(found.data.parent, found.user)
    assert administration.start(private) is True


def test_a_server_that_cannot_start_says_why(ready: Settings) -> None:
    administration.start(ready)
    administration.stop(ready)
    with (server.locate(ready).data / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(DatabaseUnreachable) as caught:
        administration.start(ready)
    assert "no_such_setting" in caught.value.reason["text"]


def test_a_long_path_has_its_socket_elsewhere(home: Path) -> None:
    deep = home / ("x" * 80)
    found = server.locate(Settings(None, deep, "town"))
    assert found.data.is_relative_to(deep)
    assert found.socket.parent == Path("/tmp")
    assert found.socket != server.locate(Settings(None, home / ("y" * 80), "town")).socket
    umlauts = server.locate(Settings(None, home / ("网" * 30), "town"))
    assert umlauts.socket.parent == Path("/tmp"), "the limit is in bytes"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_root_uses_a_folder_that_the_servers_user_can_reach(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    found = server.locate(Settings(None, tmp_path / "var", "town"))
    assert found.user == server.SYSTEM_USER
    assert found.data.is_relative_to("/var/lib/postgresql")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can put a folder there as somebody else")
@pytest.mark.parametrize("trap", ["a link", "another user's folder"])
def test_a_socket_folder_that_somebody_else_put_there_is_refused(trap: str, home: Path) -> None:
    found = replace(server.locate(Settings(None, home, "town")), socket=home / "socket")
    target = home / "target"
    target.mkdir()
    if trap == "a link":
        found.socket.symlink_to(target)
    else:
        found.socket.mkdir()
        os.chown(found.socket, 65_534, -1)
    with pytest.raises(DatabaseUnreachable, match="unreachable_foreign_folder"):
        server.start(found)
    assert target.stat().st_uid == 0
    assert not found.data.exists()


class TestGivenDatabase:
    """GRIDMGMT_DATABASE_URL: a database that somebody else runs."""

    def given(self, settings: Settings, url: str | None = None) -> Settings:
        return Settings(url or administration.url(settings), Path("/nonexistent"), "unused")

    @pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
    def test_it_is_used_as_it_is(self, scheme: str, fresh: tuple[Settings, Work]) -> None:
        url = administration.url(fresh[0]).replace("postgresql", scheme, 1)
        settings = self.given(fresh[0], url)
        assert administration.start(settings) is False, "nothing of ours was started"
        assert administration.status(settings)["migrated"] is True
        assert administration.stop(settings) is False
        psycopg.connect(administration.url(settings)).close()

    def test_a_password_is_never_shown(self) -> None:
        settings = self.given(Settings(None, Path("/"), ""), "postgresql://me:secret@127.0.0.1:1/town")
        for attempt in (administration.start, administration.migrate, administration.status):
            with pytest.raises(DatabaseUnreachable) as caught:
                attempt(settings)
            assert "secret" not in str(caught.value)
            assert "127.0.0.1" in caught.value.url
        assert "secret" in administration.url(settings), "psql needs it"

    @pytest.mark.parametrize("url", ["town", "postgresql://", "http://example.org/town"])
    def test_what_is_no_address_is_told(self, url: str) -> None:
        settings = self.given(Settings(None, Path("/"), ""), url)
        with pytest.raises(DatabaseUnreachable):
            administration.status(settings)
        with pytest.raises(DatabaseUnreachable):
            administration.start(settings)

    def test_an_absent_database_is_told(self, postgis_settings: Settings) -> None:
        with pytest.raises(DatabaseUnreachable) as e:
            administration.status(replace(postgis_settings, db="no_such_town"))
        assert e.value.reason == {"code": "unreachable_no_database", "db": "no_such_town"}
        assert "gridmgmt --db no_such_town db start" in texts.word("database_unreachable", e.value.facts, "zh")


def test_the_newest_revision_is_read_as_alembic_reads_it() -> None:
    assert engines._head() == ScriptDirectory.from_config(engines.alembic_config()).get_current_head()


@pytest.mark.parametrize("revision", [None, "0000"])
def test_tables_of_another_release_are_refused(revision: str | None, fresh: tuple[Settings, Work]) -> None:
    settings, work = fresh
    with work.engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        if revision:
            connection.execute(text("INSERT INTO alembic_version VALUES (:r)"), {"r": revision})
    for use in (work.transaction, work.snapshot):
        with pytest.raises(DatabaseOutdated) as caught, use():
            pass
        assert caught.value.found == (revision or "none")
    with pytest.raises(DatabaseOutdated):
        administration.status(settings)
    if revision:
        with pytest.raises(DatabaseForeign) as refused:
            administration.migrate(settings)
        assert (refused.value.found, refused.value.oldest) == (revision, "0007")
    assert engines.ensure_database(settings) is False


def test_a_pid_file_that_names_another_program_is_said_and_the_program_lives(ready: Settings) -> None:
    administration.start(ready)
    administration.stop(ready)
    place = server.locate(ready)
    pid_file = place.data / "postmaster.pid"
    with subprocess.Popen(["sleep", "60"]) as innocent:
        pid_file.write_text(f"{innocent.pid}\n{place.data}\n1\n5432\n{place.socket}\n\n", "ascii")
        if place.user:
            shutil.chown(pid_file, place.user)
        with pytest.raises(ServerPidTaken) as told:
            administration.start(ready)
        assert (told.value.file, told.value.pid) == (str(pid_file), innocent.pid)
        assert administration.status(ready)["running"] is False
        assert administration.stop(ready) is False
        assert innocent.poll() is None
        innocent.kill()
    assert administration.start(ready) is True  # nobody has that number any more
