"""Grid and category codes, and the project's category table."""

import csv
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt import errors
from gridmgmt.city import DEFAULT_LEVELS, Level
from gridmgmt.codes import CategoryKey, CategoryPattern, CodeLayout
from gridmgmt.settings import data_path
from gridmgmt.texts import word

LAYOUT = CodeLayout.of((*DEFAULT_LEVELS, Level(5, "unit", "单元网格", "Unit grid", 15)))


@pytest.mark.parametrize(
    ("code", "parent", "level", "problem"),
    [
        ("4403", None, 1, None),
        ("440300", None, 1, None),  # the city as a six-digit division code
        ("440305", "4403", 2, None),
        ("440305", "440300", 2, None),
        ("440305001", "440305", 3, None),
        ("440305001002", "440305001", 4, None),
        ("440305001002", "440305001000", 4, None),  # statistical codes: all twelve digits at every level
        ("44030500100200A", "440305001002", 5, None),
        ("440", None, 1, "code_wrong_length"),
        ("440305", None, 1, "code_wrong_length"),
        ("44030500100", "440305001", 4, "code_wrong_length"),
        ("440305001", "440304", 3, "code_not_under_parent"),
        ("440305001", "440304000000", 3, "code_not_under_parent"),
    ],
)
def test_a_code_continues_its_parents(code: str, parent: str | None, level: int, problem: str | None) -> None:
    found = LAYOUT.prefix_problem(code, parent, level)
    assert (found and found[0]) == problem
    if found:
        assert code in word(*found, "zh")
        assert code in word(*found, "en")


def test_levels_without_a_length_are_only_compared() -> None:
    layout = CodeLayout.of(replace(level, code_length=None) for level in DEFAULT_LEVELS)
    assert layout.prefix_problem("A-1-7", "A-1", 3) is None
    assert layout.prefix_problem("B-1-7", "A-1", 3) is not None


KEYS = st.builds(
    CategoryKey, st.sampled_from(["component", "event", "matter"]), st.from_regex("[0-9]{2,5}", fullmatch=True)
)


@given(KEYS)
def test_category_key_round_trip(key: CategoryKey) -> None:
    assert CategoryKey.parse(str(key)) == key


def test_a_citys_own_class_is_a_code_too() -> None:
    assert CategoryKey.parse("event: HEAT/HOT WATER ") == CategoryKey("event", "HEAT/HOT WATER")


@pytest.mark.parametrize("text", ["", "01001", ":01001", "component:", "part:01001", "component:01*", "component: "])
def test_category_key_is_refused(text: str) -> None:
    with pytest.raises(errors.CodeInvalid) as e:
        CategoryKey.parse(text)
    assert "component" in word(e.value.code, e.value.facts)


@pytest.mark.parametrize(
    "text", ["", "**", "*:01", "component:*1", "component:0*1*", "part:*", "component", "component:"]
)
def test_category_pattern_is_refused(text: str) -> None:
    with pytest.raises(errors.CodeInvalid):
        CategoryPattern.parse(text)


@given(KEYS, st.data())
def test_every_prefix_matches_and_a_longer_one_decides(key: CategoryKey, data: st.DataObject) -> None:
    n = data.draw(st.integers(0, len(key.code)))
    texts = ["*", f"{key.kind}:*", f"{key.kind}:{key.code[:n]}*", str(key)]
    patterns = [CategoryPattern.parse(text) for text in texts]
    assert [str(p) for p in patterns] == texts
    assert all(p.matches(key) for p in patterns)
    order = [p.specificity() for p in patterns]
    assert order == sorted(order)
    assert order[2] < order[3]


def test_patterns_part_the_kinds_and_codes() -> None:
    wide, narrow = CategoryPattern.parse("component:01*"), CategoryPattern.parse("component:01001")
    assert not wide.matches(CategoryKey("matter", "01001"))
    assert not wide.matches(CategoryKey("component", "02001"))
    assert not narrow.matches(CategoryKey("component", "010012"))
    assert narrow.specificity() > wide.specificity()


# --- data/categories/gb47678_5.csv ---


def table() -> list[dict[str, str]]:
    with data_path("categories", "gb47678_5.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_table_holds_153_components_and_250_matters_once() -> None:
    rows = table()
    assert list(rows[0]) == ["scheme", "kind", "code", "major_code", "major_zh", "major_en", "name_zh", "name_en"]
    assert Counter(row["kind"] for row in rows) == {"component": 153, "matter": 250}
    assert len({(row["kind"], row["code"]) for row in rows}) == len(rows)
    assert {row["scheme"] for row in rows} == {"gb47678_5"}
    assert all(value and value == value.strip() for row in rows for value in row.values())


def test_table_names_are_told_apart_in_both_languages() -> None:
    rows = table()
    for column in ("name_zh", "name_en"):
        repeated = [k for k, n in Counter((row["kind"], row[column]) for row in rows).items() if n > 1]
        assert repeated == []
    assert all(row["name_en"].isascii() and row["major_en"].isascii() for row in rows)


def test_table_majors_follow_the_code() -> None:
    rows = table()
    assert all(row["major_code"] == row["code"][:2] for row in rows)
    majors = {(row["kind"], row["major_code"], row["major_zh"], row["major_en"]) for row in rows}
    assert Counter(kind for kind, *_ in majors) == {"component": 5, "matter": 10}


def test_every_component_has_its_matter() -> None:
    codes = {kind: {row["code"] for row in table() if row["kind"] == kind} for kind in ("component", "matter")}
    assert codes["component"] < codes["matter"]
