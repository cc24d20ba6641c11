"""A fixed number (基础分)."""

from typing import Literal

from gridmgmt.documents import Exact
from gridmgmt.files.wording import Words, words
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.items import Item
from gridmgmt.rulebooks.results import Book, Context, Node, numbers


class Constant(Item):
    """A fixed number: the base that points are added to and taken from (基础分)."""

    kind: Literal["constant"]
    value: Exact

    def _result(self, _context: Context) -> Node:
        return self.node(self.value, "line_constant", numbers(value=self.value))

    def _words(self, _book: Book) -> Words:
        return words("show_constant", value=exact(self.value))
