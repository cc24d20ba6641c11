"""The unit tree, people in posts, and whether there are enough: whole numbers, each scheme by itself."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt import city, texts
from gridmgmt.errors import StaffingSchemeMissing, TableRefused
from gridmgmt.people import staffing, units
from gridmgmt.people.operations import people as operations
from gridmgmt.people.readers.people import read_people, read_posts
from gridmgmt.people.staffing import Check, Person, Post
from gridmgmt.people.units import Unit

CITY = city.from_dict({"code": "4403", "name": "示例市", "time_zone": "Asia/Shanghai", "metric_crs": 4547})
EVER = dt.date(1900, 1, 1)
BEIJING, NINGBO = operations.scheme_of("beijing"), operations.scheme_of("ningbo")


# --- the tree of units -----------------------------------------------------------------------------------------------


def tree_faults(rows: dict[int, Unit], known: Mapping[str, Unit] | None = None) -> list[tuple[str, int]]:
    return [(f.code.removeprefix("table_fault_"), f.row) for f in units.faults(rows, known or {}, CITY)]


def test_a_tree_has_no_faults() -> None:
    rows = {
        2: Unit("C", level=1, grid_code="4403"), 3: Unit("D", parent_code="C", level=2, grid_code="440301"),
        4: Unit("D-works", parent_code="D", level=2), 5: Unit("S", parent_code="D-works", level=3),
        6: Unit("section", parent_code="S"),
    }  # fmt: skip
    assert tree_faults(rows) == []
    assert tree_faults({9: Unit("S", parent_code="D", level=3)}, {"D": Unit("D", level=2)}) == []


def test_every_missing_parent_and_every_circle_is_named_once() -> None:
    rows = {
        2: Unit("A", parent_code="X"), 3: Unit("B", parent_code="C"), 4: Unit("C", parent_code="D"),
        5: Unit("D", parent_code="B"), 6: Unit("E", parent_code="B"), 7: Unit("F", parent_code="F"),
        8: Unit("G", parent_code="Y"),
    }  # fmt: skip
    found = units.faults(rows, {}, CITY)
    assert [(f.code.removeprefix("table_fault_"), f.row, f.value) for f in found] == [
        ("parent_unknown", 2, "X"), ("circle", 3, "B → C → D → B"), ("circle", 7, "F → F"), ("parent_unknown", 8, "Y"),
    ]  # fmt: skip


def test_a_circle_may_close_through_units_that_are_there_already() -> None:
    known = {"A": Unit("A"), "B": Unit("B", parent_code="A")}
    assert tree_faults({2: Unit("A", parent_code="B")}, known) == [("circle", 2)]
    assert tree_faults({2: Unit("A", parent_code="B"), 3: Unit("B")}, known) == [], "the table corrects B as well"


def test_no_unit_stands_above_its_parent() -> None:
    assert tree_faults({2: Unit("S", level=3), 3: Unit("D", parent_code="S", level=2)}) == [("above_parent", 3)]
    between = {2: Unit("S", level=3), 3: Unit("x", parent_code="S"), 4: Unit("D", parent_code="x", level=2)}
    assert tree_faults(between) == [("above_parent", 4)]
    assert tree_faults({7: Unit("S", level=3)}, {"D": Unit("D", parent_code="S", level=2)}) == [("above_parent", 7)]
    beside = {2: Unit("S", level=3), 3: Unit("D", parent_code="S", level=2), 4: Unit("x", parent_code="gone")}
    assert tree_faults(beside) == [("above_parent", 3), ("parent_unknown", 4)], "one fault hides no other"


def test_a_unit_works_where_the_nearest_territory_above_it_is() -> None:
    tree = {u.code: u for u in (
        Unit("D", level=2, grid_code="440301"), Unit("S", parent_code="D", level=3, grid_code="440301001"),
        Unit("section", parent_code="S"), Unit("office", parent_code="D", level=3), Unit("lost", parent_code="gone"),
    )}  # fmt: skip
    assert units.territory(tree, "section") == (3, "440301001")
    assert units.territory(tree, "office") == (2, "440301")
    assert units.territory(tree, "lost") is None
    assert units.territory(tree, None) is None


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef")))
def test_a_line_ends_in_any_tangle(parents: dict[str, str]) -> None:
    tree = {code: Unit(code, parent_code=parents.get(code)) for code in "abcdef"}
    for code in tree:
        line = [u.code for u in units.line_of(tree, code)]
        assert line[0] == code
        assert len(set(line)) == len(line)
    told = units.faults(dict(enumerate(tree.values())), {}, CITY)

    def turns(code: str) -> bool:
        return any(u.parent_code == code for u in units.line_of(tree, code))

    assert (told == []) == (not any(turns(code) for code in tree))


# --- how many are needed ---------------------------------------------------------------------------------------------

N_COMMUNITIES, N_ENTERPRISES = 12, 2


def edition(communities: int = N_COMMUNITIES, enterprises: int = N_ENTERPRISES) -> pd.DataFrame:
    """One street with communities and enterprises, beside an empty one in another district."""
    rows = [(1, "C", None, "city"), (2, "D1", "C", "district"), (2, "D2", "C", "district")]
    rows += [(3, "S1", "D1", "street"), (3, "S2", "D2", "street")]
    rows += [(4, f"S1-{i:03}", "S1", "community") for i in range(communities)]
    rows += [(4, f"S1-E{i}", "S1", "enterprise") for i in range(enterprises)]
    return pd.DataFrame(rows, columns=["level", "code", "parent_code", "kind"])


def post(person: str, unit: str, role: str, place: tuple[int, str] | None = None, full_time: bool = True) -> Post:
    level, code = place or (None, None)
    return Post(person, unit, role, level, code, full_time, EVER)


def test_three_supervisors_for_each_basic_grid_enterprises_included() -> None:
    found, _ = staffing.check(BEIJING, edition(), [], {}, basic=4, area=3)
    first, empty = found
    assert (first.area, first.n_grids, first.n_enterprise_grids, first.needed, first.short) == (
        (3, "S1"),
        14,
        2,
        42,
        42,
    )
    assert (empty.n_grids, empty.needed, empty.short) == (0, 0, 0)


def test_twelve_grids_need_one_collector_by_the_other_scheme() -> None:
    found, _ = staffing.check(NINGBO, edition(12, 0), [], {}, basic=4, area=2)
    assert {(s.area[1], s.check.role): s.needed for s in found} == {
        ("D1", "collector"): 1, ("D1", "operator"): 1, ("D2", "collector"): 0, ("D2", "operator"): 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("role", "n_grids", "needed", "whole"),
    [
        ("collector", 600, 40, True), ("collector", 601, 41, False), ("collector", 615, 41, True),
        ("operator", 600, 30, True), ("operator", 601, 31, False), ("collector", 0, 0, True),
        ("collector", 1, 1, False),
    ],
)  # fmt: skip
def test_the_ratio_is_exact_and_rounded_up(role: str, n_grids: int, needed: int, whole: bool) -> None:
    (rule,) = (c for c in NINGBO.checks if c.role == role)
    assert (rule.needed(n_grids), rule.is_whole(n_grids)) == (needed, whole)


@given(st.integers(1, 5), st.integers(1, 40), st.integers(0, 5000))
def test_so_many_people_suffice_and_one_fewer_does_not(people: int, grids: int, n: int) -> None:
    needed = Check(role="x", people=people, grids=grids, source="").needed(n)
    assert needed * grids >= n * people
    assert needed == 0 or (needed - 1) * grids < n * people


def test_the_schemes_are_never_combined() -> None:
    assert {c.role for c in BEIJING.checks}.isdisjoint(c.role for c in NINGBO.checks)
    with pytest.raises(StaffingSchemeMissing) as e:
        operations.scheme_of("both")
    assert e.value.known == ["beijing", "ningbo", "street_squadron"]


def test_a_squadron_in_each_street_has_three_persons_at_least() -> None:
    """The mobile squadron is in no street: it stands in none."""
    units = {code: Unit(code, code, code, "执法中队") for code in ("Q1", "Q2", "MOBILE")}
    posts = [post(f"P{n}", "Q1", "officer", (3, "S1")) for n in range(2)]
    posts += [post(f"R{n}", "Q2", "officer", (3, "S2")) for n in range(4)] + [post("M", "MOBILE", "officer")]
    found, _ = staffing.check(operations.scheme_of("street_squadron"), edition(), posts, units, basic=3, area=3)
    assert {s.area[1]: (s.needed, s.have, s.short) for s in found} == {"S1": (3, 2, 1), "S2": (3, 4, 0)}


def test_the_roles_of_all_checks_are_known() -> None:
    assert {c.role for s in (BEIJING, NINGBO) for c in s.checks} <= set(operations.roles())


# --- who is there ----------------------------------------------------------------------------------------------------

TREE = {u.code: u for u in (
    Unit("city"), Unit("office", parent_code="city", level=3, grid_code="S1"), Unit("team", parent_code="office"),
)}  # fmt: skip


def test_people_count_where_their_post_or_unit_is_and_above_once_each() -> None:
    posts = [
        post("p1", "team", "supervisor"), post("p1", "office", "supervisor", (4, "S1-001"), full_time=False),
        post("p2", "office", "supervisor", (4, "S1-E0"), full_time=False), post("p3", "city", "supervisor"),
        post("p4", "team", "supervisor", (4, "gone")), post("p1", "team", "collector", (2, "D2")),
    ]  # fmt: skip
    heads = staffing.headcount(posts, TREE, staffing.lines(edition()))
    n = {key: heads.n(key, "supervisor") for key in (("grid", 4, "S1-001"), ("grid", 4, "S1-E0"), ("grid", 3, "S1"))}
    assert n == {("grid", 4, "S1-001"): 1, ("grid", 4, "S1-E0"): 1, ("grid", 3, "S1"): 2}
    assert heads.n(("grid", 1, "C"), "supervisor") == 2
    assert heads.n_full_time(("grid", 1, "C"), "supervisor") == 1
    assert heads.n_full_time(("grid", 4, "S1-001"), "supervisor") == 0
    assert heads.unplaced == {"supervisor": {"p3", "p4"}, "collector": frozenset()}
    assert [heads.n(("unit", 0, u), "supervisor") for u in ("team", "office", "city", "other")] == [2, 3, 4, 0]
    assert (heads.n(("grid", 2, "D2"), "collector"), heads.n(("grid", 2, "D1"), "collector")) == (1, 0)


def test_what_is_there_is_compared_with_what_is_needed() -> None:
    posts = [post(f"p{i}", "office", "supervisor", (4, f"S1-{i % 12:03}")) for i in range(41)]
    one_short, _ = staffing.check(BEIJING, edition(), posts, TREE, basic=4, area=3)
    assert (one_short[0].have, one_short[0].needed, one_short[0].short) == (41, 42, 1)
    more = [*posts, *(post(f"q{i}", "team", "supervisor") for i in range(3))]
    enough, _ = staffing.check(BEIJING, edition(), more, TREE, basic=4, area=3)
    assert (enough[0].have, enough[0].short) == (44, 0)


# --- tables ----------------------------------------------------------------------------------------------------------


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, "utf-8")
    return path


def test_people_and_posts_are_read(tmp_path: Path) -> None:
    assert read_people(table(tmp_path, "code,name\nP1,王（一）\nP2,\n")) == [
        Person("P1", "王（一）", EVER), Person("P2", None, EVER),
    ]  # fmt: skip
    head = "person_code,unit_code,role,level,grid_code,full_time,valid_from,valid_to\n"
    text = head + "P1,U1,collector,,,,,\nP1,U1,supervisor,社区,44,否,2025-01-01,2026-01-01\n"
    assert list(read_posts(table(tmp_path, text), CITY, {"U1"}, {"P1"}, operations.roles()).values()) == [
        Post("P1", "U1", "collector", None, None, True, EVER),
        Post("P1", "U1", "supervisor", 4, "44", False, dt.date(2025, 1, 1), dt.date(2026, 1, 1)),
    ]


def test_a_table_of_posts_is_refused_with_every_fault(tmp_path: Path) -> None:
    head = "person_code,unit_code,role,level,grid_code,full_time,valid_from,valid_to\n"
    text = head + (
        "P9,U9,sweeper,,,,,\n"
        "P1,U1,collector,village,44,maybe,,\n"
        "P1,U1,collector,community,,,2025-13-01,\n"
        "P1,U1,collector,,44,,2025-01-02,2025-01-02\n"
        "P1,U1,head,,,,,\n"
        "P1,U1,head,,,no,,2030-01-01\n"
    )
    with pytest.raises(TableRefused) as e:
        read_posts(table(tmp_path, text), CITY, {"U1"}, {"P1"}, operations.roles())
    found = [(f["row"], f["code"]) for f in e.value.faults]
    assert found == [
        (2, "person"), (2, "unit"), (2, "role"), (3, "level"), (3, "yes_no"), (4, "level_without_grid"), (4, "day"),
        (5, "grid_without_level"), (5, "order"), (7, "twice"),
    ]  # fmt: skip
    assert e.value.n == len(found)
    for lang in texts.LANGUAGES:
        message = texts.word(e.value.code, e.value.facts, lang)
        assert all(value in message for value in ("P9", "U9", "sweeper", "village", "maybe", "2025-13-01"))
        assert "{" not in message
        assert "table_fault" not in message


def test_a_table_of_people_is_refused_with_every_fault(tmp_path: Path) -> None:
    text = "code,name,valid_from,valid_to\nP1,a,,\n,b,,\nP1,c,2025-01-01,2024-01-01\n"
    with pytest.raises(TableRefused) as e:
        read_people(table(tmp_path, text))
    assert [(f["row"], f["code"]) for f in e.value.faults] == [(3, "empty"), (4, "twice"), (4, "order")]
