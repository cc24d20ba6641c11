"""A server that ends, a full disk, a value that cannot be kept: words, never a statement with its values."""

import logging
import traceback
from collections.abc import Callable

import pandas as pd
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from gridmgmt.database import administration, copying, server
from gridmgmt.database.work import Connection, Work, open_database
from gridmgmt.errors import (
    DatabaseExhausted,
    DatabaseFailed,
    DatabaseLost,
    DatabaseRefused,
    DatabaseUnreachable,
    GridmgmtError,
    ValueUnstorable,
)
from gridmgmt.settings import Settings
from gridmgmt.texts import LANGUAGES, word
from tests.servers import Databases

SECRET = "市民张三 13800000000"
INSERT = text("INSERT INTO grid (code) VALUES (:who)")


USES: dict[str, Callable[[Connection], object]] = {
    "statement": lambda c: c.execute(text("SELECT :who"), {"who": SECRET}),
    "copy_in": lambda c: copying.copy_in(c, "city", pd.DataFrame({"code": [SECRET]})),
    "copy_out": lambda c: copying.fetch(c, text("SELECT 1 AS n"), {}, {}),
    "commit": lambda _: None,
}


def _ended_in_the_middle(work: Work, use: Callable[[Connection], object]) -> None:
    with work.transaction() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with work.transaction() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        use(connection)


@pytest.mark.parametrize("how", USES)
def test_a_backend_that_is_ended_is_told_and_the_next_transaction_works(
    postgis_engine: Work, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    work = postgis_engine
    caplog.set_level(logging.WARNING)
    with pytest.raises(DatabaseLost) as told:
        _ended_in_the_middle(work, USES[how])
    assert told.value.reason
    assert caplog.messages == []
    assert all("gridmgmt db start" in word(told.value.code, told.value.facts, lang) for lang in LANGUAGES)
    work.ready()


def _stopped_in_the_middle(work: Work, private: Settings) -> None:
    with work.transaction() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE half ()"))
        server.stop(server.locate(private))
        connection.execute(text("SELECT 1"))


def _refused_in(work: Work) -> None:
    with work.transaction() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE half (code text, phone text NOT NULL)"))
        connection.execute(text("INSERT INTO half VALUES (:who, NULL)"), {"who": SECRET})


def test_a_server_that_is_stopped_in_the_middle(ready: Settings) -> None:
    administration.start(ready)
    administration.migrate(ready)
    work = open_database(ready)
    with pytest.raises(DatabaseRefused):
        _refused_in(work)
    log = server.locate(ready).log.read_text("utf-8")
    assert "violates not-null" in log
    assert SECRET not in log
    with pytest.raises(DatabaseLost):
        _stopped_in_the_middle(work, ready)
    with pytest.raises(DatabaseUnreachable):
        work.ready()
    administration.start(ready)
    with work.snapshot() as connection:
        assert connection.scalar(text("SELECT to_regclass('half')")) is None
    work.close()


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("53100", DatabaseExhausted),  # disk_full
        ("53200", DatabaseExhausted),  # out_of_memory
        ("53300", DatabaseExhausted),  # too_many_connections
        ("58030", DatabaseExhausted),  # io_error
        ("57P01", DatabaseLost),  # admin_shutdown
        ("40P01", DatabaseFailed),  # deadlock_detected
        ("57014", DatabaseFailed),  # query_canceled
        ("XX001", DatabaseFailed),  # data_corrupted
        ("22003", ValueUnstorable),  # numeric_value_out_of_range
    ],
)
def test_each_kind_of_failure_has_its_error(postgis_engine: Work, state: str, kind: type[GridmgmtError]) -> None:
    raising = text(f"DO $$ BEGIN RAISE 'no room' USING ERRCODE = '{state}'; END $$")
    with pytest.raises(kind) as told, postgis_engine.transaction() as connection:
        connection.execute(raising)
    assert told.value.facts["reason"] == {"code": "original_text", "text": "no room"}


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("SELECT CAST(:x AS text)", "a\0b"),
        ("SELECT CAST(:x AS smallint)", "70000"),
        ("SELECT CAST(:x AS timestamptz)", "999999-01-01"),
        ("SELECT CAST(:x AS bigint) + 1", str(2**63 - 1)),
    ],
)
def test_a_value_that_cannot_be_kept_is_the_callers(postgis_engine: Work, statement: str, value: str) -> None:
    with pytest.raises(ValueUnstorable), postgis_engine.transaction() as connection:
        connection.execute(text(statement), {"x": value})


REFUSED: dict[str, Callable[[Connection], object]] = {
    "absent": lambda c: c.execute(INSERT, {"who": SECRET}),  # its other columns may not be empty
    "twice": lambda c: [c.execute(text("INSERT INTO unit (code) VALUES (:who)"), {"who": SECRET}) for _ in range(2)],
    "copied": lambda c: copying.copy_in(c, "unit", pd.DataFrame({"code": [SECRET] * 2})),
    "nowhere": lambda c: c.execute(
        text("INSERT INTO edition (name, report, actor_id) VALUES (:who, '{}', 0)"), {"who": SECRET}
    ),
    "only added": lambda c: [
        c.execute(text("INSERT INTO unit (code) VALUES (:who)"), {"who": SECRET}), c.execute(text("DELETE FROM unit")),
    ],
}  # fmt: skip
"""What the database's own rules refuse: of each the server's DETAIL or CONTEXT holds the row or its key."""


@pytest.mark.parametrize("how", REFUSED)
def test_a_row_that_is_refused_is_told_without_its_values(empty: Work, how: str) -> None:
    with pytest.raises(DatabaseRefused) as told, empty.transaction() as connection:
        REFUSED[how](connection)
    whole = "".join(traceback.format_exception(told.value))
    assert [part for part in (SECRET, *SECRET.split()) if part in whole + str(told.value.facts)] == []
    assert told.value.table in {"grid", "unit", "edition", None}
    for lang in LANGUAGES:
        said = word(told.value.code, told.value.facts, lang)
        assert told.value.reason["text"] in said
        assert "None" not in said
    with empty.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM unit WHERE code = :who"), {"who": SECRET}).scalar() == 0


def test_a_fault_of_the_program_stays_one_and_tells_no_values(empty: Work) -> None:
    with pytest.raises(ProgrammingError) as wrong, empty.transaction() as connection:
        connection.execute(text("SELECT nothing_of_that_name + :who"), {"who": SECRET})
    assert "hide_parameters" in str(wrong.value)
    assert SECRET not in str(wrong.value)


def test_a_connection_that_comes_back_after_the_end_is_closed(databases: Databases) -> None:
    work = open_database(databases.copied("late"))
    late = work.engine.connect()
    raw = late.connection.driver_connection
    assert raw is not None
    work.close()
    assert not raw.closed
    late.close()
    assert raw.closed
