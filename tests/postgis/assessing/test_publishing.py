"""What was published is frozen, computed again the same, and corrected only by appeals; the ledger knows no order."""

import copy
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gridmgmt.assessing.operations import appeals, explaining, publishing, recomputing, scoring
from gridmgmt.assessing.store import assessments
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import (
    AppealRefused,
    AssessmentIncomplete,
    AssessmentPublished,
    FactsChanged,
    ItemMissing,
    OptionInvalid,
    RulebookChanged,
    RulebookNotInForce,
)
from gridmgmt.people.store import units
from gridmgmt.periods import parse_period
from gridmgmt.scorecards.documents import Number, Source
from gridmgmt.texts import word
from tests.postgis import court, towns
from tests.postgis.towns import case, load, select_all
from tests.worlds import World

DECEMBER = {"at": "2025-12-02", "reg": "2025-12-02", "due": "2025-12-10 12:00"}
NOVEMBER = {"at": "2025-11-02", "reg": "2025-11-02", "due": "2025-11-10 12:00"}
CASES = [
    *(case(f"w{i}", "D1-1", **DECEMBER, closed="2025-12-09") for i in range(6)),
    *(case(f"w{i}", "D1-2", **DECEMBER, closed="2025-12-20") for i in range(6, 8)),
    *(case(f"e{i}", "D2-1", **DECEMBER, closed="2025-12-09", cat="01001") for i in range(4)),
    case("e4", "D2-2", **DECEMBER, closed="2025-12-20", cat="02001"),
    *(case(f"n{i}", "D1-1", **NOVEMBER) for i in range(2)),
    case("n2", "D2-1", **NOVEMBER, closed="2025-11-09"),
]  # fmt: skip
SIGNED = ["2025-12,*,signed_off,true,,,", "2025-11,*,signed_off,true,,,"]
YEAR = [f"2025-{m:02},*,signed_off,true" for m in range(1, 11)]
FAULT = "2025-12,D2,faults,,2025-12-03,1,f1,督查第1号"


def december(town: Work, tmp_path: Path) -> None:
    """December in the town: D1 6 of 8 on time (60 + 20), D2 4 of 5 on time (64 + 15)."""
    towns.found(town, tmp_path)
    assert load(town, tmp_path, CASES, day=5).n_quarantined == 0
    court.write(tmp_path)
    court.enter(town, tmp_path, [*SIGNED, FAULT])


@pytest.fixture
def scored(world: World) -> Work:
    """The town in December."""
    return world(december)


def totals(made: scoring.Made) -> dict[str, Any]:
    return {d.subject.code: d.total and d.total.exact for d in made.subjects}


class TestScoring:
    def test_cases_and_entries_make_the_points(self, scored: Work, tmp_path: Path) -> None:
        made = court.score(scored, tmp_path, "2025-12")
        assert totals(made) == {"D1": "80", "D2": "79"}
        d2 = next(d for d in made.subjects if d.subject.code == "D2")
        assert {x.item: x.points and x.points.exact for x in d2.lines} == {
            "timely": "64",
            "site": "15",
            "faults_each": "5",
        } or {x.item: x.points and x.points.exact for x in d2.lines} == {"timely": "64", "site": "15"}
        assert d2.shown[0].points == Number(exact="4", shown="4.00"), "only the components of the filter"
        assert d2.inputs["faults"].value[0]["evidence"] == "督查第1号"
        assert made.header.complete

    def test_every_line_leads_back_to_cases_and_entries(self, scored: Work, tmp_path: Path) -> None:
        made = court.score(scored, tmp_path, "2025-12")
        timely = explaining.explain(scored, made.name, "D1", "timely")
        assert timely.evidence["on_time"] == [f"w{i}" for i in range(6)]
        assert timely.evidence["due"] == [f"w{i}" for i in range(8)]
        components = explaining.explain(scored, made.name, "D2", "components")
        assert components.evidence["ours"] == [f"e{i}" for i in range(4)]
        site = explaining.explain(scored, made.name, "D2", "site")
        assert site.entries is not None
        (fault,) = site.entries["faults"]
        assert (fault["on"], fault["evidence"], fault["by"]) == ("2025-12-03", "督查第1号", "tester")
        folded = explaining.explain(scored, made.name, "D2", "faults_each")
        assert folded.line is not None
        assert folded.line.item in ("site", "faults_each")
        assert explaining.explain(scored, made.name, "D2", "last_twice").consequence is None
        with pytest.raises(ItemMissing):
            explaining.explain(scored, made.name, "D2", "nothing")

    def test_what_is_not_signed_off_is_missing_not_none(self, town: Work, tmp_path: Path) -> None:
        load(town, tmp_path, CASES, day=5)
        court.write(tmp_path)
        made = court.score(town, tmp_path, "2025-12")
        assert not made.header.complete
        assert totals(made) == {"D1": None, "D2": None}
        assert {m.input for d in made.subjects for m in d.missing} == {"signed_off"}
        court.enter(town, tmp_path, ["2025-12,D1,signed_off,true,,,"])
        one = court.score(town, tmp_path, "2025-12")
        assert totals(one) == {"D1": "80", "D2": None}
        with pytest.raises(AssessmentIncomplete) as e:
            publishing.publish(town.but(actor="tester"), one.name)
        assert e.value.missing == ["D2 2025-12 signed_off"]

    def test_splitting_a_file_or_importing_it_twice_does_not_matter(self, scored: Work, tmp_path: Path) -> None:
        rows = [f"2025-12,D1,faults,,2025-12-{day:02},1,g{day}" for day in (4, 5, 6)]
        court.enter(scored, tmp_path, rows)
        whole = court.score(scored, tmp_path, "2025-12")
        assert totals(whole) == {"D1": "65", "D2": "79"}
        for part in (rows[2:], rows[:1], rows[1:], rows):
            report = court.enter(scored, tmp_path, part)
            assert (report.n_new, report.n_corrected, report.n_unchanged) == (0, 0, len(part))
        assert court.score(scored, tmp_path, "2025-12").sha256 == whole.sha256

    def test_a_period_without_a_stage_is_refused(self, scored: Work, tmp_path: Path) -> None:
        with pytest.raises(OptionInvalid):
            court.score(scored, tmp_path, "2025-Q4")

    def test_a_used_version_is_not_edited(self, scored: Work, tmp_path: Path) -> None:
        court.score(scored, tmp_path, "2025-12")
        court.write(tmp_path, court.BOOK + "# a comment changes nothing\n")
        court.score(scored, tmp_path, "2025-12")
        changed = court.BOOK.replace("points: 80", "points: 70")
        court.write(tmp_path, changed)
        with pytest.raises(RulebookChanged):
            court.score(scored, tmp_path, "2025-12")
        court.write(tmp_path, changed.replace("version: 1", "version: 2"))
        assert totals(court.score(scored, tmp_path, "2025-12")) == {"D1": "72.5", "D2": "71"}
        court.write(
            tmp_path, court.BOOK.replace("from: 2025-01-01", "from: 2026-01-01").replace("version: 1", "version: 3")
        )
        with pytest.raises(RulebookNotInForce):
            court.score(scored, tmp_path, "2025-12")


class TestDrafts:
    """A draft's evidence is fixed when it is scored: who publishes it publishes just that."""

    def test_it_is_refused_once_its_facts_have_changed(self, scored: Work, tmp_path: Path) -> None:
        made = court.score(scored, tmp_path, "2025-12")
        load(scored, tmp_path, [case("late", "D1-1", **DECEMBER)], day=9)
        with pytest.raises(FactsChanged) as e:
            publishing.publish(scored.but(actor="tester"), made.name)
        assert e.value.facts == {"name": made.name, "kinds": ["cases"]}
        assert "案件已有变化" in word(e.value.code, e.value.facts, "zh")
        with scored.snapshot() as connection:
            assert assessments.by_name(connection, made.name).published_at is None
        again = court.score(scored, tmp_path, "2025-12")
        assert publishing.publish(scored.but(actor="tester"), again.name).published_by == "tester"

    def test_what_does_not_count_changes_nothing(self, scored: Work, tmp_path: Path) -> None:
        made = court.score(scored, tmp_path, "2025-12")
        load(scored, tmp_path, [case("next", "D1-1", at="2026-01-03 09:00")], day=9)
        assert publishing.publish(scored.but(actor="tester"), made.name).published_by == "tester"

    def test_what_comes_in_while_somebody_looks_is_seen(
        self, scored: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An import commits between the look at the draft and the lock under which it is frozen."""
        made = court.score(scored, tmp_path, "2025-12")
        look = publishing._seen_unchanged

        def interrupted(work: Work, name: str) -> tuple[int, int]:
            seen = look(work, name)
            load(work, tmp_path, [case("late", "D1-1", **DECEMBER)], day=9)
            return seen

        monkeypatch.setattr(publishing, "_seen_unchanged", interrupted)
        with pytest.raises(FactsChanged):
            publishing.publish(scored.but(actor="tester"), made.name)


class TestPublished:
    def test_later_data_does_not_move_it(self, scored: Work, tmp_path: Path) -> None:
        made = court.score(scored, tmp_path, "2025-12")
        publishing.publish(scored.but(actor="tester"), made.name)
        load(scored, tmp_path, [case("late", "D1-1", **DECEMBER)], day=9)
        court.enter(scored, tmp_path, ["2025-12,D1,faults,,2025-12-04,2,f9,"])
        with scored.snapshot() as connection:
            before = connection.execute(text("SELECT document FROM assessment_subject ORDER BY id")).scalars().all()
        found = recomputing.recompute(scored, made.name)
        assert found.is_same
        newer = court.score(scored, tmp_path, "2025-12")
        assert newer.sha256 != made.sha256
        with pytest.raises(AssessmentPublished):
            publishing.publish(scored.but(actor="tester"), newer.name)
        with scored.snapshot() as connection:
            after = (
                connection.execute(text("SELECT document FROM assessment_subject ORDER BY id LIMIT 2")).scalars().all()
            )
        assert before == after
        assert publishing.publish(scored.but(actor="somebody else"), made.name).published_by == "tester"

    def test_what_is_frozen_for_good_is_named_and_said(self, scored: Work, tmp_path: Path) -> None:
        made = court.score(scored, tmp_path, "2025-12")
        for meant in ("court", "latest"):
            with pytest.raises(OptionInvalid):
                publishing.publish(scored.but(actor="tester"), meant)
        publishing.publish(scored.but(actor="tester"), made.name)
        court.enter(scored, tmp_path, ["2025-12,D1,faults,,2025-12-04,2,f9,"])
        assert court.score(scored, tmp_path, "2025-12").published == made.name

    def test_recomputing_notices_a_changed_document(self, scored: Work, tmp_path: Path) -> None:
        made = court.score(scored, tmp_path, "2025-12")
        with scored.transaction() as connection:
            connection.execute(t.assessment.update().values(dossier=_with_more(scored, made.name)))
        assert not recomputing.recompute(scored, made.name).is_same

    def test_the_baseline_of_all_levels_too(self, scored: Work) -> None:
        made = scoring.score(scored, "grid_baseline", parse_period("2025-12"))
        assert recomputing.recompute(scored, made.name).again == made.sha256


def _with_more(work: Work, name: str) -> dict[str, Any]:
    (row,) = select_all(work, t.assessment.c.dossier, where=t.assessment.c.name == name)
    dossier = copy.deepcopy(row[0])
    dossier["periods"]["2025-12"]["D1"]["inputs"]["on_time"] += 1
    return dict(dossier)


class TestAppeals:
    def test_the_fact_stays_and_the_exemption_changes_the_score(self, scored: Work, tmp_path: Path) -> None:
        made = court.score(scored, tmp_path, "2025-12")
        publishing.publish(scored.but(actor="tester"), made.name)
        number = appeals.open_appeal(scored.but(actor="D1"), made.name, "D1", "case", "w7", "road closed")
        appeals.decide_appeal(scored.but(actor="office"), number, granted=True, decision="shown")
        load(scored, tmp_path, [case("late", "D2-1", **DECEMBER)], day=9)  # must not be read by the correction
        corrected, differences = appeals.correct(scored, made.name)
        assert totals(corrected) == {"D1": str(Fraction(80 * 6, 7) + 20).replace("Fraction", ""), "D2": "79"}
        d1 = next(d for d in corrected.subjects if d.subject.code == "D1")
        assert (d1.counts["n_due"], d1.inputs["due"].value, d1.exempted) == (8, 7, ["w7"])
        assert [(d.subject.code, d.total[0]) for d in differences] == [("D1", "80")]
        assert corrected.header.corrects is not None
        assert corrected.header.corrects.assessment == made.name
        publishing.publish(scored.but(actor="tester"), corrected.name)
        assert recomputing.recompute(scored, corrected.name).is_same
        assert publishing.ledger(scored, "court", 2025).assessments["2025-12"].name == corrected.name
        assert appeals.correct(scored, made.name)[0].is_new is False

    def test_an_entry_too(self, scored: Work, tmp_path: Path) -> None:
        made = court.score(scored, tmp_path, "2025-12")
        publishing.publish(scored.but(actor="tester"), made.name)
        (entry,) = scoring.scorecard(scored, made.name, "D2")[1].inputs["faults"].value
        number = appeals.open_appeal(scored.but(actor="D2"), made.name, "D2", "entry", entry["entry"], "not ours")
        appeals.decide_appeal(scored.but(actor="office"), number, granted=True, decision="so it is")
        corrected, differences = appeals.correct(scored, made.name)
        assert totals(corrected) == {"D1": "80", "D2": "84"}
        assert {(d.subject.code, d.rank) for d in differences} == {("D1", (1, 2)), ("D2", (2, 1))}
        assert {d.subject.code: d.vanished for d in differences} == {"D1": ("first_money",), "D2": ()}

    def test_what_cannot_be_appealed_against(self, scored: Work, tmp_path: Path) -> None:
        made = court.score(scored, tmp_path, "2025-12")
        with pytest.raises(AppealRefused):  # not published
            appeals.open_appeal(scored.but(actor="D1"), made.name, "D1", "case", "w7", "why")
        publishing.publish(scored.but(actor="tester"), made.name)
        with pytest.raises(AppealRefused):  # another district's case
            appeals.open_appeal(scored.but(actor="D1"), made.name, "D1", "case", "e4", "why")
        number = appeals.open_appeal(scored.but(actor="D1"), made.name, "D1", "case", "w7", "why")
        with pytest.raises(AppealRefused):  # one for each case
            appeals.open_appeal(scored.but(actor="D1"), made.name, "D1", "case", "w7", "again")
        appeals.decide_appeal(scored.but(actor="office"), number, granted=False, decision="no")
        with pytest.raises(AppealRefused):  # decided
            appeals.decide_appeal(scored.but(actor="office"), number, granted=True, decision="yes")
        with pytest.raises(AppealRefused):  # nothing granted
            appeals.correct(scored, made.name)


class TestOverPeriods:
    def test_the_year_says_what_its_months_lack(self, scored: Work, tmp_path: Path) -> None:
        court.enter(scored, tmp_path, ["2025,D1,annual,90"])
        made = court.score(scored, tmp_path, "2025")
        assert totals(made) == {"D1": None, "D2": None}
        lacking = [{(m.period, m.input) for m in d.missing} for d in made.subjects]
        months = {(f"2025-{m:02}", "signed_off") for m in range(1, 11)}
        assert lacking == [months, months | {("2025", "annual")}]

    def test_the_year_is_made_of_its_months(self, scored: Work, tmp_path: Path) -> None:
        """D1: ten months of 100, November 0 of 2 on time (20), December 80; D2: 100 but for December, 79."""
        court.enter(scored, tmp_path, [*YEAR, "2025,D1,annual,90", "2025,D2,annual,90"])
        made = court.score(scored, tmp_path, "2025")
        assert {k: Fraction(v) for k, v in totals(made).items()} == {
            "D1": Fraction(1100, 24) + 45,
            "D2": Fraction(1179, 24) + 45,
        }
        assert set(made.header.earlier) == {f"2025-{m:02}" for m in range(1, 13)}
        found = explaining.explain(scored, made.name, "D1", "months")
        assert {name.rsplit("-", 1)[0] for name, _ in found.periods} == {f"court-2025-{m:02}" for m in range(1, 13)}

    def test_a_month_that_is_corrected_makes_its_year_stale(self, scored: Work, tmp_path: Path) -> None:
        court.enter(scored, tmp_path, [*YEAR, "2025,D1,annual,90", "2025,D2,annual,90"])
        year = court.score(scored, tmp_path, "2025")
        old = year.header.earlier["2025-12"].assessment
        assert explaining.is_stale(scored, year.name) == []
        court.enter(scored, tmp_path, ["2025-12,D1,faults,,2025-12-04,4,f3"])
        new = court.score(scored, tmp_path, "2025-12").name
        replaced = [{"taken": old, "now": new}]
        assert explaining.is_stale(scored, year.name) == replaced
        assert explaining.explain(scored, year.name, "D1", "months").stale == replaced
        assert {a["name"]: a["stale"] for a in scoring.listing(scored)}[year.name] == replaced
        again = court.score(scored, tmp_path, "2025")
        assert (again.is_new, explaining.is_stale(scored, again.name)) == (True, [])
        assert Fraction(totals(again)["D1"] or "") == Fraction(1080, 24) + 45  # 20 points less in December

    def test_a_month_that_a_window_looks_back_on_makes_the_later_one_stale(self, scored: Work, tmp_path: Path) -> None:
        november = court.score(scored, tmp_path, "2025-11")
        december = court.score(scored, tmp_path, "2025-12")
        assert list(december.header.earlier) == ["2025-11"]
        court.enter(scored, tmp_path, ["2025-11,D2,faults,,2025-11-04,1,f4"])
        again = court.score(scored, tmp_path, "2025-11")
        assert explaining.is_stale(scored, december.name) == [{"taken": november.name, "now": again.name}]
        assert explaining.is_stale(scored, again.name) == []

    def test_a_published_month_is_not_assessed_again(self, scored: Work, tmp_path: Path) -> None:
        court.enter(scored, tmp_path, [*YEAR, "2025,D1,annual,90", "2025,D2,annual,90"])
        december = court.score(scored, tmp_path, "2025-12")
        publishing.publish(scored.but(actor="tester"), december.name)
        load(scored, tmp_path, [case("late", "D1-1", **DECEMBER)], day=9)
        made = court.score(scored, tmp_path, "2025")
        assert made.header.earlier["2025-12"] == Source(assessment=december.name, sha256=december.sha256)
        assert Fraction(totals(made)["D1"]) == Fraction(1100, 24) + 45

    def test_the_newest_facts_hold_even_where_they_say_what_was_said_before(self, scored: Work, tmp_path: Path) -> None:
        """December is assessed at 80, at 60 with a fault more, and at 80 again once it is withdrawn."""
        first = court.score(scored, tmp_path, "2025-12")
        court.enter(scored, tmp_path, ["2025-12,D1,faults,,2025-12-04,4,f3"])
        second = court.score(scored, tmp_path, "2025-12")
        court.enter(scored, tmp_path, ["2025-12,D1,faults,withdrawn,,,f3"])
        third = court.score(scored, tmp_path, "2025-12")
        assert [totals(m)["D1"] for m in (first, second, third)] == ["80", "60", "80"]
        assert (third.name, third.is_new) == (first.name, False)
        assert publishing.ledger(scored, "court", 2025).assessments["2025-12"].name == first.name

    @pytest.mark.parametrize("order", [("2025-11", "2025-12"), ("2025-12", "2025-11")])
    def test_the_ledger_does_not_depend_on_the_order_of_scoring(
        self, scored: Work, tmp_path: Path, order: tuple[str, str]
    ) -> None:
        court.enter(scored, tmp_path, ["2025-12,D1,faults,,2025-12-04,3,f2,"])  # D1 is last in December too
        for period in order:
            court.score(scored, tmp_path, period)
        found = publishing.ledger(scored, "court", 2025)
        assert [(r.period, r.consequence, r.subject, r.because) for r in found.reached] == [
            ("2025-11", "first_money", "D2", ("2025-11",)),
            ("2025-12", "last_twice", "D1", ("2025-11", "2025-12")),
            ("2025-12", "first_money", "D2", ("2025-12",)),
        ]
        assert found.money == {"D2": 2000}
        assert publishing.ledger(scored, "court", 2024).reached == []

    def test_a_consequence_leads_back_to_its_periods(self, scored: Work, tmp_path: Path) -> None:
        court.enter(scored, tmp_path, ["2025-12,D1,faults,,2025-12-04,3,f2,"])
        november = court.score(scored, tmp_path, "2025-11")
        made = court.score(scored, tmp_path, "2025-12")
        found = explaining.explain(scored, made.name, "D1", "last_twice")
        assert found.consequence is not None
        assert found.consequence.because == ["2025-11", "2025-12"]
        totals = [(name, d.total and d.total.exact) for name, d in found.periods]
        assert totals == [(november.name, "20"), (made.name, "65")]


def test_units_are_counted_by_who_answers(town: Work, tmp_path: Path) -> None:
    with town.transaction() as connection:
        units.ensure_units(connection, ["U1", "U2"])
    rows = [case(f"a{i}", "D1-1", **DECEMBER, unit="U1", closed="2025-12-09") for i in range(3)]
    rows += [case("b", "D2-1", **DECEMBER, unit="U2"), case("c", "D2-1", **DECEMBER, unit="U1")]
    load(town, tmp_path, rows, day=5)
    court.write(
        tmp_path, court.BOOK.replace("population: {kind: grid, levels: [district]}", "population: {kind: unit}")
    )
    court.enter(town, tmp_path, SIGNED)
    made = court.score(town, tmp_path, "2025-12")
    assert totals(made) == {"U1": "80", "U2": "20"}
    assert explaining.explain(town, made.name, "U1", "timely").evidence["due"] == ["a0", "a1", "a2", "c"]


def test_units_are_compared_with_the_months_before(town: Work, tmp_path: Path) -> None:
    """A unit's month before was told as no data, whatever it had; a unit without a case then has 0, a year ago none."""
    with town.transaction() as connection:
        units.ensure_units(connection, ["U1", "U2"])
    rows = [case("a", "D1-1", **DECEMBER, unit="U1"), case("b", "D2-1", **DECEMBER, unit="U2")]
    rows += [case(f"n{i}", "D1-1", **NOVEMBER, unit="U1", closed=closed) for i, closed in enumerate(("2025-11-09", ""))]
    load(town, tmp_path, rows, day=5)
    court.write(
        tmp_path, court.BOOK.replace("population: {kind: grid, levels: [district]}", "population: {kind: unit}")
    )
    made = court.score(town, tmp_path, "2025-12")
    before = {d.subject.code: d.comparisons["previous"] for d in made.subjects}
    names = ("n_reported", "n_due", "n_closed_on_time")
    told = {code: c.counts and [c.counts[n] for n in names] for code, c in before.items()}
    assert told == {"U1": [2, 2, 1], "U2": [0, 0, 0]}
    assert {c.period for c in before.values()} == {"2025-11"}
    assert {d.comparisons["year_ago"].counts for d in made.subjects} == {None}
