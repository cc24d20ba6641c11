"""What is kept of counted cells gives what counting all cases gives, whoever wrote meanwhile, at each cut-off."""

import datetime as dt
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, text

from gridmgmt.database import cities
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work, lock_originals
from gridmgmt.figures.operations import kept_cells, period_counts, replaying
from gridmgmt.figures.predicates import Condition
from gridmgmt.figures.store import kept_cells as store
from gridmgmt.figures.store.period_cases import PeriodCases, worked_after
from gridmgmt.people.operations import assigning
from gridmgmt.periods import parse_period
from tests import servers
from tests.examples import about
from tests.postgis import towns
from tests.postgis.worksite import acted, at, dispatched, step, take
from tests.worlds import tampered

PERIOD = parse_period("2025")
KEYS = ("grid_l1", "grid_l2", "grid_l3", "unit_id", "ending", "n_rework")
READER = f"test_reader_{os.getpid()}"
FIRST = dt.datetime(2024, 12, 20, tzinfo=dt.UTC)
CONDITIONS: list[Condition] = list(period_counts._conditions({}).values())

Weeks = list[list[dt.datetime] | None]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Weeks:
    """Which weeks were counted, question by question (None: all); of few cases too."""
    seen: Weeks = []
    count = PeriodCases.cells_by_week

    def noted(cases: PeriodCases, keys: Sequence[str], conditions: Sequence[Condition], weeks: Any = None) -> Any:
        seen.append(weeks if weeks is None else sorted(weeks))
        return count(cases, keys, conditions, weeks)

    monkeypatch.setattr(kept_cells, "LEAST", 1)
    monkeypatch.setattr(PeriodCases, "cells_by_week", noted)
    return seen


def answers(connection: Connection, cut: dt.datetime, keys: Sequence[str] = KEYS) -> tuple[list[Any], list[Any]]:
    """The cells as they are kept, and as all cases give them, in one snapshot."""
    start, end = PERIOD.bounds(towns.CITY.zone)
    worked = worked_after(connection, cut)
    told, _ = replaying.past(connection, worked, cut)
    cases = PeriodCases(connection, start, end, cut, replaying.held_since(cut), told, worked)
    both = kept_cells.cells(cases, keys, CONDITIONS), cases.cells(keys, CONDITIONS)
    kept, whole = (sorted(map(repr, x.to_dict("records"))) for x in both)
    assert both[0].dtypes.to_dict() == both[1].dtypes.to_dict() or not whole
    return kept, whole


def holds(work: Work, cut: dt.datetime, keys: Sequence[str] = KEYS) -> int:
    """Whether both are the same; gives how many cells there are."""
    with work.snapshot() as connection:
        kept, whole = answers(connection, cut, keys)
    assert kept == whole
    return len(whole)


def week(day: int) -> dt.datetime:
    """The week that a day (from FIRST on) lies in, as the database has it."""
    days = (FIRST + dt.timedelta(days=day) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).days
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=days // 7 * 7)


def add(connection: Connection, day: float, **more: Any) -> int:
    """A case reported so many days after FIRST, registered, dispatched and due in the days behind; its id."""
    known = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    reported = FIRST + dt.timedelta(days=day)
    row = {
        "case_no": f"K{next(towns._counter)}", "located": "outside", "version_at": known, "content_hash": "-",
        "row_no": 1, "batch_id": 0, "reported_at": reported, "registered_at": reported + dt.timedelta(hours=2),
        "dispatched_at": reported + dt.timedelta(hours=5), "due_at": reported + dt.timedelta(days=3), **more,
    }  # fmt: skip
    return int(connection.execute(insert(t.cases).values(row).returning(t.cases.c.id)).scalar_one())


def stepped(connection: Connection, case: int, seq: int, day: float, kind: str, state: str) -> None:
    """A step that a log told."""
    row = {
        "case_id": case, "seq": seq, "kind": kind, "at": FIRST + dt.timedelta(days=day), "actor": "x",
        "origin": "imported", "state": state, "batch_id": 0,
    }  # fmt: skip
    connection.execute(insert(t.step).values(row))


CHANGES = (
    "UPDATE cases SET closed_at = reported_at + interval '{n} days', handled_at = reported_at + interval '{n} hours'",
    "UPDATE cases SET n_rework = {n}, reworked_at = reported_at + interval '{n} days'",
    "UPDATE cases SET unit_id = nullif({n} % 4, 0), grid_l3 = nullif({n} % 5, 0), grid_l2 = nullif({n} % 3, 0)",
    "UPDATE cases SET reported_at = reported_at + interval '{n} days'",
    "UPDATE cases SET voided_at = reported_at + interval '{n} days', source = 'x{n}'",
    "UPDATE cases SET due_extended_at = due_at + interval '{n} days', is_repeat = {n} % 2 = 0",
    "DELETE FROM cases",
)
days = st.integers(0, 60).map(lambda n: n / 1.0) | st.floats(0, 60, width=16)
HALTED = (("postpone", "on_hold"), ("send_back", "sent_back"), ("dispatch", "dispatched"))


@st.composite
def deeds(draw: st.DrawFn) -> tuple[Any, ...]:
    """Something that is written, or a cut-off at which is read."""
    what = draw(st.sampled_from(["add", "add", "change", "change", "step", "work", "read", "read", "read"]))
    n = draw(st.integers(0, 20))
    return what, n, draw(days), draw(st.sampled_from(CHANGES)), draw(st.sampled_from(HALTED))


def do(work: Work, deed: tuple[Any, ...]) -> None:
    """Do it, and commit."""
    what, n, day, change, halted = deed
    if what == "read":
        holds(work, FIRST + dt.timedelta(days=20 + day), KEYS if n % 3 else ("grid_l3", "n_rework"))
    elif what == "work":
        no = f"W{next(towns._counter)}"
        dispatched(work, no)
        take(work, "send_back", 10 + n / 4, no, reason="不属本单位")
    else:
        with work.transaction() as connection:
            ids = sorted(connection.execute(text("SELECT id FROM cases WHERE case_no LIKE 'K%'")).scalars())
            if what == "add" or not ids:
                for k in range(1 + n % 3):
                    add(connection, day + k, grid_l3=n % 4 or None, source=f"s{n % 2}", n_rework=n % 3 or None)
            elif what == "change":
                connection.execute(text(f"{change.format(n=n)} WHERE id = {ids[n % len(ids)]}"))
            else:
                case = ids[n % len(ids)]
                seq = connection.execute(text(f"SELECT count(*) + 1 FROM step WHERE case_id = {case}")).scalar_one()
                stepped(connection, case, int(seq), day, *halted)


@about(
    20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a database is too slow to shrink with
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(done=st.lists(deeds(), min_size=4, max_size=16), last=days)
def test_whatever_is_written_and_asked_the_answer_is_that_of_a_full_count(
    done: list[tuple[Any, ...]], last: float, desk: Work, asked: Weeks
) -> None:
    for deed in done:
        do(desk, deed)
    holds(desk, FIRST + dt.timedelta(days=20 + last))


def test_only_the_week_that_changed_is_counted_again(desk: Work, asked: Weeks) -> None:
    with desk.transaction() as connection:
        ids = [add(connection, day) for day in range(0, 200, 3)]
    assert holds(desk, at(9)) > 1
    with desk.transaction() as connection:
        connection.execute(text(f"UPDATE cases SET n_rework = 7 WHERE id = {ids[10]}"))
        connection.execute(text(f"UPDATE cases SET n_rework = 7 WHERE id = {ids[10]}"))
        own = "xid = CAST(CAST(pg_current_xact_id() AS text) AS bigint)"
        assert connection.execute(text(f"SELECT count(*) FROM case_change WHERE {own}")).scalar_one() == 1
    holds(desk, at(9))
    holds(desk, at(9))
    assert asked == [None, [week(30)]]
    with desk.transaction() as connection:
        connection.execute(text(f"UPDATE cases SET reported_at = reported_at + interval '70 days' WHERE id = {ids[0]}"))
        connection.execute(text(f"DELETE FROM cases WHERE id = {ids[20]}"))
        stepped(connection, ids[30], 1, 90, "send_back", "sent_back")
        add(connection, 150)
    holds(desk, at(9))
    assert asked[2] == sorted({week(0), week(70), week(60), week(90), week(150)})
    with desk.transaction() as connection:
        connection.execute(text("TRUNCATE cases CASCADE"))
    assert holds(desk, at(9)) == 0
    assert asked[3:] == [None]


def test_a_later_cut_off_counts_again_what_lies_between(desk: Work, asked: Weeks) -> None:
    with desk.transaction() as connection:
        for day in (10, 20, 40):
            add(connection, day)
        add(connection, 30, closed_at=FIRST + dt.timedelta(days=60))
        held = add(connection, 50, due_at=FIRST + dt.timedelta(days=300))
        stepped(connection, held, 1, 71, "send_back", "sent_back")

    def cut(day: float) -> dt.datetime:
        return FIRST + dt.timedelta(days=day)

    for day in (59, 59.9, 60, 60.5, 70.5, 71, 40):
        holds(desk, cut(day))
    assert asked == [None, [week(30)], [week(30)], [week(50)], None]  # at the very instant, and behind it
    for day in (40, 42.8, 42.9, 43, 43.1, 43.2):  # reported at 40, due at 43
        holds(desk, cut(day))
    assert asked[5:] == [[week(40)]] * 3


def test_who_is_on_hold_for_too_long_counts_again(desk: Work, asked: Weeks) -> None:
    over = FIRST + dt.timedelta(days=21) + (at(9) - replaying.held_since(at(9)))
    with desk.transaction() as connection:
        case = add(connection, 20)  # due on day 23
        stepped(connection, case, 1, 21, "postpone", "on_hold")
        add(connection, 50)
    hour = dt.timedelta(hours=1)
    assert [holds(desk, cut) for cut in (over - hour, over + hour)] == [2, 1]  # it stands; then both are late
    assert asked == [None, [week(20)]]


@contextmanager
def other(work: Work) -> Iterator[Connection]:
    """A transaction of somebody else's, beside."""
    with work.engine.connect() as connection:
        yield connection
        connection.rollback()


def test_a_transaction_held_open_across_anothers_commit_is_not_missed(desk: Work, asked: Weeks) -> None:
    with desk.transaction() as connection:
        early, late = add(connection, 20), add(connection, 100)
    holds(desk, at(9))
    with other(desk) as slow:
        slow.execute(text(f"UPDATE cases SET n_rework = 5 WHERE id = {early}"))
        with desk.transaction() as quick:
            quick.execute(text(f"UPDATE cases SET n_rework = 6 WHERE id = {late}"))
        holds(desk, at(9))  # is kept, and has not seen the slow one, whose number is the smaller one
        slow.commit()
    holds(desk, at(9))
    assert asked == [None, [week(100)], [week(20)]]
    with other(desk) as undone:
        undone.execute(text(f"UPDATE cases SET n_rework = 9 WHERE id = {early}"))
    holds(desk, at(9))
    assert asked[3:] == []


def test_of_two_readers_the_later_moment_stays(desk: Work, asked: Weeks) -> None:
    with desk.transaction() as connection:
        case = add(connection, 20)
    holds(desk, at(9))
    with desk.transaction() as connection:
        connection.execute(text(f"UPDATE cases SET n_rework = 5 WHERE id = {case}"))
    with desk.snapshot() as early:
        cities.load_city(early)  # its moment begins
        with desk.transaction() as connection:
            connection.execute(text(f"UPDATE cases SET n_rework = 6 WHERE id = {case}"))
        holds(desk, at(9))
        kept, whole = answers(early, at(9))
        assert kept == whole
        assert "'n_rework': 5," in repr(kept)
    holds(desk, at(9))
    assert asked == [None, [week(20)], [week(20)]]


def test_who_marks_repeats_and_who_keeps_cells_do_not_wait_for_each_other(desk: Work, asked: Weeks) -> None:
    with desk.transaction() as connection:
        add(connection, 20)
    with other(desk) as marking:
        lock_originals(marking)
        holds(desk, at(9))
        assert n_of(desk, "cells_kept") == 1


@pytest.mark.parametrize("hidden", ["cells_kept", "cells_of_week", "case_change"])
def test_who_may_not_read_what_is_kept_counts_all(hidden: str, desk: Work, asked: Weeks) -> None:
    with desk.transaction() as connection:
        add(connection, 20)
    assert holds(desk, at(9)) == 1
    try:
        with servers.owner(desk).begin() as connection:
            connection.execute(text(f"CREATE ROLE {READER} BYPASSRLS"))
            connection.execute(text(f"GRANT {READER} TO gridmgmt_worker"))
            connection.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}"))
            connection.execute(text(f"REVOKE SELECT ON {hidden} FROM {READER}"))
        with desk.snapshot() as connection:
            connection.execute(text(f"SET LOCAL ROLE {READER}"))
            kept, whole = answers(connection, at(9))
    finally:
        with servers.owner(desk).begin() as connection:
            connection.execute(text(f"DROP OWNED BY {READER}"))
            connection.execute(text(f"DROP ROLE {READER}"))
    assert kept == whole != []
    assert asked == [None]


def test_who_counted_before_changes_were_forgotten_keeps_nothing(desk: Work, asked: Weeks) -> None:
    with desk.transaction() as connection:
        case = add(connection, 20)
    with desk.snapshot() as early:
        cities.load_city(early)
        with desk.transaction() as connection:
            connection.execute(text(f"UPDATE cases SET n_rework = 6 WHERE id = {case}"))
        with desk.transaction() as connection:
            add(connection, 30)
        holds(desk, at(9))
        until(lambda: n_of(desk, "case_change WHERE week < 'infinity'") == 0, lambda: changed(desk))
        kept_cells.drop(desk)
        kept, whole = answers(early, at(9))
        assert kept == whole
        assert n_of(desk, "cells_kept") == 0
    holds(desk, at(9))


def until(done: Callable[[], bool], again: Callable[[], object]) -> None:
    """Changes are forgotten only when no older transaction is under way in any database of the server."""
    for _ in range(200):
        if done():
            return
        time.sleep(0.05)
        again()
    assert done()


def changed(work: Work, keys: Sequence[str] = KEYS) -> None:
    """One case more, counted and kept."""
    with work.transaction() as connection:
        add(connection, 20)
    holds(work, at(9), keys)


def n_of(work: Work, rows: str) -> int:
    with work.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {rows}")).scalar_one())


def test_a_writer_that_dies_leaves_what_was_kept(desk: Work, asked: Weeks, monkeypatch: pytest.MonkeyPatch) -> None:
    with desk.transaction() as connection:
        case = add(connection, 20)
    holds(desk, at(9))
    with desk.transaction() as connection:
        connection.execute(text(f"UPDATE cases SET n_rework = 6 WHERE id = {case}"))

    def dies(connection: Connection, _seen: str) -> None:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with monkeypatch.context() as patched:
        patched.setattr(store, "_forget", dies)
        holds(desk, at(9))
    assert asked == [None, [week(20)]]
    holds(desk, at(9))
    holds(desk, at(9))
    assert asked[2:] == [[week(20)]]


def test_a_change_that_nobody_tells_is_noticed_by_these_tests(desk: Work, asked: Weeks) -> None:
    """The comparison above would fail: what is kept is really what is answered."""
    with desk.transaction() as connection:
        case = add(connection, 20)
    holds(desk, at(9))
    with tampered(desk) as connection:
        connection.execute(text(f"UPDATE cases SET n_rework = 6 WHERE id = {case}"))
    with pytest.raises(AssertionError):
        holds(desk, at(9))


def test_steps_taken_here_told_cases_a_second_edition_and_imports(desk: Work, tmp_path: Path, asked: Weeks) -> None:
    rows = [towns.case(f"X{n}", code, at=f"2025-12-0{n} 12:00") for n, code in enumerate(towns.COMMUNITIES, 1)]
    towns.load(desk, tmp_path, [*rows, towns.case("nowhere", None), towns.case("far", (120.0, 30.0))], day=2)
    for no in ("A", "B"):
        dispatched(desk, no, step("receive", 10, no))
    for cut in (at(12), at(12, 5), at(0, 35)):
        holds(desk, cut)
    take(desk, "send_back", 11, "A", day=3, reason="不属本单位")
    acted(desk, step("answer", 11, "B", day=3), step("verify", 12, "B", day=3), step("close", 13, "B", day=3))
    for cut in (at(12), at(12, 3), at(0, 35), at(12), at(12)):
        holds(desk, cut)
    grids = towns.shapes()
    grids["D1-1"], grids["D1-2"] = grids["D1-2"], grids["D1-1"]
    towns.add_edition(desk, tmp_path, "later", dt.date(2025, 12, 2), grids)
    assigning.reassign(desk)
    towns.load(desk, tmp_path, [towns.case("X1", "D2-2", at="2025-12-01 12:00", closed="2025-12-02 12:00")], day=3)
    for cut in (at(12), at(0, 35), at(12, 2)):
        holds(desk, cut)
    assert len(asked) > 5


def test_what_is_kept_is_bounded(desk: Work, asked: Weeks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_MOST_QUESTIONS", 2)
    with desk.transaction() as connection:
        add(connection, 20)
    for keys in (KEYS, KEYS[:1], KEYS[:2], KEYS[:3]):
        holds(desk, at(9), keys)
    assert n_of(desk, "cells_kept") == 2
    for n in range(5):
        with desk.transaction() as connection:
            add(connection, 30 + 10 * n)
        holds(desk, at(9), KEYS[:3])
    assert n_of(desk, "cells_of_week") <= 2 * 7
    monkeypatch.setattr(store, "_MOST_CHANGES", 3)
    with desk.transaction() as connection:
        add(connection, 20)
    holds(desk, at(9), KEYS[:3])
    until(lambda: n_of(desk, "case_change") == 1, lambda: changed(desk, KEYS[:3]))
    assert n_of(desk, "cells_kept") == 1


def test_changes_that_nobody_needs_are_forgotten_where_nothing_is_kept(
    desk: Work, asked: Weeks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_cells, "LEAST", 1_000)
    for n in range(4):
        with desk.transaction() as connection:
            add(connection, n)
    holds(desk, at(9))
    assert n_of(desk, "case_change") == 4
    monkeypatch.setattr(store, "_MOST_CHANGES", 1)
    with servers.owner(desk).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE case_change"))
    holds(desk, at(9))
    until(lambda: n_of(desk, "case_change") == 1, lambda: holds(desk, at(9)))
    assert n_of(desk, "cells_kept") == 0


def test_what_another_servers_dump_brought_is_not_believed(
    desk: Work, asked: Weeks, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk.transaction() as connection:
        add(connection, 20)
        connection.execute(text("INSERT INTO case_change VALUES (9000000000, 'infinity'), (9000000001, '2025-01-02Z')"))
    with monkeypatch.context() as patched:
        patched.setattr(store, "server_number", lambda _: 1)
        holds(desk, at(9))
    holds(desk, at(9))
    holds(desk, at(9))
    assert n_of(desk, "case_change WHERE xid > 8000000000") == 0
    assert n_of(desk, "cells_kept") >= 1


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
def test_a_writers_own_transaction_counts_all(level: Any, desk: Work, asked: Weeks) -> None:
    """It sees what nobody else does yet."""
    with desk.engine.connect().execution_options(isolation_level=level) as connection:
        add(connection, 20)
        kept, whole = answers(connection, at(9))
        connection.rollback()
    assert kept == whole != []
    assert asked == []
    assert holds(desk, at(9)) == 0


def test_an_assignment_marks_its_case(desk: Work, asked: Weeks) -> None:
    with desk.transaction() as connection:
        case = add(connection, 20)
        add(connection, 70)
    holds(desk, at(9))
    with desk.transaction() as connection:
        connection.execute(insert(t.assignment).values(case_id=case, located="outside", batch_id=0))
    holds(desk, at(9))
    assert asked == [None, [week(20)]]
