"""What stands in a database, kept in memory and put back for the next test: quicker than building it again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from gridmgmt.database.tables import metadata
from gridmgmt.database.work import Connection, Work
from tests import servers

TABLES = tuple(table.name for table in metadata.sorted_tables)
FULL = text(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in TABLES))
USED = "FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
# the tables refer to each other; what is emptied or put back as a whole need not be checked row by row
UNCHECKED = text("SET LOCAL session_replication_role = replica")

Build = Callable[[Work, Path], object]
"""Makes a world in an empty database and an empty folder."""
World = Callable[[Build], Work]
"""Gives the folder's database as a function leaves it."""


@dataclass(frozen=True)
class Kept:
    """Rows by table as COPY writes them, the last number of each sequence, and the files that were written."""

    rows: dict[str, bytes]
    numbers: dict[str, int]
    files: dict[str, bytes]


def clear(work: Work) -> None:
    """Empty every table and begin its numbers anew; only what holds rows is touched, as most tables never do."""
    with servers.owner(work).begin() as connection:
        _clear(connection)


def _clear(connection: Connection) -> None:
    connection.execute(UNCHECKED)
    for name in connection.execute(FULL).scalars().all():
        connection.execute(text(f"DELETE FROM {name}"))
    connection.execute(text(f"SELECT setval(format('%I', sequencename), start_value, false) {USED}"))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def build(work: Work, folder: Path, make: Build) -> Kept:
    """Let a function make its world in the emptied database, and keep what it left there and in the folder."""
    clear(work)
    before = _files(folder).keys()
    make(work, folder)
    with servers.owner(work).begin() as connection:
        cursor = connection.connection.cursor()
        rows = {}
        for name in connection.execute(FULL).scalars().all():
            with cursor.copy(f"COPY {name} TO STDOUT (FORMAT BINARY)") as copy:
                rows[name] = b"".join(copy)
        numbers = {r[0]: r[1] for r in connection.execute(text(f"SELECT sequencename, last_value {USED}"))}
    return Kept(rows, numbers, {name: data for name, data in _files(folder).items() if name not in before})


def put_back(work: Work, folder: Path, world: Kept) -> None:
    """Leave the database and the folder as they were kept."""
    with servers.owner(work).begin() as connection:
        _clear(connection)
        cursor = connection.connection.cursor()
        for name, rows in world.rows.items():
            with cursor.copy(f"COPY {name} FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(rows)
        if world.numbers:
            each = [{"name": f'"{name}"', "last": last} for name, last in world.numbers.items()]
            connection.execute(text("SELECT setval(:name, :last)"), each)
    for name, content in world.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@contextmanager
def tampered(work: Work) -> Iterator[Connection]:
    """A transaction in which the database lets pass what it refuses otherwise, as its owner might tamper with it."""
    with servers.owner(work).begin() as connection:
        connection.execute(UNCHECKED)
        yield connection
