"""Appeals against what steps count for: a case leaves its steps' counts and its account, a step can go by itself."""

from pathlib import Path
from typing import Any

import pytest

from gridmgmt import texts
from gridmgmt.assessing.operations import appeals, explaining, publishing, recomputing, scoring
from gridmgmt.assessing.operations.scoring import Made
from gridmgmt.database.work import Work
from gridmgmt.errors import AppealRefused
from gridmgmt.periods import parse_period
from gridmgmt.scorecards.documents import Document
from tests.postgis import worksite
from tests.postgis.worksite import acted, at, dispatched, step, take
from tests.worlds import World

BOOK = """\
id: bench
version: 1
title: {zh: 办理考核, en: Casework}
issuer: {zh: 小城, en: the town}
source: project convention
valid: {from: 2025-01-01}
population: {kind: unit}
empty: {option: full, reason: {zh: 没有案件, en: no cases}}
inputs:
  handled: {title: {zh: 应处置数, en: To handle}, type: count, automatic: {count: n_dispatched}}
  extended:
    title: {zh: 延期案件, en: Cases extended}
    type: count
    automatic: {count: n_extended_cases, only: {categories: ["component:01*"]}}
  extensions: {title: {zh: 延期, en: Extensions}, type: count, automatic: {count: n_extensions}}
  sendbacks: {title: {zh: 回退, en: Send-backs}, type: count, automatic: {count: n_send_backs}}
  orders_late: {title: {zh: 逾期督办, en: Orders late}, type: count, automatic: {count: n_orders_late}}
  failures: {title: {zh: 挂账失败, en: Hang failures}, type: count, automatic: {count: n_hang_failures}}
  exposed: {title: {zh: 曝光, en: Exposed}, type: count, automatic: {count: n_exposed}}
rates:
  kept_rate: {title: {zh: 未延期率, en: Not extended}, numerator: extended, denominator: handled, complement: true}
stages:
  - id: month
    title: {zh: 月度, en: Month}
    cadence: month
    ranking: {}
    score:
      id: total
      title: {zh: 总分, en: Total}
      kind: sum
      items:
        - {id: kept, title: {zh: 未延期, en: Not extended}, kind: proportional, points: 100, rate: kept_rate}
    shown:
      - id: counted
        title: {zh: 计数, en: Counted}
        kind: linear
        terms: {sendbacks: 1, orders_late: 1, extensions: 1}
      - {id: hung, title: {zh: 挂账, en: Hanging}, kind: linear, terms: {failures: 1, exposed: 1}}
"""
DECEMBER = parse_period("2025-12")


def extended(desk: Work, folder: Path) -> None:
    """The town at work, in which A was extended twice and B, C and D not at all."""
    worksite.staffed(desk, folder)
    for no in "ABCD":
        dispatched(desk, no, step("receive", 10, no))
    for hour in (11.1, 11.3):
        take(desk, "ask_extension", hour, "A", reason="下雨", amount="1", amount_unit="工作日")
        take(desk, "extend", hour + 0.1, "A")
    (folder / "bench.yaml").write_text(BOOK, "utf-8")


@pytest.fixture
def bench(world: World, tmp_path: Path) -> str:
    """The rulebook's file, for the town with its extensions."""
    world(extended)
    return str(tmp_path / "bench.yaml")


def published(work: Work, book: str) -> Made:
    made = scoring.score(work, book, DECEMBER)
    publishing.publish(work.but(actor="tester"), made.name)
    return made


def granted(work: Work, name: str, subject: str, kind: str, *numbers: str) -> None:
    for fact_no in numbers:
        number = appeals.open_appeal(work.but(actor=subject), name, subject, kind, fact_no, "why")
        appeals.decide_appeal(work.but(actor="office"), number, granted=True, decision="so it is")


def card(made: Made, code: str) -> Document:
    return next(d for d in made.subjects if d.subject.code == code)


def values(document: Document, *names: str) -> tuple[Any, ...]:
    return tuple(document.inputs[name].value for name in names)


def total(document: Document) -> str:
    assert document.total is not None
    return document.total.exact


class TestCase:
    def test_it_leaves_numerator_and_denominator(self, desk: Work, bench: str) -> None:
        made = published(desk, bench)
        assert values(card(made, "U1"), "extended", "handled", "extensions") == (1, 4, 2)
        assert total(card(made, "U1")) == "75"
        granted(desk, made.name, "U1", "case", "A")
        u1 = card(appeals.correct(desk, made.name)[0], "U1")
        assert values(u1, "extended", "handled", "extensions") == (0, 3, 0)
        assert total(u1) == "100"
        steps = explaining.explain(desk, made.name, "U1", "extensions").evidence["extensions"]
        assert len(steps) == 2
        assert set(u1.exempted) >= {"A", *steps}
        assert all(no == "A" or no.startswith(("A#", "A!")) for no in u1.exempted)

    def test_of_a_unit_that_only_its_steps_count_for(self, desk: Work, bench: str) -> None:
        """U1 sent E back and U2 has it: U1 appeals against E, and E leaves U2's denominator too."""
        dispatched(desk, "E")
        take(desk, "send_back", 10, "E", reason="不属本单位")
        take(desk, "dispatch", 10.5, "E", unit="U2")
        made = published(desk, bench)
        assert (values(card(made, "U1"), "sendbacks", "handled"), values(card(made, "U2"), "handled")) == ((1, 4), (1,))
        granted(desk, made.name, "U1", "case", "E")
        corrected = appeals.correct(desk, made.name)[0]
        u1, u2 = card(corrected, "U1"), card(corrected, "U2")
        assert (values(u1, "sendbacks", "handled"), values(u2, "handled")) == ((0, 4), (0,))
        assert "E" in u2.exempted
        assert "E#5" in u1.exempted

    def test_with_one_of_its_steps_beside_it_goes_once(self, desk: Work, bench: str) -> None:
        made = published(desk, bench)
        first = explaining.explain(desk, made.name, "U1", "extended").evidence["extended"]
        granted(desk, made.name, "U1", "step", *first)
        granted(desk, made.name, "U1", "case", "A")
        u1 = card(appeals.correct(desk, made.name)[0], "U1")
        assert values(u1, "extended", "handled", "extensions") == (0, 3, 0)

    def test_later_steps_are_not_read(self, desk: Work, bench: str) -> None:
        made = published(desk, bench)
        granted(desk, made.name, "U1", "case", "A")
        take(desk, "send_back", 12, "B", reason="不属本单位")
        take(desk, "send_back", 12, "A", reason="不属本单位")
        corrected = appeals.correct(desk, made.name)[0]
        assert values(card(corrected, "U1"), "sendbacks", "handled") == (0, 3)
        publishing.publish(desk.but(actor="tester"), corrected.name)
        assert recomputing.recompute(desk, corrected.name).is_same


class TestStep:
    def test_a_send_back(self, desk: Work, bench: str) -> None:
        take(desk, "send_back", 12, "B", reason="不属本单位")
        take(desk, "send_back", 12, "C", reason="不属本单位")
        made = published(desk, bench)
        (number, _) = explaining.explain(desk, made.name, "U1", "sendbacks").evidence["sendbacks"]
        granted(desk, made.name, "U1", "step", number)
        corrected, (difference,) = appeals.correct(desk, made.name)
        u1 = card(corrected, "U1")
        assert (values(u1, "sendbacks", "handled"), u1.exempted) == ((1, 4), [number])
        assert (difference.subject.code, difference.total) == ("U1", ("75", "75"))
        assert [(title["en"], *pair) for title, *pair in difference.lines] == [("Counted", "4.00", "3.00")]

    def test_a_case_extended_twice_stays_extended_until_both_go(self, desk: Work, bench: str) -> None:
        made = published(desk, bench)
        first, second = explaining.explain(desk, made.name, "U1", "extensions").evidence["extensions"]
        granted(desk, made.name, "U1", "step", first)
        one = appeals.correct(desk, made.name)[0]
        assert values(card(one, "U1"), "extended", "extensions") == (1, 1)
        granted(desk, made.name, "U1", "step", second)
        both = appeals.correct(desk, made.name)[0]
        assert values(card(both, "U1"), "extended", "extensions") == (0, 0)

    def test_correction_upon_correction_comes_to_the_same(self, desk: Work, bench: str) -> None:
        made = published(desk, bench)
        first, second = explaining.explain(desk, made.name, "U1", "extensions").evidence["extensions"]
        granted(desk, made.name, "U1", "step", first)
        one = appeals.correct(desk, made.name)[0]
        publishing.publish(desk.but(actor="tester"), one.name)
        with pytest.raises(AppealRefused) as e:
            appeals.open_appeal(desk.but(actor="U1"), one.name, "U1", "step", first, "why")
        assert e.value.why == "exempted"
        granted(desk, one.name, "U1", "step", second)
        two = card(appeals.correct(desk, one.name)[0], "U1")
        assert (values(two, "extended", "extensions"), two.exempted) == ((0, 0), [first, second])

    def test_an_order_that_was_late(self, desk: Work, bench: str) -> None:
        for no in "BC":
            take(desk, "supervise", 12, no, reason="批示", order_kind="leader", due_at=at(17).isoformat())
        made = published(desk, bench)
        assert values(card(made, "U1"), "orders_late") == (2,)
        granted(desk, made.name, "U1", "step", "B!order1")
        u1 = card(appeals.correct(desk, made.name)[0], "U1")
        assert (values(u1, "orders_late", "handled"), u1.exempted) == ((1, 4), ["B!order1"])

    def test_a_hang_failure_and_an_exposure_that_are_counted(self, desk: Work, bench: str) -> None:
        made = published(desk, bench)
        failures, exposed = values(card(made, "U1"), "failures", "exposed")
        assert exposed == 4
        granted(desk, made.name, "U1", "step", "B!hang1", "B!exposed")
        assert values(card(appeals.correct(desk, made.name)[0], "U1"), "failures", "exposed") == (failures - 1, 3)
        granted(desk, made.name, "U1", "case", "C")
        corrected = card(appeals.correct(desk, made.name)[0], "U1")
        own = explaining.explain(desk, made.name, "U1", "failures").evidence["failures"]
        n = sum(no.startswith("C!hang") for no in own)
        assert n > 3
        assert values(corrected, "failures", "exposed", "handled") == (failures - 1 - n, 2, 3)

    @pytest.mark.parametrize("number", ["B#1", "X#5", "A!order1", "A", "A#"])
    def test_what_does_not_count_is_refused_with_what_to_do(self, desk: Work, bench: str, number: str) -> None:
        made = published(desk, bench)
        with pytest.raises(AppealRefused) as e:
            appeals.open_appeal(desk.but(actor="U1"), made.name, "U1", "step", number, "why")
        assert e.value.why == "not_counted"
        told = texts.word(e.value.code, e.value.facts, "zh")
        assert f"{number} 未计入 U1" in told
        assert f"gridmgmt explain {made.name} U1" in told


def account(document: Document) -> dict[str, Any]:
    (found,) = document.inputs["accounts"].value
    return dict(found)


class TestHangingAccount:
    """P is due on the 1st at 15:30: missed; checked in vain on the 2nd: failed; then written off. Q is in time."""

    @pytest.fixture
    def made(self, desk: Work) -> Made:
        for no in "PQ":
            dispatched(desk, no, step("receive", 10, no))
        acted(desk, step("answer", 11, "Q"), step("verify", 11.1, "Q"), step("close", 11.2, "Q"))
        later: tuple[tuple[str, float, dict[str, str]], ...] = (
            ("answer", 9, {}), ("verify", 9.2, {}), ("fail", 9.3, {"reason": "未清理"}), ("receive", 9.4, {}),
            ("answer", 10, {}), ("verify", 11, {}), ("close", 11.5, {}),
        )  # fmt: skip
        acted(desk, *(step(kind, hour, "P", day=2, **more) for kind, hour, more in later))
        return published(desk, "beijing_grid")

    def test_a_record_names_its_failures(self, made: Made) -> None:
        p, q = card(made, "D1-1").inputs["accounts"].value
        assert p["failures"] == ["P!hang1", "P!hang2"]
        assert q == {"id": "Q", "steps": ["dispatched", "answered", "passed"], "unit": "U1", "earlier": 0}

    @pytest.mark.parametrize("item", ["hangs", "accounts"])
    def test_explaining_gives_the_cases_and_the_failures_to_appeal_against(
        self, desk: Work, made: Made, item: str
    ) -> None:
        found = explaining.explain(desk, made.name, "D1-1", item).evidence
        assert found == {"accounts": ["P", "Q"], "n_hang_failures@accounts": ["P!hang1", "P!hang2"]}

    def test_an_exempted_case_has_no_account(self, desk: Work, made: Made) -> None:
        assert [hangs(card(made, code)) for code in ("D1-1", "D1", "C")] == ["2", "2", "2"]
        granted(desk, made.name, "D1-1", "case", "P")
        corrected = appeals.correct(desk, made.name)[0]
        for code in ("D1-1", "D1", "C"):  # in the grid and in those above it
            assert hangs(card(corrected, code)) == "0"
            assert account(card(corrected, code))["id"] == "Q"
            assert card(corrected, code).exempted == ["P"]
        assert card(corrected, "D2").exempted == []

    @pytest.mark.parametrize(
        ("number", "left"),
        [
            ("P!hang1", ["dispatched", "answered", "failed", "answered", "passed"]),
            ("P!hang2", ["dispatched", "missed", "answered", "passed"]),
        ],
    )
    def test_one_failure_by_its_number(self, desk: Work, made: Made, number: str, left: list[str]) -> None:
        granted(desk, made.name, "D1-1", "step", number)
        corrected = appeals.correct(desk, made.name)[0]
        for code in ("D1-1", "D1", "C"):
            document = card(corrected, code)
            assert hangs(document) == "1"
            p, q = document.inputs["accounts"].value
            rest = {"P!hang1": ["P!hang2"], "P!hang2": ["P!hang1"]}[number]
            assert (p["steps"], p["failures"], q["id"]) == (left, rest, "Q")
            assert document.exempted == [number]

    def test_what_the_account_does_not_name_is_refused(self, desk: Work, made: Made) -> None:
        for subject, number in (("D1-1", "P!hang3"), ("D1-1", "Q!hang1"), ("D2", "P!hang1")):
            with pytest.raises(AppealRefused) as e:
                appeals.open_appeal(desk.but(actor=subject), made.name, subject, "step", number, "why")
            assert e.value.why == "not_counted"

    def test_the_differences_tell_an_exposure_that_goes(self, desk: Work) -> None:
        """P was missed three times by the 2nd at 16:00: exposed; without the first failure it is not."""
        dispatched(desk, "P")
        take(desk, "receive", 10, "P")
        take(desk, "answer", 16, "P", day=2)
        made = published(desk, "beijing_grid")
        assert [c.consequence for c in card(made, "D1-1").consequences] == ["exposed"]
        granted(desk, made.name, "D1-1", "step", "P!hang1")
        corrected, differences = appeals.correct(desk, made.name)
        assert card(corrected, "D1-1").consequences == []
        assert ("D1-1", ("exposed",)) in [(d.subject.code, d.vanished) for d in differences]


def hangs(document: Document) -> str:
    line = next(x for x in document.shown if x.item == "hangs")
    return str(line.reason.facts["n"])
