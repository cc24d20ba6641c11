"""Hanging accounts (挂账)."""

from fractions import Fraction
from typing import Annotated, Any, Literal

from gridmgmt.documents import Count, Id, Positive
from gridmgmt.files.wording import Words, joined, same, words
from gridmgmt.rulebooks.items import Item, Reads
from gridmgmt.rulebooks.results import Book, Context, Node, Reason, numbers
from gridmgmt.rulebooks.values import FAILED, Account


class Hanging(Item):
    """Hanging accounts (挂账): how many hang periods ended by a missed deadline or a failed verification.

    From ``exposed_at`` failures of one issue on it is exposed. Without
    ``points`` the value is the number of deductions.
    """

    kind: Literal["hanging"]
    input: Annotated[Id, Reads(("accounts",))]
    exposed_at: Count
    points: Positive | None = None

    def _result(self, context: Context) -> Node:
        """Failures of all issues' hang periods; from ``exposed_at`` failures on an issue is exposed."""
        accounts = context.listed(self.input, Account)
        if accounts is None:
            return self.missing(context, self.input)
        children = tuple(self._account(a) for a in accounts)
        n, n_exposed = (sum(c.marks[key] for c in children) for key in ("failures", "exposed"))
        facts = numbers(n=n, n_exposed=n_exposed, n_issues=len(children))
        marks = {"failures": Fraction(n), "exposed": Fraction(n_exposed)}
        more: dict[str, Any] = {"inputs": (self.input,), "marks": marks, "maximum": None}
        exposed = [_told(c) for c in children if c.marks["exposed"]]
        told = {"exposed": joined(exposed)} if exposed else {}
        code = "line_hanging_exposed" if exposed else "line_hanging"
        return self.node(Fraction(n) * (self.points or 1), code, {**facts, **told}, children=children, **more)

    def _account(self, account: Account) -> Node:
        """An issue's failures; each ends a hang period and opens the next, until the account is written off (销账)."""
        failures = sum(step in FAILED for step in account.steps)
        closed = "passed" in account.steps
        periods = failures + 1
        facts = numbers(n=failures, n_periods=periods, earlier=account.earlier)
        code = "rule_account_closed" if closed else "rule_account_open"
        if "sent_back" in account.steps:
            code = "rule_account_sent_back"
        name = {"zh": account.id, "en": account.id}
        marks = {"failures": failures, "periods": periods, "closed": closed, "unit": account.unit,
                 "exposed": failures > 0 and failures + account.earlier >= self.exposed_at}  # fmt: skip
        return Node(
            f"{self.id}_{account.id}", "account", name, Fraction(failures) * (self.points or 1), "ok",
            Reason(code, facts), inputs=(self.input,), marks=marks,
        )  # fmt: skip

    def _words(self, book: Book) -> Words:
        return self.told(book, None if self.points is None else "show_hanging_points")


def _told(account: Node) -> Words:
    """An issue with the unit that had it when it was to be exposed."""
    unit = account.marks["unit"]
    return words("account_of_unit", issue=account.title, unit=unit) if unit is not None else same(account.title["zh"])
