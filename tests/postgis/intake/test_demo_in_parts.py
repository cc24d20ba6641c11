"""A demo city with as many cases as wanted: what its files hold is what the usual profiles take."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from gridmgmt.database.work import Work
from gridmgmt.demo import SIZES, large_city, make_demo_city
from gridmgmt.intake.operations.imports import import_file
from gridmgmt.people.operations import reference
from gridmgmt.places.operations import editions

PARTS = 75
"""Cases of a part here: every month has more than one."""


CASES = 1_000


@pytest.mark.parametrize("file_format", ["csv", pytest.param("parquet", marks=pytest.mark.night)])
def test_imports_take_all_that_the_manifest_tells(
    empty: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_format: str
) -> None:
    monkeypatch.setattr(large_city, "PART", PARTS)
    monkeypatch.setitem(SIZES, "small", replace(SIZES["small"], districts=3, streets=12, communities=36))
    made = make_demo_city(tmp_path, seed=3, size="small", cases=CASES, file_format=file_format)
    told = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert sorted(made.files) == sorted(p.name for p in tmp_path.iterdir())
    reference.init_city(empty, tmp_path / "city.yaml")
    reference.import_units(empty, tmp_path / "units.csv")
    editions.import_grids(empty, [str(tmp_path / "grids.gpkg")], "first")
    editions.activate(empty, "first", dt.date(2025, 1, 1))

    def taken(name: str, profile: str) -> list[tuple[int, int]]:
        reports = [import_file(empty, p, profile) for p in sorted(tmp_path.glob(f"{name}*.{file_format}"))]
        return [(r.n_rows, r.n_quarantined) for r in reports]

    cases = taken("cases_2025-", "demo_cases")
    assert [n for n, _ in cases] == told["cases"]["rows_by_file"]
    assert sum(bad for _, bad in cases) == sum(told["cases"]["quarantined"].values()) > 0
    steps = taken("steps_2025-", "demo_steps")
    assert (sum(n for n, _ in steps), sum(bad for _, bad in steps)) == (told["cases"]["steps"], 0)
    assert taken("samples", "demo_samples") == [(told["samples"]["rows"], 0)]
    loaded = told["cases"]["loaded"]
    with empty.snapshot() as connection:
        found = connection.execute(
            text(
                "SELECT count(*), count(*) FILTER (WHERE located = 'outside'), count(handled_at), sum(n_rework)"
                " FROM cases"
            )
        ).one()
    assert tuple(found) == (loaded["cases"], loaded["outside"], loaded["handled"], loaded["rework_events"])
    assert loaded["cases"] + sum(told["cases"]["quarantined"].values()) == CASES
