"""Road samples shared by length (按长度分摊): a road counts in each grid by the part of its length that lies there."""

from collections.abc import Mapping
from fractions import Fraction

import pandas as pd

Shares = Mapping[int, Mapping[str, Fraction]]
"""Row of a frame, by position → group → what part of it counts there, in all 1; ``""``: the part in no group."""

Lengths = Mapping[tuple[int, str], Fraction]
"""Level and code of a grid → its part of a road's length."""


def shared(
    samples: pd.DataFrame, lengths: Mapping[str, Lengths], grids: pd.DataFrame, codes: Mapping[int, pd.Series]
) -> dict[int, Shares]:
    """By level, the samples that do not count whole in the grid of their point (分摊).

    A road drawn in one edition and inspected in another keeps its parts where
    the edition of its day has all their grids, each below the same parent;
    otherwise it counts whole in the grid of its point, as a sample without
    parts does.

    Parameters
    ----------
    samples
        Columns sample_no, edition_id.
    lengths
        Sample number → its parts at every level.
    grids
        Grids of every edition that the samples lie in: edition_id, level, code, parent_code.
    codes
        Level → the code of the grid that each sample's point lies in.
    """
    out: dict[int, dict[int, dict[str, Fraction]]] = {n: {} for n in codes}
    if not lengths:
        return dict(out)
    parents = _parents(grids)
    at = {n: column.astype("object").where(column.notna(), "").tolist() for n, column in codes.items()}
    for row, (number, edition) in enumerate(zip(samples["sample_no"], samples["edition_id"], strict=True)):
        own = lengths.get(number)
        if own is None or not _fits(own, parents.get(edition, {})):
            continue
        for n in codes:
            here = {code: part for (level, code), part in own.items() if level == n}
            rest = 1 - sum(here.values(), Fraction(0))
            parts = {**here, "": rest} if rest else here
            if parts != {at[n][row]: 1}:
                out[n][row] = parts
    return dict(out)


def _parents(grids: pd.DataFrame) -> dict[int, dict[tuple[int, str], str]]:
    """Edition → level and code of each grid → its parent's code; for the city's nobody asks."""
    out: dict[int, dict[tuple[int, str], str]] = {}
    columns = (grids[c].tolist() for c in ("edition_id", "level", "code", "parent_code"))
    for edition, level, code, parent in zip(*columns, strict=True):
        out.setdefault(edition, {})[level, code] = parent
    return out


def _fits(own: Lengths, parents: Mapping[tuple[int, str], str]) -> bool:
    """Whether an edition has all the grids of a road, and no grid less of it than its children."""
    if not own.keys() <= parents.keys():
        return False
    below: dict[tuple[int, str], Fraction] = {}
    for (level, code), part in own.items():
        if level > 1:
            above = (level - 1, parents[level, code])
            below[above] = below.get(above, Fraction(0)) + part
    return all(part <= own.get(above, 0) for above, part in below.items())
