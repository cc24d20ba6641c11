"""A case as it is read at the terminal (案卷): where it stands, its steps, hanging accounts and clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gridmgmt.cli.base import Shown, State, Table
from gridmgmt.errors import InstantInvalid

if TYPE_CHECKING:
    from gridmgmt.casework.cases import Case
    from gridmgmt.casework.hanging import Account
    from gridmgmt.casework.operations import lookup
    from gridmgmt.deadlines import Light


_MOST_SHARE = 10
"""A share of a limit beyond so many times of it is not told: it says no more than that the case is overdue."""


def is_now(run: State, found: Case, units: Mapping[str, Mapping[str, str | None]] | None = None) -> str:
    """Where a case stands, with the unit's name where the names of units are at hand."""
    from gridmgmt.casework.cases import STATES

    unit = run.coded(found.unit_code, (units or {}).get(found.unit_code or "", {}))
    facts = {
        "case_no": found.case_no, "state": found.state, "stage": STATES.get(found.state), "n": found.n_steps,
        "unit": unit, "due": time_of(run, found.effective_due_at),
    }  # fmt: skip
    return run.word("case_is_now", facts)


def time_of(run: State, at: Any) -> str:
    """An instant as the city's clocks show it, a dash where there is none."""
    return "—" if at is None else run.time(at, seconds=True)


def whole_case(run: State, found: lookup.Shown) -> Shown:
    """A case with its place, marks, steps, hanging accounts and the steps that are legal now."""
    from gridmgmt.people.operations import reference

    units = reference.unit_names(run.work)
    where = " › ".join(str(g[f"name_{run.lang}"] or g["code"]) for g in found.grids)
    yield is_now(run, found.case, units)
    yield run.word("case_place", {"where": where or None, "address": found.case.address})
    yield run.word("case_marks", {"marks": [*run.words(found.marks, "mark_")] or None})
    yield from _repetition(run, found)
    rows = [
        [s.seq or n, time_of(run, s.at), run.word(f"step_{s.kind}"), s.actor, person,
         run.coded(s.unit_code, units.get(s.unit_code or "", {})), s.reason,
         _told(run, s.facts), run.word(f"origin_{s.origin}")]
        for n, (s, person) in enumerate(zip(found.steps, found.persons, strict=True), 1)
    ]  # fmt: skip
    columns = (
        "number",
        "docket_time",
        "docket_step",
        "by",
        "docket_person",
        "docket_unit",
        "reason",
        "case_facts",
        "docket_origin",
    )
    yield Table(run.words(columns), rows, right=(0,))
    for account in found.accounts:
        yield from _account(run, account)
    yield run.word("case_legal", {"legal": list(found.legal)})


def _repetition(run: State, found: lookup.Shown) -> Shown:
    """Which case it repeats, and which repeat it."""
    if (original := found.case.repeat_of) is not None:
        if found.original is None:
            yield run.word("case_repeats_elsewhere", {"case_no": original})
        else:
            state = run.word(f"state_{found.original}") if found.original else "—"
            yield run.word("case_repeats", {"case_no": original, "state": state})
    if found.repeated_by:
        n, first = len(found.repeated_by), list(found.repeated_by[:_NUMBERS_SHOWN])
        yield run.word("case_repeated_by", {"n": n, "case_nos": first + ["…"] * (n > len(first))})


def _told(run: State, facts: Mapping[str, Any]) -> str:
    """A step's facts in words; the working of its deadline is shown by `case clock`."""
    hidden = ("limits", "next_limits", "later", "calendar", "rule", "deadlines", "lon", "lat")
    told = [_fact(run, k, v) for k, v in facts.items() if k not in hidden and v is not None and v is not False]
    if "lon" in facts:
        told.append(f"{facts['lon']}, {facts['lat']}")
    return ", ".join(told)


def _fact(run: State, name: str, value: Any) -> str:
    """One fact by its word; what another system's log told in its own way is shown as it is."""
    from gridmgmt.casework import step_facts

    words = {"order_kind": "order_", "verdict": "verdict_", "mark": "mark_", "amount_unit": "time_unit_"}
    label = run.word(f"fact_{name}") if name in step_facts.KNOWN else name
    if value is True:
        return label
    if name in words:
        return f"{label} {run.word(words[name] + str(value))}"
    if name == "orders":
        return f"{label} " + ", ".join(f"{n}: {_instant(run, at)}" for n, at in value.items())
    return f"{label} {_instant(run, value) if name.endswith(('_at', '_until')) else value}"


def _instant(run: State, value: Any) -> str:
    try:
        return time_of(run, run.instant(str(value)))
    except InstantInvalid:
        return str(value)


_NUMBERS_SHOWN = 20


_SHOWN_PERIODS = 10
"""Of a long hanging account the last so many periods are shown."""


def _account(run: State, account: Account) -> Shown:
    told = {"unit": account.unit_code, "n": account.n_deductions, "exposed": time_of(run, account.exposed_at)}
    yield run.word("account_line", told)
    rows = [
        [p.number, time_of(run, p.opened_at), time_of(run, p.due_at), time_of(run, p.ended_at),
         run.word(f"hang_{p.how or 'running'}")]
        for p in account.periods[-_SHOWN_PERIODS:]
    ]  # fmt: skip
    if (n := len(account.periods) - _SHOWN_PERIODS) > 0:
        yield run.word("account_earlier", {"n": n})
    yield Table(run.words(("hang_period", "opened", "docket_due", "ended", "how_ended")), rows, right=(0,))


def clocks_of(run: State, found: Sequence[lookup.StageClock]) -> Shown:
    """Each stage's clock with its limit, and how its deadline was worked out."""
    for c in found:
        light = _light_words(run, c.light) if c.light else "—"
        told = {"stage": c.stage, "start": time_of(run, c.started_at), "due": time_of(run, c.due_at), "light": light}
        extended = time_of(run, c.extended_at) if c.extended_at else None
        yield run.word("clock_line", {**told, "ended": time_of(run, c.ended_at), "extended": extended})
        if c.rule is not None:
            yield "    " + run.word("limit_rule", c.rule)
        for beaten in c.reason["beaten"] if c.reason else ():
            yield "      " + run.word("limit_beaten", beaten)
        for line in c.deadline.working if c.deadline else ():
            yield "    " + run.word(line.code, line.facts)
        if c.calendar is not None:
            kept = "clock_other_calendar" if c.stage == "handling" else "clock_calendar_then"
            yield "    " + run.word(kept if c.is_kept else "clock_calendar_lost", {"by": c.calendar})
        if c.deadline is not None and c.deadline.provisional:
            yield "    " + run.word("clock_provisional")


def _light_words(run: State, light: Light) -> str:
    """A light with the share of the time that is used; a share beyond what says anything is bounded."""
    if light.share <= _MOST_SHARE:
        return run.word(f"light_{light.colour}", {"share": float(light.share)})
    return run.word("light_beyond", {"times": _MOST_SHARE})
