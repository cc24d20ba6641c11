"""The entry form and the long CSV: what is written into them comes back as the same dossier; every fault is named."""

import datetime as dt
import io
import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt import texts
from gridmgmt.assessing.exports import entry_form as exports
from gridmgmt.assessing.exports.entry_form import FIRST, NAMES, entry_form
from gridmgmt.assessing.readers.entries import dossier_of, read_entries, read_input_file
from gridmgmt.assessing.readers.entry_lines import RECORD_COLUMNS, RESULT_COLUMNS
from gridmgmt.assessing.readers.subjects import LIST_COLUMNS, read_staff, read_subjects
from gridmgmt.errors import ColumnMissing, EntryInvalid, FileUnreadable
from gridmgmt.files import forms
from gridmgmt.numbers import exact, to_exact
from gridmgmt.rulebooks.consequences import consequences
from gridmgmt.rulebooks.dossier import Subject
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.examples import read_examples
from gridmgmt.rulebooks.load import known, load, parse
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.records import FIELDS, joined, ref_of
from gridmgmt.rulebooks.run import run
from gridmgmt.rulebooks.values import Row
from gridmgmt.settings import data_path
from tests.examples import about
from tests.unit.entered import BOOK, Cells, long_csv

# --- writing what people would write ----------------------------------------------------------------------------------


def cells_of(kind: str, value: Any) -> list[Cells]:
    """A plain value of a type of record as rows of cells."""
    names = {key: column for column, key in FIELDS[kind].items()}
    if kind == "marks":
        return [{"points": m} for m in value]
    if kind == "ratings":
        return [{"points": m, "group": g} for g, marks in value.items() for m in marks]
    if kind == "accounts":
        more = [{"group": a.get("unit"), "n": a.get("earlier")} for a in value]
        return [{"case": a["id"], "code": s, **m} for a, m in zip(value, more, strict=True) for s in a["steps"]]
    if kind == "items":
        titles = [r["title"] if isinstance(r["title"], str) else r["title"]["zh"] for r in value]
        return [{"code": r["id"], "points": r["points"], "note": t} for r, t in zip(value, titles, strict=True)]
    return [{names.get(k, k): v for k, v in r.items()} for r in value]


def rows_of(book: Rulebook, plain: Mapping[str, Any]) -> tuple[list[Cells], list[Cells], list[Cells], list[Cells]]:
    """A plain dossier as single values, records, results and subjects."""
    values: list[Cells] = []
    records: list[Cells] = []
    results: list[Cells] = []
    for label, by_subject in plain["periods"].items():
        for code, record in by_subject.items():
            key = {"period": str(label), "subject": str(code)}
            for name, value in (record.get("inputs") or {}).items():
                if isinstance(value, list | dict):
                    records += [{**key, "input": name, **c} for c in cells_of(book.inputs[name].type, value)]
                else:
                    values.append({**key, "input": name, "value": value})
            if "signed" in record:
                values.append({**key, "input": "signed_off", "value": record["signed"]})
            if record.get("result") is not None:
                results.append({**key, **record["result"]})
    subjects = [
        {
            "code": code, "name_zh": code, "group": s.get("group"), "role": s.get("role"), "level": s.get("level"),
            "superiors": ";".join(s.get("superiors") or ()), "attributes": "；".join(s.get("attributes") or ()),
        }
        for code, s in (plain.get("subjects") or {}).items()
    ]  # fmt: skip
    return values, records, results, subjects


def typed(value: Any) -> Any:
    """A cell as a spreadsheet holds it: numbers as numbers, yes and no as words, days as days."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, str) and value.replace(".", "", 1).isdigit() and "." in value:
        return float(value)
    return dt.datetime(value.year, value.month, value.day) if isinstance(value, dt.date) else value


def sheet_of(workbook: openpyxl.Workbook, name: str) -> Any:
    return next(s for s in workbook.worksheets if s.title.startswith(name))


def put(sheet: Any, rows: Sequence[Cells], start: int = FIRST) -> None:
    """Write rows under the machine names; a column that the form does not have is added."""
    names = [c.value for c in sheet[NAMES]]
    for n, row in enumerate(rows, start):
        for column, value in row.items():
            if column not in names:
                names.append(column)
                sheet.cell(NAMES, len(names), column)
            if value is not None:
                sheet.cell(n, names.index(column) + 1, typed(value))


def filled(book: Rulebook, path: Path, plain: Mapping[str, Any]) -> Path:
    """The form of the first stage, filled with a dossier."""
    workbook = openpyxl.load_workbook(io.BytesIO(entry_form(book, book.stages[0].id, None, ())))
    values, records, results, subjects = rows_of(book, plain)
    wide: dict[tuple[str, str], Cells] = {}
    for v in values:
        row = wide.setdefault((v["period"], v["subject"]), {"period": v["period"], "subject": v["subject"]})
        row[v["input"]] = v["value"]
    sheet_of(workbook, "数值").delete_rows(FIRST, 50)
    put(sheet_of(workbook, "数值"), list(wide.values()))
    put(sheet_of(workbook, "事项"), records)
    put(sheet_of(workbook, "往期"), results)
    put(sheet_of(workbook, "对象"), subjects)
    workbook.save(path)
    return path


# --- round trips ------------------------------------------------------------------------------------------------------


Dossier = tuple[str, Rulebook, Mapping[str, Any]]


@cache
def dossiers(name: str) -> tuple[list[Dossier], list[Dossier]]:
    """A shipped rulebook's examples that a form can hold: those that bring something new, and the others."""
    loaded, seen = load(name), set[str]()
    new: list[Dossier] = []
    others: list[Dossier] = []
    examples = data_path("rulebooks", name) / "examples.yaml"
    for n, example in enumerate(read_examples(examples.read_text("utf-8")) if examples.is_file() else []):
        plain = example.get("given")
        if plain is None or "refused" in example:
            continue
        changes = [(path, str(value)) for path, value in (example.get("changes") or {}).items()]
        book = parse(loaded.text, name, changes).rulebook
        if _fits(book, plain):
            (new if _said(plain) - seen else others).append((f"{name}-{n}", book, plain))
            seen |= _said(plain)
    return new, others


def _said(value: Any, within: str = "") -> set[str]:
    """What kinds of things a dossier says: its keys below periods and subjects, and the types of its values."""
    if isinstance(value, Mapping):
        named = within in ("", ".inputs", ".result") or within.count(".") > 2
        return set[str]().union(*(_said(v, f"{within}.{k if named else '*'}") for k, v in value.items()))
    if isinstance(value, list):
        return {f"{within}[{min(len(value), 2)}]"}.union(*(_said(v, within) for v in value))
    return {f"{within}:{type(value).__name__}"}


def _fits(book: Rulebook, plain: Mapping[str, Any]) -> bool:
    records = [r or {} for by_subject in plain["periods"].values() for r in by_subject.values()]
    if not all(any(v != [] for v in (r.get("inputs") or {}).values()) or r.get("result") for r in records):
        return False  # a subject without a word in a period has no row
    own = [r or {} for by_subject in plain["periods"].values() for c, r in by_subject.items() if c != "*"]
    if any(book.inputs[name].per == "all" for r in own for name in r.get("inputs") or ()):
        return False  # what is one value for all has no cell for each
    return all(set(r.get("result") or ()) <= set(RESULT_COLUMNS) for r in records)


def _needs_form(book: Rulebook, plain: Mapping[str, Any]) -> bool:
    """Results, and the roles that events are told by, stand on sheets of their own."""
    _, _, results, subjects = rows_of(book, plain)
    return bool(results) or any(s["role"] for s in subjects)


def test_there_are_dossiers_of_many_rulebooks() -> None:
    assert sum(bool(dossiers(name)[0]) for name in known()) >= 8


# the examples of a rulebook that say nothing of a kind that an earlier one did not say wait for the night
PART = pytest.mark.parametrize("part", [0, pytest.param(1, marks=pytest.mark.night)], ids=["new", "others"])


def normal(value: Any) -> Any:
    if isinstance(value, tuple):
        return sorted(((v.id, v.points) if isinstance(v, Row) else repr(v) for v in value), key=str)
    return {k: sorted(v) for k, v in value.items() if v} if isinstance(value, Mapping) else value


def contents(book: Rulebook, plain: Mapping[str, Any]) -> Any:
    dossier = read_dossier(book, plain)
    records = {
        (label, code): ({k: normal(v) for k, v in r.values.items() if v != ()}, r.given)
        for label, by_subject in dossier.periods.items()
        for code, r in by_subject.items()
    }
    made = run(book, dossier)
    outcomes = {
        (label, code): (o.total, o.grade, o.rank, o.status, sorted(o.missing))
        for label, by_subject in made.outcomes.items()
        for code, o in by_subject.items()
    }
    return records, outcomes, sorted(repr(c) for c in consequences(made, dossier))


@PART
@pytest.mark.parametrize("name", known())
def test_a_form_holds_a_dossier(name: str, part: int, tmp_path: Path) -> None:
    for example, book, plain in dossiers(name)[part]:
        again = read_input_file(filled(book, tmp_path / "form.xlsx", plain), book)
        own = {k: plain[k] for k in ("subjects", "periods") if k in plain}
        assert contents(book, again) == contents(book, own), example


@PART
@pytest.mark.parametrize("name", known())
def test_a_long_csv_holds_the_values(name: str, part: int, tmp_path: Path) -> None:
    for example, book, plain in dossiers(name)[part]:
        if _needs_form(book, plain):
            continue
        values, records, _, _ = rows_of(book, plain)
        again = read_input_file(long_csv(tmp_path / "long.csv", [*values, *records]), book)
        again["subjects"] = plain.get("subjects") or {}
        assert contents(book, again) == contents(book, plain), example


def test_json_and_yaml_keep_numbers_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"periods": {"2021-03": {"A": {"inputs": {"digital": 74.9999999999999999}}}}}')
    (tmp_path / "a.yaml").write_text("periods: {2021-03: {A: {inputs: {digital: 74.9999999999999999}}}}")
    book = load("qixian").rulebook
    for name in ("a.json", "a.yaml"):
        value = read_dossier(book, read_input_file(tmp_path / name, book)).periods["2021-03"]["A"].values["digital"]
        assert value == Fraction("74.9999999999999999")


@pytest.mark.parametrize(
    ("name", "text"), [("a.json", "{"), ("a.json", "[1]"), ("a.yaml", "a: [1"), ("a.yaml", "a: 1\na: 2"), ("a.txt", "")]
)
def test_what_is_no_dossier_is_told(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(FileUnreadable):
        read_input_file(tmp_path / name, load("qixian").rulebook)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ("a.json", "a.xlsx", "a.csv"):
        with pytest.raises(FileUnreadable):
            read_input_file(tmp_path / name, load("qixian").rulebook)


# --- the form itself --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", known())
def test_every_entered_input_has_its_place(name: str) -> None:
    book = load(name).rulebook
    for stage in book.stages:
        workbook = openpyxl.load_workbook(io.BytesIO(entry_form(book, stage.id, None, ())))
        assert [s.title.split()[0] for s in workbook.worksheets] == ["说明", "数值", "事项", "往期", "对象"]
        columns = {c.value for c in sheet_of(workbook, "数值")[NAMES]}
        notes = [row[0].value for row in sheet_of(workbook, "说明").iter_rows()]
        for key, spec in exports.stage_inputs(book, stage).items():
            assert key in notes
            single = spec.type not in FIELDS or spec.type in exports.AS_NUMBER
            assert (key in columns) == (spec.entered is not None and single)


def test_the_same_form_has_the_same_bytes() -> None:
    book = load("qixian").rulebook
    subjects = [Subject("007", {"zh": "=甲", "en": "A"}, superiors=("V", "W"))]
    assert entry_form(book, "month", "2021-03", subjects) == entry_form(book, "month", "2021-03", subjects)


def test_texts_and_days_have_their_format_in_every_row_filled_or_not() -> None:
    book = load("qixian").rulebook
    form = entry_form(book, "month", "2021-03", [Subject("007", {"zh": "甲", "en": "A"})])
    for sheet in openpyxl.load_workbook(io.BytesIO(form)).worksheets[1:]:
        columns = {c.value: c.column_letter for c in sheet[NAMES]}
        formats = {name: sheet.column_dimensions[letter].number_format for name, letter in columns.items()}
        texts = {"period", "subject", "input", "code", "case", "occasion", "ref"} & set(columns)
        assert {formats[name] for name in texts} == {"@"}, sheet.title
        assert formats.get("on", "yyyy-mm-dd") == "yyyy-mm-dd"
        filled_in = [sheet[f"{columns[name]}{row}"] for name in texts for row in range(FIRST, sheet.max_row + 1)]
        assert {c.number_format for c in filled_in} <= {"@"}, sheet.title


HAN = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize(("lang", "sheet", "yes"), [("zh", "数值", "是"), ("en", "Values", "yes")])
@pytest.mark.parametrize("name", ["qixian", "ningbo_district", "xihu"])
def test_a_form_in_one_language_holds_no_other_and_is_read_back(
    tmp_path: Path, name: str, lang: str, sheet: str, yes: str
) -> None:
    book = load(name).rulebook
    workbook = openpyxl.load_workbook(io.BytesIO(entry_form(book, "month", "2021-03", (), lang)))
    told = [str(c.value) for page in workbook for row in page.iter_rows() for c in row if c.value is not None]
    told += [page.title for page in workbook]
    told += [str(v.formula1) for page in workbook for v in page.data_validations.dataValidation]
    commands = "gridmgmt [a-z ]+"
    foreign = HAN if lang == "en" else re.compile("[a-z]{2,}( [a-z]{2,}){2,}")
    assert [text for text in told if foreign.search(re.sub(commands, "", text))] == []
    page = next(p for p in workbook if p.title == sheet)
    first = next(key for key, spec in exports.stage_inputs(book, book.stage("month")).items()
                 if spec.entered is not None and spec.type == "number" and spec.per == "subject")  # fmt: skip
    put(page, [{"period": "2021-03", "subject": "A", first: 1, "signed_off": yes}])
    workbook.save(tmp_path / "a.xlsx")
    given = read_input_file(tmp_path / "a.xlsx", book)["periods"]["2021-03"]["A"]
    assert given["inputs"][first] == 1


def test_known_subjects_and_the_period_stand_in_the_form(tmp_path: Path) -> None:
    book = load("qixian").rulebook
    subjects = [Subject("007", {"zh": "=甲", "en": "A"}, "street", "g", None, ("V", "W"), ("x",))]
    (tmp_path / "form.xlsx").write_bytes(entry_form(book, "month", "2021-03", subjects))
    found = read_entries(tmp_path / "form.xlsx", lambda _: book)
    assert found.faults == []
    assert found.rows == []
    assert [x.subject for x in found.subjects] == subjects
    workbook = openpyxl.load_workbook(tmp_path / "form.xlsx")
    sheet = sheet_of(workbook, "数值")
    assert [c.value for c in sheet[FIRST]][:3] == ["2021-03", "007", "=甲 A"]
    assert sheet.cell(FIRST, 3).data_type == "s"
    put(sheet, [{"digital": "９２.5", "lines": "不适用", "facades": "N/A"}])
    workbook.save(tmp_path / "form.xlsx")
    inputs = read_input_file(tmp_path / "form.xlsx", book)["periods"]["2021-03"]["007"]["inputs"]
    assert inputs == {"digital": "92.5", "lines": "not_applicable", "facades": "not_applicable"}


def test_a_month_that_a_spreadsheet_took_for_a_day_is_the_month(tmp_path: Path) -> None:
    book = load("qixian").rulebook
    workbook = openpyxl.load_workbook(io.BytesIO(entry_form(book, "month", None, ())))
    put(sheet_of(workbook, "数值"), [{"period": dt.date(2021, 3, 1), "subject": "A", "digital": 1}])
    workbook.save(tmp_path / "a.xlsx")
    assert list(read_input_file(tmp_path / "a.xlsx", book)["periods"]) == ["2021-03"]


def test_sheets_are_told_by_their_columns(tmp_path: Path) -> None:
    book = load("qixian").rulebook
    workbook = openpyxl.load_workbook(io.BytesIO(entry_form(book, "month", None, ())))
    put(sheet_of(workbook, "数值"), [{"period": "2021-03", "subject": "A", "digital": 1}])
    sheet_of(workbook, "数值").title = "Three"
    workbook.create_sheet("草稿").append(["a", 1])
    workbook.move_sheet("Three", -1)
    workbook.save(tmp_path / "a.xlsx")
    assert read_input_file(tmp_path / "a.xlsx", book)["periods"] == {"2021-03": {"A": {"inputs": {"digital": 1}}}}
    other = openpyxl.Workbook()
    other.active.append(["a", "b"])
    other.save(tmp_path / "b.xlsx")
    with pytest.raises(ColumnMissing):
        read_input_file(tmp_path / "b.xlsx", book)
    (tmp_path / "c.csv").write_text("period,what\n2021-03,1\n")
    with pytest.raises(ColumnMissing):
        read_input_file(tmp_path / "c.csv", book)


def test_a_signature_for_all_holds_for_each_that_does_not_say_otherwise(tmp_path: Path) -> None:
    book = load("qixian").rulebook
    key = {"period": "2021-03", "input": "signed_off"}
    rows: list[Cells] = [
        {**key, "subject": "*", "value": "是"}, {**key, "subject": "B", "value": "no"},
        {"period": "2021-03", "subject": "A", "input": "digital", "value": 90},
    ]  # fmt: skip
    periods = read_input_file(long_csv(tmp_path / "a.csv", rows), book)["periods"]
    assert periods == {"2021-03": {"A": {"inputs": {"digital": 90}, "signed": True}, "B": {"signed": False}}}


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return parse(BOOK, "town").rulebook


def faults_of(path: Path, book: Rulebook) -> list[tuple[str | None, int, str, str | None]]:
    found = read_entries(path, lambda _: book)
    return [(f.sheet, f.row, f.column, f.value) for f in found.faults]


@pytest.mark.parametrize(
    ("row", "column", "expected"),
    [
        ({"input": "score", "value": "120"}, "value", "a number up to 100"),
        ({"input": "score", "value": "1,5"}, "value", "a number such as"),
        ({"input": "score"}, "value", "a value, a record, or"),
        ({"input": "score", "value": "5", "points": "5"}, "points", "nothing: of number only value"),
        ({"input": "score", "value": "5", "ref": "x"}, "ref", "nothing: of number only value"),
        ({"input": "n", "value": "1.5"}, "value", "a whole number from 0"),
        ({"input": "n", "value": "不适用"}, "value", "not applicable"),
        ({"input": "done", "value": "perhaps"}, "value", "true or false"),
        ({"input": "class", "value": "中"}, "value", "one of good, bad"),
        ({"input": "for_all", "value": "1"}, "subject", "one value for all"),
        ({"input": "scores", "value": "1"}, "input", "an input of the rulebook: score, n"),
        ({"value": "1"}, "input", "an input of the rulebook"),
        ({"input": "score", "value": "1", "period": "2021-13"}, "period", "a period such as"),
        ({"input": "score", "value": "1", "period": "2021"}, "period", "a period of the rulebook's stages: month"),
        ({"input": "score", "value": "1", "period": ""}, "period", "a period such as"),
        ({"input": "score", "value": "1", "subject": ""}, "subject", "the subject's code"),
        ({"input": "faults", "value": "-1"}, "value", "a whole number from 0"),
        ({"input": "faults", "value": "1", "case": "7"}, "case", "nothing: of findings only value"),
        ({"input": "faults", "n": "0", "case": "7"}, "n", "a whole number from 1"),
        ({"input": "faults", "on": "2021-04-01"}, "on", "a day from 2021-03-01 to 2021-03-31"),
        ({"input": "faults", "on": "March"}, "on", "a day such as"),
        ({"input": "faults", "role": "chief"}, "role", "nothing: of findings only"),
        ({"input": "events", "code": "prise"}, "code", "one of praise, open, by_role"),
        ({"input": "events", "on": "2021-03-04"}, "code", "code: needed for events"),
        ({"input": "events", "code": "praise", "praised": "maybe"}, "praised", "是 / 否"),
        ({"input": "events", "code": "open"}, "code", "its points"),
        ({"input": "events", "code": "by_role"}, "code", "a role out of chief, clerk"),
        ({"input": "marks", "points": "101"}, "points", "a number up to 100"),
        ({"input": "marks", "note": "x"}, "points", "mark: needed for marks"),
        ({"input": "polls", "points": "5"}, "group", "group: needed for ratings by group"),
        ({"input": "polls", "points": "5", "group": "chiefs"}, "group", "one of leaders, public"),
        ({"input": "hanging", "case": "7", "code": "opened"}, "code", "one of dispatched, missed"),
        ({"input": "hanging", "code": "missed"}, "case", "account: needed for hanging accounts"),
        ({"input": "faults", "value": "撤销", "period": "x"}, "period", "a period such as"),
        ({"input": "events", "value": "withdrawn"}, "ref", "the ref of the record to withdraw"),
    ],
)
def test_each_fault_is_named_by_row_and_column(
    tmp_path: Path, book: Rulebook, row: Cells, column: str, expected: str
) -> None:
    good = {"period": "2021-03", "subject": "A", "input": "n", "value": "3"}
    path = long_csv(tmp_path / "a.csv", [good, {"period": "2021-03", "subject": "A", **row}])
    with pytest.raises(EntryInvalid) as e:
        dossier_of(read_entries(path, lambda _: book), book)
    assert e.value.file == "a.csv"
    assert len(e.value.problems) == e.value.n == 1
    (problem,) = e.value.problems
    told = texts.word(problem["code"], problem, "en")
    assert told.startswith(f"row 3 · {column}: ")
    assert expected in told
    told = texts.word("entry_invalid", e.value.facts, "zh")
    assert told.startswith(f"a.csv 有 1 处错误：第 3 行 · {column}：“")
    assert not expected.isascii() or expected not in told


def test_all_faults_of_a_form_are_told_with_their_sheets(tmp_path: Path, book: Rulebook) -> None:
    workbook = openpyxl.load_workbook(io.BytesIO(entry_form(book, "month", None, ())))
    key = {"period": "2021-03", "subject": "A"}
    values = sheet_of(workbook, "数值")
    values.delete_rows(FIRST, 5)
    put(values, [{**key, "score": 120, "n": 3}, {**key, "score": 99, "events": 1, "nonsense": 1}])
    put(sheet_of(workbook, "事项"), [{**key, "input": "events", "code": "nothing", "on": dt.date(2021, 3, 4)}])
    put(sheet_of(workbook, "往期"), [{**key, "total": "many", "rank": 0, "grade": "中"}])
    put(sheet_of(workbook, "对象"), [{"code": "A", "name_zh": "甲", "extra": 1}])
    workbook.save(tmp_path / "a.xlsx")
    assert sorted(faults_of(tmp_path / "a.xlsx", book), key=str) == sorted(
        [
            ("数值 Values", FIRST, "score", "120"),
            ("数值 Values", FIRST + 1, "events", "1"),
            ("数值 Values", FIRST + 1, "nonsense", "1"),
            ("事项 Records", FIRST, "code", "nothing"),
            ("往期 Results", FIRST, "total", "many"),
            ("往期 Results", FIRST, "rank", "0"),
            ("往期 Results", FIRST, "grade", "中"),
            ("对象 Subjects", FIRST, "extra", "1"),
        ],
        key=str,
    )


def test_one_key_says_one_thing(tmp_path: Path, book: Rulebook) -> None:
    key = {"period": "2021-03", "subject": "A"}
    rows: list[Cells] = [
        {**key, "input": "n", "value": "3"},
        {**key, "input": "n", "value": "3.0"},  # the same
        {**key, "input": "n", "value": "4"},
        {**key, "input": "faults", "case": "1", "ref": "x"},
        {**key, "input": "faults", "case": "2", "ref": "x"},
    ]
    assert faults_of(long_csv(tmp_path / "a.csv", rows), book) == [
        (None, 2, "value", "3"),
        (None, 4, "value", "4"),
        (None, 5, "input", "faults"),
        (None, 6, "input", "faults"),
    ]
    other: Cells = {**key, "subject": "B", "input": "n", "value": "5"}
    for order in (rows, rows[::-1]):  # which row stands first decides nothing
        found = read_entries(long_csv(tmp_path / "b.csv", [*order, other]), lambda _: book)
        assert [(e.subject, e.value) for e in found.rows] == [("B", 5)]


def test_unknown_columns_are_not_passed_over(tmp_path: Path, book: Rulebook) -> None:
    row = {"period": "2021-03", "subject": "A", "input": "n", "value": "3", "evidense": "letter 7"}
    path = long_csv(tmp_path / "a.csv", [row], [*RECORD_COLUMNS, "evidense"])
    assert faults_of(path, book) == [(None, 2, "evidense", "letter 7")]


def test_a_number_beside_records_is_refused(tmp_path: Path, book: Rulebook) -> None:
    key = {"period": "2021-03", "subject": "A", "input": "faults"}
    found = read_entries(long_csv(tmp_path / "a.csv", [{**key, "value": "2"}, {**key, "case": "1"}]), lambda _: book)
    with pytest.raises(EntryInvalid) as e:
        dossier_of(found, book)
    assert [p["expected"] for p in e.value.problems] == [{"code": "expected_number_or_records"}]


def test_an_account_is_taken_with_all_its_steps_or_not_at_all(tmp_path: Path, book: Rulebook) -> None:
    key = {"period": "2021-03", "subject": "A", "input": "hanging", "case": "7"}
    rows = [{**key, "code": c} for c in ("dispatched", "mised", "passed")]
    found = read_entries(long_csv(tmp_path / "a.csv", rows), lambda _: book)
    assert found.rows == []
    assert [f.row for f in found.faults] == [3, 2, 4]
    with pytest.raises(EntryInvalid) as e:
        read_input_file(long_csv(tmp_path / "b.csv", [{**key, "code": "passed"}]), book)
    assert [p["expected"]["code"] for p in e.value.problems] == ["expected_steps"]
    days = [{**key, "code": c, "on": on} for c, on in (("passed", "2021/3/9"), ("dispatched", "2021年3月2日"))]
    value = read_input_file(long_csv(tmp_path / "c.csv", days), book)["periods"]["2021-03"]["A"]["inputs"]["hanging"]
    assert value == [{"id": "7", "steps": ["dispatched", "passed"]}]


# --- refs -------------------------------------------------------------------------------------------------------------

RECORDS = st.lists(
    st.fixed_dictionaries({}, optional={"case": st.sampled_from("123"), "n": st.integers(1, 3), "note": st.just("x")}),
    min_size=1,
    max_size=6,
)


@about(30)
@given(records=RECORDS, order=st.randoms())
def test_refs_follow_from_what_is_said_whatever_the_order(
    tmp_path_factory: pytest.TempPathFactory, records: list[Cells], order: Any
) -> None:
    book = parse(BOOK, "town").rulebook
    key = {"period": "2021-03", "subject": "A", "input": "faults"}
    folder = tmp_path_factory.mktemp("refs")

    def refs(rows: Sequence[Cells]) -> set[tuple[str, str]]:
        path = long_csv(folder / "a.csv", [{**key, "note": "y", **r} for r in rows])
        found = read_entries(path, lambda _: book)
        assert found.faults == []
        return {(e.ref, json.dumps(e.value, sort_keys=True)) for e in found.rows}

    first = refs(records)
    assert len(first) == len(records)
    mixed = list(records)
    order.shuffle(mixed)
    assert refs(mixed) == first


def test_another_evidence_is_another_record() -> None:
    assert ref_of({"code": "a"}, "letter 1") != ref_of({"code": "a"}, "letter 2")
    assert ref_of({"id": "road", "title": "x", "points": "1"}, None) == "road"


@given(st.fractions(max_denominator=10**6))
def test_a_number_has_one_form(value: Fraction) -> None:
    text = exact(value)
    assert forms.number(text) == text
    assert to_exact(forms.number(f"{value.numerator}/{value.denominator}")) == value


def test_records_make_their_value() -> None:
    assert joined([("", 3)]) == 3
    assert joined([("a", {"mark": "5", "group": "g"}), ("b", {"mark": "4", "group": "g"})]) == {"g": ["5", "4"]}
    assert joined([("a", {"mark": "5", "on": "2021-02-01"}), ("b", {"mark": "4", "on": "2021-01-01"})]) == ["4", "5"]
    steps = [("a", {"account": "1", "step": "dispatched", "unit": "U"}), ("b", {"account": "1", "step": "missed"})]
    assert joined(steps) == [{"id": "1", "steps": ["dispatched", "missed"], "unit": "U"}]
    with pytest.raises(ValueError, match="one unit for the account 1"):
        joined([*steps, ("c", {"account": "1", "step": "failed", "unit": "V"})])


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_list_of_subjects(tmp_path: Path) -> None:
    rows: list[Cells] = [
        {"code": "A", "name_zh": "甲", "superiors": "B；C、D", "valid_from": "2021/1/1", "valid_to": "2022-01-01"},
        {"code": "B", "name_zh": "乙", "valid_from": "2021-02-30"},
        {"code": "C", "name_zh": "丙", "valid_from": "2021-02-01", "valid_to": "2021-02-01"},
        {"name_zh": "丁"},
        {"code": "A", "name_zh": "甲", "valid_from": "2021-01-01"},
    ]
    found, collected, _ = read_subjects(long_csv(tmp_path / "a.csv", rows, LIST_COLUMNS))
    assert [(f.row, f.column) for f in collected.faults] == [
        (3, "valid_from"), (4, "valid_to"), (5, "code"), (6, "code"),
    ]  # fmt: skip
    assert found[0].subject.superiors == ("B", "C", "D")
    assert (found[0].first, found[0].last) == (dt.date(2021, 1, 1), dt.date(2022, 1, 1))


def test_a_staff_table(tmp_path: Path) -> None:
    columns = ("day", "subject_code", "person", "worked_h", "online_h", "n_absent", "n_all_off")
    rows = [
        ("2021-03-01", "U", "p", "8", "7.5", "1", ""),
        ("2021-03-01", "U", "p", "8.0", "7.50", "1", "0"),  # the same
        ("2021-03-01", "U", "p", "8", "7", "1", ""),
        ("2021-03-01", "U", "q", "25", "7", "-1", "0.5"),
        ("2021-03-01", "U", "r", "7", "7.5", "", ""),
        ("", "U", "", "7", "7", "", ""),
    ]
    path = long_csv(tmp_path / "a.csv", [dict(zip(columns, r, strict=True)) for r in rows], columns)
    found, faults, _ = read_staff(path)
    assert [(r.person, r.worked_h, r.online_h, r.n_absent, r.n_all_off) for _, r in found] == [("p", "8", "7.5", 1, 0)]
    assert [(f.row, f.column) for f in faults] == [
        (4, "person"), (5, "worked_h"), (5, "n_absent"), (5, "n_all_off"), (6, "online_h"),
        (7, "day"), (7, "person"),
    ]  # fmt: skip


def test_a_values_sheet_without_its_row_of_names_is_refused(tmp_path: Path) -> None:
    """Otherwise nothing of it would be read, and nobody would be told."""
    path = tmp_path / "form.xlsx"
    path.write_bytes(
        entry_form(load("quanshan").rulebook, "month", "2025-03", [Subject("S1", {"zh": "一", "en": "One"})])
    )
    book = openpyxl.load_workbook(path)
    next(s for s in book.worksheets if s.title.startswith("数值")).delete_rows(NAMES)
    book.save(path)
    with pytest.raises(ColumnMissing) as e:
        read_entries(path, lambda _period: load("quanshan").rulebook)
    assert "数值" in e.value.file


def test_an_input_of_another_stage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "entries.csv"
    name = next(n for n in load("wuzhong_town").rulebook.inputs if n.startswith("annual"))
    path.write_text(f"period,subject,input,value\n2025-Q1,S1,{name},90\n2025,S1,{name},90\n", "utf-8")
    found = read_entries(path, lambda _period: load("wuzhong_town").rulebook)
    assert [(f.row, f.column) for f in found.faults] == [(2, "period")]
    assert [e.period for e in found.rows] == ["2025"]
