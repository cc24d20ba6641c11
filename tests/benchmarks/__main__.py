"""All benchmarks as one table of ratios: `make bench`.

    python -m tests.benchmarks                 # everything, to out/bench.json
    python -m tests.benchmarks --only editions
    python -m tests.benchmarks --quick         # small and not judged: whether they still run

Ends with 1 where a row does not hold. Only ratios carry over from one machine to another.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.rows import Row, Size

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(p.stem.removeprefix("bench_") for p in Path(__file__).parent.glob("bench_*.py"))


def measured(name: str, size: Size) -> list[Row]:
    """The rows of one benchmark."""
    rows: Iterable[Row] = import_module(f"tests.benchmarks.bench_{name}").rows(size)
    return list(rows)


def machine() -> dict[str, object]:
    """What the figures were measured on; no name of it."""
    return {
        "processor": platform.machine(), "cores": len(os.sched_getaffinity(0)), "python": platform.python_version(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
    }  # fmt: skip


def drawn(rows: list[Row]) -> Table:
    """The rows as people read them."""
    table = Table("id", "work", "beside", "ratio", "wanted", "holds", "note")
    for row in rows:
        ratio = "not measured" if row.ratio is None else f"{row.ratio:.3g} ×"
        holds = {True: "yes", False: "NO", None: "–"}[row.holds]
        wanted = f"{'≥' if row.least else '≤'} {row.wanted:.3g} ×"
        table.add_row(row.id, row.work, row.beside, ratio, wanted, holds, row.note)
    return table


@contextmanager
def least_room(folder: Path, every_s: float = 1.0) -> Iterator[list[int]]:
    """What is free on a folder's disk in bytes, at first and each second while something goes on."""
    found, done = [shutil.disk_usage(folder).free], threading.Event()

    def look() -> None:
        while not done.wait(every_s):
            found.append(shutil.disk_usage(folder).free)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        done.set()
        looking.join()
        found.append(shutil.disk_usage(folder).free)


def main() -> int:
    """Measure, print, write, and judge."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--quick", action="store_true")
    ask.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    ask.add_argument("--json", type=Path, default=ROOT / "out" / "bench.json")
    asked = ask.parse_args()
    size: Size = "quick" if asked.quick else "full"
    rows, minutes = list[Row](), dict[str, float]()
    with least_room(ROOT) as room:
        for name in asked.only:
            print(f"{name} …", file=sys.stderr, flush=True)
            began = time.monotonic()
            rows += measured(name, size)
            minutes[name] = round((time.monotonic() - began) / 60, 1)
    disk_gb = round((room[0] - min(room)) / 1e9, 1)
    taken = {"minutes": round(sum(minutes.values()), 1), "minutes_of": minutes, "disk_gb": disk_gb}
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    report = {"machine": machine(), "size": size, **taken, "rows": [row.as_json() for row in rows]}
    asked.json.write_text(json.dumps(report, ensure_ascii=False, indent=1))
    Console(width=200).print(drawn(rows))
    unknown = [row.id for row in rows if row.ratio is None]
    print(f"{taken['minutes']} minutes, {disk_gb} GB of disk at most, {asked.json}")
    print(f"not measured: {', '.join(unknown) or 'nothing'}")
    return int(any(row.holds is False for row in rows) and not asked.quick)


if __name__ == "__main__":
    sys.exit(main())
