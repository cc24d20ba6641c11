"""Scorecards: the document of an assessment is the same bytes for the same facts, and says what it rests on."""

import hashlib
import json
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest

from gridmgmt.documents import canonical, digest_of, plain
from gridmgmt.figures.indicators import LevelCounts
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.load import load
from gridmgmt.scorecards import assessment
from gridmgmt.scorecards.assessment import Assessment, assess, number
from gridmgmt.scorecards.documents import Document, Evaluated, Facts, IndicatorValue, Number
from tests.unit.unit_scorecards import MONTH, departments

BOOK = load("grid_baseline")
INPUTS = ("due", "closed", "closed_on_time", "due_rework_known", "rework_cases", "registered_repeat_known", "repeats",
          "scored_samples", "sample_scores")  # fmt: skip
NOW: dict[str, dict[str, int]] = {
    "1": {"due": 30, "closed": 27, "closed_on_time": 20},
    "a": {"due": 10, "closed": 9, "closed_on_time": 8},
    "b": {"due": 20, "closed": 18, "closed_on_time": 16},
    "c": {},
}
NAMES = {"1": ("市", "市"), "a": ("甲区", "A"), "b": ("B", "B"), "c": ("c", "c")}
EARLIER = {"previous": {"period": "2025-02", "edition": "2024", "counts": None, "indicators": None}}


def facts(code: str) -> Facts:
    level, parent = ("city", None) if code == "1" else ("district", "1")
    subject = {
        "kind": "grid", "level": level, "level_number": 1 if parent is None else 2, "code": code, "parent": parent,
        "name": dict(zip(("zh", "en"), NAMES[code], strict=True)), "grid_kind": None, "edition": "2025", "group": None,
    }  # fmt: skip
    counts = {"n_due": NOW[code].get("due", 0), "n_closed": NOW[code].get("closed", 0), "n_reported": 3}
    indicators = assessment.indicator_values(counts, None if code == "c" else 1e6)
    whole = {"subject": subject, "counts": counts, "indicators": indicators, "comparisons": EARLIER}
    return Facts.model_validate(whole)


def made(now: dict[str, dict[str, int]] = NOW) -> Assessment[Evaluated]:
    records = {code: {"inputs": {n: row.get(n, 0) for n in INPUTS}} for code, row in now.items()}
    levels = {code: {"level": "city" if code == "1" else "district"} for code in now}
    dossier = read_dossier(BOOK.rulebook, {"subjects": levels, "periods": {"2025-03": records}})
    return assess(BOOK, dossier, "2025-03", Evaluated, {"period": "2025-03"}, {code: facts(code) for code in now})


def plain_made() -> list[dict[str, Any]]:
    return [plain(s) for s in made().subjects]


def plain_departments(month: dict[str, Any] | None = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    header, documents = departments(month)
    return plain(header), [plain(d) for d in documents]


def test_the_same_facts_give_the_same_bytes() -> None:
    first = made()
    assert made().sha256 == first.sha256
    shuffled = {code: dict(reversed(row.items())) for code, row in NOW.items()}
    assert made(shuffled).sha256 == first.sha256
    other = {**NOW, "a": {"due": 10, "closed": 8}}
    assert made(other).sha256 != first.sha256


def test_the_document_survives_json() -> None:
    found = made()
    header, *subjects = (json.loads(canonical(plain(d))) for d in (found.header, *found.subjects))
    again = [Document.model_validate(s) for s in subjects]
    assert digest_of(plain(Evaluated.model_validate(header)), [plain(d) for d in again]) == found.sha256
    assert hashlib.sha256(canonical({**header, "subjects": subjects}).encode()).hexdigest() == found.sha256
    assert canonical({"b": "中", "a": [1]}) == '{"a":[1],"b":"中"}'
    with pytest.raises(ValueError):
        canonical({"a": float("nan")})


def test_subjects_stand_in_the_order_they_were_given_with_their_own_facts() -> None:
    subjects = plain_made()
    assert [s["subject"]["code"] for s in subjects] == ["1", "a", "b", "c"]
    assert subjects[1]["subject"]["name"] == {"zh": "甲区", "en": "A"}
    assert subjects[1]["counts"]["n_due"] == 10
    assert subjects[1]["comparisons"] == EARLIER


def test_equal_rates_share_a_rank_and_a_grid_without_data_has_none() -> None:
    _, a, b, c = plain_made()
    assert a["rank"]["siblings"] == b["rank"]["siblings"] == {"rank": 1, "of": 2, "tied": 2}
    assert (c["total"], c["grade"], c["rank"]["level"]) == (None, None, None)
    assert c["reason"] == {"code": "total_no_data", "facts": {}}
    assert c["status"] == "no_data"
    assert c["indicators"]["closing_rate"] is None
    assert c["indicators"]["density"] is None


def test_lines_say_numerator_denominator_and_reason() -> None:
    line = plain_made()[1]["lines"][0]
    assert line["value"] == {"numerator": "9", "denominator": "10", "value": "0.9", "shown": "90.00"}
    assert line["points"] == {"exact": "27", "shown": "27.00"}
    assert line["reason"] == {"code": "line_proportional", "facts": {"maximum": "30", "value": "0.9"}}
    assert (line["indicator"], line["inputs"]) == ("closing_rate", ["closed", "due"])


def test_a_single_rule_that_says_the_same_as_its_item_is_no_line_of_its_own() -> None:
    found = plain_made()[1]
    assert [x["item"] for x in found["lines"]] == ["closing", "on_time_closing", "rework", "repeat", "inspection"]
    assert {x["depth"] for x in found["lines"]} == {0}


def test_the_tree_of_a_units_document_is_flat_with_depths() -> None:
    header, documents = plain_departments()
    lines = {x["item"]: x for x in documents[0]["lines"]}
    assert [i for i, x in lines.items() if x["depth"] == 0] == [i["id"] for i in header["rulebook"]["items"]]
    assert [(i, x["depth"], x["weight"], x["code"]) for i, x in lines.items()][:3] == [
        ("base", 0, None, "一"), ("digital_part", 1, "60", "1"), ("special", 1, "40", "2"),
    ]  # fmt: skip
    late = lines["late"]
    assert (late["kind"], late["maximum"], late["points"]["exact"], late["inputs"]) == (
        "each",
        None,
        "6",
        ["late_reports"],
    )
    assert lines["facades_part"]["status"] == "not_applicable"
    assert [x["item"] for x in documents[0]["shown"]] == ["closing_shown", "closing_target"]
    assert header["rulebook"]["items"][0]["points"] is None
    assert header["rulebook"]["grades"][-1] == {"id": "fail", "at_least": None, "title": {"zh": "不合格", "en": "Fail"}}


def test_inputs_stand_by_value_and_source() -> None:
    document = plain_departments()[1][0]
    assert document["inputs"]["due"] == {"value": 40, "from": "cases"}
    assert document["inputs"]["digital"] == {"value": "60", "from": "entries"}
    assert document["inputs"]["facades"] == {"value": "not_applicable", "from": "entries"}
    assert document["inputs"]["events"]["value"] == MONTH["CG"]["events"]


def test_an_open_document_says_what_is_missing_and_makes_the_assessment_incomplete() -> None:
    header, documents = plain_departments()
    jt = documents[2]
    assert (jt["status"], jt["total"], jt["grade"], jt["rank"]["level"]) == ("incomplete", None, None, None)
    assert [(m["period"], m["input"]) for m in jt["missing"]] == [("2021-03", "lines"), ("2021-03", "facades")]
    assert (header["complete"], header["n_missing"]) == (False, 2)
    whole, _ = plain_departments({c: v for c, v in MONTH.items() if c != "JT"})
    assert (whole["complete"], whole["n_missing"]) == (True, 0)


def test_consequences_name_the_periods_and_what_is_not_decided() -> None:
    cg, zj, jt = plain_departments()[1]
    assert cg["consequences"] == [
        {
            "consequence": "self_criticism", "tone": "penalty", "because": ["2021-02", "2021-03"], "count": 2,
            "title": {"zh": "分管领导作检查", "en": "The leader in charge makes a self-criticism"},
            "text": {"zh": "向工作领导小组书面检查", "en": "in writing to the leading group"},
            "money": None, "undecided": None,
        }
    ]  # fmt: skip
    assert [(c["consequence"], c["money"], c["undecided"]) for c in zj["consequences"]] == [
        ("prize", "20000", "incomplete")
    ]
    assert jt["consequences"] == []


def test_the_counts_of_a_level_by_code() -> None:
    frame = pd.DataFrame({"n_due": [3, 4], "sum_sample_score": [Fraction(1, 3), Fraction(2)]}, index=["a", "b"])
    found = LevelCounts(frame.astype({"sum_sample_score": object}), {"n_due": 1, "sum_sample_score": Fraction(1, 3)})
    assert found.by_code["a"] == {"n_due": 3, "sum_sample_score": Fraction(1, 3)}
    assert assessment.count_values(found.unassigned) == {"n_due": 1, "sum_sample_score": "1/3"}
    assert assessment.count_values({"n_due": 1, "n_due@own": 1}) == {"n_due": 1}


def test_an_areas_density_is_shown_and_never_exact() -> None:
    found = assessment.indicator_values({"n_reported": 3}, 1e6)
    assert found["density"] == IndicatorValue(numerator="3", denominator="1.0000", shown="3.00")


def test_a_total_near_a_limit_is_not_shown_beyond_it() -> None:
    assert number(Fraction("89.996"), limits=[Fraction(90)]) == Number(exact="89.996", shown="89.996")
    assert number(Fraction("89.996")) == Number(exact="89.996", shown="90.00")
    assert number(None) is None
    assert assessment.number(3) == Number(exact="3", shown="3.00")
