"""Benchmarks do not rot: each runs in its quick form, and tells rows that a table can show. Nothing is judged here."""

import math

import pytest

from tests.benchmarks.__main__ import NAMES, drawn, measured
from tests.benchmarks.rows import Row


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_runs_in_its_quick_form(name: str) -> None:
    rows = measured(name, "quick")
    assert rows
    assert len({row.id for row in rows}) == len(rows)
    assert all(row.note if row.ratio is None else math.isfinite(row.ratio) and row.ratio > 0 for row in rows)
    assert drawn(rows).row_count == len(rows)


def test_a_row_holds_on_its_own_side() -> None:
    most = Row("a", "this", "that", 1.5, 1.5)
    assert (most.holds, Row("a", "this", "that", 1.51, 1.5).holds) == (True, False)
    assert (Row("a", "this", "that", 60, 60, least=True).holds, Row("a", "this", "that", 59, 60, True).holds) == (
        True,
        False,
    )
    assert Row("a", "this", "that", None, 2, note="no peer").holds is None
    assert most.as_json()["holds"] is True
