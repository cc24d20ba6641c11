"""Who answers and why: named owner, category rule, grid override, territorial fallback; one by one and in bulk."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt import texts
from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.people.responsibility import WHYS, Rule, assign_units, decide
from gridmgmt.places.areas import NOWHERE, Area, Hits, joined

EVER, DAY = dt.date(1900, 1, 1), dt.date(2025, 3, 1)
HERE = ("4403", "440301", "440301001", "440301001001")
LAMP = "component:01001"


def rule(category: str, unit: str, level: int | None = None, first: dt.date = EVER, **more: Any) -> Rule:
    return Rule(category, level, HERE[level - 1] if level else None, unit, first, **more)


FALLBACK, DEEP_FALLBACK = rule("*", "street", 3), rule("*", "community", 4)
OVERRIDE = rule("*", "works", 4, override=True)
DEPARTMENT, EXACT = rule("component:*", "lighting"), rule(LAMP, "lamps")
OWNER = rule("*", "railway", land_owner="rail")
RAIL = Area("A-rail", "*", None, "rail", 500.0)
PARK = Area("A-park", "*", "park", None, 1000.0)
POND = Area("A-pond", "*", "pond", None, 50.0)
BELT = Area("A-belt", "component:01*", "belt", None, 5000.0)


def test_each_kind_goes_before_those_behind_it() -> None:
    ladder = [FALLBACK, DEEP_FALLBACK, OVERRIDE, DEPARTMENT, EXACT, OWNER]
    for n in range(1, len(ladder) + 1):
        found = decide(ladder[:n], LAMP, HERE, DAY, [RAIL])
        assert found.rule == ladder[n - 1]
        assert [b.rule for b in found.beaten] == ladder[: n - 1][::-1]
    assert decide(ladder, LAMP, HERE, DAY).unit_code == "lamps", "on nobody's land the owner's rule says nothing"


def test_an_override_goes_before_a_deeper_fallback_and_after_any_category() -> None:
    wide = rule("*", "zone", 2, override=True)
    assert decide([wide, DEEP_FALLBACK], LAMP, HERE, DAY).unit_code == "zone"
    assert decide([wide, DEEP_FALLBACK], None, HERE, DAY).unit_code == "zone"
    found = decide([OVERRIDE, DEPARTMENT], LAMP, HERE, DAY)
    assert (found.unit_code, found.kind, found.beaten[0].why) == ("lighting", "category", "kind")


def test_why_a_rule_was_beaten_is_the_first_thing_in_which_it_is_behind() -> None:
    rules = [
        EXACT, rule(LAMP, "here", 4), rule(LAMP, "newer", 4, DAY), rule(LAMP, "a", 4, DAY), DEPARTMENT, FALLBACK,
    ]  # fmt: skip
    found = decide(rules, LAMP, HERE, DAY, [PARK, POND])
    assert found.unit_code == "pond"
    assert [(b.rule.unit_code, b.why) for b in found.beaten] == [
        ("park", "size"), ("a", "kind"), ("newer", "kind"), ("here", "kind"), ("lamps", "kind"),
        ("lighting", "kind"), ("street", "kind"),
    ]  # fmt: skip
    found = decide(rules, LAMP, HERE, DAY)
    assert [(b.rule.unit_code, b.why) for b in found.beaten] == [
        ("newer", "code"), ("here", "date"), ("lamps", "place"), ("lighting", "category"), ("street", "kind"),
    ]  # fmt: skip


def test_every_why_is_worded() -> None:
    for why in WHYS:
        for lang in texts.LANGUAGES:
            facts = {"winner": "named_owner", "loser": "fallback"}
            assert "fallback" not in texts.word(f"rule_why_{why}", facts, "zh")
            assert not texts.word(f"rule_why_{why}", facts, lang).startswith("rule_why")


def test_an_area_answers_itself_for_its_own_categories() -> None:
    assert decide([DEPARTMENT], LAMP, HERE, DAY, [BELT]).unit_code == "belt"
    assert decide([DEPARTMENT], "component:02001", HERE, DAY, [BELT]).unit_code == "lighting"
    assert decide([], None, HERE, DAY, [BELT]).unit_code is None
    assert decide([], LAMP, HERE, DAY, [BELT, POND]).unit_code == "belt", "the more specific category, then the size"
    assert decide([], "matter:06001", HERE, DAY, [BELT, PARK, POND]).unit_code == "pond"


def test_of_equal_areas_the_smaller_code_answers() -> None:
    twins = [Area(code, "*", unit, None, 50.0) for code, unit in (("b", "1"), ("a", "2"))]
    for areas in (twins, twins[::-1]):
        assert decide([], None, HERE, DAY, areas).unit_code == "2"


def test_the_smallest_area_that_names_an_owner_says_whose_land_it_is() -> None:
    city_land = Area("A-city", "*", None, "city", 9e6)
    rules = [OWNER, rule("*", "mayor", land_owner="city")]
    assert decide(rules, LAMP, HERE, DAY, [city_land, RAIL, POND]).land_owner == "rail"
    assert decide(rules, LAMP, HERE, DAY, [city_land, RAIL]).unit_code == "railway"
    assert decide(rules, LAMP, HERE, DAY, [city_land]).unit_code == "mayor"
    pipes = Area("A-pipes", "component:02*", None, "water", 5.0)
    assert decide(rules, LAMP, HERE, DAY, [city_land, pipes]).land_owner == "city"


def test_nobody_answers_outside_the_city() -> None:
    found = decide([FALLBACK, rule("*", "all")], LAMP, (None,) * 4, DAY, [PARK])
    assert (found.unit_code, found.kind, found.beaten) == (None, None, ())


@pytest.mark.parametrize("more", [{"category": LAMP}, {"level": None}, {"land_owner": "rail"}])
def test_an_override_is_about_everything_in_one_grid(more: dict[str, Any]) -> None:
    given: dict[str, Any] = {"category": "*", "level": 4, **more}
    with pytest.raises(ValueError):
        rule(given.pop("category"), "u", given.pop("level"), override=True, **given)


# --- in bulk ---------------------------------------------------------------------------------------------------------

days = st.dates(dt.date(2025, 1, 1), dt.date(2025, 1, 5))
patterns = st.sampled_from(["*", "component:*", "component:01*", LAMP, "event:0101"])
categories = st.none() | st.sampled_from([LAMP, "component:01002", "component:02001", "event:0101"])
codes = st.sampled_from(["1", "2"])
places = st.tuples(*[st.none() | codes] * 2)
owners = st.none() | st.sampled_from(["rail", "water"])
units = st.sampled_from("abc")


@st.composite
def some_rule(draw: st.DrawFn) -> Rule:
    level = draw(st.none() | st.integers(1, 2))
    category, owner = draw(patterns), draw(owners)
    override = draw(st.booleans()) and category == "*" and level is not None and owner is None
    first, last = draw(days), draw(st.none() | days)
    return Rule(category, level, draw(codes) if level else None, draw(units), first, last, owner, override)


@st.composite
def some_area(draw: st.DrawFn) -> Area:
    size = float(draw(st.integers(1, 3)))
    return Area(draw(st.sampled_from("pqr")), draw(patterns), draw(st.none() | units), draw(owners), size)


def oracle(rules: Sequence[Rule], category: str | None, grids: Sequence[str | None], day: dt.date, held: list[Area]):  # type: ignore[no-untyped-def]
    """Read off the rule as it is written: rank by rank, and within each by the ties in their order."""

    def means(pattern: str) -> bool:
        if pattern == "*":
            return True
        return category is not None and CategoryPattern.parse(pattern).matches(CategoryKey.parse(category))

    held = [a for a in held if means(a.category)]
    on_land = [a for a in sorted(held, key=lambda a: (a.area_m2, a.code)) if a.land_owner]
    owner = on_land[0].land_owner if on_land else None
    claims: list[tuple[Any, ...]] = []
    for a in held:
        if a.unit_code:
            width = CategoryPattern.parse(a.category).specificity()
            claims.append((1, -width, 0, 0, a.area_m2, 0, a.code, a.unit_code))
    for r in rules:
        on_its_day = r.valid_from <= day and (r.valid_to is None or day < r.valid_to)
        there = r.level is None or grids[r.level - 1] == r.grid_code
        if not (means(r.category) and on_its_day and there and r.land_owner in (None, owner)):
            continue
        rank = 1 if r.land_owner else 2 if r.category != "*" else 3 if r.override else 4
        width = CategoryPattern.parse(r.category).specificity()
        claims.append((rank, -width, 1, -(r.level or 0), 0, -r.valid_from.toordinal(), r.unit_code, r.unit_code))
    return min(claims)[-1] if claims and any(grids) else None


@given(
    st.lists(some_rule(), max_size=7),
    st.lists(some_area(), max_size=4),
    st.lists(st.tuples(categories, places, days, st.sets(st.integers(0, 3))), max_size=6),
    st.randoms(),
)
def test_bulk_and_single_give_what_the_rule_says(rules: list[Rule], areas: list[Area], rows: Any, random: Any) -> None:
    random.shuffle(rules)
    pairs = [(i, j) for i, (_, _, _, held) in enumerate(rows) for j in sorted(held) if j < len(areas)]
    at = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    hits = Hits(tuple(areas), at[:, 0], at[:, 1])
    found = assign_units(
        rules,
        pd.Series([c for c, _, _, _ in rows], dtype="object"),
        [pd.Series([g[i] for _, g, _, _ in rows], dtype="object") for i in range(2)],
        pd.Series(np.array([d for _, _, d, _ in rows], dtype="datetime64[s]")),
        hits,
    )
    singles = [decide(rules, c, g, d, hits.of_row(i)) for i, (c, g, d, _) in enumerate(rows)]
    assert found.tolist() == [s.unit_code for s in singles]
    assert found.tolist() == [
        oracle(rules, c, g, d, [areas[j] for j in held if j < len(areas)]) for c, g, d, held in rows
    ]


def test_hits_of_several_days_are_joined_by_their_rows() -> None:
    one = Hits((PARK,), np.array([0, 1]), np.array([0, 0]))
    two = Hits((POND, PARK), np.array([0, 0]), np.array([0, 1]))
    whole = joined([(one, np.array([4, 2])), (two, np.array([3]))])
    assert [whole.of_row(i) for i in range(5)] == [(), (), (PARK,), (POND, PARK), (PARK,)]
    assert joined([]) is NOWHERE
