"""A server that ends, a full disk, a value that cannot be kept: words, never a statement with its values."""

import logging
from collections.abc import Callable

import pandas as pd
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from gridmgmt.database import administration, copying, server
from gridmgmt.database.work import Connection, Work, open_database
from gridmgmt.errors import (
    DatabaseExhausted,
    DatabaseFailed,
    DatabaseLost,
    DatabaseUnreachable,
    GridmgmtError,
    ValueUnstorable,
)
from gridmgmt.settings import Settings
from gridmgmt.texts import LANGUAGES, word

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
        connection.execute(text("CREATE TABLE half ()"))
        server.stop(server.locate(private))
        connection.execute(text("SELECT 1"))


def test_a_server_that_is_stopped_in_the_middle(private: Settings) -> None:
    administration.start(private)
    work = open_database(private)
    with pytest.raises(DatabaseLost):
        _stopped_in_the_middle(work, private)
    with pytest.raises(DatabaseUnreachable):
        work.ready()
    administration.start(private)
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


def test_a_fault_of_the_program_stays_one_and_tells_no_values(empty: Work) -> None:
    with pytest.raises(IntegrityError) as broken, empty.transaction() as connection:
        connection.execute(INSERT, {"who": SECRET})  # its other columns may not be empty
    assert "hide_parameters" in str(broken.value)
    with pytest.raises(ProgrammingError) as wrong, empty.transaction() as connection:
        connection.execute(text("SELECT nothing_of_that_name + :who"), {"who": SECRET})
    assert SECRET not in str(wrong.value)
