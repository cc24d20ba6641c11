"""Rows that wait in a file (暂存行) between the snapshot they were read in and the transaction that keeps them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Spool:
    """Rows as CSV under a head of their columns: how many, and the SHA-256 of the whole text."""

    path: Path
    columns: tuple[str, ...]
    n: int
    sha256: str


def spooled_frame(frame: pd.DataFrame, path: Path) -> Spool:
    """The rows of a frame in its own order."""
    content = frame.to_csv(index=False, lineterminator="\n").encode()
    path.write_bytes(content)
    return Spool(path, tuple(map(str, frame.columns)), len(frame), hashlib.sha256(content).hexdigest())
