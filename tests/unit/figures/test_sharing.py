"""Roads by length over a tree of grids: nothing is lost, and every grid's own is that of its children and the rest."""

import datetime as dt
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.figures.counts import Facts
from gridmgmt.figures.indicators import amounts, masks
from gridmgmt.figures.sharing import shared

LINES = {
    "": (None, None, None), "C": ("C", None, None), "A": ("C", "A", None), "B": ("C", "B", None),
    "a1": ("C", "A", "a1"), "a2": ("C", "A", "a2"), "b1": ("C", "B", "b1"),
}  # fmt: skip
"""Where a stretch may end: in a leaf, in an upper grid without a child there, or in none → its line from the city."""
PARENTS = {"C": None, "A": "C", "B": "C", "a1": "A", "a2": "A", "b1": "B"}
LEVELS = (1, 2, 3)
AT = dt.datetime(2025, 12, 5, tzinfo=dt.UTC)
GRIDS = pd.DataFrame(
    [(1, line.index(code) + 1, code, PARENTS[code]) for code, line in LINES.items() if code],
    columns=["edition_id", "level", "code", "parent_code"],
)

Stretches = dict[str, int]
places = st.sampled_from(sorted(LINES))
roads = st.dictionaries(places, st.integers(1, 10**7), min_size=1, max_size=4).filter(lambda s: s.keys() != {""})


def lengths(stretches: Stretches) -> dict[tuple[int, str], Fraction]:
    """What a draw keeps of a road: its length in each grid of each level, of all that was drawn."""
    out: dict[tuple[int, str], Fraction] = {}
    for place, mm in stretches.items():
        for level, code in enumerate(LINES[place], 1):
            if code is not None:
                out[level, code] = out.get((level, code), Fraction(0)) + Fraction(mm, sum(stretches.values()))
    return out


def count(samples: list[tuple[str, Stretches | None]], grids: pd.DataFrame = GRIDS) -> dict[int, dict[str, Any]]:
    """Level → code → n_samples; each sample: the place of its point, and of a road its length in mm by place."""
    frame = pd.DataFrame({
        "sample_no": [f"s{i}" for i in range(len(samples))],
        "edition_id": pd.array([1] * len(samples), dtype="Int64"),
        "sampled_at": pd.Series([AT] * len(samples), dtype="datetime64[us, UTC]"),
        "score": pd.Series(["90"] * len(samples), dtype="str"),
    })  # fmt: skip
    facts = Facts(frame, AT, AT + dt.timedelta(days=1), AT)
    codes = {n: pd.Series([LINES[place][n - 1] for place, _ in samples], dtype="object") for n in LEVELS}
    drawn = {f"s{i}": lengths(road) for i, (_, road) in enumerate(samples) if road is not None}
    parts = shared(frame, drawn, grids, codes)
    taken = masks(facts, "samples")
    found = {n: amounts(facts, taken, codes[n], parts[n])["n_samples"].to_dict() for n in LEVELS}
    return {n: {str(code): x for code, x in own.items() if x} for n, own in found.items()}


def without_child(samples: list[tuple[str, Stretches | None]], place: str) -> Fraction:
    """What lies in a grid but in none of its children."""
    out = Fraction(0)
    for point, road in samples:
        own = road or {point: 1}
        out += Fraction(own.get(place, 0), sum(own.values()))
    return out


@given(st.lists(st.tuples(places, st.one_of(st.none(), roads)), max_size=8))
def test_nothing_is_lost_and_own_is_children_and_the_rest(samples: list[tuple[str, Stretches | None]]) -> None:
    found = count(samples)
    for level in LEVELS:
        assert sum(map(Fraction, found[level].values())) == len(samples)
    for code, parent in PARENTS.items():
        level = LINES[code].index(code) + 1
        children: Mapping[str, Any] = found.get(level + 1, {})
        below = sum((Fraction(n) for c, n in children.items() if PARENTS.get(c) == code), Fraction(0))
        assert found[level].get(code, 0) == below + without_child(samples, code), (code, parent)


def test_a_road_that_lies_wholly_in_the_grid_of_its_point_is_no_shared_one() -> None:
    codes = {n: pd.Series([LINES["a1"][n - 1]], dtype="object") for n in LEVELS}
    frame = pd.DataFrame({"sample_no": ["R"], "edition_id": [1]})
    assert shared(frame, {"R": lengths({"a1": 7})}, GRIDS, codes) == {1: {}, 2: {}, 3: {}}
    half = Fraction(1, 2)
    assert shared(frame, {"R": lengths({"a1": 7, "a2": 7})}, GRIDS, codes) == {
        1: {}, 2: {}, 3: {0: {"a1": half, "a2": half}},
    }  # fmt: skip
    assert shared(frame, {"R": lengths({"b1": 7})}, GRIDS, codes)[3] == {0: {"b1": 1}}, "elsewhere than its point"


def test_in_an_edition_with_other_grids_it_counts_whole_at_its_point() -> None:
    road = [("a1", {"a1": 1, "b1": 1})]
    gone = GRIDS[GRIDS["code"] != "b1"]
    moved = GRIDS.assign(parent_code=GRIDS["parent_code"].mask(GRIDS["code"] == "b1", "A"))
    assert count(road)[3] == {"a1": Fraction(1, 2), "b1": Fraction(1, 2)}
    elsewhere = GRIDS.assign(parent_code=GRIDS["parent_code"].mask(GRIDS["code"] == "B", "X"))
    for other in (gone, moved, elsewhere, GRIDS.assign(edition_id=2)):
        assert count(road, other) == {1: {"C": 1}, 2: {"A": 1}, 3: {"a1": 1}}
