"""What a new kind is met by: run where bands.py and its texts were added to a copy of the project, nothing else."""

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from gridmgmt.numbers import exact
from gridmgmt.rulebooks.diff import diff
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.examples import read_examples
from gridmgmt.rulebooks.exports.rulebook_text import rulebook_text
from gridmgmt.rulebooks.load import parse
from gridmgmt.rulebooks.proving import trial
from gridmgmt.rulebooks.rescoring import Batch
from gridmgmt.rulebooks.results import Context
from gridmgmt.rulebooks.schema import schema
from gridmgmt.scorecards import whatif
from gridmgmt.scorecards.exports.lines import score_lines
from gridmgmt.scorecards.exports.outcome_text import evaluated

BESIDE = Path(sys.argv[1])
LOADED = parse((BESIDE / "rulebook.yaml").read_text("utf-8"), "rulebook.yaml")
CHANGED = parse(LOADED.text, "rulebook.yaml", [("closing_bands.bands.0.points", "9")])
ITEM: Any = LOADED.rulebook.stages[0].score.items[0]  # type: ignore[union-attr]
EXAMPLES = read_examples((BESIDE / "examples.yaml").read_text("utf-8"))
GIVEN = EXAMPLES[0]["given"]
CLOSED = [0, 1, 33, 34, 74, 75, 89, 90, 100]


def lines() -> list[str]:
    """Every subject's line as its scorecard words it."""
    dossier = read_dossier(LOADED.rulebook, GIVEN)
    (made,) = evaluated(LOADED, dossier)
    return [line.reason["zh"] for document in made.subjects for line in score_lines(made.header, document)]


def scored() -> list[str]:
    """Its exact points of 100 cases due, by how many were closed."""
    nodes = [ITEM.evaluate(Context(LOADED.rulebook, {"due": Fraction(100), "closed": Fraction(n)})) for n in CLOSED]
    return [exact(n.value) for n in nodes]


def redrawn() -> list[float]:
    """The same as draws of one subject."""
    node = ITEM.evaluate(Context(LOADED.rulebook, {"due": Fraction(100), "closed": Fraction(0)}))
    inputs = {"due": np.array([[100.0]]), "closed": np.array([CLOSED], dtype=float)}
    found = ITEM.redraw([node], Batch(LOADED.rulebook, inputs, {"closed": np.ones((1, 1), dtype=bool)}))
    return [float(x) for x in found.value[0]]


def moved() -> list[str]:
    """The items by which a subject moves when its first band is worth less."""
    found = whatif.compare(LOADED, CHANGED, GIVEN, GIVEN)
    return [line.path[-1] for move in found.movers for line in move.causes]


tried = trial(LOADED, EXAMPLES)
found = {
    "examples": tried.n_examples,
    "faults": [f.problems for f in tried.faults],
    "words": {lang: rulebook_text(LOADED.rulebook, lang) for lang in ("zh", "en")},
    "schema": schema()["$defs"],
    "diff": [[d.what, d.key, d.old, d.new] for d in diff(LOADED.rulebook, CHANGED.rulebook)],
    "lines": lines(),
    "scored": scored(),
    "redrawn": redrawn(),
    "moved": moved(),
}
print(json.dumps(found, ensure_ascii=False))
