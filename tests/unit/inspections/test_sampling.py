"""Draws follow from the seed alone: the stated algorithm, spread, span, shortfall; another program draws the same."""

import hashlib
import json
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.inspections import sampling
from gridmgmt.inspections.sampling import Asked, Before, Candidate, Key, Short, draw
from gridmgmt.periods import parse_period

KEY = Key("7", "p", "2025-06")


def frame(*, unit: str = "U", name: str = "road", **grids: int) -> list[Candidate]:
    """So many objects in each grid."""
    return [Candidate(unit, name, f"roads/{g}{n}", g) for g, count in grids.items() for n in range(count)]


def taken(drawn: sampling.Drawn) -> list[str]:
    return [i.feature for i in drawn.items]


frames = st.lists(
    st.builds(
        Candidate, st.sampled_from("UV"), st.sampled_from(["road", "toilet"]), st.text("abc", min_size=1, max_size=3),
        st.sampled_from(["g1", "g2", "g3"]),
    ),
    max_size=40, unique_by=lambda c: (c.unit, c.object, c.feature),
)  # fmt: skip
asks = st.lists(
    st.builds(
        Asked, st.sampled_from("UV"), st.sampled_from("st"), st.sampled_from(["road", "toilet"]), st.integers(1, 6)
    ),
    max_size=6, unique_by=lambda a: (a.unit, a.type, a.object),
)  # fmt: skip


@given(frames, asks, st.text(max_size=3), st.randoms(use_true_random=False))
def test_the_order_of_the_frame_is_no_matter(
    rows: list[Candidate], asked: list[Asked], seed: str, rng: random.Random
) -> None:
    key = Key(seed, "p", "2025-06")
    mixed = rng.sample(rows, len(rows))
    assert draw(key, asked, mixed) == draw(key, asked, rows)
    by_unit = sorted(asked, key=lambda a: a.unit, reverse=True)
    assert draw(key, by_unit, rows) == draw(key, asked, rows)


@given(frames, asks)
def test_nothing_twice_for_a_unit_and_type_and_nothing_silently_fewer(
    rows: list[Candidate], asked: list[Asked]
) -> None:
    drawn = draw(KEY, asked, rows)
    assert max(Counter((i.unit, i.type, i.feature) for i in drawn.items).values(), default=1) == 1
    held = {(c.unit, c.object, c.feature) for c in rows}
    assert {(i.unit, i.object, i.feature) for i in drawn.items} <= held
    n = Counter((i.unit, i.type, i.object) for i in drawn.items)
    short = {(s.unit, s.type, s.object): s.asked - s.drawn for s in drawn.short}
    for a in asked:
        assert n[a.unit, a.type, a.object] + short.get((a.unit, a.type, a.object), 0) == a.n


@given(st.integers(1, 20), st.lists(st.integers(0, 8), min_size=1, max_size=5))
def test_samples_are_spread_as_evenly_as_the_frame_allows(n: int, sizes: list[int]) -> None:
    rows = frame(**{f"g{i}": size for i, size in enumerate(sizes)})
    drawn = draw(KEY, [Asked("U", "t", "road", n)], rows)
    counts = Counter(i.grid for i in drawn.items)
    assert counts.total() == min(n, len(rows))
    for i, size in enumerate(sizes):
        if counts[f"g{i}"] < size:  # not used up: no grid has more than one more
            assert counts[f"g{i}"] >= max(counts.values()) - 1


def test_a_units_types_share_one_spread() -> None:
    """Three single objects of one type, and a fourth of another, go to four grids."""
    names = ("a", "b", "c", "d")
    rows = [c for name in names for c in frame(name=name, g1=3, g2=3, g3=3, g4=3)]
    asked = [Asked("U", "s", name, 1) for name in names[:3]] + [Asked("U", "t", "d", 1)]
    assert {i.grid for i in draw(KEY, asked, rows).items} == {"g1", "g2", "g3", "g4"}


def test_seed_plan_period_and_type_each_give_another_order() -> None:
    rows = frame(g=40)
    ask = [Asked("U", "t", "road", 10)]
    base = taken(draw(KEY, ask, rows))
    others = [Key("8", "p", "2025-06"), Key("7", "q", "2025-06"), Key("7", "p", "2025-07")]
    assert all(taken(draw(key, ask, rows)) != base for key in others)
    assert taken(draw(KEY, [Asked("U", "s", "road", 10)], rows)) != base


def test_each_object_has_an_equal_chance() -> None:
    """Over many seeds every object of one grid comes about equally often (a fixed set of seeds: no flutter)."""
    rows = frame(g=10)
    seen = Counter(
        f for seed in range(2000) for f in taken(draw(Key(str(seed), "p", "x"), [Asked("U", "t", "road", 3)], rows))
    )
    assert len(seen) == 10
    assert all(540 < n < 660 for n in seen.values())  # 600 expected, standard deviation 20.5


def test_the_order_is_the_sha256_of_five_lines() -> None:
    text = "7\np\n2025-06\nt\nroads/g0"
    assert KEY.order("t", "roads/g0") == hashlib.sha256(text.encode()).hexdigest()


# --- the span ---------------------------------------------------------------------------------------------------------


def test_what_was_drawn_within_the_span_is_passed_over_and_told() -> None:
    rows = frame(g=4)
    before = [Before("U", "t", "roads/g0", "d1", "2025-05"), Before("U", "t", "roads/g1", "d1", "2025-05")]
    drawn = draw(KEY, [Asked("U", "t", "road", 3)], rows, before)
    assert set(taken(drawn)) == {"roads/g2", "roads/g3"}
    assert {(p.feature, p.draw) for p in drawn.passed_over} == {("roads/g0", "d1"), ("roads/g1", "d1")}
    assert drawn.short == (Short("U", "t", "road", 3, 2),)


def test_another_unit_or_type_may_take_it() -> None:
    rows = frame(g=1)
    before = [Before("V", "t", "roads/g0", "d1", "2025-05"), Before("U", "s", "roads/g0", "d1", "2025-05")]
    assert taken(draw(KEY, [Asked("U", "t", "road", 1)], rows, before)) == ["roads/g0"]


def test_for_want_of_others_the_oldest_comes_first_and_is_marked() -> None:
    rows = frame(g=3)
    before = [
        Before("U", "t", "roads/g0", "d5", "2025-05"),
        Before("U", "t", "roads/g0", "d3", "2025-03"),
        Before("U", "t", "roads/g1", "d4", "2025-04"),
    ]
    drawn = draw(KEY, [Asked("U", "t", "road", 2)], rows, before, "oldest_first")
    assert [(i.feature, i.again) for i in drawn.items] == [("roads/g2", None), ("roads/g1", "d4")]
    assert [(p.feature, p.draw) for p in drawn.passed_over] == [("roads/g0", "d5")]
    assert drawn.short == ()
    all_of_them = draw(KEY, [Asked("U", "t", "road", 4)], rows, before, "oldest_first")
    assert [i.again for i in all_of_them.items] == [None, "d4", "d5"]
    assert all_of_them.short == (Short("U", "t", "road", 4, 3),)


@pytest.mark.parametrize(
    ("other", "months", "within"),
    [
        ("2025-03", 3, False),  # June is just three months after March
        ("2025-04", 3, True),
        ("2025-06", 3, True),
        ("2025-06", 0, False),
        ("2025-08", 3, True),  # a later period that was drawn first
        ("2025-09", 3, False),
        ("2024-12", 12, True),
        ("2024-06", 12, False),
    ],
)
def test_the_span_is_half_open_and_looks_both_ways(other: str, months: int, within: bool) -> None:
    assert sampling.is_within(months, parse_period("2025-06"), parse_period(other)) is within


def test_a_span_from_the_end_of_a_month() -> None:
    first, other = parse_period("2025-01-31..2025-02-05"), parse_period("2025-02-28..2025-03-05")
    assert not sampling.is_within(1, first, other)  # one month after 31 January is 28 February
    assert sampling.is_within(1, first, parse_period("2025-02-27..2025-03-05"))


# --- the document -----------------------------------------------------------------------------------------------------


def made() -> dict[str, object]:
    rows = frame(g1=5, g2=3) + frame(unit="V", g3=2)
    before = [Before("U", "t", "roads/g10", "d1", "2025-05")]
    asked = [Asked("U", "t", "road", 4), Asked("V", "t", "road", 3)]
    return sampling.document({"name": "d"}, KEY, asked, rows, before, "oldest_first")


def test_a_document_survives_json_and_is_agreed_with() -> None:
    document = made()
    again = json.loads(json.dumps(document, ensure_ascii=False))
    assert sampling.sha256(again) == sampling.sha256(document)
    assert sampling.agrees(again)


@pytest.mark.parametrize("part", ["items", "passed_over", "short"])
def test_a_document_that_was_changed_is_found_out(part: str) -> None:
    document = json.loads(json.dumps(made()))
    before = sampling.sha256(document)
    document[part] = document[part][1:] if document[part] else [{"unit": "U"}]
    assert not sampling.agrees(document)
    assert sampling.sha256(document) != before


def another_program(document: dict[str, object]) -> list[tuple[str, str, str]]:
    """The algorithm as the page of the documentation tells it, written a second time without any of ours."""
    d = json.loads(json.dumps(document))
    head = [d["key"]["seed"], d["key"]["plan"], d["key"]["period"]]

    def h(kind: str, code: str) -> str:
        return hashlib.sha256("\n".join([*head, kind, code]).encode("utf-8")).hexdigest()

    out: list[tuple[str, str, str]] = []
    for unit in sorted({a["unit"] for a in d["asked"]}):
        visits: dict[str, int] = {}
        for a in [a for a in d["asked"] if a["unit"] == unit]:
            used = {b["feature"]: b for b in sorted(d["before"], key=lambda b: (b["period"], b["draw"]))
                    if (b["unit"], b["type"]) == (unit, a["type"])}  # fmt: skip
            chosen = [f for u, k, f in out if (u, k) == (unit, a["type"])]
            left = [
                c for c in d["frame"] if (c["unit"], c["object"]) == (unit, a["object"]) and c["feature"] not in chosen
            ]
            for _ in range(a["n"]):
                fresh = [c for c in left if c["feature"] not in used]
                if fresh:
                    fewest = min(visits.get(c["grid"], 0) for c in fresh)
                    grid = min(
                        {c["grid"] for c in fresh if visits.get(c["grid"], 0) == fewest}, key=lambda g: h(a["type"], g)
                    )
                    c = min((c for c in fresh if c["grid"] == grid), key=lambda c: h(a["type"], c["feature"]))
                elif left and d["when_short"] == "oldest_first":
                    c = min(left, key=lambda c: (used[c["feature"]]["period"], h(a["type"], c["feature"])))
                else:
                    break
                left.remove(c)
                visits[c["grid"]] = visits.get(c["grid"], 0) + 1
                out.append((unit, a["type"], c["feature"]))
    return out


before_rows = st.lists(
    st.builds(
        Before, st.sampled_from("UV"), st.sampled_from(["s", "t"]), st.text("abc", min_size=1, max_size=2),
        st.sampled_from(["d3", "d4"]), st.sampled_from(["2025-04", "2025-05"]),
    ),
    max_size=10,
)  # fmt: skip


@given(frames, asks, before_rows, st.sampled_from(["oldest_first", "leave_short"]))
def test_another_program_draws_the_same(
    rows: list[Candidate], asked: list[Asked], before: list[Before], when_short: sampling.WhenShort
) -> None:
    document = sampling.document({"name": "d"}, KEY, asked, rows, before, when_short)
    items = document["items"]
    assert another_program(document) == [(i["unit"], i["type"], i["feature"]) for i in items]


def test_numbers_of_samples() -> None:
    assert sampling.sample_no("huiji-2025-06", 7) == "huiji-2025-06-0007"
    assert sampling.sample_no("d", 12345) == "d-12345"
