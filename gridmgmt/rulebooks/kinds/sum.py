"""Scoring (计分): one subject's items in one period, in exact fractions, each with its reason; a function a kind."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from gridmgmt.numbers import exact
from gridmgmt.rulebooks.deductions import judge
from gridmgmt.rulebooks.items import Carry, Deduct, Earn, Item, Lose, Mean, Periods, Sum, Weighted
from gridmgmt.rulebooks.leaves import LEAVES, NOTHING, clamp, item_node, known_values, named_parts, open_node
from gridmgmt.rulebooks.nodes import Context, Node, Outcome, Reason, numbers, weighed


def evaluate(item: Item, context: Context) -> Node:
    """The value of an item and of all below it."""
    if not context.concerns(item.only):
        return item_node(item, None, "line_not_applicable", {}, status="not_applicable")
    return ITEMS[item.kind](item, context)


# --- items made of items ----------------------------------------------------------------------------------------------


def _sum(item: Sum, context: Context) -> Node:
    """Sum of the items; those without data are left out and the others scaled up; clamped where it says so."""
    children = [evaluate(i, context) for i in item.items]
    if any(c.status == "missing" for c in children):
        return open_node(item, children)
    held = [c for c in children if c.status == "ok"]
    left_out = [c for c in children if c.status == "no_data"]
    if not held or (left_out and not any(c.maximum for c in held)):  # nothing that others could be scaled up by
        return item_node(item, None, "total_no_data", {}, status="no_data", children=tuple(children))
    gained = sum(known_values(held), NOTHING)
    value, code, facts = gained, "total_sum", numbers(gained=gained)
    if left_out:
        possible = sum((c.maximum or NOTHING for c in held), NOTHING)
        whole = possible + sum((c.maximum or NOTHING for c in left_out), NOTHING)
        value = gained * whole / possible
        code, facts = "total_scaled", numbers(gained=gained, possible=possible, scale=whole)
    clamped = clamp(value, item.floor, item.points)
    if clamped != value:
        code, facts = "total_clamped", numbers(gained=value, limit=clamped)
    return item_node(item, clamped, code, facts, children=tuple(children))


def _weighted(item: Weighted, context: Context) -> Node:
    """Σ value × weight / over; weights are absolute: a part without data leaves the whole open."""
    children = [weighed(evaluate(i, context), i.weight) for i in item.items]
    if any(c.status == "missing" for c in children):
        return open_node(item, children)
    if any(c.status != "ok" for c in children):
        names = named_parts([c for c in children if c.status != "ok"])
        return item_node(
            item, None, "line_part_without_data", {"parts": names}, status="missing", children=tuple(children)
        )
    value = sum(((c.value or NOTHING) * (c.weight or NOTHING) for c in children), NOTHING) / item.over
    terms = " + ".join(f"{exact(c.value or NOTHING)} × {exact(c.weight or NOTHING)}" for c in children)
    facts = {"terms": terms, "over": exact(item.over)}
    return item_node(item, value, "line_weighted", facts, children=tuple(children))


def _mean(item: Mean, context: Context) -> Node:
    """Plain mean of the items that apply to the subject."""
    children = [evaluate(i, context) for i in item.items]
    if any(c.status == "missing" for c in children):
        return open_node(item, children)
    held = known_values(children)
    if not held:
        status = "not_applicable" if all(c.status == "not_applicable" for c in children) else "no_data"
        return item_node(item, None, "line_not_applicable", {}, status=status, children=tuple(children))
    facts = numbers(n=len(held), sum=sum(held, NOTHING))
    return item_node(item, sum(held, NOTHING) / len(held), "line_mean", facts, children=tuple(children))


def _carry(item: Carry, context: Context) -> Node:
    """own = item + carried in; raw = own − charged; recorded = max(0, raw); the negative part is carried on."""
    child = evaluate(item.item, context)
    if child.value is None:
        return open_node(item, [child])
    if context.waits:
        return _unknown_carry(item, context, child)
    own = child.value + context.carry_in
    raw = own - context.charged
    carry_out = min(NOTHING, raw) if item.recorded == "zero" else NOTHING
    facts = numbers(own=own, carry_in=context.carry_in, charged=context.charged, carry_out=carry_out)
    marks = {"own": own, "raw": raw, "carry_out": carry_out}
    return item_node(item, raw - carry_out, "line_carry", facts, children=(child,), marks=marks)


def _unknown_carry(item: Carry, context: Context, child: Node) -> Node:
    """The month before, or a subordinate's month, is still incomplete: what it leaves or charges is not known."""
    waits = tuple(dict.fromkeys(context.waits))
    facts = {"n": str(len(waits)), "parts": {"zh": "、".join(waits), "en": ", ".join(waits)}}
    return item_node(item, None, "line_open", facts, status="missing", missing=waits, children=(child,))


# --- items made of rules ----------------------------------------------------------------------------------------------


def _judged(item: Any, context: Context) -> tuple[list[Node], Node | None]:
    """The rules' nodes; and the node of the item where they leave it without a value."""
    rules = [judge(r, context) for r in item.rules]
    if any(r.zeroes for r in rules):
        return rules, None
    if any(r.status == "missing" for r in rules):
        return rules, open_node(item, rules)
    if all(r.status == "no_data" for r in rules):
        return rules, item_node(item, None, rules[0].reason.code, rules[0].reason.facts, status="no_data",
                            rate=rules[0].rate, inputs=rules[0].inputs, children=tuple(rules))  # fmt: skip
    return rules, None


def _deduct(item: Deduct, context: Context) -> Node:
    """The points less what the rules cost, never below the floor (扣完为止)."""
    rules, without = _judged(item, context)
    if without is not None:
        return without
    zeroing = [r for r in rules if r.zeroes]
    more: dict[str, Any] = {"children": tuple(rules)}
    if len(rules) == 1:
        more |= {"rate": rules[0].rate, "parts": rules[0].parts, "inputs": rules[0].inputs}
    if zeroing:
        only = zeroing[0].reason
        if len(rules) == 1 and only.code == "line_zero_beyond":
            return item_node(item, NOTHING, only.code, only.facts, **more)
        return item_node(item, NOTHING, "line_zeroed", {"rules": named_parts(zeroing)}, **more)
    lost = sum(known_values(rules), NOTHING)
    value = max(item.floor, item.points - lost)
    if len(rules) == 1 and rules[0].rate is not None:
        return item_node(item, value, rules[0].reason.code, rules[0].reason.facts, **more)
    facts = numbers(maximum=item.points, lost=lost)
    code = (
        "line_deduct" if lost and value == item.points - lost else "line_deduct_used_up" if lost else "line_deduct_none"
    )
    return item_node(item, value, code, facts, **more)


def _earn(item: Earn, context: Context) -> Node:
    """What the rules earn from 0, up to the points."""
    rules, without = _judged(item, context)
    if without is not None:
        return without
    earned = sum(known_values(rules), NOTHING)
    value = clamp(earned, NOTHING, item.points)
    facts = numbers(earned=earned) | (numbers(limit=item.points) if item.points is not None else {})
    return item_node(item, value, "line_earn" if value == earned else "line_earn_capped", facts, children=tuple(rules))


def _lose(item: Lose, context: Context) -> Node:
    """What the rules cost, as a negative number."""
    rules, without = _judged(item, context)
    if without is not None:
        return without
    lost = sum(known_values(rules), NOTHING)
    return item_node(
        item, -lost, "line_lose" if lost else "line_deduct_none", numbers(lost=lost), children=tuple(rules)
    )


def _periods(item: Periods, context: Context) -> Node:
    """Mean, or sum / over, of a value of the shorter periods; with fewer than ``n``, or one still open, it is open."""
    outcomes: Sequence[Outcome] = context.earlier.get(item.stage, ())
    found = [(o, _of(o, item.of)) for o in outcomes]
    held = [(o, v) for o, v in found if v is not None]
    children = tuple(_period(item, o, v) for o, v in found)
    is_pending = any(v is None and _is_pending(item, o) for o, v in found)
    wanted = max(item.n, len(found)) if is_pending else item.n
    if len(held) < wanted:
        lacking = [f"{o.period}/{name}" for o, v in found if v is None for _, name in (o.missing or (("", ""),))]
        facts: dict[str, Any] = {**numbers(n=len(held), wanted=wanted), "stage": context.book.stage(item.stage).title}
        missing = tuple(dict.fromkeys(lacking)) or (f"{item.stage}/",)
        return item_node(
            item, None, "line_periods_missing", facts, status="missing", missing=missing, children=children,
            maximum=None,
        )  # fmt: skip
    total = sum((v for _, v in held), NOTHING)
    over = Fraction(len(held)) if item.how == "mean" else item.over
    facts = numbers(n=len(held), sum=total, over=over)
    return item_node(item, total / over, "line_periods", facts, children=children, maximum=None)


def _is_pending(item: Periods, outcome: Outcome) -> bool:
    """Whether a period without a value may still get one; one that was not held is not waited for where so said."""
    return outcome.awaited or (item.pending == "open" and (bool(outcome.missing) or outcome.status == "incomplete"))


def _of(outcome: Outcome, item: str | None) -> Fraction | None:
    if item is None:
        return outcome.total
    node = outcome.node(item)
    return node.value if node else None


def _period(item: Periods, outcome: Outcome, value: Fraction | None) -> Node:
    name = {"zh": outcome.period, "en": outcome.period}
    status: Any = "ok" if value is not None else "missing"
    reason = Reason("line_period" if value is not None else "line_period_open", {})
    return Node(f"{item.id}_{outcome.period}", "period", name, value, status, reason)


ITEMS: Mapping[str, Callable[[Any, Context], Node]] = {
    "sum": _sum,
    "weighted": _weighted,
    "mean": _mean,
    "deduct": _deduct,
    "earn": _earn,
    "lose": _lose,
    "periods": _periods,
    "carry": _carry,
    **LEAVES,
}
