"""Rows of cases (案件记录): what a case's steps add up to, as its row states it, and where the row belongs."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from gridmgmt.casework.cases import STATES, Case
from gridmgmt.casework.operations.context import Desk, points
from gridmgmt.casework.transitions import PLACING, kinds
from gridmgmt.codes import CategoryKey
from gridmgmt.database.facts import CASES, LOCATED

MOVING = frozenset({*PLACING, *kinds(lambda t: STATES.get(t.to or "") == "dispatch")})
"""Steps after which a case may belong elsewhere: its place, its class or its unit has changed."""


def facts_of(case: Case, before: Mapping[str, Any], scheme: str) -> dict[str, Any]:
    """What a case's row states (:data:`gridmgmt.database.facts.CASES`) once its steps have made the case.

    Parameters
    ----------
    before
        Its row as it was, empty for a new case: an export that could not tell of reworks goes on not to.
    scheme
        The city's categories, for a case that had none.
    """
    key = CategoryKey.parse(case.category) if case.category else None
    return {
        **{name: getattr(case, name) for name in CASES.facts if hasattr(case, name)},
        "category_scheme": (before.get("category_scheme") or scheme) if key else None,
        "category_kind": key.kind if key else None,
        "category_code": key.code if key else None,
        "status": case.state,
        "n_rework": case.n_rework if case.n_rework or not before else before["n_rework"],
    }


def located(
    desk: Desk, cases: Sequence[Case], before: Sequence[Mapping[str, Any]], moved: Collection[int]
) -> pd.DataFrame:
    """Where each case belongs: looked up for the positions ``moved``, else as its row has it.

    Returns
    -------
    DataFrame
        :data:`gridmgmt.database.facts.LOCATED`, index 0 … in the order of the cases.
    """
    again = sorted(moved)
    stay = [n for n in range(len(cases)) if n not in set(again)]
    parts = []
    if again:
        parts.append(desk.assigner.locate(points([cases[n] for n in again])).set_axis(again, axis=0))
    if stay:
        kept = pd.DataFrame([{k: before[n][k] for k in LOCATED} for n in stay], index=stay)
        parts.append(kept.astype({k: "Int64" for k in LOCATED if k != "located"}))
    return pd.concat(parts).sort_index()
