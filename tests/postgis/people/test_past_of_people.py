"""People and posts keep what was said of them: since when, by whom, and what held on a day as it was known then."""

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import text

from gridmgmt.database.actors import Writer
from gridmgmt.database.work import Work
from gridmgmt.errors import PersonUnknown
from gridmgmt.people.operations import people, reference
from gridmgmt.texts import LANGUAGES, word
from tests.postgis import towns
from tests.worlds import World

PEOPLE = "code,name,valid_from,valid_to\n"
POSTS = "person_code,unit_code,role,level,grid_code,full_time,valid_from,valid_to\n"
DAY = dt.date(2025, 12, 5)
FIRST, SECOND = "张三", "李四"


def imported(work: Work, folder: Path, who: str, persons: str, posts: str) -> None:
    """Tables of people and posts, handed in by somebody."""
    (folder / "people.csv").write_text(PEOPLE + persons, "utf-8")
    (folder / "posts.csv").write_text(POSTS + posts, "utf-8")
    people.import_people(work.but(writer=Writer(who)), folder / "people.csv")
    people.import_posts(work.but(writer=Writer(who)), folder / "posts.csv")


def manned(work: Work, folder: Path) -> None:
    """P1 was 王一 with a post without end; corrected to 王伊 with one that ended in November; P2 came later."""
    towns.found(work, folder, units=["U1"])
    before = "P1,U1,collector,community,D1-1,yes,2025-01-01,\n"
    imported(work, folder, FIRST, "P1,王一,2025-01-01,\n", before)
    after = before.replace("yes,2025-01-01,", "yes,2025-01-01,2025-11-01") + "P2,U1,dispatcher,,,no,2025-01-01,\n"
    imported(work, folder, SECOND, "P1,王伊,2025-01-01,\nP2,赵二,2025-01-01,\n", after)
    imported(work, folder, FIRST, "P1,王伊,2025-01-01,\nP2,赵二,2025-01-01,\n", after)  # says nothing new


@pytest.fixture
def town(world: World) -> Work:
    return world(manned)


def test_each_version_says_since_when_and_by_whom(town: Work) -> None:
    first = dt.date(2025, 1, 1)
    found = people.past_of_people(town, names=True)
    assert [(r["code"], r["name"], r["valid_from"], r["valid_to"], r["actor"]) for r in found] == [
        ("P1", "王一", first, None, FIRST), ("P1", "王伊", first, None, SECOND), ("P2", "赵二", first, None, SECOND),
    ]  # fmt: skip
    posts = people.past_of_posts(town)
    assert [(r["person_code"], r["role"], r["is_full_time"], r["valid_to"], r["actor"]) for r in posts] == [
        ("P1", "collector", True, None, FIRST), ("P1", "collector", True, dt.date(2025, 11, 1), SECOND),
        ("P2", "dispatcher", False, None, SECOND),
    ]  # fmt: skip
    assert (posts[0]["unit_code"], posts[0]["grid_code"], posts[2]["grid_code"]) == ("U1", "D1-1", None)
    batches = [x.at for x in reversed(reference.written(town, limit=100, kind="people"))]
    assert [found[0]["known_at"], found[1]["known_at"], found[2]["known_at"]] == [batches[0], batches[1], batches[1]]


def test_names_are_told_only_where_they_are_asked_for(town: Work) -> None:
    assert all("name" not in row for row in people.past_of_people(town))
    assert "王" not in str(people.past_of_people(town))


def test_who_held_a_post_on_a_day_as_it_was_known(town: Work) -> None:
    moments = [r["known_at"] for r in people.past_of_posts(town, "P1")]
    before = moments[0] - dt.timedelta(microseconds=1)

    def held(day: dt.date, known_by: dt.datetime | None, role: str | None = None) -> list[tuple[str, str | None]]:
        found = people.list_posts(town, day, role, names=True, known_by=known_by)
        return [(h.post.person_code, h.name) for h in found]

    october = dt.date(2025, 10, 1)
    assert held(DAY, before) == []
    assert held(DAY, moments[0]) == [("P1", "王一")]
    assert held(DAY, moments[1]) == held(DAY, None) == [("P2", "赵二")]
    assert held(october, moments[1]) == held(october, None) == [("P1", "王伊"), ("P2", "赵二")]
    assert held(october, None, role="dispatcher") == held(october, moments[1], role="dispatcher") == [("P2", "赵二")]
    now = [h.post for h in people.list_posts(town, october)]
    assert [h.post for h in people.list_posts(town, october, known_by=moments[1])] == now
    assert {h.name for h in people.list_posts(town, october, known_by=moments[1])} == {None}


def test_whoever_was_never_there_is_told(town: Work) -> None:
    for ask in (people.past_of_people, people.past_of_posts):
        with pytest.raises(PersonUnknown) as told:
            ask(town, "P9")
        assert all("P9" in word(told.value.code, told.value.facts, lang) for lang in LANGUAGES)


def test_a_change_past_the_platform_is_kept_too(town: Work) -> None:
    with town.engine.begin() as connection:
        connection.execute(text("UPDATE person SET name = '外人' WHERE code = 'P2'"))
        connection.execute(text("UPDATE post SET full_time = true WHERE role = 'dispatcher'"))
        user = connection.execute(text("SELECT session_user")).scalar()
    person, post = people.past_of_people(town, "P2", names=True), people.past_of_posts(town, "P2")
    assert [(r["name"], r["actor"]) for r in person] == [("赵二", SECOND), ("外人", user)]
    assert [(r["is_full_time"], r["actor"]) for r in post] == [(False, SECOND), (True, user)]
    assert person[1]["known_at"] > person[0]["known_at"]
    assert post[1]["known_at"] > post[0]["known_at"]


def test_a_dry_run_leaves_no_version(town: Work, tmp_path: Path) -> None:
    before = (people.past_of_people(town), people.past_of_posts(town))
    (tmp_path / "people.csv").write_text(PEOPLE + "P1,王乙,2025-01-01,\nP3,孙三,2025-01-01,\n", "utf-8")
    people.import_people(town.but(keep=False), tmp_path / "people.csv")
    assert (people.past_of_people(town), people.past_of_posts(town)) == before
