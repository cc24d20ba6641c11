"""What if on a database: months of a year under other rules, another rulebook over the same facts, nothing saved."""

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gridmgmt.assessing.operations import publishing, scoring
from gridmgmt.assessing.operations.whatif import whatif
from gridmgmt.cli import app
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work, open_database
from gridmgmt.errors import OptionInvalid, PeriodsNotAssessed, RulebookMissing, RulebooksDiffer
from gridmgmt.periods import parse_period
from gridmgmt.scorecards.whatif import WhatIf
from gridmgmt.settings import Settings
from tests.postgis.towns import case, found, load, select_all
from tests.worlds import World

BOOK = """\
id: months
version: 1
title: {zh: 逐月考核, en: By months}
issuer: {zh: 某市, en: A city}
source: clause 1
valid: {from: 2025-01-01}
population: {kind: grid, levels: [community]}
empty: {option: full, reason: {zh: 无, en: none}}
inputs:
  due: {title: {zh: 应结案数, en: Due}, type: count, automatic: {count: n_due}}
  closed: {title: {zh: 结案数, en: Closed}, type: count, automatic: {count: n_closed}}
rates:
  closing: {title: {zh: 结案率, en: Closing rate}, numerator: closed, denominator: due, better: high}
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
        - {id: base, title: {zh: 基础分, en: Base}, kind: constant, value: 60}
        - {id: closing_part, title: {zh: 结案, en: Closing}, kind: proportional, points: 40, rate: closing}
    grades:
      - {id: A, at_least: 90, title: {zh: 优秀, en: Excellent}}
      - {id: C, title: {zh: 一般, en: Fair}}
  - id: year
    title: {zh: 年, en: Year}
    cadence: year
    ranking: {}
    score: {id: year_total, title: {zh: 年得分, en: Year score}, kind: periods, stage: month, n: 12}
consequences:
  - {id: flag, title: {zh: 黑旗, en: Black flag}, stage: month, tone: warning, when: {last: true}}
"""
DECEMBER = {"at": "2025-12-05 12:00", "reg": "2025-12-05 13:00", "due": "2025-12-10"}
NOVEMBER = {"at": "2025-11-05 12:00", "reg": "2025-11-05 13:00", "due": "2025-11-10"}
CASES = [
    case("d1", "D1-1", **DECEMBER, closed="2025-12-09"),
    case("d2", "D1-1", **DECEMBER),  # open: December of D1-1 closes 1 of 2
    case("d3", "D1-2", **DECEMBER, closed="2025-12-09"),
    case("n1", "D1-2", **NOVEMBER),  # open: November of D1-2 closes 0 of 1
]


@pytest.fixture(scope="module")
def settings(make_database: Callable[[str], Settings]) -> Settings:
    return make_database("whatif")


@pytest.fixture(scope="module")
def year(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    """The town with four cases in two months, its year assessed through all months; for tests that only read."""
    folder = tmp_path_factory.mktemp("year")
    work = open_database(settings)
    found(work, folder)
    assert load(work, folder, CASES, day=5).n_quarantined == 0
    scoring.score(work, write(folder, BOOK), parse_period("2025"))
    yield work
    work.close()


def december_only(town: Work, tmp_path: Path) -> None:
    """The same with December assessed only, for tests that go on from there."""
    found(town, tmp_path)
    assert load(town, tmp_path, CASES, day=5).n_quarantined == 0
    scoring.score(town, write(tmp_path, BOOK), parse_period("2025-12"))


@pytest.fixture
def december(world: World) -> Work:
    """The town with December assessed."""
    return world(december_only)


def write(folder: Path, text: str) -> str:
    """A rulebook's file."""
    path = folder / f"{text.split()[1]}.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def suppose(work: Work, period: str, *changes: tuple[str, str], to: str | None = None, **more: Any) -> WhatIf:
    return whatif(work, "months", parse_period(period), parse_period(to or period), changes, **more)


def moved(found: WhatIf) -> dict[tuple[str, str], tuple[Fraction | None, Fraction | None]]:
    return {(m.period.label, m.code): (m.before.total, m.after.total) for m in found.movers if m.difference}


def test_what_was_assessed_is_where_it_starts(year: Work) -> None:
    found = suppose(year, "2025")
    assert (len(found.periods), len(found.moves), found.movers, found.effects) == (13, 13 * 4, (), ())
    with_documents = {}
    for name in ("months-2025-12-1", "months-2025-11-1", "months-2025-1"):
        stored, documents, _ = scoring.read(year, name)
        with_documents |= {(stored.period, d.subject.code): Fraction(d.total.exact) for d in documents}
    computed = {(m.period.label, m.code): m.before.total for m in found.moves}
    assert {k: computed[k] for k in with_documents} == with_documents


def test_a_change_goes_through_the_months_into_the_year(year: Work) -> None:
    found = suppose(year, "2025", ("closing_part.points", "28"))
    moves = moved(found)
    assert moves["2025-12", "D1-1"] == (80, 74)
    assert moves["2025-11", "D1-1"] == (100, 88), "nothing was due: full points"
    assert moves["2025", "D1-1"] == (Fraction(80 + 11 * 100, 12), Fraction(74 + 11 * 88, 12))
    assert ("2025-11", "D1-2") not in moves, "nothing of it was closed"


def test_nothing_is_saved(year: Work) -> None:
    before = select_all(year, *t.assessment.c)
    suppose(year, "2025", ("closing_part.points", "28"))
    suppose(year, "2025-12", other="grid_baseline")
    assert select_all(year, *t.assessment.c) == before


def test_a_range_of_months(year: Work) -> None:
    found = suppose(year, "2025-11", ("flag.when.last", "false"), ("flag.when.first", "true"), to="2025-12")
    assert [p.label for p in found.periods] == ["2025-11", "2025-12"]
    assert {(e.kind, e.period, e.code) for e in found.effects} >= {
        ("vanishes", "2025-12", "D1-1"), ("vanishes", "2025-11", "D1-2"), ("appears", "2025-12", "D1-2"),
    }  # fmt: skip
    assert found.movers == ()


def test_the_published_assessment_is_the_one_that_holds(december: Work, tmp_path: Path) -> None:
    publishing.publish(december.but(actor="王工"), "months-2025-12-1")
    load(december, tmp_path, [case("d2", "D1-1", **DECEMBER, closed="2025-12-20")], day=20)
    assert scoring.score(december, write(tmp_path, BOOK), parse_period("2025-12")).is_new
    (mover,) = [m for m in suppose(december, "2025-12").moves if m.code == "D1-1"]
    assert mover.before.total == 80, "the later one has 100"


def test_another_rulebook_counts_the_same_facts(year: Work) -> None:
    found = suppose(year, "2025-12", other="grid_baseline")
    assert {m.code for m in found.moves} == {"D1-1", "D1-2", "D2-1", "D2-2"}
    assert {code for _, code in found.only_after} == {"C", "D1", "D2"}
    # D1-1: 1 of 2 closed, and on time, no rework, no repeat, no sample: 55 of 85 points
    totals = {m.code: m.after.total for m in found.moves if m.after.total is not None}
    assert totals == {"D1-1": Fraction(5500, 85), "D1-2": 100}


class TestRefusals:
    def test_periods_to_score_first_are_named(self, december: Work) -> None:
        with pytest.raises(PeriodsNotAssessed) as e:
            suppose(december, "2025-10", to="2025-12")
        assert (e.value.periods, e.value.first) == (["2025-10", "2025-11"], "2025-10")
        with pytest.raises(PeriodsNotAssessed):
            whatif(december, "grid_baseline", parse_period("2025-12"), parse_period("2025-12"))

    def test_unknown_rules_and_periods(self, year: Work) -> None:
        with pytest.raises(RulebookMissing):
            whatif(year, "nothing", parse_period("2025-12"), parse_period("2025-12"))
        with pytest.raises(RulebookMissing):
            suppose(year, "2025-12", other="nothing")
        with pytest.raises(OptionInvalid):
            suppose(year, "2025-12-01..2025-12-02")

    def test_two_texts_are_not_compared_together(self, december: Work, tmp_path: Path) -> None:
        later = write(tmp_path, BOOK.replace("version: 1", "version: 2"))
        scoring.score(december, later, parse_period("2025-11"))
        with pytest.raises(RulebooksDiffer) as e:
            suppose(december, "2025-11", to="2025-12")
        assert e.value.periods == ["2025-11 v2", "2025-12 v1"]


def test_a_quarter_without_a_stage_means_its_months(december: Work, tmp_path: Path) -> None:
    text = BOOK[: BOOK.index("  - id: year")] + BOOK[BOOK.index("consequences:") :]
    own, quarter = write(tmp_path, text.replace("id: months", "id: own")), parse_period("2025-Q4")
    for month in quarter.months():
        scoring.score(december, own, month)
    found = whatif(december, own, quarter, quarter, [("base.value", "50")])
    assert [p.label for p in found.periods] == ["2025-10", "2025-11", "2025-12"]
    assert {m.difference for m in found.moves} == {-10}


class TestCommand:
    @pytest.fixture
    def run(self, year: Work, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setattr("gridmgmt.settings.read", lambda *_: settings)
        return lambda *args: CliRunner().invoke(
            app, ["--lang", "zh", "whatif", "months", *args], catch_exceptions=False
        )

    def test_tables(self, run: Any) -> None:
        result = run("--set", "closing_part.points=28", "--period", "2025-11..2025-12")
        assert result.exit_code == 0
        for told in ("closing_part.points): 40 → 28", "80.00 → 74.00", "−6.00", "结案 −6.00", "仅为试算，未保存"):
            assert told in result.stdout

    def test_files(self, run: Any, tmp_path: Path) -> None:
        for suffix, told in (
            (".svg", "<svg"),
            (".html", "<!DOCTYPE html>"),
            (".csv", "考核周期"),
            (".json", '"movers"'),
        ):
            out = tmp_path / f"whatif{suffix}"
            assert run("--set", "base.value=50", "--period", "2025-12", "--out", str(out)).exit_code == 0
            assert told in out.read_text("utf-8")

    def test_json(self, run: Any) -> None:
        result = run("--set", "base.value=50", "--period", "2025-12", "--json")
        assert {m["difference"] for m in json.loads(result.stdout)["movers"]} == {"-10"}

    @pytest.mark.parametrize("args", [[], ["--set", "base"], ["--set", "base.value=50", "--out", "x.png"]])
    def test_a_command_that_says_nothing_is_refused(self, run: Any, args: list[str]) -> None:
        with pytest.raises(OptionInvalid):
            run("--period", "2025-12", *args)
