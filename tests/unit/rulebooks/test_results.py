"""What items read and give: values of inputs as numbers, what is missing, empty denominators, outcomes still open."""

from fractions import Fraction
from typing import Any

import pytest

from gridmgmt.rulebooks.items import Only
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.results import TOO_LITTLE, Context, Node, Outcome, Reason, clamp, flat, used_up
from gridmgmt.rulebooks.values import Event, Finding
from tests.unit.rulebooks.test_evaluate import ITEM, RULE, WORDS
from tests.unit.rulebooks.tiny import tiny

BOOK = tiny().rulebook


def with_inputs(**changes: dict[str, Any]) -> Rulebook:
    plain = BOOK.model_dump(by_alias=True)
    for name, change in changes.items():
        plain["inputs"][name] |= change
    return Rulebook.model_validate(plain)


# --- values -----------------------------------------------------------------------------------------------------------

THREE = (Finding(2), Finding(case="c"))


@pytest.mark.parametrize(
    ("name", "value", "number", "findings"),
    [
        ("due", Fraction(7, 2), Fraction(7, 2), (Finding(3),)),  # a part of one is none
        ("due", Fraction(0), 0, ()),
        ("due", None, None, None),
        ("faults", THREE, 3, THREE),
        ("faults", Fraction(3), 3, (Finding(3),)),
        ("faults", (), 0, ()),
        ("faults", None, 0, ()),  # it is signed for: nothing was found
        ("faults", True, 1, (Finding(),)),
        ("faults", False, 0, ()),
        ("happenings", (Event("a", 2), Event("b")), 3, ()),
        ("business", "not_applicable", None, None),
    ],
)
def test_an_input_as_a_number_and_as_findings(name: str, value: Any, number: Any, findings: Any) -> None:
    context = Context(BOOK, {} if value is None else {name: value})
    assert context.number(name) == number
    assert context.findings(name) == findings
    assert context.missing(name) == ((name,) if value is None and name == "due" else ())


def test_nothing_listed_is_known_only_where_it_is_signed_for_and_counts_need_no_signature() -> None:
    unsigned = Context(BOOK, {"faults": (Finding(2),), "due": Fraction(3)}, signed=False)
    assert unsigned.get("faults") is unsigned.get("happenings") is None
    assert unsigned.get("due") == 3
    assert unsigned.missing("faults", "due", "happenings") == ("faults", "happenings")


def test_a_default_stands_for_a_value_that_is_not_there() -> None:
    book = with_inputs(due={"default": "4"})
    assert Context(book, {}).number("due") == 4
    assert Context(book, {"due": Fraction(0)}).number("due") == 0
    assert Context(book, {}).missing("due", "closed") == ("closed",)


def test_findings_that_never_count_and_those_of_one_case_are_left_out_wherever_they_are_read() -> None:
    found = (Finding(2, code="x"), Finding(code="y", case="c"), Finding(3, code="z", case="c"), Finding(code="甲"))
    never = with_inputs(faults={"except_codes": {"x": {"zh": "甲", "en": "A"}}})
    assert Context(never, {"faults": found}).findings("faults") == found[1:3]
    assert Context(never, {"faults": Fraction(5)}).number("faults") == 5
    once = with_inputs(faults={"distinct": True})
    assert Context(once, {"faults": found}).number("faults") == 2 + 1 + 1


def test_a_sum_of_inputs_is_exact_and_missing_where_one_is() -> None:
    context = Context(BOOK, {"due": Fraction(1, 3), "closed": Fraction(2)})
    assert context.linear({"due": Fraction(3), "closed": Fraction(-1, 2)}) == 0
    assert context.linear({"due": Fraction(3), "business": Fraction(1)}) is None
    assert context.linear({}) == 0


@pytest.mark.parametrize(
    ("only", "concerned"),
    [
        ({}, True),
        ({"roles": ("head", "member")}, True),
        ({"roles": ("member",)}, False),
        ({"attributes": ("old", "far")}, True),
        ({"attributes": ("old", "rich")}, False),
        ({"without": ("rich",)}, True),
        ({"without": ("rich", "far")}, False),
        ({"roles": ("head",), "attributes": ("old",), "without": ("rich",)}, True),
        ({"roles": ("member",), "attributes": ("old",)}, False),
    ],
)
def test_whom_an_item_concerns(only: dict[str, Any], concerned: bool) -> None:
    context = Context(BOOK, {"due": Fraction(3)}, "head", ("old", "far"))
    assert Only.model_validate(only).concerns(context) is concerned
    item = ITEM.validate_python({"id": "x", "title": WORDS, "kind": "entered", "input": "due", "only": only})
    rule = RULE.validate_python({"id": "x", "title": WORDS, "kind": "each", "input": "due", "points": 2, "only": only})
    nodes = item.evaluate(context), rule.evaluate(context)
    if concerned:
        assert [(n.value, n.status) for n in nodes] == [(3, "ok"), (6, "ok")]
    else:
        assert [(n.value, n.status) for n in nodes] == [(None, "not_applicable"), (0, "ok")]
        assert {n.reason.code for n in nodes} == {"line_not_applicable"}


# --- empty denominators -----------------------------------------------------------------------------------------------

NAMED = {"denominator": {"zh": "应结案数", "en": "Due"}}


@pytest.mark.parametrize(
    ("option", "value", "status", "missing"),
    [("full", 30, "ok", ()), ("leave_out", None, "no_data", ()), ("incomplete", None, "missing", ("closed", "due"))],
)
@pytest.mark.parametrize("of", ["rulebook", "rate"])
def test_what_an_empty_denominator_means(
    option: str, value: int | None, status: str, missing: tuple[str, ...], of: str
) -> None:
    other = "full" if option != "full" else "leave_out"
    plain = tiny(empty__option=option if of == "rulebook" else other).rulebook.model_dump(by_alias=True)
    if of == "rate":
        plain["rates"]["closing"]["empty"] = option
    item = ITEM.validate_python({"id": "x", "title": WORDS, "kind": "proportional", "points": 30, "rate": "closing"})
    empty = {"due": Fraction(0), "closed": Fraction(0)}
    node = item.evaluate(Context(Rulebook.model_validate(plain), empty))
    assert (node.value, node.status, node.missing) == (value, status, missing)
    assert (node.reason.code, node.reason.facts) == (f"line_no_data_{option}", NAMED)
    assert (node.rate, node.parts, node.inputs, node.maximum) == ("closing", None, ("closed", "due"), 30)


def test_a_complement_counts_those_that_are_not_in_the_numerator() -> None:
    plain = BOOK.model_dump(by_alias=True)
    plain["rates"]["closing"] |= {"complement": True}
    item = ITEM.validate_python({"id": "x", "title": WORDS, "kind": "rate", "rate": "closing"})
    node = item.evaluate(Context(Rulebook.model_validate(plain), {"due": Fraction(10), "closed": Fraction(7)}))
    assert (node.value, node.parts) == (Fraction(3, 10), (3, 10))


def test_rules_that_are_all_without_data_leave_the_item_without() -> None:
    book = tiny(empty__option="leave_out").rulebook
    steps = {"id": "s", "title": WORDS, "kind": "steps", "rate": "closing", "threshold": 80, "direction": "below",
             "step": 5, "points_per_step": 2}  # fmt: skip
    item = ITEM.validate_python({"id": "x", "title": WORDS, "kind": "deduct", "points": 9, "rules": [steps]})
    node = item.evaluate(Context(book, {"due": Fraction(0), "closed": Fraction(0)}))
    assert (node.value, node.status, node.reason.code, node.reason.facts) == (
        None, "no_data", "line_no_data_leave_out", NAMED,
    )  # fmt: skip
    assert (node.rate, node.inputs, [c.id for c in node.children]) == ("closing", ("closed", "due"), ["s"])
    each = {"id": "e", "title": WORDS, "kind": "each", "input": "faults", "points": 2}
    both = ITEM.validate_python({"id": "x", "title": WORDS, "kind": "deduct", "points": 9, "rules": [steps, each]})
    node = both.evaluate(Context(book, {"due": Fraction(0), "closed": Fraction(0), "faults": Fraction(1)}))
    assert (node.value, node.status) == (7, "ok")
    zero = {"id": "z", "title": WORDS, "kind": "zero", "input": "business"}
    open_ = ITEM.validate_python({"id": "x", "title": WORDS, "kind": "deduct", "points": 9, "rules": [steps, zero]})
    assert open_.evaluate(Context(book, {"due": Fraction(5), "business": Fraction(1)})).value == 0, "zeroed anyway"


# --- totals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "formed"),
    [
        ({"due": 10, "closed": 9, "business": 50}, 1),
        ({"due": 0, "closed": 0, "business": 50}, Fraction(70, 100)),
        ({"due": 0, "closed": 0, "business": "not_applicable"}, 0),
        ({"due": 10, "closed": 9, "business": "not_applicable"}, 1),  # what does not apply is no part of it
    ],
)
@pytest.mark.parametrize("kind", ["sum", "mean"])
def test_how_much_of_a_total_has_data(kind: str, values: dict[str, Any], formed: Any) -> None:
    book = tiny(empty__option="leave_out").rulebook
    items = [
        {"id": "a", "title": WORDS, "kind": "proportional", "points": 30, "rate": "closing"},
        {"id": "b", "title": WORDS, "kind": "entered", "input": "business", "points": 70},
    ]
    typed = {k: Fraction(v) if isinstance(v, int) else v for k, v in values.items()}
    node = ITEM.validate_python({"id": "x", "title": WORDS, "kind": kind, "items": items}).evaluate(
        Context(book, typed)
    )
    assert node.formed == (formed if kind == "sum" or formed in (0, 1) else Fraction(1, 2))


def test_what_a_part_lacks_the_whole_lacks_by_its_points() -> None:
    """Of 30 points of three equal parts one has data: 10; of 70 all: 80 of 100."""
    book = tiny(empty__option="leave_out").rulebook
    share = {"id": "a", "title": WORDS, "kind": "proportional", "points": 20, "rate": "closing"}
    mark = {"id": "b", "title": WORDS, "kind": "entered", "input": "social", "points": 10}
    inner = {"id": "i", "title": WORDS, "kind": "sum", "points": 30, "items": [share, mark]}
    other = {"id": "o", "title": WORDS, "kind": "entered", "input": "business", "points": 70}
    item = ITEM.validate_python({"id": "x", "title": WORDS, "kind": "sum", "items": [inner, other]})
    values = {name: Fraction(n) for name, n in {"due": 0, "closed": 0, "social": 5, "business": 7}.items()}
    node = item.evaluate(Context(book, values))
    assert node.children[0].formed == Fraction(1, 3)
    assert node.formed == Fraction(10 + 70, 100)


def test_what_is_left_out_scales_the_others_up() -> None:
    book = tiny(empty__option="leave_out").rulebook
    items = [
        {"id": "a", "title": WORDS, "kind": "proportional", "points": 30, "rate": "closing"},
        {"id": "b", "title": WORDS, "kind": "entered", "input": "business", "points": 70},
    ]
    item = ITEM.validate_python({"id": "x", "title": WORDS, "kind": "sum", "items": items})
    node = item.evaluate(Context(book, {"due": Fraction(0), "closed": Fraction(0), "business": Fraction(35)}))
    assert (node.value, node.reason.code) == (50, "total_scaled")
    assert node.reason.facts == {"gained": "35", "possible": "70", "scale": "100"}
    assert [c.status for c in node.children] == ["no_data", "ok"]


def test_an_item_below_a_weighted_one_shows_its_weight_and_an_open_one_names_what_is_lacking() -> None:
    items = [
        {"id": n, "title": {"zh": n, "en": n}, "kind": "entered", "input": n, "weight": w}
        for n, w in (("due", 60), ("closed", 40))
    ]
    item = ITEM.validate_python({"id": "x", "title": WORDS, "kind": "weighted", "items": items})
    node = item.evaluate(Context(BOOK, {"due": Fraction(50)}))
    assert [(c.id, c.weight) for c in node.children] == [("due", 60), ("closed", 40)]
    assert (node.status, node.missing, node.reason.code) == ("missing", ("closed",), "line_open")
    assert node.reason.facts == {"n": "1", "parts": {"zh": "closed", "en": "closed"}}
    node = item.evaluate(Context(BOOK, {"due": Fraction(50), "closed": "not_applicable"}))
    assert (node.value, node.status, node.reason.code) == (None, "missing", "line_part_without_data")
    assert node.reason.facts == {"parts": {"zh": "closed", "en": "closed"}}


# --- outcomes ---------------------------------------------------------------------------------------------------------


def node(name: str, *children: Node, status: Any = "ok", formed: Any = 1) -> Node:
    return Node(name, "sum", WORDS, None, status, Reason("x"), children=children, formed=Fraction(formed))


def outcome(status: Any = "scored", code: str = "x", **more: Any) -> Outcome:
    return Outcome(
        "a", "2025-12", "month", status, more.pop("total", None), more.pop("grade", None), Reason(code), **more
    )


def test_an_outcome_is_open_while_inputs_are_missing_not_where_facts_never_were() -> None:
    assert outcome("incomplete").is_open
    assert not outcome("incomplete", TOO_LITTLE).is_open
    assert not any(outcome(s).is_open for s in ("scored", "no_data", "unscored", "given"))


def test_what_an_outcome_was_not_told_is_nothing() -> None:
    plain = outcome()
    assert (plain.root, plain.shown, plain.missing, dict(plain.values)) == (None, (), (), {})
    assert (plain.rank, plain.ranked_of, plain.tied, plain.from_bottom) == (None, 0, 0, None)
    assert (plain.is_first, plain.is_last, plain.own, plain.carry_out, plain.awaited) == (False, False, None, 0, False)
    line = Node("a", "sum", WORDS, None, "ok", Reason("x"))
    assert (line.maximum, line.weight, line.code, line.rate, line.parts) == (None,) * 5
    assert (line.inputs, line.missing, line.children, line.zeroes, line.formed, dict(line.marks)) == (
        (), (), (), False, 1, {},
    )  # fmt: skip
    context = Context(BOOK, {})
    assert (context.role, context.attributes, dict(context.earlier), context.carry_in, context.charged) == (
        None, (), {}, 0, 0,
    )  # fmt: skip
    assert (context.waits, context.signed, dict(context.told_by)) == ((), True, {})


def test_an_outcome_is_rated_by_a_total_or_a_grade() -> None:
    assert outcome(total=Fraction(0)).is_rated
    assert outcome("unscored", grade="good").is_rated
    assert not outcome("no_data").is_rated


@pytest.mark.parametrize(
    ("root", "code", "formed"),
    [
        (None, "x", None),
        (node("r", formed="1/2"), "x", Fraction(1, 2)),
        (node("r", status="no_data", formed="1/2"), TOO_LITTLE, Fraction(1, 2)),
        (node("r", status="no_data", formed=1), "x", 0),
        (node("r", status="missing"), "x", None),
        (node("r", status="not_applicable"), "x", None),
    ],
)
def test_the_share_that_a_total_is_formed_from(root: Node | None, code: str, formed: Any) -> None:
    assert outcome("incomplete", code, root=root).formed == formed


def test_an_outcome_s_lines_are_found_wherever_they_stand() -> None:
    root, beside = node("root", node("a", node("b")), node("c")), node("d", node("e"))
    found = outcome(root=root, shown=(beside,))
    assert [n.id for n in flat(root)] == ["root", "a", "b", "c"]
    assert [getattr(found.node(name), "id", None) for name in "abcdef"] == ["a", "b", "c", "d", "e", None]
    assert outcome(shown=(beside,)).node("e") == node("e")


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(None, None, 5), (0, 4, 4), (6, None, 6), (6, 9, 6), (0, 9, 5), (None, 4, 4), (5, 5, 5)],
)
def test_a_value_is_kept_within_the_limits_that_there_are(low: Any, high: Any, found: int) -> None:
    assert clamp(Fraction(5), low, high) == found


def test_why_so_much_is_left_of_a_maximum() -> None:
    assert used_up(Fraction(10), Fraction(0), Fraction(10)) == ("line_deduct_none", {"maximum": "10", "lost": "0"})
    assert used_up(Fraction(10), Fraction(10), Fraction(0)) == ("line_deduct", {"maximum": "10", "lost": "10"})
    assert used_up(Fraction(10), Fraction(11), Fraction(0)) == ("line_deduct_used_up", {"maximum": "10", "lost": "11"})
