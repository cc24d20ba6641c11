"""Items added up (合计)."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from gridmgmt.documents import Exact, Positive
from gridmgmt.files.wording import Words, words
from gridmgmt.numbers import exact, summed
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Items, Total
from gridmgmt.rulebooks.results import NOTHING, Book, Node, clamp, gained, numbers
from gridmgmt.rulebooks.wording import cap_words, concat


class Sum(Total):
    """Sum of its items (合计), clamped to 0 … ``points`` if these are given.

    ``scale_up``: an item without data is left out and the others scaled up, where ``empty`` is ``leave_out``.
    """

    kind: Literal["sum"]
    items: Items
    points: Positive | None = None
    floor: Exact | None = None

    def _join(self, children: tuple[Node, ...]) -> Node:
        """Sum of the items; those without data are left out and the others scaled up; clamped where it says so."""
        held = [c for c in children if c.status == "ok"]
        left_out = [c for c in children if c.status == "no_data"]
        if not held or (left_out and not any(c.maximum for c in held)):  # nothing that others could be scaled up by
            return self.node(None, "total_no_data", status="no_data", children=children)
        value = own = gained(held)
        code, facts = "total_sum", numbers(gained=own)
        if left_out:
            possible = summed(c.maximum or NOTHING for c in held)
            whole = possible + summed(c.maximum or NOTHING for c in left_out)
            value = value * whole / possible
            code, facts = "total_scaled", numbers(gained=own, possible=possible, scale=whole)
        clamped = clamp(value, self.floor, self.points)
        if clamped != value:
            code, facts = "total_clamped", numbers(gained=value, limit=clamped)
        return self.node(clamped, code, facts, children=children)

    def _rejoined(self, parts: Sequence[floats.Drawn], nodes: Sequence[Node]) -> floats.Drawn:
        """Sum; what has no data in a draw is left out there and the others scaled up."""
        most = [float(n.maximum or 0) for n in nodes]
        possible = sum(((p.status == floats.OK) * m for p, m in zip(parts, most, strict=True)), floats.ZERO)
        left_out = sum(((p.status == floats.NO_DATA) * m for p, m in zip(parts, most, strict=True)), floats.ZERO)
        is_scaled = floats.any_of([p.status == floats.NO_DATA for p in parts])
        impossible = is_scaled & (possible == 0)
        factor = (possible + left_out) / np.where(possible == 0, 1.0, possible)
        factor = np.where(is_scaled & ~impossible, factor, 1.0)
        value = floats.clamp(floats.added(parts) * factor, self.floor, self.points)
        return floats.joined(
            value,
            (floats.any_of([p.status == floats.MISSING for p in parts]), floats.MISSING),
            (floats.all_of([p.status != floats.OK for p in parts]) | impossible, floats.NO_DATA),
        )

    def _words(self, book: Book) -> Words:
        floor = words("show_floor", floor=exact(self.floor)) if self.floor is not None else None
        return concat(self.told(book), cap_words(self.points), floor)
