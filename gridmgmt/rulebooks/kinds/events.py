"""Rules inside an item (评分规则): what findings, events and rates cost or earn. One short function a kind.

Each gives a node whose value is a number of points from 0; whether they are
taken away or added is the item's business.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from gridmgmt.documents import holds
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.nodes import Context, Node, Reason, linear, numbers, rate_inputs, rate_parts, scaled, titles
from gridmgmt.rulebooks.rules import (
    Amount,
    Beyond,
    Compare,
    Each,
    EventKind,
    EventRule,
    Largest,
    Once,
    Rule,
    Smallest,
    Steps,
    Zero,
)
from gridmgmt.rulebooks.values import Event, Finding, once_per_case

NOTHING = Fraction(0)


def judge(rule: Rule, context: Context) -> Node:
    """What one rule costs or earns a subject."""
    if not context.concerns(rule.only):
        return _node(rule, NOTHING, Reason("line_not_applicable"))
    return RULES[rule.kind](rule, context)


def _node(rule: Any, value: Fraction, reason: Reason, **more: Any) -> Node:
    return Node(rule.id, rule.kind, rule.title, value, "ok", reason, code=rule.code, **more)


def _missing(rule: Any, context: Context, *names: str) -> Node:
    lacking = context.missing(*names)
    reason = Reason("line_missing", {"inputs": titles(context.book, lacking)})
    return Node(rule.id, rule.kind, rule.title, None, "missing", reason, code=rule.code, inputs=names, missing=lacking)


def _each(rule: Each, context: Context) -> Node:
    """``n × points`` up to the cap (每次扣分)."""
    found = context.findings(rule.input)
    if found is None:
        return _missing(rule, context, rule.input)
    counted = _counted(rule, found, context)
    n = sum(f.n for f in counted)
    lost = n * rule.points
    facts = numbers(n=n, each=rule.points, points=lost)
    if rule.cap is not None and lost > rule.cap:
        lost, code, facts = rule.cap, "rule_each_capped", facts | numbers(cap=rule.cap)
    else:
        code = "rule_each" if n else "rule_none"
    return _node(rule, Fraction(lost), Reason(code, facts), inputs=(rule.input,))


def _counted(rule: Each, found: Sequence[Finding], context: Context) -> list[Finding]:
    """The findings that count: of one case once, of an occasion that the group's finding names not at all."""
    group = {f.occasion for f in (context.findings(rule.unless) or ())} - {None} if rule.unless else set()
    kept = [f for f in found if f.occasion not in group or f.occasion is None]
    return once_per_case(kept) if rule.distinct else kept


def _once(rule: Once, context: Context) -> Node:
    """The points once, if it was found at all (只扣一次)."""
    n = context.number(rule.input)
    if n is None:
        return _missing(rule, context, rule.input)
    code = "rule_once" if n > 0 else "rule_none"
    return _node(
        rule, rule.points if n > 0 else NOTHING, Reason(code, numbers(points=rule.points)), inputs=(rule.input,)
    )


def _amount(rule: Amount, context: Context) -> Node:
    """Points at discretion (酌情), as entered, never above the cap."""
    value = context.number(rule.input)
    if value is None:
        return _missing(rule, context, rule.input)
    points = max(NOTHING, value if rule.cap is None else min(value, rule.cap))
    return _node(rule, points, Reason("rule_amount", numbers(points=points)), inputs=(rule.input,))


def _steps(rule: Steps, context: Context) -> Node:
    """Points by steps beyond the threshold; strictly beyond ``zero_beyond`` the item is 0.

    Only completed steps count with ``floor``: 79.9 % under a limit of 80 costs
    nothing at 5 points a step, 75.0 % costs one step.
    """
    rate = context.book.rates[rule.rate]
    parts = rate_parts(rate, context)
    if parts is None:
        return _missing(rule, context, *rate_inputs(rate))
    if parts[1] == 0:
        return _empty(rule, context)
    percent = scaled(rate, parts)
    sign = 1 if rule.direction == "above" else -1
    facts = numbers(percent=percent, threshold=rule.threshold, step=rule.step, points_per_step=rule.points_per_step)
    more: dict[str, Any] = {"rate": rule.rate, "parts": parts, "inputs": rate_inputs(rate)}
    if rule.zero_beyond is not None:
        over = sign * (percent - rule.zero_beyond)
        if over > 0 or (over == 0 and rule.zero_inclusive):
            facts |= numbers(zero_beyond=rule.zero_beyond)
            return _node(rule, NOTHING, Reason("line_zero_beyond", facts), zeroes=True, **more)
    beyond = sign * (percent - rule.threshold)
    if beyond <= 0:
        return _node(rule, NOTHING, Reason("line_within_threshold", facts), **more)
    taken = n_steps(beyond, rule.step, rule.step_mode)
    lost = taken * rule.points_per_step
    return _node(rule, lost, Reason("line_steps", facts | numbers(n_steps=taken, lost=lost)), **more)


def n_steps(beyond: Fraction, step: Fraction, mode: str) -> Fraction:
    """How many steps a distance makes: completed ones, begun ones, or exactly."""
    taken = beyond / step
    if mode == "proportional":
        return taken
    return Fraction(math.floor(taken) if mode == "floor" else math.ceil(taken))


def _empty(rule: Steps, context: Context) -> Node:
    """A rule on a rate without a denominator: nothing was broken, or it stays open."""
    rate = context.book.rates[rule.rate]
    option = rate.empty or context.book.empty.option
    facts = {"denominator": titles(context.book, list(rate.denominator))}
    more: dict[str, Any] = {"code": rule.code, "rate": rule.rate, "inputs": rate_inputs(rate)}
    if option == "full":
        return Node(rule.id, rule.kind, rule.title, NOTHING, "ok", Reason("line_no_data_full", facts), **more)
    status: Any = "no_data" if option == "leave_out" else "missing"
    missing = rate_inputs(rate) if status == "missing" else ()
    reason = Reason(f"line_no_data_{option}", facts)
    return Node(rule.id, rule.kind, rule.title, None, status, reason, missing=missing, **more)


def _zero(rule: Zero, context: Context) -> Node:
    """The item scores nothing if it was found even once (本项不得分)."""
    n = context.number(rule.input)
    if n is None:
        return _missing(rule, context, rule.input)
    return _node(rule, NOTHING, Reason("rule_zero" if n > 0 else "rule_none", {}), inputs=(rule.input,), zeroes=n > 0)


def _compare(rule: Compare, context: Context) -> Node:
    """The points if the comparison holds (如 网格数 > 15 × 采集员数)."""
    terms = rule.right if isinstance(rule.right, Mapping) else {}
    names = (rule.left, *terms)
    left = context.number(rule.left)
    right = linear(terms, context) if terms else rule.right
    if left is None or not isinstance(right, Fraction):
        return _missing(rule, context, *names)
    is_so = holds(left, rule.test, right)
    facts = {"left": exact(left), "test": rule.test, "right": exact(right), **numbers(points=rule.points)}
    reason = Reason("rule_compare" if is_so else "rule_compare_not", facts)
    return _node(rule, rule.points if is_so else NOTHING, reason, inputs=names)


def _beyond(rule: Beyond, context: Context) -> Node:
    """The points for each one above ``floor(share × of)`` (超出允许数的部分)."""
    n, of = context.number(rule.input), context.number(rule.allowance_of)
    if n is None or of is None:
        return _missing(rule, context, rule.input, rule.allowance_of)
    allowance = math.floor(rule.allowance_share * of)
    over = max(NOTHING, n - allowance)
    if over and rule.counts == "all":
        facts = numbers(n=n, each=rule.points, points=n * rule.points)
        return _node(rule, n * rule.points, Reason("rule_each", facts), inputs=(rule.input, rule.allowance_of))
    lost = over * rule.points
    facts = numbers(n=n, allowance=allowance, over=over, each=rule.points, points=lost)
    return _node(rule, lost, Reason("rule_beyond", facts), inputs=(rule.input, rule.allowance_of))


def _events(rule: EventRule, context: Context) -> Node:
    """Points of the events by the table: doubled, once for one fault, capped in the period; the order is no matter."""
    events = context.get(rule.input)
    if events is None:
        return _missing(rule, context, rule.input)
    kinds = {k.code: k for k in rule.table}
    every = [e for e in events if isinstance(e, Event)] if isinstance(events, tuple) else []
    mine = [e for e in every if e.code in kinds and _counts(e, kinds[e.code], every)]
    by_kind: dict[str, Fraction] = {}
    counts: dict[str, int] = {}
    for event in _each_fault_once(mine, kinds, context.role):
        by_kind[event.code] = by_kind.get(event.code, NOTHING) + _points(event, kinds[event.code], context.role)
        counts[event.code] = counts.get(event.code, 0) + event.n
    for code in by_kind:
        if kinds[code].free_per_month is not None:
            by_kind[code] = _beyond_free(kinds[code], [e for e in mine if e.code == code])
    children = []
    for code, kind in kinds.items():
        if code not in by_kind:
            continue
        points, cap = by_kind[code], kind.cap
        facts = numbers(n=counts[code], points=points)
        reason = Reason("rule_event", facts)
        if cap is not None and points > cap:
            points, reason = cap, Reason("rule_event_capped", facts | numbers(cap=cap))
        name = f"{rule.id}_{code}"
        children.append(Node(name, "event", kind.title, points, "ok", reason, inputs=(rule.input,)))
    total = sum((c.value or NOTHING for c in children), NOTHING)
    reason = Reason("rule_events" if children else "rule_none", numbers(n=sum(counts.values()), points=total))
    return _node(rule, total, reason, inputs=(rule.input,), children=tuple(children))


def _counts(event: Event, kind: EventKind, every: Sequence[Event]) -> bool:
    """Whether an event counts: its amount passes the limit, and no event that takes its place is about its fault."""
    limit = kind.reaches
    if limit is not None and not holds(event.amount or NOTHING, limit.test, limit.limit):
        return False
    return event.fault is None or all(e.fault != event.fault or e.code not in kind.not_beside for e in every)


def _beyond_free(kind: EventKind, events: Sequence[Event]) -> Fraction:
    """Points for each whole unit beyond the free amount of a calendar month (每超一天)."""
    by_month: dict[str, Fraction] = {}
    for event in events:
        month = str(event.on)[:7]
        by_month[month] = by_month.get(month, NOTHING) + (event.amount or NOTHING) * event.n
    free, points = kind.free_per_month or NOTHING, kind.points
    over = sum(max(0, math.floor(amount - free)) for amount in by_month.values())
    return over * points if isinstance(points, Fraction) else NOTHING


def _points(event: Event, kind: EventKind, role: str | None) -> Fraction:
    given = kind.points
    if isinstance(given, Mapping):
        given = given.get(event.role or role or "", NOTHING)
    elif given is None:
        given = event.points or NOTHING
    return given * event.n * (2 if kind.doubled and event.praised else 1)


def _each_fault_once(events: Sequence[Event], kinds: Mapping[str, EventKind], role: str | None) -> list[Event]:
    """Of events about one fault, in kinds that count once per fault, the one with most points, and that one time."""
    best: dict[tuple[str, str], Event] = {}
    out: list[Event] = []
    for event in sorted(events, key=lambda e: (e.code, str(e.on), str(e.entry))):
        word = kinds[event.code].once_per
        if word is None or event.fault is None:
            out.append(event)
            continue
        key, event = (word, event.fault), replace(event, n=1)
        old = best.get(key)
        if old is None or _points(event, kinds[event.code], role) > _points(old, kinds[old.code], role):
            best[key] = event
    return out + list(best.values())


def _largest(rule: Largest | Smallest, context: Context) -> Node:
    """Of several rules the one that costs most, or least."""
    parts = tuple(judge(r, context) for r in rule.rules)
    open_ones = tuple(n for p in parts for n in p.missing)
    if open_ones:
        reason = Reason("line_missing", {"inputs": titles(context.book, open_ones)})
        return Node(rule.id, rule.kind, rule.title, None, "missing", reason, missing=open_ones, children=parts)
    is_largest = isinstance(rule, Largest)
    value = (max if is_largest else min)(p.value or NOTHING for p in parts)
    reason = Reason(
        ("rule_largest" if is_largest else "rule_smallest") if value else "rule_none", numbers(points=value)
    )
    return _node(rule, value, reason, children=parts, zeroes=(any if is_largest else all)(p.zeroes for p in parts))


RULES: Mapping[str, Callable[[Any, Context], Node]] = {
    "each": _each,
    "once": _once,
    "amount": _amount,
    "steps": _steps,
    "zero": _zero,
    "compare": _compare,
    "beyond": _beyond,
    "events": _events,
    "largest": _largest,
    "smallest": _largest,
}
