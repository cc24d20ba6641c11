"""Exports: what a street manager reads, and what must hold of every file."""

import csv
import io
import json
import re
import zipfile
from fractions import Fraction
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from gridmgmt import scorecards
from gridmgmt.exports import cards, sketch, tables, wording
from gridmgmt.exports.cards import Card, Figure
from gridmgmt.exports.page import page
from gridmgmt.exports.workbook import summary_workbook, workbook
from gridmgmt.indicators import COUNTS
from gridmgmt.operations.exporting import _moved_into, file_stem
from gridmgmt.rulebooks import evaluate, load
from gridmgmt.rulebooks.model import Steps
from gridmgmt.texts import catalogue

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


def level_counts(rows):
    frame = pd.DataFrame([{n: rows[c].get(n, 0) for n in COUNTS} for c in rows], index=list(rows))
    frame["sum_sample_score"] = [Fraction(x) for x in frame["sum_sample_score"].astype(object)]
    return scorecards.LevelCounts(frame, {n: Fraction(0) if n == "sum_sample_score" else 7 for n in COUNTS})


def assessed(rows=None, names=None):
    rows = rows or {"440101": A, "440102": B, "440103": {}}
    grids = pd.DataFrame(
        {
            "level": 2, "code": list(rows), "parent_code": "4401",
            "name_zh": (names or ["东城区", "西城区", "南城区"])[: len(rows)],
            "name_en": (names or ["Dongcheng", "Xicheng", "Nancheng"])[: len(rows)],
            "kind": "district", "area_m2": 2_000_000.0, "edition": "2024",
        }
    ).astype(object)  # fmt: skip
    header = {
        "city": {"code": "4401", "name": {"zh": "示例市", "en": "Sample City"}},
        "datum": "CGCS2000",
        "period": {"label": "2024-05", "first": "2024-05-01", "last": "2024-05-31"},
        "as_of": "2024-06-01T00:00:00+08:00",
        "edition": "2024",
        "levels": [{"key": "district", "zh": "区县", "en": "District"}],
        "counts": {"cases": ["n_reported"], "samples": ["n_samples"]},
        "evidence": {"cases": {"n": 1592, "sha256": "c" * 64}, "samples": {"n": 4, "sha256": "d" * 64}},
    }
    before = {
        "previous": scorecards.Earlier("2024-04", "2023", {2: level_counts({"440101": BEFORE})}),
        "year_ago": scorecards.Earlier("2023-05", None, {}),
    }
    made = scorecards.assess(BOOK, header, grids, {2: level_counts(rows)}, before, {2: "district"})
    more = {"name": "grid_baseline-2024-05-1", "sha256": made.sha256, "parents": {"4401": header["city"]["name"]}}
    return {**made.header, **more}, json.loads(json.dumps(made.subjects))


@pytest.fixture(scope="module")
def made():
    return assessed()


@pytest.fixture(scope="module")
def card(made):
    header, documents = made
    drawing = sketch.sketch(SQUARE, spots=[(114.01, 30.005)] * 5, title="东城区")
    return Card(header, documents[0], drawing, ("n_reported", 5))


def cells(data):
    book = load_workbook(io.BytesIO(data))
    return book, {s.title: [c for row in s.iter_rows() for c in row if c.value is not None] for s in book}


# Words


def test_steps_read_as_the_sum_a_manager_checks(made):
    line = made[1][0]["lines"][2]
    text = wording.line_words(line)
    assert text["zh"] == "返工率（9 ÷ 200）4.50%，超出界限 2% 共 2 个整步（每步 1 个百分点），每步扣 3 分，扣 6 分"
    assert text["en"].startswith("Rework rate (9 ÷ 200) 4.50%, beyond the limit of 2% by 2 completed steps")


def test_every_reason_is_worded_in_both_languages(made):
    for reason in (
        "line_proportional", "line_within_threshold", "line_steps", "line_zero_beyond", "line_no_data_leave_out",
        "line_no_data_full", "line_no_data_incomplete",
        "total_sum", "total_scaled", "total_no_data", "total_incomplete",
    ):  # fmt: skip
        assert set(catalogue()[reason]) == {"zh", "en"}
    for document in made[1]:
        for text in (*map(wording.line_words, document["lines"]), wording.total_words(document)):
            assert not re.search(r"[{}]|n_[a-z]+|line_|total_", text["zh"] + text["en"])


def test_missing_data_names_what_was_missing(made):
    assert wording.line_words(made[1][1]["lines"][4])["zh"].startswith("有得分样本数为 0，没有数据：本项不计入")
    assert wording.total_words(made[1][2])["zh"] == "所有项目都没有数据，不形成总分"


def test_people_read_rounded_numbers_and_the_json_has_the_exact_ones():
    facts = {"gained": "19455/19474", "possible": "85", "scale": "100"}
    text = wording.total_words({"lines": [], "reason": {"code": "total_scaled", "facts": facts}})
    assert "1.00 分" in text["zh"]
    assert "19455" not in text["zh"]


def test_incomplete_total_names_its_items(made):
    document = {"lines": made[1][0]["lines"], "reason": {"code": "total_incomplete", "facts": {"items": ["rework"]}}}
    assert wording.total_words(document)["zh"].endswith("返工率")


def step_line(n, of, **over):
    item = Steps(**{
        "id": "x", "title": {"zh": "x", "en": "x"}, "points": "10", "indicator": "rework_rate", "source": "s",
        "kind": "steps", "threshold": "2", "direction": "above", "step": "1", "points_per_step": "3", **over,
    })  # fmt: skip
    line = evaluate.score_line(item, {"n_rework_cases": n, "n_due_rework_known": of}, "leave_out")
    value = evaluate.exact(Fraction(n, of))
    return {
        "indicator": "rework_rate", "maximum": "10", "points": {"exact": evaluate.exact(line.points)},
        "value": {"numerator": str(n), "denominator": str(of), "value": value},
        "reason": {"code": line.reason.code, "facts": dict(line.reason.facts)},
    }  # fmt: skip


def test_used_up_begun_and_zero_beyond_are_said():
    assert "扣完为止" in wording.line_words(step_line(9, 10))["zh"]
    assert "扣完为止" not in wording.line_words(step_line(5, 100))["zh"]
    assert "2 begun steps" in wording.line_words(step_line(35, 1000, step_mode="ceil"))["en"]
    assert "本项得 0 分" in wording.line_words(step_line(9, 10, zero_beyond="50"))["zh"]


@given(st.integers(0, 60), st.integers(1, 20_000))
def test_a_rounded_rate_never_seems_to_be_on_the_other_side_of_a_limit(n, of):
    line = step_line(min(n, of), of)
    percent = Fraction(min(n, of) * 100, of)
    said = Fraction(re.search(r"）([\d.]+)%", wording.line_words(line)["zh"])[1])
    assert (said > 2) == (percent > 2)
    assert (said >= 3) == (percent >= 3)


# Figures


def test_comparisons_use_differences_for_rates_and_percentages_for_counts(made):
    rows = {r.name: r for r in cards.indicator_rows(made[1][0])}
    previous, year_ago = rows["closing_rate"].compared
    assert previous.change == Figure(Fraction(5), "pp")
    assert previous.trend == "better"
    assert rows["rework_rate"].compared[0].trend == "worse"
    assert rows["n_reported"].compared[0].change == Figure(Fraction(58, 100), "relative")
    assert year_ago.then.value is None
    assert year_ago.change.text("zh") == "—"


def test_no_data_is_never_zero(made):
    rows = {r.name: r for r in cards.indicator_rows(made[1][1])}
    assert rows["rework_rate"].now.text("zh") == "无数据"
    assert rows["n_rework_cases"].now.text("en") == "no data"  # three cases due, of none is it known
    assert rows["n_closed_late"].now.text("zh") == "0"
    empty = {r.name: r for r in cards.indicator_rows(made[1][2])}
    assert empty["n_rework_cases"].now.text("zh") == "0"  # nothing was due: none was reworked
    assert empty["closing_rate"].now.text() == "无数据 no data"


def test_percentage_change_from_zero_is_not_a_number():
    document = {"counts": {"n_due": 5}, "indicators": {}, "comparisons": {"previous": {"counts": {"n_due": 0}}}}
    assert cards.indicator_row(document, "n_due").compared[0].change.value is None


def test_ranked_puts_the_unscored_last(made):
    assert [d["subject"]["code"] for d in cards.ranked(made[1][::-1])] == ["440101", "440102", "440103"]


# Workbooks


def test_workbook_is_the_same_bytes_each_time(card, made):
    assert workbook(card) == workbook(card)
    assert summary_workbook(*made) == summary_workbook(*made)
    with zipfile.ZipFile(io.BytesIO(workbook(card))) as archive:
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"2024-05-31T16:00:00Z" in archive.read("docProps/core.xml")


def test_card_workbook_holds_numbers_formats_and_print_setup(card):
    book, values = cells(workbook(card))
    assert book.sheetnames == ["考评表 Scorecard", "指标 Indicators", "计算依据 How it was computed"]
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
    assert ranking[0][4] == pytest.approx(float(Fraction(made[1][0]["total"]["exact"])))
    assert ranking[2][4] == "无数据 no data"
    assert ranking[0][3] == "示例市 Sample City"
    assert book.worksheets[0].auto_filter.ref.startswith("A3:")
    text = "\n".join(str(c) for r in book.worksheets[2].iter_rows(values_only=True) for c in r if c)
    header = made[0]
    for expected in (
        header["sha256"],
        header["rulebook"]["sha256"],
        "c" * 64,
        "grid_baseline v1",
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
    assert json.loads(tables.card_json(made[0], made[1][0]))["scorecard"] == made[1][0]


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


def test_page_is_whole_and_asks_nothing_of_a_network(card):
    text = page(card)
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
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
    drawing = sketch.sketch(SQUARE, title="<script>alert(1)</script>")
    assert "<script" not in page(Card(header, documents[0], drawing))


# Sketch


def wiggly(n, lon=114.0, lat=30.0, radius=0.1):
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    r = radius * (1 + 0.05 * np.sin(40 * angle) + 0.02 * np.sin(977 * angle))
    return shapely.Polygon(np.column_stack([lon + r * np.cos(angle), lat + r * np.sin(angle)]))


def test_sketch_stays_small_whatever_it_draws():
    spots = np.random.default_rng(1).normal([114.0, 30.0], 0.03, (20_000, 2))
    around = [wiggly(4000, 114 + dx, 30 + dy) for dx, dy in ((0.2, 0), (-0.2, 0), (0, 0.2), (0, -0.2))]
    text = sketch.sketch(wiggly(40_000), [wiggly(2000, radius=0.05)] * 20, around, spots)
    assert 10_000 < len(text.encode()) < sketch.MAX_BYTES


def test_sketch_is_the_same_each_time():
    spots = [(114.005, 30.005)] * 3 + [(114.015, 30.002)]
    assert sketch.sketch(SQUARE, spots=spots) == sketch.sketch(SQUARE, spots=spots[::-1])


def test_sketch_keeps_north_up_and_shape_true():
    view = sketch.view_of(shapely.box(114.0, 59.0, 114.02, 61.0))
    x, y = view(np.array([[114.0, 60.0], [114.01, 60.0], [114.0, 60.01]])).T
    assert y[2] < y[0]
    assert x[1] > x[0]
    assert (x[1] - x[0]) / (y[0] - y[2]) == pytest.approx(0.5, rel=1e-3)  # cos 60°


@given(st.lists(st.tuples(st.floats(114.0, 114.02), st.floats(30.0, 30.01)), max_size=60))
def test_every_case_inside_is_in_exactly_one_dot(spots):
    dots = sketch.bin_spots(sketch.view_of(SQUARE), np.array(spots, dtype=float).reshape(-1, 2))
    assert dots[:, 2].sum() == len(spots)


def test_sketch_holds_with_degenerate_input():
    assert "<svg" in sketch.sketch(shapely.box(114, 30, 114.01, 30.01), [shapely.Polygon()], [shapely.box(0, 0, 1, 1)])
    multi = shapely.MultiPolygon([SQUARE, shapely.box(114.03, 30.0, 114.04, 30.01)])
    assert sketch.sketch(multi).count("z") >= 2


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
