"""Points for each finding or unit (每项/每次扣分)."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np

from gridmgmt.documents import Id, Positive
from gridmgmt.files.wording import Words, words
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Reads, Rule
from gridmgmt.rulebooks.results import Book, Context, Node, numbers
from gridmgmt.rulebooks.values import Finding, once_per_case
from gridmgmt.rulebooks.wording import cap_words, concat, input_title


class Each(Rule):
    """Points for each finding or unit counted (每项/每次扣分), up to a cap.

    ``distinct``: findings on the same case count once. ``unless``: a finding of
    an occasion that the other input names too is not counted (the group's
    deduction stands for the single ones). ``not_on``: nor is one on a case that the other input's findings name.
    """

    kind: Literal["each"]
    input: Annotated[Id, Reads(("findings", "count", "number"))]
    points: Positive
    cap: Positive | None = None
    distinct: bool = False
    unless: Annotated[Id | None, Reads()] = None
    not_on: Annotated[Id | None, Reads(("findings",))] = None

    def _result(self, context: Context) -> Node:
        """``n × points`` up to the cap (每次扣分)."""
        found = context.findings(self.input)
        if found is None:
            return self.missing(context, self.input)
        n = sum(f.n for f in self._counted(found, context))
        lost = n * self.points
        facts = numbers(n=n, each=self.points, points=lost)
        if self.cap is not None and lost > self.cap:
            return self.node(self.cap, "rule_each_capped", facts | numbers(cap=self.cap), inputs=(self.input,))
        return self.node(lost, "rule_each" if n else "rule_none", facts, inputs=(self.input,))

    def _counted(self, found: Sequence[Finding], context: Context) -> list[Finding]:
        """The findings that count: of one case once; not of occasions and cases for which another input stands."""
        group = {f.occasion for f in (context.findings(self.unless) or ())} - {None} if self.unless else set()
        cases = {f.case for f in (context.findings(self.not_on) or ())} - {None} if self.not_on else set()
        kept = [f for f in found if f.occasion not in group and f.case not in cases]
        return once_per_case(kept) if self.distinct else kept

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        """A count stands for that many findings, a part of one for none."""
        value = batch.inputs[self.input]
        n = np.trunc(value + np.copysign(floats.NEAR, value))
        return floats.computed(floats.clamp(n * float(self.points), None, self.cap))

    def _words(self, book: Book) -> Words:
        distinct = words("show_distinct") if self.distinct else None
        unless = words("show_unless", input=input_title(book, self.unless)) if self.unless is not None else None
        not_on = words("show_not_on", input=input_title(book, self.not_on)) if self.not_on is not None else None
        return concat(self.told(book), distinct, unless, not_on, cap_words(self.cap))
