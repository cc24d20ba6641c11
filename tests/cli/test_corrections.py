"""What the commands show of a correction: totals as people read them, and the numbers that no longer count."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine
from typer.testing import CliRunner

from gridmgmt.assessing.operations import appeals
from gridmgmt.assessing.operations.explaining import Explained
from gridmgmt.cli import judging
from gridmgmt.cli.base import State
from gridmgmt.cli.explaining import _behind
from gridmgmt.cli.judging import _arrow, _corrected, _rounded
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import OptionInvalid
from gridmgmt.settings import Settings
from gridmgmt.texts import catalogue, word


@pytest.mark.parametrize(
    ("pair", "shown"),
    [(("58.5", "2319/38"), "58.5 → 61.03"), (("90", "90"), "90"), ((None, "1/3"), "– → 0.33")],
)
def test_totals_are_shown_as_decimals(pair: tuple[str | None, str | None], shown: str) -> None:
    assert _arrow(_rounded(pair)) == shown


@pytest.mark.parametrize(
    ("lang", "shown"),
    [("zh", ["一街", "合格 → 优秀", "+表扬, −约谈"]), ("en", ["First", "Pass → Excellent", "+Praise, −Interview"])],
)
def test_grades_and_consequences_are_called_by_their_names(lang: str, shown: list[str]) -> None:
    """They stood as pass → excellent, +praise, −interview, whatever the language."""

    def named(**words: tuple[str, str]) -> dict[str, Any]:
        return {k: SimpleNamespace(id=k, title={"zh": zh, "en": en}) for k, (zh, en) in words.items()}

    grades = named(**{"pass": ("合格", "Pass"), "excellent": ("优秀", "Excellent")})
    consequences = named(praise=("表扬", "Praise"), interview=("约谈", "Interview"))
    book = SimpleNamespace(grades=[*grades.values()], consequences=consequences)
    made: Any = SimpleNamespace(name="x", sha256="0", is_new=True, header=SimpleNamespace(rulebook=book))
    subject: Any = SimpleNamespace(code="S1", name={"zh": "一街", "en": "First"})
    moved = appeals.Difference(
        subject, ("1", "2"), (1, 1), ("pass", "excellent"), ("praise",), ("interview",), ()
    )  # fmt: skip
    run = State(Settings(None, Path(), "none"), lang)
    table: Any = [*_corrected(run, made, [moved])][1]
    (row,) = table.rows
    assert [row[1], row[4], row[5]] == shown


def test_exempted_cases_are_told_apart_and_not_counted() -> None:
    header: Any = SimpleNamespace(rulebook=SimpleNamespace(inputs={}), earlier={})
    document: Any = SimpleNamespace(exempted=["A2"], all_lines=[])
    subject: Any = None
    found = Explained("x-2025-12-2", "0" * 64, subject, None, document, {"n_due": ["A1", "A2", "A3"]}, header)
    assert [*_behind(State(Settings(None, Path(), "none"), "zh"), found)] == [
        "应结案数 (n_due): 2",
        "  A1 A3",
        "  申诉免计: A2",
    ]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What reaches the operation that opens an appeal."""
    made: list[tuple[Any, ...]] = []
    monkeypatch.setattr(appeals, "open_appeal", lambda work, *given: made.append((*given, work.by)) or 7)
    return made


def appeal(*words: str) -> Any:
    run = State(Settings(None, Path(), "none"), "zh")
    run._work = Work(create_engine("postgresql+psycopg://"))  # never connected
    given = ["open", "x-2025-12-1", "U1", *words, "--reason", "why", "--by", "me"]
    return CliRunner().invoke(judging.appeal, given, obj=run)


@pytest.mark.parametrize("kind", ["case", "sample", "step", "entry"])
def test_each_kind_of_fact_can_be_appealed_against(opened: list[tuple[Any, ...]], kind: str) -> None:
    assert appeal(f"--{kind}", "A#7").output == "申诉 7 已受理：A#7\n"
    assert opened == [("x-2025-12-1", "U1", kind, "A#7", "why", "me")]


@pytest.mark.parametrize("words", [(), ("--case", "A", "--step", "A#7")])
def test_an_appeal_names_one_fact(opened: list[tuple[Any, ...]], words: tuple[str, ...]) -> None:
    refused = appeal(*words).exception
    assert isinstance(refused, OptionInvalid)
    assert "--case | --sample | --step | --entry" in str(refused)
    assert opened == []


@pytest.mark.parametrize(("lang", "said"), [("zh", ["步骤", "待决定"]), ("en", ["step", "open"])])
def test_appeals_are_listed_in_the_readers_words(lang: str, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    one = {
        "id": 7, "assessment": "x-2025-12-1", "subject_code": "D1", "kind": "step", "fact_no": "A#7", "reason": "依据",
        "opened_by": "王某", "state": "open", "decision": None, "decided_by": None,
    }  # fmt: skip
    monkeypatch.setattr(appeals, "list_appeals", lambda work, assessment: [one])
    run: Any = SimpleNamespace(work=None, word=lambda code: word(code, None, lang), words=lambda codes: codes)
    view = judging.appeal_list(run)
    (row,) = next(iter(view.shown)).rows  # type: ignore[union-attr]
    assert [row[3], row[7]] == said
    assert view.data == [one]


def test_every_kind_and_state_of_an_appeal_is_worded() -> None:
    (held,) = [str(c.sqltext) for c in t.appeal.constraints if str(c.name).endswith("_kind")]
    (states,) = [str(c.sqltext) for c in t.appeal.constraints if str(c.name).endswith("_state")]
    allowed = [f"appeal_kind_{x}" for x in re.findall("'(.+?)'", held)]
    allowed += [f"appeal_state_{x}" for x in re.findall("'(.+?)'", states)]
    assert len(allowed) == 7
    assert set(allowed) <= set(catalogue())
