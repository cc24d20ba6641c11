"""Ratings by groups of raters (测评)."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gridmgmt.documents import Id, Positive
from gridmgmt.files.wording import Words, same
from gridmgmt.invalid import Invalid, Why, why
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.items import Item, Reads
from gridmgmt.rulebooks.results import NOTHING, Book, Context, Node, Reason, named_parts, numbers
from gridmgmt.rulebooks.wording import concat


class Ratings(Item):
    """Ratings by groups of raters (测评): Σ weight × mean of a group's marks / over; an empty group leaves it open."""

    kind: Literal["ratings"]
    input: Annotated[Id, Reads(("ratings",))]
    over: Positive = Fraction(100)
    weights: Annotated[dict[Id, Positive], Field(min_length=1)]

    @model_validator(mode="after")
    def _whole(self) -> "Ratings":
        total = sum(self.weights.values(), NOTHING)
        if total != self.over:
            raise Invalid("weights_sum", sum=exact(total), over=exact(self.over))
        return self

    def faults(self, book: Book) -> Iterator[tuple[tuple[str | int, ...], Why]]:
        """Weights of other groups than the input has."""
        spec = book.inputs.get(self.input)
        if spec is not None and set(self.weights) != set(spec.groups):
            yield ("weights",), why("weights_of_groups", known=[*spec.groups])

    def _result(self, context: Context) -> Node:
        """Σ weight × mean of the group's marks / over; an empty group leaves it open."""
        given = context.get(self.input)
        by_group = given if isinstance(given, Mapping) else {}
        titles = context.book.inputs[self.input].groups
        children = tuple(self._group(g, titles[g], by_group.get(g) or ()) for g in self.weights)
        inputs = (self.input,)
        without = [c for c in children if c.value is None]
        if without:
            facts = {"parts": named_parts(without), "n": "1"}
            return self.node(
                None, "line_open", facts, status="missing", children=children, inputs=inputs, missing=inputs
            )
        pairs = [(c.value or NOTHING, c.weight or NOTHING) for c in children]
        facts = {"terms": " + ".join(f"{exact(v)} × {exact(w)}" for v, w in pairs), "over": exact(self.over)}
        value = sum((v * w for v, w in pairs), NOTHING) / self.over
        return self.node(value, "line_weighted", facts, children=children, inputs=inputs)

    def _group(self, name: str, title: Words, marks: tuple[Fraction, ...]) -> Node:
        total = sum(marks, NOTHING)
        reason = Reason("line_mean", numbers(n=len(marks), sum=total)) if marks else Reason("line_group_empty")
        return Node(
            f"{self.id}_{name}", "group", title, total / len(marks) if marks else None, "ok" if marks else "missing",
            reason, weight=self.weights[name], inputs=(self.input,),
        )  # fmt: skip

    def _words(self, book: Book) -> Words:
        groups = book.inputs[self.input].groups
        terms = [concat(groups[g], same(f" × {exact(w)}")) for g, w in self.weights.items()]
        return self.told(book, terms=concat(*terms, zh=" + ", en=" + "))
