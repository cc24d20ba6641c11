"""The JSON Schema for editors: it takes every shipped rulebook and marks the slips that editors are there for."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from gridmgmt.rulebooks.document import exact_yaml
from gridmgmt.rulebooks.load import known, versions
from gridmgmt.rulebooks.schema import schema
from gridmgmt.rulebooks.starter import starter

SCHEMA = schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
TEXTS = {path.parent.name + "/" + path.name: path.read_text("utf-8") for name in known() for path in versions(name)}


def as_json(value: Any) -> Any:
    """A YAML document as an editor sees it: keys are texts, dates are texts."""
    if isinstance(value, dict):
        return {str(k).lower() if isinstance(k, bool) else str(k): as_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [as_json(v) for v in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def faults(document: Any) -> list[tuple[str, str]]:
    return [(".".join(map(str, e.absolute_path)), e.message) for e in VALIDATOR.iter_errors(document)]


def starting() -> Any:
    return as_json(exact_yaml().load(starter("mine")["rulebook.yaml"]))


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", TEXTS)
def test_it_takes_every_shipped_rulebook(name: str) -> None:
    assert faults(as_json(exact_yaml().load(TEXTS[name]))) == []


def test_it_takes_the_starter() -> None:
    assert faults(starting()) == []


def item(document: Any) -> Any:
    return document["stages"][0]["score"]["items"]


@pytest.mark.parametrize(
    ("slip", "where", "told"),
    [
        (lambda d: d.update(scael=100), "", "scael"),
        (lambda d: d.pop("issuer"), "", "issuer"),
        (lambda d: d["title"].pop("en"), "title", "en"),
        (lambda d: d["title"].update(fr="x"), "title", "fr"),
        (lambda d: d["inputs"]["due"].update(typ="count"), "inputs.due", "typ"),
        (lambda d: d["inputs"]["due"].update(type="amount"), "inputs.due.type", "amount"),
        (lambda d: d["rates"]["rework_rate"].update(numerator=3), "rates.rework_rate.numerator", "3"),
        (lambda d: item(d)[0].update(pionts=3), "stages.0.score.items.0", "pionts"),
        (lambda d: item(d)[0].update(kind="share"), "stages.0.score.items.0.kind", "share"),
        (lambda d: item(d)[0].pop("kind"), "stages.0.score.items.0", "kind"),
        (lambda d: item(d)[1]["rules"][0].update(step="one"), "stages.0.score.items.1.rules.0.step", "one"),
        (lambda d: item(d)[1]["rules"][0].update(step_mode={"reading": 1}), "stages.0.score.items.1.rules.0.step_mode",
         "1"),
        (lambda d: d["stages"][0].update(cadence="week"), "stages.0.cadence", "week"),
        (lambda d: d["consequences"][0]["when"].update(lats=True), "consequences.0.when", "lats"),
        (lambda d: d["readings"].update(x={"value": {"reading": "y"}}), "readings.x", ""),
    ],
)  # fmt: skip
def test_a_slip_is_marked_where_it_stands(slip: Callable[[Any], object], where: str, told: str) -> None:
    document = starting()
    slip(document)
    found = faults(document)
    assert where in {place for place, _ in found}
    assert any(told in message for place, message in found if place == where)


@pytest.mark.parametrize(
    "bind",
    [
        lambda d: d.update(scale={"reading": "x"}),
        lambda d: d.update(empty={"reading": "x", "when": {"a": d["empty"], "b": d["empty"]}}),
        lambda d: d["rates"]["rework_rate"].update(numerator={"reading": "x", "when": {"a": "due",
         "b": {"due": "0.5"}}}),
        lambda d: item(d).append({"reading": "x", "when": {"true": item(d)[0], "false": item(d)[1]}}),
        lambda d: d["stages"][0].update(score={"reading": "x", "when": {"a": d["stages"][0]["score"], "b": None}}),
        lambda d: d["stages"][0].update(grades={"reading": "x", "when": {"a": [], "b": d["stages"][0]["grades"]}}),
        lambda d: d["consequences"][0].update(window={"reading": "x", "when": {"a": None,
         "b": d["consequences"][0]["window"]}}),
        lambda d: d["consequences"][0]["window"].update(reaches={"reading": "x", "when": {"a": 2, "b": 3}}),
    ],
)  # fmt: skip
def test_a_reading_may_stand_wherever_a_value_does(bind: Callable[[Any], object]) -> None:
    document = starting()
    bind(document)
    assert faults(document) == []


@pytest.mark.parametrize(
    "bind",
    [
        lambda d: d.update(empty={"reading": "x", "when": {"a": {"option": "none"}}}),
        lambda d: d.update(empty={"reading": "x", "wehn": {}}),
        lambda d: d["consequences"][0]["window"].update(reaches={"reading": "x", "when": {"a": "two"}}),
    ],
)
def test_what_a_reading_stands_for_is_checked_too(bind: Callable[[Any], object]) -> None:
    document = starting()
    bind(document)
    assert faults(document) != []
