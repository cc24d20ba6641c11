"""Items and rules in words (规则说明): one short function a kind, both languages."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from gridmgmt.files.wording import Words, joined, same, words
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.exports.reasons import TESTS
from gridmgmt.rulebooks.items import (
    AllOrNothing,
    Bands,
    Carry,
    Constant,
    Deduct,
    Earn,
    Entered,
    Hanging,
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
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.rules import (
    Amount,
    Beyond,
    Compare,
    Each,
    EventKind,
    EventRule,
    Largest,
    Once,
    Only,
    Smallest,
    Steps,
    Zero,
)


def rule_words(book: Rulebook, part: Any) -> Words:
    """How an item or rule comes to its points, and whom it concerns."""
    return concat(_KINDS[part.kind](book, part), *_only(part.only))


def _only(only: Only | None) -> Sequence[Words]:
    if only is None:
        return ()
    given = (("roles", only.roles), ("attributes", only.attributes), ("without", only.without))
    return [words(f"show_only_{key}", names=", ".join(names)) for key, names in given if names]


def concat(*texts: Words | None, zh: str = "", en: str = "") -> Words:
    """Texts one behind the other, with a separator of each language between them; None is passed over."""
    held = [t for t in texts if t is not None]
    return {"zh": zh.join(t["zh"] for t in held), "en": en.join(t["en"] for t in held)}


def input_title(book: Rulebook, name: str) -> Words:
    """An input's title."""
    return book.inputs[name].title


def limit_words(book: Rulebook, rate: str | None, value: Fraction) -> str:
    """A limit as it is compared: in percent for a rate of 0–1, else as it is."""
    is_percent = rate is not None and book.rates[rate].unit == "percent"
    return f"{exact(value)}%" if is_percent else exact(value)


def terms_words(book: Rulebook, terms: Mapping[str, Fraction]) -> Words:
    """A sum of inputs times coefficients: ``按期结案数 + 0.6 × 延期结案数``."""
    parts = []
    for place, (name, coefficient) in enumerate(terms.items()):
        sign = " − " if coefficient < 0 else " + " if place else ""
        factor = "" if abs(coefficient) == 1 else f"{exact(abs(coefficient))} × "
        parts.append(concat(same(sign.lstrip() if not place else sign), same(factor), input_title(book, name)))
    return concat(*parts)


def _of(book: Rulebook, part: Any) -> Words:
    """The title of the rate or input that a limit is set for."""
    return book.rates[part.rate].title if part.rate is not None else input_title(book, part.input)


def _within(points: Fraction | None) -> Words | None:
    return words("show_within", points=exact(points)) if points is not None else None


def _cap(cap: Fraction | None) -> Words | None:
    return words("show_cap", cap=exact(cap)) if cap is not None else None


# --- items ------------------------------------------------------------------------------------------------------------


def _sum(_book: Rulebook, item: Sum) -> Words:
    floor = words("show_floor", floor=exact(item.floor)) if item.floor is not None else None
    return concat(words("show_sum"), _cap(item.points), floor)


def _weighted(_book: Rulebook, item: Weighted) -> Words:
    return words("show_weighted", over=exact(item.over))


def _mean(_book: Rulebook, _item: Mean) -> Words:
    return words("show_mean")


def _constant(_book: Rulebook, item: Constant) -> Words:
    return words("show_constant", value=exact(item.value))


def _entered(book: Rulebook, item: Entered) -> Words:
    return concat(words("show_entered", input=input_title(book, item.input)), _within(item.points))


def _marks(book: Rulebook, item: Marks) -> Words:
    return words("show_marks", input=input_title(book, item.input))


def _ratings(book: Rulebook, item: Ratings) -> Words:
    groups = book.inputs[item.input].groups
    terms = concat(*(concat(groups[g], same(f" × {exact(w)}")) for g, w in item.weights.items()), zh=" + ", en=" + ")
    return words("show_ratings", input=input_title(book, item.input), terms=terms, over=exact(item.over))


def _proportional(book: Rulebook, item: Proportional) -> Words:
    rate = book.rates[item.rate]
    code = "show_proportional_score" if rate.unit == "points" else "show_proportional"
    return words(code, points=exact(item.points), rate=rate.title)


def _bands(book: Rulebook, item: Bands) -> Words:
    limits = [limit_words(book, item.rate, b.at_least) for b in item.bands]
    bands = [words("show_band", at_least=x, points=exact(b.points)) for x, b in zip(limits, item.bands, strict=True)]
    return words("show_bands", of=_of(book, item), bands=concat(*bands, zh="，", en=", "))


def _all_or_nothing(book: Rulebook, item: AllOrNothing) -> Words:
    limit = limit_words(book, item.rate, item.limit)
    return words("show_all_or_nothing", of=_of(book, item), test=TESTS[item.test], limit=limit)


def _deduct(_book: Rulebook, item: Deduct) -> Words:
    if item.floor:
        return words("show_deduct_floor", points=exact(item.points), floor=exact(item.floor))
    return words("show_deduct", points=exact(item.points))


def _earn(_book: Rulebook, item: Earn) -> Words:
    return words("show_earn", points=exact(item.points)) if item.points is not None else words("show_earn_open")


def _lose(_book: Rulebook, _item: Lose) -> Words:
    return words("show_lose")


def _periods(book: Rulebook, item: Periods) -> Words:
    below = book.stage(item.stage)
    title = next((i.title for _, i in below.items() if i.id == item.of), words("show_total"))
    facts: dict[str, Any] = {"stage": below.title, "of": title, "n": item.n}
    made = (
        words("show_periods_mean", **facts)
        if item.how == "mean"
        else words("show_periods_sum", **facts, over=exact(item.over))
    )
    return concat(made, words("show_periods_left_out") if item.pending == "left_out" else None)


def _carry(_book: Rulebook, item: Carry) -> Words:
    charges = words("show_carry_charges") if item.charges else None
    within = None if item.across_years else words("show_carry_within_year")
    return concat(words(f"show_carry_{item.recorded}"), charges, within)


def _hanging(book: Rulebook, item: Hanging) -> Words:
    facts: dict[str, Any] = {"input": input_title(book, item.input), "exposed_at": item.exposed_at}
    if item.points is None:
        return words("show_hanging", **facts)
    return words("show_hanging_points", **facts, points=exact(item.points))


def _table(book: Rulebook, item: ItemTable) -> Words:
    rows, findings = input_title(book, item.items), input_title(book, item.findings)
    return words("show_table", items=rows, findings=findings, points=exact(item.points), each=exact(item.each))


def _linear(book: Rulebook, item: Linear) -> Words:
    return words("show_linear", terms=terms_words(book, item.terms))


def _rate(book: Rulebook, item: Shown) -> Words:
    return words("show_rate", rate=book.rates[item.rate].title)


def _target(book: Rulebook, item: Target) -> Words:
    return words("show_target", of=_of(book, item), at_least=limit_words(book, item.rate, item.at_least))


# --- rules ------------------------------------------------------------------------------------------------------------


def _each(book: Rulebook, rule: Each) -> Words:
    distinct = words("show_distinct") if rule.distinct else None
    unless = words("show_unless", input=input_title(book, rule.unless)) if rule.unless is not None else None
    head = words("show_each", input=input_title(book, rule.input), points=exact(rule.points))
    return concat(head, distinct, unless, _cap(rule.cap))


def _once(book: Rulebook, rule: Once) -> Words:
    return words("show_once", input=input_title(book, rule.input), points=exact(rule.points))


def _amount(book: Rulebook, rule: Amount) -> Words:
    return concat(words("show_amount", input=input_title(book, rule.input)), _cap(rule.cap))


def _steps(book: Rulebook, rule: Steps) -> Words:
    is_percent = book.rates[rule.rate].unit == "percent"
    head = words(
        f"show_steps_{rule.direction}",
        rate=book.rates[rule.rate].title,
        threshold=limit_words(book, rule.rate, rule.threshold),
        step=words("show_pp" if is_percent else "show_points", n=exact(rule.step)),
        points_per_step=exact(rule.points_per_step),
        mode=words(f"show_mode_{rule.step_mode}"),
    )
    return concat(head, _zero_beyond(book, rule))


def _zero_beyond(book: Rulebook, rule: Steps) -> Words | None:
    if rule.zero_beyond is None:
        return None
    limit = limit_words(book, rule.rate, rule.zero_beyond)
    if rule.direction == "above":
        return words("show_zero_from" if rule.zero_inclusive else "show_zero_above", limit=limit)
    return words("show_zero_down_from" if rule.zero_inclusive else "show_zero_below", limit=limit)


def _zero(book: Rulebook, rule: Zero) -> Words:
    return words("show_zero", input=input_title(book, rule.input))


def _compare(book: Rulebook, rule: Compare) -> Words:
    right = terms_words(book, rule.right) if isinstance(rule.right, Mapping) else same(exact(rule.right))
    left = input_title(book, rule.left)
    return words("show_compare", left=left, test=TESTS[rule.test], right=right, points=exact(rule.points))


def _beyond(book: Rulebook, rule: Beyond) -> Words:
    return words(
        f"show_beyond_{rule.counts}",
        input=input_title(book, rule.input),
        of=input_title(book, rule.allowance_of),
        share=exact(rule.allowance_share),
        points=exact(rule.points),
    )


def _events(book: Rulebook, rule: EventRule) -> Words:
    return words("show_events", input=input_title(book, rule.input))


def event_words(rule: EventRule, kind: EventKind) -> Words:
    """The points of one kind of event, and when it counts."""
    beside = [other.title for other in rule.table if other.code in kind.not_beside]
    return concat(
        _event_points(kind),
        _cap(kind.cap),
        words("show_event_once_per", word=kind.once_per) if kind.once_per is not None else None,
        words("show_event_doubled") if kind.doubled else None,
        words("show_event_not_beside", names=joined(beside)) if beside else None,
    )


def _event_points(kind: EventKind) -> Words:
    """What one event costs or earns, and from which amount on."""
    if isinstance(kind.points, Mapping):
        by_role = ", ".join(f"{role} {exact(p)}" for role, p in kind.points.items())
        head = words("show_event_roles", points=by_role)
    elif kind.points is None:
        head = words("show_event_own")
    elif kind.free_per_month is not None:
        head = words("show_event_free", free=exact(kind.free_per_month), points=exact(kind.points))
    else:
        head = words("show_event_points", points=exact(kind.points)) if kind.points else words("show_event_recorded")
    if kind.reaches is None:
        return head
    limit = words("show_event_reaches", test=TESTS[kind.reaches.test], limit=exact(kind.reaches.limit))
    return concat(limit, head)


def _largest(_book: Rulebook, _rule: Largest) -> Words:
    return words("show_largest")


def _smallest(_book: Rulebook, _rule: Smallest) -> Words:
    return words("show_smallest")


_KINDS: Mapping[str, Callable[[Rulebook, Any], Words]] = {
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
    "table": _table,
    "linear": _linear,
    "rate": _rate,
    "target": _target,
    "each": _each,
    "once": _once,
    "amount": _amount,
    "steps": _steps,
    "zero": _zero,
    "compare": _compare,
    "beyond": _beyond,
    "events": _events,
    "largest": _largest,
    "smallest": _smallest,
}
