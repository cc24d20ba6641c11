"""Sums that must come out (合计核对): a table's rows come to its points, a fund's shares to no more than the fund.

And a part is no more than its whole.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gridmgmt.figures.counts import COUNTS
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.inputs import Input, Rate
from gridmgmt.rulebooks.kinds.table import ItemTable
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.values import Finding, Row, Value
from gridmgmt.texts import expected

Told = tuple[str, str, str, dict[str, Any]]
"""A subject's code (empty: all together), an input, the value seen, what was expected."""


def wrong_tables(book: Rulebook, told: Mapping[str, Mapping[str, Value]], all_: Mapping[str, Value]) -> Iterator[Told]:
    """A table of items comes to its points, and every finding belongs to one of its rows.

    Parameters
    ----------
    told
        What was told of each subject of one period, and for all of them.
    all_
        What holds for all of them.
    """
    for table in [part for _, part in book.parts() if isinstance(part, ItemTable)]:
        for code, values in told.items():
            rows = _rows(values.get(table.items, all_.get(table.items)))
            most = sum((r.points for r in rows), Fraction(0))
            if table.items in values and (most != table.points or len({r.id for r in rows}) < len(rows)):
                yield code, table.items, exact(most), expected("rows_that_sum", points=exact(table.points))
            found, known = values.get(table.findings), {r.id for r in rows}
            for finding in found if rows and isinstance(found, tuple) else ():
                if isinstance(finding, Finding) and finding.code not in known:
                    yield code, table.findings, finding.code or "", expected("code_of_row", known=sorted(known))


def _rows(value: Value | None) -> list[Row]:
    return [r for r in value if isinstance(r, Row)] if isinstance(value, tuple) else []


def beyond_together(book: Rulebook, told: Mapping[str, Mapping[str, Value]]) -> Iterator[Told]:
    """What the subjects of a period have of one sum (基金) is no more than the sum; what is below 0 adds nothing to it.

    Parameters
    ----------
    told
        Every subject's values, with those that hold for all of them.
    """
    for name, spec in book.inputs.items():
        if spec.together_at_most is None:
            continue
        numbers = [values.get(name) for values in told.values()]
        taken = sum((n for n in numbers if isinstance(n, Fraction) and n > 0), Fraction(0))
        if taken > spec.together_at_most:
            yield "", name, exact(taken), expected("together_up_to", most=exact(spec.together_at_most))


@dataclass(frozen=True)
class Beyond:
    """A part that is more than its whole: of whom, the inputs, and their values."""

    subject: str
    part: str
    whole: str
    n_part: Fraction
    n_whole: Fraction

    @property
    def of_part(self) -> dict[str, Any]:
        """What was expected of the part."""
        return expected("up_to_whole", most=exact(self.n_whole), whole=self.whole)

    @property
    def of_whole(self) -> dict[str, Any]:
        """What was expected of the whole."""
        return expected("from_part", least=exact(self.n_part), part=self.part)


def beyond_whole(
    book: Rulebook, told: Mapping[str, Mapping[str, Value]], counted: Mapping[str, Collection[str]] | None = None
) -> Iterator[Beyond]:
    """A term of a rate above its denominator, where the one is taken out of the other: exchanged, or mistyped.

    Left alone are counts of different clocks or facts: more can be extended in a month than fell due in it.

    Parameters
    ----------
    told
        Every subject's values, with those that hold for all of them.
    counted
        Subject → the inputs that the platform counted itself: two of these are never held against each other.
    """
    for part, whole in parts_of_wholes(book):
        for code, values in told.items():
            n, most = values.get(part), values.get(whole)
            if counted and {part, whole} <= set(counted.get(code, ())):
                continue
            if isinstance(n, Fraction) and isinstance(most, Fraction) and n > most:
                yield Beyond(code, part, whole, n, most)


def parts_of_wholes(book: Rulebook) -> list[tuple[str, str]]:
    """Every input that a rate takes out of another, with that one."""
    rates = [r for r in book.rates.values() if len(r.denominator) == 1]
    pairs = {(part, whole): r for r in rates for whole in r.denominator for part in r.numerator}
    return sorted(x for x, rate in pairs.items() if _is_part_of(book.inputs[x[0]], book.inputs[x[1]], rate))


def _is_part_of(part: Input, whole: Input, rate: Rate) -> bool:
    """Whether two inputs are of the same origin and the one is taken out of the other.

    Both count rows of the same facts by the same clock, the whole without a filter of its own; or are hours of the
    staff table; or both are counts that people tell, and the rate says of how many of them something holds.
    """
    first, second = part.automatic, whole.automatic
    if first is None or second is None:
        is_told = all(x is None for x in (first, second, part.result, whole.result))
        return is_told and rate.is_yes_no and part.type == whole.type == "count"
    if first.count is None or second.count is None:
        return rate.is_yes_no and first.staff is not None and second.staff is not None
    of_part, of_whole = COUNTS[first.count], COUNTS[second.count]
    is_same = (of_part.of, of_part.clock) == (of_whole.of, of_whole.clock)
    return is_same and of_part.amount is of_whole.amount is None and second.only in (None, first.only)
