"""What is worked out once for subjects with the same values is what each would have by itself."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from gridmgmt.errors import DossierInvalid
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.rulebooks.alike import Alike
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.items import Item
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.results import Context, Node
from gridmgmt.rulebooks.run import run
from tests.frozen import computed
from tests.unit.rulebooks.tiny import FULL, tiny


class Alone(Alike):
    """Nothing is shared."""

    def node(self, item: Item, context: Context) -> Node:
        return replace(item.evaluate(context), weight=item.weight)


def outcomes(book: Rulebook, plain: Mapping[str, Any], alike: Alike) -> Any:
    return run(book, read_dossier(book, plain), alike=alike).outcomes


@pytest.mark.parametrize("name", rulebooks.known())
def test_examples_come_out_alike(name: str) -> None:
    """All of a rulebook's examples with one memory, changed rules among them."""
    loaded, alike = rulebooks.load(name), Alike()
    for _, example in computed.examples(name):
        if "given" in example:
            book, plain = computed.changed(loaded, example).rulebook, computed.plain(example["given"])
            try:
                alone = outcomes(book, plain, Alone())
            except DossierInvalid:
                continue
            assert outcomes(book, plain, alike) == alone


GIVEN: Mapping[str, Any] = {
    "periods": {
        "2025-12": {
            "U": {"inputs": {**FULL, "due": 100, "closed": 70}},
            "V": {"inputs": {**FULL, "due": 100, "closed": 70, "business": 50}},
            "W": {"inputs": {**FULL, "due": 0, "closed": 0}},
            "X": {"inputs": {**FULL, "due": 100, "closed": None}},
        }
    }
}


def test_subjects_share_what_they_have_in_common() -> None:
    found = outcomes(tiny().rulebook, GIVEN, Alike())["2025-12"]
    closing = {code: found[code].node("closing_item") for code in "UVWX"}
    assert closing["U"] is closing["V"]
    assert len({id(node) for node in closing.values()}) == 3
    assert found["U"].node("parts") is not found["V"].node("parts")


@pytest.mark.parametrize(
    ("path", "value", "is_shared"),
    [
        ("business_part__weight", None, True),
        ("closing_steps__points_per_step", "2", False),
        ("rates__closing__complement", "true", False),
        ("empty__option", "incomplete", False),
        ("inputs__closed__type", "number", False),
    ],
)
def test_rules_share_what_they_have_in_common(path: str, value: str | None, is_shared: bool) -> None:
    """An item stands for that of other rules only if its rates, inputs and the empty denominator are the same."""
    alike, before = Alike(), tiny().rulebook
    after = tiny(**({path: value} if value is not None else {"extra__points": "4"})).rulebook
    mine, theirs = outcomes(before, GIVEN, alike), outcomes(after, GIVEN, alike)
    assert theirs == outcomes(after, GIVEN, Alone())
    assert mine == outcomes(before, GIVEN, Alone())
    items = [found["2025-12"]["U"].node("closing_item") for found in (mine, theirs)]
    assert (items[0] is items[1]) == is_shared
