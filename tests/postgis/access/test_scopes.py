"""Each sees his rows and no other, by the database itself and by the use cases; figures are counted over everything."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from gridmgmt.access.operations import users
from gridmgmt.casework.operations import lookup, open311
from gridmgmt.database import tables as t
from gridmgmt.database.roles import NAMES
from gridmgmt.database.work import Work, hold
from gridmgmt.errors import AccessDenied, CaseMissing, GridmgmtError, OutsideScope
from gridmgmt.features.operations import reading
from gridmgmt.figures.operations import groups, indicators
from gridmgmt.intake.operations import imports
from gridmgmt.periods import parse_period
from gridmgmt.viewer import EVERYWHERE, Scope, Viewer
from tests import servers
from tests.postgis.access.conftest import As
from tests.postgis.worksite import acted, reported, step

SEEN = {
    "centre": "ABCDEFG", "d1": "ABF", "c11": "AF", "c21": "CG", "u1": "ABF", "u2": "CDG", "look": "ABF",
    "bot": "ABCDEFG", "boss": "", None: "",
}  # fmt: skip
"""Account → the cases that are his to see: by place, or those that his unit has."""
DECEMBER = parse_period("2025-12")


def rows(work: Work, statement: str) -> list[Any]:
    with work.transaction() as connection:
        return [*connection.execute(text(statement)).scalars()]


def test_the_web_is_neither_owner_nor_superuser_nor_past_the_policies(as_: As) -> None:
    with as_("centre").connect() as connection:
        user, is_super, is_past, owned = connection.execute(text(
            "SELECT session_user, rolsuper, rolbypassrls, (SELECT count(*) FROM pg_class WHERE relowner = r.oid) "
            "FROM pg_roles AS r WHERE rolname = current_user"
        )).one()  # fmt: skip
    assert (user, is_super, is_past, owned) == (NAMES["web"], False, False, 0)


@pytest.mark.parametrize("login", SEEN)
def test_the_database_shows_each_his_cases(login: str | None, as_: As) -> None:
    assert rows(as_(login), "SELECT case_no FROM cases ORDER BY case_no") == [*SEEN[login]]


@pytest.mark.parametrize("login", [x for x in SEEN if x not in (None, "boss")])
def test_a_use_case_lists_the_same(login: str, as_: As) -> None:
    n, found = lookup.list_cases(as_(login), limit=100)
    assert (n, sorted(r["case_no"] for r in found)) == (len(SEEN[login]), [*SEEN[login]])


@pytest.mark.parametrize("login", [x for x in SEEN if x not in (None, "boss")])
def test_use_cases_hold_to_the_scope_without_the_row_policies(login: str, as_: As, town: Work) -> None:
    """Past the policies, as the worker is, each is still told no more than is his."""
    past = town.but(viewer=as_(login).viewer)
    with past.snapshot() as connection:
        assert connection.execute(text("SELECT count(*) FROM cases")).scalar() == len(SEEN["centre"])
    mine = [*SEEN[login]]
    n, found = lookup.list_cases(past, limit=100)
    assert (n, sorted(r["case_no"] for r in found)) == (len(mine), mine)
    assert sorted(r["case_no"] for r in lookup.search(past, lookup.Wanted(), limit=100)) == mine
    assert sum(lookup.by_state(past).values()) == len(mine)
    for no in SEEN["centre"]:
        if no in mine:
            assert lookup.show_case(past, no).row["case_no"] == no
        else:
            for one in (lookup.show_case, lookup.clocks):
                with pytest.raises(CaseMissing):
                    one(past, no)
    assert [f.id for f in reading.cases(past, "cases", reading.Question(limit=100)).features] == mine
    named = open311.requests(past, open311.Wanted(numbers=[*SEEN["centre"]]))
    assert sorted(x.case_no for x in named) == mine
    assert indicators.heat(past, DECEMBER).n_cases == indicators.heat(as_(login), DECEMBER).n_cases > 0


def test_who_has_no_verb_is_refused_before_the_database_is_asked(as_: As) -> None:
    with pytest.raises(AccessDenied):
        lookup.list_cases(as_("boss"), limit=1)


def test_a_pooled_connection_carries_nothing_over(as_: As) -> None:
    for login in ("centre", None, "c11", None):
        assert rows(as_(login), "SELECT case_no FROM cases ORDER BY case_no") == [*SEEN[login]]
        with as_(None).snapshot() as connection:
            assert connection.execute(text("SELECT count(*) FROM cases")).scalar() == 0
            assert connection.execute(text("SELECT viewer()")).scalar() == {}


@pytest.mark.parametrize(("login", "phones"), [("centre", 3), ("d1", 1), ("c11", 0), ("u1", 0), ("bot", 0), (None, 0)])
def test_who_reported_is_told_only_with_its_verb(login: str | None, phones: int, as_: As) -> None:
    assert len(rows(as_(login), "SELECT phone FROM reporter")) == phones


CHILDREN = ("step", "case_version", "assignment")


@pytest.mark.parametrize("table", CHILDREN)
@pytest.mark.parametrize("login", ["centre", "c11", "u2", None])
def test_what_belongs_to_a_case_is_seen_with_it(table: str, login: str | None, as_: As, town: Work) -> None:
    seen = f"SELECT DISTINCT c.case_no FROM {table} AS x JOIN cases AS c ON c.id = x.case_id ORDER BY 1"
    assert rows(as_(login), seen) == [no for no in rows(town, seen) if no in SEEN[login]]
    assert rows(as_(login), f"SELECT count(*) FROM {table} WHERE case_id NOT IN (SELECT id FROM cases)") == [0]


def test_a_moved_case_is_seen_by_whoever_holds_it_now_and_each_keeps_his_own_steps(as_: As, town: Work) -> None:
    acted(town, step("receive", 11, "A"), step("send_back", 12, "A", reason="不属本部门"),
          step("dispatch", 13, "A", unit="U2"))  # fmt: skip
    assert rows(as_("u2"), "SELECT case_no FROM cases ORDER BY case_no") == ["A", "C", "D", "G"]
    assert rows(as_("u1"), "SELECT case_no FROM cases ORDER BY case_no") == ["B", "F"]
    his = "SELECT kind FROM step AS s WHERE case_id NOT IN (SELECT id FROM cases) ORDER BY seq"
    assert "dispatch" in rows(as_("u1"), his)
    with pytest.raises(CaseMissing):
        lookup.show_case(as_("u1"), "A")
    assert lookup.show_case(as_("u2"), "A").case.unit_code == "U2"


def test_who_hands_a_case_on_may_do_so_though_it_is_his_no_more_afterwards(as_: As) -> None:
    d1 = as_("d1")
    acted(d1, step("receive", 11, "A"), step("send_back", 12, "A", reason="不属本部门"))
    assert acted(d1, step("move", 13, "A", reason="位置有误", lon=114.01, lat=30.001)).n_steps > 0
    assert rows(d1, "SELECT case_no FROM cases ORDER BY case_no") == ["B", "F"]
    assert "A" in rows(as_("centre"), "SELECT case_no FROM cases")


@pytest.mark.parametrize(("login", "no", "refused"), [
    ("c11", "A", None), ("u1", "A", None), ("d1", "A", None), ("centre", "A", None),
    ("c11", "C", CaseMissing), ("u2", "A", CaseMissing), ("look", "A", AccessDenied), ("bot", "A", AccessDenied),
])  # fmt: skip
def test_a_step_is_taken_where_it_is_ones_own(
    login: str, no: str, refused: type[GridmgmtError] | None, as_: As
) -> None:
    if refused is None:
        assert acted(as_(login), step("receive", 11, no)).state == "handling"
        return
    with pytest.raises(refused):
        acted(as_(login), step("receive", 11, no))


def test_past_the_policies_the_use_case_refuses_by_itself(as_: As, town: Work) -> None:
    """As a worker sees every row: the scope is asked for once more."""
    with pytest.raises(OutsideScope):
        acted(town.but(viewer=as_("c11").viewer), step("receive", 11, "C"))


@pytest.mark.parametrize(("place", "refused"), [("D1-1", None), ("D2-1", OutsideScope)])
def test_a_case_is_opened_within_ones_own_grids(place: str, refused: type[GridmgmtError] | None, as_: As) -> None:
    c11 = as_("c11")
    if refused is not None:
        with pytest.raises(refused):
            acted(c11, reported("N", place))
        return
    assert acted(c11, reported("N", place)).state == "reported"
    assert rows(c11, "SELECT case_no FROM cases ORDER BY case_no") == ["A", "F", "N"]


def test_the_database_itself_takes_no_case_from_elsewhere(as_: As) -> None:
    columns = "(case_no, reported_at, version_at, content_hash, batch_id, row_no, located, grid_l1)"
    with pytest.raises(ProgrammingError, match="row-level security"), as_("c11").transaction() as connection:
        connection.execute(text(
            f"INSERT INTO cases {columns} SELECT 'X', now(), now(), '-', 0, 1, 'upper', id FROM grid WHERE level = 1"
        ))  # fmt: skip


Asked = Callable[[Work], Any]
WHOLE: Sequence[Asked] = (
    lambda work: groups.by_group(work, DECEMBER, "source"),
    lambda work: groups.by_group(work, DECEMBER, "category"),
    lambda work: groups.numbers_behind(work, DECEMBER, "grid", "D2-1", level="community"),
    lambda work: groups.numbers_behind(work, DECEMBER, "source", "监督员上报"),
    lambda work: indicators.indicators(work, DECEMBER, "city"),
)


@pytest.mark.parametrize("asked", WHOLE)
def test_a_figure_that_needs_rows_of_others_is_refused(asked: Asked, as_: As) -> None:
    asked(as_("centre"))
    with pytest.raises(OutsideScope):
        asked(as_("c11"))


@pytest.mark.parametrize(("login", "level", "codes"), [
    ("c11", "community", ["D1-1"]), ("d1", "community", ["D1-1", "D1-2"]), ("d1", "district", ["D1"]),
])  # fmt: skip
def test_ones_own_figures_are_those_that_the_city_sees(
    login: str, level: str, codes: list[str], as_: As, town: Work
) -> None:
    """Also after a case of the month was handed on: it counts where it counted."""
    acted(town, step("move", 13, "A", reason="位置有误", lon=114.01, lat=30.001))
    whole = indicators.indicators(as_("centre"), DECEMBER, level)[0].set_index("code")
    own = indicators.indicators(as_(login), DECEMBER, level)[0].set_index("code")
    assert [*own.index] == codes
    assert whole.loc[codes].equals(own)


def test_units_are_told_their_own_and_no_total(as_: As) -> None:
    whole, own = (groups.by_group(as_(login), DECEMBER, "unit") for login in ("centre", "u1"))
    assert [*own.table["code"]] == ["U1"]
    assert own.total is None
    assert whole.table.set_index("code").loc[["U1"]].equals(own.table.set_index("code"))


@pytest.mark.parametrize("login", ["d1", "c11", "u1", "look"])
def test_what_holds_for_the_whole_city_takes_the_whole_city(login: str, as_: As, tmp_path: Any) -> None:
    with pytest.raises((AccessDenied, OutsideScope)):
        imports.import_file(as_(login), tmp_path / "none.csv", "town_cases")


PLANS = {
    "a box": "SELECT id FROM cases WHERE geom && ST_MakeEnvelope(114, 30, 114.0001, 30.0001, 4490)",
    "a polygon": (
        "SELECT id FROM cases WHERE geom && ST_Buffer(ST_SetSRID(ST_Point(114, 30), 4490), 0.0001) "
        "AND ST_Intersects(geom, ST_Buffer(ST_SetSRID(ST_Point(114, 30), 4490), 0.0001))"
    ),
    "samples": "SELECT id FROM samples WHERE geom && ST_MakeEnvelope(114, 30, 114.0001, 30.0001, 4490)",
}


@pytest.mark.parametrize("asked", PLANS)
@pytest.mark.parametrize("login", ["centre", "c11", "u1"])
def test_a_place_is_sought_by_its_index_under_the_policies(asked: str, login: str, as_: As) -> None:
    """Operators that are not marked leakproof would be asked after the policies, row by row."""
    with as_(login).transaction() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(connection.execute(text(f"EXPLAIN {PLANS[asked]}")).scalars())
    assert "_geom" in plan, plan


def test_without_the_mark_the_index_is_left_aside(as_: As, town: Work) -> None:
    """So that the test before could fail."""
    mark = "ALTER FUNCTION geometry_overlaps(geometry, geometry) {} LEAKPROOF"
    try:
        with servers.owner(town).begin() as owner:
            owner.execute(text(mark.format("NOT")))
        with as_("c11").transaction() as connection:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            plan = "\n".join(connection.execute(text(f"EXPLAIN {PLANS['a box']}")).scalars())
        assert "_geom" not in plan
    finally:
        with servers.owner(town).begin() as owner:
            owner.execute(text(mark.format("")))


SEALED = ("INSERT INTO audit_seal (n, audit_id, sha256) VALUES (1, 1, 'x')", "UPDATE unit SET name_zh = 'x'",
          "DELETE FROM cases", "UPDATE audit SET deed = 'x'", "DELETE FROM audit", "SELECT dossier FROM assessment",
          "TRUNCATE cases", "INSERT INTO grid (level) VALUES (1)")  # fmt: skip


@pytest.mark.parametrize("statement", SEALED)
def test_what_no_request_does_the_web_may_not(statement: str, as_: As) -> None:
    with pytest.raises(Exception, match="permission denied"), as_("centre").transaction() as connection:
        connection.execute(text(statement))


def test_a_scope_grows_with_each_post(town: Work) -> None:
    users.change(town, "c11", posts=["community@community:D1-1", "department@unit:U2"])
    viewer = users.acting(town, "c11")
    assert isinstance(viewer, Viewer)
    assert viewer.scope("cases.read").grid_codes == {(3, "D1-1")}
    assert viewer.scope("cases.read").unit_codes == {"U2"}
    assert viewer.scope("samples.read").grid_codes == frozenset(), "the community's post has no such verb"


def test_held_cases_are_forgotten_with_the_transaction(as_: As, town: Work) -> None:
    ids = rows(town, "SELECT id FROM cases WHERE case_no = 'C'")
    with as_("c11").transaction() as connection:
        hold(connection, ids)
        assert connection.execute(text("SELECT case_no FROM cases WHERE case_no = 'C'")).scalar() == "C"
    assert rows(as_("c11"), "SELECT case_no FROM cases WHERE case_no = 'C'") == []


def test_every_table_with_rows_of_cases_or_subjects_has_a_policy(town: Work) -> None:
    """A table that comes later and names a case, a sample or a subject has to say who sees its rows."""
    naming = {"case_id", "sample_id", "case_no", "sample_no", "subject_code", "subject_id", "unit_code", "fact_no"}
    wanted = {x.name for x in t.metadata.sorted_tables if naming & {*x.columns.keys()}}
    open_to_all = {"account_post", "assessed", "feature", "post_version", "sample_share", "time_limit"}
    of_the_platform = {"case_light"}  # the web may not read it at all
    with town.connect() as connection:
        found = {*connection.execute(text("SELECT relname FROM pg_class WHERE relrowsecurity")).scalars()}
    assert wanted - open_to_all - of_the_platform <= found


def test_scopes_join() -> None:
    one, two = Scope(roots=frozenset({1}), units=frozenset({5})), Scope(roots=frozenset({2}))
    assert (one | two).holds_fact([2, None], None)
    assert not (one | two).holds_fact([3], 6)
    assert (one | EVERYWHERE).holds_fact([], None)
