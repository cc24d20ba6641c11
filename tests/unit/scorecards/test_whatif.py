"""What if: a tiny rulebook whose movements are known by hand – totals, ranks, grades, consequences, causes."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from fractions import Fraction
from typing import Any

import pytest

from gridmgmt import texts
from gridmgmt.errors import PeriodInvalid, RulebookInvalid
from gridmgmt.periods import parse_range, periods_through
from gridmgmt.rulebooks.load import Loaded, parse
from gridmgmt.scorecards.exports import whatif_tables as tables
from gridmgmt.scorecards.exports.whatif_chart import MOST_ROWS, chart, page
from gridmgmt.scorecards.whatif import Move, WhatIf, compare

BOOK = """\
id: tiny
version: 1
title: {zh: 小办法, en: Tiny}
issuer: {zh: 某市, en: A city}
source: clause 1
valid: {from: 2025-01-01}
population: {kind: unit}
empty: {option: incomplete, reason: {zh: 无, en: none}}
readings:
  bonus:
    value: counted
    options: [counted, shown]
    text: {zh: 加分是否计入, en: whether the bonus counts}
    reason: {zh: 计入, en: it does}
inputs:
  desk: {title: {zh: 案件, en: Cases}, at_least: 0, at_most: 100, entered: {zh: 录入, en: entered}}
  street: {title: {zh: 巡查, en: Patrol}, at_least: 0, at_most: 100, entered: {zh: 录入, en: entered}}
  faults: {title: {zh: 问题, en: Faults}, type: count, entered: {zh: 录入, en: entered}}
stages:
  - id: month
    title: {zh: 月, en: Month}
    cadence: month
    ranking: {}
    score:
      id: month_total
      title: {zh: 月得分, en: Month score}
      kind: sum
      items:
        - id: base
          title: {zh: 基础, en: Base}
          kind: weighted
          items:
            - {id: desk_part, title: {zh: 案件得分, en: Cases}, kind: entered, input: desk, weight: 60}
            - {id: street_part, title: {zh: 巡查得分, en: Patrol}, kind: entered, input: street, weight: 40}
        - id: penalty
          title: {zh: 罚分, en: Penalty}
          kind: lose
          rules:
            - id: per_fault
              title: {zh: 每个问题, en: Each fault}
              kind: each
              input: faults
              points: 1
              cap: {reading: bonus, when: {counted: 10, shown: 2}}
    grades:
      - {id: A, at_least: 90, title: {zh: 优秀, en: Excellent}}
      - {id: B, at_least: 80, title: {zh: 良好, en: Good}}
      - {id: C, title: {zh: 一般, en: Fair}}
  - id: year
    title: {zh: 年, en: Year}
    cadence: year
    ranking: {}
    score: {id: year_total, title: {zh: 年得分, en: Year score}, kind: periods, stage: month, n: 2}
    grades:
      - {id: A, at_least: 90, title: {zh: 优秀, en: Excellent}}
      - {id: C, title: {zh: 一般, en: Fair}}
consequences:
  - {id: praise, title: {zh: 通报表扬, en: Praise}, stage: month, tone: praise, when: {first: true}, money: 1000}
  - id: flag
    title: {zh: 黑旗, en: Black flag}
    stage: month
    tone: warning
    when: {last: true}
    window: {kind: consecutive, reaches: 2}
"""


def inputs(desk: int, street: int, faults: int) -> dict[str, Any]:
    return {"inputs": {"desk": desk, "street": street, "faults": faults}}


NAMES = {"U1": "甲局", "U2": "乙局", "U3": "丙局"}
PLAIN: dict[str, Any] = {
    "subjects": {c: {"name": {"zh": n, "en": f"Bureau {c}"}} for c, n in NAMES.items()},
    "periods": {
        "2024-12": {"U1": {"result": {"total": "70", "rank": 3, "last": True}}, "U2": {"result": {"total": "95"}}},
        # by 60/40 and one point a fault: U1 88, U2 92, U3 80
        "2025-01": {"U1": inputs(90, 90, 2), "U2": inputs(100, 80, 0), "U3": inputs(80, 85, 2)},
        # U1 85, U2 86, U3 84
        "2025-02": {"U1": inputs(85, 85, 0), "U2": inputs(90, 80, 0), "U3": inputs(80, 90, 0)},
        "2025": {"U1": {"inputs": {}}, "U2": {"inputs": {}}, "U3": {"inputs": {}}},
    },
}  # fmt: skip


def book(*changes: tuple[str, str]) -> Loaded:
    return parse(BOOK, "tiny.yaml", changes)


def supposing(*changes: tuple[str, str]) -> WhatIf:
    return compare(book(), book(*changes), PLAIN, PLAIN)


def of(found: WhatIf, period: str, code: str) -> Move:
    return next(m for m in found.moves if (m.period.label, m.code) == (period, code))


def totals(found: WhatIf, period: str) -> dict[str, tuple[Any, ...]]:
    """Code → total, rank and grade before, and after."""
    sides = {m.code: (m.before, m.after) for m in found.moves if m.period.label == period}
    return {c: tuple((o.total, o.rank, o.grade) for o in pair) for c, pair in sides.items()}


class TestMovements:
    def test_no_change_moves_nothing(self) -> None:
        found = supposing()
        assert [p.label for p in found.periods] == ["2025-01", "2025-02", "2025"], "results taken over are not compared"
        assert len(found.moves) == 9
        assert (found.movers, found.effects, found.items(), tables.rules(found)) == ((), (), [], [])
        assert (found.only_before, found.only_after) == ((), ())

    def test_a_fault_that_costs_more(self) -> None:
        found = supposing(("per_fault.points", "5"))
        assert totals(found, "2025-01") == {
            "U1": ((88, 2, "B"), (80, 2, "B")),
            "U2": ((92, 1, "A"), (92, 1, "A")),
            "U3": ((80, 3, "B"), (72, 3, "C")),
        }
        assert [(m.code, m.difference) for m in found.movers if m.period.label == "2025-01"] == [("U1", -8), ("U3", -8)]
        assert not [m for m in found.movers if m.period.label == "2025-02"], "nobody has a fault in February"

    def test_the_year_moves_through_its_months(self) -> None:
        found = supposing(("per_fault.points", "5"))
        assert totals(found, "2025") == {
            "U1": ((Fraction(173, 2), 2, "C"), (Fraction(165, 2), 2, "C")),
            "U2": ((89, 1, "C"), (89, 1, "C")),
            "U3": ((82, 3, "C"), (78, 3, "C")),
        }
        months = [line for line in of(found, "2025", "U1").lines if line.path[-1] == "year_total_2025-01"]
        assert [(x.difference, x.is_rule) for x in months] == [(-8, True)]

    def test_whom_others_move_past_moves_too(self) -> None:
        found = supposing(("desk_part.weight", "20"), ("street_part.weight", "80"))
        assert totals(found, "2025-01")["U2"] == ((92, 1, "A"), (84, 2, "B"))
        assert totals(found, "2025-01")["U1"] == ((88, 2, "B"), (88, 1, "B"))
        mover = of(found, "2025-01", "U1")
        assert (mover.difference, mover.is_moved, mover.is_regraded) == (0, True, False)

    def test_a_bound_moves_grades_only(self) -> None:
        found = supposing(("month.grades.A.at_least", "85"))
        assert {(m.period.label, m.code): (m.before.grade, m.after.grade) for m in found.movers} == {
            ("2025-01", "U1"): ("B", "A"), ("2025-02", "U1"): ("B", "A"), ("2025-02", "U2"): ("B", "A"),
        }  # fmt: skip
        assert {m.difference for m in found.movers} == {0}
        assert tables.why(found.movers[0])["en"] == "the grades' bounds moved"

    def test_a_reading(self) -> None:
        dossier = {**PLAIN, "periods": {"2025-03": {"U1": inputs(90, 90, 7)}}}
        found = compare(book(), book(("readings.bonus", "shown")), dossier, dossier)
        assert totals(found, "2025-03") == {"U1": ((83, 1, "B"), (88, 1, "B"))}


class TestCauses:
    def test_the_item_and_inside_it_the_rule(self) -> None:
        mover = of(supposing(("per_fault.points", "5")), "2025-01", "U1")
        assert [(line.path, line.difference) for line in mover.lines] == [
            (("penalty",), -8),
            (("penalty", "per_fault"), 8),
        ]
        assert [line.path for line in mover.causes] == [("penalty",)]
        assert tables.why(mover) == {"zh": "罚分 −8.00", "en": "Penalty −8.00"}

    def test_a_weight(self) -> None:
        mover = of(supposing(("desk_part.weight", "20"), ("street_part.weight", "80")), "2025-01", "U2")
        assert [line.path for line in mover.causes] == [("base", "desk_part"), ("base", "street_part")]
        assert tables.why(mover)["zh"] == "案件得分（权重 60 → 20）、巡查得分（权重 40 → 80）"

    def test_a_higher_maximum_alone_is_none(self) -> None:
        found = supposing(("month_total.points", "99"), ("per_fault.cap", "9"))
        assert (found.movers, found.items()) == ((), [])

    def test_by_item(self) -> None:
        january, year = supposing(("per_fault.points", "5")).items()
        assert (january.period.label, january.item, january.n, january.range) == ("2025-01", "penalty", 2, (-8, -8, -8))
        assert (year.period.label, year.item, year.n, year.range) == ("2025", "year_total", 2, (-4, -4, -4))


class TestConsequences:
    def reached(self, found: WhatIf) -> list[tuple[str, str, str, str]]:
        return [(e.kind, e.consequence, e.period, e.code) for e in found.effects]

    def test_they_appear_and_vanish(self) -> None:
        found = supposing(("desk_part.weight", "20"), ("street_part.weight", "80"))
        # January by 20/80: U1 88, U2 84, U3 82; February: U1 85, U2 82, U3 88
        assert self.reached(found) == [
            ("appears", "praise", "2025-01", "U1"),
            ("vanishes", "praise", "2025-01", "U2"),
            ("vanishes", "praise", "2025-02", "U2"),
            ("appears", "praise", "2025-02", "U3"),
            ("vanishes", "flag", "2025-02", "U3"),
        ]

    def test_a_run_goes_on_from_results_taken_over(self) -> None:
        """U1 was last in December, a result; were it last in January too, the flag would come."""
        january = {**PLAIN["periods"]["2025-01"], "U1": inputs(90, 90, 9)}
        dossier = {**PLAIN, "periods": {**PLAIN["periods"], "2025-01": january}}
        found = compare(book(), book(("per_fault.points", "5"), ("per_fault.cap", "45")), dossier, dossier)
        assert ("appears", "flag", "2025-01", "U1") in self.reached(found)

    def test_money_and_windows(self) -> None:
        found = supposing(("praise.money", "2000"), ("flag.window.reaches", "1"))
        assert self.reached(found) == [
            ("changes", "praise", "2025-01", "U2"),
            ("appears", "flag", "2025-01", "U3"),
            ("changes", "praise", "2025-02", "U2"),
            ("vanishes", "flag", "2025-02", "U3"),
        ]
        assert [tables.effect_money(e) for e in found.effects] == ["1000 → 2000", "", "1000 → 2000", ""]
        assert found.movers == ()


class TestOtherRules:
    def test_subjects_are_matched_by_level_and_code(self) -> None:
        levels = {"U1": "street", "U2": "street", "U3": "street"}
        one = {"subjects": {c: {"level": x} for c, x in levels.items()}, "periods": PLAIN["periods"]}
        january = {f"street/{c}": r for c, r in PLAIN["periods"]["2025-01"].items() if c != "U3"}
        two = {
            "subjects": {c: {"level": c.split("/")[0]} for c in (*january, "community/U1")},
            "periods": {"2025-01": {**january, "community/U1": inputs(10, 10, 0)}},
        }
        found = compare(book(), book(), one, two)
        assert [p.label for p in found.periods] == ["2025-01"]
        assert [m.code for m in found.moves] == ["U2", "U1"]
        assert (found.only_before, found.only_after) == ((("street", "U3"),), (("community", "U1"),))
        assert tables.notes(found)[0]["en"].startswith("1 subjects are assessed only as it stands, 1 only as supposed")

    def test_what_lacks_inputs_is_said(self) -> None:
        dossier = {**PLAIN, "periods": {"2025-03": {"U1": {"inputs": {"desk": 90, "street": 90, "faults": 0}}}}}
        bare = {**PLAIN, "periods": {"2025-03": {"U1": {"inputs": {"desk": 90, "street": 90}}}}}
        found = compare(book(), book(), dossier, bare)
        (mover,) = found.movers
        assert (mover.after.status, mover.difference, mover.after.total) == ("incomplete", None, None)
        assert "Faults" in tables.notes(found)[0]["en"]
        assert tables.why(mover)["en"] == "Penalty 0 → —"


@pytest.fixture(scope="module")
def found() -> WhatIf:
    return supposing(("per_fault.points", "5"), ("month.grades.B.at_least", "78"))


class TestExports:
    def test_json_is_exact_and_plain(self, found: WhatIf) -> None:
        document = json.loads(tables.document_json(found))
        assert [(m["period"], m["subject"]["code"], m["difference"]) for m in document["movers"]] == [
            ("2025-01", "U1", "-8"), ("2025-01", "U3", "-8"), ("2025", "U1", "-4"), ("2025", "U3", "-4"),
        ]  # fmt: skip
        line = document["movers"][0]["lines"][0]
        assert (line["before"]["value"], line["after"]["value"]) == ("-2", "-10")
        assert line["after"]["reason"]["words"]["zh"]
        assert {(d["id"], d["key"], d["old"], d["new"]) for d in document["rules"]} == {
            ("month", "grades.B.at_least", "80", "78"), ("per_fault", "points", "1", "5"),
        }  # fmt: skip

    def test_csv_has_every_subject(self, found: WhatIf) -> None:
        rows = list(csv.DictReader(io.StringIO(tables.movers_csv(found, "en").removeprefix("\ufeff"))))
        assert len(rows) == 9
        third = next(r for r in rows if (r["Period"], r["Code"]) == ("2025-01", "U3"))
        assert (third["Total as it stands"], third["Total supposed"], third["Change"]) == ("80.00", "72.00", "-8.00")
        assert (third["Grade as it stands"], third["Grade supposed"], third["Moved"]) == ("Good", "Fair", "yes")

    @pytest.mark.parametrize("lang", [None, "zh", "en"])
    def test_the_chart_is_well_formed_and_loads_nothing(self, found: WhatIf, lang: str | None) -> None:
        drawn = chart(found, lang=lang)
        root = ET.fromstring(drawn)
        said = " ".join(t for t in root.itertext())
        assert ("甲局" in said, "Bureau U1" in said) == (lang != "en", lang != "zh")
        assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")
        assert drawn == chart(found, lang=lang)

    def test_names_are_escaped(self) -> None:
        subjects = {**PLAIN["subjects"], "U1": {"name": {"zh": "<b>&", "en": "<i>"}}}
        found = compare(
            book(), book(("per_fault.points", "5")), {**PLAIN, "subjects": subjects}, {**PLAIN, "subjects": subjects}
        )
        assert ET.fromstring(chart(found)) is not None
        assert "<b>" not in page(found)

    def test_a_large_panel_draws_those_that_moved_most(self) -> None:
        records = {f"P{n:03}": inputs(90, 90, n % 9) for n in range(200)}
        dossier = {"subjects": {}, "periods": {"2025-03": records}}
        found = compare(book(), book(("per_fault.points", "2")), dossier, dossier)
        said = chart(found, lang="en")
        assert f"{200 - MOST_ROWS} more subjects are not drawn" in said
        assert all(abs(m.difference or 0) >= 4 for m in tables.largest(found.movers, MOST_ROWS))

    def test_a_small_difference_is_not_shown_as_none(self) -> None:
        assert tables.signed(Fraction(-1, 3000)) == "−0.0003"


class TestPaths:
    """A path that leads nowhere says what can be set."""

    @pytest.mark.parametrize(
        ("path", "value", "told"),
        [
            ("penalties.points", "2", "没有 penalties。可改：编号.键，编号有 month"),
            ("month_total.point", "2", "可改的是“month_total”之下的 kind, weight, points"),
            ("per_fault.cost", "2", "可改的是“per_fault”之下的 kind, input, points, cap"),
            ("per_fault", "2", "可改的是“per_fault”之下的 kind, input, points"),
            ("readings.bonuses", "shown", "there is no such reading; there are bonus"),
            ("readings.bonus", "maybe", "none of the options counted, shown"),
            ("A.at_least", "85", "A stands 2 times; write STAGE.grades.A"),
            ("month.grades.E.at_least", "85", "“month.grades”没有部分 E；有"),
            ("per_fault.points", "many", "数，如 5、0.1 或 1/3，不是“many”"),
            ("per_fault.points", "[", "is not a value as YAML writes it"),
            ("flag.window.reach", "3", "below “flag.window” can be set kind, reaches, fires"),
            ("base.title", "sum", "below “base” can be set kind, weight, over"),
        ],
    )
    def test_wrong(self, path: str, value: str, told: str) -> None:
        with pytest.raises(RulebookInvalid) as e:
            book((path, value))
        assert told in texts.both(e.value.code, e.value.facts)

    def test_what_the_file_leaves_out_can_be_set(self) -> None:
        changed = book(
            ("flag.money", "50"),
            ("per_fault.distinct", "true"),
            ("flag.window.fires", "each"),
            ("month_total.points", "9"),
        )
        assert changed.rulebook.consequence("flag").money == 50  # type: ignore[union-attr]
        assert book(("items.per_fault.points", "3")).rulebook != book().rulebook


class TestRanges:
    @pytest.mark.parametrize(
        ("text", "labels"),
        [
            ("2025-12", ["2025-12"]),
            ("2025", ["2025"]),
            ("2025-11..2026-01", ["2025-11", "2025-12", "2026-01"]),
            ("2025-q1..2025-q3", ["2025-Q1", "2025-Q2", "2025-Q3"]),
            ("2025-12@26 .. 2026-01@26", ["2025-12@26", "2026-01@26"]),
            ("2024..2025", ["2024", "2025"]),
            ("2025-12-03..2026-01-04", ["2025-12-03..2026-01-04"]),
        ],
    )
    def test_periods_of_a_range(self, text: str, labels: list[str]) -> None:
        assert [p.label for p in periods_through(*parse_range(text))] == labels

    @pytest.mark.parametrize("text", ["2025-12..2025-01", "2025-01..2025-Q2", "2025-01..2025-12@26", "2025-01..", "x"])
    def test_other_ranges_are_refused(self, text: str) -> None:
        with pytest.raises(PeriodInvalid) as e:
            parse_range(text)
        assert {"2025-01..2025-12", "2015-01..2015-12"} & {*e.value.forms}  # of the year asked, if one can be read
