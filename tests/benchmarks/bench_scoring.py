"""A month scored, a year out of its months, and a what-if over it, beside the same work as it was.

    python -m tests.benchmarks --only scoring

As it was: the last commit before grids outlived editions, taken from the repository's own history into a temporary
folder and run there in a process of its own, on a database of its own with the same made-up city. Where there is no
history (a source archive) that cannot be measured. Both processes are asked in turn and must give the same totals. The
month is measured five times after a warm-up; it warms up for the rest too. The year is scored once – it is thirteen
scorings, and takes the older code minutes – and the what-if over it is asked twice.
"""

import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.made_cities import YEAR, city_of
from tests.benchmarks.rows import Row, Size
from tests.benchmarks.scoring_work import done
from tests.servers import REAL, ROOT

AS_IT_WAS = "fb4ac05ec9"
CASES = {"full": int(os.environ.get("BENCH_SCORED_CASES", "300000")), "quick": 1_000}
RULES = Path(__file__).parent / "months_and_year.yaml"
MONTH = f"{YEAR}-11"
_OWN = ("made_cities.py", "rows.py", "servers.py", "scoring_work.py")

Given = dict[str, Any]


class Worker:
    """A process that scores with the code of one folder."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._read()

    def _read(self) -> Given:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process that scores has ended")
        found: Given = json.loads(line)
        return found

    def __call__(self, work: str, label: str) -> Given:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"work": work, "period": label}) + "\n")
        self._process.stdin.flush()
        return self._read()


@contextmanager
def worker(folder: Path, database: str) -> Iterator[Worker]:
    """A process with the code of a folder, once its city is made; the database is dropped when it ends."""
    script = folder / "tests" / "benchmarks" / "scoring_work.py"
    command = [sys.executable, str(script), str(REAL), database, str(CASES["full"]), str(RULES)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=folder, env=environment, **pipes) as process:
        yield Worker(process)


def taken_out(folder: Path) -> str | None:
    """Put the code as it was into a folder, with what makes the city; or say why that cannot be done."""
    command = ["git", "-C", str(ROOT), "archive", AS_IT_WAS]
    try:
        found = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return f"the history does not hold {AS_IT_WAS}"
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as tar:
        tar.extractall(folder, filter="data")
    (folder / "tests" / "benchmarks").mkdir(parents=True, exist_ok=True)
    for name in _OWN:
        shutil.copy(Path(__file__).parent / name, folder / "tests" / "benchmarks" / name)
    return None


@dataclass(frozen=True)
class Taken:
    """Median seconds of some runs, those of them that the process worked itself, and the digest of what they gave."""

    seconds: float
    own: float
    digest: str


def median(worker: Worker, work: str, label: str, runs: int) -> Taken:
    """What some runs of a work took."""
    found = [worker(work, label) for _ in range(runs)]
    seconds, own = (statistics.median(f[key] for f in found) for key in ("seconds", "own"))
    return Taken(seconds, own, str(found[-1]["digest"]))


def _beside(ours: Taken, theirs: Taken) -> tuple[float, str]:
    if ours.digest != theirs.digest:
        raise RuntimeError("not the totals as they were")
    note = f"{ours.seconds:.1f} s beside {theirs.seconds:.1f} s; of the process {ours.own:.1f} and {theirs.own:.1f} s"
    return ours.seconds / theirs.seconds, note


_WORKS: Sequence[tuple[str, str, str, int, str, float]] = (
    ("score", MONTH, "month", 5, "score of a month, with chance, comparisons and consequences", 1.5),
    ("score", str(YEAR), "year", 1, "score of a year out of twelve months", 1 / 8),
    ("whatif", str(YEAR), "whatif", 2, "what-if over a year of twelve months", 1 / 8),
)


def _measured(new: Worker, old: Worker) -> Iterator[Row]:
    for work, label, name, runs, told, wanted in _WORKS:
        ours, theirs = (median(w, work, label, runs) for w in (new, old))
        ratio, note = _beside(ours, theirs)
        beside = "the same as it was"
        if name == "month":
            counted = median(old, "indicators", label, runs).seconds
            ratio, beside = ours.seconds / counted, "indicators of that month as it was"
            note = f"indicators {counted:.1f} s; the same work as it was: {note}"
        yield Row(f"scoring-{name}", f"{told}, 2500 communities", beside, ratio, wanted, note=note)


def rows(size: Size) -> Iterator[Row]:
    """A month beside its indicators as they were; a year, and a what-if over it, beside themselves."""
    why: str | None = "only in the full form"
    if size == "quick":
        with city_of("bench_scoring", CASES[size], size) as work:
            done(work, "score", str(RULES), MONTH)
    else:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            why = taken_out(folder)
            if why is None:
                new = stack.enter_context(worker(ROOT, "bench_scoring"))
                old = stack.enter_context(worker(folder, "bench_scoring_was"))
                for each in (new, old):
                    each("score", MONTH)
                yield from _measured(new, old)
    for _, _, name, _, told, wanted in _WORKS if why is not None else ():
        yield Row(f"scoring-{name}", told, "the same as it was", None, wanted, note=why or "")
