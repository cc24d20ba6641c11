"""Chance by resampled floats beside the exact engine draw by draw, in one run: only the ratio carries over.

    python -m tests.benchmarks --only chance

Both score the same kind of draws of the baseline rulebook; the work is given
fewer of them and its time is taken a subject and draw.
"""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.load import load
from gridmgmt.rulebooks.resampling import draw, table_of
from gridmgmt.rulebooks.results import Context
from gridmgmt.rulebooks.run import run
from gridmgmt.scorecards.chance import Patterns, chance
from tests.benchmarks.rows import Row, Size, in_turn

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


def rows(size: Size) -> Iterator[Row]:
    """Draws of all subjects in floats, beside some of them by the exact engine: for one subject and draw."""
    subjects, draws, exact_subjects, exact_draws = {"full": (2700, 1000, 20, 50), "quick": (30, 50, 2, 5)}[size]
    rng = np.random.default_rng(1)
    book = load("grid_baseline").rulebook
    stage = book.stages[0]
    patterns = {f"{k:06}": facts(rng) for k in range(subjects)}
    records = {c: {"inputs": {n: int(a @ p.counts) for n, a in p.amounts.items()}} for c, p in patterns.items()}
    dossier = read_dossier(book, {"periods": {PERIOD: records}})
    outcomes = run(book, dossier).outcomes[PERIOD]

    def by_floats() -> int:
        found = chance(book, stage, outcomes, dossier.subjects, patterns, seed_text="bench", draws=draws)
        return sum(f.rank is None for f in found.values())

    def exactly() -> int:
        assert stage.score is not None
        for code in list(patterns)[:exact_subjects]:
            p = patterns[code]
            table = table_of(p.amounts, p.counts, p.strata, sorted(book.inputs))
            for row in draw(table, "00", code, exact_draws):
                values = {n: Fraction(int(x)) for n, x in zip(table.names, row, strict=True)}
                stage.score.evaluate(Context(book, values))
        return 0

    (floats, exact), (without, _) = in_turn([by_floats, exactly], {"full": 5, "quick": 1}[size])
    if without:
        raise RuntimeError(f"{without} subjects have no interval of ranks")
    faster = exact / (exact_subjects * exact_draws) / (floats / (subjects * draws))
    work = f"a draw of a score with its rank, {subjects} subjects × {draws}"
    yield Row("chance", work, "the exact engine, one draw", faster, 100, least=True, note=f"{floats:.2f} s")
