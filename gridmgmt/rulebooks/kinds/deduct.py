"""Points less what rules cost (扣分)."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from gridmgmt.documents import Exact, Positive
from gridmgmt.files.wording import Words
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Judged, Rules
from gridmgmt.rulebooks.results import NOTHING, Book, Node, gained, named_parts, used_up


class Deduct(Judged):
    """Its points less what its rules cost (扣分), never below ``floor`` (扣完为止); a surplus never spills over."""

    is_of_inputs = True

    kind: Literal["deduct"]
    points: Positive
    floor: Exact = Fraction(0)
    rules: Rules

    def _judge(self, rules: tuple[Node, ...]) -> Node:
        """The points less what the rules cost, never below the floor (扣完为止)."""
        zeroing = [r for r in rules if r.zeroes]
        only = rules[0] if len(rules) == 1 else None
        more: dict[str, Any] = {"children": rules}
        if only is not None:
            more |= {"rate": only.rate, "parts": only.parts, "inputs": only.inputs}
        if zeroing:
            if only is not None and only.reason.code == "line_zero_beyond":
                return self.node(NOTHING, only.reason.code, only.reason.facts, **more)
            return self.node(NOTHING, "line_zeroed", {"rules": named_parts(zeroing)}, **more)
        lost = gained(rules)
        value = max(self.floor, self.points - lost)
        if only is not None and only.rate is not None:
            return self.node(value, only.reason.code, only.reason.facts, **more)
        return self.node(value, *used_up(self.points, lost, value), **more)

    def _rejoined(self, parts: Sequence[floats.Drawn], _nodes: Sequence[Node]) -> floats.Drawn:
        left = np.maximum(float(self.floor), float(self.points) - floats.added(parts))
        return floats.judged(np.where(floats.any_of([r.zeroes for r in parts]), 0.0, left), parts)

    def _words(self, book: Book) -> Words:
        return self.told(book, "show_deduct_floor" if self.floor else None)
