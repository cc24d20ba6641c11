"""Sums that must come out (合计核对): a table's rows come to its points, a fund's shares to no more than the fund."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from gridmgmt.numbers import exact
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
