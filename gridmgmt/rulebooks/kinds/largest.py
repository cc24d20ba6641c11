"""Of several rules the one with most points (取较大者)."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Rule
from gridmgmt.rulebooks.results import NOTHING, Context, Node, numbers

Several = Annotated[tuple[Rule, ...], Field(min_length=2)]


class Chosen(Rule):
    """Of several rules one counts; while one of them is open it is not known which."""

    if TYPE_CHECKING:
        rules: Several

    def _result(self, context: Context) -> Node:
        rules = tuple(r.evaluate(context) for r in self.rules)
        if any(r.status == "missing" for r in rules):
            lacking = tuple(n for r in rules for n in r.missing)
            return replace(self.missing(context, lacking=lacking), children=rules)
        value, zeroes = self._choose([r.value or NOTHING for r in rules], [r.zeroes for r in rules])
        code = f"rule_{self.kind}" if value else "rule_none"
        return self.node(value, code, numbers(points=value), children=rules, zeroes=zeroes)

    def _choose(self, values: Sequence[Fraction], zeroes: Sequence[bool]) -> tuple[Fraction, bool]:
        """The value that counts, and whether the whole item scores nothing."""
        raise NotImplementedError


class Largest(Chosen):
    """Of several rules only the one with most points counts."""

    kind: Literal["largest"]
    rules: Several

    def _choose(self, values: Sequence[Fraction], zeroes: Sequence[bool]) -> tuple[Fraction, bool]:
        return max(values), any(zeroes)

    def _rejoined(self, parts: Sequence[floats.Drawn], _nodes: Sequence[Node]) -> floats.Drawn:
        value = np.maximum.reduce(np.broadcast_arrays(*(r.value for r in parts)))
        drawn = floats.joined(value, (floats.any_of([r.status == floats.MISSING for r in parts]), floats.MISSING))
        return replace(drawn, zeroes=floats.any_of([r.zeroes for r in parts]) & (drawn.status == floats.OK))
