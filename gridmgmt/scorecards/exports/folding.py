"""Long lists of a score tree folded (长表收起): of more than ten rules, events or accounts the ten worst stand open."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Any, TypeVar

from gridmgmt.scorecards.exports.lines import ScoreLine

T = TypeVar("T")

MOST = 10
"""So many rows of a list stand open (project convention)."""


@dataclass(frozen=True)
class Part:
    """Lines that follow one another; ``n_more``: so many rows of the list above, folded with all below them."""

    lines: Sequence[ScoreLine]
    n_more: int = 0


def folded(lines: Sequence[ScoreLine]) -> list[Part]:
    """The lines of a tree, of each long list those first that cost or count most (扣分、次数多的在前).

    Rules, events and accounts make lists; items and their parts never fold, for they make the total.
    """
    marked = list(_marked(lines))
    out = []
    for number, group in groupby(marked, key=lambda pair: pair[1]):
        part = [line for line, _ in group]
        top = min((line.depth for line in part), default=0)
        out.append(Part(part, sum(line.depth == top for line in part) if number is not None else 0))
    return out


def _marked(lines: Sequence[ScoreLine]) -> Iterator[tuple[ScoreLine, str | None]]:
    """Every line, with the first line of the fold that it is in."""
    blocks = _blocks(lines)
    listed = worst_first([b for b in blocks if b[0].is_listed], lambda block: _weight(block[0]))
    if len(listed) <= MOST:
        listed = []
    for line, *below in (b for b in blocks if not listed or not b[0].is_listed):
        yield line, None
        yield from _marked(below)
    for line, *below in listed[:MOST]:
        yield line, None
        yield from _marked(below)
    yield from ((line, listed[MOST][0].item) for block in listed[MOST:] for line in block)


def worst_first(rows: Sequence[T], weight: Callable[[T], Any]) -> list[T]:
    """A list that will be folded, the heaviest first; one that stays open in its own order."""
    return sorted(rows, key=weight, reverse=True) if len(rows) > MOST else list(rows)


def _blocks(lines: Sequence[ScoreLine]) -> list[list[ScoreLine]]:
    """Each line of the highest level with all below it."""
    out: list[list[ScoreLine]] = []
    top = min((line.depth for line in lines), default=0)
    for line in lines:
        if line.depth == top or not out:
            out.append([])
        out[-1].append(line)
    return out


def _weight(line: ScoreLine) -> Fraction:
    return abs(line.points.value or Fraction(0))
