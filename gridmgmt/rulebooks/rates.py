"""Rates out of inputs (率), exact: what items and rules that rest on one read, and what an empty denominator means."""

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self

from pydantic import model_validator

from gridmgmt.invalid import Invalid
from gridmgmt.rulebooks.inputs import Rate
from gridmgmt.rulebooks.items import Item, Part
from gridmgmt.rulebooks.results import Context, Node, titles


def rate_parts(rate: Rate, context: Context) -> tuple[Fraction, Fraction] | None:
    """Numerator and denominator, exact; None where an input is missing. The denominator may be 0."""
    top, bottom = (context.linear(terms) for terms in (rate.numerator, rate.denominator))
    if top is None or bottom is None:
        return None
    return (bottom - top if rate.complement else top, bottom)


def rated(part: Part, context: Context, name: str, full: Fraction | None) -> tuple[Fraction, dict[str, Any]] | Node:
    """A rate's value and how the part's node shows it; or the node of a part that has no value.

    ``full``: the points where an empty denominator means full points; None: the part has no points.
    """
    rate = context.book.rates[name]
    parts = rate_parts(rate, context)
    if parts is None:
        return part.missing(context, *rate.inputs)
    if parts[1] == 0:
        return _empty(part, context, name, full)
    return parts[0] / parts[1], {"rate": name, "parts": parts, "inputs": rate.inputs}


def percent(part: Any, context: Context, full: Fraction | None) -> tuple[Fraction, dict[str, Any]] | Node:
    """A rate as limits are written for it: in percent for rates of 0–1, else as it is."""
    found = rated(part, context, part.rate, full)
    if isinstance(found, Node) or context.book.rates[part.rate].unit != "percent":
        return found
    return found[0] * 100, found[1]


def _empty(part: Part, context: Context, name: str, full: Fraction | None) -> Node:
    """What an empty denominator means: full points, open, or left out (空分母)."""
    rate = context.book.rates[name]
    option = rate.empty or context.book.empty.option
    facts = {"denominator": titles(context.book, list(rate.denominator))}
    more: dict[str, Any] = {"rate": name, "inputs": rate.inputs}
    if full is None:
        return part.node(None, "line_no_data", facts, status="no_data", **more)
    if option == "full":
        return part.node(full, "line_no_data_full", facts, **more)
    if option == "incomplete":
        more |= {"status": "missing", "missing": rate.inputs}
    return part.node(None, f"line_no_data_{option}", facts, **{"status": "no_data", **more})


class Limited(Item):
    """An item whose value a limit decides: that of a rate, in percent, or of an input as it is."""

    if TYPE_CHECKING:
        rate: str | None
        input: str | None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.rate is None) == (self.input is None):
            raise Invalid("rate_or_input")
        return self

    def _result(self, context: Context) -> Node:
        if self.input is None:
            found = percent(self, context, self.maximum)
            return found if isinstance(found, Node) else self._reached(*found)
        number = context.number(self.input)
        return self.missing(context, self.input) if number is None else self._reached(number, {"inputs": (self.input,)})

    def _reached(self, value: Fraction, more: Mapping[str, Any]) -> Node:
        """Its result for a value; ``more`` says what it was made from."""
        raise NotImplementedError
