"""A road sample counts in each grid by the share of its length there, at every level; for a unit it counts whole."""

import datetime as dt
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gridmgmt.assessing.operations import appeals, explaining, publishing, recomputing, scoring
from gridmgmt.cli import app
from gridmgmt.database import cities
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import AppealRefused
from gridmgmt.figures.operations import indicators
from gridmgmt.figures.operations.period_counts import Figures, by_unit, figures
from gridmgmt.figures.store import shares as store_shares
from gridmgmt.inspections.operations import draws
from gridmgmt.intake.operations import imports
from gridmgmt.periods import parse_period
from gridmgmt.rulebooks.load import load
from gridmgmt.scorecards.documents import Document
from gridmgmt.settings import Settings
from tests.postgis import district, towns
from tests.postgis.towns import load_samples, select_all
from tests.worlds import World

BOOK = """\
id: means
version: 1
title: {zh: 抽查, en: Samples}
issuer: {zh: 小城, en: the town}
source: project convention
valid: {from: 2025-01-01}
population: {kind: grid, levels: [community]}
empty: {option: incomplete, reason: {zh: 没有样本, en: no sample}}
inputs:
  mean: {title: {zh: 样本平均分, en: Mean of samples}, automatic: {sample_mean: true}}
stages:
  - id: month
    title: {zh: 月度, en: Month}
    cadence: month
    score: {id: total, title: {zh: 得分, en: Score}, kind: entered, input: mean, points: 100}
"""
PERIOD = parse_period("2025-12")
F = Fraction
R = {(3, "D1-1"): 500, (3, "D1-2"): 250, (3, "D2-1"): 250, (2, "D1"): 750, (2, "D2"): 250, (1, "C"): 1000}
S = {(3, "D2-1"): 1, (3, "D2-2"): 1, (2, "D2"): 2, (1, "C"): 2}
"""Length in mm of two roads in each grid: R of 1000 mm, S of 3 mm, of which a third lies in no grid."""
TOTALS = {"n_samples": F(6), "n_scored_samples": F(5), "sum_sample_score": F(60 + 80 + 3 * 90)}
N = {"D1-1": 1 + F(1, 2), "D1-2": 1 + F(1, 4), "D2-1": 1 + F(1, 4) + F(1, 3), "D2-2": 1 + F(1, 3), "": F(1, 3)}
SCORED = {**N, "D2-2": F(1, 3)}
SCORES = {
    "D1-1": 90 + F(60, 2), "D1-2": 90 + F(60, 4), "D2-1": 90 + F(60, 4) + F(80, 3), "D2-2": F(80, 3), "": F(80, 3),
}  # fmt: skip


def add_shares(work: Work, number: str, lengths: dict[tuple[int, str], int], total: int) -> None:
    rows = [
        {"sample_no": number, "level": level, "grid_code": code, "length_mm": mm, "total_mm": total}
        for (level, code), mm in lengths.items()
    ]
    with work.transaction() as connection:
        connection.execute(t.sample_share.insert(), rows)


def with_samples(town: Work, tmp_path: Path) -> None:
    """Two road samples of 60 and 80 points, a plain one of 90 in each of three communities, one without a score."""
    towns.found(town, tmp_path)
    plain = zip(("P0", "P1", "P2", "P3"), ("90", "90", "90", ""), towns.COMMUNITIES, strict=True)
    rows = [("R", towns.NOON, "60", "D1-1"), ("S", towns.NOON, "80", "D2-2")]
    load_samples(town, tmp_path, [*rows, *((no, towns.NOON, score, place) for no, score, place in plain)])
    add_shares(town, "R", R, 1000)
    add_shares(town, "S", S, 3)
    (tmp_path / "means.yaml").write_text(BOOK, "utf-8")


def inspections_alone(folder: Path) -> str:
    """The baseline where the points of inspection alone make a total: here there is nothing else to score."""
    text = load("grid_baseline").text
    assert text.count("least_share: 1/2") == 1
    path = folder / "inspections.yaml"
    path.write_text(text.replace("least_share: 1/2", "least_share: 0"), "utf-8")
    return str(path)


@pytest.fixture
def road(world: World) -> Work:
    """The town with its samples."""
    return world(with_samples)


def read(work: Work) -> Figures:
    with work.snapshot() as connection:
        return figures(connection, cities.load_city(connection), PERIOD, by=["unit_id"])


def counted(found: Figures, level: int, name: str) -> dict[str, Fraction]:
    every = {code: Fraction(n[name]) for code, n in found.levels[level].by_code.items()}
    return {**every, "": Fraction(found.levels[level].unassigned[name])}


class TestCounts:
    def test_each_grid_by_its_share(self, road: Work) -> None:
        found = read(road)
        assert counted(found, 3, "n_samples") == N
        assert counted(found, 3, "n_scored_samples") == SCORED
        assert counted(found, 3, "sum_sample_score") == SCORES

    def test_upper_levels_are_the_sums_and_what_is_whole_again_is_a_whole_number(self, road: Work) -> None:
        found = read(road)
        assert counted(found, 2, "n_samples") == {"D1": N["D1-1"] + N["D1-2"], "D2": N["D2-1"] + N["D2-2"], "": F(1, 3)}
        assert counted(found, 1, "sum_sample_score") == {"C": TOTALS["sum_sample_score"] - F(80, 3), "": F(80, 3)}
        add_shares(road, "P3", {(3, "D2-1"): 1, (2, "D2"): 1, (1, "C"): 1}, 1)
        assert isinstance(read(road).levels[3].by_code["D1-1"]["n_samples"], Fraction)
        with road.transaction() as connection:
            connection.execute(t.sample_share.delete().where(t.sample_share.c.sample_no == "S"))
        n = read(road).levels[2].by_code["D2"]["n_samples"]
        assert (n, type(n)) == (Fraction(13, 4), Fraction)
        n = read(road).levels[1].by_code["C"]["n_samples"]
        assert (n, type(n)) == (6, int)

    def test_nothing_is_lost_at_any_level(self, road: Work) -> None:
        found = read(road)
        for level in (1, 2, 3):
            for name, total in TOTALS.items():
                assert sum(counted(found, level, name).values()) == total, (level, name)

    def test_for_a_unit_it_counts_whole(self, road: Work) -> None:
        assert by_unit(read(road), {})[""].items() >= TOTALS.items()

    def test_a_table_shows_parts_as_decimals(self, road: Work) -> None:
        table, _ = indicators.indicators(road, PERIOD, "community")
        assert dict(zip(table["code"], table["n_samples"], strict=True)) == pytest.approx(
            {code: float(n) for code, n in N.items()}
        )
        assert table["n_reported"].dtype == "int64"

    def test_where_the_grids_have_changed_since_the_draw_it_counts_at_its_point(
        self, road: Work, tmp_path: Path
    ) -> None:
        """The new edition has no D1-2, so R counts as a whole; S is not touched by that."""
        grids = towns.shapes()
        del grids["D1-1"], grids["D1-2"]
        grids["D1-9"] = ("community", "D1", towns.box(0, 0, 1, 2))
        towns.add_edition(road, tmp_path, "2026", dt.date(2026, 1, 1), grids)
        load_samples(road, tmp_path, [("R2", "2026-01-05", "60", "D1-1"), ("S2", "2026-01-05", "80", "D2-2")])
        add_shares(road, "R2", R, 1000)
        add_shares(road, "S2", S, 3)
        with road.snapshot() as connection:
            found = figures(connection, cities.load_city(connection), parse_period("2026-01"))
        third = F(1, 3)
        assert counted(found, 3, "n_samples") == {"D1-9": 1, "D2-1": third, "D2-2": third, "": third}
        assert counted(found, 2, "n_samples") == {"D1": 1, "D2": 2 * third, "": third}

    def test_a_grid_that_holds_only_a_part_of_a_road_is_a_subject_of_its_own_edition(
        self, road: Work, tmp_path: Path
    ) -> None:
        """In a quarter over two editions the parts of the first stand under its own grids."""
        with road.transaction() as connection:  # P1, the only sample whose point lies in D1-2
            connection.execute(t.samples.delete().where(t.samples.c.sample_no == "P1"))
        grids = towns.shapes()
        del grids["D1-1"], grids["D1-2"]
        grids["D1-9"] = ("community", "D1", towns.box(0, 0, 1, 2))
        towns.add_edition(road, tmp_path, "mid", dt.date(2025, 12, 20), grids)
        found = read(road)
        assert counted(found, 3, "n_samples") == {**N, "D1-2": F(1, 4), "D1-9": 0}
        assert found.grids.set_index("code")["edition"]["D1-2"] == "2025"


def test_a_month_drawn_from_layers_keeps_its_299_samples_at_every_level(empty: Work, tmp_path: Path) -> None:
    """Roads run through both communities of a street; of each a street has its own part drawn, so it counts whole."""
    district.found(empty, tmp_path)
    draws.make_draw(empty, "huiji", "2025-06", "1")
    _, items = draws.show_draw(empty, "huiji-2025-06")
    fields = ("no", "at", "score", "x", "y")
    told = [(i["sample_no"], "2025-06-12 09:30", "90.5", repr(i["lon"]), repr(i["lat"])) for i in items]
    path = towns.write_csv(tmp_path / "june.csv", [dict(zip(fields, row, strict=True)) for row in told], fields)
    profile = towns.write_profile(tmp_path, towns.SAMPLES)
    assert imports.import_file(empty, path, profile, source_as_of=dt.datetime(2025, 7, 1, tzinfo=dt.UTC)).n_new == 299
    with empty.snapshot() as connection:
        found = figures(connection, cities.load_city(connection), parse_period("2025-06"))
    streets, communities = found.levels[3].by_code, found.levels[4].by_code
    for level in (1, 2, 3, 4):
        assert sum(counted(found, level, "n_samples").values()) == 299
        assert sum(counted(found, level, "sum_sample_score").values()) == 299 * F("90.5")
    for code, n in streets.items():
        assert isinstance(n["n_samples"], int)
        assert n["n_samples"] == sum(communities[f"{code}-{k}"]["n_samples"] for k in (0, 1))
    assert any(not isinstance(n["n_samples"], int) for n in communities.values())


class TestScores:
    def test_the_mean_weighs_by_length(self, road: Work, tmp_path: Path) -> None:
        made = scoring.score(road, str(tmp_path / "means.yaml"), PERIOD)
        found: dict[str, Any] = {d.subject.code: d.inputs["mean"].value for d in made.subjects}
        assert {code: F(str(value)) for code, value in found.items()} == {
            "D1-1": (60 * F(1, 2) + 90) / F(3, 2),  # 80
            "D1-2": (60 * F(1, 4) + 90) / F(5, 4),  # 84
            "D2-1": (60 * F(1, 4) + 80 * F(1, 3) + 90) / F(19, 12),
            "D2-2": F(80),
        }

    def test_the_baseline_scores_by_parts(self, road: Work, tmp_path: Path) -> None:
        baseline = inspections_alone(tmp_path)
        made = scoring.score(road, baseline, PERIOD)
        documents = {d.subject.code: d for d in made.subjects}
        d1 = documents["D1-2"]
        assert (d1.counts["n_samples"], d1.counts["sum_sample_score"]) == ("1.25", "105")
        assert value_of(d1) == "84"
        assert documents["D2-1"].counts["n_samples"] == "19/12"
        assert documents["C"].total is not None
        assert documents["C"].total.exact == value_of(documents["C"])
        assert {k: v["n_samples"] for k, v in made.header.unassigned.items()} == dict.fromkeys(
            ("city", "district", "community"), "1/3"
        )
        assert recomputing.recompute(road, made.name).is_same
        assert scoring.score(road, baseline, PERIOD).sha256 == made.sha256

    def test_chance_draws_the_parts(self, road: Work, tmp_path: Path) -> None:
        """The facts drawn again add up to what was scored: otherwise there would be a reason."""
        made = scoring.score(road, inspections_alone(tmp_path), PERIOD)
        _, documents, _ = scoring.read(road, made.name)
        assert [d.chance and (d.chance.reason, "rated") for d in documents] == [(None, "rated")] * 7
        chance = next(d.chance for d in documents if d.subject.code == "D1-1" and d.chance)
        interval = chance.rates["sample_score"]
        assert (interval.low, interval.high) == ("60.0000", "90.0000")

    def test_explaining_lists_a_sample_once_in_every_grid_that_has_a_part(self, road: Work) -> None:
        made = scoring.score(road, "grid_baseline", PERIOD)
        with road.transaction() as connection:  # what counted is frozen
            connection.execute(t.sample_share.delete())
        numbers = {
            code: explaining.explain(road, made.name, code, "n_samples").evidence["n_samples"]
            for code in ("D1-1", "D1-2", "D2-1", "D2-2", "D1", "D2", "C")
        }
        assert numbers == {
            "D1-1": ["P0", "R"], "D1-2": ["P1", "R"], "D2-1": ["P2", "R", "S"], "D2-2": ["P3", "S"],
            "D1": ["P0", "P1", "R"], "D2": ["P2", "P3", "R", "S"], "C": ["P0", "P1", "P2", "P3", "R", "S"],
        }  # fmt: skip

    def test_without_shared_samples_the_evidence_is_as_ever(self, road: Work, tmp_path: Path) -> None:
        """A road inspected after the cut-off does not move the hash of what was seen at it."""
        with road.transaction() as connection:
            for table in (t.sample_share, t.samples):
                connection.execute(table.delete().where(table.c.sample_no.in_(["R", "S"])))
        cut = dt.datetime(2025, 12, 10, tzinfo=dt.UTC)
        before = scoring.score(road, "grid_baseline", PERIOD, as_of=cut)
        load_samples(road, tmp_path, [("late", "2025-12-20", "50", "D1-1")])
        add_shares(road, "late", R, 1000)
        assert scoring.score(road, "grid_baseline", PERIOD, as_of=cut).sha256 == before.sha256
        assert scoring.score(road, "grid_baseline", PERIOD).sha256 != before.sha256
        held = select_all(road, t.assessment_sample.c.fact_no, t.assessment_sample.c.shares)
        assert {no for no, shares in held if shares is not None} == {"late"}

    def test_explaining_tells_the_part(self, road: Work) -> None:
        made = scoring.score(road, "grid_baseline", PERIOD)
        parts = {
            code: explaining.explain(road, made.name, code, "sample_score").parts
            for code in ("D1-1", "D2-1", "D2", "C")
        }
        assert parts == {"D1-1": {"R": "0.5"}, "D2-1": {"R": "0.25", "S": "1/3"}, "D2": {"R": "0.25", "S": "2/3"},
                         "C": {"S": "2/3"}}  # fmt: skip
        assert explaining.explain(road, made.name, "D1-1", "n_reported").parts == {}

    def test_people_are_told_the_part_rounded(
        self, road: Work, postgis_settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = scoring.score(road, "grid_baseline", PERIOD)
        monkeypatch.setattr("gridmgmt.settings.read", lambda *_: postgis_settings)

        def told(*words: str) -> str:
            done = CliRunner().invoke(app, list(words))
            assert done.exit_code == 0, done.output
            return done.output

        why = told("explain", made.name, "D2-1", "n_samples", "--lang", "en").splitlines()
        assert why[-2:] == ["  P2 R S", "  Counted by share of length: R 25.00% · S 33.33%"]
        assert json.loads(told("explain", made.name, "D2-1", "n_samples", "--json"))["parts"] == {
            "R": "0.25",
            "S": "1/3",
        }
        table = told("indicators", "--period", "2025-12", "--level", "community", "--format", "csv").splitlines()
        assert table[0].split(",").count("n_samples") == 1
        rows = [dict(zip(table[0].split(","), line.split(","), strict=True)) for line in table[1:]]
        assert {r["code"]: round(float(r["n_samples"]), 2) for r in rows} == {
            "D1-1": 1.5, "D1-2": 1.25, "D2-1": 1.58, "D2-2": 1.33, "": 0.33,
        }  # fmt: skip
        assert "1.58" in told("indicators", "--period", "2025-12", "--level", "community")

    def test_a_road_within_one_grid_does_not_move_the_hash(self, road: Work) -> None:
        with road.transaction() as connection:
            connection.execute(t.sample_share.delete())
        before = scoring.score(road, "grid_baseline", PERIOD)
        add_shares(road, "R", {(3, "D1-1"): 9, (2, "D1"): 9, (1, "C"): 9}, 9)
        assert not scoring.score(road, "grid_baseline", PERIOD).is_new
        add_shares(road, "S", S, 3)
        after = scoring.score(road, "grid_baseline", PERIOD)
        assert after.sha256 != before.sha256
        assert all(isinstance(d.counts["n_samples"], int) for d in before.subjects)
        whole = {d.subject.code for d in after.subjects if isinstance(d.counts["n_samples"], int)}
        assert whole == {"D1-1", "D1-2", "D1"}

    def test_the_period_after_is_compared_with_parts(self, road: Work) -> None:
        made = scoring.score(road, "grid_baseline", parse_period("2026-01"))
        then = {d.subject.code: d.comparisons["previous"].counts or {} for d in made.subjects}
        assert (then["D2-1"]["n_samples"], then["D1"]["n_samples"], then["C"]["n_samples"]) == ("19/12", "2.75", "17/3")

    def test_shares_are_exact(self, road: Work) -> None:
        with road.snapshot() as connection:
            found = store_shares.shares(connection, ["R", "S", "P0"])
            later = store_shares.shares(connection, [])
        assert found == {"R": {k: F(mm, 1000) for k, mm in R.items()}, "S": {k: F(mm, 3) for k, mm in S.items()}}
        assert later == {}


def value_of(document: Document) -> str | None:
    found = document.indicators["sample_score"]
    return found.value if found else None


class TestAppeals:
    @pytest.fixture
    def published(self, road: Work) -> str:
        made = scoring.score(road, "grid_baseline", PERIOD)
        publishing.publish(road.but(actor="tester"), made.name)
        return made.name

    def test_it_leaves_every_grid_by_its_part(self, road: Work, published: str) -> None:
        number = appeals.open_appeal(road.but(actor="D2-1"), published, "D2-1", "sample", "R", "road works")
        appeals.decide_appeal(road.but(actor="office"), number, granted=True, decision="shown")
        corrected, _ = appeals.correct(road, published)
        inputs = {d.subject.code: d.inputs for d in corrected.subjects}
        n = {code: F(str(x["scored_samples"].value)) for code, x in inputs.items()}
        scores = {code: F(str(x["sample_scores"].value)) for code, x in inputs.items()}
        third = F(1, 3)
        assert n == {"D1-1": 1, "D1-2": 1, "D2-1": 1 + third, "D2-2": third, "D1": 2, "D2": 1 + 2 * third,
                     "C": 3 + 2 * third}  # fmt: skip
        assert scores == {"D1-1": 90, "D1-2": 90, "D2-1": 90 + 80 * third, "D2-2": 80 * third, "D1": 180,
                          "D2": 90 + 160 * third, "C": 270 + 160 * third}  # fmt: skip
        exempted = {d.subject.code for d in corrected.subjects if d.exempted == ["R"]}
        assert exempted == {"D1-1", "D1-2", "D2-1", "D1", "D2", "C"}
        frozen = {name: select_all(road, t.assessment_sample.c.shares, where=_of(road, name)) for name in
                  (published, corrected.name)}  # fmt: skip
        assert frozen[published] == frozen[corrected.name]
        assert len(frozen[published]) == 6

    def test_only_a_grid_that_has_a_part_can_appeal(self, road: Work, published: str) -> None:
        with pytest.raises(AppealRefused):
            appeals.open_appeal(road.but(actor="D2-2"), published, "D2-2", "sample", "R", "why")
        with pytest.raises(AppealRefused):
            appeals.open_appeal(road.but(actor="D1-1"), published, "D1-1", "sample", "S", "why")


def _of(work: Work, name: str) -> Any:
    ((number,),) = select_all(work, t.assessment.c.id, where=t.assessment.c.name == name)
    return t.assessment_sample.c.assessment_id == number
