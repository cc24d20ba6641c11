"""A year of so many cases as are wanted: the same bytes again, each case number once, and memory that does not grow."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gridmgmt import texts
from gridmgmt.demo import SIZES, large_city, make_demo_city
from gridmgmt.errors import OptionInvalid

MORE_MB = 40
"""Ten times the cases may take so much more: what is left of one part, and what the allocator keeps."""

GROWTH = """
import sys
from pathlib import Path
from gridmgmt.demo import casework, dirt, division, geography, large_city
from tests.memory import peak_mb
large_city.PART = 1_500
land = geography.make_land(20_000, 1_800, 6, 7)
city = division.name_all(land, geography.divide(land, 6, 40, 300, 7), 7)
shared = dirt.shared_vertices(division.layers(land, city, unit_grids=False)["community"])
for cases in (6_000, 60_000):
    large_city.write_year(
        Path(sys.argv[1]), (land, city, shared), cases=cases, spots=24, seed=7, file_format=sys.argv[2],
        tell=lambda step, n, of=None: None,
    )
    print(int(peak_mb()))
if sys.argv[3:]:
    cases = casework.make_cases(land, city, 60_000, 24, 7)
    print(int(peak_mb()))
"""


SMALL = replace(SIZES["small"], districts=3, streets=12, communities=45, cases=6_000, radius_m=10_000.0)
"""What is asked of its files is asked of any city's."""


@pytest.fixture(autouse=True)
def smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, "small", SMALL)


def peaks_mb(*words: str) -> list[int]:
    """The peaks of a process of its own, one after the other."""
    done = subprocess.run([sys.executable, "-c", GROWTH, *words], capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


@pytest.mark.night
@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_cases(tmp_path: Path, file_format: str) -> None:
    """In one piece the same cases take more than that."""
    few, many, at_once = peaks_mb(str(tmp_path), file_format, "at once")
    assert many - few < MORE_MB < at_once - many


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_city, "PART", 100)
    told: list[str] = []

    def tell(step: str, n: int, of: int | None = None) -> None:
        told.append(step)

    first, second = tmp_path / "first", tmp_path / "second"
    made = make_demo_city(first, seed=5, size="small", cases=1_500, progress=tell)
    second.mkdir()
    (second / "cases_2025H2.xlsx").touch()  # an earlier city's
    (second / "cases_mine.csv").touch()
    again = make_demo_city(second, seed=5, size="small", cases=1_500)
    assert again.manifest == made.manifest
    assert sorted(p.name for p in second.iterdir()) == sorted([*made.files, "cases_mine.csv"])
    names = [n for n in made.files if not n.endswith(".gpkg")]
    assert len(names) > 24
    assert [n for n in names if (first / n).read_bytes() != (second / n).read_bytes()] == []
    assert "demo_month:2025-07" in told
    assert {f"progress_{step.partition(':')[0]}" for step in told} <= set(texts.catalogue())


def test_every_part_has_its_share_of_each_day_and_its_own_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_city, "PART", 100)
    planned = list(large_city.plan(4_000, 3))
    assert [month for month, _ in planned] == [f"2025-{m:02}" for m in range(1, 13)]
    assert sum(int(p.sum()) for _, of in planned for p in of) == 4_000
    assert all(p.sum() <= 100 + 31 for _, of in planned for p in of)
    assert all(np.ptp(of, axis=0).max() <= 1 for _, of in planned)
    made = make_demo_city(tmp_path, seed=3, size="small", cases=4_000, file_format="parquet")
    files = sorted(tmp_path.glob("cases_*.parquet"))
    rows = pd.concat([pq.read_table(f).to_pandas() for f in files], ignore_index=True)
    told = made.manifest["cases"]
    numbers = rows.loc[rows["案卷编号"] != "", "案卷编号"]
    assert numbers.nunique() == 4_000 - told["quarantined"]["case_no_missing"]
    assert len(rows) == told["rows"] == 4_000 + told["duplicate_rows"] + told["older_versions"]
    for file in files:
        month = pq.read_table(file).column("上报时间").to_pandas().dropna()
        assert set(month.dt.strftime("%Y-%m")) == {file.stem.removeprefix("cases_")}
    assert pq.read_schema(files[0]).field("上报时间").type == "timestamp[ms]"


def test_samples_are_made_in_proportion(tmp_path: Path) -> None:
    made = make_demo_city(tmp_path, seed=3, size="small", cases=12_000)
    samples = pd.read_csv(tmp_path / "samples.csv", encoding="gb18030")
    assert len(samples) == made.manifest["samples"]["rows"] == pytest.approx(2 * 12 * (12 * 3 + 45 * 0.35), rel=0.05)
    assert samples["样本编号"].is_unique
    assert samples["得分"].mean() == pytest.approx(made.manifest["samples"]["mean_score"])


@pytest.mark.parametrize(("cases", "file_format"), [(large_city.LEAST - 1, None), (None, "csv"), (5_000, "xlsx")])
def test_wrong_numbers_and_formats(tmp_path: Path, cases: int | None, file_format: str | None) -> None:
    with pytest.raises(OptionInvalid):
        make_demo_city(tmp_path, seed=1, size="small", cases=cases, file_format=file_format)
