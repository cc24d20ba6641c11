"""Every shipped rulebook's worked examples come out exactly, under every reading it can be read, and slips are told."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gridmgmt.errors import OptionInvalid, RulebookInvalid
from gridmgmt.rulebooks.examples import read_examples, wrong
from gridmgmt.rulebooks.load import known, load, parse, read_file, versions
from gridmgmt.rulebooks.proving import examples_beside, read_beside, trial
from gridmgmt.rulebooks.starter import starter


@cache
def beside(book: str) -> list[Any]:
    path = examples_beside(versions(book)[0])
    return read_beside(path) if path else []


@pytest.mark.parametrize("book", known())
def test_every_example_comes_out_exactly(book: str) -> None:
    assert beside(book)
    for example in beside(book):
        assert set(example["name"]) == {"zh", "en"}
    assert {e["name"]["en"]: found for e in beside(book) if (found := wrong(load(book), e))} == {}


@pytest.mark.parametrize("book", known())
def test_every_option_of_every_reading_can_be_read(book: str) -> None:
    loaded = load(book)
    tried = trial(loaded, [])
    assert tried.faults == ()
    assert tried.n_options == sum(len(r.options) for r in loaded.rulebook.readings.values())


@pytest.mark.parametrize("book", known())
def test_a_shipped_rulebook_is_named_by_its_folder_and_its_versions_are_told_apart(book: str) -> None:
    found = [read_file(path, path.name).rulebook for path in versions(book)]
    assert {b.id for b in found} == {book}
    assert len({b.version for b in found}) == len(found)
    spans = sorted((b.valid.first, b.valid.last) for b in found)
    assert all(last is not None and last <= first for (_, last), (first, _) in pairwise(spans))


@pytest.mark.parametrize("book", known())
def test_a_shipped_rulebook_is_written_from_the_document_alone(book: str) -> None:
    """Sources are those of the paper rules, not of notes about them."""
    for path in (p for p in (*versions(book), examples_beside(versions(book)[0])) if p is not None):
        text = path.read_text("utf-8")
        assert "shared/" not in text
        assert "TODO" not in text


Slip = Callable[[], dict[str, Any]]
"""An example that is made when it is tried: to collect tests reads no file."""


# --- what is wrong is told -------------------------------------------------------------------------------------------


def example(**changes: Any) -> dict[str, Any]:
    """The first worked example of the baseline, with parts replaced."""
    return {**beside("grid_baseline")[0], **changes}


def expecting(**result: Any) -> dict[str, Any]:
    return example(expect={"results": {"2025-12": {"ordinary": result}}})


@pytest.mark.parametrize(
    ("slip", "told"),
    [
        (lambda: expecting(total="84.9"), []),
        (lambda: expecting(total="84.8"), ["2025-12 ordinary total: 84.9, not 84.8"]),
        (lambda: expecting(grade="A"), ["2025-12 ordinary grade: B, not A"]),
        (lambda: expecting(rank=1), ["2025-12 ordinary rank: 3, not 1"]),
        (lambda: expecting(points={"closing": 28}), ["2025-12 ordinary closing: 28.5, not 28"]),
        (lambda: expecting(rates={"closing_rate": "0.9"}), ["2025-12 ordinary closing_rate: 0.95, not 0.9"]),
        (lambda: expecting(missing=["due"]), ["2025-12 ordinary missing: [], not ['due']"]),
        (lambda: expecting(totals=1), ["2025-12 ordinary: unknown keys totals"]),
        (lambda: example(expect={"results": {"2025-11": {"ordinary": {}}}}), ["2025-11 ordinary: no such result"]),
        (lambda: example(expected={}), ["unknown keys expected"]),
    ],
)
def test_a_result_that_does_not_come_out_is_told(slip: Slip, told: list[str]) -> None:
    assert wrong(load("grid_baseline"), slip()) == told


@pytest.mark.parametrize(
    ("slip", "told"),
    [
        (lambda: {"name": {"zh": "空", "en": "empty"}}, "not written as an example"),
        (lambda: example(given=[1]), "not written as an example"),
        (lambda: example(changes={"readings.nothing": 1}), "readings.nothing"),
    ],
)
def test_what_is_no_example_is_told_not_raised(slip: Slip, told: str) -> None:
    (fault,) = trial(load("grid_baseline"), [slip()]).faults
    assert told in fault.problems[0]
    assert fault.is_example


def test_an_option_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    text = starter("mine")["rulebook.yaml"].replace("options: [floor, ceil]", "options: [floor, round]")
    (fault,) = trial(parse(text, "rulebook.yaml"), []).faults
    assert fault.tried["en"] == "unfinished_step = round"
    assert "step_mode" in fault.problems[0]
    assert not fault.is_example


@pytest.mark.parametrize("text", ["- a\n", "a: 1\n", "- {a: 1\n"])
def test_a_file_of_examples_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "examples.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(RulebookInvalid) as e:
        read_beside(path)
    assert e.value.file == "examples.yaml"


def test_examples_stand_beside_their_version(tmp_path: Path) -> None:
    for name in ("examples.yaml", "examples.v1.yaml"):
        (tmp_path / name).touch()
    found = [
        examples_beside(tmp_path / n) for n in ("rulebook.yaml", "rulebook.v1.yaml", "rulebook.v2.yaml", "own.yaml")
    ]
    assert [p and p.name for p in found] == ["examples.yaml", "examples.v1.yaml", None, "examples.yaml"]


# --- the starter -----------------------------------------------------------------------------------------------------


def test_the_starter_is_right_from_the_first_moment() -> None:
    files = starter("my_city")
    loaded = parse(files["rulebook.yaml"], "rulebook.yaml")
    tried = trial(loaded, read_examples(files["examples.yaml"]))
    assert loaded.rulebook.id == "my_city"
    assert (tried.n_examples, tried.n_options, tried.faults) == (4, 2, ())


@pytest.mark.parametrize("name", ["", "My", "1st", "my-city", "../x", "my_city\n"])
def test_a_starter_needs_a_name_that_a_rulebook_may_have(name: str) -> None:
    with pytest.raises(OptionInvalid):
        starter(name)
