"""Entries, subjects and the staff table in the database: added and never changed, good rows in, bad ones told."""

import datetime as dt
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select, text

from gridmgmt import texts
from gridmgmt.assessing.exports.entry_form import entry_form
from gridmgmt.assessing.operations import entries, scoring, subjects
from gridmgmt.assessing.operations.entries import EntryReport
from gridmgmt.assessing.readers.subjects import LIST_COLUMNS, STAFF_COLUMNS
from gridmgmt.assessing.store import entries as store
from gridmgmt.database import clock
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import DossierInvalid, EntryInvalid
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_period
from gridmgmt.rulebooks.dossier import Subject
from gridmgmt.rulebooks.load import load
from gridmgmt.settings import Settings
from tests import worlds
from tests.postgis import towns
from tests.unit.entered import BOOK, Cells, long_csv
from tests.worlds import World

PERIOD = "2021-03"
GRIDS = BOOK.replace("id: town", "id: grids").replace("{kind: unit}", "{kind: grid, levels: [community]}")
PERSONS = BOOK.replace("id: town", "id: persons").replace("{kind: unit}", "{kind: person}")


def with_units(empty: Work, tmp_path: Path) -> None:
    """The town with its units U and V, and the rulebooks as files."""
    towns.found(empty, tmp_path, units=("U", "V"))
    for name, book in (("town", BOOK), ("grids", GRIDS), ("persons", PERSONS)):
        (tmp_path / f"{name}.yaml").write_text(book, "utf-8")


@pytest.fixture
def city(world: World) -> Work:
    """The town with its units and rulebooks."""
    return world(with_units)


_n = iter(range(10**6))

Enter = Callable[..., EntryReport]


@pytest.fixture
def enter(city: Work, tmp_path: Path) -> Enter:
    """Import rows of the long form as one new file."""

    def enter(*rows: Cells, by: str = "李四", dry_run: bool = False, rulebook: str = "town") -> EntryReport:
        made = [{"period": PERIOD, "subject": "U", **r} for r in rows]
        path = long_csv(tmp_path / f"entries_{next(_n)}.csv", made)
        return entries.import_entries(city.but(actor=by, keep=not dry_run), str(tmp_path / f"{rulebook}.yaml"), path)

    return enter


def current(work: Work, rulebook: str = "town") -> Any:
    with work.snapshot() as connection:
        return store.current_entries(connection, rulebook, [PERIOD]).get(PERIOD, {})


def counts(report: EntryReport) -> tuple[int, ...]:
    names = ("n_new", "n_corrected", "n_withdrawn", "n_unchanged", "n_refused")
    return tuple(getattr(report, n) for n in names)


def everything(work: Work) -> Any:
    tables = (t.entry, t.batch, t.assessed, t.staff_day, t.subject)
    return {table.name: towns.select_all(work, *table.c) for table in tables}


ALL_KINDS: list[Cells] = [
    {"input": "score", "value": "92.50", "evidence": "letter 7"},
    {"input": "n", "value": "3"},
    {"input": "done", "value": "是"},
    {"input": "class", "value": "优"},
    {"input": "for_all", "value": "1/3", "subject": "*"},
    {"input": "signed_off", "value": "是", "subject": "*"},
    {"input": "faults", "case": "7", "on": "2021-03-04", "evidence": "photo"},
    {"input": "faults", "case": "7", "on": "2021-03-04", "evidence": "photo"},
    {"input": "events", "code": "表扬", "on": "2021-03-05", "evidence": "circular 12", "ref": "e1"},
    {"input": "marks", "points": "90"},
    {"input": "marks", "points": "80.5"},
    {"input": "polls", "group": "群众", "points": "70"},
    {"input": "polls", "group": "leaders", "points": "80"},
    {"input": "hanging", "case": "h", "code": "dispatched"},
    {"input": "hanging", "case": "h", "code": "missed"},
    {"input": "hanging", "case": "h", "code": "missed"},
]


def test_every_kind_of_entry_comes_back_as_its_plain_value(city: Work, enter: Enter) -> None:
    assert counts(enter(*ALL_KINDS)) == (len(ALL_KINDS), 0, 0, 0, 0)
    found = current(city)
    assert found["*"] == {"for_all": "1/3", "signed_off": True}
    own = found["U"]
    faults = own.pop("faults")
    assert own == {
        "score": "92.5", "n": 3, "done": True, "class": "good",
        "events": [
            {"code": "praise", "on": "2021-03-05", "evidence": "circular 12", "entry": "town/2021-03/U/events/e1"}
        ],
        "marks": own["marks"], "polls": {"public": ["70"], "leaders": ["80"]},
        "hanging": [{"id": "h", "steps": ["dispatched", "missed", "missed"]}],
    }  # fmt: skip
    assert sorted(own["marks"]) == ["80.5", "90"]
    assert [{k: v for k, v in f.items() if k != "entry"} for f in faults] == [
        {"case": "7", "on": "2021-03-04", "evidence": "photo"}
    ] * 2
    assert faults[1]["entry"] == f"{faults[0]['entry']}-2"


def test_the_same_file_twice_changes_nothing(city: Work, enter: Enter) -> None:
    enter(*ALL_KINDS)
    before = everything(city)
    again = enter(*ALL_KINDS)
    assert counts(again) == (0, 0, 0, len(ALL_KINDS), 0)
    assert again.notes == []
    assert everything(city) == before


def test_values_do_not_depend_on_the_order_of_import(city: Work, enter: Enter) -> None:
    rows = [r for r in ALL_KINDS if r["input"] != "hanging"]
    for r in reversed(rows[:7] + rows[8:]):
        enter(r)
    found = current(city)
    with worlds.tampered(city) as connection:
        connection.execute(text("DELETE FROM entry"))
    enter(*rows[:7], *rows[8:])
    assert current(city) == found


def test_a_correction_keeps_what_stood_there(city: Work, enter: Enter) -> None:
    enter({"input": "score", "value": "90"}, by="甲")
    assert counts(enter({"input": "score", "value": "92", "evidence": "recount"}, by="乙")) == (0, 1, 0, 0, 0)
    assert current(city)["U"] == {"score": 92}
    rows = entries.list_entries(city, "town", PERIOD, history=True)
    assert [(r["entry"], r["value"], r["replaces"], r["by"], r["evidence"], r["holds"]) for r in rows] == [
        ("town/2021-03/U/score", 90, None, "甲", None, False),
        ("town/2021-03/U/score", 92, 90, "乙", "recount", True),
    ]
    assert [r["value"] for r in entries.list_entries(city, "town")] == [92]
    assert entries.list_entries(city, "town", "2021-04") == []
    assert entries.list_entries(city, "other") == []


def test_other_evidence_alone_is_a_correction_too(city: Work, enter: Enter) -> None:
    enter({"input": "score", "value": "90"})
    assert counts(enter({"input": "score", "value": "90.0", "evidence": "letter"})) == (0, 1, 0, 0, 0)


def test_withdrawing_a_value_and_a_record(city: Work, enter: Enter) -> None:
    enter(
        {"input": "score", "value": "90"},
        {"input": "events", "code": "praise", "ref": "e1"},
        {"input": "events", "code": "praise", "ref": "e2"},
        {"input": "marks", "points": "90"},
    )
    ref = next(r["ref"] for r in entries.list_entries(city, "town") if r["input"] == "marks")
    rows: list[Cells] = [
        {"input": "score", "value": "撤销"}, {"input": "events", "ref": "e1"}, {"input": "marks", "ref": ref}
    ]  # fmt: skip
    assert counts(enter(*rows)) == (0, 0, 3, 0, 0)
    assert current(city)["U"] == {"events": [{"code": "praise", "entry": "town/2021-03/U/events/e2"}]}
    assert counts(enter(*rows)) == (0, 0, 0, 3, 0)
    history = entries.list_entries(city, "town", history=True)
    assert [(r["value"], r["replaces"]) for r in history if r["input"] == "score"] == [(90, None), (None, 90)]
    assert counts(enter({"input": "score", "value": "91"})) == (0, 1, 0, 0, 0)
    assert current(city)["U"]["score"] == 91


def test_what_was_never_entered_cannot_be_withdrawn(enter: Enter) -> None:
    report = enter({"input": "events", "ref": "e9"}, {"input": "score", "value": "撤销"})
    assert counts(report) == (0, 0, 0, 0, 2)
    assert [(p.row, p.column) for p in report.problems] == [(2, "ref"), (3, "ref")]


def test_good_rows_load_and_bad_ones_are_told(city: Work, enter: Enter) -> None:
    report = enter(
        {"input": "score", "value": "90"},
        {"input": "score", "value": "190", "subject": "V"},
        {"input": "score", "value": "90", "subject": "W"},
        {"input": "n", "value": "1", "subject": "V"},
    )
    assert counts(report) == (2, 0, 0, 0, 2)
    assert report.n_loaded == 2
    assert [(p.row, p.column, p.value, p.expected) for p in report.problems] == [
        (3, "value", "190", {"code": "expected_number_up_to", "most": "100"}),
        (4, "subject", "W", {"code": "expected_assessed", "kind": "unit"}),
    ]
    assert current(city) == {"U": {"score": 90}, "V": {"n": 1}}


def test_what_the_platform_counts_is_not_entered(city: Work, tmp_path: Path) -> None:
    path = long_csv(tmp_path / "a.csv", [{"period": "2025-12", "subject": "D1", "input": "due", "value": "1"}])
    report = entries.import_entries(city.but(actor="李四"), "grid_baseline", path)
    assert [(p.column, p.expected) for p in report.problems] == [("input", {"code": "expected_counted", "name": "due"})]


def test_a_number_and_records_exclude_each_other(city: Work, enter: Enter) -> None:
    enter({"input": "faults", "value": "2"})
    report = enter({"input": "faults", "case": "1"}, {"input": "n", "value": "1"})
    assert counts(report) == (1, 0, 0, 0, 1)
    assert report.problems[0].expected == {"code": "expected_number_or_records"}
    assert counts(enter({"input": "faults", "value": "withdrawn"}, {"input": "faults", "case": "1"}))[:3] == (1, 0, 1)


def test_steps_of_an_account_go_on_in_a_later_file(city: Work, enter: Enter) -> None:
    step = {"input": "hanging", "case": "h"}
    assert counts(enter({**step, "code": "missed"})) == (0, 0, 0, 0, 1)
    enter({**step, "code": "dispatched", "on": "2021-03-02"})
    enter({**step, "code": "passed", "on": "2021-03-09"})
    enter({**step, "code": "answered", "on": "2021-03-08"})
    assert current(city)["U"]["hanging"] == [{"id": "h", "steps": ["dispatched", "answered", "passed"]}]


def test_what_looks_like_a_correction_or_a_loss_is_told(city: Work, enter: Enter) -> None:
    event: Cells = {"input": "events", "code": "praise", "on": "2021-03-05"}
    enter({**event, "note": "a"})
    report = enter({**event, "note": "b"})
    assert [(n["row"], n["code"]) for n in report.notes] == [(2, "entry_like_another")]
    report = enter({**event, "note": "a"}, {"input": "marks", "points": "90"})
    assert [(n["row"], n["code"]) for n in report.notes] == [(2, "entry_same_in_other_file")]
    assert enter({**event, "note": "b", "ref": "x"}).notes == []


SHARE = """
  due: {title: {zh: 应, en: Due}, type: count, entered: {zh: 甲, en: A}}
  ended: {title: {zh: 结, en: Ended}, type: count, entered: {zh: 甲, en: A}}
rates:
  ending: {title: {zh: 率, en: Rate}, numerator: ended, denominator: due}
stages:"""


def test_of_a_part_above_its_whole_neither_is_taken(city: Work, enter: Enter, tmp_path: Path) -> None:
    """Exchanged, whichever stands first: both rows are told with what they say; a row alone against what is known."""
    item = "        - {kind: rate, id: k, title: {zh: 率, en: Rate}, rate: ending}\n"
    book = BOOK.replace("id: town", "id: shares").replace("\nstages:", SHARE, 1)
    (tmp_path / "shares.yaml").write_text(
        book.replace("        - kind: earn\n", f"{item}        - kind: earn\n"), "utf-8"
    )

    def told(*rows: tuple[str, str, str]) -> tuple[int, list[tuple[int, str, str | None, str]]]:
        cells = [{"subject": subject, "input": name, "value": value} for subject, name, value in rows]
        report = enter(*cells, rulebook="shares")
        return report.n_loaded, [(f.row, f.column, f.value, f.code) for f in report.problems]

    exchanged = [(2, "value", "120", "expected_up_to_whole"), (3, "value", "100", "expected_from_part")]
    assert told(("U", "ended", "120"), ("U", "due", "100"), ("V", "due", "7")) == (1, exchanged)
    assert told(("U", "due", "100"), ("U", "ended", "100")) == (2, [])
    assert told(("U", "ended", "101")) == (0, [(2, "value", "101", "expected_up_to_whole")])
    assert told(("U", "due", "99")) == (0, [(2, "value", "99", "expected_from_part")])
    assert told(("U", "due", "80"), ("U", "ended", "80"), ("V", "ended", "7")) == (3, [])  # corrected together
    assert told(("*", "due", "60")) == (1, [])  # U and V say it themselves
    assert told(("V", "due", "withdrawn"), ("*", "due", "6")) == (1, [(3, "value", "6", "expected_from_part")])
    assert current(city, "shares") == {"*": {"due": 60}, "U": {"due": 80, "ended": 80}, "V": {"ended": 7}}


def test_an_entered_part_above_what_the_platform_counts_is_refused_when_scored(city: Work, tmp_path: Path) -> None:
    """Of one case closed two cannot have been reworked; corrected, the quarter is scored."""
    row = towns.case("w1", at="2025-12-02", reg="2025-12-02", due="2025-12-10", closed="2025-12-09", unit="U")
    silent = towns.CASES.replace("town_cases", "silent_cases").replace("  n_rework: rework\n", "")
    assert towns.load(city, tmp_path, [row], profile=silent).n_quarantined == 0

    def enter(n: int) -> None:
        cells = {"period": "2025-Q4", "subject": "U", "input": "rework_cases", "value": n}
        path = long_csv(tmp_path / f"rework_{n}.csv", [cells])
        assert entries.import_entries(city.but(actor="李四"), "wuzhong_department", path).n_loaded == 1

    enter(2)
    with pytest.raises(DossierInvalid) as refused:
        scoring.score(city, "wuzhong_department", parse_period("2025-Q4"))
    (problem,) = refused.value.problems
    assert (problem["where"], problem["value"]) == ("2025-Q4 · U · rework_cases", "2")
    assert problem["expected"] == texts.expected("up_to_whole", most="1", whole="closed")
    enter(1)
    made = scoring.score(city, "wuzhong_department", parse_period("2025-Q4"))
    assert made.subjects[0].inputs["rework_cases"].value == 1


def test_a_dry_run_reports_and_writes_nothing(city: Work, enter: Enter) -> None:
    before = everything(city)
    report = enter(*ALL_KINDS, dry_run=True)
    assert (report.n_new, report.dry_run) == (len(ALL_KINDS), True)
    assert everything(city) == before


def test_a_result_can_be_handed_in(city: Work, tmp_path: Path) -> None:
    book = load(str(tmp_path / "town.yaml")).rulebook
    form = entry_form(book, "month", PERIOD, [Subject("U", {"zh": "甲", "en": "A"})])
    workbook = openpyxl.load_workbook(io.BytesIO(form))
    sheet = next(s for s in workbook.worksheets if s.title.startswith("往期"))
    for column, value in enumerate((PERIOD, "U", 84.12, "优", 1, "是", "否"), 1):
        sheet.cell(5, column, value)
    workbook.save(tmp_path / "form.xlsx")
    report = entries.import_entries(city.but(actor="李四"), str(tmp_path / "town.yaml"), tmp_path / "form.xlsx")
    assert counts(report) == (1, 0, 0, 0, 0)
    assert current(city)["U"] == {
        "*result": {"total": "84.12", "grade": "good", "rank": 1, "first": True, "last": False}
    }
    with city.snapshot() as connection:
        assert store.results(connection, "town") == {PERIOD: {"U": current(city)["U"]["*result"]}}


# --- nothing half-written ---------------------------------------------------------------------------------------------


def test_a_failure_leaves_nothing(city: Work, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(city)
    monkeypatch.setattr(entries.batches, "close_batch", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        enter(*ALL_KINDS)
    assert everything(city) == before


@pytest.mark.crash
def test_a_killed_import_leaves_nothing(city: Work, postgis_settings: Settings, tmp_path: Path) -> None:
    """The process is killed after its rows were sent and before they are committed."""
    before = everything(city)
    path = long_csv(tmp_path / "a.csv", [{"period": PERIOD, "subject": "U", **r} for r in ALL_KINDS])
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from gridmgmt import settings\n"
        "from gridmgmt.assessing.operations import entries\n"
        "from gridmgmt.database.work import open_database\n"
        "entries.batches.close_batch = lambda *_: os.kill(os.getpid(), 9)\n"
        "work = open_database(settings.read()).but(actor='x')\n"
        "entries.import_entries(work, sys.argv[1], Path(sys.argv[2]))\n"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith("GRIDMGMT_")}
    env |= {"GRIDMGMT_HOME": str(postgis_settings.home), "GRIDMGMT_DB": postgis_settings.db}
    words = [sys.executable, "-c", script, str(tmp_path / "town.yaml"), str(path)]
    assert subprocess.run(words, env=env, check=False).returncode == -9
    assert everything(city) == before


def test_two_imports_at_once_follow_each_other(city: Work, enter: Enter) -> None:
    reports: list[EntryReport] = []
    threads = [threading.Thread(target=lambda: reports.append(enter(*ALL_KINDS))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(r.n_new for r in reports) == [0, 0, 0, len(ALL_KINDS)]
    assert len(towns.select_all(city, t.entry.c.id)) == len(ALL_KINDS)


# --- who is assessed --------------------------------------------------------------------------------------------------

List = Callable[..., subjects.ListReport]


@pytest.fixture
def listing(city: Work, tmp_path: Path) -> List:
    """Import rows of a list of subjects."""

    def listing(*rows: Cells, rulebook: str = "town") -> subjects.ListReport:
        path = long_csv(tmp_path / f"list_{next(_n)}.csv", [{"name_zh": r["code"], **r} for r in rows], LIST_COLUMNS)
        return subjects.import_subjects(city, str(tmp_path / f"{rulebook}.yaml"), path)

    return listing


def groups_on(work: Work, day: str, rulebook: str = "town") -> dict[str, str | None]:
    with work.snapshot() as connection:
        found = store.assessed_on(connection, rulebook, dt.date.fromisoformat(day))
    return {s.code: s.group for s in found}


def told(report: subjects.ListReport) -> tuple[int, ...]:
    return report.n_new, report.n_changed, report.n_unchanged, report.n_renamed, report.n_not_listed


def moment(day: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{day}+08:00")


def test_assessed_is_who_is_listed_on_the_last_day_that_the_cut_off_sees(
    city: Work, listing: List, tmp_path: Path
) -> None:
    """V comes on the 20th and U changes its group on the 25th; V's group c is told after the moment between."""
    listing(
        {"code": "U", "group": "a"}, {"code": "U", "group": "b", "valid_from": "2025-12-25"},
        {"code": "V", "group": "a", "valid_from": "2025-12-20"},
    )  # fmt: skip
    with city.connect() as connection:
        between = clock.now(connection)
    listing({"code": "V", "group": "c", "valid_from": "2025-12-20"})
    (tmp_path / "units.csv").write_text("code,name_zh,name_en,kind,parent_code\nV,新名,,,\n", "utf-8")
    reference.import_units(city, tmp_path / "units.csv")

    def assessed(as_of: dt.datetime | None) -> dict[str, str | None]:
        made = scoring.score(city, str(tmp_path / "town.yaml"), parse_period("2025-12"), as_of=as_of)
        assert not made.unlisted
        return {d.subject.code: d.subject.group for d in made.subjects}

    assert assessed(moment("2025-12-20T00:00")) == {"U": "a"}
    assert assessed(moment("2025-12-20T00:01")) == {"U": "a", "V": "a"}  # c was not known: as it was at first
    assert assessed(between) == {"U": "b", "V": "a"}
    assert assessed(None) == {"U": "b", "V": "c"}
    with city.snapshot() as connection:
        called = [
            {s.code: s.name["zh"] for s in store.assessed_on(connection, "town", dt.date(2025, 12, 31), known)}["V"]
            for known in (between, None)
        ]
    assert called[0] != called[1] == "新名"


def test_a_list_again_changes_nothing(city: Work, listing: List) -> None:
    rows: Sequence[Cells] = (
        {"code": "U", "group": "a"},
        {"code": "V", "group": "a", "valid_from": "2021-01-01"},
        {"code": "V", "group": "b", "valid_from": "2022-01-01"},
    )
    assert told(listing(*rows)) == (3, 0, 0, 0, 0)
    before = everything(city)
    assert told(listing(*rows)) == (0, 0, 3, 0, 0)
    assert told(listing(*reversed(rows))) == (0, 0, 3, 0, 0)
    assert everything(city) == before
    assert groups_on(city, "2020-12-31") == {"U": "a"}
    assert groups_on(city, "2021-12-31") == {"U": "a", "V": "a"}
    assert groups_on(city, "2022-01-01") == {"U": "a", "V": "b"}


def test_a_change_ends_the_row_that_holds_or_takes_its_place(city: Work, listing: List) -> None:
    listing({"code": "U", "group": "a", "valid_from": "2021-01-01"}, {"code": "V"})
    assert told(listing({"code": "U", "group": "b", "valid_from": "2022-01-01"})) == (0, 1, 0, 0, 1)
    assert groups_on(city, "2021-12-31")["U"] == "a"
    assert groups_on(city, "2022-01-01")["U"] == "b"
    assert told(listing({"code": "U", "group": "c", "valid_from": "2021-01-01"})) == (0, 1, 0, 0, 1)
    assert groups_on(city, "2021-12-31")["U"] == "c"
    assert groups_on(city, "2022-01-01")["U"] == "b"
    assert len(towns.select_all(city, t.assessed.c.id)) == 4
    listing({"code": "U", "group": "b", "valid_from": "2022-01-01", "valid_to": "2023-01-01"})
    assert "U" not in groups_on(city, "2023-01-01")
    rows = subjects.list_subjects(city, "town")
    assert [(r["code"], r["group"], r["valid_from"], r["valid_to"]) for r in rows] == [
        ("U", "c", dt.date(2021, 1, 1), dt.date(2022, 1, 1)),
        ("U", "b", dt.date(2022, 1, 1), dt.date(2023, 1, 1)),
        ("V", None, dt.date(1900, 1, 1), None),
    ]
    assert [r["code"] for r in subjects.list_subjects(city, "town", dt.date(2023, 1, 1))] == ["V"]


def test_a_list_is_right_or_refused_as_a_whole(city: Work, listing: List) -> None:
    before = everything(city)
    with pytest.raises(EntryInvalid) as e:
        listing(
            {"code": "U", "superiors": "V;X"}, {"code": "W"}, {"code": "V", "level": "community"},
            {"code": "U", "valid_from": "never"},
        )  # fmt: skip
    assert [(p["row"], p["column"]) for p in e.value.problems] == [
        (5, "valid_from"), (3, "code"), (4, "level"), (2, "superiors"),
    ]  # fmt: skip
    assert texts.word("entry_invalid", e.value.facts, "zh").endswith("“V;X”（应为 名单中的其他对象；X 不是）")
    assert everything(city) == before


def test_persons_become_subjects_and_are_renamed_aloud(city: Work, listing: List, enter: Enter) -> None:
    first: Cells = {"code": "p1", "name_zh": "张三", "superiors": "p2"}
    assert told(listing(first, {"code": "p2"}, rulebook="persons")) == (2, 0, 0, 0, 0)
    assert told(listing({**first, "name_zh": "张山"}, rulebook="persons")) == (0, 0, 1, 1, 1)
    with city.snapshot() as connection:
        found = store.assessed_on(connection, "persons", dt.date(2021, 3, 31))
    assert [(s.code, s.name["zh"], s.level, s.superiors) for s in found] == [
        ("p1", "张山", None, ("p2",)), ("p2", "p2", None, ()),
    ]  # fmt: skip
    row = {"input": "n", "value": "1"}
    assert counts(enter({**row, "subject": "p1"}, {**row, "subject": "p3"}, rulebook="persons")) == (1, 0, 0, 0, 1)


def test_events_by_role_know_the_role_of_the_list(listing: List, enter: Enter) -> None:
    event: Cells = {"input": "events", "code": "by_role"}
    wanted = {"code": "expected_role_of", "known": ["chief", "clerk"], "role": None}
    assert enter(event).problems[0].expected == wanted
    listing({"code": "U", "role": "clerk"})
    assert counts(enter(event)) == (1, 0, 0, 0, 0)
    assert enter({**event, "subject": "V"}).problems[0].column == "subject"


def test_grids_are_found_by_their_level(city: Work, listing: List) -> None:
    assert told(listing({"code": "D1-1", "group": "south"}, rulebook="grids"))[0] == 1
    with city.snapshot() as connection:
        found = store.assessed_on(connection, "grids", dt.date(2025, 1, 1))
    assert [(s.code, s.level, s.name["en"], s.group) for s in found] == [("D1-1", "community", "Grid D1-1", "south")]
    for row in ({"code": "D1"}, {"code": "D1-1", "level": "district"}, {"code": "D1-1", "level": "street"}):
        with pytest.raises(EntryInvalid):
            listing(row, rulebook="grids")


def test_a_form_holds_the_list(city: Work, tmp_path: Path) -> None:
    reads_them = BOOK.replace(
        "title: {zh: 甲, en: A}, input: n}", "title: {zh: 甲, en: A}, input: n, only: {without: [x, y]}}"
    )
    (tmp_path / "town.yaml").write_text(reads_them, "utf-8")
    book = load(str(tmp_path / "town.yaml")).rulebook
    given = [
        Subject("U", {"zh": "甲", "en": "A"}, None, "g", "chief", ("V",), ("x", "y")),
        Subject("V", {"zh": "乙", "en": "B"}),
    ]
    (tmp_path / "form.xlsx").write_bytes(entry_form(book, "month", PERIOD, given))
    assert subjects.import_subjects(city, str(tmp_path / "town.yaml"), tmp_path / "form.xlsx").n_new == 2
    with city.snapshot() as connection:
        found = store.assessed_on(connection, "town", dt.date(2021, 3, 31))
    assert [(s.code, s.group, s.role, s.superiors, s.attributes) for s in found] == [
        ("U", "g", "chief", ("V",), ("x", "y")), ("V", None, None, (), ()),
    ]  # fmt: skip


# --- the daily staff table --------------------------------------------------------------------------------------------


def staff(work: Work, folder: Path, *rows: tuple[object, ...]) -> EntryReport:
    made = [dict(zip(STAFF_COLUMNS, r, strict=True)) for r in rows]
    return entries.import_staff(work.but(actor="王五"), long_csv(folder / f"staff_{next(_n)}.csv", made, STAFF_COLUMNS))


def sums(work: Work) -> Any:
    with work.snapshot() as connection:
        return store.staff_sums(connection, dt.date(2021, 3, 1), dt.date(2021, 4, 1))


def test_staff_sums_are_exact_and_of_the_newest_rows(city: Work, tmp_path: Path) -> None:
    rows = (
        ("2021-03-01", "U", "p", "8", "7.1", 2, 1),
        ("2021-03-01", "U", "q", "8", "7.2", 0, 1),
        ("2021-03-31", "U", "p", "8", "0.1", 1, 0),
        ("2021-04-01", "U", "p", "8", "8", 9, 9),
        ("2021-03-02", "D1", "p", "1", "1", 0, 0),
    )
    assert counts(staff(city, tmp_path, *rows)) == (5, 0, 0, 0, 0)
    office = {"worked_h": Fraction(24), "online_h": Fraction("14.4"), "n_absent": 3, "n_all_off": 1}
    assert sums(city)["U"] == office
    before = everything(city)
    assert counts(staff(city, tmp_path, *rows)) == (0, 0, 0, 5, 0)
    assert everything(city) == before
    assert counts(staff(city, tmp_path, ("2021-03-31", "U", "p", "8", "1.1", 0, 0))) == (0, 1, 0, 0, 0)
    assert sums(city)["U"] == office | {"online_h": Fraction("15.4"), "n_absent": 2}
    assert set(sums(city)) == {"U", "D1"}
    assert len(towns.select_all(city, t.staff_day.c.id)) == 6


STAFFED = """
id: staffed
version: 1
title: {zh: 在岗, en: Staff}
issuer: {zh: 小城, en: The town}
source: project convention
valid: {from: 2020-01-01}
population: {kind: unit}
empty: {option: incomplete, reason: {zh: 缺一不可, en: all is needed}}
inputs:
  absent: {title: {zh: 缺岗, en: Absences}, type: count, automatic: {staff: n_absent}}
stages:
  - id: month
    title: {zh: 月, en: Month}
    cadence: month
    score: {kind: entered, id: total, title: {zh: 缺岗, en: Absences}, input: absent}
"""


def test_days_of_the_staff_table_behind_the_cut_off_are_not_seen(city: Work, tmp_path: Path) -> None:
    staff(
        city, tmp_path, *((f"2025-12-{day}", "U", "p", "8", "8", n, 0) for day, n in (("01", 1), ("20", 2), ("31", 4)))
    )
    (tmp_path / "staffed.yaml").write_text(STAFFED, "utf-8")

    def absent(as_of: dt.datetime | None) -> str | None:
        made = scoring.score(city, str(tmp_path / "staffed.yaml"), parse_period("2025-12"), as_of=as_of)
        return {d.subject.code: d.total and d.total.exact for d in made.subjects}["U"]

    assert [absent(moment(f"2025-12-{day}")) for day in ("20T00:00", "20T18:00", "31T00:00")] == ["1", "3", "3"]
    assert absent(None) == absent(moment("2026-01-01T00:00")) == "7"


def test_good_staff_rows_load_and_bad_ones_are_told(city: Work, tmp_path: Path) -> None:
    report = staff(
        city, tmp_path, ("2021-03-01", "U", "p", 8, 9, 0, 0), ("2021-03-01", "X", "p", 8, 8, 0, 0),
        ("2021-03-01", "U", "q", 8, 8, 0, 0),
    )  # fmt: skip
    assert counts(report) == (1, 0, 0, 0, 2)
    assert [(p.row, p.column) for p in report.problems] == [(2, "online_h"), (3, "subject_code")]
    assert sums(city)["U"]["worked_h"] == 8


def test_nothing_entered_gives_nothing(city: Work) -> None:
    assert current(city) == {}
    assert sums(city) == {}
    assert groups_on(city, "2021-03-01") == {}
    assert towns.select_all(city, select(func.count()).select_from(t.entry).scalar_subquery()) == [(0,)]
