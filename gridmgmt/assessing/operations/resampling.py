"""What resampling draws from (重抽样): which facts of a subject add to which automatic inputs, and how many do."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gridmgmt.assessing.operations.automatic_inputs import Assessed
from gridmgmt.figures.indicators import base_of, filtered
from gridmgmt.figures.operations.period_counts import Counted, Figures
from gridmgmt.figures.sharing import Shares
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.scorecards.chance import Patterns


def patterns(
    book: Rulebook,
    found: Figures,
    subjects: Sequence[Assessed],
    units: Mapping[int, str],
    sources: Mapping[str, Mapping[str, str]],
) -> dict[str, Patterns]:
    """Each subject's patterns: distinct sets of automatic counts that one case or sample adds to.

    A pattern of samples that adds a score is one for each distinct score.
    Counts per day are left out: they rest on the length of the period as well.

    Parameters
    ----------
    sources
        Subject → where each of its inputs came from: what was entered is held fixed.
    """
    counts = _counts(book)
    parts: list[pd.DataFrame] = []
    for stratum, (of, part) in enumerate(found.parts.items()):
        own = {name: count for name, count in counts.items() if base_of(count).of == of}
        if own:
            placed = _columns(subjects, part, units)
            parts += [_grouped(own, part, c, shared).assign(stratum=stratum) for c, shared in placed]
    if not parts:
        return {}
    every = pd.concat(parts, ignore_index=True).fillna(0.0)
    names = [n for n in every.columns if n not in ("key", "n", "stratum")]
    keys = {f"{s.key[1]}/{s.key[2]}": s.code for s in subjects}
    columns = {n: every[n].to_numpy(dtype="float64") for n in names}
    numbers, strata = (every[n].to_numpy(dtype="int64") for n in ("n", "stratum"))
    out = {}
    for key, rows in every.groupby("key", sort=False).indices.items():
        if str(key) in keys:
            code = keys[str(key)]
            counted = [n for n in names if sources.get(code, {}).get(n) in found.parts]
            out[code] = Patterns({n: columns[n][rows] for n in counted}, numbers[rows], strata[rows])
    return out


def _counts(book: Rulebook) -> dict[str, str]:
    """Automatic input → the count it is, in a period's masks."""
    out = {}
    for name, spec in book.inputs.items():
        automatic = spec.automatic
        if automatic is not None and automatic.count is not None and not automatic.per_day:
            out[name] = filtered(automatic.count, name) if automatic.only is not None else automatic.count
    return out


def _columns(
    subjects: Sequence[Assessed], part: Counted, units: Mapping[int, str]
) -> list[tuple[pd.Series, dict[int, dict[str, float]]]]:
    """For every assessed level, ``level/code`` of each row's grid (``0/code`` of its unit), or None.

    Beside it the rows that grids share, each with its part in each.
    """
    out = []
    shares: Shares
    for kind, level in sorted({s.key[:2] for s in subjects}):
        if kind == "unit":
            column, shares = part.facts.frame["unit_id"].map(units), {}
        elif kind == "grid":
            column, shares = part.codes[level], part.shared[level]
        else:
            continue
        keys = (f"{level}/" + column.astype("object").where(column.notna(), None)).rename("key")
        shared = {row: {f"{level}/{code}": float(x) for code, x in own.items() if code} for row, own in shares.items()}
        out.append((keys, shared))
    return out


def _grouped(
    counts: Mapping[str, str], part: Counted, keys: pd.Series, shared: Mapping[int, Mapping[str, float]]
) -> pd.DataFrame:
    """Rows of equal key and equal amounts, with their number ``n``; rows that add to nothing are dropped.

    A shared row stands under each of its keys, with its part of the amounts.
    """
    frame, masks, columns = part.facts.frame, part.masks, {}
    for name, count in counts.items():
        amount = base_of(count).amount
        weight = frame[amount].astype("float64").fillna(0.0).to_numpy() if amount else 1.0
        columns[name] = np.where(masks[count], weight, 0.0)
    n = 1 if part.facts.n is None else part.facts.n
    table = pd.DataFrame({"key": keys.to_numpy(), **columns, "n": n})
    if shared:
        again = table.loc[[row for row, own in shared.items() for _ in own]]
        again = again.assign(key=[key for own in shared.values() for key in own])
        again[list(counts)] = again[list(counts)].mul([x for own in shared.values() for x in own.values()], axis=0)
        table = pd.concat([table.drop(index=list(shared)), again], ignore_index=True)
    used = table["key"].notna() & (table[list(counts)] != 0).any(axis=1)
    return table[used].groupby(["key", *counts], sort=True)["n"].sum().reset_index()
