"""Exports: what a street manager reads, and what must hold of every file."""

import csv
import io
import json
import re
import zipfile
from fractions import Fraction
from html.parser import HTMLParser

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl import load_workbook

from gridmgmt.assessing.operations.scorecards import _moved_into
from gridmgmt.documents import plain
from gridmgmt.figures.counts import COUNTS
from gridmgmt.files.names import file_stem
from gridmgmt.files.wording import ENGLISH_FIRST, Figure
from gridmgmt.numbers import exact
from gridmgmt.rulebooks import load
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.exports.reasons import reason_words
from gridmgmt.scorecards import assessment
from gridmgmt.scorecards.documents import Comparison, Evaluated, Facts, Header, Number, Reason, Refusal, Subject, apart
from gridmgmt.scorecards.exports import cards, lines, results, sketch, tables
from gridmgmt.scorecards.exports.cards import Card
from gridmgmt.scorecards.exports.outcome_text import evaluated, evaluation_text
from gridmgmt.scorecards.exports.page import page
from gridmgmt.scorecards.exports.scene import bin_spots, scene_of, view_of
from gridmgmt.scorecards.exports.workbook import summary_workbook, workbook
from gridmgmt.texts import catalogue, word
from tests.unit.unit_scorecards import MONTH, departments, shown

BOOK = load.load("grid_baseline")
EVIL = '=HYPERLINK("x","y")'
SQUARE = shapely.box(114.0, 30.0, 114.02, 30.01)

A = {
    "n_reported": 1580, "n_registered": 210, "n_due": 200, "n_closed": 190, "n_closed_on_time": 170,
    "n_due_rework_known": 200, "n_rework_cases": 9, "n_rework_events": 10, "n_registered_repeat_known": 210,
    "n_repeats": 14, "n_samples": 4, "n_scored_samples": 4, "sum_sample_score": Fraction("344.5"),
}  # fmt: skip
B = {"n_reported": 12, "n_registered": 12, "n_due": 3, "n_closed": 1, "n_closed_on_time": 1}
BEFORE = {**A, "n_reported": 1000, "n_closed": 180, "n_rework_cases": 2}


INPUTS = {n: i.automatic.count for n, i in BOOK.rulebook.inputs.items()}


def counted(row):
    return {
        n: row.get(n, Fraction(0) if n == "sum_sample_score" else 0)
        for n, count in COUNTS.items()
        if not count.is_asked
    }


def facts_of(code, row, name, before):
    earlier = {"previous": ("2024-04", "2023", before), "year_ago": ("2023-05", None, None)}
    whole = {
        "subject": {
            "kind": "grid", "level": "district", "level_number": 2, "code": code, "parent": "4401", "name": name,
            "grid_kind": "district", "edition": "2024", "group": None, "role": None,
        },
        "counts": assessment.count_values(counted(row)),
        "indicators": assessment.indicator_values(counted(row), 2_000_000.0),
        "comparisons": {
            n: {
                "period": period, "edition": edition,
                "counts": assessment.count_values(counted(then)) if then else None,
                "indicators": assessment.indicator_values(counted(then), 2_000_000.0) if then else None,
            }
            for n, (period, edition, then) in earlier.items()
        },
    }  # fmt: skip
    return Facts.model_validate(whole)


def assessed(rows=None, names=None, chances=None):
    rows = rows or {"440101": A, "440102": B, "440103": {}}
    both = list(zip(names, names, strict=True)) if names else [
        ("东城区", "Dongcheng"), ("西城区", "Xicheng"), ("南城区", "Nancheng"),
    ]  # fmt: skip
    header = {
        "city": {"code": "4401", "name": {"zh": "示例市", "en": "Sample City"}},
        "datum": "CGCS2000",
        "period": {"label": "2024-05", "first": "2024-05-01", "last": "2024-05-31"},
        "as_of": "2024-06-01T00:00:00+08:00",
        "edition": "2024",
        "levels": [{"key": "district", "number": 2, "zh": "区县", "en": "District"}],
        "counts": {"cases": ["n_reported"], "samples": ["n_samples"]},
        "evidence": {"cases": {"n": 1592, "sha256": "c" * 64}, "samples": {"n": 4, "sha256": "d" * 64}},
        "unassigned": {"district": dict.fromkeys(COUNTS, 7)},
        "earlier": {},
    }
    facts = {
        c: facts_of(c, row, {"zh": zh, "en": en}, BEFORE if c == "440101" else None)
        for (c, row), (zh, en) in zip(rows.items(), both, strict=False)
    }
    plain = {"periods": {"2024-05": {c: {
        "inputs": {n: value if isinstance(value := counted(row)[k], int) else exact(value) for n, k in INPUTS.items()},
        "sources": dict.fromkeys(INPUTS, "cases"),
    } for c, row in rows.items()}}}  # fmt: skip
    made = assessment.assess(BOOK, read_dossier(BOOK.rulebook, plain), "2024-05", Header, header, facts)
    more = {"name": "grid_baseline-2024-05-1", "sha256": made.sha256, "parents": {"4401": header["city"]["name"]}}
    return shown(made, more, chances)


@pytest.fixture(scope="module")
def made():
    return assessed()


@pytest.fixture(scope="module")
def card(made):
    header, documents = made
    drawing = sketch.sketch(scene_of(SQUARE, spots=[(114.01, 30.005)] * 5), title="东城区")
    return Card(header, documents[0], drawing, ("n_reported", 5))


def cells(data):
    book = load_workbook(io.BytesIO(data))
    return book, {s.title: [c for row in s.iter_rows() for c in row if c.value is not None] for s in book}


# Words


def line_of(document, item):
    return next(x for x in document.lines if x.item == item)


def told(made, document, item):
    return lines.line_words(line_of(document, item), made[0].rulebook.rates)


def test_steps_read_as_the_sum_a_manager_checks(made):
    text = told(made, made[1][0], "rework")
    assert text["zh"] == "返工率（9 ÷ 200）4.50%，超过 2% 的部分每满 1 个百分点扣 3 分，满 2 个，扣 6 分"
    assert text["en"].startswith(
        "Rework rate (9 ÷ 200) 4.50%: every full percentage point above 2% costs 3 points; 2 of them full"
    )


def test_every_reason_is_worded_in_both_languages(made):
    for reason in (
        "line_proportional", "line_within_threshold", "line_steps", "line_zero_beyond", "line_no_data_leave_out",
        "line_no_data_full", "line_no_data_incomplete",
        "total_sum", "total_scaled", "total_no_data", "total_incomplete",
    ):  # fmt: skip
        assert set(catalogue()[reason]) == {"zh", "en"}
    for header, documents in (made, departments()):
        for document in documents:
            found = [lines.line_words(x, header.rulebook.rates) for x in document.all_lines]
            for text in (*found, lines.total_words(document)):
                assert not re.search(r"[{}]|n_[a-z]+|line_|rule_|total_|card_", text["zh"] + text["en"])


def test_missing_data_names_what_was_missing(made):
    assert told(made, made[1][1], "inspection")["zh"].startswith("有得分样本数为 0，没有数据：本项不计入")
    assert lines.total_words(made[1][2])["zh"] == "所有项目都没有数据，不形成总分"


def total_of(document, total, code, facts):
    """Why a document would have that total, in words."""
    return lines.total_words(document.model_copy(update={"total": total, "reason": Reason(code=code, facts=facts)}))


def test_people_read_rounded_numbers_and_the_json_has_the_exact_ones(made):
    facts = {"gained": "19455/19474", "possible": "85", "scale": "100"}
    text = total_of(made[1][0], None, "total_scaled", facts)
    assert "1.00 分" in text["zh"]
    assert "19455" not in text["zh"]


def test_a_total_near_a_grades_bound_is_written_in_its_reason_as_it_is_shown(made):
    total = Number(exact="269989/3000", shown="89.996")
    assert total_of(made[1][0], total, "total_sum", {"gained": total.exact})["zh"] == "各项之和 89.996 分"


def test_incomplete_total_names_its_inputs(made):
    facts = {"n": "1", "inputs": {"zh": "返工案件数", "en": "Reworked cases"}}
    assert total_of(made[1][0], None, "total_incomplete", facts)["zh"].endswith("返工案件数")


REASONED = """
id: reasoned
version: 1
title: {{zh: x, en: x}}
issuer: {{zh: x, en: x}}
source: s
valid: {{from: 2000-01-01}}
population: {{kind: unit}}
empty: {{option: leave_out, reason: {{zh: x, en: x}}}}
inputs:
  part: {{title: {{zh: 返工案件数, en: Reworked}}, type: count, entered: {{zh: x, en: x}}}}
  whole: {{title: {{zh: 应结案数, en: Due}}, type: count, entered: {{zh: x, en: x}}}}
rates:
  share: {{title: {{zh: 返工率, en: Rework rate}}, numerator: part, denominator: whole}}
stages:
  - id: month
    title: {{zh: x, en: x}}
    cadence: month
    score: {{id: all, title: {{zh: x, en: x}}, kind: sum, items: [{item}]}}
"""
STEPS = (
    "{{id: x, title: {{zh: x, en: x}}, kind: deduct, points: 10{more}, rules: [{{id: r, title: {{zh: x, en: x}}, "
    "kind: steps, rate: share, threshold: 2, direction: above, step: 1, points_per_step: 3{over}}}]}}"
)


def reasoned(item, n, of):
    """The reason of one item's line, in words."""
    loaded = load.parse(REASONED.format(item=item), "reasoned.yaml")
    dossier = read_dossier(loaded.rulebook, {"periods": {"2024-05": {"U": {"inputs": {"part": n, "whole": of}}}}})
    facts = {"U": Facts(subject=Subject(code="U", level="unit", group=None, name={"zh": "U", "en": "U"}))}
    made = assessment.assess(loaded, dossier, "2024-05", Evaluated, {"period": "2024-05"}, facts)
    return lines.line_words(made.subjects[0].lines[0], made.header.rulebook.rates)


def step_words(n, of, over="", more=""):
    return reasoned(STEPS.format(over=over, more=more), n, of)


def test_used_up_begun_and_zero_beyond_are_said():
    assert step_words(9, 10)["zh"].endswith("；最多扣 10 分，扣完为止")
    assert "扣完为止" not in step_words(5, 100)["zh"]
    assert "最多扣 15 分" in step_words(9, 10, more=", floor: -5")["zh"]
    begun = step_words(35, 1000, ", step_mode: ceil")["en"]
    assert "every percentage point or part of it above 2% costs 3 points; 2 of them begun" in begun
    assert "超过 2% 的部分每 1 个百分点扣 3 分，共 3 个，扣 9 分" in step_words(5, 100)["zh"]
    assert "本项得 0 分" in step_words(9, 10, ", zero_beyond: 50")["zh"]


@given(st.integers(0, 60), st.integers(1, 20_000))
@example(40, 1996)  # 2.004 %
def test_a_rounded_rate_never_seems_to_be_on_the_other_side_of_a_limit(n, of):
    percent = Fraction(min(n, of) * 100, of)
    said = Fraction(re.search(r"）([\d.]+)%", step_words(min(n, of), of)["zh"])[1])
    assert (said > 2) == (percent > 2)
    assert (said >= 3) == (percent >= 3)


TARGET = "{id: x, title: {zh: x, en: x}, kind: target, rate: share, at_least: 80}"


@given(st.integers(0, 20_000), st.integers(1, 20_000))
def test_a_rounded_rate_never_seems_to_reach_a_target_that_it_does_not_reach(n, of):
    text = reasoned(TARGET, min(n, of), of)["zh"]
    percent, said = Fraction(min(n, of) * 100, of), Fraction(re.search(r"）([\d.]+)%", text)[1])
    assert (said >= 80) == (percent >= 80) == ("达到目标 80%" in text and "未达到" not in text)


@pytest.mark.parametrize(
    ("code", "facts", "unit", "said"),
    [
        ("line_constant", {"value": "100"}, None, "基础分 100"),
        ("line_proportional", {"value": "0.95", "maximum": "30"}, "percent", "95.00% × 满分 30 分"),
        ("line_proportional", {"value": "86", "maximum": "15"}, "points", "86.00/100 × 满分 15 分"),
        ("line_all", {"amount": "91.5", "test": ">=", "limit": "90"}, "percent", "91.50% ≥ 90%，得满分"),
        ("line_target_missed", {"amount": "12", "at_least": "30"}, None, "12，未达到目标 30"),
        ("line_weighted", {"terms": "1580/17 × 66 + 82 × 34", "over": "9"}, None, "加权：（92.94 × 66 + 82 × 34）÷ 9"),
        ("line_choice", {"value": {"zh": "完成", "en": "done"}}, None, "评定为 完成（不计分）"),
        ("rule_compare", {"left": "20", "test": ">", "right": "15", "points": "2"}, None, "20 > 15，计 2 分"),
        ("rule_compare_not", {"left": "134999/3000", "test": ">", "right": "45"}, None, "44.9997 不满足 > 45"),
    ],
)  # fmt: skip
def test_facts_are_written_in_their_unit(code, facts, unit, said):
    assert reason_words(code, facts, unit)["zh"] == said


# Figures


def test_comparisons_use_differences_for_rates_and_percentages_for_counts(made):
    rows = {r.name: r for r in cards.indicator_rows(made[0], made[1][0])}
    previous, year_ago = rows["closing_rate"].compared
    assert previous.change == Figure(Fraction(5), "pp")
    assert previous.trend == "better"
    assert rows["rework_rate"].compared[0].trend == "worse"
    assert rows["n_reported"].compared[0].change == Figure(Fraction(58, 100), "relative")
    assert year_ago.then.value is None
    assert year_ago.change.text("zh") == "—"


def test_parts_of_roads_are_exact_in_the_document_and_rounded_for_people():
    row = {
        **A,
        "n_samples": Fraction(19, 12),
        "n_scored_samples": Fraction(19, 12),
        "sum_sample_score": Fraction(1580, 12),
    }
    header, documents = assessed({"440101": row})
    header.unassigned["district"]["n_samples"] = "19/12"
    assert documents[0].counts["n_samples"] == documents[0].inputs["scored_samples"].value == "19/12"
    assert cards.indicator_row(header, documents[0], "n_samples").now.text("zh") == "1.58"
    (shown,) = (value["en"] for _, value in cards.basis(header) if "samples" in value["en"] and "due" in value["en"])
    assert shown == "7 reported, 7 due, 1.58 samples"
    sheet = load_workbook(io.BytesIO(summary_workbook(header, documents, lang="en")))["Ranking"]
    column = next(c.column for c in sheet[3] if c.value == "Samples")
    cell = sheet.cell(4, column)
    assert (cell.value, cell.number_format) == (pytest.approx(19 / 12), "#,##0.##")


def test_no_data_is_never_zero(made):
    rows = {r.name: r for r in cards.indicator_rows(made[0], made[1][1])}
    assert rows["rework_rate"].now.text("zh") == "无数据"
    assert rows["n_rework_cases"].now.text("en") == "no data"  # three cases due, of none is it known
    assert rows["n_closed_late"].now.text("zh") == "0"
    empty = {r.name: r for r in cards.indicator_rows(made[0], made[1][2])}
    assert empty["n_rework_cases"].now.text("zh") == "0"  # nothing was due: none was reworked
    assert empty["closing_rate"].now.text() == "无数据 no data"


def test_counts_of_steps_are_no_data_where_no_step_is_known():
    """They stood as 0: in a city that imports dates only, also where no date of a dispatch is told."""
    header, documents = assessed({"440101": {**A, "n_send_backs": 0, "n_acts_handled": 0, "n_dispatched": 0}})
    proofs = {**header.evidence, "steps": header.evidence["cases"].model_copy(update={"n": 0})}
    without = header.model_copy(update={"evidence": proofs})
    known = {**proofs, "steps": header.evidence["cases"]}
    for one, said in ((without, "无数据"), (header.model_copy(update={"evidence": known}), "0")):
        row = {r.name: r for r in cards.indicator_rows(one, documents[0])}["n_send_backs"]
        assert row.now.text("zh") == said
        found = cards.known_counts(one, documents[0])
        assert ("n_send_backs" in found) == (said == "0")
        assert (found["n_due"], found["n_acts_handled"]) == (200, 0)  # of acts nothing is said here
    undated = documents[0].model_copy(update={"counts": {"n_dispatched": 5, "n_send_backs": 0, "n_due": 5}})
    assert cards.known_counts(header, undated) == {"n_dispatched": 5, "n_due": 5}


def test_percentage_change_from_zero_is_not_a_number(made):
    before = Comparison(period="2024-04", edition=None, counts={"n_due": 0}, indicators=None)
    document = made[1][0].model_copy(update={"counts": {"n_due": 5}, "comparisons": {"previous": before}})
    assert cards.indicator_row(made[0], document, "n_due").compared[0].change.value is None


def test_ranked_puts_the_unscored_last(made):
    assert [d.subject.code for d in cards.ranked(made[1][::-1])] == ["440101", "440102", "440103"]


# Workbooks


def test_workbook_is_the_same_bytes_each_time(card, made):
    assert workbook(card) == workbook(card)
    assert summary_workbook(*made) == summary_workbook(*made)
    with zipfile.ZipFile(io.BytesIO(workbook(card))) as archive:
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"2024-05-31T16:00:00Z" in archive.read("docProps/core.xml")


def test_card_workbook_holds_numbers_formats_and_print_setup(card):
    book, values = cells(workbook(card))
    names = ["考评表 Scorecard", "指标 Indicators", "考核数据 Inputs", "计算依据 How it was computed"]
    assert book.sheetnames == names
    sheet = book.worksheets[0]
    assert sheet.freeze_panes == "A7"
    assert sheet.print_title_rows == "$6:$6"
    assert (sheet.page_setup.orientation, int(sheet.page_setup.paperSize)) == ("landscape", 9)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet["C7"].value == pytest.approx(28.5)
    assert (sheet["E7"].value, sheet["E7"].number_format) == (pytest.approx(0.95), "0.00%")
    assert (sheet["F7"].value, sheet["G7"].value) == (190, 200)
    assert sheet["A7"].font.name == "微软雅黑"
    assert "返工率（9 ÷ 200）" in sheet["H9"].value
    change = book.worksheets[1]["F4"]
    assert change.value == pytest.approx(5)
    assert "个百分点" in change.number_format
    assert {c.data_type for cs in values.values() for c in cs} <= {"s", "n"}


def test_summary_workbook_ranks_and_says_how(made):
    book, _ = cells(summary_workbook(*made))
    ranking = list(book.worksheets[0].iter_rows(min_row=4, values_only=True))
    assert [r[1] for r in ranking] == ["440101", "440102", "440103"]
    assert [r[0] for r in ranking] == [1, 2, "未排名 not ranked"]
    assert ranking[0][4] == pytest.approx(float(Fraction(made[1][0].total.exact)))
    assert ranking[2][4] == "无数据 no data"
    assert ranking[0][3] == "示例市 Sample City"
    assert book.worksheets[0].auto_filter.ref.startswith("A3:")
    text = "\n".join(str(c) for r in book.worksheets[2].iter_rows(values_only=True) for c in r if c)
    header = made[0]
    for expected in (
        header.name,
        header.sha256,
        header.rulebook.sha256,
        "c" * 64,
        f"grid_baseline v{BOOK.rulebook.version}",
        "数量守恒",
        "上报 7 件",
    ):
        assert expected in text


def test_a_level_without_grids_still_gives_a_workbook(made):
    assert len(load_workbook(io.BytesIO(summary_workbook(made[0], []))).worksheets) == 3


@pytest.mark.parametrize("name", [EVIL, "+1", "-1", "@SUM(A1)", "#N/A", "bad\x01name"])
def test_a_name_is_text_whatever_it_begins_with(name):
    header, documents = assessed({"=1+1": A}, [name])
    card = Card(header, documents[0], None)
    for data in (workbook(card), summary_workbook(header, documents)):
        _, values = cells(data)
        found = [
            c for cs in values.values() for c in cs if str(c.value).replace("\x01", "") == name.replace("\x01", "")
        ]
        assert found
        assert {c.data_type for c in found} == {"s"}
        assert not any(b"<f>" in zipfile.ZipFile(io.BytesIO(data)).read(n) for n in ("xl/worksheets/sheet1.xml",))


# Tables


def test_csv_reads_back_with_names_counts_and_no_data(made):
    text = tables.summary_csv(*made, lang="zh")
    assert text.startswith("\ufeff名次,")
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    assert [r["编码"] for r in rows] == ["440101", "440102", "440103"]
    assert (rows[0]["上报数"], rows[0]["结案率"], rows[0]["上报数 | 环比"]) == ("1580", "95.00%", "+58.0%")
    assert rows[2]["总分"] == "无数据"
    assert rows[0]["样本得分合计"] == "344.5"


def test_csv_leads_a_formula_with_an_apostrophe():
    header, documents = assessed({"440101": A}, [EVIL])
    row = next(csv.DictReader(io.StringIO(tables.summary_csv(header, documents, "zh")[1:])))
    assert row["名称"] == "'" + EVIL


def test_json_keeps_the_document_as_it_is(made):
    assert json.loads(tables.card_json(made[0], made[1][0]))["scorecard"] == plain(made[1][0])


# Page


class Tags(HTMLParser):
    VOID = ("meta", "path", "rect", "br")

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def check_page(text):
    """Every element is closed, nothing is fetched, nothing is left unworded."""
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    told = re.sub(r"<style>.*?</style>", "", text, flags=re.S)
    assert not re.search(r"(card|line|rule|total|page)_[a-z]|\bNone\b", told)


def test_page_is_whole_and_asks_nothing_of_a_network(card):
    text = page(card)
    check_page(text)
    tags = Tags()
    tags.feed(text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert not {"script", "link", "img", "iframe"} & {t for t, _ in tags.seen}
    assert not any(k in ("src", "href") for _, attrs in tags.seen for k in attrs)
    assert "返工率（9 ÷ 200）4.50%" in text
    assert "无数据" in page(Card(card.header, card.document, None), "zh")
    assert page(card) == text


@pytest.mark.parametrize(("lang", "other"), [("zh", "en"), ("en", "zh")])
def test_page_speaks_one_language_if_asked(card, lang, other):
    assert f'<html lang="{lang}">' in page(card, lang)
    assert f'<span lang="{other}">' not in page(card, lang)


def test_page_escapes_names():
    header, documents = assessed({"440101": A}, ["<script>alert(1)</script>"])
    drawing = sketch.sketch(scene_of(SQUARE), title="<script>alert(1)</script>")
    assert "<script" not in page(Card(header, documents[0], drawing))


# Units: no map, no counts; weights, rules, consequences, inputs that are missing


@pytest.fixture(scope="module")
def offices():
    return departments()


def office(offices, code):
    header, documents = offices
    return header, next(d for d in documents if d.subject.code == code)


def test_the_tree_says_weights_signs_and_why(offices):
    found = {x.item: x for x in lines.score_lines(*office(offices, "CG"))}
    assert [(x.item, x.depth) for x in found.values()][:5] == [
        ("base", 0), ("digital_part", 1), ("special", 1), ("lines_part", 2), ("facades_part", 2),
    ]  # fmt: skip
    assert (found["special"].code, found["special"].weight, found["special"].maximum) == ("2", 40, None)
    assert found["facades_part"].points.text("zh") == "不适用"
    assert (found["discipline"].points.text(), found["discipline"].share) == ("3.00", 0.3)
    assert (found["late"].is_rule, found["late"].points.text()) == (True, "-6.00")
    assert found["late"].reason["zh"] == "4 次 × 2 分 = 8 分，封顶 6 分"
    assert found["slow"].reason["zh"].startswith("结案率（33 ÷ 40）82.50%，低于 90% 的部分每满 5 个百分点扣")
    assert found["bonus_events_outside_duty"].points.text() == "+3.00"
    assert found["penalty_events_circular"].points.text() == "-2.00"
    beside = {x.item: x for x in lines.shown_lines(*office(offices, "CG"))}
    assert beside["closing_shown"].points.text() == "82.50%"
    assert beside["closing_target"].points.text("zh") == "未达标"


def test_consequences_say_their_tone_money_periods_and_what_people_must_decide(offices):
    [penalty] = results.consequences(office(offices, "CG")[1])
    assert (penalty.tone, penalty.title["zh"]) == ("penalty", "分管领导作检查")
    assert penalty.why["zh"] == "依据 2021-02、2021-03 的结果，已计 2 次；向工作领导小组书面检查"
    [prize] = results.consequences(office(offices, "ZJ")[1])
    assert prize.title == {"zh": "奖励资金 20,000 元（待定）", "en": "Prize money, 20,000 yuan (not decided)"}
    assert "尚有考核对象未出结果" in prize.why["zh"]
    scored = departments({c: v for c, v in MONTH.items() if c != "JT"})
    assert results.consequences(office(scored, "ZJ")[1])[0].title["zh"] == "奖励资金 20,000 元"
    twins = departments({"ZJ": MONTH["ZJ"], "JT": MONTH["ZJ"], "CG": MONTH["CG"]})
    assert "名次并列，归属由人决定" in results.consequences(office(twins, "JT")[1])[0].why["zh"]


def test_ranks_are_provisional_while_inputs_are_missing(offices):
    assert [x.told["zh"] for x in results.ranks(*office(offices, "ZJ"))] == ["第 1 名 / 共 2 个（暂定）"]
    scored = departments({c: v for c, v in MONTH.items() if c != "JT"})
    assert [x.told["zh"] for x in results.ranks(*office(scored, "ZJ"))] == ["第 1 名 / 共 2 个"]


def test_an_incomplete_card_says_what_is_missing_and_where(offices):
    header, document = office(offices, "JT")
    assert results.missing(document) == [
        ("2021-03", {"zh": "架空线路、街景立面", "en": "Overhead lines, Street fronts"})
    ]
    text = page(Card(header, document, None), "zh")
    check_page(text)
    for expected in ("尚缺数据", "架空线路、街景立面", "待定", "待录入", "尚缺 2 项数据，不形成总分"):
        assert expected in text
    book, _ = cells(workbook(Card(header, document, None)))
    values = [str(c) for r in book.worksheets[0].iter_rows(values_only=True) for c in r if c]
    assert "待定 open" in values
    after = values[values.index("尚缺数据 Inputs still missing") :]
    assert "架空线路、街景立面\nOverhead lines, Street fronts" in after


def test_a_units_page_has_no_map_no_counts_and_its_consequences(offices):
    header, document = office(offices, "CG")
    text = page(Card(header, document, None), "zh")
    check_page(text)
    assert not re.search("边界图形|未归属|数量守恒|上年同期 |None", text)
    for expected in (
        'class="penalty"', "分管领导作检查", "依据 2021-02、2021-03 的结果", "权重 60", "另行列示",
        "departments-2021-02-1", "2021-03-04 · 被县通报", "依据：县通报〔2021〕3号", "各专项如何合成",
        "文中没有权重", "不合格 其余", "案件统计",
    ):  # fmt: skip
        assert expected in text
    english = page(Card(header, document, None), "en")
    check_page(english)
    visible = re.sub(r"<style>.*?</style>|<[^>]+>", "", english, flags=re.S)
    allowed = "县通报〔2021〕3号一二"
    assert not [c for c in visible if "\u4e00" <= c <= "\u9fff" and c not in allowed]


def test_a_units_workbook_is_an_indented_tree_with_rules_set_lighter(offices):
    header, document = office(offices, "CG")
    data = workbook(Card(header, document, None))
    assert data == workbook(Card(header, document, None))
    book, values = cells(data)
    assert book.sheetnames == ["考评表 Scorecard", "考核数据 Inputs", "计算依据 How it was computed"]
    sheet = book.worksheets[0]
    rows = {sheet.cell(r, 1).value: r for r in range(7, sheet.max_row + 1)}
    item, part, leaf = rows["一 基本分 Base"], rows["1 数字城管 Digital"], rows["架空线路 Overhead lines"]
    rule = rows["1 每迟报一次 For each late report"]
    assert [sheet.cell(r, 1).alignment.indent for r in (item, part, leaf)] == [1, 3, 5]
    assert [sheet.row_dimensions[r].outlineLevel for r in (item, part, leaf)] == [0, 1, 2]
    assert (sheet.cell(part, 2).value, sheet.cell(part, 2).number_format) == (60, '"权重 "0')
    assert (sheet.cell(rule, 3).value, sheet.cell(rule, 3).number_format[:5]) == (-6, "+0.00")
    assert (sheet.cell(rule, 1).style, sheet.cell(rule, 3).style, sheet.cell(item, 1).style) == (
        "gm_rule", "gm_rule_number", "gm_item",
    )  # fmt: skip
    assert sheet.cell(rows["2 结案率低于90% Closing below 90 %"], 5).value == pytest.approx(0.825)
    assert rows["结果运用 Consequences"] > rows["总分 Total"]
    said = sheet.cell(rows["结果运用 Consequences"] + 1, 2).value
    assert said.startswith("分管领导作检查")
    assert "2021-02、2021-03" in said
    assert sheet.freeze_panes == "A7"
    inputs = {r[0]: r for r in book.worksheets[1].iter_rows(min_row=4, values_only=True)}
    assert inputs["架空线路 Overhead lines"][1:3] == (70.5, "人工录入 entered")
    assert inputs["街景立面 Street fronts"][1] == "不适用 does not apply"
    assert "=HYPERLINK(1)" in inputs["奖惩事项 Events"][3]
    assert {c.data_type for cs in values.values() for c in cs} <= {"s", "n"}


def test_a_units_summary_has_top_items_only_and_what_followed(offices):
    book, values = cells(summary_workbook(*offices))
    assert book.sheetnames == ["排名 Ranking", "计算依据 How it was computed"]
    head, *ranking = list(book.worksheets[0].iter_rows(min_row=3, values_only=True))
    assert [h.split("\n")[0] for h in head] == [
        "名次", "编码", "名称", "上级", "总分", "等次", "基本分", "工作纪律", "加分", "减分", "结果运用", "尚缺项数",
    ]  # fmt: skip
    assert [r[1] for r in ranking] == ["ZJ", "CG", "JT"]
    assert ranking[1][4:12] == (
        pytest.approx(68.2), "不合格 Fail", pytest.approx(64.2), 3, 3, -2,
        "分管领导作检查\nThe leader in charge makes a self-criticism", None,
    )  # fmt: skip
    assert ranking[2][4:7] == ("待定 open", "未评等次 no grade", "待定 open")
    assert ranking[2][11] == 2
    assert {c.data_type for cs in values.values() for c in cs} <= {"s", "n"}


def test_a_units_csv_reads_back(offices):
    rows = list(csv.DictReader(io.StringIO(tables.summary_csv(*offices, "zh")[1:])))
    assert [(r["编码"], r["总分"], r["结果运用"], r["尚缺项数"]) for r in rows] == [
        ("ZJ", "100.70", "奖励资金 20,000 元（待定）", "0"),
        ("CG", "68.20", "分管领导作检查", "0"),
        ("JT", "待定", "", "2"),
    ]
    assert "应结案数" not in rows[0]


def test_a_title_that_would_run_as_a_formula_is_text_in_every_place():
    text = f"'{EVIL}'"
    evil = {**MONTH, "CG": {**MONTH["CG"], "events": [{"code": "circular", "evidence": EVIL, "note": EVIL}]}}
    header, documents = departments(evil)
    for c in (c for document in documents for c in document.consequences):
        c.title.update(zh=EVIL, en=EVIL)
    for data in (workbook(Card(header, documents[0], None)), summary_workbook(header, documents)):
        assert not any(b"<f>" in zipfile.ZipFile(io.BytesIO(data)).read(f"xl/worksheets/sheet{n}.xml") for n in (1, 2))
    row = list(csv.DictReader(io.StringIO(tables.summary_csv(header, documents, "zh")[1:])))[1]
    assert row["结果运用"].startswith("'=HYPERLINK"), text


CHANCE = {
    "seed": "0", "draws": 1000, "level": "0.90", "rank": {"low": 1, "high": 3}, "grade_share": "0.620",
    "third": "top", "third_share": "0.810", "reason": None, "notes": [],
    "rates": {
        "rework_rate": {"n": "200", "low": "0.0239", "high": "0.0833", "level": "0.95", "method": "wilson",
                        "unit": "percent", "small": False, "alike": False},
    },
}  # fmt: skip


def test_chance_is_said_beside_the_score_and_at_its_rate():
    header, documents = assessed(chances={"440101": CHANCE})
    found = {x.item: x for x in lines.score_lines(header, documents[0])}
    assert found["rework"].chance["zh"] == "95% 置信区间 2.4%–8.3%（n = 200）"
    assert found["closing"].chance is None
    assert results.chance_words(documents[1]) is None
    text = page(Card(header, documents[0], None), "zh")
    assert "考虑抽样误差，名次可能在第1–3名（90%）；等次不变的可能为62%" in text
    assert "95% 置信区间 2.4%–8.3%" in text
    book, _ = cells(workbook(Card(header, documents[0], None)))
    values = [str(c) for r in book.worksheets[0].iter_rows(values_only=True) for c in r if c]
    assert any("名次可能在第1–3名" in v for v in values)


@pytest.mark.parametrize(("lang", "other"), [("zh", "Dongcheng"), ("en", "东城区")])
def test_a_file_in_one_language_has_no_line_of_the_other(made, lang, other):
    header, documents = made
    card = Card(header, documents[0], None)
    _, values = cells(workbook(card, lang))
    said = "\n".join(str(c.value) for row in values.values() for c in row)
    for text in (page(card, lang), tables.summary_csv(header, documents, lang), said):
        assert other not in text
    if lang == "zh":
        assert not re.search(r"Total|Rank|Grade|Reason|rate", said)


def test_english_stands_first_where_the_city_speaks_it_first(made):
    header, documents = made
    card = Card(header, documents[0], None)
    text = page(card, ENGLISH_FIRST)
    assert '<html lang="en" class="both">' in text
    assert text.index(">Dongcheng<") < text.index(">东城区<")
    assert 'class="beside">Dongcheng' not in text
    book, _ = cells(workbook(card, ENGLISH_FIRST))
    assert book.worksheets[0].cell(1, 1).value == "Dongcheng 东城区"
    assert cells(workbook(card))[0].worksheets[0].cell(1, 1).value == "东城区 Dongcheng"


def test_heads_of_a_csv_are_words_or_codes(made):
    header, documents = made
    read = [next(csv.reader(io.StringIO(tables.summary_csv(header, documents, "zh", codes=c)[1:]))) for c in (0, 1)]
    assert len(read[0]) == len(read[1])
    assert dict(zip(*read, strict=True))["结案率"] == "closing_rate"
    assert read[1][:4] == ["rank", "code", "name", "parent_code"]
    assert {"closing_rate_previous", "closing_rate_previous_change", "n_due_year_ago"} <= {*read[1]}
    assert all(re.fullmatch("[a-z0-9_]+", head) for head in read[1])
    assert len({*read[1]}) == len(read[1])


def test_a_workbook_prints_readably_and_without_empty_columns(offices):
    wide = summary_workbook(*offices)
    sheet = cells(wide)[0].worksheets[0]
    width = sum(d.width for d in sheet.column_dimensions.values())
    assert width / sheet.page_setup.fitToWidth <= 210
    header, document = office(offices, "CG")
    sheet = cells(workbook(Card(header, document, None)))[0].worksheets[0]
    assert not any(d.hidden for d in sheet.column_dimensions.values())  # it has a rate
    entered = [x.model_copy(update={"indicator": None, "value": None}) for x in document.lines]
    document = document.model_copy(update={"lines": entered, "shown": []})
    sheet = cells(workbook(Card(header, document, None)))[0].worksheets[0]
    assert {k for k, d in sheet.column_dimensions.items() if d.hidden} == set("DEFG")
    assert "名次" in str(sheet.cell(3, 8).value)


def test_people_read_no_offset_of_a_time(made):
    header, documents = made
    card = Card(header, documents[0], None)
    said = [str(c.value) for row in cells(workbook(card))[1].values() for c in row]
    assert not [x for x in [*said, page(card), *tables.summary_csv(header, documents)] if "+08:00" in x]
    assert "2024-06-01 00:00" in page(card)


def test_totals_that_print_alike_get_the_digit_that_parts_them(made):
    header, documents = made
    close = {"440101": "83.3312", "440102": "83.3349", "440103": "83.3312"}
    totals = [Number(exact=close[d.subject.code], shown="83.33") for d in documents]
    both = apart([d.model_copy(update={"total": t}) for d, t in zip(documents, totals, strict=True)])
    assert [d.written_total for d in both] == ["83.331", "83.335", "83.331"]
    assert plain(both[0])["total"] == {"exact": "83.3312", "shown": "83.33"}  # the document itself is as it was
    assert "_written" not in json.dumps(plain(both[0]))
    rows = list(csv.reader(io.StringIO(tables.summary_csv(header, both, "zh"))))
    assert {r[1]: r[5] for r in rows[1:]} == {"440101": "83.331", "440102": "83.335", "440103": "83.331"}
    assert "83.335" in page(Card(header, both[1], None), "zh")
    assert cards.total_words_short(both[2]) == "83.331"
    book, _ = cells(summary_workbook(header, both))
    formats = [row[4].number_format for row in book.worksheets[0].iter_rows(min_row=4)]
    assert formats == ["0.000"] * 3


def test_a_rank_among_siblings_is_called_by_their_parents_level(made):
    header, documents = made
    subject = documents[0].subject.model_copy(update={"level": "street", "level_number": 3})
    street = documents[0].model_copy(update={"subject": subject})
    assert [x.name["zh"] for x in results.ranks(header, street)] == ["全市同级名次", "本区县内名次"]
    assert results.ranks(header, street)[1].name["en"] == "Rank within the district"
    below = street.model_copy(update={"subject": subject.model_copy(update={"level_number": 4})})
    assert results.ranks(header, below)[1].name["zh"] == "本上级辖区内名次"  # the level above is not assessed


def test_a_district_s_rank_within_its_parent_which_is_the_city_is_said_once(made):
    header, documents = made
    district = documents[0]
    assert (district.subject.level_number, district.rank.level) == (2, district.rank.siblings)
    assert [x.name["zh"] for x in results.ranks(header, district)] == ["全市同级名次"]
    text = page(Card(header, district, None), "zh")
    assert text.count(results.rank_words(district.rank.level)["zh"]) == 1


def test_a_card_lists_no_count_that_only_explains_a_source(made):
    names = [row.name for row in cards.indicator_rows(made[0], made[1][0])]
    assert "n_closed" in names
    assert "n_closed_derived" not in names
    assert cards.indicator_row(made[0], made[1][0], "n_closed_derived").now.value == 0


def test_quotas_and_exemptions_are_said(offices):
    header, document = office(offices, "CG")
    title = {"zh": "优秀名额", "en": "Quota"}
    refusal = Refusal(quota="q", title=title, group=None, subjects=["CG", "ZJ"], at_most=1)
    header = header.model_copy(update={"refusals": [refusal]})
    document = document.model_copy(update={"exempted": ["A001", "A002"]})
    text = page(Card(header, document, None), "zh")
    check_page(text)
    assert "优秀名额：本组申报 2 个，限 1 个，均未采纳" in text
    assert "A001、A002" in text
    assert "CG、ZJ" in "".join(v["zh"] for _, v in cards.basis(header))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "是"), ("not_applicable", "不适用"), ("1234.5", "1,234.5"), ([], "0 条"), (["95", "90"], "95；90"),
        ({"leader": ["95", "90"]}, "leader: 95；90"), ("done", "done"),
    ],
)  # fmt: skip
def test_inputs_are_said_by_value(value, said):
    assert results.value_words(value)["zh"] == said


# Sketch


def wiggly(n, lon=114.0, lat=30.0, radius=0.1):
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    r = radius * (1 + 0.05 * np.sin(40 * angle) + 0.02 * np.sin(977 * angle))
    return shapely.Polygon(np.column_stack([lon + r * np.cos(angle), lat + r * np.sin(angle)]))


def test_sketch_stays_small_whatever_it_draws():
    spots = np.random.default_rng(1).normal([114.0, 30.0], 0.03, (20_000, 2))
    around = [wiggly(4000, 114 + dx, 30 + dy) for dx, dy in ((0.2, 0), (-0.2, 0), (0, 0.2), (0, -0.2))]
    text = sketch.sketch(scene_of(wiggly(40_000), [wiggly(2000, radius=0.05)] * 20, around, spots))
    assert 10_000 < len(text.encode()) < sketch.MAX_BYTES


def test_sketch_is_the_same_each_time():
    spots = [(114.005, 30.005)] * 3 + [(114.015, 30.002)]
    assert sketch.sketch(scene_of(SQUARE, spots=spots)) == sketch.sketch(scene_of(SQUARE, spots=spots[::-1]))


def test_sketch_keeps_north_up_and_shape_true():
    view = view_of(shapely.box(114.0, 59.0, 114.02, 61.0))
    x, y = view(np.array([[114.0, 60.0], [114.01, 60.0], [114.0, 60.01]])).T
    assert y[2] < y[0]
    assert x[1] > x[0]
    assert (x[1] - x[0]) / (y[0] - y[2]) == pytest.approx(0.5, rel=1e-3)  # cos 60°


@given(st.lists(st.tuples(st.floats(114.0, 114.02), st.floats(30.0, 30.01)), max_size=60))
def test_every_case_inside_is_in_exactly_one_dot(spots):
    dots = bin_spots(view_of(SQUARE), np.array(spots, dtype=float).reshape(-1, 2))
    assert dots[:, 2].sum() == len(spots)


def test_sketch_holds_with_degenerate_input():
    scene = scene_of(shapely.box(114, 30, 114.01, 30.01), [shapely.Polygon()], [shapely.box(0, 0, 1, 1)])
    assert "<svg" in sketch.sketch(scene)
    multi = shapely.MultiPolygon([SQUARE, shapely.box(114.03, 30.0, 114.04, 30.01)])
    assert sketch.sketch(scene_of(multi)).count("z") >= 2


# Files


@given(st.lists(st.text(min_size=1, max_size=200), min_size=2, max_size=2, unique=True))
def test_file_stems_are_safe_and_distinct(codes):
    stems = [file_stem(c) for c in codes]
    assert all(re.fullmatch(r"[A-Za-z0-9_.%-]{1,120}", s) for s in stems)
    assert not any(s.startswith(".") or s.lower() in ("summary", "con", "nul") for s in stems)
    assert stems[0] != stems[1]


def _half_an_export(out):
    with _moved_into(out) as folder:
        (folder / "a.json").write_text("2")
        (folder / "missing").read_text()


def test_a_failed_export_leaves_the_folder_as_it_was(tmp_path):
    out = tmp_path / "out"
    with _moved_into(out) as folder:
        (folder / "a.json").write_text("1")
    with pytest.raises(FileNotFoundError):
        _half_an_export(out)
    assert [(p.name, p.read_text()) for p in out.iterdir()] == [("a.json", "1")]
    assert list(tmp_path.iterdir()) == [out]


# --- praise and blame of one rank -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tied():
    """Of four units three are tied last, so that they are among the first two and among the last two."""
    totals = {"A": 90, "B": 70, "C": 70, "D": 70}
    return of_book("qixian", "2021-03", {c: {"result": {"total": t}} for c, t in totals.items()})


def of_book(book, period, records):
    loaded = load.load(book)
    return evaluated(loaded, read_dossier(loaded.rulebook, {"periods": {period: records}}))[0]


def test_praise_of_the_tied_last_is_not_printed_as_praise(tied):
    told = {c.title["zh"]: c for c in results.consequences(tied.subjects[1])}
    praise = told["县委县政府督查局通报表扬（待定）"]
    assert praise.tone == "notice"
    assert praise.why["zh"].endswith("同一名次既在受表扬之列又在受批评之列，暂不执行，由人决定")
    assert praise.why["en"].endswith(
        "the same rank brings praise and blame, so that neither is carried out until people decide"
    )
    assert told["媒体公布末位"].tone == "warning"
    assert [c.tone for c in results.consequences(tied.subjects[0]) if "待定" in c.title["zh"]] == []


def test_where_results_stand_in_one_line_the_clash_is_said(tied):
    line = results.consequences_line(tied.subjects[1])
    assert "县委县政府督查局通报表扬（待定）" in line["zh"]
    assert "Circulated praise by the supervision bureau (not decided)" in line["en"]
    assert word("undecided_clash", lang="zh") == "同一名次既受表扬又受批评，由人决定"
    assert "同一名次既在受表扬之列又在受批评之列" in evaluation_text([tied], "zh")


# --- beside the score -------------------------------------------------------------------------------------------------


def test_what_only_figures_beside_the_score_lack_is_not_said_to_be_awaited():
    entered = {"business": 90, "digital": 80, "social": 70}
    found = of_book("wuzhong_town", "2025-Q1", {"U": {"inputs": entered}, "V": {"inputs": {"digital": 80}}})
    whole, open_ = found.subjects
    assert (whole.status, open_.status) == ("scored", "incomplete")
    assert "due" in {m.input for m in whole.missing}
    assert (whole.awaited, open_.awaited) == ([], open_.missing)
    beside, awaited = (catalogue()[results.missing_title(d)] for d in (whole, open_))
    assert (beside["zh"], awaited["zh"]) == ("只列示的指标尚缺数据（不影响得分）", "尚缺数据")
    first, second = evaluation_text([found], "en").split(" V:")
    assert "Figures beside the score lack inputs (the score is complete): " in first
    assert "Inputs still missing" not in first
    assert "Inputs still missing: " in second


def test_counts_beside_the_score_are_shown_as_counts():
    steps = ["dispatched", "missed", "answered", "failed", "answered", "passed"]
    given = {"basic_grids": 60, "enterprise_grids": 2, "accounts": [{"id": "P1", "steps": steps}]}
    found = of_book("beijing_grid", "2025-03", {"U": {"inputs": given}})
    read = {x.item: x.points.text() for x in lines.shown_lines(found.header, found.subjects[0])}
    assert (read["supervisors_needed"], read["hangs"], read["hangs_P1"]) == ("186", "2", "2")
    assert [p.text() for p in lines.top_points(found.header, found.subjects[0])] == ["2", "186"]
    assert lines.top_numbers(found.header, found.subjects[0]) == {"hangs": "2", "supervisors_needed": "186"}


def test_counts_and_their_numbers_for_programs():
    given = {"reported": 1234, "dispatched": 5, "handled": 7, "handled_timed": 4, "late": 1}
    found = of_book("harbin", "2025-03", {"U": {"inputs": given}})
    assert [p.text() for p in lines.top_points(found.header, found.subjects[0])][:3] == ["1,234", "5", "7"]
    numbers = lines.top_numbers(found.header, found.subjects[0])
    assert (numbers["reports"], numbers["verifications"]) == ("1234", None)
    scored = of_book("wuzhong_town", "2025-Q1", {"U": {"inputs": {"business": 90, "digital": 80, "social": 70}}})
    assert lines.top_numbers(scored.header, scored.subjects[0])["business_part"] == "90.00"


def test_a_rank_beside_the_score_is_a_count() -> None:
    """It stood as 1.00, as points do."""
    made = of_book("huiji", "2025-Q1", {c: {"inputs": {"quarter_joint": n}} for c, n in (("A", 88), ("B", 70))})
    assert [line.strip() for line in evaluation_text([made], "zh").splitlines() if "季度名次" in line] == [
        "季度名次 1：按得分排第 1 名（共 2 个）",
        "季度名次 2：按得分排第 2 名（共 2 个）",
    ]
