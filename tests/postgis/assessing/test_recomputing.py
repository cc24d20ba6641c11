"""What is changed in a stored assessment is found and named; a form that is no longer read is refused in words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gridmgmt.assessing.operations import browsing, explaining, publishing, recomputing, scorecards, scoring
from gridmgmt.database.work import Work
from gridmgmt.errors import AssessmentFormOld
from gridmgmt.periods import parse_period
from gridmgmt.texts import catalogue
from tests.postgis import court, towns
from tests.postgis.assessing.test_publishing import december
from tests.postgis.towns import case, load
from tests.worlds import World, tampered

TAMPERED: dict[str, tuple[str, list[tuple[str, str | None, str | None]]]] = {
    "a total": (
        "UPDATE assessment_subject SET document = jsonb_set(document, '{total}', "
        '\'{"exact": "99.99", "shown": "99.99"}\') WHERE document @> \'{"subject": {"code": "D1"}}\'',
        [("hash", None, None), ("total", "D1", None)],
    ),
    "the total beside the document": (
        "UPDATE assessment_subject SET total_numerator = 9999, total_denominator = 100 "
        'WHERE document @> \'{"subject": {"code": "D1"}}\'',
        [("column", "D1", "total, rank")],
    ),
    "a reason": (
        "UPDATE assessment_subject SET document = jsonb_set(document, '{reason,code}', '\"total_given\"') "
        'WHERE document @> \'{"subject": {"code": "D2"}}\'',
        [("hash", None, None), ("document", "D2", "reason")],
    ),
    "a scorecard that is gone": (
        'DELETE FROM assessment_subject WHERE document @> \'{"subject": {"code": "D2"}}\'',
        [("subject", "D2", None), ("hash", None, None), ("rank", "D1", "siblings")],
    ),
    "evidence that is gone": (
        "DELETE FROM assessment_case WHERE fact_no = 'w7'",
        [("evidence", None, "cases")],
    ),
    "evidence that counts elsewhere": (
        "UPDATE assessment_case SET mask = mask # 1 WHERE fact_no = 'w6'",
        [("evidence", None, "cases")],
    ),
    "the publisher": ("UPDATE assessment SET published_by = 'somebody else'", [("publisher", None, None)]),
    "the moment": ("UPDATE assessment SET published_at = published_at - interval '1 day'", [("publisher", None, None)]),
    "that it was published": (
        "UPDATE assessment SET published_at = NULL, published_by = NULL",
        [("publisher", None, None)],
    ),
}


def published(town: Work, tmp_path: Path) -> None:
    """December in the town, published by a tester."""
    december(town, tmp_path)
    publishing.publish(town.but(actor="tester"), court.score(town, tmp_path, "2025-12").name)


@pytest.fixture
def court_town(world: World) -> Work:
    return world(published)


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_changed_is_found_and_named(court_town: Work, what: str) -> None:
    assert recomputing.recompute(court_town, "court").is_same
    statement, named = TAMPERED[what]
    with tampered(court_town) as connection:
        assert connection.exec_driver_sql(statement).rowcount >= 1
    found = recomputing.recompute(court_town, "court")
    told = [(d.code, d.subject, d.what) for d in found.differences]
    assert not found.is_same
    assert told[: len(named)] == named
    assert {x[0] for x in told} <= {x[0] for x in named} | {"consequence", "column"}
    assert all(f"differs_{d.code}" in catalogue() for d in found.differences)
    assert found.plain["same"] is False


OLD: dict[str, Callable[[Work, Path], Any]] = {
    "read": lambda work, _: scoring.read(work, "court"),
    "card": lambda work, _: scoring.scorecard(work, "court", "D1"),
    "explain": lambda work, _: explaining.explain(work, "court", "D1"),
    "publish": lambda work, _: publishing.publish(work.but(actor="tester"), "court-2025-12-1"),
    "recompute": lambda work, _: recomputing.recompute(work, "court"),
    "ledger": lambda work, _: publishing.ledger(work, "court", 2025),
    "export": lambda work, out: scorecards.export(work, "court", "district", out, ["json"]),
    "map": lambda work, _: browsing.assessment_map(work, "court"),
}


@pytest.mark.parametrize("use", OLD)
def test_a_form_that_is_no_longer_read_is_refused_in_words(court_town: Work, tmp_path: Path, use: str) -> None:
    with tampered(court_town) as connection:
        connection.execute(text('UPDATE assessment SET header = header || \'{"schema": "gridmgmt.assessment/1"}\''))
    with pytest.raises(AssessmentFormOld) as refused:
        OLD[use](court_town, tmp_path / "out")
    assert refused.value.schema == "gridmgmt.assessment/1"
    assert [a["name"] for a in scoring.listing(court_town)] == ["court-2025-12-1"]


def one_case(town: Work, tmp_path: Path) -> None:
    towns.found(town, tmp_path)
    load(town, tmp_path, [case("w", "D1-1", at="2025-12-02", reg="2025-12-02", due="2025-12-10", closed="2025-12-09")])


def test_a_month_without_a_fact_of_a_kind_is_said(world: World) -> None:
    town = world(one_case)
    made = scoring.score(town, "grid_baseline", parse_period("2025-11"))
    assert made.header.absent == ["cases", "samples"]
    assert {d.status for d in made.subjects} == {"no_data"}
    december = scoring.score(town, "grid_baseline", parse_period("2025-12"))
    assert december.header.absent == ["samples"]
    told = {d.subject.code: (d.total and d.total.exact, d.formed) for d in december.subjects}
    assert told["D1"] == ("100", "0.85")  # all but the 15 points of the samples
    assert told["D2"] == (None, "0")
