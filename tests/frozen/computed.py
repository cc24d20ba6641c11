"""What the rulebooks of the data folder say, and what comes out of their worked examples, without a database."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from gridmgmt.errors import DossierInvalid
from gridmgmt.numbers import exact
from gridmgmt.periods import period_of
from gridmgmt.rulebooks.consequences import consequences, total_money
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.examples import read_examples
from gridmgmt.rulebooks.load import Loaded, known, load, parse, read_file, versions
from gridmgmt.rulebooks.run import run
from gridmgmt.rulebooks.sampling import planned, totals
from gridmgmt.scorecards.exports.outcome_text import evaluated, evaluation_json
from gridmgmt.settings import data_path
from tests.frozen.stored import canonical, sha256


def content() -> dict[str, str]:
    """``<rulebook>/<file>`` → content_sha256 of every version in the data folder."""
    return {f"{book}/{p.name}": read_file(p, p.name).content_sha256 for book in known() for p in versions(book)}


def examples(book: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A rulebook's worked examples with their names."""
    for example in read_examples(data_path("rulebooks", book, "examples.yaml").read_text("utf-8")):
        yield example["name"]["en"], example


@cache
def outcomes(book: str) -> Mapping[str, Any]:
    """A rulebook's examples → all that comes out of each."""
    loaded = load(book)
    return {name: result(loaded, example) for name, example in examples(book)}


def results(book: str) -> dict[str, str]:
    """A rulebook's examples → SHA-256 of all that comes out of each."""
    return {name: sha256(found) for name, found in outcomes(book).items()}


def result(loaded: Loaded, example: Mapping[str, Any]) -> Any:
    """What comes out of an example: its documents with the ledger, or the faults it is refused for."""
    if "days" in example:
        return [
            [cadence, str(day), period_of(day, cadence).label] for cadence, d in example["days"].items() for day in d
        ]
    if "plan" in example:
        plans = []
        for unit in example["plan"]["units"]:
            plan = planned(loaded.rulebook.samples, unit.get("group"), unit.get("attributes") or ())
            plans += [plan] * unit.get("n", 1)
        return totals(plans)
    loaded = changed(loaded, example)
    try:
        dossier = read_dossier(loaded.rulebook, plain(example["given"]))
    except DossierInvalid as e:
        return {"refused": e.problems}
    ledger = consequences(run(loaded.rulebook, dossier), dossier)
    return {
        "documents": evaluation_json(evaluated(loaded, dossier)),
        "ledger": [
            [r.consequence, r.subject, r.period, list(r.because), r.prize, r.undecided, r.count] for r in ledger
        ],
        "money": {k: exact(v) for k, v in total_money(ledger).items()},
    }


def documents(book: str) -> Iterator[tuple[str, Any]]:
    """What comes out of a rulebook's examples, document by document as JSON has it, with its kind."""
    for found in outcomes(book).values():
        for whole in found["documents"] if isinstance(found, dict) and "documents" in found else ():
            header = json.loads(canonical(whole))
            yield from (("evaluated.subject", subject) for subject in header.pop("subjects"))
            yield "evaluated.header", header


def plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """A dossier as JSON has it: a YAML day is its text."""
    return dict(json.loads(json.dumps(given, default=str)))


def changed(loaded: Loaded, example: Mapping[str, Any]) -> Loaded:
    """The rulebook with an example's changes."""
    changes = [(path, str(value)) for path, value in (example.get("changes") or {}).items()]
    return parse(loaded.text, "rulebook.yaml", changes) if changes else loaded
