"""A value out of shorter periods (逐期汇总)."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

from gridmgmt.documents import Count, Id, Positive
from gridmgmt.files.wording import Words, words
from gridmgmt.numbers import summed
from gridmgmt.rulebooks.items import Item
from gridmgmt.rulebooks.results import Book, Context, Node, Outcome, Reason, numbers
from gridmgmt.rulebooks.wording import concat


class Periods(Item):
    """A value out of the shorter periods (逐期汇总): their mean, or their sum divided by ``over``.

    Attributes
    ----------
    stage, of
        Whose periods, and which of its items; none: the total.
    n
        So many periods there must be; with fewer the value is open.
    pending
        A period of which inputs are still missing leaves the value ``open``; or, if nobody was rated in it and
        nothing is entered, it is ``left_out`` as one not held.
    """

    is_of_scale = False

    kind: Literal["periods"]
    stage: Id
    of: Id | None = None
    how: Literal["mean", "sum"] = "mean"
    over: Positive = Fraction(1)
    n: Count
    pending: Literal["open", "left_out"] = "open"

    def depends(self, book: Book, names: frozenset[str]) -> bool:
        """Whether what it takes from its periods reads one of these inputs."""
        stage = book.stage(self.stage)
        roots = [stage.score] if self.of is None else [i for _, i in stage.items() if i.id == self.of]
        return any(root is not None and root.depends(book, names) for root in roots)

    def _result(self, context: Context) -> Node:
        """Mean, or sum / over, of the shorter periods' values; with fewer than ``n``, or one still open, it is open."""
        outcomes: Sequence[Outcome] = context.earlier.get(self.stage, ())
        found = [(o, self._of(o)) for o in outcomes]
        held = [v for _, v in found if v is not None]
        children = tuple(self._period(o, v) for o, v in found)
        is_pending = any(v is None and self._is_pending(o) for o, v in found)
        wanted = max(self.n, len(found)) if is_pending else self.n
        if len(held) < wanted:
            lacking = [f"{o.period}/{name}" for o, v in found if v is None for _, name in (o.missing or (("", ""),))]
            missing = tuple(dict.fromkeys(lacking)) or (f"{self.stage}/",)
            facts = {**numbers(n=len(held), wanted=wanted), "stage": context.book.stage(self.stage).title}
            more: dict[str, Any] = {"status": "missing", "missing": missing, "children": children}
            return self.node(None, "line_periods_missing", facts, **more)
        total = summed(held)
        over = Fraction(len(held)) if self.how == "mean" else self.over
        return self.node(total / over, "line_periods", numbers(n=len(held), sum=total, over=over), children=children)

    def _is_pending(self, outcome: Outcome) -> bool:
        """Whether a period without a value may still get one; one not held is not waited for where so said."""
        return outcome.awaited or (self.pending == "open" and (bool(outcome.missing) or outcome.is_open))

    def _of(self, outcome: Outcome) -> Fraction | None:
        if self.of is None:
            return outcome.total
        node = outcome.node(self.of)
        return node.value if node else None

    def _period(self, outcome: Outcome, value: Fraction | None) -> Node:
        name = {"zh": outcome.period, "en": outcome.period}
        status: Any = "ok" if value is not None else "missing"
        reason = Reason("line_period" if value is not None else "line_period_open", {})
        return Node(f"{self.id}_{outcome.period}", "period", name, value, status, reason)

    def _words(self, book: Book) -> Words:
        below = book.stage(self.stage)
        title = next((i.title for _, i in below.items() if i.id == self.of), words("show_total"))
        left_out = words("show_periods_left_out") if self.pending == "left_out" else None
        return concat(self.told(book, f"show_periods_{self.how}", stage=below.title, of=title), left_out)
