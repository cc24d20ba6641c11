"""Steps that nobody told (推定): those that the dates of an imported case prove, and those that a log left out."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from gridmgmt.casework.cases import Step
from gridmgmt.casework.transitions import TRANSITIONS, kinds


def derive(facts: Mapping[str, Any]) -> list[Step]:
    """The steps that the dates of an imported case prove, marked as derived (推定).

    A date proves its own step and those without which it could not have come
    about: a case with a closing date was accepted, registered, dispatched,
    answered and verified. A step whose own date is not known stands at the
    first known date after it; one whose date contradicts the order is moved
    behind the step before it. What no date proves, such as a send-back, is not there.

    Parameters
    ----------
    facts
        Columns of a case's row: the times, ``n_rework``, ``unit_code``, ``category`` and place.
    """
    on = {kind: facts.get(rule.stamps) for kind, rule in TRANSITIONS.items() if rule.stamps}
    chain = [(kind, on[kind]) for kind in ("report", "accept", "register", "dispatch")]
    chain.append(("receive", on["dispatch"]))
    if facts.get("due_extended_at") is not None:
        chain.append(("deadline", on["dispatch"]))
    n_rework = facts.get("n_rework") or 0
    chain += [(kind, on["fail"]) for _ in range(int(n_rework)) for kind in ("answer", "verify", "fail", "receive")]
    chain += [("answer", on["answer"]), ("verify", on["close"]), ("close", on["close"])]
    known = [i for i, (_, at) in enumerate(chain) if at is not None]
    chain = chain[: known[-1] + 1]
    times = _filled([at for _, at in chain])
    out = [_derived(kind, at, facts) for (kind, _), at in zip(chain, times, strict=True)]
    void = on["void"]
    if void is not None and on["close"] is None:
        kind = "void" if len(chain) > 2 else "discard"
        out.append(_derived(kind, max(void, times[-1]), facts))
    return out


def _filled(times: Sequence[dt.datetime | None]) -> list[dt.datetime]:
    """Unknown times take the next known one (the last is known); none lies before the one in front of it."""
    out: list[dt.datetime] = []
    for i, at in enumerate(times):
        known = at if at is not None else next(t for t in times[i:] if t is not None)
        out.append(max(known, out[-1]) if out else known)
    return out


def _derived(kind: str, at: dt.datetime, row: Mapping[str, Any]) -> Step:
    names = {
        "report": ("source", "category", "lon", "lat", "address", "description", "is_repeat", "repeat_of"),
        "dispatch": ("due_at",),
        "deadline": ("due_at", "due_extended_at"),
    }.get(kind, ())
    values = {n: row[n] for n in names if row.get(n) is not None}
    facts = {n: v.isoformat() if isinstance(v, dt.datetime) else v for n, v in values.items()}
    unit = row.get("unit_code") if kind == "dispatch" else None
    return Step(kind, at, "", unit, None, facts, "derived")


_IMPLIED = kinds(lambda t: t.implied)


def bridge(state: str, kind: str) -> list[str] | None:
    """The steps that another system's log left out before a step: the shortest plain way to a state that allows it.

    Returns
    -------
    list of str or None
        Empty where the step is legal as it is; None where no plain way leads to it.
    """
    goals = TRANSITIONS[kind].before
    ways: list[tuple[str, list[str]]] = [(state, [])]
    for here, way in ways:
        if here in goals:
            return way
        for name in _IMPLIED:
            rule = TRANSITIONS[name]
            if here in rule.before and rule.to is not None and all(rule.to != seen for seen, _ in ways):
                ways.append((rule.to, [*way, name]))
    return None
