"""The audit's chain (审计链): each row's digest holds the one before, so that no row is changed or taken out unseen."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64


@dataclass(frozen=True)
class Fault:
    """Where the chain breaks: the number of the seal, the row, and why (``changed``, ``gone``, ``cut``)."""

    n: int
    audit_id: int | None
    why: str


def digest(before: str, row: Mapping[str, Any]) -> str:
    """The digest of a row behind another one."""
    told = {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in row.items()}
    text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()
