"""Items of subjects that are alike (同值同果): what rests on the values of its inputs alone is worked out once."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridmgmt.rulebooks.items import Item
    from gridmgmt.rulebooks.results import Book, Context, Node


class Alike:
    """The results of items by the values that they read, of one set of rules or of several.

    An item of two sets of rules is one where it is the same in both, with its rates, its inputs and what an empty
    denominator means.
    """

    def __init__(self) -> None:
        self._rests_on: list[Any] = []
        self._known: dict[int, tuple[Item, int, Sequence[str] | None]] = {}
        self._nodes: dict[tuple[Any, ...], Node] = {}

    def node(self, item: "Item", context: "Context") -> "Node":
        """An item's result for a subject, with its weight."""
        _, number, names = self._known.get(id(item)) or self._learn(item, context.book)
        values = self._values(names, context) if names is not None else None
        if values is None:
            return replace(item.evaluate(context), weight=item.weight)
        key = (number, context.signed, *values)
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = replace(item.evaluate(context), weight=item.weight)
        return found

    @staticmethod
    def _values(names: Sequence[str], context: "Context") -> list[Any] | None:
        """The values of its inputs, absent ones too; None where one of them is no number."""
        out: list[Any] = []
        for name in names:
            value = context.values.get(name)
            if type(value) is Fraction:
                out.append(value.as_integer_ratio())
            elif value is None:
                out.append(None)
            else:
                return None
        return out

    def _learn(self, item: "Item", book: "Book") -> "tuple[Item, int, Sequence[str] | None]":
        """What an item reads; nothing is said of one whose result rests on more than its inputs."""
        parts = [part for _, part in item.walk()]
        names = sorted({name for part in parts for name in part.inputs(book)})
        rates = [book.rates[part.named_rate] for part in parts if part.named_rate is not None]
        rests_on = (item, rates, [book.inputs[name] for name in names], book.empty)
        if rests_on not in self._rests_on:
            self._rests_on.append(rests_on)
        is_of_inputs = all(part.is_of_inputs and part.only is None for part in parts)
        found = item, self._rests_on.index(rests_on), names if is_of_inputs else None
        self._known[id(item)] = found
        return found
