"""`make real`, whole: New York City's boundaries, 311 requests and rodent inspections, against direct counts.

The figures asserted are the publisher's rows counted with pandas, and the data
folder's own description; nothing here is computed by the code under test.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import text

from gridmgmt.assessing.operations import explaining, scoring
from gridmgmt.database.work import Work, open_database
from gridmgmt.documents import plain
from gridmgmt.figures.operations import indicators
from gridmgmt.intake.operations import imports
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_period
from gridmgmt.places.store import editions as edition_store
from gridmgmt.settings import Settings
from tests.frozen import models, stored
from tools import real
from tools.run import Runner

COUNTIES = {"1": "061", "2": "005", "3": "047", "4": "081", "5": "085"}


@pytest.fixture(scope="module")
def loaded(make_database: Callable[[str], Settings], real_data: Path) -> Iterator[tuple[Settings, Work]]:
    found = make_database("real")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIDMGMT_HOME", str(found.home))
        real.load(Runner(found.db, found), real_data)
    work = open_database(found)
    yield found, work
    work.close()


@pytest.fixture(scope="module")
def raw_cases(real_data: Path) -> pd.DataFrame:
    frame = pd.read_csv(real_data / "cases_311.csv.gz", dtype=str, keep_default_na=False)
    for column in ("created_date", "closed_date", "due_date_with_rule"):
        frame[column] = pd.to_datetime(frame[column])
    return frame


@pytest.fixture(scope="module")
def assessed(loaded: tuple[Settings, Work]) -> tuple[scoring.Made, scoring.Made]:
    """The two months that `make real` assesses."""
    december, june = (scoring.score(loaded[1], "grid_baseline", parse_period(p)) for p in ("2015-12", "2026-06"))
    return december, june


def _scalar(work: Work, sql: str) -> int:
    with work.engine.connect() as connection:
        return int(connection.execute(text(sql)).scalar_one())


def test_every_row_is_loaded_or_quarantined(loaded: tuple[Settings, Work], raw_cases: pd.DataFrame) -> None:
    _, work = loaded
    n_bad = int((raw_cases.closed_date < raw_cases.created_date).sum())
    assert n_bad == 17
    assert _scalar(work, "SELECT count(*) FROM cases") == len(raw_cases) - n_bad == 60_002
    bad = imports.list_quarantine(work, limit=None)
    wrong = raw_cases[raw_cases.closed_date < raw_cases.created_date]
    assert {q["raw"]["unique_key"] for q in bad} == set(wrong.unique_key)
    assert {q["row"] for q in bad} == {int(i) + 2 for i in wrong.index}
    assert all(q["column"] == "closed_date" for q in bad)


def test_loaded_is_assigned_outside_or_without_location(loaded: tuple[Settings, Work], raw_cases: pd.DataFrame) -> None:
    _, work = loaded
    tally = reference.overview(work)["cases"]
    assert sum(tally.values()) == 60_002
    kept = raw_cases[~(raw_cases.closed_date < raw_cases.created_date)]
    assert tally["no_location"] == int((kept.latitude == "").sum())
    assert tally["leaf"] + tally.get("upper", 0) + tally["outside"] == int((kept.latitude != "").sum())


def test_reported_sums_are_conserved_at_every_level(loaded: tuple[Settings, Work]) -> None:
    _, work = loaded
    totals = set()
    for level in ("city", "district", "street", "community"):
        table, _ = indicators.indicators(work, parse_period("2015-12"), level)
        assert (table["code"] == "").sum() == 1
        totals.add((int(table["n_reported"].sum()), int(table["n_due"].sum()), int(table["n_closed_on_time"].sum())))
    assert totals == {(20_000, 19_654, 16_838)}


def test_deadlines_of_december_2015_equal_the_direct_counts(
    loaded: tuple[Settings, Work], raw_cases: pd.DataFrame
) -> None:
    _, work = loaded
    good = raw_cases[~(raw_cases.closed_date < raw_cases.created_date)]
    due = good[(good.due_date_with_rule >= "2015-12-01") & (good.due_date_with_rule < "2016-01-01")]
    assert len(due) == 19_654
    assert (due.closed_date <= due.due_date_with_rule).sum() == 16_838
    assert due.closed_date.notna().sum() == 19_529
    assert (due.closed_date <= "2016-01-01").sum() == 19_518

    def total(as_of: str | None, column: str) -> int:
        from gridmgmt.periods import parse_instant

        zone = reference.load_city(work).zone
        cut = parse_instant(as_of, zone) if as_of else None
        table, _ = indicators.indicators(work, parse_period("2015-12"), "city", cut)
        return int(table[column].sum())

    assert total(None, "n_due") == 19_654
    assert total(None, "n_closed_on_time") == 16_838
    assert total(None, "n_closed") == 19_518
    assert total(None, "n_closed_derived") == 19_518  # the source tells no handling time: all are marked
    assert total("2026-07-01", "n_closed") == 19_529
    assert total("2026-07-01", "n_closed_on_time") == 16_838


def test_borough_agrees_with_the_join(loaded: tuple[Settings, Work], raw_cases: pd.DataFrame) -> None:
    _, work = loaded
    with work.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT c.case_no, left(g.code, 2) AS b FROM cases c JOIN grid g ON g.id = c.grid_l2")
        ).all()
    names = {"BK": "BROOKLYN", "BX": "BRONX", "MN": "MANHATTAN", "QN": "QUEENS", "SI": "STATEN ISLAND"}
    joined = pd.DataFrame(rows, columns=["unique_key", "b"]).merge(raw_cases[["unique_key", "borough"]])
    told = joined[joined.borough.isin(names.values())]
    assert (told.b.map(names) == told.borough).mean() >= 0.998


def _official_tracts(row: pd.Series) -> set[str]:
    """The official tract in both ways in which its number, without its zeros, can be read."""
    digits, county = str(row.census_tract), "36" + COUNTIES[row.boro_code]
    return {county + digits.zfill(4) + "00", county + digits.zfill(6)}


def test_inspections_fall_in_their_official_tract_and_neighbourhood(
    loaded: tuple[Settings, Work], real_data: Path
) -> None:
    _, work = loaded
    raw = pd.read_parquet(real_data / "inspections_rodent.parquet")
    raw["sample_no"] = raw.job_ticket_or_work_order_id + "-" + raw.inspection_type
    with work.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT s.sample_no, t.code, n.name_en FROM samples s "
                "LEFT JOIN grid t ON t.id = s.grid_l4 LEFT JOIN grid n ON n.id = s.grid_l3"
            )
        ).all()
    found = raw.merge(pd.DataFrame(rows, columns=["sample_no", "tract", "nta_found"]), validate="one_to_one")
    assert len(found) == len(raw) == 16_153
    located = found[found.latitude.notna() & (found.latitude != 0) & found.census_tract.notna()]
    assert len(located) == 15_796
    right = sum(row.tract in _official_tracts(row) for row in located.itertuples())
    assert right / len(located) >= 0.9928
    assert (located.nta_found == located.nta).mean() >= 0.9977


def test_zero_zero_is_no_location(loaded: tuple[Settings, Work], real_data: Path) -> None:
    _, work = loaded
    raw = pd.read_parquet(real_data / "inspections_rodent.parquet")
    without = int((raw.latitude.isna() | ((raw.latitude == 0) & (raw.longitude == 0))).sum())
    assert _scalar(work, "SELECT count(*) FROM samples WHERE located = 'no_location'") == without


def test_topology_report_measures_the_known_mismatches_and_activation_passed(loaded: tuple[Settings, Work]) -> None:
    _, work = loaded
    with work.engine.connect() as connection:
        edition = edition_store.by_name(connection, "2020")
    assert edition.is_active
    levels = {x["level"]: x for x in edition.report["levels"]}
    assert (levels[3]["n_edges_mismatched"], levels[4]["n_edges_mismatched"]) == (187, 102)
    assert (levels[3]["n_slivers"], levels[4]["n_slivers"]) == (956, 220)
    assert 0.002 < levels[4]["overlap_max_m2"] < 0.003
    assert levels[4]["sliver_max_m2"] < 0.041
    assert levels[1]["gap_max_m2"] == pytest.approx(5526, abs=1)
    assert 6e-6 < levels[4]["uncovered_max_share"] < 7.5e-6
    assert 8e-6 < levels[4]["outside_max_share"] < 9.5e-6
    assert not [f for f in edition.report["findings"] if f["severity"] == "error"]


def test_two_assessments_and_the_missing_inspections_are_no_data(
    loaded: tuple[Settings, Work], assessed: tuple[scoring.Made, scoring.Made]
) -> None:
    _, work = loaded
    december, june = assessed
    city = {m.name: next(d for d in m.subjects if d.subject.code == "NYC") for m in (december, june)}
    lines = {x.item: x for x in city[december.name].lines}
    for item in ("inspection", "rework", "repeat"):  # the source tells none of the three
        assert lines[item].points is None
        assert lines[item].reason.code == "line_no_data_leave_out"
    assert city[december.name].reason.code == "total_scaled"
    on_time = lines["on_time_closing"].value
    unassigned = december.header.unassigned["city"]
    assert int(on_time.numerator) + unassigned["n_closed_on_time"] == 16_838
    assert {x.item: x for x in city[june.name].lines}["inspection"].points is not None
    assert len(june.subjects) == 1 + 71 + 262 + 2_325
    again = scoring.score(work, "grid_baseline", parse_period("2015-12"))
    assert (again.sha256, again.is_new) == (december.sha256, False)
    json.dumps([plain(s) for s in june.subjects], allow_nan=False)


def test_explained_numbers_are_the_rows_of_the_source(
    loaded: tuple[Settings, Work], assessed: tuple[scoring.Made, scoring.Made], raw_cases: pd.DataFrame
) -> None:
    _, work = loaded
    found = explaining.explain(work, assessed[0].name, "NYC", "on_time_closing")
    good = raw_cases[~(raw_cases.closed_date < raw_cases.created_date)]
    due = good[(good.due_date_with_rule >= "2015-12-01") & (good.due_date_with_rule < "2016-01-01")]
    on_time = due[due.closed_date <= due.due_date_with_rule]
    unassigned = 19_654 - len(found.evidence["due"])
    assert set(found.evidence["due"]) <= set(due.unique_key)
    assert unassigned == 180
    assert set(found.evidence["closed_on_time"]) == set(on_time.unique_key) & set(found.evidence["due"])


@pytest.mark.usefixtures("assessed")
def test_assessments_and_facts_have_their_recorded_hashes(loaded: tuple[Settings, Work]) -> None:
    _, work = loaded
    recorded = stored.hashes()["real"]
    with work.engine.connect() as connection:
        assessments, facts = stored.assessments(connection), stored.facts(connection)
        documents = list(stored.documents(connection))
    assert {name: assessments.get(name) for name in recorded["assessments"]} == recorded["assessments"]
    for table, parts in recorded["facts"].items():
        assert {part: facts[table].get(part) for part in parts} == parts, table
    assert [(kind, document) for kind, document in documents if not models.comes_back(kind, document)] == []
