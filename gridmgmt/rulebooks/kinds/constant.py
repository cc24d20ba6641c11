"""A fixed number (基础分)."""

from typing import Literal

from gridmgmt.documents import Exact
from gridmgmt.rulebooks.items import Item
from gridmgmt.rulebooks.results import Context, Node, numbers


class Constant(Item):
    """A fixed number: the base that points are added to and taken from (基础分)."""

    kind: Literal["constant"]
    value: Exact

    def _result(self, _context: Context) -> Node:
        return self.node(self.value, "line_constant", numbers(value=self.value))
