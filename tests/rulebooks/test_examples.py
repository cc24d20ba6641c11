"""Every shipped rulebook's worked examples come out exactly: points of each line, total and grade."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gridmgmt.indicators import COUNTS
from gridmgmt.rulebooks.evaluate import score
from gridmgmt.rulebooks.load import exact_yaml, known, load
from gridmgmt.settings import data_path


def examples() -> list[Any]:
    found = []
    for book in known():
        path: Path = data_path("rulebooks", book, "examples.yaml")
        for example in exact_yaml().load(path.read_text("utf-8")):
            found.append(pytest.param(book, example, id=f"{book}-{example['name']['en']}"))
    return found


def exactly(value: Any) -> Fraction | None:
    return None if value is None else Fraction(value)


def test_every_rulebook_has_examples() -> None:
    assert {param.values[0] for param in examples()} == set(known()) != set()


@pytest.mark.parametrize(("book", "example"), examples())
def test_an_example_comes_out_exactly(book: str, example: dict[str, Any]) -> None:
    assert set(example) == {"name", "counts", "points", "total", "grade"}
    assert set(example["counts"]) <= set(COUNTS)
    result = score(load(book).rulebook, {k: Fraction(v) for k, v in example["counts"].items()})
    assert {x.item: x.points for x in result.lines} == {k: exactly(v) for k, v in example["points"].items()}
    assert result.total == exactly(example["total"])
    assert result.grade == example["grade"]


@pytest.mark.parametrize("book", known())
def test_a_shipped_rulebook_is_named_by_its_folder_and_has_a_grade_for_every_total(book: str) -> None:
    rulebook = load(book).rulebook
    assert rulebook.id == book
    assert not rulebook.grades or rulebook.grades[-1].at_least <= 0
