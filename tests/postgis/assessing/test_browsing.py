"""The assessment that a reader begins with, and the map of one that forms no total."""

from fractions import Fraction

from gridmgmt.assessing.operations import browsing, scoring
from gridmgmt.database.work import Work
from gridmgmt.periods import parse_period
from tests.postgis.worksite import dispatched, take

DECEMBER = parse_period("2025-12")


def closed(work: Work, no: str) -> None:
    dispatched(work, no)
    for kind, hour in (("receive", 10), ("answer", 11), ("verify", 11.5), ("close", 12)):
        take(work, kind, hour, no)


def test_a_reader_begins_with_the_newest_assessment_that_has_totals(desk: Work) -> None:
    assert browsing.opening(desk) is None
    closed(desk, "A")
    without = scoring.score(desk, "beijing_grid", DECEMBER).name
    only = browsing.opening(desk)
    assert only is not None
    assert only.name == browsing.mapped(desk, "latest").name == without
    totals = scoring.score(desk, "grid_baseline", DECEMBER)
    assert any(d.total for d in totals.subjects)
    newest = scoring.score(desk, "beijing_grid", parse_period("2025-11")).name
    begun = browsing.opening(desk)
    assert begun is not None
    assert begun.name == totals.name
    assert browsing.mapped(desk, "latest").name == totals.name
    assert browsing.assessment(desk, "latest").name == totals.name
    assert browsing.assessment(desk, "beijing_grid").name == newest


def test_a_scheme_without_a_total_is_drawn_by_its_own_figure(desk: Work) -> None:
    closed(desk, "A")
    name = scoring.score(desk, "beijing_grid", DECEMBER).name
    data = browsing.assessment_map(desk, name)
    assert data.own is not None
    assert (data.own.title["zh"], data.own.unit, data.own.better) == ("挂账扣分次数", "count", "low")
    assert {x for level in data.levels for x in level.frame["value"]} == {0.0}
    name = scoring.score(desk, "grid_baseline", DECEMBER).name
    data = browsing.assessment_map(desk, name)
    assert data.own is None
    assert max(Fraction(x) for level in data.levels for x in level.frame["value"].dropna()) == 100
