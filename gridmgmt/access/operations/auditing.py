"""The audit (审计): sealed in one chain, verified, listed."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridmgmt.access.auditing import GENESIS, Fault, digest
from gridmgmt.access.store import audit
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.errors import OptionInvalid
from gridmgmt.files.writing import whole

_DIGITS, _LONGEST_HEAD = 19, 100


@dataclass(frozen=True)
class Verified:
    """What a look through the chain found: how many rows are sealed, its head, and where it breaks first."""

    n: int
    head: str
    n_unsealed: int
    fault: Fault | None


def seal(work: Work) -> tuple[int, str] | None:
    """Seal what is in the audit and may be; gives the head's number and digest, None if there was nothing to do.

    One seals at a time. Rows come in the order of their transactions, up to the oldest that is still open.
    """
    made = None
    with work.over_everything().but(viewer=None).sealing() as connection:
        audit.lock(connection)
        n, before = audit.head(connection) or (0, GENESIS)
        while rows := audit.unsealed(connection):
            seals = []
            for row in rows:
                n, before = n + 1, digest(before, row)
                seals.append({"n": n, "audit_id": row["id"], "sha256": before})
            audit.seal(connection, seals)
            made = n, before
    return made


def head(work: Work) -> str | None:
    """Seal what may be sealed; gives the head of the chain as ``N:DIGEST``, to be written down elsewhere."""
    seal(work)
    with work.over_everything().snapshot() as connection:
        found = audit.head(connection)
    return f"{found[0]}:{found[1]}" if found else None


@needs("audit.read", whole=True)
def verify(work: Work, known: tuple[int, str] | None = None) -> Verified:
    """Compute the chain again from its beginning.

    Parameters
    ----------
    known
        A head that was written down elsewhere (the server's log, a backup): its number and digest. A chain that ends
        before it, or that has another digest there, was cut or made anew.
    """
    n, before, fault, seen = 0, GENESIS, None, known is None or known[0] == 0
    with work.snapshot() as connection:
        for row in audit.sealed(connection):
            wanted, is_gone = row.pop("sha256"), row.pop("is_gone")
            number = row.pop("n")
            if number != n + 1:
                fault = Fault(n + 1, None, "gone")
            elif is_gone:
                fault = Fault(number, row["id"], "gone")
            elif digest(before, row) != wanted:
                fault = Fault(number, row["id"], "changed")
            if fault is not None:
                break
            n, before = number, wanted
            if known is not None and known[0] == n:
                seen = known[1] == before
        left = len(audit.unsealed(connection))
    if fault is None and not seen:
        fault = Fault(known[0] if known else n, None, "cut")
    return Verified(n, before, left, fault)


@needs("audit.read", whole=True)
def listed(
    work: Work, *, login: str | None = None, deed: str | None = None, start: dt.datetime | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """What was done and refused, newest first."""
    with work.snapshot() as connection:
        return audit.every(connection, login=login, deed=deed, start=start, limit=limit)


@needs("audit.read", whole=True)
def lines(work: Work) -> Iterator[bytes]:
    """Every sealed row with its seal, a JSON object a line, in the order of the chain."""
    with work.snapshot() as connection:
        for row in audit.sealed(connection):
            yield json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n"


@needs("audit.read", whole=True)
def export(work: Work, path: Path) -> int:
    """Write :func:`lines` to a file; gives how many."""
    n = 0
    with whole(path) as draft, draft.open("wb") as out:
        for line in lines(work):
            out.write(line)
            n += 1
    return n


def head_of(text: str) -> tuple[int, str]:
    """A head of the chain as it is written down, ``N:SHA256``.

    Raises
    ------
    OptionInvalid
    """
    n, _, told = text.partition(":")
    if not (n.isdecimal() and len(n) < _DIGITS and told):
        raise OptionInvalid(name="head", value=text[:_LONGEST_HEAD], expected="N:SHA256")
    return int(n), told
