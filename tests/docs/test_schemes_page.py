"""docs/schemes.md against the data: which schemes run, over which periods, and as what."""

import re

from gridmgmt.files import data_files
from gridmgmt.reporting.duties import Scheme
from gridmgmt.rulebooks import load
from gridmgmt.settings import data_path
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "schemes.md").read_text("utf-8")
ROWS = {m[1]: [c.strip() for c in m[0].strip("|").split("|")] for m in re.finditer(r"^\| `(\w+)` \|.*$", PAGE, re.M)}
NAMED_ONLY = {"ningbo_affiliated", "yangzhou_citybureau_extra"}
OWN = {"grid_baseline", "beijing_unit", "changning_department", "changning_units"}
"""Rulebooks beside the 27: the project's own, and further populations of schemes."""
CADENCES = {"week", "month", "quarter", "half-year", "year"}


def test_25_of_27_run_and_two_are_named_only() -> None:
    assert len(ROWS) == 27
    assert {name for name, cells in ROWS.items() if cells[3] == "named only"} == NAMED_ONLY
    by_duties = {name for name, cells in ROWS.items() if cells[3] == "duties"}
    assert by_duties == {"bureau_office"}
    assert {*ROWS} - NAMED_ONLY - by_duties == {*load.known()} - OWN
    assert all(f"`{name}`" in PAGE for name in OWN)
    assert all(data_path("reporting", f"{name}.yaml").exists() for name in by_duties)


def test_each_says_what_runs_and_what_a_city_enters() -> None:
    for name, cells in ROWS.items():
        assert len(cells) == 6, name
        assert len(cells[5]) > 10, name
        assert (cells[4] == "–") == (name in NAMED_ONLY), name


def test_a_score_has_a_total_and_nothing_else_has() -> None:
    for name in {*ROWS} & {*load.known()}:
        stages = load.load(name).rulebook.stages
        assert (ROWS[name][3] == "score") == any(s.score is not None for s in stages), name


def test_the_periods_are_those_of_the_data() -> None:
    found = {name: _cadences(name) for name in {*ROWS} - NAMED_ONLY}
    for name, cadences in found.items():
        told = set(re.findall("|".join(CADENCES), ROWS[name][2].replace("half-year", "HALF")))
        told |= {"half-year"} if "half-year" in ROWS[name][2] else set()
        if told:  # else the text states no period, or one of its own ("per issue")
            assert told == cadences, name


def _cadences(name: str) -> set[str]:
    if name in load.known():
        found = {s.cadence for s in load.load(name).rulebook.stages}
    else:
        scheme = data_files.read(data_path("reporting", f"{name}.yaml"), Scheme)
        found = {d.rule.once_in or d.rule.once_after or d.rule.end_of or "" for d in scheme.duties}
    return {"half-year" if c.startswith("half") else c.partition("@")[0] for c in found}


def test_the_long_works_of_annex_2_are_one_list() -> None:
    """The 28 classes of the text, each with the class that is left out, or with the reason of the rulebook's notes."""
    book = load.load("city_department_annex2").rulebook
    spec = book.inputs["extensions"]
    assert spec.automatic is not None
    assert spec.automatic.only is not None
    section = PAGE.partition("## Long works of annex 2")[2].partition("## Source documents")[0]
    rows = [(m[1], m[2]) for m in re.finditer(r"^\| (\S*[\u4e00-\u9fff]) .*? \| (.*) \|$", section, re.M)]
    assert [name for name, _ in rows] == [words["zh"] for words in spec.except_codes.values()]
    codes = {m for _, told in rows for m in re.findall(r"`(\d{5})`", told)}
    assert codes == {pattern.partition(":")[2] for pattern in spec.automatic.only.except_categories}
    open_ones = {f"待城市确认的小类：{name}——{told.partition(': ')[2]}" for name, told in rows if "待确认" in told}
    assert len(open_ones) == 11
    assert open_ones == {note["zh"] for note in book.notes if note["zh"].startswith("待城市确认的小类")}


def test_river_cleaning_is_a_reading_that_a_city_may_take_back() -> None:
    text = load.load("city_department_annex2").text
    spec = load.parse(text, "r", [("readings.river_cleaning", "unmatched")]).rulebook.inputs["extensions"]
    taken = load.parse(text, "r").rulebook.inputs["extensions"]
    both = [set(x.automatic.only.except_categories) for x in (taken, spec) if x.automatic and x.automatic.only]
    assert both[0] - both[1] == {"matter:06025"}
    assert both[1] < both[0]
