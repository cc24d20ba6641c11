"""What must hold of every score, whatever comes in; and the faults that real scoring code has been seen to have."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.errors import DossierInvalid, RulebookInvalid
from gridmgmt.numbers import shown_near
from gridmgmt.rulebooks.load import load, parse
from gridmgmt.rulebooks.results import flat
from tests.unit.rulebooks.tiny import FULL, TEXT, made, outcomes, points, tiny
from tests.worded import reason as reason_of

BOOK = tiny()
EVENTS = st.lists(
    st.fixed_dictionaries(
        {"code": st.sampled_from(["praise", "prize", "circular", "named"]), "n": st.integers(1, 4)},
        optional={"fault": st.sampled_from(["a", "b"]), "praised": st.booleans()},
    ),
    max_size=8,
)


@given(st.integers(0, 30), st.integers(0, 2), EVENTS, st.integers(0, 50), st.data())
def test_points_stay_between_floor_and_cap(
    faults: int, disaster: int, events: Any, due: int, data: st.DataObject
) -> None:
    closed = data.draw(st.integers(0, due))
    found = outcomes(
        BOOK,
        {"U": {**FULL, "faults": faults, "disaster": disaster, "happenings": events, "due": due, "closed": closed}},
    )
    root = found["U"].root
    assert root is not None
    for item in BOOK.rulebook.stages[0].score.items:  # type: ignore[union-attr]
        node = next(n for n in flat(root) if n.id == item.id)
        most = item.maximum
        assert node.value is not None
        if item.kind in ("deduct", "earn"):
            assert most is not None
            assert 0 <= node.value <= most
        if item.kind == "lose":
            assert node.value <= 0


@given(st.integers(0, 12), st.integers(0, 3))
def test_one_more_finding_never_helps(n: int, more: int) -> None:
    before, after = (points(BOOK, "checks", faults=k) for k in (n, n + more))
    assert before is not None
    assert after is not None
    assert after <= before
    assert points(BOOK, "checks", faults=n, disaster=1) == 0


@given(st.integers(1, 300), st.data())
def test_one_more_closed_case_never_costs(due: int, data: st.DataObject) -> None:
    closed = data.draw(st.integers(0, due - 1))
    before, after = (points(BOOK, "closing_item", due=due, closed=k) for k in (closed, closed + 1))
    assert before is not None
    assert after is not None
    assert before <= after


@given(EVENTS, st.randoms())
def test_the_order_of_events_is_no_matter(events: list[dict[str, Any]], random: Any) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)
    totals = {outcomes(BOOK, {"U": {**FULL, "happenings": e}})["U"].total for e in (events, shuffled)}
    assert len(totals) == 1


@given(st.integers(1, 6), st.integers(1, 6))
def test_n_together_are_n_single_ones(n: int, m: int) -> None:
    """Splitting a file, or a row into several, changes nothing."""
    together = [{"n": n + m}]
    split = [{"n": n}, *({"n": 1} for _ in range(m))]
    assert (
        points(BOOK, "checks", faults=together)
        == points(BOOK, "checks", faults=split)
        == points(BOOK, "checks", faults=n + m)
    )


@given(st.lists(st.integers(0, 4), min_size=2, max_size=7))
def test_equal_totals_share_rank_and_last_place(marks: list[int]) -> None:
    found = outcomes(BOOK, {f"U{i}": {**FULL, "business": m} for i, m in enumerate(marks)})
    by_total: dict[Fraction | None, set[tuple[int | None, bool, bool]]] = {}
    for outcome in found.values():
        by_total.setdefault(outcome.total, set()).add((outcome.rank, outcome.is_first, outcome.is_last))
    assert all(len(places) == 1 for places in by_total.values())
    ranks = sorted(o.rank or 0 for o in found.values())
    assert ranks[0] == 1
    if len(by_total) == 1:
        assert not any(o.is_first or o.is_last for o in found.values()), "if all are equal nobody is first or last"
    else:
        assert all(o.is_last == (o.total == min(t for t in by_total if t is not None)) for o in found.values())


@given(EVENTS)
def test_the_same_bytes_of_input_give_the_same_result(events: list[dict[str, Any]]) -> None:
    first, second = (outcomes(BOOK, {"U": {**FULL, "happenings": events}})["U"] for _ in range(2))
    assert first == second


class TestLimits:
    """Exactly at a limit: 以上 is inclusive, only completed steps count, zero only strictly below."""

    @pytest.mark.parametrize(
        ("closed", "expected"), [(800, 7), (799, 7), (751, 7), (750, 6), (749, 6), (700, 5), (600, 3), (599, 0)]
    )
    def test_floor(self, closed: int, expected: int) -> None:
        assert points(BOOK, "closing_item", due=1000, closed=closed) == expected

    @pytest.mark.parametrize(
        ("mode", "closed", "expected"),
        [
            ("ceil", 799, "6"),
            ("ceil", 750, "6"),
            ("ceil", 749, "5"),
            ("proportional", 799, "6.98"),
            ("proportional", 750, "6"),
        ],
    )
    def test_other_readings(self, mode: str, closed: int, expected: str) -> None:
        assert points(tiny(closing_steps__step_mode=mode), "closing_item", due=1000, closed=closed) == Fraction(
            expected
        )

    def test_exact_where_decimals_of_28_digits_are_not(self) -> None:
        """75 % as 1/3 + 5/12 is exactly 75: one step, not two."""
        assert points(BOOK, "closing_item", due=3 * 7 * 11 * 13 * 4, closed=3 * 7 * 11 * 13 * 3) == 6

    def test_a_grade_is_decided_on_the_unrounded_total(self) -> None:
        just_below = {**FULL, "business": "89.996", "social": "89.996", "due": 0, "closed": 0}
        found = outcomes(tiny(checks__points="0.001", closing_item__points="0.001"), {"U": just_below})["U"]
        assert found.total == Fraction("89.998")
        assert found.grade == "rest"
        assert shown_near(found.total, [Fraction(90)]) == "89.998"


class TestFaultsSeenElsewhere:
    def test_a_closing_rate_scored_as_its_opposite_is_refused(self) -> None:
        with pytest.raises(RulebookInvalid) as e:
            parse(
                TEXT.replace("direction: below", "direction: above").replace("zero_beyond: 60", "zero_beyond: 90"),
                "x.yaml",
            )
        assert "punish the better" in reason_of(e.value)

    def test_weights_that_do_not_sum_are_refused(self) -> None:
        with pytest.raises(RulebookInvalid) as e:
            parse(TEXT.replace("weight: 34", "weight: 33"), "x.yaml")
        assert "sum to 99, not to 100" in reason_of(e.value)
        assert e.value.line == TEXT[: TEXT.index("id: parts")].count("\n") + 4

    def test_nothing_is_rounded_before_it_is_weighted(self) -> None:
        thirds = {**FULL, "business": "200/3", "social": "100/3"}
        assert outcomes(BOOK, {"U": thirds})["U"].node("parts").value == Fraction(66 * 200 + 34 * 100, 300)  # type: ignore[union-attr]

    def test_an_empty_denominator_is_no_zero_percent(self) -> None:
        assert points(BOOK, "closing_item", due=0, closed=0) == 7
        left_open = outcomes(tiny(empty__option="incomplete"), {"U": {**FULL, "due": 0, "closed": 0}})["U"]
        assert (left_open.status, left_open.total) == ("incomplete", None)
        assert {name for _, name in left_open.missing} == {"due", "closed"}

    def test_one_count_used_twice_is_refused(self) -> None:
        with pytest.raises(RulebookInvalid) as e:
            parse(TEXT.replace("numerator: closed, denominator: due", "numerator: due, denominator: due"), "x.yaml")
        assert "the same count" in reason_of(e.value)

    def test_a_numerator_filtered_and_a_denominator_not_is_refused(self) -> None:
        counted = TEXT.replace(
            "due: {title: {zh: 应结案数, en: Due}, type: count, entered: {zh: 系统导出, en: from an export}}",
            "due: {title: {zh: 应结案数, en: Due}, type: count, automatic: {count: n_due}}",
        ).replace(
            "closed: {title: {zh: 结案数, en: Closed}, type: count, entered: {zh: 系统导出, en: from an export}}",
            "closed: {title: {zh: 结案, en: Closed}, type: count, automatic: {count: n_closed, only: {kind: matter}}}",
        )
        with pytest.raises(RulebookInvalid) as e:
            parse(counted, "x.yaml")
        assert "filter cases differently" in reason_of(e.value)
        reason = ", filters_differ: {zh: 原文如此, en: the text says so}, better: high}"
        assert parse(counted.replace(", better: high}", reason), "x.yaml").rulebook.rates["closing"].filters_differ


class TestMissing:
    def test_an_input_that_is_not_there_is_named_and_nothing_is_guessed(self) -> None:
        found = outcomes(BOOK, {"U": {k: v for k, v in FULL.items() if k != "social"}, "V": FULL})
        assert (found["U"].status, found["U"].total, found["U"].rank) == ("incomplete", None, None)
        assert found["U"].missing == (("2025-12", "social"),)
        assert found["V"].status == "scored"

    def test_unsigned_findings_are_missing_not_none(self) -> None:
        periods = {"2025-12": {"U": {"inputs": FULL, "signed": False}}}
        found = made(BOOK, periods).outcomes["2025-12"]["U"]
        assert {name for _, name in found.missing} == {"signed_off"}
        assert found.status == "incomplete"

    def test_every_fault_of_the_inputs_is_told(self) -> None:
        with pytest.raises(DossierInvalid) as e:
            outcomes(BOOK, {"U": {"busines": 3, "business": 101, "due": "1.5", "faults": [{"date": 1}]}})
        assert e.value.n == 4
        assert [p["where"] for p in e.value.problems] == [
            "2025-12 · U · busines", "2025-12 · U · business", "2025-12 · U · due", "2025-12 · U · faults",
        ]  # fmt: skip

    def test_a_date_of_another_period_is_refused(self) -> None:
        with pytest.raises(DossierInvalid) as e:
            outcomes(BOOK, {"U": {**FULL, "happenings": [{"code": "praise", "on": "2026-01-01"}]}})
        (problem,) = e.value.problems
        wanted = {"code": "expected_days_within", "first": "2025-12-01", "last": "2025-12-31", "day": "2026-01-01"}
        assert (problem["where"], problem["expected"]) == ("2025-12 · U · happenings", wanted)


def test_baseline_leaves_out_what_has_no_data() -> None:
    """Two grids that differ only in having been inspected: neither is punished for the inspectors' choice."""
    book = load("grid_baseline")
    full = {"due": 10, "closed": 10, "closed_on_time": 10, "due_rework_known": 10, "rework_cases": 0,
            "registered_repeat_known": 10, "repeats": 0}  # fmt: skip
    found = outcomes(
        book,
        {
            "a": {**full, "scored_samples": 0, "sample_scores": 0},
            "b": {**full, "scored_samples": 1, "sample_scores": 100},
        },
    )
    assert found["a"].total == found["b"].total == 100
