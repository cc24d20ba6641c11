"""Scoring (计分): one subject's items in one period, in exact fractions, each with its reason; a function a kind."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from gridmgmt.rulebooks.deductions import judge
from gridmgmt.rulebooks.items import (
    AllOrNothing,
    Bands,
    Carry,
    Constant,
    Deduct,
    Earn,
    Entered,
    Hanging,
    Item,
    ItemTable,
    Linear,
    Lose,
    Marks,
    Mean,
    Periods,
    Proportional,
    Ratings,
    Shown,
    Sum,
    Target,
    Weighted,
)
from gridmgmt.rulebooks.model import maximum
from gridmgmt.rulebooks.nodes import (
    Context,
    Node,
    Outcome,
    Reason,
    linear,
    numbers,
    rate_inputs,
    rate_parts,
    scaled,
    titles,
    weighed,
)
from gridmgmt.rulebooks.numbers import exact
from gridmgmt.rulebooks.parts import holds
from gridmgmt.rulebooks.values import NOT_APPLICABLE, Account, Finding, Row

NOTHING = Fraction(0)


def evaluate(item: Item, context: Context) -> Node:
    """The value of an item and of all below it."""
    if not context.concerns(item.only):
        return _node(item, None, "line_not_applicable", {}, status="not_applicable")
    return ITEMS[item.kind](item, context)


def _node(item: Any, value: Fraction | None, code: str, facts: Mapping[str, Any], **more: Any) -> Node:
    status = more.pop("status", "ok")
    most = more.pop("maximum", maximum(item))
    return Node(
        item.id,
        item.kind,
        item.title,
        value,
        status,
        Reason(code, facts),
        most,
        code=getattr(item, "code", None),
        **more,
    )


def _missing(item: Any, context: Context, names: Sequence[str]) -> Node:
    lacking = context.missing(*names)
    facts = {"inputs": titles(context.book, lacking)}
    return _node(item, None, "line_missing", facts, status="missing", inputs=tuple(names), missing=lacking)


def _open(item: Any, children: Sequence[Node], **more: Any) -> Node:
    """An item whose parts are not all known: it has no value, and says what is lacking."""
    lacking = tuple(dict.fromkeys(m for c in children for m in c.missing))
    facts = {"n": str(len(lacking)), "parts": _names([c for c in children if c.status == "missing"])}
    return _node(item, None, "line_open", facts, status="missing", missing=lacking, children=tuple(children), **more)


def _names(nodes: Sequence[Node]) -> dict[str, str]:
    return {"zh": "、".join(n.title["zh"] for n in nodes), "en": ", ".join(n.title["en"] for n in nodes)}


def _values(nodes: Sequence[Node]) -> list[Fraction]:
    return [n.value for n in nodes if n.value is not None]


# --- items made of items ----------------------------------------------------------------------------------------------


def _sum(item: Sum, context: Context) -> Node:
    """Sum of the items; those without data are left out and the others scaled up; clamped where it says so."""
    children = [evaluate(i, context) for i in item.items]
    if any(c.status == "missing" for c in children):
        return _open(item, children)
    held = [c for c in children if c.status == "ok"]
    left_out = [c for c in children if c.status == "no_data"]
    if not held or (left_out and not any(c.maximum for c in held)):  # nothing that others could be scaled up by
        return _node(item, None, "total_no_data", {}, status="no_data", children=tuple(children))
    gained = sum(_values(held), NOTHING)
    value, code, facts = gained, "total_sum", numbers(gained=gained)
    if left_out:
        possible = sum((c.maximum or NOTHING for c in held), NOTHING)
        whole = possible + sum((c.maximum or NOTHING for c in left_out), NOTHING)
        value = gained * whole / possible
        code, facts = "total_scaled", numbers(gained=gained, possible=possible, scale=whole)
    clamped = _clamp(value, item.floor, item.points)
    if clamped != value:
        code, facts = "total_clamped", numbers(gained=value, limit=clamped)
    return _node(item, clamped, code, facts, children=tuple(children))


def _clamp(value: Fraction, low: Fraction | None, high: Fraction | None) -> Fraction:
    if high is not None:
        value = min(value, high)
    return value if low is None else max(value, low)


def _weighted(item: Weighted, context: Context) -> Node:
    """Σ value × weight / over; weights are absolute: a part without data leaves the whole open."""
    children = [weighed(evaluate(i, context), i.weight) for i in item.items]
    if any(c.status == "missing" for c in children):
        return _open(item, children)
    if any(c.status != "ok" for c in children):
        names = _names([c for c in children if c.status != "ok"])
        return _node(item, None, "line_part_without_data", {"parts": names}, status="missing", children=tuple(children))
    value = sum(((c.value or NOTHING) * (c.weight or NOTHING) for c in children), NOTHING) / item.over
    terms = " + ".join(f"{exact(c.value or NOTHING)} × {exact(c.weight or NOTHING)}" for c in children)
    facts = {"terms": terms, "over": exact(item.over)}
    return _node(item, value, "line_weighted", facts, children=tuple(children))


def _mean(item: Mean, context: Context) -> Node:
    """Plain mean of the items that apply to the subject."""
    children = [evaluate(i, context) for i in item.items]
    if any(c.status == "missing" for c in children):
        return _open(item, children)
    held = _values(children)
    if not held:
        status = "not_applicable" if all(c.status == "not_applicable" for c in children) else "no_data"
        return _node(item, None, "line_not_applicable", {}, status=status, children=tuple(children))
    facts = numbers(n=len(held), sum=sum(held, NOTHING))
    return _node(item, sum(held, NOTHING) / len(held), "line_mean", facts, children=tuple(children))


def _carry(item: Carry, context: Context) -> Node:
    """own = item + carried in; raw = own − charged; recorded = max(0, raw); the negative part is carried on."""
    child = evaluate(item.item, context)
    if child.value is None:
        return _open(item, [child])
    if context.waits:
        return _unknown_carry(item, context, child)
    own = child.value + context.carry_in
    raw = own - context.charged
    carry_out = min(NOTHING, raw) if item.recorded == "zero" else NOTHING
    facts = numbers(own=own, carry_in=context.carry_in, charged=context.charged, carry_out=carry_out)
    marks = {"own": own, "raw": raw, "carry_out": carry_out}
    return _node(item, raw - carry_out, "line_carry", facts, children=(child,), marks=marks)


def _unknown_carry(item: Carry, context: Context, child: Node) -> Node:
    """The month before, or a subordinate's month, is still incomplete: what it leaves or charges is not known."""
    waits = tuple(dict.fromkeys(context.waits))
    facts = {"n": str(len(waits)), "parts": {"zh": "、".join(waits), "en": ", ".join(waits)}}
    return _node(item, None, "line_open", facts, status="missing", missing=waits, children=(child,))


# --- items made of inputs ---------------------------------------------------------------------------------------------


def _constant(item: Constant, _context: Context) -> Node:
    return _node(item, item.value, "line_constant", numbers(value=item.value))


def _entered(item: Entered, context: Context) -> Node:
    """An entered value, clamped to its points."""
    value = context.get(item.input)
    if value is None:
        return _missing(item, context, [item.input])
    if value == NOT_APPLICABLE:
        return _node(item, None, "line_not_applicable", {}, status="not_applicable", inputs=(item.input,))
    number = context.number(item.input)
    if number is None:  # a choice: recorded, without points
        return _node(item, NOTHING, "line_choice", {"value": _choice(item, context)}, inputs=(item.input,))
    clamped = _clamp(number, NOTHING if item.points is not None else None, item.points)
    code, facts = "line_entered", numbers(entered=number)
    if clamped != number:
        code, facts = "line_entered_clamped", numbers(entered=number, limit=clamped)
    return _node(item, clamped, code, facts, inputs=(item.input,))


def _choice(item: Entered, context: Context) -> Any:
    return context.book.inputs[item.input].choices[str(context.get(item.input))]


def _marks(item: Marks, context: Context) -> Node:
    """Plain mean of the rounds held; none held leaves it open."""
    marks = context.get(item.input)
    found = [m for m in marks if isinstance(m, Fraction)] if isinstance(marks, tuple) else []
    if not found:
        facts = {"inputs": titles(context.book, [item.input])}
        return _node(item, None, "line_missing", facts, status="missing", inputs=(item.input,), missing=(item.input,))
    total = sum(found, NOTHING)
    return _node(item, total / len(found), "line_mean", numbers(n=len(found), sum=total), inputs=(item.input,))


def _ratings(item: Ratings, context: Context) -> Node:
    """Σ weight × mean of the group's marks / over; an empty group leaves it open."""
    given = context.get(item.input)
    by_group = given if isinstance(given, Mapping) else {}
    means: dict[str, Fraction] = {g: sum(m, NOTHING) / len(m) for g in item.weights if (m := by_group.get(g))}
    words = context.book.inputs[item.input].groups
    children = tuple(
        Node(
            f"{item.id}_{g}", "group", words[g], means.get(g), "ok" if g in means else "missing",
            Reason("line_mean", numbers(n=len(by_group[g]), sum=sum(by_group[g], NOTHING)))
            if g in means
            else Reason("line_group_empty"),
            weight=w, inputs=(item.input,),
        )
        for g, w in item.weights.items()
    )  # fmt: skip
    if len(means) < len(item.weights):
        facts = {"parts": _names([c for c in children if c.status == "missing"]), "n": "1"}
        return _node(
            item, None, "line_open", facts, status="missing", children=children, inputs=(item.input,),
            missing=(item.input,),
        )  # fmt: skip
    value = sum((means[g] * w for g, w in item.weights.items()), NOTHING) / item.over
    terms = " + ".join(f"{exact(means[g])} × {exact(w)}" for g, w in item.weights.items())
    facts = {"terms": terms, "over": exact(item.over)}
    return _node(item, value, "line_weighted", facts, children=children, inputs=(item.input,))


def _item_table(item: ItemTable, context: Context) -> Node:
    """The items of a table handed in as data: each its maximum less its findings, never below 0 (扣完为止)."""
    rows, findings = context.get(item.items), context.findings(item.findings)
    table = [r for r in rows if isinstance(r, Row)] if isinstance(rows, tuple) else []
    if not table or findings is None:
        return _missing(item, context, [item.items]) if not table else _missing(item, context, [item.findings])
    children = tuple(_row(item, row, findings) for row in table)
    gained = sum(_values(children), NOTHING)
    facts = numbers(gained=gained)
    return _node(
        item, min(gained, item.points), "total_sum", facts, children=children, inputs=(item.items, item.findings)
    )


def _row(item: ItemTable, row: Row, findings: Sequence[Finding]) -> Node:
    mine = [f for f in findings if f.code == row.id]
    lost = sum(((item.each if f.points is None else f.points) * f.n for f in mine), NOTHING)
    facts = numbers(maximum=row.points, lost=lost)
    value = max(NOTHING, row.points - lost)
    code = (
        "line_deduct" if lost and value == row.points - lost else "line_deduct_used_up" if lost else "line_deduct_none"
    )
    return Node(
        f"{item.id}_{row.id}", "row", row.title, value, "ok", Reason(code, facts), row.points,
        inputs=(item.findings,),
    )  # fmt: skip


def _hanging(item: Hanging, context: Context) -> Node:
    """Failures of all issues' hang periods; from ``exposed_at`` failures on an issue is exposed."""
    accounts = context.get(item.input)
    if accounts is None:
        return _missing(item, context, [item.input])
    held = [a for a in accounts if isinstance(a, Account)] if isinstance(accounts, tuple) else []
    children = tuple(_account(item, a) for a in held)
    n = sum(c.marks["failures"] for c in children)
    n_exposed = sum(c.marks["exposed"] for c in children)
    value = Fraction(n) * (item.points or 1)
    marks = {"failures": Fraction(n), "exposed": Fraction(n_exposed)}
    facts = numbers(n=n, n_exposed=n_exposed, n_issues=len(children))
    return _node(item, value, "line_hanging", facts, children=children, inputs=(item.input,), marks=marks, maximum=None)


def _account(item: Hanging, account: Account) -> Node:
    """An issue's failures; each ends a hang period and opens the next, until the account is written off (销账)."""
    failures = sum(step in ("missed", "failed") for step in account.steps)
    closed = "passed" in account.steps
    periods = failures + 1
    facts = numbers(n=failures, n_periods=periods, earlier=account.earlier)
    code = "rule_account_closed" if closed else "rule_account_open"
    name = {"zh": account.id, "en": account.id}
    marks = {"failures": failures, "periods": periods, "closed": closed,
             "exposed": failures > 0 and failures + account.earlier >= item.exposed_at}  # fmt: skip
    return Node(
        f"{item.id}_{account.id}", "account", name, Fraction(failures) * (item.points or 1), "ok",
        Reason(code, facts), inputs=(item.input,), marks=marks,
    )  # fmt: skip


def _linear(item: Linear, context: Context) -> Node:
    """A sum of inputs times fixed coefficients."""
    value = linear(item.terms, context)
    if value is None:
        return _missing(item, context, list(item.terms))
    return _node(item, value, "line_linear", numbers(value=value), inputs=tuple(item.terms))


# --- items made of rates ----------------------------------------------------------------------------------------------


def _rated(item: Any, context: Context, name: str) -> tuple[Fraction, dict[str, Any]] | Node:
    """A rate's value and how the node shows it; or the node of an item that has no value."""
    rate = context.book.rates[name]
    parts = rate_parts(rate, context)
    if parts is None:
        return _missing(item, context, rate_inputs(rate))
    if parts[1] == 0:
        return _no_data(item, context, name)
    return parts[0] / parts[1], {"rate": name, "parts": parts, "inputs": rate_inputs(rate)}


def _no_data(item: Any, context: Context, name: str) -> Node:
    """What an empty denominator means: full points, left out, or open (空分母)."""
    rate = context.book.rates[name]
    option = rate.empty or context.book.empty.option
    most = maximum(item)
    facts = {"denominator": titles(context.book, list(rate.denominator))}
    more: dict[str, Any] = {"rate": name, "inputs": rate_inputs(rate)}
    if option == "full" and most is not None:
        return _node(item, most, "line_no_data_full", facts, **more)
    if option == "incomplete" and most is not None:
        missing = rate_inputs(rate)
        return _node(item, None, "line_no_data_incomplete", facts, status="missing", missing=missing, **more)
    return _node(item, None, "line_no_data_leave_out" if most else "line_no_data", facts, status="no_data", **more)


def _proportional(item: Proportional, context: Context) -> Node:
    """Points × rate, or points × score / 100, never below 0 or above the item's points."""
    found = _rated(item, context, item.rate)
    if isinstance(found, Node):
        return found
    value, more = found
    share = value / 100 if context.book.rates[item.rate].unit == "points" else value
    points = min(item.points, max(NOTHING, item.points * share))
    return _node(item, points, "line_proportional", numbers(maximum=item.points, value=value), **more)


def _limited(item: Any, context: Context) -> tuple[Fraction, dict[str, Any]] | Node:
    """The value that bands, limits and targets are written for: percent of a rate, or an input as it is."""
    if item.rate is not None:
        found = _rated(item, context, item.rate)
        if isinstance(found, Node):
            return found
        return scaled(context.book.rates[item.rate], found[1]["parts"]), found[1]
    number = context.number(item.input)
    if number is None:
        return _missing(item, context, [item.input])
    return number, {"inputs": (item.input,)}


def _bands(item: Bands, context: Context) -> Node:
    """The points of the first band whose bound the value reaches, else 0."""
    found = _limited(item, context)
    if isinstance(found, Node):
        return found
    value, more = found
    band = next((b for b in item.bands if value >= b.at_least), None)
    facts = numbers(amount=value, at_least=(band or item.bands[-1]).at_least)
    return _node(item, band.points if band else NOTHING, "line_band" if band else "line_below_bands", facts, **more)


def _all_or_nothing(item: AllOrNothing, context: Context) -> Node:
    """All the points if the value passes the limit, else none."""
    found = _limited(item, context)
    if isinstance(found, Node):
        return found
    value, more = found
    passed = holds(value, item.test, item.limit)
    facts = {**numbers(amount=value, limit=item.limit), "test": item.test}
    return _node(item, item.points if passed else NOTHING, "line_all" if passed else "line_nothing", facts, **more)


def _target(item: Target, context: Context) -> Node:
    """1 if the target is met, else 0."""
    found = _limited(item, context)
    if isinstance(found, Node):
        return found
    value, more = found
    met = value >= item.at_least
    facts = numbers(amount=value, at_least=item.at_least)
    return _node(item, Fraction(met), "line_target_met" if met else "line_target_missed", facts, **more)


def _shown(item: Shown, context: Context) -> Node:
    """A rate as it is, without points."""
    found = _rated(item, context, item.rate)
    if isinstance(found, Node):
        return found
    return _node(item, found[0], "line_rate", {}, **found[1])


# --- items made of rules ----------------------------------------------------------------------------------------------


def _judged(item: Any, context: Context) -> tuple[list[Node], Node | None]:
    """The rules' nodes; and the node of the item where they leave it without a value."""
    rules = [judge(r, context) for r in item.rules]
    if any(r.zeroes for r in rules):
        return rules, None
    if any(r.status == "missing" for r in rules):
        return rules, _open(item, rules)
    if all(r.status == "no_data" for r in rules):
        return rules, _node(item, None, rules[0].reason.code, rules[0].reason.facts, status="no_data",
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
            return _node(item, NOTHING, only.code, only.facts, **more)
        return _node(item, NOTHING, "line_zeroed", {"rules": _names(zeroing)}, **more)
    lost = sum(_values(rules), NOTHING)
    value = max(item.floor, item.points - lost)
    if len(rules) == 1 and rules[0].rate is not None:
        return _node(item, value, rules[0].reason.code, rules[0].reason.facts, **more)
    facts = numbers(maximum=item.points, lost=lost)
    code = (
        "line_deduct" if lost and value == item.points - lost else "line_deduct_used_up" if lost else "line_deduct_none"
    )
    return _node(item, value, code, facts, **more)


def _earn(item: Earn, context: Context) -> Node:
    """What the rules earn from 0, up to the points."""
    rules, without = _judged(item, context)
    if without is not None:
        return without
    earned = sum(_values(rules), NOTHING)
    value = _clamp(earned, NOTHING, item.points)
    facts = numbers(earned=earned) | (numbers(limit=item.points) if item.points is not None else {})
    return _node(item, value, "line_earn" if value == earned else "line_earn_capped", facts, children=tuple(rules))


def _lose(item: Lose, context: Context) -> Node:
    """What the rules cost, as a negative number."""
    rules, without = _judged(item, context)
    if without is not None:
        return without
    lost = sum(_values(rules), NOTHING)
    return _node(item, -lost, "line_lose" if lost else "line_deduct_none", numbers(lost=lost), children=tuple(rules))


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
        return _node(
            item, None, "line_periods_missing", facts, status="missing", missing=missing, children=children,
            maximum=None,
        )  # fmt: skip
    total = sum((v for _, v in held), NOTHING)
    over = Fraction(len(held)) if item.how == "mean" else item.over
    facts = numbers(n=len(held), sum=total, over=over)
    return _node(item, total / over, "line_periods", facts, children=children, maximum=None)


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
    "constant": _constant,
    "entered": _entered,
    "marks": _marks,
    "ratings": _ratings,
    "proportional": _proportional,
    "bands": _bands,
    "all_or_nothing": _all_or_nothing,
    "deduct": _deduct,
    "earn": _earn,
    "lose": _lose,
    "periods": _periods,
    "carry": _carry,
    "hanging": _hanging,
    "table": _item_table,
    "linear": _linear,
    "rate": _shown,
    "target": _target,
}
