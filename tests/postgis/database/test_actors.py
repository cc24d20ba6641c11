"""Who wrote what is kept by the database itself, and so is what may only be added to."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gridmgmt.assessing.operations import appeals, publishing, scoring
from gridmgmt.casework.operations.requests import Request
from gridmgmt.database.actors import Writer
from gridmgmt.database.tables import metadata
from gridmgmt.database.work import Undo, Work
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_period
from gridmgmt.settings import os_user
from tests import worlds
from tests.postgis import towns
from tests.postgis.worksite import acted, at, dispatched, staffed

UNITS = "code,name_zh,name_en,kind,parent_code\nU1,一队,First,team,\n"
RENAMED = "code,name_zh,name_en,kind,parent_code\nU1,一中队,First,team,\n"


def told(work: Work, **asked: object) -> list[tuple[str, str | None, str | None, str | None]]:
    return [(x.kind, x.object, x.actor, x.means) for x in reference.written(work, limit=100, **asked)]


def test_every_record_names_its_writer_or_its_batch() -> None:
    """Each table that says when a row was known says by whom; all rows of a batch are its writer's."""
    others = ("actor", "request_once")  # itself; and what its own login sent
    tables = [t for t in metadata.sorted_tables if "known_at" in t.c and t.name not in others]
    assert len(tables) > 25
    assert [t.name for t in tables if not {"actor_id", "batch_id"} & {c.name for c in t.c}] == []
    assert all(t.c.actor_id.server_default is not None for t in tables if "actor_id" in t.c)


def test_a_name_is_kept_as_it_is_claimed(desk: Work, tmp_path: Path) -> None:
    before = {x.object for x in reference.written(desk, limit=100)}
    (tmp_path / "rules.csv").write_text("category,level,grid_code,unit_code,valid_from,valid_to\n*,,,U9,,\n", "utf-8")
    reference.import_rules(desk.but(writer=Writer("张三", "gridmgmt responsibility import")), tmp_path / "rules.csv")
    acted(desk.but(actor="李四"), Request("report", "王某", "A", at(9), facts={"source": "监督员上报"}))
    acted(desk.but(actor="李四", writer=Writer("张三")), Request("accept", "王某", "A", at(10)))
    acted(desk.but(actor=" "), Request("note", "王某", "A", at(11), reason="x"))
    found = reference.written(desk, limit=4)
    assert [(x.kind, x.object, x.n, x.actor, x.means, x.job) for x in found] == [
        ("steps", "A#3", 1, os_user(), "os_user", None),
        ("steps", "A#2", 1, "张三", "claimed", None),
        ("steps", "A#1", 1, "李四", "claimed", None),
        ("responsibility", "rules.csv", None, "张三", "claimed", "gridmgmt responsibility import"),
    ]
    assert {x.os_user for x in found} == {os_user()}
    assert told(desk, by="张三") == [
        ("steps", "A#2", "张三", "claimed"), ("responsibility", "rules.csv", "张三", "claimed"),
    ]  # fmt: skip
    assert told(desk, by="gridmgmt responsibility import", kind="steps") == []
    assert [x[1] for x in told(desk, object="A#1")] == ["A#1"]
    assert "A#1" not in before


def test_each_writer_stands_there_once_and_a_dry_run_leaves_none(empty: Work, tmp_path: Path) -> None:
    towns.found(empty.but(writer=Writer("建库")), tmp_path)
    (tmp_path / "units.csv").write_text(UNITS, "utf-8")
    for name in ("甲", "甲", "乙"):
        reference.import_units(empty.but(writer=Writer(name)), tmp_path / "units.csv")
    (tmp_path / "units.csv").write_text(RENAMED, "utf-8")
    reference.import_units(empty.but(writer=Writer("丙"), keep=False), tmp_path / "units.csv")
    with empty.transaction() as connection:
        names = connection.execute(text("SELECT name FROM actor ORDER BY id")).scalars().all()
    assert names == ["建库", "甲", "乙"]


def test_a_failed_step_leaves_no_actor_behind_that_is_not_there(desk: Work) -> None:
    """A savepoint that is undone takes the actor's row with it, and the next row makes it anew."""
    with desk.but(writer=Writer("新人")).transaction() as connection:
        try:
            with connection.begin_nested():
                connection.execute(text("INSERT INTO unit (code) VALUES ('X1')"))
                raise Undo
        except Undo:
            pass
        connection.execute(text("INSERT INTO unit (code) VALUES ('X2')"))
    with desk.transaction() as connection:
        found = connection.execute(
            text("SELECT u.code, a.name FROM unit AS u JOIN actor AS a ON a.id = u.actor_id WHERE u.code LIKE 'X_'")
        ).all()
    assert [tuple(row) for row in found] == [("X2", "新人")]


def test_whoever_writes_past_the_platform_is_kept_as_a_user_of_the_database(desk: Work) -> None:
    with desk.engine.begin() as connection:
        connection.execute(text("INSERT INTO unit (code) VALUES ('X')"))
        user = connection.execute(text("SELECT session_user")).scalar()
    assert told(desk)[0] == ("units", "X", user, "database")


def test_editions_assessments_and_appeals_name_who_did_each_deed(desk: Work) -> None:
    dispatched(desk, "A")
    made = scoring.score(desk.but(writer=Writer("评分")), "grid_baseline", parse_period("2025-12"))
    publishing.publish(desk.but(actor="领导", writer=Writer("发布")), made.name)
    no = appeals.open_appeal(desk.but(actor="D1", writer=Writer("申诉")), made.name, "D1", "case", "A", "错")
    appeals.decide_appeal(desk.but(actor="领导", writer=Writer("裁定")), no, granted=False, decision="无误")
    assert told(desk)[:4] == [
        ("decided", f"{no} A", "裁定", "claimed"), ("appeal", f"{no} A", "申诉", "claimed"),
        ("published", made.name, "发布", "claimed"), ("assessment", made.name, "评分", "claimed"),
    ]  # fmt: skip
    assert {"city", "edition", "activated", "units", "categories", "responsibility", "time_limits"} <= {
        x.kind for x in reference.written(desk, limit=100)
    }
    (edition,) = {x.actor for x in reference.written(desk, limit=100, kind="activated")}
    assert edition == os_user()


# --- the past of units and categories ---------------------------------------------------------------------------------


def test_a_unit_keeps_what_was_said_of_it(desk: Work, tmp_path: Path) -> None:
    for name, table in (("甲", UNITS), ("乙", UNITS), ("丙", RENAMED)):
        (tmp_path / "units.csv").write_text(table, "utf-8")
        reference.import_units(desk.but(writer=Writer(name)), tmp_path / "units.csv")
    past = reference.past_of_units(desk, "U1")
    assert [(r["name_zh"], r["actor"]) for r in past] == [("U1", os_user()), ("一队", "甲"), ("一中队", "丙")]
    assert [r["known_at"] for r in past] == sorted(r["known_at"] for r in past)
    assert {r["code"] for r in reference.past_of_units(desk)} == {"U1", "U2", "U9"}


def test_a_category_keeps_what_was_said_of_it(desk: Work, tmp_path: Path) -> None:
    table = tmp_path / "categories.csv"
    for name in ("店外经营", "店外经营", "跨门经营"):
        head = "scheme,kind,code,major_code,major_zh,major_en,name_zh,name_en\n"
        table.write_text(f"{head}town,matter,06010,06,街面秩序,Order,{name},Goods\n", "utf-8")
        reference.import_categories(desk.but(writer=Writer(name)), table)
    past = reference.past_of_categories(desk, "matter:06010")
    assert [(r["name_zh"], r["actor"]) for r in past][1:] == [("店外经营", "店外经营"), ("跨门经营", "跨门经营")]
    assert len(reference.past_of_categories(desk)) > len(past)


# --- what is only added -----------------------------------------------------------------------------------------------


def judged(work: Work, path: Path) -> None:
    """The town with a case, a published assessment, one that is not, and a decided appeal."""
    staffed(work, path)
    dispatched(work, "A")
    made = scoring.score(work, "grid_baseline", parse_period("2025-12"))
    publishing.publish(work.but(actor="领导"), made.name)
    no = appeals.open_appeal(work.but(actor="D1"), made.name, "D1", "case", "A", "错")
    appeals.decide_appeal(work.but(actor="领导"), no, granted=False, decision="无误")
    scoring.score(work, "grid_baseline", parse_period("2025-11"))


ONLY_ADDED = (
    "actor", "assessment_act", "assessment_case", "assessment_sample", "assessment_step", "assessment_subject",
    "assignment", "attachment", "case_version", "category_version", "draw", "draw_item", "entry", "finding",
    "inspection", "notice", "notice_check", "notice_finding", "responsibility", "rulebook_version", "sample_version",
    "staff_day", "step", "unit_version", "work_calendar", "duty_event", "handed_in",
    "person_version", "post_version",
)  # fmt: skip
DELETED = ("appeal", "assessment", "batch", "category", "person", "post", "unit")

REFUSED = (
    *(f"UPDATE {name} SET {next(iter(metadata.tables[name].c)).name} = DEFAULT" for name in ONLY_ADDED),
    *(f"DELETE FROM {name}" for name in (*ONLY_ADDED, *DELETED)),
    *(f"TRUNCATE {name} CASCADE" for name in (*ONLY_ADDED, *DELETED)),
    "UPDATE assessment SET dossier = NULL WHERE published_at IS NOT NULL",
    "UPDATE assessment SET published_by = 'x' WHERE published_at IS NOT NULL",
    "UPDATE assessment SET published_at = NULL WHERE published_at IS NOT NULL",
    "UPDATE appeal SET state = 'granted'",
    "UPDATE appeal SET reason = 'x'",
    "UPDATE batch SET actor_id = NULL",
    "UPDATE batch SET file = 'x'",
)
LET_PASS = (
    "UPDATE assessment SET confirmed_at = clock_timestamp() WHERE published_at IS NOT NULL",
    "UPDATE assessment SET dossier = NULL WHERE published_at IS NULL",
    "UPDATE batch SET counts = '{}'",
    "UPDATE unit SET name_zh = 'x'",
)


@pytest.mark.parametrize("statement", REFUSED)
def test_the_database_refuses_to_change_what_was_written(world: Callable[..., Work], statement: str) -> None:
    work = world(judged)
    with pytest.raises(DBAPIError) as e, work.engine.begin() as connection:
        connection.execute(text(statement))
    assert getattr(e.value.orig, "sqlstate", None) == "23001"


@pytest.mark.parametrize("statement", LET_PASS)
def test_the_database_lets_pass_what_the_platform_does(world: Callable[..., Work], statement: str) -> None:
    work = world(judged)
    with work.engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount > 0


def test_no_table_is_forgotten(world: Callable[..., Work]) -> None:
    """What the platform never changes is refused; a new table with ``known_at`` is looked at here."""
    work = world(judged)
    changed = {"account", "account_post", "api_key", "assessed", "cases", "samples", "city", "edition", "layer",
               "job", "hook",
               "request_once",
               "quarantine", "subject",
               "time_limit", "stored_file"}  # fmt: skip
    recorded = {table.name for table in metadata.sorted_tables if "known_at" in table.c}
    assert recorded - changed == recorded & {*ONLY_ADDED, *DELETED}
    with worlds.tampered(work) as connection:
        assert connection.execute(text("DELETE FROM step")).rowcount > 0
