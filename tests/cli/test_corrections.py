"""What the commands show of a correction: totals as people read them, and the numbers that no longer count."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gridmgmt.cli.base import State
from gridmgmt.cli.explaining import _show_behind
from gridmgmt.cli.judging import _arrow, _rounded
from gridmgmt.operations.explaining import Explained
from gridmgmt.settings import Settings


@pytest.mark.parametrize(
    ("pair", "shown"),
    [(("58.5", "2319/38"), "58.5 → 61.03"), (("90", "90"), "90"), ((None, "1/3"), "– → 0.33")],
)
def test_totals_are_shown_as_decimals(pair: tuple[str | None, str | None], shown: str) -> None:
    assert _arrow(_rounded(pair)) == shown


def test_exempted_cases_are_told_apart_and_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    header: Mapping[str, Any] = {"rulebook": {"inputs": {}}, "earlier": {}}
    document: Mapping[str, Any] = {"exempted": ["A2"], "lines": [], "shown": []}
    found = Explained("x-2025-12-2", "0" * 64, {}, None, document, {"n_due": ["A1", "A2", "A3"]}, header)
    _show_behind(State(Settings(None, Path(), "none"), "zh"), found)
    assert capsys.readouterr().out.splitlines() == ["应结案数 (n_due): 2", "  A1 A3", "  申诉免计: A2"]
