"""Items made of inputs and rates (基础考核项): what was entered, rated, counted, measured; one function a kind."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from gridmgmt.documents import holds
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.items import (
    AllOrNothing,
    Bands,
    Constant,
    Entered,
    Hanging,
    ItemTable,
    Linear,
    Marks,
    Proportional,
    Ratings,
    Shown,
    Target,
)
from gridmgmt.rulebooks.model import maximum
from gridmgmt.rulebooks.nodes import Context, Node, Reason, linear, numbers, rate_inputs, rate_parts, scaled, titles
from gridmgmt.rulebooks.values import FAILED, NOT_APPLICABLE, Account, Finding, Row

NOTHING = Fraction(0)


def item_node(item: Any, value: Fraction | None, code: str, facts: Mapping[str, Any], **more: Any) -> Node:
    """An item's node; its maximum is that of the item unless given."""
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


def missing_node(item: Any, context: Context, names: Sequence[str]) -> Node:
    """An item whose inputs are not all there: it has no value, and names them."""
    lacking = context.missing(*names)
    facts = {"inputs": titles(context.book, lacking)}
    return item_node(item, None, "line_missing", facts, status="missing", inputs=tuple(names), missing=lacking)


def open_node(item: Any, children: Sequence[Node], **more: Any) -> Node:
    """An item whose parts are not all known: it has no value, and says what is lacking."""
    lacking = tuple(dict.fromkeys(m for c in children for m in c.missing))
    facts = {"n": str(len(lacking)), "parts": named_parts([c for c in children if c.status == "missing"])}
    return item_node(
        item, None, "line_open", facts, status="missing", missing=lacking, children=tuple(children), **more
    )


def named_parts(nodes: Sequence[Node]) -> dict[str, str]:
    """The titles of several nodes in both languages."""
    return {"zh": "、".join(n.title["zh"] for n in nodes), "en": ", ".join(n.title["en"] for n in nodes)}


def known_values(nodes: Sequence[Node]) -> list[Fraction]:
    """The values of the nodes that have one."""
    return [n.value for n in nodes if n.value is not None]


def clamp(value: Fraction, low: Fraction | None, high: Fraction | None) -> Fraction:
    """The value, no lower and no higher than the limits that are given."""
    if high is not None:
        value = min(value, high)
    return value if low is None else max(value, low)


def _constant(item: Constant, _context: Context) -> Node:
    return item_node(item, item.value, "line_constant", numbers(value=item.value))


def _entered(item: Entered, context: Context) -> Node:
    """An entered value, clamped to its points."""
    value = context.get(item.input)
    if value is None:
        return missing_node(item, context, [item.input])
    if value == NOT_APPLICABLE:
        return item_node(item, None, "line_not_applicable", {}, status="not_applicable", inputs=(item.input,))
    number = context.number(item.input)
    if number is None:  # a choice: recorded, without points
        return item_node(item, NOTHING, "line_choice", {"value": _choice(item, context)}, inputs=(item.input,))
    clamped = clamp(number, NOTHING if item.points is not None else None, item.points)
    code, facts = "line_entered", numbers(entered=number)
    if clamped != number:
        code, facts = "line_entered_clamped", numbers(entered=number, limit=clamped)
    return item_node(item, clamped, code, facts, inputs=(item.input,))


def _choice(item: Entered, context: Context) -> Any:
    return context.book.inputs[item.input].choices[str(context.get(item.input))]


def _marks(item: Marks, context: Context) -> Node:
    """Plain mean of the rounds held; none held leaves it open."""
    marks = context.get(item.input)
    found = [m for m in marks if isinstance(m, Fraction)] if isinstance(marks, tuple) else []
    if not found:
        facts = {"inputs": titles(context.book, [item.input])}
        return item_node(
            item, None, "line_missing", facts, status="missing", inputs=(item.input,), missing=(item.input,)
        )
    total = sum(found, NOTHING)
    return item_node(item, total / len(found), "line_mean", numbers(n=len(found), sum=total), inputs=(item.input,))


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
        facts = {"parts": named_parts([c for c in children if c.status == "missing"]), "n": "1"}
        return item_node(
            item, None, "line_open", facts, status="missing", children=children, inputs=(item.input,),
            missing=(item.input,),
        )  # fmt: skip
    value = sum((means[g] * w for g, w in item.weights.items()), NOTHING) / item.over
    terms = " + ".join(f"{exact(means[g])} × {exact(w)}" for g, w in item.weights.items())
    facts = {"terms": terms, "over": exact(item.over)}
    return item_node(item, value, "line_weighted", facts, children=children, inputs=(item.input,))


def _item_table(item: ItemTable, context: Context) -> Node:
    """The items of a table handed in as data: each its maximum less its findings, never below 0 (扣完为止)."""
    rows, findings = context.get(item.items), context.findings(item.findings)
    table = [r for r in rows if isinstance(r, Row)] if isinstance(rows, tuple) else []
    if not table or findings is None:
        return missing_node(item, context, [item.items]) if not table else missing_node(item, context, [item.findings])
    children = tuple(_row(item, row, findings) for row in table)
    gained = sum(known_values(children), NOTHING)
    facts = numbers(gained=gained)
    return item_node(
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
        return missing_node(item, context, [item.input])
    held = [a for a in accounts if isinstance(a, Account)] if isinstance(accounts, tuple) else []
    children = tuple(_account(item, a) for a in held)
    n = sum(c.marks["failures"] for c in children)
    n_exposed = sum(c.marks["exposed"] for c in children)
    value = Fraction(n) * (item.points or 1)
    marks = {"failures": Fraction(n), "exposed": Fraction(n_exposed)}
    facts = numbers(n=n, n_exposed=n_exposed, n_issues=len(children))
    return item_node(
        item, value, "line_hanging", facts, children=children, inputs=(item.input,), marks=marks, maximum=None
    )


def _account(item: Hanging, account: Account) -> Node:
    """An issue's failures; each ends a hang period and opens the next, until the account is written off (销账)."""
    failures = sum(step in FAILED for step in account.steps)
    closed = "passed" in account.steps
    periods = failures + 1
    facts = numbers(n=failures, n_periods=periods, earlier=account.earlier)
    code = "rule_account_closed" if closed else "rule_account_open"
    if "sent_back" in account.steps:
        code = "rule_account_sent_back"
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
        return missing_node(item, context, list(item.terms))
    return item_node(item, value, "line_linear", numbers(value=value), inputs=tuple(item.terms))


def _rated(item: Any, context: Context, name: str) -> tuple[Fraction, dict[str, Any]] | Node:
    """A rate's value and how the node shows it; or the node of an item that has no value."""
    rate = context.book.rates[name]
    parts = rate_parts(rate, context)
    if parts is None:
        return missing_node(item, context, rate_inputs(rate))
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
        return item_node(item, most, "line_no_data_full", facts, **more)
    if option == "incomplete" and most is not None:
        missing = rate_inputs(rate)
        return item_node(item, None, "line_no_data_incomplete", facts, status="missing", missing=missing, **more)
    return item_node(item, None, "line_no_data_leave_out" if most else "line_no_data", facts, status="no_data", **more)


def _proportional(item: Proportional, context: Context) -> Node:
    """Points × rate, or points × score / 100, never below 0 or above the item's points."""
    found = _rated(item, context, item.rate)
    if isinstance(found, Node):
        return found
    value, more = found
    share = value / 100 if context.book.rates[item.rate].unit == "points" else value
    points = min(item.points, max(NOTHING, item.points * share))
    return item_node(item, points, "line_proportional", numbers(maximum=item.points, value=value), **more)


def _limited(item: Any, context: Context) -> tuple[Fraction, dict[str, Any]] | Node:
    """The value that bands, limits and targets are written for: percent of a rate, or an input as it is."""
    if item.rate is not None:
        found = _rated(item, context, item.rate)
        if isinstance(found, Node):
            return found
        return scaled(context.book.rates[item.rate], found[1]["parts"]), found[1]
    number = context.number(item.input)
    if number is None:
        return missing_node(item, context, [item.input])
    return number, {"inputs": (item.input,)}


def _bands(item: Bands, context: Context) -> Node:
    """The points of the first band whose bound the value reaches, else 0."""
    found = _limited(item, context)
    if isinstance(found, Node):
        return found
    value, more = found
    band = next((b for b in item.bands if value >= b.at_least), None)
    facts = numbers(amount=value, at_least=(band or item.bands[-1]).at_least)
    return item_node(item, band.points if band else NOTHING, "line_band" if band else "line_below_bands", facts, **more)


def _all_or_nothing(item: AllOrNothing, context: Context) -> Node:
    """All the points if the value passes the limit, else none."""
    found = _limited(item, context)
    if isinstance(found, Node):
        return found
    value, more = found
    passed = holds(value, item.test, item.limit)
    facts = {**numbers(amount=value, limit=item.limit), "test": item.test}
    return item_node(item, item.points if passed else NOTHING, "line_all" if passed else "line_nothing", facts, **more)


def _target(item: Target, context: Context) -> Node:
    """1 if the target is met, else 0."""
    found = _limited(item, context)
    if isinstance(found, Node):
        return found
    value, more = found
    met = value >= item.at_least
    facts = numbers(amount=value, at_least=item.at_least)
    return item_node(item, Fraction(met), "line_target_met" if met else "line_target_missed", facts, **more)


def _shown(item: Shown, context: Context) -> Node:
    """A rate as it is, without points."""
    found = _rated(item, context, item.rate)
    if isinstance(found, Node):
        return found
    return item_node(item, found[0], "line_rate", {}, **found[1])


LEAVES: Mapping[str, Callable[[Any, Context], Node]] = {
    "constant": _constant,
    "entered": _entered,
    "marks": _marks,
    "ratings": _ratings,
    "proportional": _proportional,
    "bands": _bands,
    "all_or_nothing": _all_or_nothing,
    "hanging": _hanging,
    "table": _item_table,
    "linear": _linear,
    "rate": _shown,
    "target": _target,
}
