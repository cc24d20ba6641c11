"""Chance by resampled floats beside the exact engine draw by draw, in one run: only the ratio carries over.

    python -m tests.benchmarks.bench_chance --subjects 2700 --draws 1000

Both score the same kind of draws of the baseline rulebook; the work is given
fewer of them and its time is taken a subject and draw.
"""

import argparse
import sys
import time
from fractions import Fraction

import numpy as np

from gridmgmt.rulebooks.dossier import read_dossier
from gridmgmt.rulebooks.load import load
from gridmgmt.rulebooks.resampling import draw, table_of
from gridmgmt.rulebooks.results import Context
from gridmgmt.rulebooks.run import run
from gridmgmt.scorecards.chance import Patterns, chance

PERIOD = "2025-12"
SCORES = np.arange(60, 100, 4)


def facts(rng: np.random.Generator) -> Patterns:
    """A grid's month: closed on time, late or open; reworked or not; a repeat or not; and some samples."""
    closed, rework, repeat = (x.ravel() for x in np.meshgrid([0, 1, 2], [0, 1], [0, 1], indexing="ij"))
    case, sample = np.ones(len(closed), dtype=int), np.ones(len(SCORES), dtype=int)
    columns = {
        "due": case, "closed": closed > 0, "closed_on_time": closed > 1, "due_rework_known": case,
        "rework_cases": rework, "registered_repeat_known": case, "repeats": repeat,
    }  # fmt: skip
    amounts = {k: np.concatenate([v.astype(int), 0 * sample]) for k, v in columns.items()}
    amounts |= {
        "scored_samples": np.concatenate([0 * case, sample]),
        "sample_scores": np.concatenate([0 * case, SCORES]),
    }
    shares = np.array([0.05, 0.1, 0.85])[closed] * np.array([0.96, 0.04])[rework] * np.array([0.94, 0.06])[repeat]
    n = int(rng.lognormal(4, 1)) + 1
    counts = np.concatenate([rng.multinomial(n, shares / shares.sum()), rng.multinomial(8, sample / len(SCORES))])
    return Patterns(amounts, counts, np.concatenate([0 * case, sample]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=2700)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--exact-subjects", type=int, default=20)
    parser.add_argument("--exact-draws", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    book = load("grid_baseline").rulebook
    stage = book.stages[0]
    assert stage.score is not None
    patterns = {f"{k:06}": facts(rng) for k in range(asked.subjects)}
    records = {c: {"inputs": {n: int(a @ p.counts) for n, a in p.amounts.items()}} for c, p in patterns.items()}
    dossier = read_dossier(book, {"periods": {PERIOD: records}})
    outcomes = run(book, dossier).outcomes[PERIOD]

    start = time.perf_counter()
    found = chance(book, stage, outcomes, dossier.subjects, patterns, seed_text="bench", draws=asked.draws)
    floats = time.perf_counter() - start
    without = sum(f.rank is None for f in found.values())
    print(f"{len(found)} subjects × {asked.draws} draws in floats, with ranks {floats:8.3f} s; no interval: {without}")

    start = time.perf_counter()
    for code in list(patterns)[: asked.exact_subjects]:
        p = patterns[code]
        table = table_of(p.amounts, p.counts, p.strata, sorted(book.inputs))
        for row in draw(table, "00", code, asked.exact_draws):
            values = {n: Fraction(int(x)) for n, x in zip(table.names, row, strict=True)}
            stage.score.evaluate(Context(book, values))
    exact = time.perf_counter() - start
    print(f"{asked.exact_subjects} subjects × {asked.exact_draws} draws by the engine          {exact:8.3f} s")
    one = floats / (asked.subjects * asked.draws), exact / (asked.exact_subjects * asked.exact_draws)
    print(f"ratio: a subject and draw {one[1] / one[0]:.0f} times as fast as the exact engine")
    return 1 if without else 0


if __name__ == "__main__":
    sys.exit(main())
