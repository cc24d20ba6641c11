"""Whoever listens is told of every change once it is committed, and before whoever asks is answered."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from gridmgmt.database import changes as module
from gridmgmt.database import tables as t
from gridmgmt.database.changes import KINDS, SILENT, TABLES, Changes
from gridmgmt.database.engine import database_url
from gridmgmt.database.work import Work
from gridmgmt.settings import Settings

LINES = sql.SQL(
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'gridmgmt changes' AND datname = current_database()"
)


def listening(address: str, test: Callable[[Changes], Awaitable[None]]) -> None:
    """Run a test while somebody follows the changes of a database."""

    async def whole() -> None:
        changes = Changes(address)
        following = asyncio.create_task(changes.follow())
        try:
            await asyncio.wait_for(changes.tried.wait(), 10)
            await test(changes)
        finally:
            following.cancel()
            await asyncio.wait([following])

    asyncio.run(whole())


def test_every_table_tells_its_kind(postgis_engine: Work) -> None:
    statement = text(
        "SELECT c.relname, encode(g.tgargs, 'escape') FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid "
        "JOIN pg_proc AS p ON p.oid = g.tgfoid WHERE p.proname = 'tell_change'"
        " AND g.tgtype & 1 = 0 AND g.tgtype & 2 = 0 AND g.tgtype & 60 = 60"  # by statement, after, all four deeds
    )
    with postgis_engine.connect() as connection:
        found = {table: kind.removesuffix("\\000") for table, kind in connection.execute(statement)}
    assert found == TABLES
    assert set(TABLES) == {table.name for table in t.metadata.sorted_tables} - SILENT
    assert {*TABLES.values(), "day"} == set(KINDS)


def test_what_was_committed_before_one_asks_is_known_and_nothing_before(postgis: tuple[Settings, Work]) -> None:
    address = database_url(postgis[0])

    async def test(changes: Changes) -> None:
        writer = psycopg.connect(address)
        with writer:
            for _ in range(50):
                known = {kind: changes.last([kind]) for kind in KINDS}
                writer.execute("INSERT INTO actor (name, means) VALUES ('somebody', 'claimed')")
                assert await changes.caught_up()
                assert changes.last(["facts"]) == known["facts"], "it is not committed yet"
                writer.commit()
                assert await changes.caught_up()
                assert changes.last(["facts"]) > known["facts"]
                assert changes.last(["people"]) == known["people"]

    listening(address, test)


def test_changes_that_are_undone_are_not_told(postgis: tuple[Settings, Work]) -> None:
    address = database_url(postgis[0])

    async def test(changes: Changes) -> None:
        with psycopg.connect(address) as writer:
            writer.execute("INSERT INTO actor (name, means) VALUES ('nobody', 'claimed')")
            writer.rollback()
        n = changes.n
        assert await changes.caught_up()
        assert changes.n == n

    listening(address, test)


def test_many_who_ask_at_once_are_answered_by_one_question(
    postgis: tuple[Settings, Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions, ask = list[str](), module._Line._ask
    monkeypatch.setattr(module._Line, "_ask", lambda line: questions.append("?") or ask(line))

    async def test(changes: Changes) -> None:
        questions.clear()
        answers = await asyncio.gather(*(changes.caught_up() for _ in range(500)))
        assert answers == [True] * 500
        assert len(questions) <= 2, "the one that was under way, and one for all who came later"

    listening(database_url(postgis[0]), test)


def test_a_line_that_is_cut_is_told_and_sought_again(postgis: tuple[Settings, Work]) -> None:
    address = database_url(postgis[0])

    async def test(changes: Changes) -> None:
        lost, n = asyncio.Event(), changes.n
        changes.when_lost = lost.set
        with psycopg.connect(address, autocommit=True) as other:
            other.execute(sql.SQL("SELECT pg_terminate_backend(pid) FROM ({}) AS lines").format(LINES))
            await asyncio.wait_for(lost.wait(), 10)
            assert not await changes.caught_up()
            other.execute("INSERT INTO actor (name, means) VALUES ('unheard', 'claimed')")
        for _ in range(200):
            if await changes.caught_up():
                break
            await asyncio.sleep(0.05)
        assert all(changes.last([kind]) > n for kind in KINDS), "what was said meanwhile, nobody heard"

    listening(address, test)


def test_a_database_that_does_not_answer_counts_as_lost(
    postgis: tuple[Settings, Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridmgmt.database.changes._SECONDS", 0.2)
    address = database_url(postgis[0])

    async def test(changes: Changes) -> None:
        assert await changes.caught_up()
        with psycopg.connect(address, autocommit=True) as other:
            found = other.execute(LINES).fetchall()
        (line,) = {pid for (pid,) in found}
        os.kill(line, signal.SIGSTOP)
        try:
            assert [await changes.caught_up() for _ in range(2)] == [False, False]
        finally:
            os.kill(line, signal.SIGCONT)

    listening(address, test)


def test_where_no_database_is_nobody_tells(postgis: tuple[Settings, Work]) -> None:
    async def test(changes: Changes) -> None:
        assert not await changes.caught_up()

    listening("postgresql://127.0.0.1:1/nowhere", test)
