"""A table of items handed in as data (考核项目表)."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Literal

from gridmgmt.documents import Id, Positive
from gridmgmt.files.wording import Words, words
from gridmgmt.rulebooks.items import Item, Reads
from gridmgmt.rulebooks.results import NOTHING, Book, Context, Node, Reason, clamp, gained, numbers, used_up
from gridmgmt.rulebooks.values import Finding, Row
from gridmgmt.rulebooks.wording import concat, input_title


class ItemTable(Item):
    """A table of items handed in as data (考核项目表): each its maximum less its findings, never below 0.

    ``items`` is the input with the table, ``findings`` the input whose codes are the table's ids.
    ``each``: what a finding costs that brings no points of its own. ``instead``: an input whose value is taken
    where no table is handed in (未提交项目表时取录入得分).
    """

    kind: Literal["table"]
    items: Annotated[Id, Reads(("items",))]
    findings: Annotated[Id, Reads(("findings",))]
    points: Positive
    each: Positive = Fraction(1)
    instead: Annotated[Id | None, Reads(("number",))] = None

    def _result(self, context: Context) -> Node:
        """The items of the table: each its maximum less its findings, never below 0 (扣完为止)."""
        table, findings = context.listed(self.items, Row), context.findings(self.findings)
        whole = context.number(self.instead) if self.instead is not None and not table else None
        if whole is not None:
            value = clamp(whole, NOTHING, self.points)
            return self.node(value, "line_entered", numbers(entered=whole), inputs=(str(self.instead),))
        if not table or findings is None:
            return self.missing(context, self.items if not table else self.findings)
        children = tuple(self._row(row, findings) for row in table)
        value = min(gained(children), self.points)
        inputs = (self.items, self.findings)
        return self.node(value, "total_sum", numbers(gained=gained(children)), children=children, inputs=inputs)

    def _row(self, row: Row, findings: Sequence[Finding]) -> Node:
        mine = [f for f in findings if f.code == row.id]
        lost = sum(((self.each if f.points is None else f.points) * f.n for f in mine), NOTHING)
        value = max(NOTHING, row.points - lost)
        reason = Reason(*used_up(row.points, lost, value))
        return Node(f"{self.id}_{row.id}", "row", row.title, value, "ok", reason, row.points, inputs=(self.findings,))

    def _words(self, book: Book) -> Words:
        instead = words("show_table_instead", input=input_title(book, self.instead)) if self.instead else None
        return concat(self.told(book), instead)
