"""Proofs (证据): the digest over which contents count where, and over what is frozen of it."""

import hashlib
from typing import Any

import pandas as pd

from gridmgmt.assessing.store import frozen
from gridmgmt.database.work import Connection
from gridmgmt.documents import canonical
from gridmgmt.figures.operations.period_counts import array_text

EVIDENCE = {
    "cases": "assessment_case",
    "samples": "assessment_sample",
    "steps": "assessment_step",
    "acts": "assessment_act",
}
"""The table of the frozen facts of each kind."""


def digest(proof: pd.DataFrame) -> str:
    """SHA-256 over which contents count where, in the order of their numbers; not over version instants."""
    return _digest(proof.sort_values("fact_no"))


def _digest(proof: pd.DataFrame) -> str:
    return hashlib.sha256(proof.to_csv(index=False, lineterminator="\n").encode()).hexdigest()


def stored_proof(connection: Connection, kind: str, assessment_id: int) -> tuple[int, list[str]]:
    """How many facts of a kind are frozen, and their digest in each order that headers were ever written in.

    Up to schema 2 steps stood in the order of time within their case, in which they were saved; a correction keeps it.
    """
    frame = frozen.facts(connection, EVIDENCE[kind], assessment_id)
    frame["grid_codes"] = [array_text(codes) for codes in frame["grid_codes"]]
    if "shares" in frame:
        shares: list[Any] = [None if x is None else canonical(x) for x in frame["shares"]]
        frame["shares"] = pd.Series(shares, dtype=object)
        if not any(x is not None for x in shares):
            frame = frame.drop(columns="shares")
    return len(frame), [digest(frame), _digest(frame)]
