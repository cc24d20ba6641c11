"""An item whose negative part is carried on (负分结转)."""

from typing import Literal

from gridmgmt.files.wording import Words, words
from gridmgmt.rulebooks.items import Item
from gridmgmt.rulebooks.results import NOTHING, Book, Context, Node, numbers
from gridmgmt.rulebooks.wording import concat


class Carry(Item):
    """Its item with the negative part carried on (负分结转), and charged to the superiors in the same period.

    own = item + what was carried in from the last period in which the
    subject was assessed; raw = own − shortfalls of the subordinates;
    recorded = max(0, raw); carried out = min(0, raw).
    ``charges``: the superiors each lose the full shortfall, max(0, −own).
    ``recorded``: a month below zero stands as 0, or as the negative number
    and then carries nothing. ``across_years``: whether the year's first
    period takes over what the year before left.
    """

    is_total = True

    kind: Literal["carry"]
    item: Item
    charges: bool = True
    recorded: Literal["zero", "negative"] = "zero"
    across_years: bool = True

    def _result(self, context: Context) -> Node:
        """own = item + carried in; raw = own − charged; recorded = max(0, raw); the negative part is carried on."""
        child = self.item.evaluate(context)
        if child.value is None:
            return self.open([child])
        if context.waits:
            return self._unknown(context, child)
        own = child.value + context.carry_in
        raw = own - context.charged
        carry_out = min(NOTHING, raw) if self.recorded == "zero" else NOTHING
        facts = numbers(own=own, carry_in=context.carry_in, charged=context.charged, carry_out=carry_out)
        marks = {"own": own, "raw": raw, "carry_out": carry_out}
        return self.node(raw - carry_out, "line_carry", facts, children=(child,), marks=marks, formed=child.formed)

    def _unknown(self, context: Context, child: Node) -> Node:
        """The month before, or a subordinate's month, is still incomplete: what it leaves or charges is not known."""
        waits = tuple(dict.fromkeys(context.waits))
        facts = {"n": str(len(waits)), "parts": {"zh": "、".join(waits), "en": ", ".join(waits)}}
        return self.node(None, "line_open", facts, status="missing", missing=waits, children=(child,))

    def _words(self, book: Book) -> Words:
        charges = words("show_carry_charges") if self.charges else None
        within = None if self.across_years else words("show_carry_within_year")
        return concat(self.told(book, f"show_carry_{self.recorded}"), charges, within)
