"""docs/inputs.md against the code: types of input, keys of records, subjects and results, steps, road classes."""

import re
from dataclasses import fields
from typing import get_args

from gridmgmt.rulebooks import inputs
from gridmgmt.rulebooks.dossier import Given, Subject
from gridmgmt.rulebooks.values import ROADS, STEPS, Account, Event, Filing, Finding, Row
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "inputs.md").read_text("utf-8")


def _rows(head: str) -> dict[str, str]:
    """The table under a head: what stands in the first column's code → the rest of the row."""
    table = PAGE[PAGE.index(f"| {head} |") :].split("\n\n")[0].splitlines()[2:]
    told = (line.strip("|").split("|", 1) for line in table)
    return {name: rest for first, rest in told for name in re.findall(r"`(\w+)`", first)}


def _keys(text: str) -> list[str]:
    return re.findall(r"`(\w+)`", text)


def test_every_type_of_input_is_told() -> None:
    assert {*_rows("type")} == {*get_args(inputs._InputType)}


def test_the_keys_of_records_are_those_that_are_read() -> None:
    kinds = {"findings": Finding, "events": Event, "items": Row, "accounts": Account, "filings": Filing}
    found = {name: _keys(rest) for name, rest in _rows("record of").items()}
    assert found == {name: [f.name for f in fields(kind)] for name, kind in kinds.items()}
    explained = {*_rows("key")}
    assert {f.name for kind in (Finding, Event) for f in fields(kind)} - explained == {"evidence", "note"}


def test_the_keys_of_subjects_and_results_are_those_that_are_read() -> None:
    assert {*_rows("key of a subject")} == {f.name for f in fields(Subject)} - {"code"}
    of_period = _rows("key of a subject's period")
    assert {f.name for f in fields(Given)} <= {*_keys(of_period["result"])}


def test_steps_and_road_classes_are_all_there() -> None:
    told = PAGE[PAGE.index("Steps of an account") :]
    assert set(STEPS) | {r for r in ROADS if r != "other"} <= {*_keys(told)}
