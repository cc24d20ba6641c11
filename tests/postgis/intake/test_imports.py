"""Import keeps every row once: loaded or in quarantine, the latest version current, whatever the order of files."""

import datetime as dt
import itertools
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from gridmgmt import texts as texts_of
from gridmgmt.casework.operations import lookup
from gridmgmt.database import cities, facts, loading, merging
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.files import spill
from gridmgmt.intake.exports.bad_rows import workbook
from gridmgmt.intake.operations import imports
from gridmgmt.intake.operations.imports import ImportReport
from gridmgmt.people.store import categories, units
from tests.examples import about
from tests.postgis import towns
from tests.postgis.towns import VERSIONED, case, contents, current, load, places, select_all
from tests.worlds import World

A, B, C = "content A", "content B", "content C"


def open_problems(work: Work) -> list[tuple[int, str]]:
    return [(q["row"], q["code"]) for q in imports.list_quarantine(work)]


def fates(report: ImportReport) -> tuple[int, int, int, int, int]:
    return report.n_new, report.n_newer, report.n_unchanged, report.n_older, report.n_quarantined


def test_every_row_is_loaded_or_in_quarantine_and_located_in_one_way(town: Work, tmp_path: Path) -> None:
    rows = [
        case("leaf", "D2-2"),
        case("outside", (113.0, 30.0)),
        case("no place", None),
        case("before the edition", "D1-1", at="2024-12-31 23:59:59"),
        case("bad", at="someday", x="east", cat="99"),
        case("", "D1-2"),
    ]
    report = load(town, tmp_path, rows)
    assert fates(report) == (4, 0, 0, 0, 2)
    assert report.located == {"leaf": 1, "no_edition": 1, "no_location": 1, "outside": 1}
    assert places(town) == {
        "leaf": ("leaf", "D2-2", "D2"),
        "outside": ("outside", None, None),
        "no place": ("no_location", None, None),
        "before the edition": ("no_edition", None, None),
    }
    codes = {"time_unreadable", "number_unreadable", "category_unknown_value"}
    assert {(6, code) for code in codes} | {(7, "value_missing")} == set(open_problems(town))
    assert report.reasons == {**dict.fromkeys(codes, 1), "value_missing": 1}


def test_a_point_in_no_community_takes_the_deepest_grid_that_covers_it(empty: Work, tmp_path: Path) -> None:
    grids = towns.shapes()
    grids["D1"] = ("district", "C", grids["D1"][2].difference(towns.box(0, 1).buffer(-towns.SIDE / 4)))
    grids["D1-2"] = ("community", "D1", grids["D1-2"][2].difference(towns.box(0, 1).buffer(-towns.SIDE / 8)))
    with empty.transaction() as connection:
        cities.save_city(connection, towns.CITY)
    towns.add_edition(empty, tmp_path, grids=grids)
    x, y = towns.middle("D1-2")
    rows = [case("in the hole", (x, y)), case("beside", (x, y + towns.SIDE * 0.3)), case("ring", (x, y + SIDE_RING))]
    assert load(empty, tmp_path, rows).located == {"leaf": 1, "upper": 2}
    found = {"in the hole": ("upper", None, None), "beside": ("upper", None, "D1"), "ring": ("leaf", "D1-2", "D1")}
    assert places(empty) == found


SIDE_RING = towns.SIDE * 0.45


def test_the_same_file_twice_changes_nothing(town: Work, tmp_path: Path) -> None:
    rows = [case(f"n{i}", text=A, who="张三", phone="123", v="2026-01-02") for i in range(5)]
    rows += [case("n1", text=B, v="2026-01-03"), case("n2", text=C, v="2026-01-01"), case("n3", text=A, v="2026-01-02")]
    rows += [case("n5", text=A, v="2026-01-02"), case("n5", text=B, v="2026-01-02")]
    path = towns.write_csv(tmp_path / "cases.csv", rows)
    profile = towns.write_profile(tmp_path, VERSIONED)
    first = imports.import_file(town, path, profile)
    assert fates(first) == (5, 0, 1, 2, 2)
    before, problems = contents(town), imports.list_quarantine(town)
    second = imports.import_file(town, path, profile)
    assert fates(second) == (0, 0, 8, 0, 2)
    assert (contents(town), imports.list_quarantine(town)) == (before, problems)
    assert first.located == second.located


def test_a_file_without_versions_takes_the_export_day(town: Work, tmp_path: Path) -> None:
    load(town, tmp_path, [case("n", text=A)], day=2)
    assert fates(load(town, tmp_path, [case("n", text=B)], day=1)) == (0, 0, 0, 1, 0)
    assert current(town) == {"n": (A, "2026-01-02")}
    assert fates(load(town, tmp_path, [case("n", text=C)], day=3)) == (0, 1, 0, 0, 0)
    assert current(town) == {"n": (C, "2026-01-03")}
    v = t.case_version.c
    assert [r[0] for r in select_all(town, v.description)] == [A, B, C]


def test_without_an_export_day_the_import_itself_is_the_version(town: Work, tmp_path: Path) -> None:
    load(town, tmp_path, [case("n", text=A)])
    assert fates(load(town, tmp_path, [case("n", text=B)])) == (0, 1, 0, 0, 0)
    assert next(iter(current(town).values()))[0] == B


@pytest.mark.parametrize("order", list(itertools.permutations([(A, 1), (B, 2), (A, 3)])))
def test_what_the_latest_export_says_is_current_in_any_order_of_files(
    order: tuple[tuple[str, int], ...], town: Work, tmp_path: Path
) -> None:
    """Also when A is confirmed by a later export: B, made between, does not replace it."""
    for content, day in order:
        load(town, tmp_path, [case("n", text=content)], day=day)
    assert current(town) == {"n": (A, "2026-01-03")}


@about(
    12,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a database is too slow to shrink with
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_current_rows_depend_on_the_versions_and_not_on_files_or_order(
    data: st.DataObject, world: World, tmp_path: Path
) -> None:
    contents_of = st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=4)
    timeline = data.draw(st.dictionaries(st.sampled_from(["n1", "n2"]), contents_of, min_size=1))
    versions = [(no, day, text) for no, texts in timeline.items() for day, text in enumerate(texts, 1)]
    handed_in = data.draw(st.permutations(versions + data.draw(st.lists(st.sampled_from(versions), max_size=3))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(handed_in)), max_size=2)) | {0, len(handed_in)})
    town = world(towns.found)
    for first, stop in itertools.pairwise(cuts):
        rows = [case(no, text=text, v=f"2026-01-{day:02}") for no, day, text in handed_in[first:stop]]
        assert load(town, tmp_path, rows, profile=VERSIONED).n_quarantined == 0
    expected = {no: (texts[-1], f"2026-01-{len(texts):02}") for no, texts in timeline.items()}
    assert current(town) == expected
    n_assignments = len(select_all(town, t.assignment.c.id))
    assert n_assignments == len(timeline), "the place never changed"


class TestConflict:
    """Two contents of one case at one version instant: whichever is not stored goes to quarantine, whole."""

    def test_within_one_file(self, town: Work, tmp_path: Path) -> None:
        rows = [case("n", text=A, v="2026-01-01"), case("n", text=B, v="2026-01-01"), case("n", text=A, v="2026-01-01")]
        assert fates(load(town, tmp_path, rows, profile=VERSIONED)) == (0, 0, 0, 0, 3)
        kept = imports.list_quarantine(town)
        assert [(k["row"], k["code"], k["column"], k["value"], k["facts"]["rows"]) for k in kept] == [
            (2, "version_twice", "no", "n", [3]),
            (3, "version_twice", "no", "n", [2, 4]),
            (4, "version_twice", "no", "n", [3]),
        ]
        assert kept[1]["raw"]["text"] == B

    @pytest.mark.parametrize("texts", [(A, B), (B, A)])
    def test_no_order_of_rows_decides(self, texts: tuple[str, str], town: Work, tmp_path: Path) -> None:
        rows = [*(case("n", text=text) for text in texts), case("m", text=A), case("m", text=A)]
        assert fates(load(town, tmp_path, rows)) == (1, 0, 1, 0, 2)
        assert current(town).keys() == {"m"}
        assert open_problems(town) == [(2, "number_twice"), (3, "number_twice")]
        why = imports.list_quarantine(town)[0]
        for lang in texts_of.LANGUAGES:
            assert "version:" in texts_of.word("number_twice", {**why["facts"], "value": "n"}, lang)

    def test_what_is_disputed_hides_no_other_version(self, town: Work, tmp_path: Path) -> None:
        """The latest instant is disputed: the one before it is current, not lost."""
        rows = [case("n", text=A, v="2026-01-01"), *(case("n", text=text, v="2026-01-02") for text in (B, C))]
        assert fates(load(town, tmp_path, rows, profile=VERSIONED)) == (1, 0, 0, 0, 2)
        assert current(town) == {"n": (A, "2026-01-01")}

    def test_across_files(self, town: Work, tmp_path: Path) -> None:
        load(town, tmp_path, [case("n", text=A)], day=1)
        rows = [case("n", text=B), case("n", text=B), case("m", text=B)]
        assert fates(load(town, tmp_path, rows, day=1)) == (1, 0, 0, 0, 2)
        assert current(town) == {"n": (A, "2026-01-01"), "m": (B, "2026-01-01")}
        assert open_problems(town) == [(2, "version_conflict"), (3, "version_conflict")]

    def test_the_stored_content_wins_over_the_first_in_the_file(self, town: Work, tmp_path: Path) -> None:
        load(town, tmp_path, [case("n", text=A)], day=1)
        assert fates(load(town, tmp_path, [case("n", text=B), case("n", text=A)], day=1)) == (0, 0, 1, 0, 1)
        assert open_problems(town) == [(2, "version_conflict")]

    def test_with_an_old_version(self, town: Work, tmp_path: Path) -> None:
        for content, day in ((A, 1), (B, 2)):
            load(town, tmp_path, [case("n", text=content)], day=day)
        assert load(town, tmp_path, [case("n", text=C)], day=1).n_quarantined == 1
        assert current(town) == {"n": (B, "2026-01-02")}

    def test_a_retry_keeps_it(self, town: Work, tmp_path: Path) -> None:
        rows = [case("n", text=A), case("n", text=B)]
        load(town, tmp_path, rows, day=1)
        before = imports.list_quarantine(town)
        (report,) = imports.retry_quarantine(town, towns.write_profile(tmp_path, towns.CASES))
        assert fates(report) == (0, 0, 0, 0, 2)
        assert imports.list_quarantine(town) == before


ODD_TEXTS = [A, "", 'a "quoted", \\ one', "two\nlines", "(a)", " 边 ", "\\N", "\\.", "，", None]


@pytest.mark.parametrize("twice", [False, True])
def test_new_rows_are_the_same_copied_straight_in_or_judged(
    twice: bool, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row of the fact tables but for its own id; a second file then finds each content as it stands."""
    rows = [case(f"n{i}", text=text or "", who=text or "") for i, text in enumerate(ODD_TEXTS)]
    rows += [
        case("far", (113.0, 30.0), phone="1,2"),
        case("nowhere", None),
        case("closed", closed="2025-12-06 00:00:01"),
    ]
    rows += [case("small", (0.00001, -1e-7)), case("part", reg="2025-12-05 12:00:00.120"), case("yes", repeat="是")]

    def loaded() -> list[object]:
        town = world(towns.found)
        monkeypatch.setattr(spill, "BATCH_ROWS", 4)
        load(town, tmp_path, rows, day=1)
        towns.load_samples(
            town, tmp_path, [("s1", "2025-12-05", "90", "D1-1"), ("s2", "2025-12-05", "0.00001", "D2-2")]
        )
        if twice:
            assert load(town, tmp_path, rows, day=1).n_unchanged == len(rows)
        skipped = ("id", "batch_id", "known_at", "case_id", "sample_id")
        tables = (t.cases, t.case_version, t.samples, t.sample_version, t.assignment, t.reporter)
        return [select_all(town, *(c for c in table.c if c.name not in skipped)) for table in tables]

    straight = loaded()
    monkeypatch.setattr(loading, "not_new", lambda *_: np.arange(100))
    assert loaded() == straight
    assert [len(found) for found in straight if isinstance(found, list)] == [16, 16, 2, 2, 18, 9]


def test_two_copies_of_the_confirmed_content_in_one_file(town: Work, tmp_path: Path) -> None:
    load(town, tmp_path, [case("n", text=A, v="2026-01-01", who="张三")], profile=VERSIONED)
    rows = [case("n", text=A, v=f"2026-01-0{day}", who="李四") for day in (2, 4, 3, 4)]
    assert fates(load(town, tmp_path, rows, profile=VERSIONED)) == (0, 0, 4, 0, 0)
    assert current(town) == {"n": (A, "2026-01-04")}
    assert fates(load(town, tmp_path, [case("n", text=B, v="2026-01-03")], profile=VERSIONED))[3] == 1


def test_a_dry_run_reports_and_leaves_nothing(town: Work, tmp_path: Path) -> None:
    rows = [case("n"), case("bad", at="?")]
    dry = load(town, tmp_path, rows, day=1, dry_run=True)
    assert not any(contents(town).values())
    assert imports.list_quarantine(town) == []
    assert select_all(town, t.batch.c.id) == []
    real = load(town, tmp_path, rows, day=1)
    assert dry.as_dict() == {**real.as_dict(), "file": dry.file, "dry_run": True}


@pytest.mark.parametrize("step", ["_insert_versions", "_save_reporters", "_merged"])  # all rows are copied in by then
def test_a_failure_in_the_middle_leaves_nothing(
    step: str, town: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(merging, step, fail)
    with pytest.raises(RuntimeError, match="power cut"):
        load(town, tmp_path, [case("n", who="张三"), case("bad", at="?")], day=1)
    assert not any(contents(town).values())
    assert imports.list_quarantine(town) == []


class TestQuarantine:
    """A row in quarantine is kept whole, and loaded as soon as what it lacked is there."""

    def retry(self, work: Work, tmp_path: Path, profile: str = towns.CASES) -> ImportReport:
        (report,) = imports.retry_quarantine(work, towns.write_profile(tmp_path, profile))
        return report

    def test_it_keeps_the_row_as_the_file_has_it(self, town: Work, tmp_path: Path) -> None:
        row = case("n", at="昨天", text='  "quoted", and\nbroken ', x="114.0000000000000001")
        load(town, tmp_path, [row])
        (kept,) = imports.list_quarantine(town)
        assert kept["raw"] == {**dict.fromkeys(towns.FIELDS, ""), **row}
        assert (kept["column"], kept["value"], kept["code"]) == ("at", "昨天", "time_unreadable")

    def test_after_the_category_was_added(self, town: Work, tmp_path: Path) -> None:
        load(town, tmp_path, [case("n", cat="77"), case("m", cat="88")], day=1)
        with town.transaction() as connection:
            categories.ensure_categories(connection, [("town", "component", "77")])
        assert fates(self.retry(town, tmp_path)) == (1, 0, 0, 0, 1)
        assert open_problems(town) == [(3, "category_unknown_value")]
        assert current(town) == {"n": (None, "2026-01-01")}, "the version is the export's, not the retry's"

    def test_after_the_unit_was_added(self, town: Work, tmp_path: Path) -> None:
        load(town, tmp_path, [case("n", unit="U1")])
        with town.transaction() as connection:
            units.ensure_units(connection, ["U1"])
        assert fates(self.retry(town, tmp_path)) == (1, 0, 0, 0, 0)
        (unit,) = select_all(town, t.unit.c.code, where=t.unit.c.id == select(t.cases.c.unit_id).scalar_subquery())
        assert unit == ("U1",)

    def test_after_the_profile_was_mended(self, town: Work, tmp_path: Path) -> None:
        load(town, tmp_path, [case("n", repeat="maybe")])
        mended = towns.CASES.replace("is_repeat: repeat", "is_repeat: {column: repeat, map: {maybe: 'no'}}")
        assert fates(self.retry(town, tmp_path, mended)) == (1, 0, 0, 0, 0)
        assert imports.list_quarantine(town) == []
        assert imports.retry_quarantine(town) == []

    def test_importing_the_file_again_does_as_well(self, town: Work, tmp_path: Path) -> None:
        path = towns.write_csv(tmp_path / "cases.csv", [case("n", cat="77"), case("m")])
        profile = towns.write_profile(tmp_path, towns.CASES)
        imports.import_file(town, path, profile)
        with town.transaction() as connection:
            categories.ensure_categories(connection, [("town", "component", "77")])
        assert fates(imports.import_file(town, path, profile)) == (1, 0, 1, 0, 0)
        assert imports.list_quarantine(town) == []

    def test_rows_located_by_the_files_own_geometry_keep_its_coordinate_system(
        self, town: Work, tmp_path: Path
    ) -> None:
        profile = tmp_path / "layer.yaml"
        text = towns.CASES.replace('{lon: x, lat: "y", system: "epsg:4490"}', "{geometry: true}")
        profile.write_text(text, "utf-8")
        values = {name: "" for name in towns.FIELDS if name not in ("x", "y")}
        row = {**values, "no": "n", "at": "2025-12-05 12:00", "cat": "77"}
        frame = gpd.GeoDataFrame([row], geometry=[shapely.Point(towns.middle("D2-1"))], crs=4490).to_crs(4547)
        frame.to_file(tmp_path / "cases.gpkg", engine="pyogrio")
        assert imports.import_file(town, tmp_path / "cases.gpkg", str(profile)).n_quarantined == 1
        with town.transaction() as connection:
            categories.ensure_categories(connection, [("town", "component", "77")])
        (report,) = imports.retry_quarantine(town, str(profile))
        assert report.located == {"leaf": 1}
        assert places(town) == {"n": ("leaf", "D2-1", "D2")}

    def test_a_broken_line_keeps_its_text(self, town: Work, tmp_path: Path) -> None:
        path = towns.write_csv(tmp_path / "cases.csv", [case("n")])
        path.write_text(path.read_text("utf-8") + "too,few\n", "utf-8")
        report = imports.import_file(town, path, towns.write_profile(tmp_path, towns.CASES))
        assert (report.n_rows, report.n_new, report.n_quarantined) == (2, 1, 1)
        (kept,) = imports.list_quarantine(town)
        assert (kept["row"], kept["code"], kept["raw"]) == (3, "line_broken", {"text": "too,few"})


class TestReporter:
    """Who reported stands in one table only (personal data)."""

    def test_name_and_phone_are_nowhere_else(self, town: Work, tmp_path: Path) -> None:
        load(town, tmp_path, [case("n", who="张三丰", phone="13900000000"), case("m")])
        assert select_all(town, t.reporter.c.name, t.reporter.c.phone) == [("张三丰", "13900000000")]
        others = [table for table in t.metadata.sorted_tables if table.name != "reporter"]
        with town.snapshot() as connection:
            for table in others:
                rows = connection.execute(select(func.json_agg(table.table_valued()))).scalar()
                assert "13900000000" not in json.dumps(rows), table.name

    def test_the_latest_export_that_names_one_counts(self, town: Work, tmp_path: Path) -> None:
        for who, day in (("张三", 1), ("李四", 3), ("王五", 2), ("", 4)):
            load(town, tmp_path, [case("n", who=who)], day=day)
        assert select_all(town, t.reporter.c.name) == [("李四",)]


def test_batches_are_known_one_after_the_other(town: Work, tmp_path: Path) -> None:
    load(town, tmp_path, [case("n", text=A)], day=1)
    with town.transaction() as connection:  # the clock was set back by a day since
        ahead = dt.timedelta(days=1)
        connection.execute(t.batch.update().values(known_at=t.batch.c.known_at + ahead))
    load(town, tmp_path, [case("n", text=B), case("m", text=B)], day=2)
    load(town, tmp_path, [case("n", text=C), case("bad", at="?")], day=3)
    batches = select_all(town, t.batch.c.id, t.batch.c.known_at)
    assert all(a[1] < b[1] for a, b in itertools.pairwise(batches))
    for table in (t.cases, t.case_version, t.assignment):
        stamps = set(select_all(town, table.c.batch_id, table.c.known_at, where=table.c.batch_id > 1))
        assert stamps <= set(batches), table.name


def test_no_row_names_another_that_is_not_there(town: Work, tmp_path: Path) -> None:
    """The large tables declare no foreign keys; this is what they would check."""
    load(town, tmp_path, [case("n", text=A), case("m", "D2-1"), case("bad", at="?")], day=1)
    load(town, tmp_path, [case("n", "D2-2", text=B), case("o", (0.0, 0.0))], day=2)
    towns.load_samples(town, tmp_path, [("s", "2025-12-05", "90", "D1-1")])
    named = {
        "edition_id": t.edition,
        "unit_id": t.unit,
        "batch_id": t.batch,
        "case_id": t.cases,
        "sample_id": t.samples,
    }
    named |= dict.fromkeys(t.GRID_COLUMNS, t.grid)
    with town.snapshot() as connection:
        for table in (t.cases, t.samples, t.case_version, t.sample_version, t.assignment):
            for column in table.c:
                if column.name in named:
                    there = select(named[column.name].c.id)
                    orphans = select(func.count()).where(column.is_not(None), column.not_in(there))
                    assert connection.execute(orphans).scalar() == 0, str(column)


def test_a_cell_that_cannot_be_read_stays_refused_when_it_is_tried_again(town: Work, tmp_path: Path) -> None:
    """What quarantine shows of it, ``#N/A``, is a text like any other: no case may be called so."""
    rows = [case("good", "D1-1"), case("#N/A", "D1-1"), case("formula", "D1-1", text="=A1")]
    book = openpyxl.Workbook()
    book.active.append([*towns.FIELDS])
    for row in rows:
        book.active.append([row.get(name) for name in towns.FIELDS])
    book.save(tmp_path / "cases.xlsx")
    profile = towns.write_profile(tmp_path, towns.CASES)
    report = imports.import_file(town, tmp_path / "cases.xlsx", profile)
    assert (report.n_new, report.reasons) == (1, {"cell_error": 1, "cell_formula": 1})
    again = imports.retry_quarantine(town, profile)
    assert [(r.n_new, r.n_quarantined) for r in again] == [(0, 2)]
    assert set(current(town)) == {"good"}


def test_rows_that_cannot_be_stored_go_to_quarantine_and_the_others_load(town: Work, tmp_path: Path) -> None:
    rows = [
        case("good"),
        case("n" * 2000),
        case("unit", unit="U" * 6000),
        case("nul", text="甲\x00"),
        case("text", text="zzz"),
        *(case(f"good {n}") for n in range(5)),
    ]
    path = towns.write_csv(tmp_path / "cases.csv", rows)
    path.write_bytes(path.read_bytes().replace(b"zzz", b"\xff"))
    profile = towns.write_profile(tmp_path, towns.CASES)
    report = imports.import_file(town, path, profile)
    assert (report.n_new, report.n_quarantined) == (6, 4)
    assert {"code_long": 2, "cell_nul": 1, "cell_bytes": 1}.items() <= report.reasons.items()
    again = imports.retry_quarantine(town, profile)
    assert [(r.n_new, r.n_quarantined) for r in again] == [(0, 4)]
    assert set(current(town)) == {"good", *(f"good {n}" for n in range(5))}


def test_bad_rows_are_written_as_their_file_had_them_and_go_back_in_as_they_are(town: Work, tmp_path: Path) -> None:
    """All columns in the file's order, texts that look like formulas or escapes too; each row waits once."""
    fields = ("note", *towns.FIELDS, "最后")
    odd = {"note": "=1+1", "最后": "_x0041_ 甲\n乙"}
    rows = [
        {**case("good"), **odd},
        {**case("cat", cat="99"), **odd},
        {**case("-1", at="someday"), **odd, "note": "@x"},
        {**case("nul", text="甲\x00"), **odd},
    ]
    path = towns.write_csv(tmp_path / "cases.csv", rows, fields)
    profile = towns.write_profile(tmp_path, towns.CASES)
    first = imports.import_file(town, path, profile)
    assert (first.n_new, first.n_quarantined) == (1, 3)
    waiting = imports.list_quarantine(town)
    (held,) = imports.held_rows(town)
    assert held.columns == list(fields)
    (tmp_path / "bad.xlsx").write_bytes(workbook(held, "zh"))
    sheet = openpyxl.load_workbook(tmp_path / "bad.xlsx").active
    assert {c.data_type for line in sheet.iter_rows() for c in line if c.value is not None} == {"s", "e"}
    assert [c.value for c in sheet[1]] == [*fields, "_row", "_reason", "_origin", "_crs"]
    again = imports.import_file(town, tmp_path / "bad.xlsx", profile)
    assert (again.n_new, again.n_quarantined) == (0, 3)
    (back,) = imports.held_rows(town)
    assert back.group.file == "bad.xlsx"  # what waited under the first file's name waits under this one's only
    for old, new in zip(held.rows, back.rows, strict=True):
        own = {k: v for k, v in new.raw.items() if not k.startswith("_")}
        assert own == {k: v for k, v in old.raw.items() if v} | ({"text": "#N/A"} if old.raw["no"] == "nul" else {})
    assert [(q["column"], q["value"]) for q in imports.list_quarantine(town)][:2] == [
        (q["column"], q["value"]) for q in waiting
    ][:2]
    for name, value, line in (("cat", "01001", 2), ("at", "2025-12-03 12:00:00", 3), ("text", "甲", 4)):
        sheet.cell(line, 1 + ["note", *towns.FIELDS].index(name), value)
    sheet.parent.save(tmp_path / "mended.xlsx")
    mended = imports.import_file(town, tmp_path / "mended.xlsx", profile)
    assert (mended.n_new, mended.n_quarantined) == (3, 0)
    assert {"cat", "-1", "nul"} < set(current(town))


def test_the_rows_of_a_layer_come_back_as_a_sheet_with_its_system(town: Work, tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"no": ["a", "b"], "at": ["2025-12-03", "never"], "geometry": [shapely.Point(500_100, 3_330_100)] * 2},
        crs="epsg:4547",
    )
    frame.to_file(tmp_path / "cases.gpkg")
    text = "id: layer\nkind: cases\ntitle: {zh: 层, en: L}\ncolumns: {case_no: 'no', reported_at: at}\n"
    profile = towns.write_profile(tmp_path, text + "location: {geometry: true}\n")
    first = imports.import_file(town, tmp_path / "cases.gpkg", profile, outside_ok=True)
    assert (first.n_new, first.n_quarantined, first.outside_ok) == (1, 1, True)
    assert [q["row"] for q in imports.list_quarantine(town)] == [2]  # no header stands above the second
    (held,) = imports.held_rows(town)
    (tmp_path / "bad.xlsx").write_bytes(workbook(held, "zh"))
    book = openpyxl.load_workbook(tmp_path / "bad.xlsx")
    book.active.cell(2, 1 + held.columns.index("at"), "2025-12-03")
    book.save(tmp_path / "bad.xlsx")
    assert imports.import_file(town, tmp_path / "bad.xlsx", profile, outside_ok=True).n_new == 1
    assert len(set(select_all(town, t.cases.c.lon, t.cases.c.lat))) == 1
    kept = [counts["outside_ok"] for (counts,) in select_all(town, t.batch.c.counts) if "outside_ok" in counts]
    assert kept[-2:] == [True, True]


@pytest.mark.parametrize("again", [False, True])
def test_a_bad_row_of_parquet_waits_with_the_columns_that_the_profile_does_not_name(
    town: Work, tmp_path: Path, again: bool
) -> None:
    (tmp_path / "p.yaml").write_text(towns.CASES, "utf-8")
    rows = [case("A1", "D1-1"), case("A2", "D1-1", at="someday"), case("A3", "D1-1"), case("A3", "D1-2")]
    frame = pd.DataFrame(rows, columns=[*towns.FIELDS]).assign(extra=[f"说明{i}" for i in range(4)])
    frame[["extra", *frame.columns[:-1]]].to_parquet(tmp_path / "a.parquet")
    report = imports.import_file(town, tmp_path / "a.parquet", str(tmp_path / "p.yaml"))
    assert fates(report) == (1, 0, 0, 0, 3)
    assert report.columns[0] == "extra"
    if again:
        imports.retry_quarantine(town, str(tmp_path / "p.yaml"))
    (held,) = imports.held_rows(town)
    assert [(r.row_no, r.raw["extra"]) for r in held.rows] == [(2, "说明1"), (3, "说明2"), (4, "说明3")]


def test_which_case_a_duplicate_repeats_is_kept_shown_and_counted(town: Work, tmp_path: Path) -> None:
    """A2 and A3 repeat A1, B repeats a case of another system; a later export takes A3's word back."""
    named = VERSIONED.replace("  is_repeat: repeat\n", "  repeat_of: first\n")
    fields = [*towns.FIELDS, "first"]
    rows = [case("A1", "D1-1"), case("A2", "D1-1", first="A1"), case("A3", "D1-2", first="A1"), case("B", first="X9")]
    path = towns.write_csv(tmp_path / "a.csv", [{**r, "v": "2025-12-05 00:00:00"} for r in rows], fields)
    report = imports.import_file(town, path, towns.write_profile(tmp_path, named))
    assert fates(report) == (4, 0, 0, 0, 0)
    assert report.notes == {"repeats_elsewhere": 1}
    assert imports.import_file(town, path, towns.write_profile(tmp_path, named)).n_unchanged == 4
    shown = {no: lookup.show_case(town, no) for no in ("A1", "A2", "B")}
    assert (shown["A1"].case.repeat_of, shown["A1"].repeated_by) == (None, ("A2", "A3"))
    assert (shown["A2"].case.repeat_of, shown["A2"].original) == ("A1", "")
    assert (shown["B"].case.repeat_of, shown["B"].original) == ("X9", None)
    assert ["repeat" in shown[no].marks for no in ("A1", "A2", "B")] == [False, True, True]
    counted = {c: t.cases.c[c] for c in ("case_no", "is_repeat")}
    assert dict(select_all(town, *counted.values())) == {"A1": False, "A2": True, "A3": True, "B": True}
    back = [{**case("A3", "D1-2"), "v": "2025-12-06 00:00:00"}]
    later = towns.write_csv(tmp_path / "b.csv", back, fields)
    assert imports.import_file(town, later, towns.write_profile(tmp_path, named)).n_newer == 1
    assert lookup.show_case(town, "A1").repeated_by == ("A2",)


def test_a_chain_of_duplicates_that_goes_round_is_kept_out(town: Work, tmp_path: Path) -> None:
    """Two cases of one file that repeat each other, and one that closes a chain of stored cases; the rest is taken."""
    named = VERSIONED.replace("  is_repeat: repeat\n", "  repeat_of: first\n")
    profile, fields = towns.write_profile(tmp_path, named), [*towns.FIELDS, "first"]

    def load_pairs(name: str, day: str, pairs: dict[str, str]) -> imports.ImportReport:
        rows = [{**case(no, "D1-1", first=of), "v": f"2025-12-{day} 00:00:00"} for no, of in pairs.items()]
        return imports.import_file(town, towns.write_csv(tmp_path / name, rows, fields), profile)

    report = load_pairs("a.csv", "05", {"A": "B", "B": "A", "C": "B", "E": "F", "F": "G", "G": ""})
    assert (report.n_new, report.reasons) == (4, {"repeats_round": 2})
    assert report.notes == {"repeats_elsewhere": 1}  # C's original was kept out
    closed = load_pairs("b.csv", "06", {"G": "E"})
    assert (closed.n_new, closed.n_newer, closed.reasons) == (0, 0, {"repeats_round": 1})
    (held,) = imports.held_rows(town)[1:]
    assert [(f.column, f.value) for r in held.rows for f in r.faults] == [("first", "E")]
    turned = load_pairs("c.csv", "07", {"F": "", "G": "E"})  # F repeats nobody any more: G may follow E
    assert (turned.n_newer, turned.reasons) == (2, {})
    assert load_pairs("d.csv", "06", {"F": "E"}).n_older == 1  # what an older export says holds no more


def test_the_hash_of_a_content_that_repeats_no_case_is_what_it_always_was(town: Work, tmp_path: Path) -> None:
    load(town, tmp_path, [case("A1", "D1-1", text="content")])
    first = [name for name in facts.CASES.facts if name != "repeat_of"]
    again = text(f"SELECT content_hash = md5(ROW({', '.join(first)})::text) FROM cases")
    with town.connect() as connection:
        assert connection.execute(again).scalar_one() is True
    assert facts.CASES.later == ("repeat_of",)
