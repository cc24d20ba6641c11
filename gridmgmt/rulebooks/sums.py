"""Sums that must come out (合计核对): a table's rows come to its points, a fund's shares to no more than the fund.

And a part is no more than its whole.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from gridmgmt.figures.counts import COUNTS
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.inputs import Input
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
        numbers = [values.get(name) for values in told.values()]
        taken = sum((n for n in numbers if isinstance(n, Fraction) and n > 0), Fraction(0))
        if spec.together_at_most is not None and taken > spec.together_at_most:
            yield "", name, exact(taken), expected("together_up_to", most=exact(spec.together_at_most))


def beyond_whole(book: Rulebook, told: Mapping[str, Mapping[str, Value]]) -> Iterator[Told]:
    """A term of a rate above its denominator, where the one is counted out of the other: exchanged, or mistyped.

    Left alone are counts of different clocks or facts: more can be extended in a month than fell due in it.

    Parameters
    ----------
    told
        Every subject's values, with those that hold for all of them.
    """
    pairs = {(part, *r.denominator) for r in book.rates.values() if len(r.denominator) == 1 for part in r.numerator}
    for top, bottom in sorted(pairs):
        if not _is_part_of(book.inputs[top], book.inputs[bottom]):
            continue
        for code, values in told.items():
            part, whole = values.get(top), values.get(bottom)
            if isinstance(part, Fraction) and isinstance(whole, Fraction) and part > whole:
                yield code, top, exact(part), expected("up_to_whole", most=exact(whole), whole=bottom)


def _is_part_of(part: Input, whole: Input) -> bool:
    """Whether two inputs count rows of the same facts by the same clock, the whole without a filter of its own."""
    counted = [spec.automatic for spec in (part, whole) if spec.automatic is not None and spec.automatic.count]
    if len(counted) < 2:
        return False
    of_part, of_whole = (COUNTS[str(automatic.count)] for automatic in counted)
    is_same = (of_part.of, of_part.clock) == (of_whole.of, of_whole.clock)
    return is_same and of_part.amount is of_whole.amount is None and counted[1].only in (None, counted[0].only)
