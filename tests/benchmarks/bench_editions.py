"""An edition change that touches one hundredth of the communities, beside assigning every case again.

    python -m tests.benchmarks --only editions

A city of 2 500 communities, BENCH_CASES cases at random places in it of all days of a year, a new edition from the
middle of the year in which every hundredth community has another code. Both reassignments are whole use cases, rolled
back at the end, on the same rows of the private server; they must find the same rows to move, and both write them. Not
timed on either side: bringing the edition in (its file, its check, its drawing), which a full reassignment needs as
well. Wall time, the median of some runs taken in turn.
"""

import datetime as dt
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from gridmgmt.database.work import Work
from gridmgmt.people.operations import assigning
from gridmgmt.people.store import responsibility
from gridmgmt.places.operations import editions
from gridmgmt.places.store import editions as store
from tests.benchmarks.made_cities import YEAR, analyse, city_of
from tests.benchmarks.rows import Row, Size, in_turn

WANTED = 1 / 30
CASES = int(os.environ.get("BENCH_CASES", "10000000"))


def _change(work: Work, folder: Path) -> None:
    """The second edition, from the middle of the year, once all that came before it is applied."""
    assigning.reassign(work)
    with work.transaction() as connection:
        frame = store.grids(connection, store.by_name(connection, "first").id)
    last = frame["level"].max()
    leaves = frame.index[frame["level"] == last]
    frame.loc[leaves[::100], "code"] = [
        f"{code[:-3]}9{n:02}" for n, code in enumerate(frame.loc[leaves[::100], "code"])
    ]
    frame.drop(columns=["id", "area_m2"]).to_file(folder / "second.gpkg")
    editions.import_grids(work, [str(folder / "second.gpkg")], "second")
    editions.activate(work, "second", dt.date(YEAR, 7, 1))


def _everything(work: Work) -> dict[str, int]:
    """As after new rules of who answers: every case is looked at."""
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    with patch.object(responsibility, "rules_not_applied_since", lambda connection: later):
        return assigning.reassign(work)


def rows(size: Size) -> Iterator[Row]:
    """A change that touches one hundredth of the communities, beside looking at every case."""
    cases, runs = {"full": (CASES, 5), "quick": (5_000, 1)}[size]
    with city_of("bench_editions", cases, size) as work:
        with tempfile.TemporaryDirectory() as name:
            _change(work, Path(name))
        analyse(work)
        tried = work.but(keep=False)
        works = [lambda: assigning.reassign(tried), lambda: _everything(tried)]
        (change, everything), done = in_turn(works, runs)
    moved = [d["n_cases_changed"] for d in done]
    if moved[0] != moved[1]:
        raise RuntimeError(f"{moved[0]} and {moved[1]} rows to move")
    note = f"{change:.2f} s beside {everything:.2f} s, {moved[0]} moved"
    work_done = f"an edition change of 1 % of the communities, {cases} cases"
    yield Row("editions", work_done, "full reassignment", change / everything, WANTED, note=note)
