"""Units as a tree, people in posts, staffing; land owners and areas decide who answers, for one place and in bulk."""

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from typer.testing import CliRunner

from gridmgmt import texts
from gridmgmt.assessing.operations import scoring
from gridmgmt.cli import app
from gridmgmt.database import cities, clock
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import TableRefused
from gridmgmt.faults import Fault
from gridmgmt.people.operations import assigning, people, reference
from gridmgmt.people.operations.locating import locate, near_m
from gridmgmt.people.store import categories, units
from gridmgmt.people.store import people as store
from gridmgmt.periods import parse_period
from gridmgmt.places.operations import editions, layers
from gridmgmt.places.store import editions as edition_store
from gridmgmt.settings import Settings, data_path
from tests import worlds
from tests.postgis import towns
from tests.postgis.towns import SIDE, SOUTH, WEST, case, load, middle, select_all
from tests.worlds import World

DAY = dt.date(2025, 12, 5)
RULES = "category,level,grid_code,unit_code,valid_from,valid_to,land_owner,override\n"
POSTS = "person_code,unit_code,role,level,grid_code,full_time,valid_from,valid_to\n"


def table(folder: Path, name: str, text: str) -> Path:
    (folder / f"{name}.csv").write_text(text, "utf-8")
    return folder / f"{name}.csv"


def add_units(work: Work, *codes: str) -> None:
    with work.transaction() as connection:
        units.ensure_units(connection, codes)


def add_areas(work: Work, folder: Path, first: dt.date, *rows: dict[str, Any]) -> None:
    """A layer of areas that is valid from a day on."""
    names = ("code", "unit_code", "land_owner", "category", "buffer_m")
    frame = gpd.GeoDataFrame(
        {name: [row.get(name) for row in rows] for name in names}, geometry=[row["shape"] for row in rows], crs=4490
    )
    path = folder / f"areas_{first}.gpkg"
    frame.to_file(path, engine="pyogrio")
    report = layers.import_layer(work, path, "areas", valid_from=first)
    assert report.n_left_out == 0, report.faults


# --- units -----------------------------------------------------------------------------------------------------------


def test_units_are_a_tree_or_refused(town: Work, tmp_path: Path) -> None:
    head = "code,name_zh,name_en,kind,parent_code,level,grid_code\n"
    good = head + "CITY,市,,,,city,C\nWEST,西区,,,CITY,district,D1\nteam,队,,,WEST,,\n"
    assert reference.import_units(town, table(tmp_path, "units", good)).n_new == 3
    bad = head + "WEST,西区,,,team,district,D1\nnew,新,,,nobody,,\n"
    with pytest.raises(TableRefused) as e:
        reference.import_units(town, table(tmp_path, "bad", bad))
    assert [(f["code"], f["row"]) for f in e.value.faults] == [("circle", 2), ("parent_unknown", 3)]
    with town.snapshot() as connection:
        tree = units.unit_tree(connection)
    assert {u.code: (u.parent_code, u.level, u.grid_code) for u in tree.values()} == {
        "CITY": (None, 1, "C"), "WEST": ("CITY", 2, "D1"), "team": ("WEST", None, None),
    }  # fmt: skip


# --- areas and land owners -------------------------------------------------------------------------------------------

POND = towns.box(0, 0).buffer(-0.4 * SIDE, join_style="mitre")
ROAD_Y = SOUTH + 1.5 * SIDE
ROAD = shapely.LineString([(WEST, ROAD_Y), (WEST + 2 * SIDE, ROAD_Y)])
ROWS: tuple[dict[str, Any], ...] = (
    {"code": "pond", "unit_code": "PARKS", "shape": POND},
    {"code": "rail", "land_owner": "rail", "category": "component:*", "buffer_m": 30.0, "shape": ROAD},
)


def rules(work: Work, folder: Path) -> None:
    add_units(work, "STREET", "LAMPS", "RAIL", "PARKS", "WORKS")
    text = RULES + (
        "*,city,C,STREET,2020-01-01,,,\n"
        "component:01*,,*,LAMPS,2020-01-01,,,\n"
        "*,,*,RAIL,2020-01-01,,rail,\n"
        "*,community,D2-2,WORKS,2020-01-01,,,yes\n"
    )
    assert reference.import_rules(work, table(folder, "rules", text)).n_new == 4
    assert reference.import_rules(work, table(folder, "rules", text)).n_changed == 0, "the same table again"


EXPECTED = {
    "pond": "PARKS", "beside": "LAMPS", "rail": "RAIL", "rail_matter": "STREET", "own": "LAMPS",
    "own_other": "WORKS", "before": "LAMPS", "named": "WORKS",
}  # fmt: skip


def some_cases() -> list[dict[str, str]]:
    rail = (WEST + SIDE / 2, ROAD_Y + 0.0002)
    return [
        case("pond", "D1-1", cat="01001"), case("beside", "D2-1", cat="01001"),
        case("rail", rail, cat="02001"), case("rail_matter", rail),
        case("own", (WEST + 1.5 * SIDE, SOUTH + 1.2 * SIDE), cat="01001"),
        case("own_other", (WEST + 1.5 * SIDE, SOUTH + 1.2 * SIDE), cat="02001"),
        case("before", "D1-1", cat="01001", at="2025-11-30 23:59"), case("named", "D1-1", cat="01001", unit="WORKS"),
    ]  # fmt: skip


def answering(work: Work) -> dict[str, str | None]:
    statement = select(t.cases.c.case_no, t.unit.c.code).outerjoin(t.unit, t.cases.c.unit_id == t.unit.c.id)
    with work.snapshot() as connection:
        return {r[0]: r[1] for r in connection.execute(statement)}


def test_areas_and_land_owners_decide_on_the_days_on_which_they_hold(town: Work, tmp_path: Path) -> None:
    rules(town, tmp_path)
    add_areas(town, tmp_path, dt.date(2025, 12, 1), *ROWS)
    load(town, tmp_path, some_cases())
    assert answering(town) == EXPECTED


def test_areas_that_come_later_are_applied_by_reassigning(town: Work, tmp_path: Path) -> None:
    rules(town, tmp_path)
    load(town, tmp_path, some_cases())
    assert assigning.reassign(town)["n_cases_changed"] == 0
    add_areas(town, tmp_path, dt.date(2025, 12, 1), *ROWS)
    done = assigning.reassign(town)
    assert done["n_cases_changed"] == 2, "the pond's case and the one beside the rails"
    assert done["n_cases_other_edition"] == 0
    batches = select(t.batch.c.counts).where(t.batch.c.kind == "reassign").order_by(t.batch.c.id.desc()).limit(1)
    layers_known = select(t.layer.c.known_at).where(t.layer.c.kind == "areas")
    with town.snapshot() as connection:
        kept, came = connection.execute(batches).scalar_one(), connection.execute(layers_known).scalar_one()
    assert {k: kept[k] for k in done} == done
    assert dt.datetime.fromisoformat(kept["rules_since"]) == came, "the areas are why"
    assert answering(town) == EXPECTED
    assert assigning.reassign(town)["n_cases"] == 0
    add_areas(town, tmp_path, dt.date(2025, 12, 3), ROWS[1])
    assert assigning.reassign(town)["n_cases_changed"] == 1
    assert answering(town) == EXPECTED | {"pond": "LAMPS"}


def test_a_rule_ends_when_the_table_says_so(town: Work, tmp_path: Path) -> None:
    """The same rule with a last day ends the one that is there; it does not stand beside it."""
    rules(town, tmp_path)
    load(town, tmp_path, [case("before", "D2-2", at="2025-12-04 12:00"), case("after", "D2-2", at="2025-12-05 12:00")])
    assert answering(town) == {"before": "WORKS", "after": "WORKS"}
    with town.snapshot() as connection:
        before = clock.now(connection)
    path = table(tmp_path, "ended", ENDED)
    report = reference.import_rules(town, path)
    assert (report.n_rows, report.n_new, report.n_ended, report.reopened) == (1, 0, 1, ())
    assert reference.import_rules(town, path).n_changed == 0
    assert assigning.reassign(town)["n_cases_changed"] == 1
    assert answering(town) == {"before": "WORKS", "after": "STREET"}
    assert works_rule(town) == [dt.date(2025, 12, 5)]
    assert works_rule(town, before) == [None], "what the table said before is known still"


ENDED = RULES + "*,community,D2-2,WORKS,2020-01-01,2025-12-05,,yes\n"


def works_rule(work: Work, known_by: dt.datetime | None = None) -> list[dt.date | None]:
    """Last days of the rules of the unit WORKS."""
    return [r.valid_to for r in reference.list_rules(work, None, known_by) if r.unit_code == "WORKS"]


@pytest.mark.parametrize(("last", "shown"), [("", None), ("2025-12-06", "2025-12-06")])
def test_an_old_table_reopens_no_rule_unless_it_shall(town: Work, tmp_path: Path, last: str, shown: str | None) -> None:
    rules(town, tmp_path)
    reference.import_rules(town, table(tmp_path, "ended", ENDED))
    old = table(tmp_path, "old", ENDED.replace("2025-12-05", last) + "*,,,PARKS,2021-01-01,,,\n")
    with pytest.raises(TableRefused) as e:
        reference.import_rules(town, old)
    expected = Fault(2, "valid_to", shown, "table_fault_reopens", {"held": "2025-12-05"})
    assert [f["code"] for f in e.value.faults] == ["reopens"]
    assert all("--reopen" in texts.word(e.value.code, e.value.facts, lang) for lang in ("zh", "en"))
    assert len(reference.list_rules(town)) == 4, "nothing of a refused table is loaded"
    report = reference.import_rules(town, old, reopen=True)
    assert (report.n_new, report.n_ended, list(report.reopened)) == (1, 0, [expected])
    assert works_rule(town) == [dt.date.fromisoformat(last) if last else None]


@pytest.mark.parametrize("apart", [True, False], ids=["the end came later", "both came at once"])
def test_a_rule_that_an_older_release_held_twice_ends(town: Work, tmp_path: Path, apart: bool) -> None:
    """Endless and ended side by side: what was told last counts, of what was told at once the earlier end."""
    rules(town, tmp_path)
    load(town, tmp_path, [case("after", "D2-2", at="2025-12-05 12:00")])
    names = ("category", "level", "grid_code", "land_owner", "override", "unit_id", "batch_id")
    r = t.responsibility.c
    with town.transaction() as connection:
        (works,) = connection.execute(select(t.responsibility).where(r.grid_code == "D2-2")).mappings()
        known_at = works["known_at"] + dt.timedelta(seconds=1) if apart else works["known_at"]
        ended = {"valid": Range(dt.date(2020, 1, 1), dt.date(2025, 12, 5)), "known_at": known_at}
        connection.execute(t.responsibility.insert().values(**{n: works[n] for n in names}, **ended))
        if not apart:  # whichever row comes first
            again = {"valid": works["valid"], "known_at": known_at}
            connection.execute(t.responsibility.insert().values(**{n: works[n] for n in names}, **again))
    assert works_rule(town) == [dt.date(2025, 12, 5)]
    assigning.reassign(town)
    with worlds.tampered(town) as connection:  # as the older release assigned it, and reassigned since
        unit_id = units.unit_ids(connection)["WORKS"]
        connection.execute(t.assignment.update().values(unit_id=unit_id))
        connection.execute(t.cases.update().values(unit_id=unit_id))
    assert reference.import_rules(town, table(tmp_path, "ended", ENDED)).n_changed == 0
    assert assigning.reassign(town)["n_cases_changed"] == 1
    assert answering(town) == {"after": "STREET"}


def test_a_rule_for_a_grid_that_no_edition_has_is_told(town: Work, tmp_path: Path) -> None:
    add_units(town, "STREET")
    grids = ("community,D1-1", "community,D1-11", "district,D1-1", ",")
    text = RULES + "".join(f"*,{grid},STREET,,,,\n" for grid in grids)
    report = reference.import_rules(town, table(tmp_path, "rules", text))
    assert report.n_new == 4, "an edition that has them may come later"
    assert [(f.row, f.value, f.facts["level"]) for f in report.nowhere] == [(3, "D1-11", 3), (4, "D1-1", 2)]


def test_without_a_day_the_rules_of_today_answer(town: Work, tmp_path: Path) -> None:
    """Not those that someone entered ahead."""
    add_units(town, "STREET", "LAMPS")
    text = RULES + "*,city,C,STREET,2020-01-01,2999-01-01,,\n*,city,C,LAMPS,2999-01-01,,,\n"
    reference.import_rules(town, table(tmp_path, "rules", text))
    assert locate(town, *middle("D1-1")).decision.unit_code == "STREET"
    assert locate(town, *middle("D1-1"), day=dt.date(2999, 1, 1)).decision.unit_code == "LAMPS"


def test_one_place_is_explained_and_agrees_with_the_import(town: Work, tmp_path: Path) -> None:
    rules(town, tmp_path)
    add_areas(town, tmp_path, dt.date(2025, 12, 1), *ROWS)
    for row in some_cases():
        if row["no"] in ("named", "rail_matter"):  # the file names the unit; the file names no class
            continue
        day = dt.date.fromisoformat(row["at"][:10])
        found = locate(town, float(row["x"]), float(row["y"]), category=f"component:{row['cat']}", day=day)
        assert found.unit is not None
        assert found.unit["code"] == EXPECTED[row["no"]], row["no"]
    pond = locate(town, *middle("D1-1"), category="component:01001", day=DAY)
    assert [a.code for a in pond.areas] == ["pond"]
    assert pond.decision.kind == "named_owner"
    assert [(b.rule.unit_code, b.rule.kind, b.why) for b in pond.decision.beaten] == [
        ("LAMPS", "category", "kind"), ("STREET", "fallback", "kind"),
    ]  # fmt: skip
    assert locate(town, *middle("D1-1"), category="component:01001").decision == pond.decision, "the newest areas"
    rail = locate(town, WEST + SIDE / 2, ROAD_Y, category="component:02001", day=DAY)
    assert (rail.decision.land_owner, rail.unit and rail.unit["code"]) == ("rail", "RAIL")


def test_candidates_near_a_border_come_with_their_own_units(town: Work, tmp_path: Path) -> None:
    add_units(town, "WEST", "EAST")
    text = RULES + "*,district,D1,WEST,2020-01-01,,,\n*,district,D2,EAST,2020-01-01,,,\n"
    reference.import_rules(town, table(tmp_path, "rules", text))
    near = (near_m() - 1) / 96_486
    found = locate(town, WEST + SIDE - near, SOUTH + SIDE / 2, day=DAY)
    assert found.unit is not None
    assert found.unit["code"] == "WEST", "the owner stays the one that covers the place"
    (candidate,) = found.neighbours
    assert (candidate["code"], candidate["unit"]["code"]) == ("D2-1", "EAST")
    assert candidate["distance_m"] == pytest.approx(near_m() - 1, abs=0.1)


# --- enterprise grids ------------------------------------------------------------------------------------------------


def enterprise_edition(work: Work, folder: Path) -> None:
    """The second half of community D2-2 is a steel works, a basic grid of its own."""
    grids = towns.shapes()
    whole = grids["D2-2"][2]
    west, south, east, north = whole.bounds
    works = shapely.box((west + east) / 2, south, east, north)
    grids["D2-2"] = ("community", "D2", shapely.box(west, south, (west + east) / 2, north))
    grids["D2-E"] = ("community", "D2", works)
    rows = [(c, level, parent, shape) for c, (level, parent, shape) in grids.items()]
    frame = gpd.GeoDataFrame(rows, columns=["code", "level", "parent_code", "geometry"], geometry="geometry", crs=4490)
    own = frame["code"] == "D2-E"
    frame["kind"] = [{True: "enterprise"}.get(x) for x in own]
    frame["responsible"] = [{True: "钢铁公司总经理"}.get(x) for x in own]
    frame.to_file(folder / "works.gpkg", engine="pyogrio")
    editions.import_grids(work, [str(folder / "works.gpkg")], "2025")
    editions.activate(work, "2025", towns.START)


def with_an_enterprise(empty: Work, tmp_path: Path) -> None:
    """The town with a large enterprise that is a basic grid of its own."""
    with empty.transaction() as connection:
        cities.save_city(connection, towns.CITY)
        units.ensure_units(connection, ["OFFICE", "STEEL"])
        categories.ensure_categories(connection, [("town", "component", "01001")])
    enterprise_edition(empty, tmp_path)


@pytest.fixture
def works(world: World) -> Work:
    """The town with its enterprise."""
    return world(with_an_enterprise)


def test_an_enterprise_is_a_basic_grid_with_its_head(works: Work, tmp_path: Path) -> None:
    text = RULES + "*,district,D2,OFFICE,2020-01-01,,,\n*,community,D2-E,STEEL,2020-01-01,,,yes\n"
    reference.import_rules(works, table(tmp_path, "rules", text))
    found = locate(works, WEST + 1.9 * SIDE, SOUTH + 1.5 * SIDE, day=DAY, category="component:01001")
    leaf = found.grids[-1]
    assert (leaf["code"], leaf["kind"], leaf["responsible"]) == ("D2-E", "enterprise", "钢铁公司总经理")
    assert (found.unit and found.unit["code"], found.decision.kind) == ("STEEL", "grid_override")
    report = people.check(works, "beijing", DAY, "district")
    assert {s.area[1]: (s.n_grids, s.n_enterprise_grids, s.needed) for s in report.lines} == {
        "D1": (2, 0, 6), "D2": (3, 1, 9),
    }  # fmt: skip


# --- people ----------------------------------------------------------------------------------------------------------


def staff(work: Work, folder: Path) -> None:
    people.import_people(work, table(folder, "people", "code,name\nP1,王一\nP2,李二\nP3,张三\n"))
    rows = (
        "P1,OFFICE,collector,community,D1-1,,2025-01-01,\n"
        "P2,OFFICE,collector,district,D2,no,2025-01-01,2025-12-05\n"
        "P3,OFFICE,collector,,,,2025-01-01,\n"
    )
    assert people.import_posts(work, table(folder, "posts", POSTS + rows)) == {"n_new": 3, "n_changed": 0}


def test_posts_hold_on_their_days_and_are_corrected_by_the_table(works: Work, tmp_path: Path) -> None:
    staff(works, tmp_path)
    assert [h.post.person_code for h in people.list_posts(works, dt.date(2025, 12, 4))] == ["P1", "P2", "P3"]
    assert [h.post.person_code for h in people.list_posts(works, DAY)] == ["P1", "P3"]
    ended = POSTS + "P1,OFFICE,collector,community,D1-1,,2025-01-01,2025-06-01\nP1,OFFICE,head,,,,2025-06-01,\n"
    assert people.import_posts(works, table(tmp_path, "more", ended)) == {"n_new": 1, "n_changed": 1}
    assert people.import_posts(works, table(tmp_path, "more", ended)) == {"n_new": 0, "n_changed": 0}
    assert [h.post.person_code for h in people.list_posts(works, DAY, "collector")] == ["P3"]
    reopens = table(tmp_path, "old", ended.replace("2025-01-01,2025-06-01", "2025-01-01,"))
    with pytest.raises(TableRefused) as e:
        people.import_posts(works, reopens)
    assert [(f["code"], f["row"], f["held"], f["value"]) for f in e.value.faults] == [
        ("reopens", 2, "2025-06-01", None)
    ]
    assert [h.post.person_code for h in people.list_posts(works, DAY, "collector")] == ["P3"]
    gone = "code,name,valid_from,valid_to\nP3,张三,2020-01-01,2025-12-05\n"
    people.import_people(works, table(tmp_path, "gone", gone))
    assert people.list_posts(works, DAY, "collector") == [], "who is no longer there holds no post"
    assert len(select_all(works, t.post.c.id)) == 4


def test_a_post_needs_a_person_who_is_known(works: Work, tmp_path: Path) -> None:
    with pytest.raises(TableRefused) as e:
        people.import_posts(works, table(tmp_path, "posts", POSTS + "P9,OFFICE,collector,,,,,\n"))
    assert [f["code"] for f in e.value.faults] == ["person"]
    assert select_all(works, t.post.c.id) == []


def test_needed_there_and_short_for_each_area(works: Work, tmp_path: Path) -> None:
    staff(works, tmp_path)
    before = people.check(works, "ningbo", dt.date(2025, 12, 4))
    assert {(s.area[1], s.check.role): (s.n_grids, s.needed, s.have, s.short) for s in before.lines} == {
        ("D1", "collector"): (2, 1, 1, 0), ("D1", "operator"): (2, 1, 0, 1),
        ("D2", "collector"): (3, 1, 1, 0), ("D2", "operator"): (3, 1, 0, 1),
    }  # fmt: skip
    after = people.check(works, "ningbo", DAY)
    assert [(s.area[1], s.have, s.short) for s in after.lines if s.check.role == "collector"] == [
        ("D1", 1, 0), ("D2", 0, 1),
    ]  # fmt: skip
    assert after.heads.unplaced["collector"] == {"P3"}


def test_heads_of_a_day_are_counted_for_grids_and_units(works: Work, tmp_path: Path) -> None:
    """What a rulebook's inputs are told."""
    staff(works, tmp_path)
    with works.snapshot() as connection:
        edition = edition_store.on_date(connection, DAY)
        grids = edition_store.grid_names(connection, [edition.id])
        heads = people.headcount(connection, grids, DAY)
    subjects = [("grid", 1, "C"), ("grid", 2, "D1"), ("grid", 2, "D2"), ("unit", 0, "OFFICE"), ("unit", 0, "STEEL")]
    assert [heads.n(s, "collector") for s in subjects] == [1, 1, 0, 2, 0]  # type: ignore[arg-type]


def collectors(work: Work) -> dict[str, tuple[object, object]]:
    """What the rulebook of six districts is told in December: number of collectors, and where it came from."""
    made = scoring.score(work, "ningbo_district", parse_period("2025-12"))
    given = {d.subject.code: d.inputs.get("collectors") for d in made.subjects}
    return {code: (found.value, found.from_) if found else (None, None) for code, found in given.items()}


def test_a_rulebook_is_told_who_holds_posts_on_the_last_day_of_its_period(works: Work, tmp_path: Path) -> None:
    """P2's post in D2 ended on the 5th; P4's begins on the last day of the month, P5's on the day after it."""
    load(works, tmp_path, [case("a", cat="01001", reg="2025-12-05 13:00", due="2025-12-08 12:00")])
    assert collectors(works) == {"D1": (None, None), "D2": (None, None)}, "without posts it is entered, not 0"
    staff(works, tmp_path)
    assert collectors(works) == {"D1": (1, "posts"), "D2": (0, "posts")}
    people.import_people(works, table(tmp_path, "more", "code,name\nP4,赵四\nP5,孙五\n"))
    rows = "P4,OFFICE,collector,district,D2,,2025-12-31,\nP5,OFFICE,collector,district,D2,,2026-01-01,\n"
    people.import_posts(works, table(tmp_path, "later", POSTS + rows))
    assert collectors(works) == {"D1": (1, "posts"), "D2": (1, "posts")}


def test_the_command_shows_names_only_where_they_are_asked_for(
    works: Work, tmp_path: Path, postgis_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff(works, tmp_path)
    monkeypatch.setenv("GRIDMGMT_HOME", str(postgis_settings.home))
    monkeypatch.setenv("GRIDMGMT_DB", postgis_settings.db)

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0, done.output
        return done.output

    for plain in (run("posts", "list", "--on", "2025-12-05"), run("posts", "list", "--on", "2025-12-05", "--json")):
        assert "P1" in plain
        assert "王一" not in plain
    assert "王一" in run("posts", "list", "--on", "2025-12-05", "--names")
    shown = run("--lang", "en", "staffing", "check", "--scheme", "beijing", "--on", "2025-12-05", "--level", "district")
    assert "supervisor" in shown
    assert "short" in shown
    found = json.loads(run("staffing", "check", "--scheme", "ningbo", "--on", "2025-12-05", "--json"))
    collectors = [a for a in found["areas"] if a["role"] == "collector"]
    assert [(a["code"], a["needed"], a["have"], a["rounded_up"]) for a in collectors] == [
        ("D1", 1, 1, True), ("D2", 1, 0, True),
    ]  # fmt: skip
    add_areas(works, tmp_path, dt.date(2025, 12, 1), {"code": "pond", "unit_code": "STEEL", "shape": POND})
    x, y = middle("D1-1")
    shown = run("--lang", "en", "locate", repr(x), repr(y), "--on", "2025-12-05")
    assert all(words in shown for words in ("pond", "STEEL", "named owner", "decides"))
    found = json.loads(run("locate", repr(x), repr(y), "--on", "2025-12-05", "--json"))
    assert (found["decision"]["kind"], found["decision"]["rule"]["area"]) == ("named_owner", "pond")


# --- the sample table ------------------------------------------------------------------------------------------------


def test_the_sample_table_loads_and_names_known_classes(town: Work, tmp_path: Path) -> None:
    reference.import_units(town, data_path("responsibility", "sample_units.csv"))
    n = reference.import_rules(town, data_path("responsibility", "defaults.csv")).n_new
    with data_path("responsibility", "defaults.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert n == len(rows) > 0
    assert all("示例" in row["note"] and row["unit_code"].startswith("SAMPLE-") for row in rows)
    reference.import_categories(town, data_path("categories", "gb47678_5.csv"))
    with town.snapshot() as connection:
        known = {f"{kind}:{code}" for _, kind, code in categories.category_keys(connection)}
        assert store.people(connection, DAY) == []
    exact = {row["category"] for row in rows if not row["category"].endswith("*")}
    assert exact <= known
    for category, unit in {
        "matter:09001": "SAMPLE-ENFORCEMENT", "matter:06026": "SAMPLE-WATER", "component:01012": "SAMPLE-POLICE",
        "component:01001": "SAMPLE-CONSTRUCTION", "matter:10001": "SAMPLE-STREET",
    }.items():  # fmt: skip
        found = locate(town, *middle("D1-1"), category=category, day=DAY)
        assert found.unit is not None
        assert found.unit["code"] == unit, category
