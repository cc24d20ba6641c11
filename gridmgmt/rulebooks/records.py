"""Records of inputs (逐条录入): rows that each tell one finding, event, mark or step, and the value they make together.

What people enter is a single value (a number, a choice), or it is made of
records. Each record has a ``ref`` of its own, so that one can be corrected or
withdrawn while the others stay; a single value has the ref ``''``.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from gridmgmt.rulebooks.inputs import Input
from gridmgmt.rulebooks.values import FAILED, Event, Finding
from gridmgmt.texts import Unfit

SIGNED = "signed_off"
"""The entry that says: this period's findings and events are completely entered (录入完毕)."""

RESULT = "*result"
"""The entry that hands in a result instead of having it computed (往期结果); no input can have that name."""

SIGNATURE = Input(
    title={"zh": "录入完毕", "en": "Completely entered"},
    type="flag",
    entered={"zh": "由人确认", "en": "signed by people"},
)
"""The signature as an input that every rulebook has."""

CONTENT = (
    "code", "on", "n", "points", "amount", "group", "case", "occasion", "role", "fault", "praised", "evidence", "note",
)  # fmt: skip
"""Columns that tell a record."""


def _own(kind: type) -> dict[str, str]:
    return {c: c for c in CONTENT if c in kind.__dataclass_fields__}  # type: ignore[attr-defined]


FIELDS: Mapping[str, Mapping[str, str]] = {
    "findings": _own(Finding),
    "events": _own(Event),
    "marks": {"points": "mark", "on": "on", "occasion": "occasion", "note": "note"},
    "ratings": {"points": "mark", "group": "group", "on": "on", "occasion": "occasion", "note": "note"},
    "items": {"code": "id", "points": "points", "note": "title"},
    "accounts": {"case": "account", "code": "step", "on": "on", "group": "unit", "n": "earlier", "note": "note"},
    "filings": {"code": "category", "occasion": "place", "group": "road", "n": "n", "on": "on"},
}
"""Type of input → the columns that tell one record of it, each with the record's key."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "events": ("code",),
    "marks": ("points",),
    "ratings": ("points", "group"),
    "items": ("code", "points"),
    "accounts": ("case", "code"),
    "filings": ("code", "occasion"),
}
"""Columns that a record of a type cannot be without."""

AS_NUMBER = ("findings", "filings")
"""Types of record that may also be told as how many there are."""


def ref_of(record: Mapping[str, Any], evidence: str | None) -> str:
    """The ref of a record that was given none: the row's own id, else a digest of all it says."""
    if "title" in record:
        return str(record["id"])
    text = json.dumps([dict(record), evidence], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def joined(rows: Sequence[tuple[str, Any]]) -> Any:
    """The plain value of an input that (ref, value) rows make together (汇成一个值).

    Records are taken in the order of their days if all have one, else as they come.

    Raises
    ------
    Unfit
        A single value stands beside records.
    """
    single = [value for ref, value in rows if ref == ""]
    if single and len(rows) > 1:
        raise Unfit("number_or_records")
    if single:
        return single[0]
    records = [dict(value) for _, value in rows]
    if all("on" in r for r in records):
        records.sort(key=lambda r: str(r["on"]))
    if "step" in records[0]:
        return _accounts(records)
    if "group" in records[0] and "mark" in records[0]:
        return {g: [r["mark"] for r in records if r["group"] == g] for g in dict.fromkeys(r["group"] for r in records)}
    if "mark" in records[0]:
        return [r["mark"] for r in records]
    return [_without(r, "on") for r in records] if "category" in records[0] else records


def _accounts(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Accounts with their steps in order; unit and earlier failures stand on any of the steps."""
    out: dict[str, dict[str, Any]] = {}
    for r in records:
        account = out.setdefault(r["account"], {"id": r["account"], "steps": []})
        account["steps"].append(r["step"])
        for key in ("unit", "earlier"):
            if account.setdefault(key) is None:
                account[key] = r.get(key)
            elif r.get(key) not in (None, account[key]):
                raise Unfit("account_agrees", key=key, account=r["account"], one=account[key], other=r[key])
    return [_without(a, *(k for k in ("unit", "earlier") if a[k] is None)) for a in out.values()]


def _without(record: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {k: v for k, v in record.items() if k not in keys}


def without_failure(account: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A hanging account's record less one failure (挂账失败), as if that hang period had not ended so.

    A failed verification goes with the answer that it judged. For exposure the
    issue's earlier failures count up to the last that is left here. A failure
    that the record does not name changes nothing.
    """
    own, issue = list(account.get("failures", ())), list(account.get("issue_failures", ()))
    if name not in own and name not in issue:
        return dict(account)
    out = dict(account)
    if name in own:
        out["steps"] = _without_step(account["steps"], own.index(name))
        own.remove(name)
    issue = [x for x in issue if x != name]
    if own and issue:
        issue = issue[: issue.index(own[-1]) + 1]
    out |= {"failures": own, "issue_failures": issue if len(issue) > len(own) else []}
    out["earlier"] = max(0, len(issue) - len(own))
    return {k: v for k, v in out.items() if k not in ("failures", "issue_failures") or v}


def _without_step(steps: Sequence[str], failure: int) -> list[str]:
    """Steps less the failure of that place (from 0) among the failures."""
    at = [i for i, step in enumerate(steps) if step in FAILED][failure]
    first = at - 1 if steps[at] == "failed" and steps[at - 1] == "answered" else at
    return [*steps[:first], *steps[at + 1 :]]
