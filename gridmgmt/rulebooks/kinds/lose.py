"""What rules cost, below zero (罚分)."""

from collections.abc import Sequence
from typing import Literal

from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Judged, Rules
from gridmgmt.rulebooks.results import Node, gained, numbers


class Lose(Judged):
    """What its rules cost, as a negative number (罚分): below a sum it takes away, shown alone it is a list."""

    is_of_scale = False
    is_of_inputs = True

    kind: Literal["lose"]
    rules: Rules

    def _judge(self, rules: tuple[Node, ...]) -> Node:
        lost = gained(rules)
        return self.node(-lost, "line_lose" if lost else "line_deduct_none", numbers(lost=lost), children=rules)

    def _rejoined(self, parts: Sequence[floats.Drawn], _nodes: Sequence[Node]) -> floats.Drawn:
        return floats.judged(-floats.added(parts), parts)
