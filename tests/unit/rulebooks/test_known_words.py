"""What nobody would read is refused with the known words; keys and days are taken as they are written."""

from pathlib import Path
from typing import Any

import pytest

from gridmgmt.assessing.readers.entries import read_input_file
from gridmgmt.errors import DossierInvalid
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.load import load
from gridmgmt.scorecards.exports.outcome_text import evaluated, evaluation_json

QIXIAN = load("qixian")
EVENTS = "penalty_events: [{code: county_circular, on: 2021-03-20}], digital: 92"


def read(tmp_path: Path, text: str, book: str = "qixian") -> Any:
    path = tmp_path / "input.yaml"
    path.write_text(text, "utf-8")
    rulebook = load(book).rulebook
    return read_dossier(rulebook, read_input_file(path, rulebook), path.name)


@pytest.mark.parametrize(
    ("text", "code", "known"),
    [
        ("{periods: {2021-03: {U: {inputs: {penalty_events: [{code: media_citi}]}}}}}", "event_of", "media_city"),
        ("{periods: {2021-03: {U: {inputs: {digitals: 90}}}}}", "input", "digital"),
        ("{subjects: {U: {attributes: [x]}}, periods: {2021-03: {U: {inputs: {}}}}}", "attribute", None),
        ("{periods: {2021-03: {U: {result: {total: 80, grade: goods}}}}}", "one_of", "good"),
        ("{periods: {2021-03: {U: {result: {total: 80, items: {bases: 1}}}}}}", "one_of", "base"),
        ("{periods: {2021-03: {U: {inputs: {penalty_events: [{code: county_circular, day: 1}]}}}}}", "only", None),
        ("{periods: {2021-03: {U: {result: {total: 80, first: perhaps}}}}}", "flag", None),
        ("{periods: {2021-03: {U: {signed: perhaps, inputs: {}}}}}", "flag", None),
        ("{periods: {2021-03: {U: {inputs: {}}}, '2021-3': {U: {inputs: {}}}}}", "period", None),
    ],
)  # fmt: skip
def test_an_unknown_word_is_refused_with_the_closest_first(
    tmp_path: Path, text: str, code: str, known: str | None
) -> None:
    with pytest.raises(DossierInvalid) as refused:
        read(tmp_path, text)
    wanted = [p["expected"] for p in refused.value.problems]
    assert [w["code"] for w in wanted] == [f"expected_{code}"]
    assert known is None or wanted[0]["known"][0] == known


@pytest.mark.parametrize("answer", ["no", "n", "否", "false", "0", "f"])
def test_no_is_no_for_signatures_too(tmp_path: Path, answer: str) -> None:
    found = read(tmp_path, f"{{periods: {{2021-03: {{U: {{signed: {answer}, inputs: {{}}}}}}}}}}")
    assert found.periods["2021-03"]["U"].signed is False


@pytest.mark.parametrize("quote", ["", "'"])
def test_keys_and_days_are_what_is_written(tmp_path: Path, quote: str) -> None:
    """A year, a code of digits and one with leading zeros are no numbers; the inputs stand in the document."""
    q = quote
    text = f"""
periods:
  {q}2021{q}: {{{q}0012{q}: {{inputs: {{}}}}}}
  2021-03: {{{q}0012{q}: {{inputs: {{{EVENTS}}}}}, {q}320506001{q}: {{inputs: {{digital: 90}}}}}}
"""
    dossier = read(tmp_path, text)
    assert list(dossier.subjects) == ["0012", "320506001"]
    month = evaluation_json(evaluated(QIXIAN, dossier))[0]
    inputs = {s["subject"]["code"]: s["inputs"] for s in month["subjects"]}
    assert inputs["0012"]["penalty_events"]["value"] == [{"code": "county_circular", "on": "2021-03-20"}]
    assert inputs["320506001"]["digital"]["value"] == 90


def test_a_number_for_a_key_in_python_is_its_text() -> None:
    plain = {"periods": {2021: {12: {"result": {"total": 80}}}}}
    assert list(read_dossier(QIXIAN.rulebook, plain).periods["2021"]) == ["12"]


SHARES = [
    ("ningbo_district", "A: {inputs: {due: 100, closed: 120, closed_on_time: 100}}", ["closed"]),
    (
        "ningbo_district",
        "A: {inputs: {due: 100, closed: 100, closed_on_time: 101, closed_extended: 0}}",
        ["closed_on_time"],
    ),
    ("ningbo_district", "A: {inputs: {due: 0, closed: 0, closed_on_time: 0}}", []),
    (
        "ningbo_district",
        "A: {inputs: {collector_reports: 9, collector_filed: 12}}",
        [],
    ),  # filed are also reports of before
    # what the platform counted is left as it is, what people told beside it is not
    ("ningbo_district", "A: {sources: {due: cases, closed: cases}, inputs: {due: 100, closed: 120}}", []),
    (
        "wuzhong_department",
        "A: {sources: {closed: cases, rework_cases: steps}, inputs: {closed: 4, rework_cases: 5}}",
        [],
    ),
    (
        "wuzhong_department",
        "A: {sources: {closed: cases, rework_cases: entries}, inputs: {closed: 4, rework_cases: 5}}",
        ["rework_cases"],
    ),
    (
        "taizhou",
        "A: {inputs: {places: 9, hygienic_places: 10, fringe_roads: 3, hardened_roads: 3}}",
        ["hygienic_places"],
    ),
    ("ningbo_district", "A: {inputs: {worked_h: 100, online_h: 100.5}}", ["online_h"]),
    ("ningbo_district", "'*': {inputs: {due: 1, closed: 2}}, A: {inputs: {due: 3}}", ["closed"]),
    ("xihu_dispatcher", "'*': {inputs: {total_actions: 1000}}, A: {inputs: {own_actions: 1001}}", ["own_actions"]),
    ("grid_baseline", "A: {inputs: {scored_samples: 4, sample_scores: 344}}", []),  # a sum of scores is no part of them
]
PERIOD_OF = {"wuzhong_department": "2025-Q1", "taizhou": "2025"}


@pytest.mark.parametrize(("book", "given", "refused"), SHARES)
def test_a_part_is_no_more_than_its_whole(tmp_path: Path, book: str, given: str, refused: list[str]) -> None:
    """Exchanged, 120 closed of 100 due was a closing rate of 120 % and full points."""
    problems = []
    try:
        read(tmp_path, f"periods: {{{PERIOD_OF.get(book, '2025-03')}: {{{given}}}}}", book)
    except DossierInvalid as e:
        problems = list(e.problems)
    assert [p["where"].rpartition(" ")[2] for p in problems] == refused
    assert {p["expected"]["code"] for p in problems} <= {"expected_up_to_whole"}
