"""A road sample counts in the mean score of each grid by the share of its length there; for a unit it counts whole."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from gridmgmt.operations import assessing, database
from gridmgmt.periods import parse_period
from gridmgmt.store import inspections
from gridmgmt.store import tables as t
from tests.postgis.towns import load_samples

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
# length in mm of the road in each grid, of 1000 mm: a quarter of it lies in no grid
SHARES = {(3, "D1-1"): 500, (3, "D1-2"): 250, (2, "D1"): 750, (1, "C"): 750}


@pytest.fixture
def road(town: Engine, tmp_path: Path) -> Engine:
    """A road sample of 60 points shared by two communities, and a plain sample of 90 in each of three."""
    load_samples(
        town, tmp_path,
        [("R", "2025-12-05 12:00", "60", "D1-1")]
        + [(f"P{n}", "2025-12-05 12:00", "90", place) for n, place in enumerate(("D1-1", "D1-2", "D2-1"))],
    )  # fmt: skip
    rows = [
        {"sample_no": "R", "level": level, "grid_code": code, "length_mm": mm, "total_mm": 1000}
        for (level, code), mm in SHARES.items()
    ]
    with database.transaction(town) as connection:
        connection.execute(t.sample_share.insert(), rows)
    (tmp_path / "means.yaml").write_text(BOOK, "utf-8")
    return town


def test_each_grid_by_its_share(road: Engine, tmp_path: Path) -> None:
    made = assessing.score(road, str(tmp_path / "means.yaml"), parse_period("2025-12"))
    found: dict[str, Any] = {d["subject"]["code"]: d["inputs"].get("mean", {}).get("value") for d in made.subjects}
    means = {code: Fraction(str(value)) for code, value in found.items() if value is not None}
    assert means == {
        "D1-1": (60 * Fraction(1, 2) + 90) / Fraction(3, 2),  # 80
        "D1-2": (60 * Fraction(1, 4) + 90) / Fraction(5, 4),  # 84
        "D2-1": Fraction(90),
    }


def test_shares_are_exact(road: Engine) -> None:
    with database.snapshot(road) as connection:
        found = inspections.shares(connection, ["R", "P0"])
    assert found == {"R": {key: Fraction(mm, 1000) for key, mm in SHARES.items()}}
