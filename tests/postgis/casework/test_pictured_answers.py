"""Answers without photographs before and after handling: listed, counted, and where a city demands them, no answers."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gridmgmt.assessing.operations import scoring
from gridmgmt.casework.operations import lookup, photographs
from gridmgmt.casework.readers import rules
from gridmgmt.cli import app
from gridmgmt.database.work import Work
from gridmgmt.errors import UnitUnknown
from gridmgmt.figures.operations import groups, indicators
from gridmgmt.periods import parse_period
from gridmgmt.settings import Settings
from tests.pictures import LIMITS, PDF, encode, scene
from tests.postgis.worksite import at, dispatched, step, take

DECEMBER = parse_period("2025-12")


def answers(work: Work, folder: Path) -> None:
    """Five cases of U1 answered in time on the 1st, due at 15:30: A with both photographs, B with what is no photograph
    after, C with none, D (then void) with none, E with both, attached to the case as a whole. F has no answer."""
    for no in "ABCDE":
        dispatched(work, no, step("receive", 10, no), step("answer", 11, no))
    dispatched(work, "F", step("receive", 10, "F"))
    take(work, "verify", 11.5, "C")
    take(work, "void", 12, "D", reason="重复立案")
    shown: list[tuple[str, int | None, photographs.Kind, bytes]] = [
        ("A", 1, "before", encode()), ("A", 6, "after", encode(scene(seed=2))), ("B", 6, "before", encode()),
        ("B", 6, "after", PDF), ("B", 5, "after", encode()), ("E", None, "before", encode()),
        ("E", None, "after", encode()),
    ]  # fmt: skip
    for n, (no, seq, kind, content) in enumerate(shown):
        path = folder / f"{n}.{'pdf' if content is PDF else 'jpg'}"
        path.write_bytes(content)
        photographs.add(work.but(actor="王某"), folder / "files", [path], kind=kind, case_no=no, step_seq=seq)


@pytest.fixture
def month(desk: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.setattr(photographs, "load_limits", lambda: LIMITS)
    answers(desk, tmp_path)
    return desk


LACKING = [("B", 6, ("after",)), ("C", 6, ("before", "after"))]


def test_the_answers_that_lack_photographs_are_listed(month: Work) -> None:
    found = photographs.lacking(month, DECEMBER)
    assert [(a.case_no, a.step, a.lacks) for a in found] == LACKING
    assert {(a.unit_code, a.at) for a in found} == {("U1", at(11))}
    assert photographs.lacking(month, DECEMBER, "U1") == found
    assert photographs.lacking(month, DECEMBER, "U2") == []
    assert photographs.lacking(month, parse_period("2025-11")) == []
    with pytest.raises(UnitUnknown):
        photographs.lacking(month, DECEMBER, "U77")


def test_they_are_counted_for_grids_and_units_and_lead_back_to_their_cases(month: Work) -> None:
    made = indicators.choropleth(month, "n_answers_unpictured", DECEMBER, at(0, 31))
    by_code = {code: n for x in made.levels for code, n in zip(x.frame["code"], x.frame["value"], strict=True)}
    assert {code for code, n in by_code.items() if n} == {"C", "D1", "D1-1"}
    assert by_code["D1-1"] == 2
    behind = groups.numbers_behind(
        month, DECEMBER, "unit", "U1", "n_answers_unpictured", as_of=at(0, 31)
    )  # fmt: skip
    assert behind == {"n_answers_unpictured": ["B#6", "C#6"]}
    grid = groups.numbers_behind(
        month, DECEMBER, "grid", "D1-1", "n_answers_unpictured", level="community", as_of=at(0, 31)
    )
    assert grid == behind
    before = groups.numbers_behind(month, DECEMBER, "unit", "U1", "n_answers_unpictured", as_of=at(10.9))
    assert before == {"n_answers_unpictured": []}


@pytest.fixture
def run(postgis_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("GRIDMGMT_HOME", str(postgis_settings.home))
    monkeypatch.setenv("GRIDMGMT_DB", postgis_settings.db)

    def command(*words: str) -> str:
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0, done.output
        return done.output

    return command


def test_the_commands_list_and_count_them(month: Work, run: Callable[..., str]) -> None:
    lines = run("--lang", "zh", "files", "lacking", "--period", "2025-12").splitlines()
    assert lines[-1] == "缺处置前后照片的答复：2 件"
    assert [("处置前" in x, "处置后" in x) for x in lines[:-1] if " U1 " in x] == [(False, True), (True, True)]
    told = json.loads(run("files", "lacking", "--period", "2025-12", "--json"))
    assert [(r["case_no"], r["step"], tuple(r["lacks"])) for r in told] == LACKING
    behind = ("--by", "unit", "--behind", "U1", "--count", "n_answers_unpictured", "--json")
    shown = json.loads(run("indicators", "--period", "2025-12", *behind))
    assert "B#6" in json.dumps(shown)


@pytest.fixture
def demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A city that demands photographs."""
    found = rules.rules()
    assert not found.answers_need_photographs  # as shipped
    monkeypatch.setattr(rules, "rules", lambda: replace(found, answers_need_photographs=True))


def failures(work: Work) -> dict[str, int]:
    """Case → the failures of U1's accounts in December, by the morning of the 2nd."""
    made = scoring.score(work, "beijing_unit", DECEMBER, as_of=at(9, 2))
    (card,) = [d for d in made.subjects if d.subject.code == "U1"]
    return {a["id"]: a["steps"].count("missed") for a in card.inputs["accounts"].value}


def test_as_shipped_no_photograph_is_demanded(month: Work) -> None:
    assert failures(month) == {"A": 0, "B": 0, "C": 0, "E": 0, "F": 1}
    assert [a.n_deductions for a in lookup.show_case(replace(month, now=at(9, 2)), "C").accounts] == [0]


@pytest.mark.usefixtures("demanded")
def test_where_they_are_demanded_an_answer_without_both_counts_as_none(month: Work) -> None:
    assert failures(month) == {"A": 0, "B": 1, "C": 1, "E": 0, "F": 1}
    assert [a.n_deductions for a in lookup.show_case(replace(month, now=at(9, 2)), "C").accounts] == [1]
    assert [a.n_deductions for a in lookup.show_case(replace(month, now=at(9, 2)), "A").accounts] == [0]


def test_the_shipped_assessments_know_nothing_of_the_count(month: Work) -> None:
    made = scoring.score(month, "beijing_unit", DECEMBER, as_of=at(9, 2))
    assert "n_answers_unpictured" not in json.dumps([made.header.model_dump(mode="json"), *map(str, made.subjects)])
