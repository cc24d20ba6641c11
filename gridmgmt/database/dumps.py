"""The database as one stream (数据库转储), by PostgreSQL's own programs; a password never stands on a command line."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection, func, select, text

from gridmgmt.database import engine as engines
from gridmgmt.database import server
from gridmgmt.database.changes import PASSING
from gridmgmt.errors import ProgramFailed, by_program
from gridmgmt.settings import Settings


def versions(connection: Connection) -> dict[str, str]:
    """What the database is made by: PostgreSQL, PostGIS and the revision of its tables."""
    return {
        "postgresql": str(connection.scalar(text("SHOW server_version"))),
        "postgis": engines.postgis_version(connection),
        "revision": str(connection.scalar(text("SELECT version_num FROM alembic_version"))),
    }


def export_snapshot(connection: Connection) -> str:
    """The name by which another session sees what this transaction sees, as long as it lasts."""
    return str(connection.scalar(select(func.pg_export_snapshot())))


def tables(settings: Settings) -> list[str]:
    """The tables that stand in the database, PostGIS's own aside."""
    statement = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'spatial_ref_sys'")
    engine = engines.make_engine(settings)
    try:
        with engines.connect(engine) as connection:
            return list(connection.scalars(statement))
    finally:
        engine.dispose()


@contextmanager
def dumped(settings: Settings, snapshot: str) -> Iterator[IO[bytes]]:
    """The database as another session's transaction sees it, as a stream.

    Raises
    ------
    ServerMissing, ProgramFailed
    """
    words = ["--format=custom", "--no-owner", "--no-privileges", "--no-comments", f"--snapshot={snapshot}"]
    words += [f"--exclude-table-data={table}" for table in sorted(PASSING)]  # it holds for this server only
    with _program(settings, "pg_dump", *words, stdout=subprocess.PIPE) as running:
        if running.stdout is None:
            raise RuntimeError("pg_dump has no output")
        yield running.stdout


def restore(settings: Settings, write: Callable[[IO[bytes]], None]) -> None:
    """Fill an empty database from a dump's stream, in one transaction: all of it or nothing.

    Raises
    ------
    ServerMissing, ProgramFailed
    """
    words = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    with _program(settings, "pg_restore", *words, stdin=subprocess.PIPE) as running:
        if running.stdin is None:
            raise RuntimeError("pg_restore has no input")
        try:
            write(running.stdin)
        except BrokenPipeError:  # it says why it ended
            return
        running.stdin.close()


@contextmanager
def _program(settings: Settings, name: str, *words: str, **streams: int) -> Iterator["subprocess.Popen[bytes]"]:
    """One of PostgreSQL's programs while it runs on the database; what it complains of is the error's reason."""
    address: dict[str, Any] = conninfo_to_dict(engines.database_url(settings))
    env = {**os.environ, "LC_ALL": "C"}  # noqa: TID251 -- handed on to PostgreSQL's program, not read
    if password := address.pop("password", None):
        env["PGPASSWORD"] = str(password)
    program = str(server.find_bin() / name)
    with tempfile.TemporaryFile() as complaints:
        command = [program, *words, "-d", make_conninfo(**address)]
        running = subprocess.Popen(command, env=env, stderr=complaints, **streams)  # type: ignore[call-overload] # mypy knows no streams by name
        try:
            yield running
        except BaseException:
            running.kill()
            raise
        finally:
            for stream in (running.stdin, running.stdout):
                if stream is not None and not stream.closed:
                    _close(stream)
            ended = running.wait()
        if ended != 0:
            complaints.seek(0)
            raise ProgramFailed(program=name, reason=by_program(complaints.read()[-1000:].decode("utf-8", "replace")))


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        return
