"""Several people at one case at once: one wins, the others are told, nothing is lost, nothing is there twice."""

import datetime as dt
import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gridmgmt.casework import transitions
from gridmgmt.casework.cases import Case, Step
from gridmgmt.casework.operations import cases
from gridmgmt.casework.operations.requests import Outcome, Request
from gridmgmt.casework.store import steps as step_store
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import CaseChanged, CaseExists, GridmgmtError, StepIllegal, StepRefused
from gridmgmt.files import spill
from gridmgmt.intake.operations import step_sheets
from gridmgmt.people.operations import reference
from gridmgmt.texts import word
from tests import servers
from tests.postgis import towns
from tests.postgis.database.test_writers import held, wait_until_blocked
from tests.postgis.towns import middle, select_all
from tests.postgis.worksite import acted
from tests.worlds import World

RULES = "category,level,grid_code,unit_code,valid_from,valid_to\n*,district,D1,U1,,\n*,district,D2,U2,,\n"
NINE = dt.datetime(2025, 12, 1, 9, tzinfo=dt.timezone(dt.timedelta(hours=8)))
BOTH_ROWS = "SELECT id FROM cases ORDER BY case_no FOR UPDATE"


def with_rules(empty: Work, tmp_path: Path) -> None:
    """The town with two units and a rule for each district."""
    towns.found(empty, tmp_path, units=["U1", "U2"])
    (tmp_path / "rules.csv").write_text(RULES, "utf-8")
    reference.import_rules(empty, tmp_path / "rules.csv")


@pytest.fixture
def town(world: World) -> Work:
    """The town with its rules."""
    return world(with_rules)


def report(no: str | None, place: str = "D1-1", at: dt.datetime | None = NINE, **more: Any) -> Request:
    lon, lat = middle(place)
    facts = {"source": "监督员上报", "category": "component:01001", "lon": lon, "lat": lat}
    return Request("report", "王某", no, at, facts=facts, **more)


def act(kind: str, no: str = "A", actor: str = "李某", **more: Any) -> Request:
    return Request(kind, actor, no, reason="现场情况", **more)


def ready(work: Work, *numbers: str) -> None:
    """Cases in the state of a dispatch."""
    for kind in ("report", "accept", "register", "dispatch"):
        requests = [report(no) if kind == "report" else act(kind, no, at=NINE) for no in numbers]
        assert all(o.case for o in cases.take(work, requests))


def try_one(work: Work, request: Request) -> Case | GridmgmtError:
    try:
        return acted(work, request)
    except GridmgmtError as e:
        return e


def at_once(work: Work, requests: Sequence[Request], lock: str = BOTH_ROWS) -> list[Case | GridmgmtError]:
    """Let everybody run into the same lock, then let them go."""
    with ThreadPoolExecutor(len(requests)) as pool:
        with held(work, lock):
            running = [pool.submit(try_one, work, r) for r in requests]
            wait_until_blocked(work, len(requests))
        return [r.result(60) for r in running]


def stored(work: Work) -> dict[str, tuple[dict[str, Any], list[Step]]]:
    """Case number → row and steps."""
    with work.snapshot() as connection:
        numbers = connection.execute(t.cases.select().with_only_columns(t.cases.c.case_no)).scalars().all()
        rows = step_store.found(connection, numbers)
        steps = step_store.of_cases(connection, [r["id"] for r in rows.values()])
        return {no: (row, steps.get(row["id"], [])) for no, row in rows.items()}


TIMES = (
    "reported_at", "accepted_at", "registered_at", "dispatched_at", "due_at", "due_extended_at",
    "handled_at", "closed_at", "voided_at", "reworked_at",
)  # fmt: skip


def require_sound(work: Work) -> None:
    """Every case has the steps 1 … n, and its row says what they add up to."""
    for no, (row, steps) in stored(work).items():
        assert [s.seq for s in steps] == list(range(1, len(steps) + 1)), no
        case = transitions.fold(no, steps)
        assert (row["status"], row["unit_code"], row["n_rework"]) == (case.state, case.unit_code, case.n_rework), no
        assert {name: row[name] for name in TIMES} == {name: getattr(case, name) for name in TIMES}, no
    versions = Counter(r[0] for r in select_all(work, t.case_version.c.case_id))
    assert set(versions) == {row["id"] for row, _ in stored(work).values()}


def test_of_two_who_saw_the_same_one_wins_and_the_other_is_told(town: Work) -> None:
    ready(town, "A")
    first, second = act("receive", actor="张某", expected=4), act("send_back", actor="赵某", expected=4)
    found = at_once(town, [first, second])
    (won,) = [x for x in found if isinstance(x, Case)]
    (lost,) = [x for x in found if isinstance(x, CaseChanged)]
    kind, actor = ("receive", "张某") if won.state == "handling" else ("send_back", "赵某")
    assert (lost.expected, lost.found, lost.step, lost.actor) == (4, 5, kind, actor)
    assert [s.actor for s in stored(town)["A"][1]] == ["王某", "李某", "李某", "李某", actor]
    require_sound(town)


def test_without_a_version_both_follow_and_an_illegal_second_is_refused(town: Work) -> None:
    ready(town, "A")
    found = at_once(town, [act("note", actor=name) for name in "甲乙丙丁"])
    assert sorted(x.n_steps for x in found if isinstance(x, Case)) == [5, 6, 7, 8]
    found = at_once(town, [act("receive", actor=name) for name in "甲乙丙"])
    assert sum(isinstance(x, Case) for x in found) == 1
    (one, two) = [x for x in found if isinstance(x, StepIllegal)]
    assert one.state == two.state == "handling"
    assert "answer" in one.legal
    require_sound(town)


def test_who_waited_for_a_case_acts_after_the_one_he_waited_for(town: Work) -> None:
    ready(town, "A")
    with ThreadPoolExecutor(1) as pool:
        with town.transaction() as connection:
            step_store.found(connection, ["A"], lock=True)
            waiting = pool.submit(try_one, town, act("note", actor="乙"))
            wait_until_blocked(town, 1)
            cases.take_within(connection, [act("note", actor="甲")])
        assert isinstance(waiting.result(60), Case)
    *_, first, second = stored(town)["A"][1]
    assert (first.actor, second.actor) == ("甲", "乙")
    assert first.at < second.at


def repeats(no: str, original: str) -> Request:
    return act("mark_repeat", no, facts={"repeat_of": original})


@pytest.mark.parametrize(
    ("stored_before", "asked"),
    [({}, (("A", "B"), ("B", "A"))), ({}, (("B", "A"), ("A", "B"))), ({"A": "B", "C": "D"}, (("B", "C"), ("D", "A")))],
    ids=["A first", "B first", "no row in common"],
)
def test_of_two_who_close_a_chain_of_originals_at_once_one_is_refused(
    stored_before: dict[str, str], asked: tuple[tuple[str, str], ...], town: Work
) -> None:
    """Each has locked his own case when the other one looks at it; together they would go round."""
    ready(town, "A", "B", "C", "D")
    assert all(isinstance(try_one(town, repeats(*pair)), Case) for pair in stored_before.items())
    with ThreadPoolExecutor(2) as pool:
        with town.transaction() as connection:
            cases.take_within(connection, [repeats(*asked[0])])
            late = pool.submit(try_one, town, repeats(*asked[1]))
            wait_until_blocked(town, 1)
        refused = late.result(60)
    assert isinstance(refused, StepRefused)
    assert refused.facts["why"] == "repeats_round"
    assert "成了循环" in word(refused.code, refused.facts, "zh")
    found = {no: row["repeat_of"] for no, (row, _) in stored(town).items() if row["repeat_of"]}
    assert found == {**stored_before, asked[0][0]: asked[0][1]}
    require_sound(town)


def test_a_number_is_opened_once(town: Work) -> None:
    key = f"SELECT pg_advisory_xact_lock({step_store.CLAIMS}, hashtext('A'))"
    found = at_once(town, [report("A", at=None) for _ in range(3)], key)
    assert sum(isinstance(x, Case) for x in found) == 1
    assert sum(isinstance(x, CaseExists) for x in found) == 2
    assert list(stored(town)) == ["A"]
    require_sound(town)


def test_numbers_of_a_day_are_given_once(town: Work) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = [f.result(60) for f in [pool.submit(try_one, town, report(None)) for _ in range(20)]]
    numbers = sorted(x.case_no for x in found if isinstance(x, Case))
    assert numbers == [f"C20251201{n:05}" for n in range(1, 21)]
    require_sound(town)


def test_two_bulk_files_in_opposite_order_do_not_block_each_other(town: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [f"N{i:02}" for i in range(12)]
    ready(town, *numbers)
    monkeypatch.setattr(cases, "CHUNK", 5)
    together = threading.Barrier(2, timeout=60)

    def run(order: list[str], actor: str) -> list[Outcome]:
        together.wait()
        return list(cases.take(town, [act("note", no, actor) for no in order for _ in range(2)]))

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(run, order, actor) for order, actor in ((numbers, "甲"), (numbers[::-1], "乙"))]
        outcomes = [o for r in running for o in r.result(60)]
    assert all(o.case for o in outcomes)
    assert {no: len(steps) for no, (_, steps) in stored(town).items()} == dict.fromkeys(numbers, 8)
    require_sound(town)


def test_bulk_steps_over_the_same_cases_meet_while_both_hold_rows(town: Work) -> None:
    """Both wait at the first case's row; whoever gets it gets the others as well, whatever order it asked in."""
    ready(town, "A", "B", "C")
    orders = (["A", "B", "C"], ["C", "B", "A"])
    with ThreadPoolExecutor(2) as pool:
        with held(town, "SELECT id FROM cases WHERE case_no = 'A' FOR UPDATE"):
            running = [pool.submit(lambda o=o: list(cases.take(town, [act("note", n) for n in o]))) for o in orders]
            wait_until_blocked(town, 2)
        assert all(o.case for r in running for o in r.result(60))
    require_sound(town)


def test_the_same_sheet_handed_in_twice_at_once_is_taken_once(
    town: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "CHUNK", 3)
    columns = step_sheets.step_profile("steps").file_columns()
    lines = [f"上报,2025-12-01 0{n}:00,来源" for n in range(1, 9)]
    places = {"步骤": 0, "时间": 1, "来源": 2}
    rows = [",".join(line.split(",")[places[c]] if c in places else "" for c in columns) for line in lines]
    path = tmp_path / "sheet.csv"
    path.write_text("\n".join([",".join(columns), *rows]) + "\n", "utf-8")
    together = threading.Barrier(3, timeout=60)

    def run(_: int) -> step_sheets.StepsReport:
        together.wait()
        return step_sheets.take_file(town.but(actor="李某"), path, "steps")

    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(run, range(3)))
    assert sum(r.n_taken for r in reports) == 8
    assert [r.n_taken + r.n_there for r in reports] == [8, 8, 8]
    assert reports[0].opened == reports[1].opened == reports[2].opened
    assert len(stored(town)) == 8
    require_sound(town)


# --- beside an import -------------------------------------------------------------------------------------------------

NEARLY_IN = "LOCK TABLE quarantine IN SHARE MODE"
"""An import waits for it at its end, with all its rows in the tables."""


def test_steps_are_taken_beside_an_import_and_only_its_own_cases_wait(town: Work, tmp_path: Path) -> None:
    ready(town, "A")
    towns.load(town, tmp_path, [towns.case(no, text="first", cat="01001") for no in ("M", "S")], day=1)
    rows = [
        towns.case("X", cat="01001"),
        towns.case("M", text="second", cat="01001"),
        towns.case("S", text="first", cat="01001"),
        towns.case("A", text="other", cat="01001"),
    ]
    versions = [{**row, "v": f"2026-01-0{1 if row['no'] == 'S' else 2} 08:00:00"} for row in rows]
    with ThreadPoolExecutor(4) as pool:
        with held(town, NEARLY_IN):
            loading = pool.submit(towns.load, town, tmp_path, versions, profile=towns.VERSIONED)
            wait_until_blocked(town, 1)
            assert isinstance(try_one(town, act("receive")), Case)
            assert isinstance(try_one(town, act("note", "S")), Case)
            assert isinstance(try_one(town, report("Y")), Case)
            waiting = [pool.submit(try_one, town, request) for request in (act("note", "M"), report("X"))]
            wait_until_blocked(town, 3)
            assert not any(future.done() for future in waiting)
        told = loading.result(60)
        noted, reported = (future.result(60) for future in waiting)
    assert (told.n_new, told.n_newer, told.n_unchanged, told.n_older) == (1, 1, 1, 1)
    assert isinstance(noted, Case)
    assert isinstance(reported, CaseExists)
    assert set(stored(town)) == {"A", "M", "S", "X", "Y"}
    assert stored(town)["M"][0]["description"] == "second"


@pytest.mark.parametrize(("day", "older", "refused"), [(1, 1, 0), (None, 0, 1)], ids=["older", "newer"])
def test_a_number_given_here_while_a_file_is_read_is_the_case_that_stands_here(
    day: int | None, older: int, refused: int, town: Work, tmp_path: Path
) -> None:
    """Nobody saw it when the file's rows were looked at: its row is judged once more, and the others are new."""
    numbers = iter([report("X")])

    def meanwhile(step: str, n: int, of: int | None = None) -> None:
        if step == "merge":
            assert isinstance(try_one(town, next(numbers)), Case)

    rows = [towns.case(no, cat="01001", v="2099-01-01 00:00:00") for no in ("W", "X", "Z")]
    profile = towns.CASES if day else towns.VERSIONED
    told = towns.load(town.but(progress=meanwhile), tmp_path, rows, day=day, profile=profile)
    assert (told.n_new, told.n_older, told.n_quarantined) == (2, older, refused)
    assert told.reasons == ({"case_lives_here": 1} if refused else {})
    assert set(stored(town)) == {"W", "X", "Z"}
    assert [s.kind for s in stored(town)["X"][1]] == ["report"]
    assert len(select_all(town, t.assignment.c.id)) == 3


def test_a_writer_who_waits_for_an_import_keeps_nobody_from_steps(town: Work, tmp_path: Path) -> None:
    ready(town, "A")
    units = tmp_path / "units.csv"
    units.write_text("code,name_zh,name_en,kind,parent_code\nU9,单位,Unit,,\n", "utf-8")
    with ThreadPoolExecutor(2) as pool:
        with held(town, NEARLY_IN):
            loading = pool.submit(towns.load, town, tmp_path, [towns.case("X", cat="01001")], day=1)
            wait_until_blocked(town, 1)
            changing = pool.submit(reference.import_units, town, units)
            wait_until_blocked(town, 2)
            assert isinstance(try_one(town, act("receive")), Case)
            assert not changing.done()
        assert loading.result(60).n_new == 1
        assert changing.result(60).n_new == 1


BLOCKS = text("""
    SELECT sum(pg_stat_get_xact_blocks_fetched(c.oid))
    FROM pg_class AS c LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
    WHERE 'cases'::regclass IN (c.oid, i.indrelid)
""")
"""How many pages of the table of cases and its indexes a transaction has looked at."""


@contextmanager
def nearly_in(town: Work, folder: Path) -> Iterator[None]:
    """An import of 3 000 cases has copied them all and is not committed; it ends afterwards."""
    with ThreadPoolExecutor(1) as pool:
        with held(town, NEARLY_IN):
            rows = [towns.case(f"X{n}", cat="01001") for n in range(3_000)]
            loading = pool.submit(towns.load, town, folder, rows, day=1)
            wait_until_blocked(town, 1)
            yield
        assert loading.result(60).n_new == 3_000


def test_whoever_counts_the_tables_beside_an_import_makes_no_step_walk_through_its_rows(
    town: Work, tmp_path: Path
) -> None:
    """As autovacuum counts them: it would see the import's pages without its rows, and steps be planned by that."""
    ready(town, "A")
    with nearly_in(town, tmp_path):
        with servers.owner(town).begin() as connection:
            connection.execute(text("ANALYZE (SKIP_LOCKED) cases, case_version, assignment, reporter"))
        with town.transaction() as connection:
            (outcome,) = cases.take_within(connection, [act("receive")])
            n_blocks = connection.execute(BLOCKS).scalar_one()
    assert outcome.case is not None
    assert 0 < n_blocks < 1_000, "one look through a small table is cheap; a page for each of its 3 000 rows is not"


def test_the_server_knows_how_many_rows_an_import_has_brought(
    town: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Triggers that look rows up are planned by it: else each part would read all that came before."""
    monkeypatch.setattr(spill, "BATCH_ROWS", 100)
    ready(town, "A")
    with servers.owner(town).begin() as connection:
        connection.execute(text("ANALYZE cases"))
    with nearly_in(town, tmp_path), town.engine.connect() as connection:
        known = connection.execute(text("SELECT reltuples FROM pg_class WHERE relname = 'cases'")).scalar_one()
    assert known >= 3_000 / 2


REPEATING = towns.VERSIONED.replace("  is_repeat: repeat\n", "  repeat_of: who\n").replace("  reporter_name: who\n", "")


def test_who_marks_a_duplicate_beside_an_import_that_names_one_sees_what_it_says(town: Work, tmp_path: Path) -> None:
    ready(town, "B")
    towns.load(town, tmp_path, [towns.case("A", cat="01001", v="2026-01-01 08:00:00")], profile=REPEATING)
    row = towns.case("A", cat="01001", who="B", v="2026-01-02 08:00:00")
    with ThreadPoolExecutor(2) as pool:
        with held(town, NEARLY_IN):
            loading = pool.submit(towns.load, town, tmp_path, [row], profile=REPEATING)
            wait_until_blocked(town, 1)
            waiting = pool.submit(try_one, town, repeats("B", "A"))
            wait_until_blocked(town, 2)
        assert loading.result(60).n_newer == 1
        refused = waiting.result(60)
    assert isinstance(refused, StepRefused)
    assert refused.facts["why"] == "repeats_round"
    assert {no: row["repeat_of"] for no, (row, _) in stored(town).items()} == {"A": "B", "B": None}


# --- everybody at everything ------------------------------------------------------------------------------------------

KINDS = ("accept", "register", "dispatch", "receive", "answer", "verify", "fail", "close", "send_back", "note", "void")
N_THREADS, N_CASES, N_EACH = 4, 6, 45


def plan(seed: int, thread: int) -> list[list[Request]]:
    """Portions of requests as one person makes them: single ones, and bulk ones in any order of cases."""
    rng = random.Random(f"{seed} {thread}")
    out, n = [], 0
    while n < N_EACH:
        size = rng.choice((1, 1, 1, 5))
        portion = []
        for _ in range(size):
            no, kind = f"N{rng.randrange(N_CASES)}", rng.choice(KINDS[:-1]) if rng.random() < 0.98 else "void"
            expected = rng.choice((None, None, rng.randrange(1, 9)))
            portion.append(act(kind, no, f"{thread}-{n}", ref=f"{seed}:{thread}:{n}", expected=expected))
            n += 1
        out.append(portion)
    return out


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.night) for n in range(1, 30))])
def test_whatever_four_people_do_at_once_every_accepted_step_is_there_once(seed: int, town: Work) -> None:
    assert all(o.case for o in cases.take(town, [report(f"N{i}", "D2-1") for i in range(N_CASES)]))
    together = threading.Barrier(N_THREADS, timeout=60)

    def work(thread: int) -> list[Outcome]:
        together.wait()
        return [o for portion in plan(seed, thread) for o in cases.take(town, portion)]

    with ThreadPoolExecutor(N_THREADS) as pool:
        outcomes = [o for done in pool.map(work, range(N_THREADS)) for o in done]
    faults = [o.fault for o in outcomes if o.fault is not None]
    assert {type(f) for f in faults} <= {StepIllegal, CaseChanged}  # nobody's time lies before another's step
    accepted = [o.request for o in outcomes if o.case is not None]
    assert len(accepted) + len(faults) == len(outcomes)
    assert len(accepted) > N_CASES
    there = Counter((r[0], r[1], r[2]) for r in select_all(town, t.step.c.ref, t.step.c.kind, t.step.c.actor) if r[0])
    assert there == Counter((r.ref, r.kind, r.actor) for r in accepted)
    require_sound(town)
    again = [o for thread in range(N_THREADS) for portion in plan(seed, thread) for o in cases.take(town, portion)]
    assert not [o for o in again if o.case is not None and o.request in accepted]
