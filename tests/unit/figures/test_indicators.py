"""Base counts and rates: which case counts where, at every boundary, and that nothing is lost or counted twice."""

import datetime as dt
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.errors import IndicatorMissing
from gridmgmt.figures.counts import COUNTS, Facts
from gridmgmt.figures.indicators import (
    RATIOS,
    amounts,
    base_of,
    describe,
    filtered,
    keeps,
    masks,
    plain,
    ratio,
    side_by_side,
)
from gridmgmt.figures.names import indicator_words
from gridmgmt.numbers import shown

START, END = dt.datetime(2025, 3, 1, tzinfo=dt.UTC), dt.datetime(2025, 4, 1, tzinfo=dt.UTC)
SECOND = dt.timedelta(microseconds=1)
DAY = dt.timedelta(days=1)
DUE = dt.datetime(2025, 3, 10, tzinfo=dt.UTC)
TIMES = (
    "reported_at", "registered_at", "dispatched_at", "due_at", "due_extended_at",
    "handled_at", "closed_at", "voided_at", "reworked_at",
)  # fmt: skip


def cases(*rows: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[*TIMES, "n_rework", "is_repeat"]).assign(stands=False)
    for name in TIMES:
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame.assign(n_rework=frame["n_rework"].astype("Int64"), is_repeat=frame["is_repeat"].astype("object"))


def facts(frame: pd.DataFrame, as_of: dt.datetime = END) -> Facts:
    return Facts(frame, START, END, as_of)


def counted(*rows: dict[str, Any], as_of: dt.datetime = END) -> set[str]:
    """The counts that are not zero."""
    return {k for k, v in numbers(cases(*rows), as_of).items() if v}


def numbers(frame: pd.DataFrame, as_of: dt.datetime = END) -> dict[str, int]:
    f = facts(frame, as_of)
    whole = amounts(f, masks(f, "cases"), pd.Series("city", index=frame.index, dtype="object"))
    return {str(k): int(v) for k, v in whole.sum().items()}


# --- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", ["reported_at", "registered_at", "dispatched_at", "due_at"])
def test_a_period_is_half_open(clock: str) -> None:
    count = {"reported_at": "n_reported", "registered_at": "n_registered", "dispatched_at": "n_dispatched",
             "due_at": "n_due"}[clock]  # fmt: skip
    for instant, inside in ((START - SECOND, False), (START, True), (END - SECOND, True), (END, False)):
        assert (count in counted({clock: instant}, as_of=END + DAY)) is inside


@pytest.mark.parametrize("clock", ["reported_at", "due_at"])
def test_what_lies_after_the_cut_off_is_not_seen(clock: str) -> None:
    assert counted({clock: DUE}, as_of=DUE)
    assert not counted({clock: DUE}, as_of=DUE - SECOND)


def test_a_case_without_any_time_counts_nowhere() -> None:
    assert not counted({"n_rework": 3, "is_repeat": True})


# --- timeliness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "where"),
    [
        ({"handled_at": DUE, "closed_at": DUE + DAY}, "n_closed_on_time"),  # handling decides, and at it is on time
        ({"handled_at": DUE + SECOND, "closed_at": DUE + DAY}, "n_closed_late"),
        ({"closed_at": DUE}, "n_closed_on_time"),  # derived from closing
        ({"closed_at": DUE + SECOND}, "n_closed_late"),
        ({"closed_at": DUE + DAY, "due_extended_at": DUE + DAY}, "n_closed_extended"),
        ({"closed_at": DUE, "due_extended_at": DUE + DAY}, "n_closed_on_time"),
        ({"closed_at": DUE + DAY + SECOND, "due_extended_at": DUE + DAY}, "n_closed_late"),
        ({"handled_at": DUE}, "n_overdue_open"),  # handled but not closed
        ({}, "n_overdue_open"),
        ({"closed_at": END + SECOND}, "n_overdue_open"),  # closed after the cut-off
    ],
)
def test_a_due_case_is_in_exactly_one_state(times: dict[str, Any], where: str) -> None:
    found = counted({"due_at": DUE, **times})
    states = {"n_closed_on_time", "n_closed_extended", "n_closed_late", "n_overdue_open"}
    assert found & states == {where}
    assert "n_due" in found
    assert ("n_closed" in found) is (where != "n_overdue_open")


def test_an_open_case_is_overdue_only_after_its_deadline() -> None:
    assert counted({"due_at": DUE}, as_of=DUE) == {"n_due"}
    assert counted({"due_at": DUE}, as_of=DUE + SECOND) == {"n_due", "n_overdue_open", "n_untimely"}


@pytest.mark.parametrize(
    ("times", "is_untimely"),
    [
        ({"handled_at": DUE}, False),  # handled in time, not yet closed
        ({"handled_at": DUE + SECOND, "due_extended_at": DUE + DAY}, False),  # within its extension
        ({"handled_at": DUE + SECOND}, True),
        ({}, True),
    ],
)
def test_a_case_is_untimely_unless_it_was_handled_by_its_effective_deadline(
    times: dict[str, Any], is_untimely: bool
) -> None:
    assert ("n_untimely" in counted({"due_at": DUE, **times})) is is_untimely


def test_an_extension_moves_the_case_into_its_own_period() -> None:
    moved = {"due_at": DUE, "due_extended_at": END + DAY}
    assert not counted(moved, as_of=END + 2 * DAY)
    assert "n_due" in counted({"due_at": START - DAY, "due_extended_at": DUE})


def test_a_void_case_is_not_due_unless_it_was_voided_later() -> None:
    assert counted({"due_at": DUE, "closed_at": DUE, "voided_at": END}) == set()
    assert "n_due" in counted({"due_at": DUE, "voided_at": END + SECOND})


# --- rework and repeats ----------------------------------------------------------------------------------------------


def test_unknown_rework_stays_out_of_its_own_denominator() -> None:
    found = numbers(cases(
        {"due_at": DUE, "n_rework": 2}, {"due_at": DUE, "n_rework": 0}, {"due_at": DUE, "n_rework": None},
        {"due_at": END + DAY, "n_rework": 5},
    ))  # fmt: skip
    assert (found["n_due"], found["n_due_rework_known"], found["n_rework_cases"], found["n_rework_events"]) == (
        3,
        2,
        1,
        2,
    )
    assert ratio("rework_rate", found) == (1, 2)


@pytest.mark.parametrize("dtype", ["Int64", "float64", "object"])
def test_rework_may_come_in_any_type_a_database_gives(dtype: str) -> None:
    frame = cases({"due_at": DUE, "n_rework": 2}, {"due_at": DUE, "n_rework": None})
    values = np.array([2.0, np.nan]) if dtype == "float64" else [2, None]
    found = numbers(frame.assign(n_rework=pd.Series(values, dtype=dtype)))
    assert (found["n_due_rework_known"], found["n_rework_events"]) == (1, 2)


def test_a_rework_after_the_cut_off_has_not_happened_and_one_without_a_time_has() -> None:
    assert "n_rework_cases" in counted({"due_at": DUE, "n_rework": 1, "reworked_at": END})
    assert "n_rework_cases" not in counted({"due_at": DUE, "n_rework": 1, "reworked_at": END + SECOND})
    assert "n_rework_cases" in counted({"due_at": DUE, "n_rework": 1})


@pytest.mark.parametrize("dtype", ["object", "boolean"])
def test_unknown_repeats_stay_out_of_their_denominator(dtype: str) -> None:
    frame = cases(*({"registered_at": DUE, "is_repeat": v} for v in (True, False, False, None)))
    found = numbers(frame.assign(is_repeat=frame["is_repeat"].astype(dtype)))
    assert (found["n_registered"], found["n_registered_repeat_known"], found["n_repeats"]) == (4, 3, 1)


# --- conservation ----------------------------------------------------------------------------------------------------

instants = st.none() | st.integers(-3 * 24, 35 * 24).map(lambda h: START + dt.timedelta(hours=h))
some_case = st.fixed_dictionaries(
    {
        **dict.fromkeys(TIMES, instants),
        "n_rework": st.none() | st.integers(0, 3),
        "is_repeat": st.none() | st.booleans(),
    }
)
some_cases = st.lists(some_case, max_size=12)
GRIDS = ("440301", "440302", None)


@given(some_cases, instants.filter(bool))
def test_the_closed_are_on_time_extended_or_late(rows: list[dict[str, Any]], as_of: dt.datetime) -> None:
    n = numbers(cases(*rows), as_of)
    assert n["n_closed"] == n["n_closed_on_time"] + n["n_closed_extended"] + n["n_closed_late"]
    assert n["n_closed"] + n["n_overdue_open"] <= n["n_due"] <= len(rows)
    assert n["n_rework_cases"] <= n["n_due_rework_known"] <= n["n_due"]
    assert n["n_rework_cases"] <= n["n_rework_events"]
    assert n["n_repeats"] <= n["n_registered_repeat_known"] <= n["n_registered"]
    if as_of > END:
        f = facts(cases(*rows), as_of)
        still_open = COUNTS["n_due"].mask(f) & ~COUNTS["n_closed"].mask(f)
        assert n["n_due"] == n["n_closed"] + int(still_open.sum())
        assert n["n_overdue_open"] == int(still_open.sum())


@given(some_cases, some_cases)
def test_two_parts_sum_to_the_whole(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    a, b = numbers(cases(*one)), numbers(cases(*other))
    assert numbers(cases(*one, *other)) == {k: a.get(k, 0) + b.get(k, 0) for k in [*a]}


@given(st.lists(st.tuples(some_case, st.sampled_from(GRIDS)), max_size=12))
def test_groups_and_the_unassigned_conserve_the_total(rows: list[tuple[dict[str, Any], str | None]]) -> None:
    frame = cases(*(r for r, _ in rows))
    f = facts(frame)
    taken = masks(f, "cases")
    table = amounts(f, taken, pd.Series([g for _, g in rows], index=frame.index, dtype="object"))
    assert set(table.index) == {g or "" for _, g in rows}
    assert {k: int(v) for k, v in table.sum().items()} == numbers(frame)
    assert (table[["n_due"]] >= 0).all(axis=None)


def test_no_rows_give_no_groups() -> None:
    f = facts(cases())
    assert amounts(f, masks(f, "cases"), pd.Series([], dtype="object")).empty


# --- samples and rates -----------------------------------------------------------------------------------------------


def test_scores_are_summed_exactly() -> None:
    frame = pd.DataFrame({
        "sampled_at": pd.to_datetime([DUE] * 4 + [END], utc=True).astype("datetime64[us, UTC]"),
        "score": pd.Series(["0.1", "0.2", "33.333", None, "100"], dtype="str"),
    })  # fmt: skip
    f = facts(frame, END + DAY)
    (row,) = amounts(f, masks(f, "samples"), pd.Series(["a"] * 5)).to_dict("records")
    assert row == {"n_samples": 4, "n_scored_samples": 3, "sum_sample_score": Fraction(33633, 1000)}
    assert ratio("sample_score", row) == (Fraction(33633, 1000), 3)


# --- filters ---------------------------------------------------------------------------------------------------------

KINDS = [
    ("component", "01001", "监督员上报"), ("component", "01002", "公众举报"), ("matter", "01001", "监督员上报"),
    ("matter", "06010", None), (None, None, "公众举报"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ({}, "01234"),
        ({"kind": "component"}, "01"),
        ({"kind": "matter"}, "23"),
        ({"categories": ["component:01001"]}, "0"),
        ({"categories": ["component:01*"]}, "01"),
        ({"categories": ["matter:*"]}, "23"),
        ({"categories": ["*"]}, "01234"),
        ({"categories": ["component:01001", "matter:06010"]}, "03"),
        ({"categories": ["component:010"]}, ""),
        ({"excepted": ["component:01001"]}, "1234"),
        ({"excepted": ["component:01*", "matter:06010"]}, "24"),
        ({"categories": ["component:*"], "excepted": ["component:01002"]}, "0"),
        ({"sources": ["监督员上报"]}, "02"),
        ({"sources": ["监督员上报", "公众举报"]}, "0124"),
        ({"kind": "component", "sources": ["公众举报"]}, "1"),
        ({"kind": "matter", "categories": ["*"]}, "23"),
        ({"kind": "matter", "categories": ["component:*"]}, ""),
        ({"numbers": ["C0", "C4", "C9"]}, "04"),
        ({"numbers": []}, ""),
        ({"kind": "matter", "numbers": ["C0", "C3"]}, "3"),
    ],
)
def test_a_filter_keeps_cases_by_kind_class_source_and_number(asked: dict[str, Any], rows: str) -> None:
    frame = pd.DataFrame(KINDS, columns=["category_kind", "category_code", "source"], dtype="str")
    f = facts(frame.assign(case_no=[f"C{n}" for n in range(len(frame))]))
    asked = {"kind": None, "categories": (), "excepted": (), "sources": (), **asked}
    assert "".join(map(str, np.flatnonzero(keeps(**asked)(f)))) == rows


def test_a_rulebook_s_own_count_is_counted_as_the_base_count_that_it_filters() -> None:
    assert filtered("n_due", "mine") == "n_due@mine"
    assert base_of("n_due@mine") is base_of("n_due") is COUNTS["n_due"]
    f = facts(cases({"due_at": DUE, "n_rework": 2}, {"due_at": DUE, "n_rework": 3}))
    whole = amounts(f, {filtered("n_rework_events", "mine"): np.array([True, False])}, pd.Series(["a", "a"]))
    assert whole["n_rework_events@mine"].tolist() == [2]


def test_a_row_of_counts_is_read_as_whole_numbers_and_exact_shares() -> None:
    row = {"n_due": np.int64(3), "n_closed": 2.0, "sum_sample_score": Fraction(1, 3)}
    found = plain(row)
    assert found == {"n_due": 3, "n_closed": 2, "sum_sample_score": Fraction(1, 3)}
    assert [type(x) for x in found.values()] == [int, int, Fraction]


def samples(*scores: str | None) -> pd.DataFrame:
    at = pd.to_datetime([DUE] * len(scores), utc=True).astype("datetime64[us, UTC]")
    return pd.DataFrame({"sampled_at": at, "score": pd.Series(scores, dtype="str")})


def test_counts_of_several_kinds_stand_side_by_side_exact_and_zero_where_nothing_counts() -> None:
    """One case in a, two samples in b: each group has every count, whole ones as ``int``, scores as ``Fraction``."""
    c, s = facts(cases({"due_at": DUE})), facts(samples("0.1", None))
    tables = [amounts(c, masks(c, "cases"), pd.Series(["a"])), amounts(s, masks(s, "samples"), pd.Series(["b", "b"]))]
    found = side_by_side(tables, ["b", "x", "a", ""])
    assert (found.index.tolist(), found.index.name) == (["b", "x", "a", ""], "code")
    assert found["n_due"].tolist() == [0, 0, 1, 0]
    assert found["n_samples"].tolist() == [2, 0, 0, 0]
    assert found["n_scored_samples"].tolist() == [1, 0, 0, 0]
    assert found["sum_sample_score"].tolist() == [Fraction(1, 10), 0, 0, 0]
    assert {type(x) for x in found["sum_sample_score"]} == {Fraction}
    assert found["n_due"].dtype == found["n_samples"].dtype == "int64"
    assert tables[1]["sum_sample_score"].tolist() == [Fraction(1, 10)], "what was counted stays as it was"


def test_groups_of_no_rows_at_all_have_zeros() -> None:
    none = facts(samples())
    found = side_by_side([amounts(none, masks(none, "samples"), pd.Series([], dtype="object"))], ["a", ""])
    assert found["n_samples"].tolist() == found["sum_sample_score"].tolist() == [0, 0]
    assert {type(x) for x in found["sum_sample_score"]} == {Fraction}


def test_shares_that_add_up_to_a_whole_are_a_whole_number_again_and_scores_stay_exact() -> None:
    """Two roads by halves in a and b, a third by thirds in a and c, and one sample whole in a."""
    s, half, third = facts(samples("80", "90", "60", "50")), Fraction(1, 2), Fraction(1, 3)
    shared = {0: {"a": half, "b": half}, 1: {"a": half, "b": half}, 2: {"a": third, "c": 1 - third}}
    found = amounts(s, masks(s, "samples"), pd.Series(["a"] * 4), shared)
    assert found["n_samples"].to_dict() == {"a": 2 + third, "b": 1, "c": 1 - third}
    assert type(found.loc["b", "n_samples"]) is int
    scores = {"a": 40 + 45 + 20 + 50, "b": 40 + 45, "c": 40}
    assert found["sum_sample_score"].to_dict() == scores
    assert {type(x) for x in found["sum_sample_score"]} == {Fraction}


def test_counts_and_rates_have_names_in_both_languages_and_unknown_ones_go_by_their_code() -> None:
    assert indicator_words("n_due") == {"zh": COUNTS["n_due"].zh, "en": COUNTS["n_due"].en}
    assert indicator_words("closing_rate") == {"zh": "结案率", "en": "Closing rate"}
    assert indicator_words("n_gone") == {"zh": "n_gone", "en": "n_gone"}


Road = tuple[dict[str, int], int]
parts_of_a_road = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 10**7), max_size=3)


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.decimals(0, 100, places=2)), st.sampled_from(["a", "b", None]),
                  st.one_of(st.none(), st.tuples(parts_of_a_road, st.integers(0, 10**6)))),
        max_size=10,
    ),
)  # fmt: skip
def test_roads_shared_by_length_conserve_the_total(rows: list[tuple[Any, str | None, Road | None]]) -> None:
    """Each row: score, the grid of its point, and, of a road, its length in mm in each grid and outside."""
    frame = pd.DataFrame({
        "sampled_at": pd.to_datetime([DUE] * len(rows), utc=True).astype("datetime64[us, UTC]"),
        "score": pd.Series([None if score is None else str(score) for score, _, _ in rows], dtype="str"),
    })  # fmt: skip
    shared: dict[int, dict[str, Fraction]] = {}
    for row, (_, _, road) in enumerate(rows):
        if road is not None and (total := sum(road[0].values()) + road[1]):
            shared[row] = {code: Fraction(mm, total) for code, mm in {**road[0], "": road[1]}.items() if mm}
    f, groups = facts(frame), pd.Series([g for _, g, _ in rows], dtype="object")
    found = amounts(f, masks(f, "samples"), groups, shared)
    whole = amounts(f, masks(f, "samples"), groups)
    by_hand: dict[str, Fraction] = dict.fromkeys(["a", "b", "c", ""], Fraction(0))
    for row, (_, group, _) in enumerate(rows):
        for code, part in shared.get(row, {group or "": Fraction(1)}).items():
            by_hand[code] += part
    assert {code: n for code, n in found["n_samples"].items() if n} == {code: n for code, n in by_hand.items() if n}
    for name in found.columns:
        assert sum(map(Fraction, found[name])) == sum(map(Fraction, whole[name]))
    assert all(isinstance(n, int | np.integer) or n.denominator > 1 for n in found["n_samples"])


TIANMEN: Mapping[str, int] = {"n_due": 972, "n_closed": 911, "n_closed_on_time": 737}


def test_the_figures_that_tianmen_published() -> None:
    """Tianmen, December 2016: due 972, closed 911, on time 737; events 902 of 956, components 9 of 16."""
    for name, counts, percent in (
        ("closing_rate", TIANMEN, "93.72"),
        ("on_time_closing_rate", TIANMEN, "75.82"),
        ("closing_rate", {"n_due": 956, "n_closed": 902}, "94.35"),
        ("closing_rate", {"n_due": 16, "n_closed": 9}, "56.25"),
    ):
        parts = ratio(name, counts)
        assert parts is not None
        assert shown(parts[0] / parts[1] * 100) == percent


@pytest.mark.parametrize("name", list(RATIOS))
def test_a_denominator_of_zero_is_no_data(name: str) -> None:
    assert ratio(name, {}) is None
    assert ratio(name, {RATIOS[name].numerator: 3, RATIOS[name].denominator: 0}, 0.0) is None


@pytest.mark.parametrize("rule", list(RATIOS.values()), ids=lambda r: r.name)
def test_numerator_and_denominator_are_of_the_same_cases(rule: Any) -> None:
    """A numerator that is filtered and a denominator that is not, or by another clock, make no rate."""
    top = COUNTS[rule.numerator]
    if rule.denominator == "area_km2":
        return
    bottom = COUNTS[rule.denominator]
    assert (top.of, top.clock) == (bottom.of, bottom.clock)
    assert top.name != bottom.name


def test_no_two_rates_use_the_same_counts() -> None:
    assert len({(r.numerator, r.denominator) for r in RATIOS.values()}) == len(RATIOS)


@given(some_cases)
def test_a_rate_lies_between_0_and_1(rows: list[dict[str, Any]]) -> None:
    n = numbers(cases(*rows))
    for rule in RATIOS.values():
        parts = ratio(rule.name, n) if rule.unit == "percent" else None
        assert parts is None or 0 <= parts[0] / parts[1] <= 1


def test_what_was_not_counted_is_none_of_what_was() -> None:
    assert ratio("closing_rate", {"n_due": 5}) == (0, 5)


def test_density() -> None:
    assert ratio("density", {"n_reported": 3}, 1_500_000.0) == (3, Fraction(3, 2))


def test_a_name_that_is_none_is_refused() -> None:
    assert describe("n_due") is COUNTS["n_due"]
    assert describe("closing_rate") is RATIOS["closing_rate"]
    with pytest.raises(IndicatorMissing) as e:
        describe("closing")
    assert "closing_rate" in e.value.known


def test_side_by_side_nothing_counted_is_zero_and_a_sum_stays_exact() -> None:
    """Also where no fact of a kind is there at all: a sum of scores is an exact 0, not a float."""
    cases = pd.DataFrame({"n_due": [3, 1]}, index=pd.Index(["B", ""], name="code"))
    none = pd.DataFrame({"sum_sample_score": [], "n_samples": []}, index=pd.Index([], name="code", dtype="object"))
    found = side_by_side([cases, none], ["A", "B", ""])
    assert found["n_due"].tolist() == [0, 3, 1]
    assert found["n_samples"].tolist() == [0, 0, 0]
    assert found["n_samples"].dtype == "int64"
    assert [(type(x), x) for x in found["sum_sample_score"]] == [(Fraction, 0)] * 3
