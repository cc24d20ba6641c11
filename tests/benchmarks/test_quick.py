"""Benchmarks do not rot: each runs in its quick form, and tells rows that a table can show. Nothing is judged here."""

import math
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import NAMES, drawn, measured
from tests.benchmarks.rows import Row

TABLE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
LINE = re.compile(r"^\| `([^`]+)` \|.*\| ([≤≥]) ([0-9.]+) \|[^|]+\|$", re.MULTILINE)
TOLD = {i: (side == "≥", float(n)) for i, side, n in LINE.findall(TABLE.read_text("utf-8"))}
"""What the page says is wanted: pattern of ids → whether at least so much, and how much."""


def told(row: Row) -> list[tuple[bool, float]]:
    """What the page says of a row, by the most exact pattern."""
    found = [pattern for pattern in TOLD if fnmatchcase(row.id, pattern)]
    return [TOLD[max(found, key=lambda p: len(p.rstrip("*")))]] if found else []


NIGHT = {"bulk", "doors", "editions", "figures", "points", "scoring", "server", "tiles"}
"""Those that take seconds in their quick form too; their other tests, by day, show that what they measure runs."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.night if n in NIGHT else ()) for n in NAMES])
def test_a_benchmark_runs_in_its_quick_form(name: str) -> None:
    rows = measured(name, "quick")
    assert rows
    assert [told(row) for row in rows] == [[(row.least, pytest.approx(row.wanted, rel=0.01))] for row in rows]
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


def test_the_page_tells_of_each_benchmark_and_of_no_other() -> None:
    assert {pattern.split("-")[0] for pattern in TOLD} == {{"locator": "locate"}.get(name, name) for name in NAMES}
    assert not told(Row("nobody", "this", "that", 1, 1))
