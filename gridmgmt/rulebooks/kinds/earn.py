"""Points that rules earn (得分)."""

from collections.abc import Sequence
from typing import Literal

from gridmgmt.documents import Positive
from gridmgmt.files.wording import Words
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Judged, Rules
from gridmgmt.rulebooks.results import NOTHING, Book, Node, clamp, gained, numbers


class Earn(Judged):
    """What its rules earn from 0 (得分), up to ``points``; without points there is no cap (上不封顶)."""

    is_of_scale = False
    is_of_inputs = True

    kind: Literal["earn"]
    points: Positive | None = None
    rules: Rules

    def _judge(self, rules: tuple[Node, ...]) -> Node:
        """What the rules earn from 0, up to the points."""
        earned = gained(rules)
        value = clamp(earned, NOTHING, self.points)
        facts = numbers(earned=earned) | (numbers(limit=self.points) if self.points is not None else {})
        return self.node(value, "line_earn" if value == earned else "line_earn_capped", facts, children=rules)

    def _rejoined(self, parts: Sequence[floats.Drawn], _nodes: Sequence[Node]) -> floats.Drawn:
        return floats.judged(floats.clamp(floats.added(parts), 0, self.points), parts)

    def _words(self, book: Book) -> Words:
        return self.told(book, "show_earn_open" if self.points is None else None)
