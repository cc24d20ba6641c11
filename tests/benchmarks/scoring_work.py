"""Scoring of a made-up city by whatever code stands on the path, today's or an older commit's: told what to do on its
standard input, a JSON line each, it answers with the seconds taken and a digest of the totals.

    python scoring_work.py HOME DATABASE CASES RULEBOOK
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gridmgmt.assessing.operations.scoring import score
from gridmgmt.assessing.operations.whatif import whatif
from gridmgmt.database.work import Work
from gridmgmt.figures.operations.indicators import indicators
from gridmgmt.periods import parse_period
from tests import servers


def main(home: str, database: str, cases: int, rulebook: str) -> None:
    """Make the city, say so, and do what is asked until nothing more is."""
    servers.REAL = Path(home)  # one server for both
    from tests.benchmarks.made_cities import city_of

    with city_of(database, cases, "full") as work, TemporaryDirectory() as folder:
        print(json.dumps({"ready": True}), flush=True)
        path = rulebook
        for n, line in enumerate(sys.stdin):
            asked = json.loads(line)
            if asked["work"] == "score":
                path = renamed(Path(rulebook), n, Path(folder))
            print(json.dumps(done(work, asked["work"], path, asked["period"])), flush=True)


def done(work: Work, name: str, rulebook: str, label: str) -> dict[str, Any]:
    """Do a work: what it took, as seconds and as the process's own, and a digest of what it gave."""
    began, worked = time.perf_counter(), time.process_time()
    given = WORKS[name](work, rulebook, label)
    seconds, own = time.perf_counter() - began, time.process_time() - worked
    digest = hashlib.sha256(json.dumps(given).encode()).hexdigest()
    return {"seconds": seconds, "own": own, "digest": digest, "n": len(given)}


def renamed(rulebook: Path, n: int, folder: Path) -> str:
    """The same rules under an id of their own: what is scored by them was never scored before, and is saved."""
    path = folder / f"rules_{n}.yaml"
    path.write_text(rulebook.read_text("utf-8").replace("id: months_and_year", f"id: rules_{n}"), "utf-8")
    return str(path)


def _scored(work: Work, rulebook: str, label: str) -> list[Any]:
    made = score(work, rulebook, parse_period(label))
    totals = [(d.subject.key, d.total.exact if d.total else None, d.grade, d.place) for d in made.subjects]
    return [(*total, [c.consequence for c in d.consequences]) for total, d in zip(totals, made.subjects, strict=True)]


def _supposed(work: Work, rulebook: str, label: str) -> list[Any]:
    period = parse_period(label)
    found = whatif(work, rulebook, period, period, [("rework_steps.points_per_step", "2")])
    return [(m.period.label, m.subject.level, m.code, str(m.difference)) for m in found.moves]


def _counted(work: Work, rulebook: str, label: str) -> list[Any]:
    table, _ = indicators(work, parse_period(label), "community")
    return [[str(code), int(n)] for code, n in zip(table["code"], table["n_due"], strict=True)]


WORKS: dict[str, Callable[[Work, str, str], list[Any]]] = {
    "score": _scored,
    "whatif": _supposed,
    "indicators": _counted,
}

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
