"""A cluster says of files what the database says of the same files: case by case, and count by count."""

import datetime as dt
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from distributed import Client

from gridmgmt.bulk.operations import running
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import CasesInSeveralFiles, OptionInvalid
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.operations import indicators
from gridmgmt.intake.operations import imports
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_period
from tests.postgis import towns

NOVEMBER = parse_period("2025-11")
AS_OF = dt.datetime(2025, 12, 5, tzinfo=dt.UTC)
WEST, SOUTH, SIDE = towns.WEST, towns.SOUTH, towns.SIDE


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with running.local(2) as address:
        yield address


def made(random: np.random.Generator, prefix: str, n: int) -> list[dict[str, str]]:
    """Cases in and around the town, some on edges, some without a place, some reported before the first edition."""

    def at(hour: float) -> str:
        return f"{dt.datetime(2025, 10, 25) + dt.timedelta(hours=hour):%Y-%m-%d %H:%M:%S}"

    out = []
    for k in range(n):
        hour = float(random.uniform(0, 900))
        x, y = WEST + random.uniform(-0.3, 2.3) * SIDE, SOUTH + random.choice([0.25, 0.5, 1.0, 1.5, 2.1]) * SIDE
        given = {"at": at(hour), "due": at(hour + 72), "cat": str(random.choice(["01001", "02001"]))}
        if random.random() < 0.7:
            given["closed"] = at(hour + random.uniform(1, 150))
        out.append(towns.case(f"{prefix}{k}", None if random.random() < 0.05 else (float(x), float(y)), **given))
    return out


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Three files, CSV and Parquet; one with a row that is wrong, a row twice and two versions that contradict."""
    folder = tmp_path / "exports"
    folder.mkdir()
    random = np.random.default_rng(3)
    rows = made(random, "a", 60)
    rows += [towns.case("wrong", at="yesterday"), rows[0]]
    rows += [towns.case("both", "D1-1"), towns.case("both", "D1-2")]
    towns.write_csv(folder / "a.csv", rows)
    towns.write_csv(folder / "b.csv", made(random, "b", 40))
    third = pd.DataFrame(made(random, "c", 50)).reindex(columns=towns.FIELDS)
    third.to_parquet(folder / "c.parquet", index=False)
    return folder


@pytest.fixture
def answering(town: Work, tmp_path: Path) -> Work:
    """The town with units that answer by category and by grid."""
    rules = ["*,,,U0,2024-01-01,", "component:01*,,,U1,2024-01-01,", "component:02*,community,D1-1,U2,2024-01-01,"]
    head = "category,level,grid_code,unit_code,valid_from,valid_to"
    (tmp_path / "rules.csv").write_text("\n".join([head, *rules]), "utf-8")
    units = ["code,name_zh,name_en,kind,parent_code", "U0,甲,A,,", "U1,乙,B,,", "U2,丙,C,,"]
    (tmp_path / "units.csv").write_text("\n".join(units), "utf-8")
    reference.import_units(town, tmp_path / "units.csv")
    reference.import_rules(town, tmp_path / "rules.csv")
    return town


def imported(work: Work, sources: Path, profile: str) -> int:
    """The same files into the database; gives how many rows were refused."""
    return sum(imports.import_file(work, path, profile).n_quarantined for path in sorted(sources.iterdir()))


def in_database(work: Work) -> pd.DataFrame:
    """Case, edition, codes of all levels, unit and manner as the database has them."""
    grids = [t.grid.alias() for _ in towns.CITY.levels]
    joined = t.cases.outerjoin(t.edition, t.edition.c.id == t.cases.c.edition_id)
    joined = joined.outerjoin(t.unit, t.unit.c.id == t.cases.c.unit_id)
    for level, grid in zip(towns.CITY.levels, grids, strict=True):
        joined = joined.outerjoin(grid, grid.c.id == t.cases.c[f"grid_l{level.number}"])
    columns = [
        t.cases.c.case_no, t.edition.c.name.label("edition"),
        *(grid.c.code.label(level.key) for level, grid in zip(towns.CITY.levels, grids, strict=True)),
        t.unit.c.code.label("unit_code"), t.cases.c.located,
    ]  # fmt: skip
    with work.snapshot() as connection:
        found = connection.execute(towns.select(*columns).select_from(joined)).all()
    return pd.DataFrame(found, columns=[c.name for c in columns])


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    frames = [f[expected.columns].astype(object) for f in (found, expected)]
    one, other = ({tuple(r) for r in f.where(f.notna(), None).itertuples(index=False)} for f in frames)
    assert one == other
    assert len(found) == len(expected)


def test_each_case_lies_where_the_database_puts_it(
    answering: Work, sources: Path, tmp_path: Path, cluster: str
) -> None:
    profile, out = towns.write_profile(tmp_path, towns.CASES), tmp_path / "out"
    told: list[tuple[int, int | None]] = []
    work = answering.but(progress=lambda step, n, of=None: told.append((n, of)))
    report = running.assign(work, [str(sources)], profile, str(out), cluster)
    refused = imported(answering, sources, profile)
    expected = in_database(answering)
    same(pd.read_parquet(out / "assigned"), expected)
    assert {"leaf", "outside", "no_location"} <= {*expected["located"]}
    assert {*expected["unit_code"].dropna()} == {"U0", "U1", "U2"}
    assert (report.n_files, report.n_rows, report.n_quarantined, report.n_earlier) == (3, 154, refused, 1)
    assert report.n_cases == len(expected) == report.n_rows - refused - 1
    assert told[-1] == (3, 3)
    bad = pd.read_csv(out / "quarantine" / "part-000000.csv")
    assert [*zip(bad["row"], bad["code"], strict=True)] == [
        (62, "time_unreadable"),
        (64, "number_twice"),
        (65, "number_twice"),
    ]
    assert {*bad["file"]} == {str(sources / "a.csv")}
    with pytest.raises(OptionInvalid):
        running.assign(work, [str(sources)], profile, str(out), cluster)


def test_the_counts_are_those_of_the_database(answering: Work, sources: Path, tmp_path: Path, cluster: str) -> None:
    profile, out = towns.write_profile(tmp_path, towns.CASES), tmp_path / "out"
    _, tables = running.count(answering, [str(sources)], profile, str(out), cluster, NOVEMBER, AS_OF)
    imported(answering, sources, profile)
    for level in towns.CITY.levels:
        expected, _ = indicators.indicators(answering, NOVEMBER, level.key, AS_OF)
        names = [c for c in expected.columns if c not in COUNTS or COUNTS[c].of == "cases"]
        names = [c for c in names if c != "sample_score"]
        pd.testing.assert_frame_equal(tables[level.key], expected[names])
        stored = pd.read_parquet(out / "indicators" / f"{level.key}.parquet")
        texts = ["name_zh", "name_en", "parent_code"]
        filled = [f.assign(**f[texts].astype("object").fillna("")) for f in (stored, expected[names])]
        pd.testing.assert_frame_equal(*filled, check_dtype=False)
        assert expected["n_due"].sum() > 20


def test_a_case_in_two_files_is_not_counted_twice(answering: Work, tmp_path: Path, cluster: str) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    for name in ("a", "b"):
        towns.write_csv(folder / f"{name}.csv", [towns.case("1"), towns.case(name)])
    profile = towns.write_profile(tmp_path, towns.CASES)
    with pytest.raises(CasesInSeveralFiles) as refused:
        running.count(answering, [str(folder)], profile, str(tmp_path / "out"), cluster, NOVEMBER, AS_OF)
    assert refused.value.facts["n"] == 1
    assert running.assign(answering, [str(folder)], profile, str(tmp_path / "other"), cluster).n_twice == 1


def test_the_death_of_a_worker_loses_nothing(answering: Work, tmp_path: Path, cluster: str) -> None:
    folder, random = tmp_path / "exports", np.random.default_rng(5)
    folder.mkdir()
    for k in range(12):
        towns.write_csv(folder / f"{k:02}.csv", made(random, f"{k}-", 100))
    profile, out = towns.write_profile(tmp_path, towns.CASES), tmp_path / "out"
    with Client(cluster) as client:
        pids = client.run(os.getpid)
        killed = threading.Event()

        def kill(step: str, n: int, of: int | None = None) -> None:
            if not killed.is_set():
                killed.set()
                os.kill(next(iter(pids.values())), signal.SIGKILL)
                time.sleep(0.2)

        report = running.assign(answering.but(progress=kill), [str(folder)], profile, str(out), cluster)
        assert killed.is_set()
    assert (report.n_files, report.n_rows, report.n_cases, report.n_twice) == (12, 1200, 1200, 0)
    imported(answering, folder, profile)
    same(pd.read_parquet(out / "assigned"), in_database(answering))
