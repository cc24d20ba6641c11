"""What steps may tell: one table of names and types, read once, for commands, sheets and the API."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt import texts
from gridmgmt.casework import step_facts, transitions
from gridmgmt.casework.step_facts import KNOWN, READERS
from gridmgmt.casework.transitions import TRANSITIONS
from gridmgmt.errors import FactInvalid, FactUnknown, GridmgmtError

ZONE = ZoneInfo("Asia/Shanghai")
TAKES = {kind: rule.takes for kind, rule in TRANSITIONS.items() if rule.takes}


@pytest.mark.parametrize(
    ("kind", "given", "stored"),
    [
        ("dispatch", {"due_at": "2026-03-05 17:30"}, {"due_at": "2026-03-05T09:30:00+00:00"}),
        ("dispatch", {"due_at": "2026-03-05T17:30:00+00:00"}, {"due_at": "2026-03-05T17:30:00+00:00"}),
        ("report", {"description": "一\r\n二"}, {"description": "一\r\n二"}),
        ("extend", {"时限数量": " 0.5 ", "时限单位": "工作日"}, {"amount": "0.5", "amount_unit": "working_day"}),
        ("extend", {"amount": "4", "amount_unit": "working hours"}, {"amount": "4", "amount_unit": "working_hour"}),
        ("send_back", {"错派": "是", "agreed": "no"}, {"wrong_dispatch": True, "agreed": False}),
        ("send_back", {"wrong_dispatch": True, "agreed": ""}, {"wrong_dispatch": True}),
        ("visit", {"verdict": "不满意"}, {"verdict": "unsatisfied"}),
        ("supervise", {"order_kind": "领导批示"}, {"order_kind": "leader"}),
        ("answer_order", {"order": " 2 "}, {"order": 2}),
        ("unmark", {"标记": "虚假"}, {"mark": "false"}),
        ("move", {"lon": "114.05", "lat": 30}, {"lon": 114.05, "lat": 30.0}),
        ("report", {"source": " 监督员上报 ", "address": None}, {"source": "监督员上报"}),
    ],
)
def test_facts_by_either_word_are_stored_typed(kind: str, given: dict[str, Any], stored: dict[str, Any]) -> None:
    assert step_facts.read(kind, given, ZONE) == stored


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("dispatch", "due_at", "soon"),
        ("dispatch", "due_at", "9999-12-31"),
        ("dispatch", "due_at", "1999-12-31"),
        ("dispatch", "due_at", "2200-01-01T00:00:00+00:00"),
        ("fail", "due_at", "2026-03-05"),
        ("extend", "amount", "abc"),
        ("extend", "amount", "0"),
        ("extend", "amount", "-1"),
        ("extend", "amount_unit", "fortnight"),
        ("extend", "amount_unit", "working_day"),
        ("send_back", "agreed", "maybe"),
        ("send_back", "wrong_dispatch", "对"),
        ("visit", "verdict", "happy"),
        ("supervise", "order_kind", "whim"),
        ("answer_order", "order", "first"),
        ("answer_order", "order", "0"),
        ("unmark", "mark", "hanging"),
        ("move", "lon", "nan"),
        ("move", "lat", True),
        ("reclassify", "category", "06010"),
        ("report", "source", "   "),
        ("report", "address", "a\x07b"),
    ],
)
def test_a_value_of_another_type_is_refused_with_what_was_expected(kind: str, name: str, value: Any) -> None:
    with pytest.raises(FactInvalid) as e:
        step_facts.read(kind, {name: value}, ZONE)
    shown = ascii(value) if "\x07" in str(value) else str(value)
    assert (e.value.step, e.value.name, e.value.value) == (kind, name, shown)
    for lang in texts.LANGUAGES:
        told = texts.word(e.value.code, e.value.facts, lang)
        assert "{" not in told, told
        assert name in told


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("note", "call_at"),
        ("dispatch", "limits"),
        ("accept", "category"),
        ("deadline", "due_extended_at"),
        ("resume", "due_at"),
        ("renew", "due_at"),
    ],
)
def test_a_fact_that_the_step_does_not_take_is_refused(kind: str, name: str) -> None:
    with pytest.raises(FactUnknown) as e:
        step_facts.read(kind, {name: "x"}, ZONE)
    assert e.value.takes == list(TAKES.get(kind, ["nothing"]))


@pytest.mark.parametrize(
    "facts", [{"due_at": "2026-03-05 17:30", "amount": "4"}, {"due_at": "2026-03-05 17:30", "时限": "2026-03-06 17:30"}]
)
def test_two_deadlines_contradict_each_other(facts: dict[str, str]) -> None:
    with pytest.raises(FactInvalid):
        step_facts.read("extend", facts, ZONE)


def test_a_limit_below_a_minute_is_a_slip() -> None:
    with pytest.raises(FactInvalid):
        step_facts.read("dispatch", {"amount": "0.0001", "amount_unit": "urgent_hour"}, ZONE)
    assert step_facts.read("dispatch", {"amount": "0.017", "amount_unit": "urgent_hour"}, ZONE)


def test_the_table_names_known_steps_and_facts_and_every_fact_has_its_word() -> None:
    assert set(TAKES) <= set(transitions.BY_PEOPLE)
    assert {name for names in TAKES.values() for name in names} == set(READERS)
    assert all(f"fact_{name}" in texts.catalogue() for name in KNOWN)
    assert all(f"fact_type_{type_}" in texts.catalogue() for type_, _ in READERS.values())
    needed = {n for t in transitions.TRANSITIONS.values() for n in t.needs} - {"reason", "unit"}
    assert needed <= set(READERS)


@given(kind=st.sampled_from(sorted(TAKES)), text=st.text(max_size=30), data=st.data())
def test_whatever_is_written_is_read_or_refused_and_reading_again_changes_nothing(
    kind: str, text: str, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(TAKES[kind]))
    try:
        once = step_facts.read(kind, {name: text}, ZONE)
    except GridmgmtError:
        return
    assert step_facts.read(kind, once, ZONE) == once


@given(st.datetimes(dt.datetime(2000, 1, 2), dt.datetime(2199, 12, 30)))
def test_a_time_of_the_city_is_that_instant(local: dt.datetime) -> None:
    stored = step_facts.read("deadline", {"due_at": local.isoformat()}, ZONE)["due_at"]
    assert dt.datetime.fromisoformat(stored).astimezone(ZONE).replace(tzinfo=None) == local
