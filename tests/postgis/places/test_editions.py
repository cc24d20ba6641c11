"""Editions: loaded inactive, activated in one step, never edited; a case belongs to the edition of its day."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range

from gridmgmt.assessing.operations import explaining, scoring
from gridmgmt.database import cities, facts
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import (
    DatabaseRefused,
    EditionActive,
    EditionExists,
    EditionInvalid,
    EditionMissing,
    EditionOverlap,
    EditionShrinks,
)
from gridmgmt.files.checking import limits
from gridmgmt.people.operations import assigning, reference
from gridmgmt.people.store import units
from gridmgmt.periods import parse_period
from gridmgmt.places.operations import editions
from tests.postgis import towns
from tests.postgis.towns import add_edition, box, case, contents, load, places, select_all, shapes

NEW_YEAR = dt.date(2026, 1, 1)
Grids = dict[str, tuple[str, str | None, shapely.Geometry]]


def merged_west() -> Grids:
    """D1 becomes one community under a new code; the rest stays."""
    grids = shapes()
    del grids["D1-1"], grids["D1-2"]
    grids["D1-9"] = ("community", "D1", box(0, 0, 1, 2))
    return grids


def moved_border() -> Grids:
    """The eastern district takes the west's south-eastern quarter: leaf grids, districts, not the city."""
    grids = shapes()
    grids["D1"] = ("district", "C", shapely.union_all([box(0, 0, 0.5, 1), box(0, 1, 1, 1)]))
    grids["D2"] = ("district", "C", shapely.union_all([box(1, 0, 1, 2), box(0.5, 0, 0.5, 1)]))
    grids["D1-1"] = ("community", "D1", box(0, 0, 0.5, 1))
    grids["D2-1"] = ("community", "D2", box(0.5, 0, 1.5, 1))
    return grids


def given_to_the_east() -> Grids:
    """The western north goes to the eastern district as it stands, under its own code."""
    grids = shapes()
    grids["D1"], grids["D2"] = (
        ("district", "C", box(0, 0)),
        ("district", "C", shapely.union_all([box(1, 0, 1, 2), box(0, 1)])),
    )
    grids["D1-2"] = ("community", "D2", grids["D1-2"][2])
    return grids


def smaller_town() -> Grids:
    """The east is given away."""
    return {"C": ("city", None, box(0, 0, 1, 2))} | {k: g for k, g in shapes().items() if k.startswith("D1")}


def renamed() -> Grids:
    """Nothing but the code of a corner changes: to a larger one, so that edges change hands."""
    grids = shapes()
    grids["D9-1"] = grids.pop("D1-1")
    return grids


def overlapping() -> Grids:
    grids = shapes()
    grids["D1-1"] = ("community", "D1", box(0, 0, 1, 2))
    return grids


def days(work: Work) -> dict[str, tuple[dt.date | None, dt.date | None]]:
    return {e.name: (e.valid_from, e.valid_to) for e in editions.list_editions(work)}


class TestActivation:
    def test_an_edition_is_loaded_inactive_and_changes_nothing(self, town: Work, tmp_path: Path) -> None:
        add_edition(town, tmp_path, "2026", None, merged_west())
        assert days(town) == {"2025": (towns.START, None), "2026": (None, None)}
        assert load(town, tmp_path, [case("n", at="2026-02-01")]).located == {"leaf": 1}
        assert places(town)["n"] == ("leaf", "D1-1", "D1")
        subjects = {r[0] for r in select_all(town, t.subject.c.code)}
        assert subjects == set(shapes()), "what was never active is not assessed"

    def test_it_closes_the_one_before_on_that_day(self, town: Work, tmp_path: Path) -> None:
        add_edition(town, tmp_path, "2026", None, merged_west())
        done = editions.activate(town, "2026", NEW_YEAR)
        assert (done["predecessor"], done["from"]) == ("2025", "2026-01-01")
        assert days(town) == {"2025": (towns.START, NEW_YEAR), "2026": (NEW_YEAR, None)}
        assert {r[0] for r in select_all(town, t.subject.c.code)} == {*shapes(), "D1-9"}

    def test_again_on_the_same_day_is_no_change_and_on_another_is_refused(self, town: Work) -> None:
        before = select_all(town, *t.edition.c)
        assert editions.activate(town, "2025", towns.START)["n_lineage"] == 0
        with pytest.raises(EditionActive):
            editions.activate(town, "2025", NEW_YEAR)
        assert select_all(town, *t.edition.c) == before

    @pytest.mark.parametrize("first", [towns.START, towns.START - dt.timedelta(days=1)])
    def test_before_or_on_the_first_day_of_another_is_refused(self, first: dt.date, town: Work, tmp_path: Path) -> None:
        add_edition(town, tmp_path, "older", None)
        with pytest.raises(EditionOverlap) as caught:
            editions.activate(town, "older", first)
        assert (caught.value.other, caught.value.other_from) == ("2025", "2025-01-01")
        assert days(town)["older"] == (None, None)

    def test_between_two_active_ones_is_refused(self, town: Work, tmp_path: Path) -> None:
        add_edition(town, tmp_path, "2027", dt.date(2027, 1, 1))
        add_edition(town, tmp_path, "2026", None)
        with pytest.raises(EditionOverlap):
            editions.activate(town, "2026", NEW_YEAR)
        assert days(town)["2025"] == (towns.START, dt.date(2027, 1, 1))

    def test_the_database_itself_refuses_an_overlap(self, town: Work) -> None:
        days_of_another = Range(dt.date(2025, 12, 31), NEW_YEAR)
        with pytest.raises(DatabaseRefused) as caught, town.transaction() as connection:
            connection.execute(t.edition.insert().values(name="x", report={}, valid=days_of_another))
        assert caught.value.table == "edition"
        assert "ex_edition_valid" in str(caught.value.reason)

    def test_a_report_with_errors_refuses_it(self, town: Work, tmp_path: Path) -> None:
        add_edition(town, tmp_path, "2026", None, overlapping())
        with pytest.raises(EditionInvalid) as caught:
            editions.activate(town, "2026", NEW_YEAR)
        assert caught.value.n >= 1
        assert days(town) == {"2025": (towns.START, None), "2026": (None, None)}
        assert editions.check(town, "2026").blocking


class TestReplace:
    def test_an_inactive_edition_is_loaded_anew(self, town: Work, tmp_path: Path) -> None:
        add_edition(town, tmp_path, "2026", None, overlapping())
        mended = str(towns.write_grids(tmp_path / "mended.gpkg"))
        with pytest.raises(EditionExists):
            editions.import_grids(town, [mended], "2026")
        editions.import_grids(town, [mended], "2026", replace=True)
        assert editions.activate(town, "2026", NEW_YEAR)["predecessor"] == "2025"
        assert len(select_all(town, t.grid.c.id)) == len(shapes()), "the same grids are the same rows"
        assert len(select_all(town, t.edition_grid.c.grid_id)) == 2 * len(shapes())

    def test_an_active_one_is_not(self, town: Work, tmp_path: Path) -> None:
        before = select_all(town, t.grid.c.id, t.grid.c.code)
        with pytest.raises(EditionActive):
            editions.import_grids(town, [str(towns.write_grids(tmp_path / "x.gpkg"))], "2025", replace=True)
        assert select_all(town, t.grid.c.id, t.grid.c.code) == before

    def test_nor_one_that_has_ended(self, town: Work, tmp_path: Path) -> None:
        add_edition(town, tmp_path, "2026", NEW_YEAR)
        with pytest.raises(EditionActive):
            editions.import_grids(town, [str(towns.write_grids(tmp_path / "x.gpkg"))], "2025", replace=True)

    def test_a_file_that_cannot_be_read_keeps_the_old_one(self, town: Work, tmp_path: Path) -> None:
        add_edition(town, tmp_path, "2026", None)
        twice = gpd.read_file(towns.write_grids(tmp_path / "x.gpkg"))
        twice.loc[twice["code"] == "D1-2", "code"] = "D1-1"
        twice.to_file(tmp_path / "twice.gpkg", engine="pyogrio")
        before = select_all(town, t.grid.c.id, t.grid.c.code)
        with pytest.raises(EditionInvalid):
            editions.import_grids(town, [str(tmp_path / "twice.gpkg")], "2026", replace=True)
        assert select_all(town, t.grid.c.id, t.grid.c.code) == before


def test_boundaries_with_texts_that_cannot_be_kept_are_refused_row_by_row(town: Work, tmp_path: Path) -> None:
    frame = gpd.read_file(towns.write_grids(tmp_path / "x.gpkg"))
    frame.loc[1, "name"] = "西\0区"
    frame.loc[2, "name_en"] = "x" * (limits().text + 1)
    frame.loc[3, "code"] = "D" * (limits().code + 1)
    frame["unused"] = "\0"  # is kept nowhere
    frame.to_parquet(tmp_path / "x.parquet")
    before = select_all(town, t.grid.c.id, t.grid.c.code)
    with pytest.raises(EditionInvalid) as caught:
        editions.import_grids(town, [str(tmp_path / "x.parquet")], "2026")
    assert caught.value.n == 3
    assert [finding.split("=")[0] for finding in caught.value.findings] == [
        "x.parquet row 2 name", "x.parquet row 3 name_en", "x.parquet row 4 code",
    ]  # fmt: skip
    assert "空字符" in caught.value.findings[0]
    assert "NUL" in caught.value.findings[0]
    assert f"{limits().text:,}" in caught.value.findings[1]
    assert select_all(town, t.grid.c.id, t.grid.c.code) == before
    longest = frame.drop(index=[1, 2, 3]).drop(columns="unused").assign(name="x" * limits().text)
    longest.to_parquet(tmp_path / "y.parquet")
    editions.import_grids(town, [str(tmp_path / "y.parquet")], "2027", base="2025")


def test_a_partial_delivery_replaces_its_districts_only(town: Work, tmp_path: Path) -> None:
    west = {code: grid for code, grid in merged_west().items() if code.startswith("D1")}
    editions.import_grids(town, [str(towns.write_grids(tmp_path / "west.gpkg", west))], "2026", base="2025")
    editions.activate(town, "2026", NEW_YEAR)
    whole = editions.grids_of(town, "2026", None, None)
    assert sorted(whole["code"]) == ["C", "D1", "D1-9", "D2", "D2-1", "D2-2"]
    with pytest.raises(EditionMissing):
        editions.import_grids(town, [str(tmp_path / "west.gpkg")], "2027", base="no such")


def test_lineage_is_kept_also_of_grids_that_go_or_come(town: Work, tmp_path: Path) -> None:
    """The town's north is given away and land in the east comes in; the two western communities merge."""
    grids: Grids = {"C": ("city", None, box(0, 0, 3, 1)), "D1": ("district", "C", box(0, 0))}
    grids |= {"D2": ("district", "C", box(1, 0, 2, 1)), "D1-9": ("community", "D1", box(0, 0))}
    grids |= {"D2-1": ("community", "D2", box(1, 0)), "D2-3": ("community", "D2", box(2, 0))}
    with pytest.raises(EditionShrinks):  # perhaps a partial delivery without its base
        add_edition(town, tmp_path, "2026", NEW_YEAR, grids)
    editions.activate(town, "2026", NEW_YEAR, shrinks=True)
    c = t.lineage.c
    leaves = select_all(town, c.code_a, c.code_b, where=c.level == 3)
    expected = {("D1-1", "D1-9"), ("D1-2", None), ("D2-1", "D2-1"), ("D2-2", None), (None, "D2-3")}
    assert (set(leaves), len(leaves)) == (expected, len(expected))
    pairs, _, _ = editions.diff(town, "2025", "2026")
    assert len(pairs) == len(select_all(town, c.id))


class TestDays:
    """A case belongs to the edition of the day on which it was reported, in city time."""

    def test_the_last_half_hour_belongs_to_the_old_edition(self, town: Work, tmp_path: Path) -> None:
        add_edition(town, tmp_path, "2026", NEW_YEAR, merged_west())
        rows = [
            case("old", at="2025-12-31 23:30:00"),
            case("new", at="2026-01-01 00:00:00"),
            case("old, in UTC", at="2025-12-31T15:59:59.999999Z"),
            case("new, in UTC", at="2025-12-31T16:00:00Z"),
        ]
        assert load(town, tmp_path, rows).located == {"leaf": 4}
        assert {no: leaf for no, (_, leaf, _) in places(town).items()} == {
            "old": "D1-1", "old, in UTC": "D1-1", "new": "D1-9", "new, in UTC": "D1-9",
        }  # fmt: skip
        assert assigning.reassign(town)["n_cases"] == 0, "the database finds the same day"

    def test_reassigning_touches_only_what_changes(self, town: Work, tmp_path: Path) -> None:
        rows = [
            case("dec", at="2025-12-31 23:30"),
            case("jan", at="2026-01-01 00:00"),
            case("east", "D2-1", at="2026-02-01"),
        ]
        load(town, tmp_path, [*rows, case("nowhere", None, at="2026-02-01"), case("early", at="2024-01-01")])
        towns.load_samples(town, tmp_path, [("s", "2026-02-01", "90", "D1-2")])
        before = contents(town)
        add_edition(town, tmp_path, "2026", NEW_YEAR, merged_west())
        assert contents(town) == before, "activation moves nothing by itself"
        done = assigning.reassign(town)
        assert done == {
            "n_cases": 1, "n_cases_changed": 1, "n_cases_other_edition": 1,
            "n_samples": 1, "n_samples_changed": 1, "n_samples_other_edition": 1,
        }  # fmt: skip
        after = contents(town)
        assert set(before["assignment"]) < set(after["assignment"])
        assert len(after["assignment"]) == len(before["assignment"]) + 2
        untouched = {r for r in before["cases"] if r[1] in ("dec", "early", "east", "nowhere")}
        assert untouched < set(after["cases"])
        assert (after["case_version"], after["sample_version"]) == (before["case_version"], before["sample_version"])
        assert {no: leaf for no, (_, leaf, _) in places(town).items()} == {
            "dec": "D1-1", "jan": "D1-9", "east": "D2-1", "nowhere": None, "early": None,
        }  # fmt: skip
        assert set(assigning.reassign(town).values()) == {0}
        assert contents(town) == after

    @pytest.mark.parametrize("change", [merged_west, moved_border, given_to_the_east, smaller_town, renamed, shapes])
    def test_what_is_not_looked_at_would_not_move(
        self, town: Work, tmp_path: Path, change: Callable[[], Grids]
    ) -> None:
        """Points inside, on edges, on corners and outside stand after an edition change as if all were located anew."""
        steps = [n * towns.SIDE / 4 for n in range(-1, 10)]
        spots = [(towns.WEST + x, towns.SOUTH + y) for x in steps for y in steps]
        days_of = ("2025-12-31", "2026-01-01")
        rows = [case(f"{day} {n}", spot, at=f"{day} 08:00") for day in days_of for n, spot in enumerate(spots)]
        load(town, tmp_path, rows)
        add_edition(town, tmp_path, "2026", None, change())
        editions.activate(town, "2026", NEW_YEAR, shrinks=True)
        done = assigning.reassign(town)
        with town.transaction() as connection:
            c = t.cases.c
            names = [c.case_no, c.lon, c.lat, c.reported_at.label("at"), *(c[x] for x in facts.LOCATED[1:])]
            stored = pd.DataFrame(connection.execute(select(*names).order_by(c.case_no)).mappings())
            points = stored[["lon", "lat", "at"]].assign(category=None, unit_code=None)
            points["at"] = pd.to_datetime(points["at"], utc=True)
            anew = assigning.Assigner(connection, towns.CITY).locate(points)
        for name in facts.LOCATED[1:]:
            was = stored[name].astype(object).where(stored[name].notna(), None).tolist()
            assert was == anew[name].astype(object).where(anew[name].notna(), None).tolist(), name
        if change is shapes:
            assert done["n_cases_changed"] == 0
        assert assigning.reassign(town)["n_cases_changed"] == 0

    def test_looked_at_is_only_what_lies_in_a_changed_grid_or_on_its_edge(self, town: Work, tmp_path: Path) -> None:
        """The south-west is parted by its diagonal; then one half gets another code, whose box is that of both."""
        west, south, east, north = box(0, 0).bounds
        below, above = ([(west, south), (east, north), (x, y)] for x, y in ((east, south), (west, north)))
        grids = shapes()
        del grids["D1-1"]
        halves = {"D1-8": shapely.Polygon(below), "D1-9": shapely.Polygon(above)}
        grids |= {code: ("community", "D1", half) for code, half in halves.items()}
        add_edition(town, tmp_path, "2026", NEW_YEAR, grids)
        spots = {code: half.centroid for code, half in halves.items()} | {"edge": shapely.Point(west, south)}
        load(town, tmp_path, [case(no, (spot.x, spot.y), at="2027-02-01") for no, spot in spots.items()])
        assert {no: leaf for no, (_, leaf, _) in places(town).items()} == {
            "D1-8": "D1-8", "D1-9": "D1-9", "edge": "D1-8",
        }  # fmt: skip
        grids["D1-91"] = grids.pop("D1-8")
        add_edition(town, tmp_path, "2027", dt.date(2027, 1, 1), grids)
        done = assigning.reassign(town)
        assert (done["n_cases"], done["n_cases_changed"]) == (2, 2)
        assert {no: leaf for no, (_, leaf, _) in places(town).items()} == {
            "D1-8": "D1-91", "D1-9": "D1-9", "edge": "D1-9",
        }  # fmt: skip

    def test_no_index_holds_what_a_step_or_another_edition_changes(self, town: Work, tmp_path: Path) -> None:
        load(town, tmp_path, [case("a"), case("b", "D2-1")])
        c = t.cases.c
        changes = {name: c[name] + 1 for name in facts.LOCATED if name != "located"}
        changes |= {"status": "closed", "closed_at": c.reported_at, "content_hash": "-", "version_at": c.reported_at}
        kinds = ("updated", "hot_updated")
        counts = text(", ".join(f"pg_stat_get_xact_tuples_{kind}('cases'::regclass)" for kind in kinds))
        with town.but(keep=False).transaction() as connection:
            before = connection.execute(select(counts)).one()
            connection.execute(t.cases.update().values(**changes))
            written, beside = np.subtract(connection.execute(select(counts)).one(), before)
        assert written == beside == 2

    def test_reassigning_can_be_kept_to_one_edition(self, town: Work, tmp_path: Path) -> None:
        load(town, tmp_path, [case("a", at="2026-02-01"), case("b", at="2027-02-01")])
        add_edition(town, tmp_path, "2026", NEW_YEAR, merged_west())
        add_edition(town, tmp_path, "2027", dt.date(2027, 1, 1), merged_west())
        assert assigning.reassign(town, "2027")["n_cases_changed"] == 1
        assert assigning.reassign(town)["n_cases_changed"] == 1
        with pytest.raises(EditionMissing):
            assigning.reassign(town, "2028")

    def test_an_import_before_the_first_edition_is_assigned_when_there_is_one(
        self, empty: Work, tmp_path: Path
    ) -> None:
        with empty.transaction() as connection:
            cities.save_city(connection, towns.CITY)
        assert load(empty, tmp_path, [case("n")]).located == {"no_edition": 1}
        add_edition(empty, tmp_path)
        assert assigning.reassign(empty)["n_cases_changed"] == 1
        assert places(empty) == {"n": ("leaf", "D1-1", "D1")}

    def test_rules_that_come_later_are_applied_to_the_rows_before_them(self, town: Work, tmp_path: Path) -> None:
        load(town, tmp_path, [case("n", cat="01"), case("m", "D2-1", cat="01")])
        with town.transaction() as connection:
            units.ensure_units(connection, ["U1"])
        header = "category,level,grid_code,unit_code,valid_from,valid_to"
        (tmp_path / "rules.csv").write_text(f"{header}\ncomponent:01,district,D1,U1,2025-01-01,\n", "utf-8")
        reference.import_rules(town, tmp_path / "rules.csv")
        load(town, tmp_path, [case("later", cat="01")])
        assert assigning.reassign(town)["n_cases_changed"] == 1
        assert assigning.reassign(town)["n_cases"] == 0
        answering = select(t.cases.c.case_no, t.unit.c.code).outerjoin(t.unit, t.cases.c.unit_id == t.unit.c.id)
        with town.snapshot() as connection:
            assert {r[0]: r[1] for r in connection.execute(answering)} == {"n": "U1", "m": None, "later": "U1"}


def test_a_saved_assessment_keeps_its_numbers_after_reassigning(town: Work, tmp_path: Path) -> None:
    january = {"at": "2026-01-05", "reg": "2026-01-05", "due": "2026-01-08"}
    load(town, tmp_path, [case("late", **january), case("done", **january, closed="2026-01-07")], day=20)
    period = parse_period("2026-01")
    made = scoring.score(town, "grid_baseline", period)
    before = explaining.explain(town, made.name, "D1-1", "closing")
    assert before.evidence == {"closed": ["done"], "due": ["done", "late"]}
    add_edition(town, tmp_path, "2026", NEW_YEAR, merged_west())
    assert assigning.reassign(town)["n_cases_changed"] == 2
    assert explaining.explain(town, made.name, "D1-1", "closing") == before
    again = scoring.score(town, "grid_baseline", period)
    assert again.is_new
    assert again.sha256 != made.sha256
    assert explaining.explain(town, again.name, "D1-9", "closing").evidence == before.evidence
