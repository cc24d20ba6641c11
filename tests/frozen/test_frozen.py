"""What was recorded before the house was put in order stays: rulebooks and every worked example."""

import pytest

from gridmgmt.rulebooks.load import known
from tests.frozen import computed, stored

HASHES = stored.hashes()


def test_every_rulebook_says_what_it_said() -> None:
    assert computed.content() == HASHES["rulebooks"]


def test_examples_of_every_rulebook_are_recorded() -> None:
    assert set(HASHES["examples"]) == set(known())


@pytest.mark.parametrize("book", sorted(HASHES["examples"]))
def test_every_example_comes_out_to_the_same_bytes(book: str) -> None:
    found = computed.results(book)
    assert {name: found.get(name) for name in HASHES["examples"][book]} == HASHES["examples"][book]
