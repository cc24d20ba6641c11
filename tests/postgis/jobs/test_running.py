"""A job is done with its effect or not at all: wherever it is killed, another try ends it once."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from gridmgmt.access.operations import auditing, users
from gridmgmt.database.work import Connection, Work, open_database
from gridmgmt.errors import AccessDenied, DatabaseLost, JobMissing, JobUnfinished
from gridmgmt.jobs.kinds import ExportAsked, Job, RetryAsked, ScoringAsked
from gridmgmt.jobs.operations import asking, deeds, following, running
from gridmgmt.jobs.operations.running import Doors
from gridmgmt.jobs.store import files, jobs
from gridmgmt.settings import Settings
from tests.postgis.jobs.desk import as_, case, handed_in, kept, values


def test_an_import_is_done_as_who_asked_and_its_file_goes(doors: Doors, tmp_path: Path) -> None:
    job = handed_in(doors, tmp_path, case("A"), case("B", at="yesterday"))
    assert (job.state, job.login, job.file) == ("waiting", "centre", "cases.csv")
    assert kept(doors) == {job.file_sha256}
    running.run(doors, job.id)
    done = following.one(as_(doors, "centre"), job.id)
    assert (done.state, done.n_tries, done.error) == ("done", 1, None)
    assert done.result is not None
    assert (done.result["n_new"], done.result["n_quarantined"]) == (1, 1)
    assert kept(doors) == set()
    assert values(doors.work, "SELECT file FROM batch WHERE kind = 'cases'") == ["cases.csv"]
    by = "SELECT a.name FROM batch AS b JOIN actor AS a ON a.id = b.actor_id WHERE b.kind = 'cases'"
    assert values(doors.work, by) == ["centre"]
    (row, *_) = auditing.listed(doors.work, limit=1)
    assert (row["login"], row["deed"], row["facts"]["jobs"]) == ("centre", "job import", [job.id])
    running.run(doors, job.id)
    assert following.one(doors.work, job.id).n_tries == 1, "what is done is not begun again"


def test_a_dry_run_reports_and_leaves_nothing(doors: Doors, tmp_path: Path) -> None:
    job = handed_in(doors, tmp_path, case("A"), dry_run=True)
    running.run(doors, job.id)
    done = following.one(doors.work, job.id)
    assert (done.state, (done.result or {})["n_new"]) == ("done", 1)
    assert values(doors.work, "SELECT case_no FROM cases") == []


def _killed(settings: Settings, number: int, at: int, when: str) -> None:
    """Try a job and die at the n-th statement, or at the n-th commit: before it, or right behind it."""
    n = 0

    def count(*_: object) -> None:
        nonlocal n
        n += 1
        if n == at:
            os.kill(os.getpid(), signal.SIGKILL)

    doors = Doors(open_database(settings), open_database(settings, "web"), settings.files_root)
    for work in (doors.work, doors.web):
        if when == "behind":
            _behind(work, count)
        else:
            event.listen(work.engine, "before_cursor_execute" if when == "statement" else "commit", count)
    running.run(doors, number)
    os._exit(0)


def _behind(work: Work, count: Callable[[], None]) -> None:
    dialect = work.engine.dialect
    commit = dialect.do_commit

    def committed(connection: object) -> None:
        commit(connection)
        count()

    dialect.do_commit = committed  # type: ignore[method-assign]


def _child(settings: Settings, number: int, at: int, when: str) -> int:
    process = get_context("fork").Process(target=_killed, args=(settings, number, at, when))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _let_go(doors: Doors, number: int) -> None:
    """Wait until the database has seen that whoever was at a job is dead."""
    for _ in range(200):
        if running.is_free(doors, number):
            return
        time.sleep(0.05)
    raise AssertionError(f"job {number} is held")


@pytest.mark.crash
def test_wherever_it_dies_the_next_try_finishes_it_and_its_effect_is_there_once(
    settings: Settings, doors: Doors, tmp_path: Path
) -> None:
    points = [(when, n) for n in (1, 4, 6, 7, 8) for when in ("before", "behind")]
    points += [("statement", n) for n in (12, 40, 70)]
    n_killed, n_done = 0, 0
    for place, (when, at) in enumerate(points):
        job = handed_in(doors, tmp_path, case(f"A{place}"))
        if _child(settings, job.id, at, when) != -signal.SIGKILL:
            continue
        n_killed += 1
        n_done += following.one(doors.work, job.id).state == "done"
        _let_go(doors, job.id)
        running.run(doors, job.id)
        done = following.one(doors.work, job.id)
        assert done.state == "done", (when, at)
        assert (done.result or {})["n_new"] == 1, (when, at)
        batches = "SELECT count(*) FROM batch WHERE kind = 'cases' AND file_sha256 = "
        assert values(doors.work, f"{batches}'{job.file_sha256}'") == [1], (when, at)
        assert kept(doors) <= {job.file_sha256}
    assert n_killed > 8
    assert 0 < n_done < n_killed, "some died behind the commit, some before it"


def test_cancelled_while_it_waits_or_runs_nothing_of_it_stays(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre = as_(doors, "centre")
    job = handed_in(doors, tmp_path, case("A"))
    assert following.cancel(centre, job.id).state == "cancelled"
    running.run(doors, job.id)
    assert following.one(centre, job.id).n_tries == 0

    job = handed_in(doors, tmp_path, case("A"))
    tell = jobs.tell

    def cancelled_meanwhile(connection: Connection, found: Job, progress: Mapping[str, Any]) -> bool:
        if progress["step"] == "merge":
            assert following.cancel(centre, job.id).state == "running", "it is asked to stop"
        return tell(connection, found, progress)

    monkeypatch.setattr(jobs, "tell", cancelled_meanwhile)
    running.run(doors, job.id)
    ended = following.one(centre, job.id)
    assert (ended.state, ended.result) == ("cancelled", None)
    assert values(doors.work, "SELECT case_no FROM cases") == []
    assert kept(doors) == set()
    assert following.cancel(centre, job.id) == ended, "what ended stays as it is"


def test_a_cancel_that_comes_before_the_commit_wins(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, end = handed_in(doors, tmp_path, case("A")), jobs.end

    def cancelled_first(connection: Connection, found: Job, state: Any, **more: Any) -> bool:
        if state == "done":
            following.cancel(as_(doors, "centre"), job.id)
        return end(connection, found, state, **more)

    monkeypatch.setattr(jobs, "end", cancelled_first)
    running.run(doors, job.id)
    assert following.one(doors.work, job.id).state == "cancelled"
    assert values(doors.work, "SELECT case_no FROM cases") == []


def test_a_worker_that_was_thought_dead_finishes_nothing(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, end = handed_in(doors, tmp_path, case("A")), jobs.end
    tries = []

    def overtaken(connection: Connection, found: Job, state: Any, **more: Any) -> bool:
        tries.append(found.n_tries)
        if found.n_tries == 1 and state == "done":
            with doors.work.sealing() as other:
                assert (second := jobs.begin(other, job.id)) is not None
                assert second.n_tries == 2
        return end(connection, found, state, **more)

    monkeypatch.setattr(jobs, "end", overtaken)
    running.run(doors, job.id)
    assert values(doors.work, "SELECT case_no FROM cases") == []
    assert (following.one(doors.work, job.id).state, tries) == ("running", [1, 1])
    running.run(doors, job.id)
    assert (following.one(doors.work, job.id).n_tries, values(doors.work, "SELECT case_no FROM cases")) == (3, ["A"])


def test_a_job_that_somebody_is_at_is_not_begun_again(doors: Doors, tmp_path: Path) -> None:
    job = handed_in(doors, tmp_path, case("A"))
    with running._taken(doors, job.id):
        assert not running.is_free(doors, job.id)
        with pytest.raises(running.Taken):
            running.run(doors, job.id)
        assert following.one(doors.work, job.id).n_tries == 0
    assert running.is_free(doors, job.id)
    running.run(doors, job.id)
    assert following.one(doors.work, job.id).state == "done"


def test_how_far_it_is_is_told_while_it_runs(doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, told = handed_in(doors, tmp_path, case("A")), []
    tell = jobs.tell

    def seen(connection: Connection, found: Job, progress: Mapping[str, Any]) -> bool:
        told.append((progress["step"], following.one(as_(doors, "centre"), job.id).state))
        return tell(connection, found, progress)

    monkeypatch.setattr(jobs, "tell", seen)
    running.run(doors, job.id)
    assert [step for step, _ in told][:2] == ["begin", "read"]
    assert {state for _, state in told} == {"running"}
    assert following.one(doors.work, job.id).progress is not None


def test_a_worker_that_stops_leaves_the_job_to_another(doors: Doors, tmp_path: Path) -> None:
    job = handed_in(doors, tmp_path, case("A"))
    looked = iter([False, True])
    with pytest.raises(running.Stopped):
        running.run(doors, job.id, lambda: next(looked))
    assert following.one(doors.work, job.id).state == "waiting"
    running.run(doors, job.id)
    assert following.one(doors.work, job.id).state == "done"


def test_what_the_database_lacks_is_tried_again_and_given_up_at_last(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = handed_in(doors, tmp_path, case("A"))

    def lost(*_: object) -> None:
        raise DatabaseLost(reason={"code": "by_program", "text": "gone"})

    monkeypatch.setitem(deeds.DEEDS, "import", lost)  # type: ignore[misc]
    for _ in range(running.MOST_TRIES):
        with pytest.raises(DatabaseLost):
            running.run(doors, job.id)
        assert following.one(doors.work, job.id).state == "waiting"
    running.run(doors, job.id)
    assert (found := following.one(doors.work, job.id)).state == "failed"
    assert (found.error or {})["code"] == "database_lost"


def test_what_is_wrong_in_the_file_is_told_and_not_tried_again(doors: Doors, tmp_path: Path) -> None:
    job = handed_in(doors, tmp_path, case("A"))
    files.path_of(doors.root, str(job.file_sha256)).write_text("no,table\n1,2\n")
    running.run(doors, job.id)
    found = following.one(doors.work, job.id)
    assert (found.state, (found.error or {})["code"]) == ("failed", "column_missing")
    assert auditing.listed(doors.work, limit=1)[0]["outcome"] == "failed"


REFUSED = [
    ("d1", asking.retry_quarantine, RetryAsked()),
    ("look", asking.export, ExportAsked(list="cases", format="csv")),
    ("d1", asking.score, ScoringAsked(rulebook="grid_baseline", period="2025-06")),
]


@pytest.mark.parametrize(("login", "ask", "asked"), REFUSED)
def test_who_may_not_do_it_may_not_ask_for_it(doors: Doors, login: str, ask: Callable[..., Job], asked: Any) -> None:
    with pytest.raises(AccessDenied):
        ask(as_(doors, login), asked)
    assert following.listing(doors.work) == []


def test_whoever_may_not_do_it_any_more_when_it_begins_is_refused(doors: Doors, town: Work, tmp_path: Path) -> None:
    job = handed_in(doors, tmp_path, case("A"))
    users.change(town, "centre", posts=["viewer"])
    running.run(doors, job.id)
    assert (following.one(doors.work, job.id).error or {})["code"] == "access_denied"
    users.change(town, "centre", posts=["city_centre"])
    job = handed_in(doors, tmp_path, case("A"))
    users.change(town, "centre", is_disabled=True)
    running.run(doors, job.id)
    assert (following.one(doors.work, job.id).error or {})["code"] == "account_missing"
    assert values(doors.work, "SELECT case_no FROM cases") == []


def test_a_job_is_seen_by_who_asked_and_by_who_sees_all(doors: Doors, tmp_path: Path) -> None:
    job = handed_in(doors, tmp_path, case("A"), login="bot")
    own = asking.export(as_(doors, "d1"), ExportAsked(list="grids", format="csv"))
    seen = {who: {x.id for x in following.listing(as_(doors, who))} for who in ("bot", "centre", "boss", "d1", "look")}
    assert seen == {"bot": {job.id}, "centre": {job.id, own.id}, "boss": {job.id, own.id}, "d1": {own.id},
                    "look": set()}  # fmt: skip
    for act in (following.one, following.cancel):
        with pytest.raises(JobMissing):
            act(as_(doors, "d1"), job.id)
    with pytest.raises(AccessDenied):  # how it stands, and not what somebody else was given
        following.result(as_(doors, "boss"), doors.root, job.id)
    for who in ("bot", None):
        with pytest.raises(JobUnfinished):
            following.result(as_(doors, who) if who else doors.work, doors.root, job.id)
