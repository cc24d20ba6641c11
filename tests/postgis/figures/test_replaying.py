"""The same cut-off gives the same figures, whatever is done afterwards; and cases whose clock stands are not due."""

import datetime as dt
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import select

from gridmgmt.assessing.operations import scoring
from gridmgmt.assessing.operations.scoring import Made
from gridmgmt.assessing.store import assessments
from gridmgmt.casework import transitions
from gridmgmt.casework.cases import Case, Step
from gridmgmt.casework.operations import cases
from gridmgmt.casework.operations.requests import Request
from gridmgmt.casework.store import steps as step_store
from gridmgmt.database import batches, cities
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.documents import canonical, plain
from gridmgmt.figures.operations import period_counts, replaying, step_counts
from gridmgmt.figures.store.period_cases import WorkedAfter, worked_after
from gridmgmt.people.operations import assigning, reference
from gridmgmt.people.store import units as store_units
from gridmgmt.periods import parse_period
from tests.postgis import district, towns
from tests.postgis.towns import load, middle
from tests.postgis.worksite import RULES, acted, at, dispatched, opened, reported, staggered, step, take

BOOKS = ("xihu", "beijing_grid", "ningbo_district", "city_department_annex2", "grid_baseline")


def digest_of(made: Made) -> str:
    """Of an assessment's documents, without its header."""
    return hashlib.sha256(canonical([plain(d) for d in made.subjects]).encode()).hexdigest()


def told(work: Work, cut: Any, books: tuple[str, ...] = BOOKS) -> dict[str, str]:
    """Rulebook → digest of all its documents at a cut-off."""
    out = {}
    for book in books:
        made = scoring.score(work, book, parse_period("2025-12"), as_of=cut)
        out[book] = digest_of(made)
    return out


def test_later_steps_change_nothing_at_an_earlier_cut_off(
    desk: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "CHUNK", 3)
    export = towns.case("X", at="2025-12-01 07:00", cat="01001", reg="2025-12-01 08:00", unit="U1")
    load(desk, tmp_path, [export], day=2)
    for no in ("sent_on", "moved", "held", "extended", "named", "closed"):
        dispatched(desk, no, step("receive", 10, no))
    take(desk, "supervise", 10, "moved", reason="批示", order_kind="leader", due_at=at(11).isoformat())
    take(desk, "ask_extension", 10.5, "extended", reason="下雨", amount="3", amount_unit="工作日")
    take(desk, "ask_postponement", 10.5, "held", reason="待配件")
    take(desk, "postpone", 11, "held")
    take(desk, "send_back", 11, "sent_on", reason="不属本单位")
    before = {cut: told(desk, cut) for cut in (at(12), at(12, 5))}
    lon, lat = middle("D2-1")
    take(desk, "dispatch", 13, "sent_on", day=5, unit="U2")
    take(desk, "move", 13, "moved", day=5, reason="录错", lon=lon, lat=lat)
    take(desk, "reclassify", 13, "moved", day=5, reason="录错", category="matter:06010")
    take(desk, "resume", 13, "held", day=5)
    take(desk, "extend", 13, "extended", day=5)
    take(desk, "mark_repeat", 13, "named", day=5, reason="同一地点")
    take(desk, "void", 14, "named", day=5, reason="重复")
    kinds = ("answer", "verify", "fail", "receive", "answer", "verify", "close")
    acted(desk, *(step(kind, 13, "closed", day=5, reason="x") for kind in kinds))
    take(desk, "dispatch", 14, "X", day=5)
    after = {cut: told(desk, cut) for cut in (at(12), at(12, 5))}
    assert after == before
    assert told(desk, at(15, 5), ("xihu",))["xihu"] != before[at(12, 5)]["xihu"]


def counts(work: Work, cut: Any) -> dict[str, int]:
    with work.snapshot() as connection:
        found = period_counts.figures(connection, cities.load_city(connection), parse_period("2025-12"), cut)
        return {name: int(condition(found.case_rows).sum()) for name, condition in found.conditions.items()}


def test_a_case_moved_out_of_the_period_by_a_later_dispatch_counts_there_as_it_did(desk: Work) -> None:
    dispatched(desk, "A")  # due on 1 December, 15:30
    take(desk, "send_back", 16, "A", reason="不属本单位")
    assert counts(desk, at(15.9))["n_due"] == 1
    acted(desk, Request("dispatch", "李某", "A", at(9, 40), "U2"))  # in January
    assert counts(desk, at(15.9))["n_due"] == 1
    assert counts(desk, at(0, 32))["n_due"] == 1  # late before it was sent back
    assert counts(desk, at(9, 41))["n_due"] == 0


def test_on_hold_or_sent_back_no_deadline_runs(desk: Work) -> None:
    for no in ("runs", "held", "sent_back"):
        dispatched(desk, no, step("receive", 10, no))
    take(desk, "ask_postponement", 10.5, "held", reason="待配件")
    take(desk, "postpone", 11, "held")
    take(desk, "send_back", 11, "sent_back", reason="不属本单位")
    found = counts(desk, at(9, 9))
    assert (found["n_due"], found["n_untimely"], found["n_overdue_open"]) == (1, 1, 1)
    take(desk, "resume", 10, "held", day=9)  # 2 ½ of 4 working hours left: due at 14:30
    assert counts(desk, at(14.5, 9))["n_due"] == 2
    assert [counts(desk, at(hour, 9))["n_untimely"] for hour in (14.5, 14.6)] == [1, 2]


def test_what_was_late_before_it_was_sent_back_or_held_stays_due(desk: Work) -> None:
    for no in ("held", "sent_back"):
        dispatched(desk, no, step("receive", 10, no))  # due at 15:30
    take(desk, "ask_postponement", 15, "held", reason="待配件")
    take(desk, "postpone", 16, "held")
    take(desk, "send_back", 16, "sent_back", reason="不属本单位", agreed=True)
    for cut in (at(9, 2), at(9, 9)):
        assert counts(desk, cut)["n_untimely"] == 2, cut
    take(desk, "dispatch", 9, "sent_back", day=10, unit="U2")
    assert counts(desk, at(9, 9))["n_untimely"] == 2


def test_accounts_and_counts_know_the_same_at_one_cut_off(desk: Work) -> None:
    """Void, or granted more time, after the period: by that cut-off there was no failure in the period."""
    for no in ("voided", "extended"):
        dispatched(desk, no, step("receive", 10, no))  # due at 15:30
    take(desk, "ask_extension", 11, "extended", reason="下雨", due_at=at(12, 40).isoformat())
    take(desk, "void", 9, "voided", day=35, reason="重复")
    take(desk, "extend", 9, "extended", day=35)
    for cut, names in ((at(0, 32), {"voided", "extended"}), (at(12, 35), set())):
        made = scoring.score(desk, "beijing_grid", parse_period("2025-12"), as_of=cut)
        city = next(d for d in made.subjects if d.subject.code == "C")
        accounts = city.inputs["accounts"].value
        assert {a["id"] for a in accounts if "missed" in a["steps"]} == names, cut
        with desk.snapshot() as connection:
            frame = step_counts.steps_of_period(connection, at(0), at(0, 32), cut, ["n_hang_failures"])
        assert set(frame[frame["kind"] == "hang_failure"]["case_no"]) == names, cut


def test_a_replayed_row_is_the_version_that_stood_then(desk: Work) -> None:
    """Steps of one sheet leave a version each: whatever the cut-off, its row has one that bears its hash."""
    case = opened(desk, "A")
    sheet = [("accept", 9.1), ("register", 9.2), ("dispatch", 9.5), ("receive", 10.0), ("answer", 11.0)]
    list(cases.take(desk, [Request(kind, "李某", "A", at(hour)) for kind, hour in sheet]))
    with desk.snapshot() as connection:
        versions = set(connection.execute(select(t.case_version.c.content_hash)).scalars())
        assert len(versions) == 6
        for hour in (9.0, 9.15, 9.3, 9.6, 10.5):
            (row,) = replaying.folded(connection, ["A"], at(hour)).to_dict("records")
            assert row["content_hash"] in versions, hour
        assert worked_after(connection, at(11)) == WorkedAfter(0, [], [], [], [])
        assert worked_after(connection, at(8)) == WorkedAfter(0, [], [], [], [])  # not reported by then
    assert case.reported_at == at(9)


def test_before_the_first_step_here_a_case_is_what_its_export_said(desk: Work, tmp_path: Path) -> None:
    load(
        desk, tmp_path, [towns.case("X", at="2025-12-01 07:00", cat="01001", reg="2025-12-01 08:00", unit="U1")], day=2
    )

    def frame() -> list[dict[str, str]]:
        with desk.snapshot() as connection:
            whole = period_counts.figures(connection, cities.load_city(connection), parse_period("2025-12"), at(12, 3))
            return [{k: str(v) for k, v in row.items()} for row in whole.case_rows.frame.to_dict("records")]

    before = frame()
    take(desk, "dispatch", 14, "X", day=5)
    assert len(before) == 1
    assert frame() == before


def logged(work: Work, no: str, *told: tuple[str, dt.datetime]) -> None:
    """Steps of another system's log that tell a case from its report to ``told``."""
    steps = [
        ("report", at(7)),
        ("accept", at(7.5)),
        ("register", at(8)),
        ("dispatch", at(8)),
        ("receive", at(8)),
        *told,
    ]
    with work.transaction() as connection:
        case, rows = Case(no), []
        case_id = step_store.found(connection, [no])[no]["id"]
        for kind, when in steps:
            step = Step(kind, when, "张某", "U1", "x", origin="imported")
            case = transitions.follow(case, step)
            rows.append((case_id, replace(step, seq=case.n_steps), case.state, None))
        batch_id = batches.new_batch(connection, "steps")
        step_store.append(connection, rows, batch_id, batches.stamp_batch(connection, batch_id))


def test_a_step_log_tells_what_stands_unless_the_export_tells_more(desk: Work, tmp_path: Path) -> None:
    told = {
        "at": "2025-12-01 07:00",
        "cat": "01001",
        "reg": "2025-12-01 08:00",
        "due": "2025-12-03 12:00",
        "unit": "U1",
    }
    sent_back = {"at": "2025-12-01 07:00", **told}
    profile = towns.CASES.replace("  handled_at: handled\n", "  handled_at: handled\n  dispatched_at: who\n")
    exports = {
        "no_log": {}, "held": {}, "sent_back": {}, "sent_back_later": {},
        "closed_since": {"closed": "2025-12-03 10:00"}, "sent_on": {"who": "2025-12-02 12:00"},
        "sent_on_later": {"who": "2025-12-05 12:00"},
    }  # fmt: skip
    rows = [towns.case(no, **{**sent_back, **more}) for no, more in exports.items()]
    load(desk, tmp_path, rows, day=2, profile=profile)
    for no in exports:
        if no == "held":
            logged(desk, no, ("ask_postponement", at(9)), ("postpone", at(9, 2)))
        elif no != "no_log":
            logged(desk, no, ("send_back", at(9, 4 if no == "sent_back_later" else 2)))

    def due(cut: dt.datetime) -> set[str]:
        with desk.snapshot() as connection:
            found = period_counts.figures(connection, cities.load_city(connection), parse_period("2025-12"), cut)
            return set(found.case_rows.frame["case_no"][found.conditions["n_due"](found.case_rows)])

    before = due(at(12, 3))
    assert before == {"no_log", "sent_back_later", "closed_since", "sent_on"}
    assert due(at(12, 5)) == {"no_log", "closed_since", "sent_on", "sent_on_later", "sent_back_later"}  # late before
    for no in exports:  # worked on here since: at the cut-off the log still tells
        take(desk, "note", 9, no, day=6, reason="x")
    assert due(at(12, 3)) == before


def test_a_rule_that_no_reassignment_applied_moves_no_case_at_an_earlier_cut_off(desk: Work, tmp_path: Path) -> None:
    opened(desk, "A")
    take(desk, "accept", 9.1, "A")
    take(desk, "register", 9.2, "A")

    def answers() -> dict[str, int]:
        with desk.snapshot() as connection:
            found = period_counts.figures(
                connection, cities.load_city(connection), parse_period("2025-12"), at(12), by=["unit_id"]
            )
            units = {n: code for code, n in store_units.unit_ids(connection).items()}
            return {code: int(c["n_registered"]) for code, c in period_counts.by_unit(found, units).items() if c}

    before = answers()
    assert (before["U1"], before["U2"]) == (1, 0)
    (tmp_path / "new.csv").write_text(RULES + "component:01001,district,D1,U2,,\n", "utf-8")
    reference.import_rules(desk, tmp_path / "new.csv")
    take(desk, "dispatch", 9, "A", day=2, unit="U9")
    take(desk, "send_back", 10, "A", day=2, reason="x")
    assert answers() == before
    assigning.reassign(desk)
    assert (answers()["U1"], answers()["U2"]) == (0, 1)


def test_repeats_are_those_of_the_cut_off(desk: Work) -> None:
    lon, lat = middle("D1-1")
    district.add_layer(desk, "roads", {"R1": ("main", shapely.LineString([(lon - 0.001, lat), (lon + 0.001, lat)]))})
    for n, no in enumerate(("first", "second", "apart")):
        report = reported(no, category="matter:06010", place="D1-2" if no == "apart" else "D1-1")
        acted(desk, report, *staggered(no, n))

    def repeats(cut: dt.datetime) -> Any:
        made = scoring.score(desk, "city_department_annex2", parse_period("2025-12"), as_of=cut)
        document = next(d for d in made.subjects if d.subject.code == "U1")
        return document.inputs["repeat_cases"].value

    assert [repeats(at(hour)) for hour in (9.25, 12)] == [0, 1]
    take(desk, "void", 13, "first", reason="误立")
    take(desk, "move", 14, "apart", reason="录错", lon=lon, lat=lat)
    assert [repeats(at(hour)) for hour in (9.25, 12, 13.5, 14.5)] == [0, 1, 0, 1]


@pytest.mark.night
def test_other_periods_are_cut_off_at_their_own_end_whatever_was_known_when(desk: Work) -> None:
    """A November case, taken in when only its first days were known: comparisons and months do not change with it."""
    lon, lat = middle("D1-1")
    acted(desk, Request("report", "王某", "A", at(9, -10), facts={"lon": lon, "lat": lat}))
    with desk.transaction() as connection:
        connection.execute(t.batch.update().values(known_at=at(8, -10)))

    def digests() -> tuple[str, dict[str, str]]:
        """Of a month compared with the one before, and of the months of a year."""
        made = scoring.score(desk, "grid_baseline", parse_period("2025-12"), as_of=at(12, 20))
        scoring.score(desk, "ningbo_district", parse_period("2025"), as_of=at(12, 20))
        with desk.snapshot() as connection:
            months = assessments.official(connection, "ningbo_district")
        return digest_of(made), {p: m.sha256 for p, m in months.items()}

    before = digests()
    take(desk, "note", 9, "A", day=21, reason="x")
    assert digests() == before
    assert len(before[1]) == 13
