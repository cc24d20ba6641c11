"""What is due in this city: duties of the data folder, what follows from events, and who owes them."""

import datetime as dt
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from gridmgmt.assessing.exports.entry_form import entry_form
from gridmgmt.assessing.operations import subjects
from gridmgmt.city import DEFAULT_LEVELS
from gridmgmt.database.work import Work
from gridmgmt.errors import DataFileInvalid, InstantInvalid, OptionInvalid, SchemeMissing
from gridmgmt.files import data_files
from gridmgmt.reporting.operations import due as reporting
from gridmgmt.reporting.operations import schemes
from gridmgmt.settings import data_path

FIFTH = dt.date(2025, 12, 5)


def due(work: Work, first: dt.date = FIFTH, last: dt.date | None = None, **more: object) -> list[dict[str, object]]:
    return reporting.due(work, first, last or first, **more)  # type: ignore[arg-type]


def test_a_day_of_one_scheme(town: Work) -> None:
    rows = [r for r in due(town, schemes=["huiji"]) if r["states_a_day"]]  # others are due some day of their period
    assert [(r["duty"], r["opens"], r["due"], r.get("period")) for r in rows] == [
        ("self_check", dt.date(2025, 12, 1), FIFTH, "2025-11"),
        ("department_assessment", dt.date(2025, 12, 1), dt.date(2025, 12, 31), "2025"),
        ("month_result", None, None, None),  # follows an event, whenever that is
        ("quarter_result", None, None, None),
    ]
    assert rows[0]["period_last"] == dt.date(2025, 11, 30)
    assert rows[2]["within"] == {"days": 3}


def test_events_are_read_in_city_time(town: Work) -> None:
    events = ["major_event=2025-12-05T10:00", "month_check_end=2025-12-20"]
    rows = due(town, schemes=["huiji", "ningbo_district"], events=events)
    found = {str(r["duty"]): (r["due"], r["at"]) for r in rows}
    assert found["major_event_oral"] == (FIFTH, dt.datetime(2025, 12, 5, 2, 30, tzinfo=dt.UTC))
    assert found["major_event_written"] == (FIFTH, dt.datetime(2025, 12, 5, 6, 0, tzinfo=dt.UTC))
    assert found["month_result"] == (dt.date(2025, 12, 23), None)
    assert found["quarter_result"] == (None, None)


def test_wrong_names_are_told(town: Work) -> None:
    with pytest.raises(SchemeMissing) as e:
        due(town, schemes=["nowhere"])
    assert "huiji" in e.value.known
    for event in ("check=2025-12-05", "month_check_end"):
        with pytest.raises(OptionInvalid) as option:
            due(town, events=[event])
        assert "month_check_end" in option.value.expected
    with pytest.raises(InstantInvalid):
        due(town, events=["month_check_end=yesterday"])


def test_units_of_a_level_owe_by_the_edition_of_the_day(town: Work) -> None:
    """Ningbo's rulebook assesses districts; the town has two."""
    rows = [r for r in due(town, schemes=["ningbo_district"], units=True) if r["duty"] == "month_situation"]
    assert [(r["subject_code"], r["subject"]) for r in rows] == [
        ("D1", {"zh": "网格D1", "en": "Grid D1"}),
        ("D2", {"zh": "网格D2", "en": "Grid D2"}),
    ]
    early = due(town, dt.date(2024, 12, 5), schemes=["ningbo_district"], units=True)  # before the first edition
    assert [("subject_code" in r, r["duty"]) for r in early if r["due"]] == [(False, "month_situation")]


def test_a_list_of_subjects_goes_before_the_level(town: Work, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("code,name_zh,level,valid_from\nD2,二区,district,2025-01-01\n", "utf-8")
    subjects.import_subjects(town, "ningbo_district", path)
    rows = [r for r in due(town, schemes=["ningbo_district"], units=True) if r["due"]]
    assert [r["subject_code"] for r in rows] == ["D2"]


def test_a_scheme_is_called_as_its_file(town: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reporting").mkdir()
    text = data_path("reporting", "huiji.yaml").read_text("utf-8")
    (tmp_path / "reporting" / "mine.yaml").write_text(text, "utf-8")
    monkeypatch.setattr(schemes, "data_path", lambda *parts: tmp_path.joinpath(*parts))
    with pytest.raises(DataFileInvalid) as e:
        due(town)
    assert (e.value.file, e.value.key, e.value.value) == ("reporting/mine.yaml", "id", "huiji")


def test_a_scheme_may_ask_for_working_days(town: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The 5th of October 2025 lies in the national holiday, which ended on the 8th."""
    (tmp_path / "reporting").mkdir()
    text = data_path("reporting", "huiji.yaml").read_text("utf-8")
    moved = text.replace("{day_of_next_month: 5}", "{day_of_next_month: 5, on_rest_day: next_working_day}")
    (tmp_path / "reporting" / "huiji.yaml").write_text(moved, "utf-8")
    monkeypatch.setattr(schemes, "data_path", lambda *parts: tmp_path.joinpath(*parts))
    rows = due(town, dt.date(2025, 10, 5))
    assert [r["due"] for r in rows if r["duty"] == "self_check"] == [dt.date(2025, 10, 9)]


def test_every_rulebook_of_a_scheme_assesses_levels_that_a_city_may_have() -> None:
    keys = {level.key for level in DEFAULT_LEVELS}
    for name in schemes.known():
        scheme = data_files.read(data_path("reporting", f"{name}.yaml"), schemes.Scheme)
        if any(d.each_subject for d in scheme.duties):
            book = schemes.rulebooks.load(str(scheme.rulebook)).rulebook
            assert book.population.kind == ("person" if name == "coadmin_staff" else "grid")
            assert book.population.levels == "all" or set(book.population.levels) <= keys


def test_an_entry_form_lists_whom_the_city_assesses(town: Work, tmp_path: Path) -> None:
    """Its grids of the level by the edition of the day, its list before them, persons by a list only."""
    book = schemes.rulebooks.load("ningbo_district").rulebook
    found = subjects.assessed_by(town, book, FIFTH)
    assert [(s.code, s.level, s.name["zh"]) for s in found] == [
        ("D1", "district", "网格D1"),
        ("D2", "district", "网格D2"),
    ]
    assert subjects.assessed_by(town, book, dt.date(2024, 12, 5)) == []
    path = tmp_path / "list.csv"
    path.write_text("code,name_zh,level,valid_from\nD2,二区,district,2025-01-01\n", "utf-8")
    subjects.import_subjects(town, "ningbo_district", path)
    assert [s.code for s in subjects.assessed_by(town, book, FIFTH)] == ["D2"]
    assert subjects.assessed_by(town, schemes.rulebooks.load("coadmin_staff").rulebook, FIFTH) == []
    form = load_workbook(BytesIO(entry_form(book, "month", "2025-12", subjects.assessed_by(town, book, FIFTH))))
    listed = [sheet.title for sheet in form if "D2" in [cell.value for row in sheet.iter_rows() for cell in row]]
    assert len(listed) == 2  # a row to fill, and the list of subjects
