"""Chance: intervals that are known, draws that repeat, and floats that score as the exact engine does."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gridmgmt.documents import plain
from gridmgmt.rulebooks.dossier import Dossier, Subject
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.load import load
from gridmgmt.rulebooks.model import Ranking, Rulebook
from gridmgmt.rulebooks.resampling import draw, interval, ranked, table_of
from gridmgmt.rulebooks.rescoring import Batch
from gridmgmt.rulebooks.results import Context, Outcome, flat
from gridmgmt.rulebooks.run import rank, run
from gridmgmt.scorecards.chance import Patterns, chance, rate_words, wilson, words
from gridmgmt.scorecards.documents import Chance, Interval
from tests.examples import about

BASE = load("grid_baseline").rulebook
PERIOD = "2025-12"
SEED = "grid_baseline 2025-12"


def named(plain: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": {"zh": plain.get("id", "名"), "en": plain.get("id", "name")}, **plain, **more}


def book(items: Sequence[dict[str, Any]], empty: str = "leave_out") -> Rulebook:
    """A rulebook over counts a … d (counted) and e (entered), with rates of each sort."""
    words = {"zh": "测试", "en": "Test"}
    counted = {n: named({"type": "count", "automatic": {"count": "n_due"}}) for n in "abcd"}
    rates = {
        "high": named({"numerator": "a", "denominator": "b", "better": "high"}),
        "low": named({"numerator": "a", "denominator": "b", "complement": True, "better": "low"}),
        "weighed": named({"numerator": {"a": 1, "c": "0.6"}, "denominator": {"b": 1, "d": 1}}),
        "points": named({"numerator": "c", "denominator": "d", "unit": "points"}),
    }
    plain = {
        "id": "test", "version": 1, "title": words, "issuer": words, "source": "test",
        "valid": {"from": dt.date(2000, 1, 1)}, "population": {"kind": "grid"}, "rates": rates,
        "empty": {"option": empty, "reason": words},
        "inputs": counted | {"e": named({"entered": words, "may_not_apply": True})},
        "stages": [{
            "id": "period", "title": words, "cadence": "any", "ranking": {},
            "score": named({"id": "all", "kind": "sum", "items": list(items)}),
        }],
    }  # fmt: skip
    return Rulebook.model_validate(plain)


def steps(name: str, **more: Any) -> dict[str, Any]:
    plain = {
        "id": name, "kind": "steps", "rate": "high", "threshold": 80, "direction": "below", "step": 5,
        "points_per_step": 2,
    }  # fmt: skip
    return named(plain | more)


def every_kind() -> list[dict[str, Any]]:
    """Each kind of item and rule that resampled counts can reach."""
    reached = [
        named({"id": "p1", "kind": "proportional", "points": 30, "rate": "high"}),
        named({"id": "p2", "kind": "proportional", "points": 15, "rate": "weighed"}),
        named({"id": "p3", "kind": "proportional", "points": 10, "rate": "points"}),
        named({"id": "n1", "kind": "all_or_nothing", "points": 5, "rate": "weighed", "test": ">=", "limit": 75}),
        named({"id": "n2", "kind": "all_or_nothing", "points": 5, "rate": "low", "test": "<", "limit": 20}),
        named({"id": "n3", "kind": "all_or_nothing", "points": 5, "input": "d", "test": "<=", "limit": 12}),
        named({"id": "e1", "kind": "entered", "input": "a", "points": 7}),
        named({"id": "e2", "kind": "entered", "input": "e", "points": 20}),
    ]
    rules = [
        steps("s1"), steps("s2", step_mode="ceil"), steps("s3", step_mode="proportional"),
        steps("s4", rate="low", direction="above", threshold=20, step="2.5", zero_beyond=60),
        named({"id": "r1", "kind": "each", "input": "c", "points": "0.5", "cap": 4}),
        named({"id": "r2", "kind": "once", "input": "d", "points": 2}),
        named({"id": "r3", "kind": "compare", "left": "c", "test": ">", "right": {"d": "1.5"}, "points": 3}),
        named({"id": "r4", "kind": "compare", "left": "a", "test": "<=", "right": 10, "points": 3}),
        named({"id": "r5", "kind": "beyond", "input": "c", "allowance_of": "b", "allowance_share": "0.1",
               "points": "0.5"}),
        named({"id": "r6", "kind": "amount", "input": "c", "cap": 3}),
        named({"id": "r7", "kind": "beyond", "input": "d", "allowance_of": "b", "allowance_share": "0.1", "points": 3,
               "counts": "all"}),
    ]  # fmt: skip
    made = [
        named(
            {
                "id": f"{kind}_{rule['id']}",
                "kind": kind,
                "points": 10,
                "rules": [rule | {"id": f"{kind[0]}{rule['id']}"}],
            }
        )
        for rule in rules
        for kind in ("deduct", "earn")
    ]
    largest = named({"id": "big", "kind": "largest", "rules": [r | {"id": "big_" + r["id"]} for r in rules[3:6]]})
    zero = named({"id": "z", "kind": "zero", "input": "d"})
    once = named({"id": "o", "kind": "once", "input": "e", "points": 1})
    inclusive = steps("s5", zero_beyond=50, zero_inclusive=True)
    joined = [
        named({"id": "j1", "kind": "deduct", "points": 12, "floor": -3, "rules": [largest, inclusive]}),
        named({"id": "j2", "kind": "deduct", "points": 12, "rules": [zero]}),
        named({"id": "j3", "kind": "lose", "rules": [steps("s6"), once]}),
        named({"id": "j4", "kind": "mean", "items": [reached[0] | {"id": "m1"}, reached[7] | {"id": "m2"}]}),
        named({"id": "j10", "kind": "mean", "items": [reached[-1] | {"id": "m3"}, reached[-1] | {"id": "m4"}]}),
        named({"id": "j5", "kind": "weighted", "items": [
            reached[0] | {"id": "w1", "weight": 70}, reached[6] | {"id": "w2", "weight": 30},
        ]}),
        named({"id": "j6", "kind": "sum", "points": 20, "floor": 5, "items": [
            reached[0] | {"id": "t1"}, reached[2] | {"id": "t2"}, reached[6] | {"id": "t3"},
            named({"id": "k", "kind": "constant", "value": 3}),
        ]}),
        named({"id": "j12", "kind": "sum", "items": [
            named({"id": "base", "kind": "constant", "value": 5}), reached[0] | {"id": "u1"}, reached[2] | {"id": "u2"},
        ]}),
        named({"id": "j13", "kind": "sum", "items": [
            reached[4] | {"id": "v1", "points": 1}, reached[0] | {"id": "v2"},
        ]}),
        named({"id": "j15", "kind": "sum", "items": [
            named({"id": "y1", "kind": "constant", "value": 5}),
            named({"id": "y2", "kind": "linear", "terms": {"a": 2}}),
        ]}),
        named({"id": "j14", "kind": "deduct", "points": 9, "rules": [
            named({"id": "big2", "kind": "largest", "rules": [steps("x1", zero_beyond=60), once | {"id": "x2"}]}),
        ]}),
        named({"id": "j7", "kind": "rate", "rate": "high"}),
        named({"id": "j8", "kind": "target", "rate": "high", "at_least": 75}),
        named({"id": "j11", "kind": "target", "rate": "high", "at_least": 75, "at_most": 90}),
        named({"id": "j9", "kind": "linear", "terms": {"a": 2, "b": "-0.5"}}),
    ]  # fmt: skip
    return [*reached, *made, *joined]


# --- intervals of rates -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_yes", "n", "low", "high"),
    [(9, 10, 0.596, 0.982), (0, 5, 0.0, 0.434), (5, 5, 0.566, 1.0), (50, 100, 0.404, 0.596), (1, 1, 0.207, 1.0)],
)
def test_wilson_gives_the_known_values(n_yes: int, n: int, low: float, high: float) -> None:
    found = wilson(n_yes, n)
    assert found is not None
    assert found == pytest.approx((low, high), abs=6e-4)


def test_wilson_of_no_case_is_nothing_and_of_one_sort_keeps_the_limit() -> None:
    assert wilson(0, 0) is None
    assert wilson(0, 7) is not None
    assert wilson(0, 7)[0] == 0.0  # type: ignore[index]
    assert wilson(7, 7)[1] == 1.0  # type: ignore[index]


@given(st.integers(0, 400), st.integers(1, 400))
def test_wilson_holds_the_rate_and_is_wider_at_a_higher_level(n_yes: int, n: int) -> None:
    n_yes = min(n_yes, n)
    low, high = wilson(n_yes, n)  # type: ignore[misc]
    wide = wilson(n_yes, n, 0.99)
    assert 0 <= low <= n_yes / n <= high <= 1
    assert wide is not None
    assert wide[0] <= low
    assert high <= wide[1]


# --- draws are scored as the engine scores ----------------------------------------------------------------------------


COUNTS = st.fixed_dictionaries({n: st.integers(0, 40) for n in "abcd"})


def contexts(rules: Rulebook, drawn: Sequence[Mapping[str, int]], entered: Any) -> list[Context]:
    fixed = {} if entered is None else {"e": entered}
    return [Context(rules, {k: Fraction(v) for k, v in d.items()} | fixed) for d in drawn]


KINDS = {item["id"]: item for item in every_kind()}
ENTERED = st.sampled_from([None, "not_applicable", Fraction(11), Fraction(25)])


NOTHING, SOMETHING = dict.fromkeys("abcd", 0), {"a": 7, "b": 9, "c": 3, "d": 5}


@pytest.mark.parametrize("name", sorted(KINDS))
@example(drawn=[NOTHING, SOMETHING], option="leave_out", entered="not_applicable")
@example(drawn=[SOMETHING, NOTHING], option="leave_out", entered=Fraction(11))
@example(drawn=[SOMETHING, NOTHING], option="full", entered=None)
@example(drawn=[NOTHING, SOMETHING], option="incomplete", entered=Fraction(25))
@about(40)
@given(
    drawn=st.lists(COUNTS, min_size=2, max_size=8),
    option=st.sampled_from(["leave_out", "full", "incomplete"]),
    entered=ENTERED,
)
def test_every_kind_scores_as_exactly_as_the_engine(
    name: str, drawn: list[dict[str, int]], option: str, entered: Any
) -> None:
    compare(book([KINDS[name]], option), drawn, entered)


@about(40)
@given(st.lists(COUNTS, min_size=2, max_size=8), st.sampled_from(["leave_out", "full"]))
def test_all_kinds_together_score_as_exactly_as_the_engine(drawn: list[dict[str, int]], option: str) -> None:
    compare(book(every_kind(), option), drawn, Fraction(11))


def compare(rules: Rulebook, drawn: Sequence[Mapping[str, int]], entered: Any) -> None:
    """The first counts are those that were scored; all of them are draws."""
    item = rules.stages[0].score
    assert item is not None
    assert item.unsupported(rules, frozenset("abcd")) is None
    made = contexts(rules, drawn, entered)
    inputs = {n: np.array([[float(d[n]) for d in drawn]]) for n in "abcd"}
    number = made[0].number("e")
    inputs["e"] = np.array([[np.nan if number is None else float(number)]])
    resampled = {n: np.ones((1, 1), dtype=bool) for n in "abcd"}
    for part in item.items:  # type: ignore[union-attr]
        exact = [part.evaluate(c) for c in made]
        redrawn = part.redraw([exact[0]], Batch(rules, inputs, resampled))
        value, status = (np.broadcast_to(x, (1, len(drawn)))[0] for x in (redrawn.value, redrawn.status))
        assert [("ok", "no_data", "not_applicable", "missing")[s] for s in status] == [n.status for n in exact], part.id
        for v, node in zip(value, exact, strict=True):
            assert node.value is None or abs(v - float(node.value)) < 1e-9, (part.id, v, node.value)


@about(40)
@given(st.lists(st.tuples(*[st.integers(0, 400) for _ in range(7)]), min_size=2, max_size=6))
def test_the_baseline_scores_as_exactly_as_the_engine(drawn: list[tuple[int, ...]]) -> None:
    item = BASE.stages[0].score
    assert item is not None
    names = sorted(BASE.inputs)
    plain = []
    for due, closed, on_time, rework, registered, repeats, samples in drawn:
        plain.append({
            "due": due, "closed": min(due, closed), "closed_on_time": min(due, closed, on_time),
            "due_rework_known": due, "rework_cases": min(due, rework), "registered_repeat_known": registered,
            "repeats": min(registered, repeats), "scored_samples": samples, "sample_scores": samples * 87,
        })  # fmt: skip
    exact = [item.evaluate(Context(BASE, {k: Fraction(v) for k, v in p.items()})) for p in plain]
    inputs = {n: np.array([[float(p[n]) for p in plain]]) for n in names}
    redrawn = item.redraw([exact[0]], Batch(BASE, inputs, {n: np.ones((1, 1), dtype=bool) for n in names}))
    for v, s, node in zip(redrawn.value[0], redrawn.status[0], exact, strict=True):
        assert (s == 0) == (node.status == "ok")
        assert node.value is None or abs(v - float(node.value)) < 1e-9


@pytest.mark.parametrize(
    ("found", "left"),
    [("0.5", 10.0), ("1", 9.5), ("1.75", 9.5), ("2", 9.0), ("7.875", 6.5), ("8", 6.0), ("30.25", 6.0)],
)
def test_a_part_of_a_finding_counts_for_none_in_the_draws_as_in_the_score(found: str, left: float) -> None:
    """Shares of a road (分摊) make counts with parts: 10 points less half a point for each whole finding, at most 4."""
    item = KINDS["deduct_r1"]
    rules, counts = book([item]), {"a": 1, "b": 1, "c": Fraction(found), "d": 1}
    compare(rules, [counts, counts], None)  # type: ignore[list-item]
    (part,) = rules.stages[0].score.items  # type: ignore[union-attr]
    node = part.evaluate(contexts(rules, [counts], None)[0])  # type: ignore[list-item]
    inputs = {"c": np.array([[float(found), float(found) - 1e-12]])}  # as floats sum up to it
    assert part.redraw([node], Batch(rules, inputs, {"c": np.array([[True]])})).value.tolist() == [[left, left]]


def test_a_subject_whose_input_is_not_drawn_keeps_its_exact_value() -> None:
    rules = book([named({"id": "i", "kind": "entered", "input": "a", "points": 50})])
    item = rules.stages[0].score.items[0]  # type: ignore[union-attr]
    nodes = [item.evaluate(Context(rules, {"a": Fraction(n)})) for n in (7, 9)]
    batch = Batch(rules, {"a": np.array([[1.0, 2.0], [1.0, 2.0]])}, {"a": np.array([[True], [False]])})
    assert item.redraw(nodes, batch).value.tolist() == [[1.0, 2.0], [9.0, 9.0]]


@pytest.mark.parametrize("kind", ["deduct", "entered", "each"])
def test_whom_an_item_or_rule_does_not_concern_keeps_what_he_has_in_every_draw(kind: str) -> None:
    each = named({"id": "r", "kind": "each", "input": "a", "points": 1})
    one = {"deduct": {"points": 50, "rules": [each]}, "entered": {"input": "a"}, "each": each | {"id": "i"}}[kind]
    item = named({"id": "i", "kind": kind, "only": {"roles": ["head"]}, **one})
    whole = item if kind != "each" else named({"id": "w", "kind": "lose", "rules": [item]})
    part = book([whole]).stages[0].score.items[0]  # type: ignore[union-attr]
    nodes = [part.evaluate(Context(book([whole]), {"a": Fraction(7)}, role)) for role in ("head", "member", "head")]
    batch = Batch(book([whole]), {"a": np.array([[1.0, 2.0]] * 3)}, {"a": np.ones((3, 1), dtype=bool)})
    drawn = part.redraw(nodes, batch)
    value, status = (np.broadcast_to(x, (3, 2)).tolist() for x in (drawn.value, drawn.status))
    head = {"deduct": [49.0, 48.0], "entered": [1.0, 2.0], "each": [-1.0, -2.0]}[kind]
    assert value == [head, [0.0, 0.0], head]
    assert status == [[0, 0], [0, 0] if kind == "each" else [2, 2], [0, 0]]


# --- draws ------------------------------------------------------------------------------------------------------------


def cases(n: int, on_time: float = 0.7, late: float = 0.2) -> tuple[dict[str, int], Patterns]:
    """A grid of n cases: so many on time, late, and the rest open; and every tenth a repeat."""
    a, b = round(n * on_time), round(n * late)
    amounts = {
        "due": [1, 1, 1, 0, 0], "closed": [1, 1, 0, 0, 0], "closed_on_time": [1, 0, 0, 0, 0],
        "due_rework_known": [1, 1, 1, 0, 0], "rework_cases": [0, 0, 0, 0, 0],
        "registered_repeat_known": [1, 1, 1, 0, 0], "repeats": [0, 0, 1, 0, 0],
        "scored_samples": [0, 0, 0, 1, 1], "sample_scores": [0, 0, 0, 80, 90],
    }  # fmt: skip
    counts = np.array([a, b, n - a - b, 2, 2])
    arrays = {k: np.array(v) for k, v in amounts.items()}
    return {k: int(v @ counts) for k, v in arrays.items()}, Patterns(arrays, counts, np.array([0, 0, 0, 1, 1]))


def packed(rules: Rulebook, inputs: Mapping[str, Mapping[str, Any]]) -> Dossier:
    records = {code: {"inputs": dict(own)} for code, own in inputs.items()}
    subjects = {code: {"level": "street"} for code in inputs}
    return read_dossier(rules, {"subjects": subjects, "periods": {PERIOD: records}}, is_frozen=True)


def scored(rules: Rulebook, inputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Outcome]:
    return run(rules, packed(rules, inputs)).outcomes[PERIOD]


def drawn(
    rules: Rulebook, inputs: Mapping[str, Mapping[str, Any]], patterns: Mapping[str, Patterns], seed: str = SEED
) -> Mapping[str, dict[str, Any]]:
    subjects, outcomes = packed(rules, inputs).subjects, scored(rules, inputs)
    found = chance(rules, rules.stages[0], outcomes, subjects, patterns, seed_text=seed, draws=400)
    return {code: plain(c) for code, c in found.items()}


def told(found: Mapping[str, Any], n_ranked: int = 40) -> Mapping[str, str]:
    return words(Chance.model_validate(found), n_ranked)


def city(sizes: Sequence[int]) -> tuple[dict[str, dict[str, int]], dict[str, Patterns]]:
    made = {f"g{k:02}": cases(n, 0.5 + 0.04 * (k % 8)) for k, n in enumerate(sizes)}
    return {c: m[0] for c, m in made.items()}, {c: m[1] for c, m in made.items()}


def test_each_draw_has_as_many_facts_as_the_period_in_each_stratum() -> None:
    _, patterns = cases(40)
    arrays = {**patterns.amounts, "one": np.ones(5, dtype=int)}
    table = table_of(arrays, patterns.counts, patterns.strata, ("one", "scored_samples"))
    found = draw(table, "00", "g", 300)
    assert sum(int(counts.sum()) for _, counts in table.strata) == 44
    assert (found[:, 0] == 44).all()
    assert (found[:, 1] == 4).all()


def test_draws_have_the_mean_of_the_facts() -> None:
    inputs, patterns = cases(200)
    names = ("closed", "due", "sample_scores")
    table = table_of(patterns.amounts, patterns.counts, patterns.strata, names)
    assert table.sums.tolist() == [inputs[n] for n in names]
    mean = draw(table, "07", "g", 4000).mean(axis=0)
    assert mean == pytest.approx([inputs[n] for n in names], rel=0.01)


def test_the_order_and_split_of_patterns_is_no_matter() -> None:
    _, patterns = cases(60)
    back = [4, 3, 2, 1, 0, 0]
    split = patterns.counts[back].copy()
    split[-2:] = [5, patterns.counts[0] - 5]
    assert patterns.strata is not None
    turned = Patterns({k: v[back] for k, v in patterns.amounts.items()}, split, patterns.strata[back])
    tables = [table_of(p.amounts, p.counts, p.strata, sorted(p.amounts)) for p in (patterns, turned)]
    assert (draw(tables[0], "05", "g", 50) == draw(tables[1], "05", "g", 50)).all()


def test_it_is_the_same_again_and_another_with_another_seed() -> None:
    inputs, patterns = city([5, 40, 300, 20, 80, 9])
    first, again = (drawn(BASE, inputs, patterns) for _ in range(2))
    assert json.dumps(first) == json.dumps(again)
    assert first["g00"]["seed"] == again["g01"]["seed"]
    assert drawn(BASE, inputs, patterns, "other")["g00"]["seed"] != first["g00"]["seed"]


def test_the_draws_of_one_do_not_depend_on_who_else_is_assessed() -> None:
    inputs, patterns = city([5, 40, 300] * 50)
    alone = drawn(BASE, {"g07": inputs["g07"]}, {"g07": patterns["g07"]})["g07"]
    among = drawn(BASE, inputs, patterns)["g07"]
    assert alone["rates"] == among["rates"]
    assert alone["grade_share"] == among["grade_share"]
    assert alone["rank"] == {"low": 1, "high": 1}


def test_ranks_are_within_the_level_and_the_group_where_the_stage_ranks_by_group() -> None:
    inputs, patterns = city([30, 30, 30, 30])
    outcomes = scored(BASE, inputs)
    subjects = {c: Subject(c, {}, "street", "ab"[k % 2]) for k, c in enumerate(inputs)}
    stage = BASE.stages[0]
    for among, most in (("group", 2), ("all", 4)):
        own = stage.model_copy(update={"ranking": Ranking.model_validate({"among": among})})
        placed = {c: replace(o, rank=None) for c, o in outcomes.items()}
        found = chance(BASE, own, placed, subjects, patterns, seed_text=SEED, draws=400)
        assert max(f.rank.high for f in found.values() if f.rank) == most


def test_no_official_score_is_changed() -> None:
    inputs, patterns = city([5, 40, 300])
    outcomes = scored(BASE, inputs)
    chance(BASE, BASE.stages[0], outcomes, {}, patterns, seed_text=SEED, draws=50)
    assert outcomes == scored(BASE, inputs)


def width(found: Mapping[str, Any]) -> int:
    return int(found["rank"]["high"]) - int(found["rank"]["low"])


def test_three_cases_have_a_wide_interval_and_three_thousand_a_narrow_one() -> None:
    inputs, patterns = city([400] * 20)
    for code, n in (("few", 3), ("many", 3000)):
        inputs[code], patterns[code] = cases(n, 1 / 3, 1 / 3)
    found = drawn(BASE, inputs, patterns)
    assert width(found["few"]) >= 3 * width(found["many"])
    assert float(found["many"]["third_share"]) > float(found["few"]["third_share"])
    rates = {c: found[c]["rates"]["on_time_closing_rate"] for c in ("few", "many")}
    spans = {c: float(r["high"]) - float(r["low"]) for c, r in rates.items()}
    assert spans["few"] > 10 * spans["many"]
    assert rates["few"]["small"]
    assert not rates["many"]["small"]
    assert [n["code"] for n in found["few"]["notes"]][:1] == ["chance_small"]


def test_the_result_is_ready_for_json_and_each_number_is_in_its_range() -> None:
    inputs, patterns = city([5, 40, 300, 20, 80, 9])
    found = drawn(BASE, inputs, patterns)
    assert json.loads(json.dumps(found)) == found
    for code, outcome in scored(BASE, inputs).items():
        one = found[code]
        assert outcome.rank is not None
        assert 1 <= one["rank"]["low"] <= outcome.rank <= one["rank"]["high"] <= 6
        assert one["third"] == ("top", "middle", "bottom")[(outcome.rank - 1) * 3 // 6]
        assert 0 <= float(one["grade_share"]) <= 1
        assert one["level"] == "0.90"
        assert one["rates"]["sample_score"]["method"] == "bootstrap"
        assert 80 <= float(one["rates"]["sample_score"]["low"]) <= float(one["rates"]["sample_score"]["high"]) <= 90
        assert one["rates"]["closing_rate"]["method"] == "wilson"


def test_entered_values_alone_leave_every_rank_where_it_is() -> None:
    rules = book([named({"id": "i", "kind": "entered", "input": "e"})])
    inputs = {f"g{k}": {"e": v} for k, v in enumerate([90, 80, 80, 70])}
    found = drawn(rules, inputs, {})
    for code, outcome in scored(rules, inputs).items():
        assert found[code]["rank"] == {"low": outcome.rank, "high": outcome.rank}
        assert found[code]["third_share"] == "1.000"
        assert found[code]["grade_share"] is None
        assert found[code]["rates"] == {}
        assert found[code]["notes"] == []
        assert told(found[code])["zh"].startswith(f"考虑抽样误差，名次仍为第{outcome.rank}名（90%）；")


# --- why there is none ------------------------------------------------------------------------------------------------


def test_without_a_total_there_is_no_interval_and_the_reason_is_said() -> None:
    inputs, patterns = city([30, 40, 50])
    inputs["none"] = dict.fromkeys(inputs["g00"], 0)
    found = drawn(BASE, inputs, patterns)
    assert found["none"]["rank"] is None
    assert found["none"]["reason"]["code"] == "chance_no_total"
    assert told(found["none"])["zh"] == "本期未由数据计算出总分，不给名次区间"
    assert found["g00"]["rank"] is not None


def test_facts_that_do_not_add_up_to_what_was_scored_give_no_interval() -> None:
    inputs, patterns = city([30, 40, 50])
    inputs["g00"]["closed"] -= 1
    found = drawn(BASE, inputs, patterns)
    assert found["g00"]["rank"] is None
    assert found["g00"]["reason"] == {"code": "chance_differs", "facts": {"inputs": {"zh": "结案数", "en": "Closed"}}}
    assert found["g00"]["rates"]["closing_rate"]["method"] == "wilson"
    assert found["g01"]["rank"] is not None


def test_what_rests_on_other_periods_or_subjects_is_not_drawn() -> None:
    part = named({"id": "i", "kind": "entered", "input": "a"})
    rules = book([named({"id": "c", "kind": "carry", "item": part})])
    item = rules.stages[0].score
    assert item is not None
    assert item.unsupported(rules, frozenset("a")).id == "c"  # type: ignore[union-attr]
    assert item.unsupported(rules, frozenset("b")) is None
    over = named({"id": "year", "kind": "periods", "stage": "period", "n": 1})
    yearly = rules.model_copy(update={"stages": (rules.stages[0], book([over]).stages[0])})
    assert yearly.stages[1].score.unsupported(yearly, frozenset("a")).id == "year"  # type: ignore[union-attr]
    patterns = {"g": Patterns({"a": np.array([1])}, np.array([4]))}
    found = drawn(rules, {"g": {"a": 4, "b": 0, "c": 0, "d": 0}}, patterns)
    assert found["g"]["reason"] == {"code": "chance_unsupported", "facts": {"item": {"zh": "c", "en": "c"}}}
    assert told(found["g"])["en"].startswith("c cannot be resampled")


def test_counts_that_are_not_drawn_and_facts_all_alike_are_noted() -> None:
    rules = book([
        named({"id": "p", "kind": "proportional", "points": 50, "rate": "high"}),
        named({"id": "i", "kind": "entered", "input": "c", "points": 50}),
    ])  # fmt: skip
    patterns = {"g": Patterns({"a": np.array([1]), "b": np.array([1])}, np.array([4]))}
    found = drawn(rules, {"g": {"a": 4, "b": 4, "c": 9, "d": 2}}, patterns)["g"]
    assert [n["code"] for n in found["notes"]] == ["chance_small", "chance_alike", "chance_held"]
    assert "各件结果完全相同，重抽样看不出波动，请看该率自身的区间：名" in told(found)["zh"]
    assert found["third"] is None
    assert found["third_share"] is None


# --- ranks and words --------------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=1, max_size=12))
def test_ranks_of_draws_are_those_of_the_engine(totals: list[int | None]) -> None:
    exact = rank({k: None if t is None else Fraction(t, 3) for k, t in enumerate(totals)})
    column = np.array([[np.nan if t is None else t / 3] for t in totals])
    found = ranked(column + 1e-12 * np.arange(len(totals))[:, None])[:, 0]
    assert {k: int(v) for k, v in enumerate(found) if not np.isnan(v)} == {k: place for k, (place, _) in exact.items()}


def test_an_interval_holds_its_share_and_leaves_out_what_is_not() -> None:
    row = np.arange(1.0, 1001.0)
    low, high = interval(np.array([row, np.where(row > 500, np.nan, row), np.full(1000, np.nan)]), 0.9)
    assert (low[0], high[0]) == (51, 950)
    assert (low[1], high[1]) == (26, 475)
    assert np.isnan(low[2])


def test_the_sentence_says_interval_and_shares_in_both_languages() -> None:
    found = {
        "draws": 1000, "level": "0.90", "rank": {"low": 3, "high": 9}, "grade_share": "0.620", "third": "top",
        "third_share": "0.997", "reason": None, "notes": [], "seed": "0", "rates": {},
    }  # fmt: skip
    assert told(found) == {
        "zh": "考虑抽样误差，名次可能在第3–9名（90%）；等次不变的可能为62%",
        "en": "allowing for sampling error the rank may lie between 3 and 9 (90 %); "
        "the grade stays as it is with a chance of 62 %",
    }
    assert told(found | {"third_share": None})["zh"].endswith("等次不变的可能为62%")
    assert told(found | {"grade_share": None})["zh"].endswith("仍在前、中、后同一三分之一的可能为99%")


def test_of_one_subject_alone_no_rank_is_said_to_vary() -> None:
    found = {
        "draws": 1000, "level": "0.90", "rank": {"low": 1, "high": 1}, "grade_share": "0.620", "third": "top",
        "third_share": "1.000", "reason": None, "notes": [], "seed": "0", "rates": {},
    }  # fmt: skip
    assert told(found, 1)["zh"] == "等次不变的可能为62%"
    assert told(found | {"grade_share": None}, 1)["zh"] == ""


def test_a_rate_says_its_interval_and_that_the_sample_is_small() -> None:
    rate = {
        "n": "10",
        "low": "0.5958",
        "high": "0.9821",
        "level": "0.95",
        "method": "wilson",
        "unit": "percent",
        "small": True,
        "alike": False,
    }
    assert rate_words(Interval.model_validate(rate))["zh"] == "95% 置信区间 59.6%–98.2%（n = 10，样本量小）"
    points = rate | {"unit": "points", "low": "81.25", "high": "90", "small": False, "n": "44"}
    assert rate_words(Interval.model_validate(points))["en"] == "95 % confidence interval 81.3–90.0 (n = 44)"


def test_every_exact_node_is_found_where_its_part_looks_for_it() -> None:
    """A redraw walks items and exact nodes side by side: they must have the same shape."""
    rules = book(every_kind())
    node = rules.stages[0].score.evaluate(contexts(rules, [dict.fromkeys("abcd", 3)], Fraction(1))[0])  # type: ignore[union-attr]
    ids = [part.id for _, part in rules.parts()]
    assert {n.id for n in flat(node)} == set(ids)
