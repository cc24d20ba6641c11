"""Figures worked out by hand; an assessment is the same bytes for the same facts, and leads back to its cases."""

import datetime as dt
import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text

from gridmgmt.assessing.operations import explaining, scoring
from gridmgmt.assessing.operations.past_results import Reads, result_of
from gridmgmt.assessing.store import assessments
from gridmgmt.database import cities
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.documents import digest_of, plain
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.operations.period_counts import Figures, figures
from gridmgmt.people.operations import assigning
from gridmgmt.people.store import categories, units
from gridmgmt.periods import parse_period
from gridmgmt.places.operations import editions
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.scorecards.documents import Document
from tests import servers
from tests.postgis import towns
from tests.postgis.towns import case, load, select_all
from tests.servers import ROOT
from tests.worlds import World, clear, tampered

PERIOD = parse_period("2025-12")
DUE = {"reg": "2025-12-05 13:00", "due": "2025-12-10 12:00", "rework": "0", "repeat": "否"}

CASES = [
    case("a1", "D1-1", **DUE, closed="2025-12-10 12:00"),  # at the very deadline: on time
    case("a2", "D1-1", **DUE, closed="2025-12-10 12:00:01"),
    case("a3", "D1-1", **DUE, handled="2025-12-10 11:00", closed="2025-12-20"),  # handled on time
    case("a4", "D1-1", **{**DUE, "rework": "2"}, ext="2025-12-12", closed="2025-12-11"),  # within its extension
    case("b1", "D1-2", **DUE),  # overdue and open
    case("b2", "D1-2", **DUE, voided="2025-12-06"),  # void: not due
    case("b3", "D1-2", **{**DUE, "repeat": "是"}, closed="2026-01-01 00:00"),  # closed when the period has ended
    case("c1", "D2-1", **{**DUE, "due": "2026-01-01 00:00"}, closed="2025-12-31"),  # due in January
    case("c2", "D2-1", at="2025-11-30 23:59:59", reg="2025-12-01 00:00", due="2025-11-30 23:59:59"),
    case("o1", (0.0, 0.0), **DUE, closed="2025-12-09"),  # outside
]  # fmt: skip
# in order: reported, registered, due, closed, on time, extended, late, overdue open, rework cases, events, repeats
NAMES = (
    "n_reported", "n_registered", "n_due", "n_closed", "n_closed_on_time", "n_closed_extended",
    "n_closed_late", "n_overdue_open", "n_rework_cases", "n_rework_events", "n_repeats",
)  # fmt: skip
BY_HAND = {
    "D1-1": (4, 4, 4, 4, 2, 1, 1, 0, 1, 2, 0),
    "D1-2": (3, 3, 2, 1, 0, 0, 1, 1, 0, 0, 1),
    "D2-1": (1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    "D2-2": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    "": (1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0),
}
AFTER = parse_period("2026-01")


def read(work: Work, as_of: dt.datetime | None = None) -> Figures:
    with work.snapshot() as connection:
        return figures(connection, cities.load_city(connection), PERIOD, as_of)


def counted(found: Figures, level: int = 3) -> dict[str, tuple[int, ...]]:
    counts = found.levels[level].counts[list(NAMES)]
    out = {str(code): tuple(int(x) for x in row) for code, row in zip(counts.index, counts.to_numpy(), strict=True)}
    return {**out, "": tuple(int(found.levels[level].unassigned[n]) for n in NAMES)}


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=towns.CITY.zone)


def with_cases(town: Work, tmp_path: Path) -> None:
    """The town with ten cases and three samples."""
    towns.found(town, tmp_path)
    assert load(town, tmp_path, CASES, day=5).n_quarantined == 0
    samples = [("s1", "2025-12-01", "100", "D1-1"), ("s2", "2025-12-31 23:59:59", "33.3", "D1-1")]
    towns.load_samples(town, tmp_path, [*samples, ("s3", "2026-01-01", "0", "D1-1"), ("s4", "2025-12-09", "", "D1-2")])


@pytest.fixture
def december(world: World) -> Work:
    """The town in December."""
    return world(with_cases)


class TestCounts:
    def test_after_the_period(self, december: Work) -> None:
        assert counted(read(december)) == BY_HAND

    def test_an_event_at_the_very_cut_off_has_happened(self, december: Work) -> None:
        """b3 closes at the period's end, which is the default cut-off; an instant before it is still open."""
        just_before = instant("2025-12-31 23:59:59.999999")
        found = counted(read(december, just_before))
        assert found["D1-2"] == (3, 3, 2, 0, 0, 0, 0, 2, 0, 0, 1)
        assert {k: v for k, v in found.items() if k != "D1-2"} == {k: v for k, v in BY_HAND.items() if k != "D1-2"}

    def test_at_a_cut_off_within_the_period(self, december: Work) -> None:
        """At noon of 10 December: a1 is closed; a3 is handled, not closed; b1 is due, not yet overdue."""
        found = counted(read(december, instant("2025-12-10 12:00")))
        assert found["D1-1"] == (4, 4, 3, 1, 1, 0, 0, 0, 0, 0, 0), "a4's extended deadline is still to come"
        assert found["D1-2"] == (3, 3, 2, 0, 0, 0, 0, 0, 0, 0, 1)

    def test_upper_levels_are_the_sums(self, december: Work) -> None:
        found = read(december)
        west = tuple(a + b for a, b in zip(BY_HAND["D1-1"], BY_HAND["D1-2"], strict=True))
        assert counted(found, 2)["D1"] == west
        assert counted(found, 1)["C"] == tuple(a + b for a, b in zip(west, BY_HAND["D2-1"], strict=True))
        assert counted(found, 1)[""] == BY_HAND[""]

    def test_samples_are_summed_exactly(self, december: Work) -> None:
        counts = read(december).levels[3].counts
        assert counts.loc["D1-1", ["n_samples", "n_scored_samples"]].tolist() == [2, 2]
        assert counts.loc["D1-1", "sum_sample_score"] == Fraction(1333, 10)
        assert counts.loc["D1-2", ["n_samples", "n_scored_samples", "sum_sample_score"]].tolist() == [1, 0, 0]


DIRECT: dict[str, str] = {
    "n_reported": "reported_at >= :start AND reported_at < :end AND reported_at <= :cut",
    "n_registered": "registered_at >= :start AND registered_at < :end AND registered_at <= :cut",
    "n_due": "D",
    "n_closed": "D AND closed_at <= :cut",
    "n_closed_on_time": "D AND closed_at <= :cut AND coalesce(handled_at, closed_at) <= due_at",
    "n_overdue_open": "D AND (closed_at IS NULL OR closed_at > :cut) AND coalesce(due_extended_at, due_at) < :cut",
    "n_rework_cases": "D AND n_rework > 0",
    "n_repeats": "registered_at >= :start AND registered_at < :end AND is_repeat",
}
"""What each count says, in SQL of its own; D: due in the period and not void."""
IS_DUE = (
    "coalesce(due_extended_at, due_at) >= :start AND coalesce(due_extended_at, due_at) < :end"
    " AND coalesce(due_extended_at, due_at) <= :cut AND (voided_at IS NULL OR voided_at > :cut)"
)


class TestEvidence:
    def test_each_count_leads_to_the_cases_that_a_direct_selection_gives(self, december: Work) -> None:
        made = scoring.score(december, "grid_baseline", PERIOD)
        start, end = PERIOD.bounds(towns.CITY.zone)
        with december.snapshot() as connection:
            for code, (level, *_) in towns.shapes().items():
                number = towns.CITY.level(level).number
                for count, condition in DIRECT.items():
                    condition = IS_DUE + condition[1:] if condition[0] == "D" else condition
                    direct = text(
                        f"SELECT case_no FROM cases JOIN grid ON grid.id = cases.grid_l{number} "
                        f"WHERE grid.code = :code AND {condition} ORDER BY case_no"
                    )
                    params = {"code": code, "start": start, "end": end, "cut": end}
                    expected = list(connection.execute(direct, params).scalars())
                    found = explaining.explain(december, made.name, code, count, level).evidence
                    assert found == {count: expected}, (code, count)
                    assert len(expected) == made_counts(made)[number, code][count]

    def test_samples_too(self, december: Work) -> None:
        made = scoring.score(december, "grid_baseline", PERIOD)
        found = explaining.explain(december, made.name, "D1", "inspection", "district").evidence
        assert found == {"sample_scores": ["s1", "s2"], "scored_samples": ["s1", "s2"]}

    def test_all_counts_have_a_bit(self, december: Work) -> None:
        header = scoring.score(december, "grid_baseline", PERIOD).header
        counted = {*header.counts["cases"], *header.counts["samples"]}
        assert counted == {c.name for c in COUNTS.values() if c.of in ("cases", "samples")}


def made_counts(made: scoring.Made) -> dict[tuple[int, str], Any]:
    return {(d.subject.level_number, d.subject.code): d.counts for d in made.subjects}


class TestSameContent:
    def test_is_not_saved_twice(self, december: Work) -> None:
        first, second = (scoring.score(december, "grid_baseline", PERIOD) for _ in range(2))
        assert (first.is_new, second.is_new) == (True, False)
        assert (second.name, second.sha256) == (first.name, first.sha256)
        assert len(scoring.listing(december)) == 1

    def test_two_at_once_save_one(self, december: Work) -> None:
        with ThreadPoolExecutor(2) as pool:
            made = list(pool.map(lambda _: scoring.score(december, "grid_baseline", PERIOD), range(2)))
        assert sorted(m.is_new for m in made) == [False, True]
        assert made[0].sha256 == made[1].sha256
        assert len(scoring.listing(december)) == 1

    def test_a_later_export_of_the_same_rows_is_no_change(self, december: Work, tmp_path: Path) -> None:
        first = scoring.score(december, "grid_baseline", PERIOD)
        assert load(december, tmp_path, CASES, day=28).n_unchanged == len(CASES)
        assert not scoring.score(december, "grid_baseline", PERIOD).is_new
        assert first.is_new

    @pytest.mark.parametrize(
        "change", [{"closed": "2025-12-31"}, {"text": "another word"}, {"x": repr(towns.middle("D2-2")[0])}]
    )
    def test_a_change_of_one_case_gives_another(self, change: dict[str, str], december: Work, tmp_path: Path) -> None:
        """Also a change that moves no figure: the evidence is part of the content."""
        first = scoring.score(december, "grid_baseline", PERIOD)
        row = next(r for r in CASES if r["no"] == "b1")
        assert load(december, tmp_path, [{**row, **change}], day=6).n_newer == 1
        second = scoring.score(december, "grid_baseline", PERIOD)
        assert second.is_new
        assert second.sha256 != first.sha256
        assert [a["name"] for a in scoring.listing(december)] == [
            "grid_baseline-2025-12-2",
            "grid_baseline-2025-12-1",
        ]

    def test_a_case_of_another_period_does_not(self, december: Work, tmp_path: Path) -> None:
        first = scoring.score(december, "grid_baseline", PERIOD)
        load(december, tmp_path, [case("later", at="2026-02-01", reg="2026-02-01")])
        assert scoring.score(december, "grid_baseline", PERIOD).sha256 == first.sha256

    def test_another_cut_off_or_level_is_another_assessment(self, december: Work) -> None:
        whole = scoring.score(december, "grid_baseline", PERIOD)
        early = scoring.score(december, "grid_baseline", PERIOD, as_of=instant("2025-12-10 12:00"))
        streets = scoring.score(december, "grid_baseline", PERIOD, level="community")
        assert len({whole.sha256, early.sha256, streets.sha256}) == 3

    def test_neither_ids_nor_clocks_nor_the_order_of_imports_matter(self, postgis_engine: Work, tmp_path: Path) -> None:
        """The same facts, once in one file, once backwards in several, with other ids and at another time."""
        one, other = (self.build(postgis_engine, tmp_path, fill) for fill in (self.at_once, self.piecemeal))
        assert (one.header, one.subjects) == (other.header, other.subjects)
        assert one.sha256 == other.sha256

    def build(self, work: Work, folder: Path, fill: Callable[[Work, Path], None]) -> scoring.Made:
        clear(work)
        fill(work, folder)
        return scoring.score(work, "grid_baseline", AFTER)

    ROWS = (
        case("dec", "D1-1", reg="2025-12-06", due="2026-01-05", unit="U1", cat="01"),
        case("jan1", "D1-1", at="2026-01-02", reg="2026-01-02", due="2026-01-05", closed="2026-01-04", unit="U2"),
        case("jan2", "D2-2", at="2026-01-03", reg="2026-01-03", due="2026-01-06", cat="02", rework="1"),
        case("out", (0.0, 0.0), at="2026-01-03", reg="2026-01-03", due="2026-01-06"),
    )

    def grids(self) -> dict[str, Any]:
        grids = towns.shapes()
        del grids["D1-1"]
        return {**grids, "D1-7": ("community", "D1", towns.box(0, 0))}

    def at_once(self, work: Work, folder: Path) -> None:
        towns.found(work, folder, ["U1", "U2"])
        towns.add_edition(work, folder, "2026", dt.date(2026, 1, 1), self.grids())
        assert load(work, folder, self.ROWS).n_new == len(self.ROWS)
        towns.load_samples(work, folder, [("s1", "2026-01-05", "80", "D1-1"), ("s2", "2026-01-06", "90", "D2-1")])

    def piecemeal(self, work: Work, folder: Path) -> None:
        with servers.owner(work).begin() as connection:
            for table in ("grid", "edition", "cases", "unit", "samples", "batch"):
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1000)"))
        with work.transaction() as connection:
            cities.save_city(connection, towns.CITY)
            units.ensure_units(connection, ["U3"])
            for unit in ("U2", "U1"):
                units.ensure_units(connection, [unit])
            categories.ensure_categories(connection, [("town", "component", code) for code in ("02", "01")])
        towns.add_edition(work, folder, "2026", None, self.grids())
        towns.add_edition(work, folder, "2025")
        towns.load_samples(work, folder, [("s2", "2026-01-06", "90", "D2-1"), ("s1", "2026-01-05", "80", "D1-1")])
        load(work, folder, [case("dec", "D2-1", text="an older version")], day=1)
        for row in reversed(self.ROWS):
            assert load(work, folder, [row], day=20).n_quarantined == 0
        editions.activate(work, "2026", dt.date(2026, 1, 1))  # loaded first, activated last, after the cases
        assigning.reassign(work)


def test_the_stored_document_has_no_clock_and_no_database_key(december: Work) -> None:
    made = scoring.score(december, "grid_baseline", PERIOD)
    with december.snapshot() as connection:
        (header,) = connection.execute(select(t.assessment.c.header)).scalars()
        documents = list(connection.execute(select(t.assessment_subject.c.document)).scalars())
        known_at = connection.execute(select(func.max(t.batch.c.known_at))).scalar_one()
    written = json.dumps([header, documents], ensure_ascii=False)
    assert f"{known_at:%Y-%m-%dT%H}" not in written
    assert not {"id", "edition_id", "grid_id", "unit_id", "known_at"} & set(keys_of([header, documents]))
    assert (header, len(documents)) == (plain(made.header), len(towns.shapes()))
    stored = [d for d in made.subjects if plain(d) in documents]
    assert digest_of(plain(made.header), [plain(d) for d in stored]) == made.sha256, "what was hashed is stored"


def test_what_a_later_period_reads_of_a_document_is_what_the_whole_one_says(december: Work) -> None:
    made = scoring.score(december, "grid_baseline", PERIOD)
    book = rulebooks.load("grid_baseline").rulebook
    with december.snapshot() as connection:
        stored = assessments.by_name(connection, made.name)
        whole = assessments.documents(connection, stored.id)
        few = assessments.results(connection, stored.id, lines=False, inputs=False)
        more = assessments.results(connection, stored.id, lines=True, inputs=True)
    assert [d.subject for d in few] == [d.subject for d in whole]
    assert any(d.total for d in few)
    reads = Reads.of(book)
    assert [result_of(reads, d) for d in few] == [result_of(reads, d) for d in whole]
    assert [(d.lines, d.shown, d.inputs) for d in more] == [(d.lines, d.shown, d.inputs) for d in whole]
    assert not any(d.counts or d.lines or d.inputs for d in few)


def test_a_longer_period_reads_each_shorter_one_once(
    december: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And scores them as they are scored by themselves, one by one."""
    rules = (ROOT / "tests" / "benchmarks" / "months_and_year.yaml").read_text("utf-8")
    for name in ("together", "alone"):
        text = rules.replace("id: months_and_year", f"id: {name}").replace("cadence: year", "cadence: quarter")
        (tmp_path / f"{name}.yaml").write_text(text.replace("n: 12", "n: 3"), "utf-8")
    read = list[int]()
    results = assessments.results

    def counting(connection: Connection, assessment_id: int, **words: bool) -> list[Document]:
        read.append(assessment_id)
        return results(connection, assessment_id, **words)

    monkeypatch.setattr(assessments, "results", counting)
    quarter = parse_period("2025-Q4")
    whole = scoring.score(december, str(tmp_path / "together.yaml"), quarter)
    assert len(read) == len(set(read)) == 3
    one_by_one = [
        scoring.score(december, str(tmp_path / "alone.yaml"), p)
        for p in (*(parse_period(f"2025-{m}") for m in (10, 11, 12)), quarter)
    ]
    assert len(whole.subjects) > 1
    assert whole.subjects == one_by_one[-1].subjects
    with december.snapshot() as connection:
        together, alone = (assessments.official(connection, name) for name in ("together", "alone"))
        assert len(together) == 4
        for label, stored in together.items():
            mine, theirs = (assessments.dossier(connection, x.id) for x in (stored, alone[label]))
            assert mine is not None
            assert theirs is not None
            assert mine["periods"] == theirs["periods"]
            rows = [assessments.stored_rows(connection, x.id) for x in (stored, alone[label])]
            assert rows[0] == rows[1]


def keys_of(document: Any) -> list[str]:
    """All keys, but for those of the rulebook: the ids of its items are its own words."""
    if isinstance(document, dict):
        inner = [keys_of(value) for key, value in document.items() if key != "rulebook"]
        return [*document, *itertools.chain.from_iterable(inner)]
    return [k for value in document for k in keys_of(value)] if isinstance(document, list) else []


def test_what_it_saw_stands_beside_it(december: Work) -> None:
    scoring.score(december, "grid_baseline", PERIOD)
    (known,) = select_all(december, t.assessment.c.known_through)
    assert known[0] == max(r[0] for r in select_all(december, t.batch.c.known_at))


def test_a_card_by_itself_writes_its_total_as_the_ranking_does(december: Work) -> None:
    """83.3312 and 83.3349 both round to 83.33: each shows the digit that parts it, alone and among the others."""
    made = scoring.score(december, "grid_baseline", PERIOD)
    close = {"D1-1": "83.3312", "D1-2": "83.3349", "D2-1": "90"}
    with tampered(december) as connection:
        for code, exact in close.items():
            numerator, denominator = Fraction(exact).as_integer_ratio()
            shown = f"{float(exact):.2f}"
            connection.execute(
                text(
                    "UPDATE assessment_subject SET total_numerator = :numerator, total_denominator = :denominator, "
                    "total_shown = CAST(:shown AS numeric), document = jsonb_set(document, '{total}', "
                    "jsonb_build_object('exact', CAST(:exact AS text), 'shown', CAST(:shown AS text))) "
                    "WHERE subject_id = (SELECT id FROM subject WHERE code = :code)"
                ),
                {"numerator": numerator, "denominator": denominator, "shown": shown, "exact": exact, "code": code},
            )
    expected = {"D1-1": "83.331", "D1-2": "83.335", "D2-1": "90.00"}
    _, documents, _ = scoring.read(december, made.name)
    assert {d.subject.code: d.written_total for d in documents if d.subject.code in close} == expected
    alone = {code: scoring.scorecard(december, made.name, code)[1].written_total for code in close}
    assert alone == expected
