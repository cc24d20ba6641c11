"""Rulebooks as whoever signed in asks for them (考核办法): listed, shown, tried out, compared, tried on inputs.

The installation's own are named by id; another one is handed in by its content, and no name leads to a file.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridmgmt.assessing.readers.entries import plain_inputs
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.rulebooks import listing as catalogue
from gridmgmt.rulebooks import starter
from gridmgmt.rulebooks.diff import Difference, diff
from gridmgmt.rulebooks.document import Changes
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.listing import Listed
from gridmgmt.rulebooks.load import Loaded, of_installation, read_file
from gridmgmt.rulebooks.proving import Trial, read_beside, trial
from gridmgmt.rulebooks.schema import schema
from gridmgmt.scorecards.exports.outcome_text import evaluated, evaluation_json


@dataclass(frozen=True)
class Checked:
    """A rulebook that was handed in, and what came of trying it; ``has_examples``: whether any were handed in."""

    loaded: Loaded
    trial: Trial
    has_examples: bool


@needs("results.compare")
def listing(work: Work, day: dt.date | None = None) -> list[Listed]:
    """Every version of every rulebook, or of each the one in force on a day; what is faulty is told in its place."""
    return catalogue.listing(day)


@needs("results.compare")
def one(work: Work, name: str) -> Loaded:
    """A rulebook by id, or by id and version.

    Raises
    ------
    RulebookMissing, RulebookInvalid
    """
    return of_installation(name)


@needs("results.compare")
def differences(work: Work, old: str, new: str) -> list[Difference]:
    """What differs between two rulebooks or versions of the installation.

    Raises
    ------
    RulebookMissing, RulebookInvalid
    """
    return diff(of_installation(old).rulebook, of_installation(new).rulebook)


@needs("results.write")
def differences_of_files(work: Work, old: Path, new: Path) -> list[Difference]:
    """What differs between two rulebooks that are handed in.

    Raises
    ------
    RulebookInvalid, LimitExceeded
    """
    return diff(*(read_file(path, path.name, is_foreign=True).rulebook for path in (old, new)))


@needs("results.write")
def check(work: Work, path: Path, examples: Path | None = None) -> Checked:
    """Read a rulebook that is handed in, run its worked examples, and read it under every option of its readings.

    Raises
    ------
    RulebookInvalid, LimitExceeded
        The first fault, by file, line and key.
    """
    loaded = read_file(path, path.name, is_foreign=True)
    given = read_beside(examples) if examples is not None else []
    return Checked(loaded, trial(loaded, given), examples is not None)


@needs("results.compare")
def evaluate(work: Work, name: str, inputs: str, changes: Changes = ()) -> list[dict[str, Any]]:
    """Compute a rulebook from inputs written as JSON, whose numbers count as they are written; nothing is saved.

    Raises
    ------
    RulebookMissing, RulebookInvalid, FileUnreadable, DossierInvalid
    """
    loaded = of_installation(name, changes)
    dossier = read_dossier(loaded.rulebook, plain_inputs(inputs, "inputs"), "inputs")
    return evaluation_json(evaluated(loaded, dossier))


@needs("results.compare")
def json_schema(work: Work) -> dict[str, Any]:
    """The JSON Schema by which editors complete and check a rulebook."""
    return schema()


@needs("results.compare")
def template(work: Work, name: str) -> dict[str, str]:
    """A commented rulebook to start from, with worked examples: file name → text.

    Raises
    ------
    OptionInvalid
    """
    return dict(starter.starter(name))
