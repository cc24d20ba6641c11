"""A month and a year of figures, all levels, beside the same counts written by hand in SQL at the leaf; and the year
again after a day's facts were added, of which only what changed is counted.

    python -m tests.benchmarks --only figures

The same clocks and the same cut-off (the period's end, after which three cases in ten are closed), the same rows of the
private server as it is shipped, all warm. The sums must be equal. Memory is that of a process of its own.

First the cases are as files brought them; then those that are closed after November's end have been worked on here, and
BENCH_OTHERS hundredths of them (10) took a step after which the row does not tell what it was.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import text

from gridmgmt import settings
from gridmgmt.casework.cases import STANDING
from gridmgmt.database import cities
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work, open_database
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.operations import kept_cells
from gridmgmt.figures.operations.period_counts import figures
from gridmgmt.periods import parse_period
from tests.benchmarks import servers
from tests.benchmarks.made_cities import YEAR, analyse, city_of, worked_on
from tests.benchmarks.rows import Row, Size, in_turn
from tests.memory import peak_mb

CASES = {"full": int(os.environ.get("BENCH_CASES", "10000000")), "quick": 4_000}
OTHERS = int(os.environ.get("BENCH_OTHERS", "10"))
PARTED = ("unit_id", "category_kind", "category_code", "source")

Sums = dict[str, int]

_ALONE = "import sys; from tests.benchmarks import bench_figures; print(bench_figures.memory_of(*sys.argv[1:]))"


def memory_of(home: str, db: str, label: str) -> float:
    """The most that this process has held, in megabytes, once it counted a period."""
    with closing(open_database(replace(settings.read({}), home=Path(home), db=db))) as work:
        counted(work, label)
    return peak_mb()


def counted(work: Work, label: str, by: Sequence[str] = ()) -> Sums:
    """The sums over the leaf level of what the platform counts."""
    period = parse_period(label)
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        found = figures(connection, city, period, period.bounds(city.zone)[1], by=by)
    leaf = found.levels[len(city.levels)].counts
    return {name: int(leaf[name].sum()) for name, count in COUNTS.items() if count.of == "cases"}


def by_hand(work: Work, label: str) -> Sums:
    """The sums over the leaf level of what the query by hand counts."""
    period = parse_period(label)
    statement = text((Path(__file__).parent / "leaf_counts.sql").read_text("utf-8"))
    with work.snapshot() as connection:
        start, end = period.bounds(cities.load_city(connection).zone)
        params = {"start": start, "end": end, "cut": end, "standing": list(STANDING)}
        rows = connection.execute(statement, params).mappings().all()
    return {name: sum(int(row[name]) for row in rows) for name in rows[0] if name != "grid_l4"}


def _add_day(work: Work) -> None:
    """As many cases more as the last day had: its own again, under other numbers."""
    names = ", ".join(c.name for c in t.cases.c if c.name not in ("id", "case_no"))
    statement = f"""
        INSERT INTO cases (case_no, {names})
        SELECT case_no || '-' || (SELECT count(*) FROM cases), {names} FROM cases
        WHERE reported_at > (SELECT max(reported_at) FROM cases) - interval '1 day' AND case_no NOT LIKE '%-%'
    """
    with work.transaction() as connection:
        connection.execute(text(statement))


def _after_a_day(work: Work, n: int, runs: int) -> Row:
    """A year of figures, each time after a day's facts were added to those it was kept from."""
    counted(work, str(YEAR))
    works: list[Callable[[], Sums]] = [
        lambda: _add_day(work) or {}, lambda: counted(work, str(YEAR)), lambda: by_hand(work, str(YEAR))
    ]  # fmt: skip
    (_, ours, theirs), (_, found, known) = in_turn(works, runs)
    kept_cells.drop(work)
    if not found == known == counted(work, str(YEAR)):
        raise RuntimeError(f"after a day: {found} and {known}")
    told = f"year of figures, {n} cases, after one day's facts were added"
    note = f"{ours:.2f} s beside {theirs:.2f} s"
    return Row("figures-day-added", told, "SQL by hand at the leaf", ours / theirs, 0.1, note=note)


def rows(size: Size) -> Iterator[Row]:
    """A month, the same with finer keys, a year; and the memory of the largest."""
    n, runs = CASES[size], {"full": 5, "quick": 1}[size]
    # so few cases as the quick form has are not kept otherwise
    least = patch.object(kept_cells, "LEAST", min(kept_cells.LEAST, n // 2))
    with city_of("bench_figures", n, size) as work, least:

        def dropped(label: str, by: Sequence[str]) -> Sums:
            kept_cells.drop(work)
            return counted(work, label, by)

        def beside(label: str, by: Sequence[str] = ()) -> tuple[float, str]:
            works: list[Callable[[], Sums]] = [lambda: dropped(label, by), lambda: by_hand(work, label)]
            (ours, theirs), (found, known) = in_turn(works, runs)
            if found != known:
                raise RuntimeError(f"{label}: {found} and {known}")
            return ours / theirs, f"{ours:.2f} s beside {theirs:.2f} s"

        def told(name: str, label: str, by: Sequence[str], wanted: float) -> Row:
            ratio, note = beside(label, by)
            what = f"{name.partition('-')[0]} of figures, {n} cases, cells dropped"
            what += ", by unit, class, source" if by else ""
            worked = f", worked on after it, {OTHERS} of 100 not straight" if "worked" in name else ""
            return Row(f"figures-{name}", what + worked, "SQL by hand at the leaf", ratio, wanted, note=note)

        def peak(name: str, label: str) -> Row:
            kept_cells.drop(work)
            words = (*servers.address(work), label)
            if size == "quick":
                mb = memory_of(*words)
            else:
                command = [sys.executable, "-c", _ALONE, *words]
                mb = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            return Row(f"figures-{name}", f"{label} of figures, {n} cases", "500 MB", mb / 500, 1, note=f"{mb:.0f} MB")

        month = parse_period(f"{YEAR}-11")
        for name, label, by, wanted in (
            ("month", month.label, (), 1.5), ("month-keys", month.label, PARTED, 2.5), ("year", f"{YEAR}", (), 1.5),
        ):  # fmt: skip
            yield told(name, label, by, wanted)
        yield _after_a_day(work, n, runs)
        yield peak("memory", str(YEAR))
        with work.transaction() as connection:
            worked_on(connection, month.bounds(cities.load_city(connection).zone)[1], OTHERS)
        analyse(work)
        for name, by, wanted in (("month-worked", (), 1.5), ("month-worked-keys", PARTED, 2.5)):
            yield told(name, month.label, by, wanted)
        yield peak("memory-worked", month.label)
