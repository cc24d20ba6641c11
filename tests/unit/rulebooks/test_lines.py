"""What every kind's line says: its points, its reason with exact facts, what it was made from, what it still lacks."""

import datetime as dt
from fractions import Fraction
from typing import Any

import pytest
from pydantic import TypeAdapter

from gridmgmt.rulebooks.exports.reasons import reason_words
from gridmgmt.rulebooks.items import Item, Rule
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.results import Context, Node
from gridmgmt.rulebooks.values import Account, Event, Finding, Row
from tests.unit.rulebooks.tiny import tiny

WRITTEN = {"zh": "登记", "en": "written down"}
MORE: dict[str, dict[str, Any]] = {
    "rounds": {"title": {"zh": "评分", "en": "Rounds"}, "type": "marks"},
    "people": {"title": {"zh": "测评", "en": "Ratings"}, "type": "ratings",
               "groups": {"chiefs": {"zh": "领导", "en": "Chiefs"}, "peers": {"zh": "同事", "en": "Peers"}}},
    "issues": {"title": {"zh": "挂账", "en": "Accounts"}, "type": "accounts"},
    "sheet": {"title": {"zh": "项目表", "en": "Sheet"}, "type": "items"},
    "word": {"title": {"zh": "等级", "en": "Word"}, "type": "choice",
             "choices": {"good": {"zh": "好", "en": "Good"}, "bad": {"zh": "差", "en": "Bad"}}},
}  # fmt: skip
PLAIN = tiny().rulebook.model_dump(by_alias=True)
INPUTS = PLAIN["inputs"] | {name: {**spec, "entered": WRITTEN} for name, spec in MORE.items()}
BOOK = Rulebook.model_validate({**PLAIN, "inputs": INPUTS})
WORDS = {"zh": "测试", "en": "Test"}
ITEM: TypeAdapter[Any] = TypeAdapter(Item)
RULE: TypeAdapter[Any] = TypeAdapter(Rule)


def part(kind: str, **own: Any) -> Any:
    reader = RULE if kind in RULES else ITEM
    return reader.validate_python({"id": "x", "title": WORDS, "code": "3.1", "kind": kind, **own})


RULES = ("amount", "beyond", "compare", "each", "events", "largest", "once", "smallest", "steps", "zero")


def typed(values: dict[str, Any]) -> dict[str, Any]:
    is_whole = {k: isinstance(v, int) and not isinstance(v, bool) for k, v in values.items()}
    return {k: Fraction(v) if is_whole[k] else v for k, v in values.items()}


def line(kind: str, values: dict[str, Any], *, told_by: dict[str, Any] | None = None, **own: Any) -> Node:
    found: Node = part(kind, **own).evaluate(Context(BOOK, typed(values), "head", told_by=told_by or {}))
    return found


def below(kind: str, name: str, **own: Any) -> dict[str, Any]:
    return {"id": name, "title": {"zh": name, "en": name}, "kind": kind, **own}


AMOUNT: dict[str, Any] = {"input": "business", "cap": 5}
BEYOND: dict[str, Any] = {"input": "closed", "allowance_of": "due", "allowance_share": "0.1", "points": 2}
TWO_RULES = [below("each", "a", input="faults", points=2), below("once", "b", input="disaster", points=3)]
TABLE = [{"code": "praise", "title": WORDS, "points": 2, "cap": 5}, {"code": "news", "title": WORDS, "points": 1}]
CLOSING = {"percent": "79", "threshold": "80", "step": "5", "points_per_step": "2"}
STEPS: dict[str, Any] = {
    "rate": "closing", "threshold": 80, "direction": "below", "step": 5, "points_per_step": 2, "step_mode": "ceil",
}  # fmt: skip
LIMIT: dict[str, Any] = {"points": 7, "test": ">=", "limit": 80}
TWO_ITEMS = [below("entered", n, input=n, points=100) for n in ("business", "social")]
WEIGHTED = [{**item, "weight": w} for item, w in zip(TWO_ITEMS, (3, 1), strict=True)]
RATED = {"rate": "closing"}

Told = tuple[str, str, dict[str, Any], tuple[str, ...]]
LINES: list[tuple[str, dict[str, Any], dict[str, Any], Told]] = [
    # kind, its keys, values → points, reason, facts, inputs read directly
    ("all_or_nothing", {**LIMIT, "input": "business"}, {"business": 80},
     ("7", "line_all", {"amount": "80", "limit": "80", "test": ">="}, ("business",))),
    ("all_or_nothing", {**LIMIT, **RATED}, {"due": 100, "closed": 79},
     ("0", "line_nothing", {"amount": "79", "limit": "80", "test": ">="}, ("closed", "due"))),
    ("amount", AMOUNT, {"business": 4}, ("4", "rule_amount", {"points": "4"}, ("business",))),
    ("amount", AMOUNT, {"business": 6}, ("5", "rule_amount", {"points": "5"}, ("business",))),
    ("beyond", BEYOND, {"due": 39, "closed": 5},
     ("4", "rule_beyond", {"n": "5", "each": "2", "points": "4", "allowance": "3", "over": "2"}, ("closed", "due"))),
    ("beyond", BEYOND, {"due": 39, "closed": 3},
     ("0", "rule_beyond", {"n": "3", "each": "2", "points": "0", "allowance": "3", "over": "0"}, ("closed", "due"))),
    ("beyond", {**BEYOND, "counts": "all"}, {"due": 39, "closed": 4},
     ("8", "rule_each", {"n": "4", "each": "2", "points": "8"}, ("closed", "due"))),
    ("beyond", {**BEYOND, "counts": "all"}, {"due": 39, "closed": 3},
     ("0", "rule_beyond", {"n": "3", "each": "2", "points": "0", "allowance": "3", "over": "0"}, ("closed", "due"))),
    ("compare", {"left": "due", "test": ">", "right": {"closed": 15}, "points": 2}, {"due": 31, "closed": 2},
     ("2", "rule_compare", {"left": "31", "test": ">", "right": "30", "points": "2"}, ("due", "closed"))),
    ("compare", {"left": "due", "test": ">", "right": 31, "points": 2}, {"due": 31},
     ("0", "rule_compare_not", {"left": "31", "test": ">", "right": "31", "points": "2"}, ("due",))),
    ("constant", {"value": "2.5"}, {}, ("2.5", "line_constant", {"value": "2.5"}, ())),
    ("each", {"input": "faults", "points": 2, "cap": 6}, {"faults": (Finding(3),)},
     ("6", "rule_each", {"n": "3", "each": "2", "points": "6"}, ("faults",))),
    ("each", {"input": "faults", "points": 2, "cap": 6}, {"faults": 4},
     ("6", "rule_each_capped", {"n": "4", "each": "2", "points": "8", "cap": "6"}, ("faults",))),
    ("each", {"input": "faults", "points": 2}, {}, ("0", "rule_none", {"n": "0", "each": "2", "points": "0"},
                                                  ("faults",))),
    ("earn", {"points": 5, "rules": TWO_RULES}, {"faults": 1, "disaster": 1},
     ("5", "line_earn", {"earned": "5", "limit": "5"}, ())),
    ("earn", {"points": 5, "rules": TWO_RULES}, {"faults": 2, "disaster": 1},
     ("5", "line_earn_capped", {"earned": "7", "limit": "5"}, ())),
    ("earn", {"rules": TWO_RULES}, {"faults": 2, "disaster": 1}, ("7", "line_earn", {"earned": "7"}, ())),
    ("lose", {"rules": TWO_RULES}, {"faults": 2, "disaster": 1}, ("-7", "line_lose", {"lost": "7"}, ())),
    ("lose", {"rules": TWO_RULES}, {}, ("0", "line_deduct_none", {"lost": "0"}, ())),
    ("deduct", {"points": 9, "rules": TWO_RULES}, {"faults": 3, "disaster": 1},
     ("0", "line_deduct", {"maximum": "9", "lost": "9"}, ())),
    ("deduct", {"points": 9, "rules": TWO_RULES}, {"faults": 4, "disaster": 1},
     ("0", "line_deduct_used_up", {"maximum": "9", "lost": "11"}, ())),
    ("deduct", {"points": 9, "floor": -3, "rules": TWO_RULES}, {"faults": 4, "disaster": 1},
     ("-2", "line_deduct", {"maximum": "9", "lost": "11"}, ())),
    ("deduct", {"points": 9, "rules": TWO_RULES}, {}, ("9", "line_deduct_none", {"maximum": "9", "lost": "0"}, ())),
    ("deduct", {"points": 9, "rules": TWO_RULES[:1]}, {"faults": 2},
     ("5", "line_deduct", {"maximum": "9", "lost": "4"}, ("faults",))),
    ("deduct", {"points": 9, "rules": [*TWO_RULES, below("zero", "c", input="disaster")]},
     {"faults": 1, "disaster": 1}, ("0", "line_zeroed", {"rules": {"zh": "c", "en": "c"}}, ())),
    ("entered", {"input": "business", "points": 10}, {"business": 10},
     ("10", "line_entered", {"entered": "10"}, ("business",))),
    ("entered", {"input": "business", "points": 10}, {"business": 11},
     ("10", "line_entered_clamped", {"entered": "11", "limit": "10"}, ("business",))),
    ("entered", {"input": "business", "points": 10}, {"business": -1},
     ("0", "line_entered_clamped", {"entered": "-1", "limit": "0"}, ("business",))),
    ("entered", {"input": "business"}, {"business": -1}, ("-1", "line_entered", {"entered": "-1"}, ("business",))),
    ("entered", {"input": "business"}, {"business": "not_applicable"}, ("", "line_not_applicable", {}, ("business",))),
    ("entered", {"input": "word"}, {"word": "good"},
     ("0", "line_choice", {"value": {"zh": "好", "en": "Good"}}, ("word",))),
    ("events", {"input": "happenings", "table": TABLE}, {"happenings": (Event("praise", 2), Event("news", 3))},
     ("7", "rule_events", {"n": "5", "points": "7"}, ("happenings",))),
    ("events", {"input": "happenings", "table": TABLE}, {"happenings": (Event("other"),)},
     ("0", "rule_none", {"n": "0", "points": "0"}, ("happenings",))),
    ("hanging", {"input": "issues", "exposed_at": 3}, {"issues": (Account("i", ("dispatched", "missed")),)},
     ("1", "line_hanging", {"n": "1", "n_exposed": "0", "n_issues": "1"}, ("issues",))),
    ("hanging", {"input": "issues", "exposed_at": 3, "points": 2},
     {"issues": (Account("i", ("dispatched", "missed"), "U", earlier=2), Account("j", ("dispatched",), earlier=9))},
     ("2", "line_hanging_exposed", {"n": "1", "n_exposed": "1", "n_issues": "2", "exposed":
                                    {"zh": "i（U 承办）", "en": "i (with U)"}}, ("issues",))),
    ("hanging", {"input": "issues", "exposed_at": 1}, {"issues": (Account("i", ("dispatched", "failed")),)},
     ("1", "line_hanging_exposed", {"n": "1", "n_exposed": "1", "n_issues": "1", "exposed": {"zh": "i", "en": "i"}},
      ("issues",))),
    ("largest", {"rules": TWO_RULES}, {"faults": 1, "disaster": 1}, ("3", "rule_largest", {"points": "3"}, ())),
    ("largest", {"rules": TWO_RULES}, {}, ("0", "rule_none", {"points": "0"}, ())),
    ("smallest", {"rules": TWO_RULES}, {"faults": 1, "disaster": 1}, ("2", "rule_smallest", {"points": "2"}, ())),
    ("smallest", {"rules": TWO_RULES}, {"faults": 1}, ("0", "rule_none", {"points": "0"}, ())),
    ("linear", {"terms": {"due": 2, "closed": "-0.5"}}, {"due": 3, "closed": 1},
     ("5.5", "line_linear", {"value": "5.5"}, ("due", "closed"))),
    ("marks", {"input": "rounds"}, {"rounds": (Fraction(80), Fraction(91))},
     ("85.5", "line_mean", {"n": "2", "sum": "171"}, ("rounds",))),
    ("mean", {"items": TWO_ITEMS}, {"business": 80, "social": 91}, ("85.5", "line_mean", {"n": "2", "sum": "171"}, ())),
    ("mean", {"items": TWO_ITEMS}, {"business": 80, "social": "not_applicable"},
     ("80", "line_mean", {"n": "1", "sum": "80"}, ())),
    ("mean", {"items": TWO_ITEMS}, {"business": "not_applicable", "social": "not_applicable"},
     ("", "line_not_applicable", {}, ())),
    ("once", {"input": "faults", "points": 3}, {"faults": 2}, ("3", "rule_once", {"points": "3"}, ("faults",))),
    ("once", {"input": "faults", "points": 3}, {}, ("0", "rule_none", {"points": "3"}, ("faults",))),
    ("proportional", {"points": 30, **RATED}, {"due": 10, "closed": 9},
     ("27", "line_proportional", {"maximum": "30", "value": "0.9"}, ("closed", "due"))),
    ("proportional", {"points": 30, **RATED}, {"due": 10, "closed": 11},
     ("30", "line_proportional", {"maximum": "30", "value": "1.1"}, ("closed", "due"))),
    ("proportional", {"points": 30, **RATED}, {"due": 0, "closed": 0},
     ("30", "line_no_data_full", {"denominator": {"zh": "应结案数", "en": "Due"}}, ("closed", "due"))),
    ("rank", {}, {}, ("", "line_rank_none", {}, ())),
    ("rank", {"input": "due"}, {}, ("", "line_rank_none", {}, ("due",))),
    ("rank", {"input": "due"}, {"due": 3}, ("3", "line_rank_told", {"told": "3"}, ("due",))),
    ("rate", RATED, {"due": 10, "closed": 9}, ("0.9", "line_rate", {}, ("closed", "due"))),
    ("rate", RATED, {"due": 0, "closed": 0},
     ("", "line_no_data", {"denominator": {"zh": "应结案数", "en": "Due"}}, ("closed", "due"))),
    ("ratings", {"input": "people", "weights": {"chiefs": 60, "peers": 40}},
     {"people": {"chiefs": (Fraction(80), Fraction(90)), "peers": (Fraction(70),)}},
     ("79", "line_weighted", {"terms": "85 × 60 + 70 × 40", "over": "100"}, ("people",))),
    ("steps", STEPS, {"due": 100, "closed": 79},
     ("2", "line_steps", {**CLOSING, "n_steps": "1", "lost": "2"}, ("closed", "due"))),
    ("steps", STEPS, {"due": 100, "closed": 80},
     ("0", "line_within_threshold", {**CLOSING, "percent": "80"}, ("closed", "due"))),
    ("steps", {**STEPS, "zero_beyond": 60}, {"due": 100, "closed": 59},
     ("0", "line_zero_beyond", {**CLOSING, "percent": "59", "zero_beyond": "60"}, ("closed", "due"))),
    ("sum", {"items": TWO_ITEMS, "points": 100, "floor": 10}, {"business": 60, "social": 40},
     ("100", "total_sum", {"gained": "100"}, ())),
    ("sum", {"items": TWO_ITEMS, "points": 100, "floor": 10}, {"business": 60, "social": 41},
     ("100", "total_clamped", {"gained": "101", "limit": "100"}, ())),
    ("sum", {"items": TWO_ITEMS, "points": 100, "floor": 10}, {"business": 4, "social": 5},
     ("10", "total_clamped", {"gained": "9", "limit": "10"}, ())),
    ("table", {"items": "sheet", "findings": "faults", "points": 20, "each": 2},
     {"sheet": (Row("p", WORDS, Fraction(5)), Row("q", WORDS, Fraction(10))), "faults": (Finding(2, code="p"),)},
     ("11", "total_sum", {"gained": "11"}, ("sheet", "faults"))),
    ("table", {"items": "sheet", "findings": "faults", "points": 20, "instead": "business"}, {"business": 21},
     ("20", "line_entered", {"entered": "21"}, ("business",))),
    ("target", {"input": "due", "at_least": 5}, {"due": 5},
     ("1", "line_target_met", {"amount": "5", "at_least": "5"}, ("due",))),
    ("target", {"input": "due", "at_least": 5}, {"due": 4},
     ("0", "line_target_missed", {"amount": "4", "at_least": "5"}, ("due",))),
    ("target", {**RATED, "at_least": 85, "at_most": 95}, {"due": 100, "closed": 95},
     ("1", "line_target_within", {"amount": "95", "at_least": "85", "at_most": "95"}, ("closed", "due"))),
    ("target", {**RATED, "at_least": 85, "at_most": 95}, {"due": 100, "closed": 96},
     ("0", "line_target_outside", {"amount": "96", "at_least": "85", "at_most": "95"}, ("closed", "due"))),
    ("weighted", {"over": 4, "items": WEIGHTED}, {"business": 80, "social": 60},
     ("75", "line_weighted", {"terms": "80 × 3 + 60 × 1", "over": "4"}, ())),
    ("zero", {"input": "faults"}, {"faults": 1}, ("0", "rule_zero", {}, ("faults",))),
    ("zero", {"input": "faults"}, {}, ("0", "rule_none", {}, ("faults",))),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "own", "values", "told"), LINES)
def test_a_line_says_its_points_its_reason_and_its_inputs(
    kind: str, own: dict[str, Any], values: dict[str, Any], told: Told
) -> None:
    points, code, facts, inputs = told
    node = line(kind, values, **own)
    assert (node.value, node.reason.code) == (Fraction(points) if points else None, code)
    assert (node.reason.facts, node.inputs) == (facts, inputs)
    assert (node.id, node.kind, node.title, node.code, node.missing) == ("x", kind, WORDS, "3.1", ())
    assert not any(f"{{{key}}}" in text for key in facts for text in reason_words(code, facts).values())


NAMES = {
    "business": ("业务", "Business"), "faults": ("问题", "Faults"), "happenings": ("事项", "Events"),
    "closed": ("结案数", "Closed"), "due": ("应结案数", "Due"), "rounds": ("评分", "Rounds"),
    "issues": ("挂账", "Accounts"), "sheet": ("项目表", "Sheet"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "own", "values", "reads", "lacks"),
    [
        ("all_or_nothing", {**LIMIT, "input": "business"}, {}, ("business",), ("business",)),
        ("all_or_nothing", {**LIMIT, **RATED}, {"due": 3}, ("closed", "due"), ("closed",)),
        ("amount", AMOUNT, {}, ("business",), ("business",)),
        ("beyond", BEYOND, {"closed": 3}, ("closed", "due"), ("due",)),
        ("compare", {"left": "due", "test": ">", "right": {"closed": 15}, "points": 2}, {"due": 3},
         ("due", "closed"), ("closed",)),
        ("compare", {"left": "due", "test": ">", "right": 3, "points": 2}, {}, ("due",), ("due",)),
        ("entered", {"input": "business"}, {}, ("business",), ("business",)),
        ("linear", {"terms": {"due": 2, "closed": 1}}, {}, ("due", "closed"), ("due", "closed")),
        ("marks", {"input": "rounds"}, {}, ("rounds",), ("rounds",)),
        ("marks", {"input": "rounds"}, {"rounds": ()}, ("rounds",), ("rounds",)),
        ("proportional", {"points": 30, **RATED}, {}, ("closed", "due"), ("closed", "due")),
        ("rate", RATED, {"closed": 3}, ("closed", "due"), ("due",)),
        ("steps", STEPS, {"due": 3}, ("closed", "due"), ("closed",)),
        ("table", {"items": "sheet", "findings": "faults", "points": 20}, {"faults": 1}, ("sheet",), ("sheet",)),
        ("target", {"input": "due", "at_least": 5}, {}, ("due",), ("due",)),
    ],
)  # fmt: skip
def test_a_line_names_the_inputs_that_it_still_lacks(
    kind: str, own: dict[str, Any], values: dict[str, Any], reads: tuple[str, ...], lacks: tuple[str, ...]
) -> None:
    if kind == "table":  # no findings are none where they are signed for: they are open before that
        node = part(kind, **own).evaluate(Context(BOOK, typed(values), signed=False))
    else:
        node = line(kind, values, **own)
    zh, en = ([f"{NAMES[n][k]}" for n in lacks] for k in (0, 1))
    assert (node.value, node.status, node.reason.code) == (None, "missing", "line_missing")
    assert node.reason.facts == {"inputs": {"zh": "、".join(zh), "en": ", ".join(en)}}
    assert (node.inputs, node.missing) == (reads, lacks)


@pytest.mark.parametrize("kind", ["each", "once", "zero", "events", "hanging"])
def test_what_is_listed_is_not_known_before_it_is_signed_for(kind: str) -> None:
    name = {"events": "happenings", "hanging": "issues"}.get(kind, "faults")
    own = {"events": {"table": TABLE}, "hanging": {"exposed_at": 3}, "zero": {}}.get(kind, {"points": 1})
    node = part(kind, input=name, **own).evaluate(Context(BOOK, {}, signed=False))
    zh, en = NAMES[name]
    assert (node.value, node.status, node.inputs, node.missing) == (None, "missing", (name,), (name,))
    assert node.reason.facts == {"inputs": {"zh": f"{zh}", "en": f"{en}"}}


@pytest.mark.parametrize(
    ("n", "code", "facts", "zh"),
    [
        (None, "line_taken", {"entered": "80"}, "取自其他考核：80"),
        (Fraction(3), "line_sampled", {"entered": "80", "n": "3"}, "3 个样本的平均分 80"),
    ],
)
def test_a_value_from_elsewhere_says_so_and_is_clamped_as_one_that_is_entered(
    n: Fraction | None, code: str, facts: dict[str, str], zh: str
) -> None:
    own: dict[str, Any] = {"told_by": {"business": n}, "input": "business", "points": 90}
    node = line("entered", {"business": 80}, **own)
    assert (node.value, node.status, node.reason.code, node.reason.facts) == (80, "ok", code, facts)
    assert (node.inputs, node.missing) == (("business",), ())
    assert reason_words(code, facts)["zh"] == zh
    node = line("entered", {"business": 95}, **own)
    assert (node.value, node.reason.facts) == (90, {"entered": "95", "limit": "90"})


@pytest.mark.parametrize(
    ("rate", "points"),
    [("79", "0"), ("80", "10"), ("81", "10")],
)
def test_a_rate_s_line_shows_numerator_and_denominator(rate: str, points: str) -> None:
    node = line("all_or_nothing", {"due": 100, "closed": int(rate)}, points=10, test=">=", limit=80, rate="closing")
    assert (node.value, node.maximum, node.rate, node.parts) == (
        Fraction(points), 10, "closing", (Fraction(rate), Fraction(100)),
    )  # fmt: skip


def test_an_item_of_one_rule_shows_the_rule_s_rate() -> None:
    one = below("steps", "s", **STEPS)
    node = line("deduct", {"due": 100, "closed": 79}, points=9, rules=[one])
    assert (node.value, node.rate, node.parts, node.inputs) == (7, "closing", (79, 100), ("closed", "due"))
    assert (node.reason.code, node.reason.facts["lost"]) == ("line_steps", "2")
    zeroed = line("deduct", {"due": 100, "closed": 59}, points=9, rules=[{**one, "zero_beyond": 60}])
    assert (zeroed.value, zeroed.rate, zeroed.reason.code) == (0, "closing", "line_zero_beyond")
    assert (zeroed.reason.facts["zero_beyond"], zeroed.children[0].parts) == ("60", (59, 100))


def test_a_line_of_several_rules_lacks_what_they_lack_and_shows_them() -> None:
    rules = [below("amount", "a", input="business"), below("amount", "b", input="social")]
    node = line("largest", {"social": 3}, rules=rules)
    assert (node.value, node.status, node.missing) == (None, "missing", ("business",))
    assert node.reason.facts == {"inputs": {"zh": "业务", "en": "Business"}}
    assert [c.value for c in node.children] == [None, 3]
    node = line("deduct", {"social": 3}, points=9, rules=rules)
    assert (node.value, node.status, node.missing, node.reason.code) == (None, "missing", ("business",), "line_open")
    assert node.reason.facts == {"n": "1", "parts": {"zh": "a", "en": "a"}}
    assert [c.id for c in node.children] == ["a", "b"]


def test_a_group_without_marks_leaves_ratings_open() -> None:
    own = {"input": "people", "weights": {"chiefs": 60, "peers": 40}}
    node = line("ratings", {"people": {"chiefs": (Fraction(80),)}}, **own)
    assert (node.value, node.status, node.missing, node.inputs) == (None, "missing", ("people",), ("people",))
    assert node.reason.facts == {"parts": {"zh": "同事", "en": "Peers"}, "n": "1"}
    chiefs, peers = node.children
    assert (chiefs.id, chiefs.kind, chiefs.title["en"], chiefs.value, chiefs.status, chiefs.weight, chiefs.inputs) == (
        "x_chiefs", "group", "Chiefs", 80, "ok", 60, ("people",),
    )  # fmt: skip
    assert (chiefs.reason.code, chiefs.reason.facts) == ("line_mean", {"n": "1", "sum": "80"})
    assert (peers.value, peers.status, peers.weight, peers.reason.code) == (None, "missing", 40, "line_group_empty")


def test_each_account_says_its_failures_and_hang_periods() -> None:
    accounts = (
        Account("i", ("dispatched", "missed", "answered", "failed", "answered", "passed"), "U", earlier=1),
        Account("j", ("dispatched",), earlier=5), Account("k", ("dispatched", "missed", "sent_back")),
    )  # fmt: skip
    node = line("hanging", {"issues": accounts}, input="issues", exposed_at=3, points=2)
    assert (node.value, node.maximum, node.marks) == (6, None, {"failures": 3, "exposed": 1})
    assert [(c.id, c.kind, c.title, c.value, c.status, c.reason.code, c.inputs) for c in node.children] == [
        ("x_i", "account", {"zh": "i", "en": "i"}, 4, "ok", "rule_account_closed", ("issues",)),
        ("x_j", "account", {"zh": "j", "en": "j"}, 0, "ok", "rule_account_open", ("issues",)),
        ("x_k", "account", {"zh": "k", "en": "k"}, 2, "ok", "rule_account_sent_back", ("issues",)),
    ]
    assert [c.reason.facts for c in node.children] == [
        {"n": "2", "n_periods": "3", "earlier": "1"}, {"n": "0", "n_periods": "1", "earlier": "5"},
        {"n": "1", "n_periods": "2", "earlier": "0"},
    ]  # fmt: skip
    assert [c.marks for c in node.children] == [
        {"failures": 2, "periods": 3, "closed": True, "unit": "U", "exposed": True},
        {"failures": 0, "periods": 1, "closed": False, "unit": None, "exposed": False},
        {"failures": 1, "periods": 2, "closed": False, "unit": None, "exposed": False},
    ]


def test_each_row_of_a_table_says_what_is_left_of_it() -> None:
    rows = (Row("p", {"zh": "甲", "en": "A"}, Fraction(5)), Row("q", WORDS, Fraction(3)), Row("r", WORDS, Fraction(2)))
    found = (Finding(2, code="p"), Finding(code="q", points=Fraction(4)), Finding(9, code="other"))
    node = line("table", {"sheet": rows, "faults": found}, items="sheet", findings="faults", points=9, each="1.5")
    assert (node.value, node.maximum) == (4, 9)
    assert [(c.id, c.kind, c.title, c.value, c.status, c.maximum, c.inputs) for c in node.children] == [
        ("x_p", "row", {"zh": "甲", "en": "A"}, 2, "ok", 5, ("faults",)),
        ("x_q", "row", WORDS, 0, "ok", 3, ("faults",)), ("x_r", "row", WORDS, 2, "ok", 2, ("faults",)),
    ]  # fmt: skip
    assert [(c.reason.code, c.reason.facts) for c in node.children] == [
        ("line_deduct", {"maximum": "5", "lost": "3"}), ("line_deduct_used_up", {"maximum": "3", "lost": "4"}),
        ("line_deduct_none", {"maximum": "2", "lost": "0"}),
    ]  # fmt: skip
    whole = line("table", {"sheet": rows}, items="sheet", findings="faults", points=8)
    assert (whole.value, whole.reason.facts) == (8, {"gained": "10"})


def test_what_is_free_in_a_month_is_used_up_by_each_event_as_often_as_it_was() -> None:
    """Three days of leave are free in a month; each whole day more costs 2."""
    table = [{"code": "leave", "title": WORDS, "points": 2, "free_per_month": 3}]
    march, april = (dt.date(2026, n, 10) for n in (3, 4))
    events = (
        Event("leave", 2, march, amount=Fraction(2)), Event("leave", 1, march, amount=Fraction(3, 2)),
        Event("leave", 1, april, amount=Fraction(3)),
    )  # fmt: skip
    node = line("events", {"happenings": events}, input="happenings", table=table)
    assert (node.value, node.reason.facts) == (4, {"n": "4", "points": "4"})  # 2 × 2 + 1.5 − 3 = 2.5: two whole ones
    assert line("events", {"happenings": events[1:]}, input="happenings", table=table).value == 0


def test_each_kind_of_event_says_how_often_and_for_how_many_points() -> None:
    happened = (Event("praise", 3), Event("news", 2), Event("news"))
    node = line("events", {"happenings": happened}, input="happenings", table=TABLE)
    assert [(c.id, c.kind, c.title, c.value, c.status, c.inputs) for c in node.children] == [
        ("x_praise", "event", WORDS, 5, "ok", ("happenings",)), ("x_news", "event", WORDS, 3, "ok", ("happenings",)),
    ]  # fmt: skip
    assert [(c.reason.code, c.reason.facts) for c in node.children] == [
        ("rule_event_capped", {"n": "3", "points": "6", "cap": "5"}), ("rule_event", {"n": "3", "points": "3"}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("direction", "inclusive", "zh", "en"),
    [
        ("below", False, "；低于 60% 本项不得分", "; below 60% the item scores nothing"),
        ("below", True, "；降至 60% 本项不得分", "; at 60% or below the item scores nothing"),
        ("above", False, "；高于 60% 本项不得分", "; above 60% the item scores nothing"),
        ("above", True, "；达到 60% 本项不得分", "; from 60% on the item scores nothing"),
    ],
)
def test_steps_say_in_words_from_where_on_the_whole_item_is_nothing(
    direction: str, inclusive: bool, zh: str, en: str
) -> None:
    threshold = 80 if direction == "below" else 20
    own = {**STEPS, "direction": direction, "threshold": threshold, "zero_beyond": 60, "zero_inclusive": inclusive}
    words = part("steps", **own).words(BOOK)
    assert zh in words["zh"]
    assert en in words["en"]
    assert "60%" not in part("steps", **{**own, "zero_beyond": None}).words(BOOK)["zh"]
