"""The demo city's whole job: known totals of its manifest, the same hashes again, and the files it leaves."""

import json
import re
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import func, select, text

from gridmgmt.assessing.operations import explaining, publishing, recomputing, scoring
from gridmgmt.casework.operations import lookup
from gridmgmt.database import engine as engines
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.figures.operations import indicators
from gridmgmt.inspections.operations import draws
from gridmgmt.intake.operations import imports
from gridmgmt.people.operations import locating, reference
from gridmgmt.periods import parse_period
from gridmgmt.settings import Settings
from tests.frozen import models, stored
from tools import demo
from tools.run import Runner

Demo = tuple[Settings, Work, Path, dict[str, str]]


def test_totals_are_those_of_the_manifest(demo_run: Demo) -> None:
    _, work, out, _ = demo_run
    manifest = json.loads((out / "city" / "manifest.json").read_text("utf-8"))
    found = reference.overview(work)
    assert sum(found["cases"].values()) == manifest["cases"]["loaded"]["cases"] + demo.N_SIMULATED
    assert found["cases"]["no_location"] == sum(manifest["cases"]["loaded"]["without_location"].values())
    assert found["cases"]["outside"] == manifest["cases"]["loaded"]["outside"]
    assert found["n_quarantined"] == sum(manifest["cases"]["quarantined"].values())


def test_the_worked_month_stands_beside_the_imported_year(demo_run: Demo) -> None:
    _, work, out, _ = demo_run
    states = lookup.by_state(work)
    assert sum(states.values()) == sum(reference.overview(work)["cases"].values())
    with work.snapshot() as connection:
        own = connection.execute(
            select(func.count(func.distinct(t.step.c.case_id)), func.count()).where(t.step.c.origin == "own")
        ).one()
    assert own[0] == demo.N_SIMULATED
    assert own[1] > 5 * demo.N_SIMULATED
    _, documents, _ = scoring.read(work, "beijing_grid", "district")
    assert any(d.inputs["accounts"].value for d in documents)
    assert all(draws.verify_draw(work, f"huiji-{demo.MONTH}").values())
    assert (out / "repeats.html").stat().st_size > 100_000


def test_quarantine_names_each_fault(demo_run: Demo) -> None:
    _, work, _, _ = demo_run
    problems = imports.list_quarantine(work, limit=None)
    assert {p["code"] for p in problems} == {
        "value_missing", "category_unknown_value", "time_before_report", "coordinate_refused",
    }  # fmt: skip
    assert all(p["row"] >= 2 and p["file"].startswith("cases") and p["column"] for p in problems)


@pytest.mark.night
def test_a_second_run_gives_the_same_hash_and_changes_nothing(demo_run: Demo, run_demo) -> None:
    found, work, out, made = demo_run
    tables = (
        "cases", "case_version", "samples", "assignment", "assessment", "quarantine", "edition", "entry", "staff_day",
        "assessed", "rulebook_version", "step", "draw", "finding", "notice", "layer",
    )  # fmt: skip

    def counts() -> list[int]:
        with work.engine.connect() as connection:
            return [connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables]

    before = counts()
    assert run_demo(found, out) == made
    assert counts() == before


def test_a_year_of_districts_is_scored_and_explained_down_to_cases_and_entries(demo_run: Demo) -> None:
    _, work, _, _ = demo_run
    stored, documents, _ = scoring.read(work, "ningbo_district")
    assert (stored.period, stored.complete, len(documents)) == ("2025", True, 6)
    assert len(stored.header.earlier) == 12
    month = stored.header.earlier["2025-07"].assessment
    _, months, _ = scoring.read(work, month)
    document = months[0]
    assert len(document.lines) > 20
    code = document.subject.code
    item = next(line.item for line in document.lines if line.code == "3.3")
    found = explaining.explain(work, month, code, item)
    assert len(found.evidence["due"]) == document.counts["n_due"] > 0
    assert recomputing.recompute(work, stored.name).is_same


def test_a_county_month_has_consequences_that_lead_back_to_their_periods(demo_run: Demo) -> None:
    _, work, _, _ = demo_run
    stored, documents, _ = scoring.read(work, "qixian")
    assert (stored.period, stored.complete) == ("2025-12", True)
    assert stored.published_at is not None
    reached = [(d.subject.code, c) for d in documents for c in d.consequences]
    assert {c.tone for _, c in reached} >= {"praise", "warning"}
    ledger = publishing.ledger(work, "qixian", 2025)
    assert {r.period for r in ledger.reached} == {"2025-10", "2025-11", "2025-12"}
    assert sum(ledger.money.values()) > 0
    in_december = {(r.subject, r.consequence) for r in ledger.reached if r.period == "2025-12"}
    assert in_december == {(code, c.consequence) for code, c in reached}


@pytest.mark.night
def test_another_database_gives_the_same_hash(demo_run: Demo, run_demo, make_database, tmp_path: Path) -> None:
    _, _, out, made = demo_run
    other = make_database("demo_again")
    (tmp_path / "city").symlink_to(out / "city")
    assert run_demo(other, tmp_path, extras=False)["sha256"] == made["sha256"]


def test_sums_are_conserved_at_every_level(demo_run: Demo) -> None:
    _, work, _, _ = demo_run
    totals = set()
    for level in ("city", "district", "street", "community"):
        table, _ = indicators.indicators(work, parse_period("2025"), level)
        totals.add(tuple(int(table[c].sum()) for c in ("n_reported", "n_due", "n_closed", "n_samples")))
    assert len(totals) == 1


def test_children_and_own_cases_make_the_parent(demo_run: Demo) -> None:
    _, work, _, _ = demo_run
    streets, _ = indicators.indicators(work, parse_period("2025-12"), "street")
    communities, _ = indicators.indicators(work, parse_period("2025-12"), "community")
    below = communities[communities["code"] != ""].groupby("parent_code")["n_reported"].sum()
    street = streets[streets["code"] != ""].set_index("code")["n_reported"]
    assert (street == below.reindex(street.index)).all()


def test_every_count_of_a_street_leads_back_to_its_cases(demo_run: Demo) -> None:
    _, work, _, _ = demo_run
    _, documents, _ = scoring.read(work, "grid_baseline", "street")
    document = documents[3]
    for name in ("n_reported", "n_due", "n_closed_on_time", "n_closed_late", "n_rework_cases", "n_samples"):
        found = explaining.explain(work, "grid_baseline", document.subject.code, name)
        assert len(found.evidence[name]) == document.counts[name]
        assert len(set(found.evidence[name])) == len(found.evidence[name])


def test_files_are_there_and_pages_open_offline(demo_run: Demo) -> None:
    _, _, out, _ = demo_run
    book = openpyxl.load_workbook(out / "scorecards" / "summary.xlsx")
    assert book.worksheets[0].max_row >= 40
    assert len(list((out / "scorecards").glob("4299*.xlsx"))) == 40
    for name in ("choropleth.html", "heat.html"):
        page = (out / name).read_text("utf-8")
        assert len(page) < 1_500_000
        assert set(re.findall(r"https?://[^\s\"'<)]+", page)) <= {"http://www.w3.org/2000/svg"}  # a name, no address
        assert "@import" not in page


def test_unit_answers_by_category_and_place(demo_run: Demo) -> None:
    _, work, _, _ = demo_run
    with work.engine.connect() as connection:
        lon, lat, unit_id = connection.execute(
            text("SELECT lon, lat, unit_id FROM cases WHERE located = 'leaf' AND unit_id IS NOT NULL LIMIT 1")
        ).one()
    found = locating.locate(work, lon, lat, category="component:01001")
    assert [g["level"] for g in found.grids] == [1, 2, 3, 4]
    assert found.unit is not None
    assert unit_id is not None


@pytest.mark.parametrize(
    "name",
    [
        "01_load_a_city",
        *(pytest.param(n, marks=pytest.mark.night) for n in ("02_read_a_score", "03_compare_two_editions")),
    ],
)
def test_notebook_runs_and_carries_no_output(demo_run: Demo, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    found, _, out, _ = demo_run
    path = Path(__file__).resolve().parents[2] / "notebooks" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(not c.outputs and c.execution_count is None for c in code)
    assert not any(line.startswith(("def ", "class ")) for c in code for line in c.source.splitlines())
    monkeypatch.setenv("GRIDMGMT_DB", found.db)
    monkeypatch.setenv("GRIDMGMT_HOME", str(found.home))
    monkeypatch.setenv("DEMO_CITY", str(out / "city"))
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()


@pytest.mark.parametrize(("told", "is_kept"), [(None, False), ("of other code", False), (demo.code(), True)])
def test_only_what_the_same_code_made_is_gone_on_with(
    told: str | None, is_kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_database
) -> None:
    """Otherwise published assessments of an earlier version would stand against those of today."""
    monkeypatch.chdir(tmp_path)
    found = make_database("begun_anew")
    monkeypatch.setenv("GRIDMGMT_HOME", str(found.home))
    demo.OUT.mkdir(parents=True)
    (demo.OUT / "kept").touch()
    if told:
        (demo.OUT / demo.TOLD).write_text(json.dumps({"code": told}), "utf-8")
    demo.begin_anew(Runner(found.db, found))
    assert (demo.OUT / "kept").exists() is is_kept
    assert engines.ensure_database(found) is not is_kept  # True: it had to be made
    assert not (demo.OUT / demo.TOLD).exists()


# --- the assessments and facts are those recorded in tests/frozen ----------------------------------------------------

RECORDED = stored.hashes()["demo"]


def test_every_assessment_has_its_recorded_hash(demo_run: Demo) -> None:
    _, work, _, made = demo_run
    with work.engine.connect() as connection:
        found = stored.assessments(connection)
    assert {name: found.get(name) for name in RECORDED["assessments"]} == RECORDED["assessments"]
    assert made["sha256"] == RECORDED["assessments"][made["name"]]
    assert made["ningbo_district"] == RECORDED["assessments"]["ningbo_district-2025-1"]
    assert made["qixian"] == RECORDED["assessments"]["qixian-2025-12-1"]


def test_every_fact_has_its_recorded_hash(demo_run: Demo) -> None:
    _, work, _, _ = demo_run
    with work.engine.connect() as connection:
        found = stored.facts(connection)
    for table, parts in RECORDED["facts"].items():
        assert {part: found[table].get(part) for part in parts} == parts, table


def test_every_assessment_recomputes(demo_run: Demo) -> None:
    _, work, _, _ = demo_run
    again = {name: recomputing.recompute(work, name).again for name in RECORDED["assessments"]}
    assert again == RECORDED["assessments"]


def test_all_that_it_stores_is_read_and_written_to_the_same_bytes(demo_run: Demo) -> None:
    _, work, _, _ = demo_run
    with work.engine.connect() as connection:
        found = list(stored.documents(connection))
    assert {kind for kind, _ in found} <= set(stored.samples())
    assert [(kind, document) for kind, document in found if not models.comes_back(kind, document)] == []
