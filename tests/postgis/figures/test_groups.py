"""Figures by source, category, unit, person and ending: known totals, nothing lost, each back to its numbers."""

import datetime as dt
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pytest

from gridmgmt.assessing.operations import explaining, scoring, subjects
from gridmgmt.casework.operations import lookup
from gridmgmt.casework.operations.requests import Request
from gridmgmt.database.work import Work
from gridmgmt.errors import GroupMissing, IndicatorMissing, OptionInvalid
from gridmgmt.figures.operations import groups
from gridmgmt.people.operations import people
from gridmgmt.periods import parse_period
from tests.postgis.worksite import acted, at, dispatched, middle, opened, staffed, take

PERIOD = parse_period("2025-12")
BY = ("source", "category", "unit", "person", "ending")
PEOPLE = (
    "code,name,valid_from,valid_to\n"
    "P1,王某,2025-01-01,\nP2,李某,2025-01-01,\nP3,赵某,2025-01-01,\nP4,赵某,2025-01-01,\nP5,钱某,2025-01-01,2025-12-01\n"
)
POSTS = "person_code,unit_code,role\nP1,U1,collector\nP2,U1,dispatcher\nP3,U2,supervisor\n"


def year(work: Work, path: Path) -> None:
    """Six cases of a December: two closed, one void, one discarded, two open; one of no source and class."""
    staffed(work, path)
    (path / "people.csv").write_text(PEOPLE, "utf-8")
    (path / "posts.csv").write_text(POSTS, "utf-8")
    people.import_people(work, path / "people.csv")
    people.import_posts(work, path / "posts.csv")
    for no, more in {
        "A": {}, "B": {"source": "公众举报"}, "C": {"place": "D2-1"}, "D": {"category": "matter:06010"},
    }.items():  # fmt: skip
        dispatched(work, no, **more)
    for no, day in (("A", 1), ("B", 9)):  # B long after its deadline
        take(work, "receive", 10, no)
        answered = Request("answer", "赵某", no, at(11, day))
        acted(work, answered)
        take(work, "verify", 12, no, day=day)
        acted(work, Request("close", "P1", no, at(13, day)))
    take(work, "void", 14, "C", reason="重复立案")
    opened(work, "E")
    take(work, "discard", 10, "E", reason="不属范围")
    lon, lat = middle("D1-1")
    facts = {"lon": lon, "lat": lat}
    acted(work, Request("report", "钱某", "F", at(9), facts=facts))  # of no source and class, by somebody who had left


@pytest.fixture
def december(world) -> Work:  # type: ignore[no-untyped-def]  # the fixture of tests/postgis/conftest
    return world(year)  # type: ignore[no-any-return]


def counted(work: Work, by: str, count: str) -> dict[str, int]:
    made = groups.by_group(work, PERIOD, by, at(0, 31))
    return {code: n for code, n in zip(made.table["code"], made.table[count], strict=True) if n}


@pytest.mark.parametrize(
    ("by", "count", "found"),
    [
        ("source", "n_reported", {"监督员上报": 4, "公众举报": 1, "": 1}),
        ("source", "n_closed_late", {"公众举报": 1}),
        ("category", "n_reported", {"component:01001": 4, "matter:06010": 1, "": 1}),
        ("category", "n_closed_on_time", {"component:01001": 1}),
        ("ending", "n_reported", {"closed": 2, "void": 1, "discarded": 1, "open": 2}),
        ("unit", "n_due", {"U1": 3}),
        ("unit", "n_dispatched", {"U1": 3}),
        ("person", "n_acts_reported", {"P1": 5, "": 1}),
        ("person", "n_acts_dispatched", {"P2": 4}),
        ("person", "n_acts_handled", {"P3": 2}),
        ("person", "n_acts_on_time", {"P3": 1}),
        ("person", "n_acts_handled_late", {"P3": 1}),
        ("person", "n_acts_verified", {"P1": 2}),
    ],
)
def test_known_totals(december: Work, by: str, count: str, found: dict[str, int]) -> None:
    """P3 bears a name that two have, and is the one with a post; who had left that day is nobody known."""
    assert counted(december, by, count) == found


@pytest.mark.parametrize("by", BY)
def test_groups_add_up_to_the_total_and_lead_back_to_numbers(december: Work, by: str) -> None:
    made = groups.by_group(december, PERIOD, by, at(0, 31))
    columns = [*made.total]
    assert len(columns) > 5
    assert {c: made.table[c].sum() for c in columns} == dict(made.total)
    seen: dict[str, list[str]] = {}
    for code in made.table["code"]:
        for name, numbers in groups.numbers_behind(december, PERIOD, by, code, as_of=at(0, 31)).items():
            if name != "n_rework_events" and not name.startswith("sum_"):
                assert len(numbers) == made.table.set_index("code").loc[code, name]
            seen.setdefault(name, []).extend(numbers)
    assert all(len(set(numbers)) == len(numbers) for numbers in seen.values())  # nothing in two groups
    assert {n: len(x) for n, x in seen.items()} == {n: made.total[n] for n in seen}


def test_a_person_s_work_is_explained_down_to_steps(december: Work) -> None:
    found = groups.numbers_behind(december, PERIOD, "person", "P3", as_of=at(0, 31))
    assert (found["n_acts_handled"], found["n_acts_handled_late"]) == (["A#6", "B#6"], ["B#6"])
    assert groups.numbers_behind(december, PERIOD, "person", "", as_of=at(0, 31)) == {"n_acts_reported": ["F#1"]}


def test_grids_lead_back_to_numbers_too(december: Work) -> None:
    found = groups.numbers_behind(december, PERIOD, "grid", "D2", "n_reported", level="district", as_of=at(0, 31))
    assert found == {"n_reported": ["C"]}


def test_beside_each_step_stands_the_person_and_what_was_written_stays(december: Work) -> None:
    found = lookup.show_case(december.but(now=at(0, 31)), "A")
    assert [s.actor for s in found.steps] == ["王某", "李某", "李某", "李某", "李某", "赵某", "李某", "P1"]
    assert found.persons == ("P1", "P2", "P2", "P2", "P2", "P3", "P2", "P1")
    assert lookup.show_case(december.but(now=at(0, 31)), "F").persons == (None,)


def test_names_of_persons_only_where_they_are_asked_for(december: Work) -> None:
    assert groups.by_group(december, PERIOD, "person", at(0, 31)).table["name_zh"].notna().sum() == 0
    named = groups.by_group(december, PERIOD, "person", at(0, 31), names=True).table.set_index("code")["name_zh"]
    assert (named["P1"], named["P4"]) == ("王某", "赵某")


def test_a_cut_off_sees_no_later_act(december: Work) -> None:
    early = groups.by_group(december, PERIOD, "person", at(12)).total
    assert (early["n_acts_handled"], early["n_acts_verified"]) == (1, 0)


def test_a_wrong_dispatch_is_its_dispatcher_s(december: Work) -> None:
    take(december, "send_back", 15, "D", reason="错派", wrong_dispatch=True)
    acted(december, Request("dispatch", "王某", "D", at(16), "U2"))
    assert counted(december, "person", "n_acts_wrong_dispatch") == {"P2": 1}
    found = groups.numbers_behind(december, PERIOD, "person", "P2", "n_acts_wrong_dispatch", as_of=at(0, 31))
    assert found == {"n_acts_wrong_dispatch": ["D#5"]}
    assert counted(december, "person", "n_acts_dispatching") == {"P1": 1, "P2": 4}


def test_what_is_not_there_is_said(december: Work) -> None:
    with pytest.raises(GroupMissing):
        groups.numbers_behind(december, PERIOD, "source", "来信", as_of=at(0, 31))
    with pytest.raises(IndicatorMissing):
        groups.numbers_behind(december, PERIOD, "source", "公众举报", "n_samples", as_of=at(0, 31))
    with pytest.raises(OptionInvalid):
        groups.by_group(december, PERIOD, "street")


@pytest.mark.parametrize(("after_s", "on_time"), [(0, 1), (1, 0)])
def test_exactly_at_the_deadline_that_held_then_is_on_time(desk: Work, after_s: int, on_time: int) -> None:
    """After a failed check the new deadline counts, not the case's."""
    due = dispatched(desk, "G").current_due_at
    assert due is not None
    take(desk, "receive", 10, "G")
    acted(desk, Request("answer", "甲", "G", due + dt.timedelta(seconds=after_s)))
    take(desk, "verify", 16, "G")
    again = take(desk, "fail", 16.5, "G", reason="未清理", due_at=at(12, 2).isoformat()).current_due_at
    assert again == at(12, 2)
    take(desk, "receive", 9, "G", day=2)
    acted(desk, Request("answer", "甲", "G", again + dt.timedelta(seconds=after_s)))
    total = groups.by_group(desk, PERIOD, "person", at(0, 31)).total
    assert (total["n_acts_handled"], total["n_acts_handled_timed"]) == (2, 2)
    assert (total["n_acts_on_time"], total["n_acts_handled_late"]) == (2 * on_time, 2 - 2 * on_time)


def test_a_brigade_s_year_is_what_the_groups_say(december: Work, tmp_path: Path) -> None:
    """By source, class and ending the year's figures are counted; what is entered are penalties, areas and conduct."""
    (tmp_path / "list.csv").write_text("code,name_zh\nU1,一队\nU2,二队\nU9,三队\n", "utf-8")
    subjects.import_subjects(december, "brigade_report", tmp_path / "list.csv")
    made = scoring.score(december, "brigade_report", parse_period("2025"), as_of=at(0, 31))
    total: dict[str, Fraction] = defaultdict(Fraction)
    for line in (x for d in made.subjects for x in d.shown if x.points is not None):
        total[line.item] += Fraction(line.points.exact if line.points else 0)
    endings = counted(december, "ending", "n_reported")
    assert {code: total[f"s_ended_{code}"] for code in endings} == endings
    assert endings == {"closed": 2, "discarded": 1, "void": 1, "open": 2}
    assert counted(december, "source", "n_registered") == {"公众举报": 1, "监督员上报": 3}
    assert (total["s_public"], total["s_collectors"], total["s_other_sources"]) == (1, 3, 0)
    assert counted(december, "category", "n_registered") == {"component:01001": 3, "matter:06010": 1}
    assert (total["s_components"], total["s_appearance"], total["s_other_classes"], total["s_registered"]) == (
        3,
        1,
        0,
        4,
    )
    entered = {"general", "simple", "lost", "demolished_m2", "conduct"}
    assert {m.input for d in made.subjects for m in d.missing} == entered
    (behind,) = explaining.explain(december, made.name, "U1", "s_ended_discarded").evidence.values()
    assert behind == ["E"]
