"""The rank, for show (名次)."""

from typing import Annotated, Literal

from gridmgmt.documents import Id
from gridmgmt.files.wording import Words, words
from gridmgmt.rulebooks.items import Item, Reads
from gridmgmt.rulebooks.results import Book, Context, Node, numbers
from gridmgmt.rulebooks.wording import concat, input_title


class Rank(Item):
    """The rank by this period's totals, for show (名次); one that was published otherwise stands in its place.

    ``input``: the published rank, where people hand one in. Where it is another than that of the totals, both are said.
    Ranks are known once everybody is scored: :func:`gridmgmt.rulebooks.run.run` fills them in.
    """

    kind: Literal["rank"]
    input: Annotated[Id | None, Reads(("count",))] = None

    def _result(self, context: Context) -> Node:
        """The published rank; without one nothing, until the totals are ranked."""
        inputs = (self.input,) if self.input is not None else ()
        told = context.number(self.input) if self.input is not None else None
        if told is None:
            return self.node(None, "line_rank_none", status="no_data", inputs=inputs)
        return self.node(told, "line_rank_told", numbers(told=told), inputs=inputs)

    def _words(self, book: Book) -> Words:
        told = words("show_rank_told", input=input_title(book, self.input)) if self.input is not None else None
        return concat(self.told(book), told)
