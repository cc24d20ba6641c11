"""The same cut-off gives the same figures, whatever is done afterwards; and cases whose clock stands are not due."""

import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from gridmgmt.operations import assessing, casework, database, figures, replaying
from gridmgmt.operations.casework import Request
from gridmgmt.periods import parse_period
from gridmgmt.scorecards import canonical
from gridmgmt.store import cities
from gridmgmt.store import tables as t
from tests.postgis import towns
from tests.postgis.towns import load, middle
from tests.postgis.worksite import at, dispatched, opened, take

BOOKS = ("xihu", "beijing_grid", "ningbo_district", "city_department_annex2", "grid_baseline")


def told(engine: Engine, cut: Any) -> dict[str, str]:
    """Rulebook → digest of all its documents at a cut-off."""
    out = {}
    for book in BOOKS:
        made = assessing.score(engine, book, parse_period("2025-12"), as_of=cut)
        out[book] = hashlib.sha256(canonical(made.subjects).encode()).hexdigest()
    return out


def test_later_steps_change_nothing_at_an_earlier_cut_off(desk: Engine, tmp_path: Path) -> None:
    export = towns.case("X", at="2025-12-01 07:00", cat="01001", reg="2025-12-01 08:00", unit="U1")
    load(desk, tmp_path, [export], day=2)
    for no in ("sent_on", "moved", "held", "extended", "named", "closed"):
        dispatched(desk, no)
        take(desk, "receive", 10, no)
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
    for kind in ("answer", "verify", "fail", "receive", "answer", "verify", "close"):
        take(desk, kind, 13, "closed", day=5, reason="x")
    take(desk, "dispatch", 14, "X", day=5)
    after = {cut: told(desk, cut) for cut in (at(12), at(12, 5))}
    assert after == before
    assert told(desk, at(15, 5)) != before[at(12, 5)]


def counts(engine: Engine, cut: Any) -> dict[str, int]:
    with database.snapshot(engine) as connection:
        found = figures.figures(connection, cities.load_city(connection), parse_period("2025-12"), cut)
        return {name: int(mask.sum()) for name, mask in found.cases.masks.items()}


def test_a_case_moved_out_of_the_period_by_a_later_dispatch_counts_there_as_it_did(desk: Engine) -> None:
    dispatched(desk, "A")  # due on 1 December, 15:30
    take(desk, "send_back", 16, "A", reason="不属本单位")
    assert counts(desk, at(15.9))["n_due"] == 1
    casework.take_one(desk, Request("dispatch", "李某", "A", at(9, 40), "U2"))  # in January
    assert counts(desk, at(15.9))["n_due"] == 1
    assert counts(desk, at(0, 32))["n_due"] == 0  # sent back at the year's end
    assert counts(desk, at(9, 41))["n_due"] == 0


def test_on_hold_or_sent_back_no_deadline_runs(desk: Engine) -> None:
    for no in ("runs", "held", "sent_back"):
        dispatched(desk, no)
        take(desk, "receive", 10, no)
    take(desk, "ask_postponement", 10.5, "held", reason="待配件")
    take(desk, "postpone", 11, "held")
    take(desk, "send_back", 11, "sent_back", reason="不属本单位")
    found = counts(desk, at(9, 9))
    assert (found["n_due"], found["n_untimely"], found["n_overdue_open"]) == (1, 1, 1)
    take(desk, "resume", 10, "held", day=9)  # 2 ½ of 4 working hours left: due at 14:30
    assert counts(desk, at(14.5, 9))["n_due"] == 2
    assert [counts(desk, at(hour, 9))["n_untimely"] for hour in (14.5, 14.6)] == [1, 2]


def test_a_replayed_row_is_the_version_that_stood_then(desk: Engine) -> None:
    """Steps of one sheet leave a version each: whatever the cut-off, its row has one that bears its hash."""
    case = opened(desk, "A")
    sheet = [("accept", 9.1), ("register", 9.2), ("dispatch", 9.5), ("receive", 10.0), ("answer", 11.0)]
    list(casework.take(desk, [Request(kind, "李某", "A", at(hour)) for kind, hour in sheet]))
    with database.snapshot(desk) as connection:
        versions = set(connection.execute(select(t.case_version.c.content_hash)).scalars())
        assert len(versions) == 6
        for hour in (9.0, 9.15, 9.3, 9.6, 10.5):
            (row,) = replaying.past(connection, at(hour)).to_dict("records")
            assert row["content_hash"] in versions, hour
        assert replaying.past(connection, at(11)).empty
        assert replaying.past(connection, at(8)).empty  # not reported by then
    assert case.reported_at == at(9)


def test_before_the_first_step_here_a_case_is_what_its_export_said(desk: Engine, tmp_path: Path) -> None:
    load(
        desk, tmp_path, [towns.case("X", at="2025-12-01 07:00", cat="01001", reg="2025-12-01 08:00", unit="U1")], day=2
    )

    def frame() -> list[dict[str, str]]:
        with database.snapshot(desk) as connection:
            whole = figures.figures(connection, cities.load_city(connection), parse_period("2025-12"), at(12, 3))
        return [{k: str(v) for k, v in row.items()} for row in whole.cases.facts.frame.to_dict("records")]

    before = frame()
    take(desk, "dispatch", 14, "X", day=5)
    assert len(before) == 1
    assert frame() == before
