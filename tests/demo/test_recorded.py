"""The demo's assessments and facts are those recorded in tests/frozen."""

from pathlib import Path

from gridmgmt.assessing.operations import recomputing
from gridmgmt.database.work import Work
from gridmgmt.settings import Settings
from tests.frozen import models, stored

Demo = tuple[Settings, Work, Path, dict[str, str]]
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
