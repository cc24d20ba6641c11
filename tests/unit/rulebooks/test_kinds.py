"""A kind of item or rule is one module: with its texts and an example it is known everywhere, and nothing is edited."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

import gridmgmt
from gridmgmt.errors import RulebookInvalid
from gridmgmt.rulebooks import kinds
from gridmgmt.rulebooks.kinds import ITEMS, KINDS, RULES, TOTALS
from gridmgmt.rulebooks.load import known, load, parse
from tests.unit.rulebooks.tiny import TEXT

ROOT = Path(gridmgmt.__file__).parent.parent
NEW = Path(__file__).parent / "new_kind"


def test_each_module_is_the_kind_that_it_is_named_for() -> None:
    assert sorted(KINDS) == [module.name for module in iter_modules(kinds.__path__)]
    assert [KINDS[name].__module__.rpartition(".")[2] for name in KINDS] == list(KINDS)
    assert ITEMS.keys().isdisjoint(RULES)
    assert set(RULES) == {
        "amount", "beyond", "compare", "each", "events", "largest", "once", "smallest", "steps", "zero",
    }  # fmt: skip
    assert {"carry", "mean", "sum", "weighted"} == TOTALS, "whose parts are the lines of a scorecard"


def test_every_kind_stands_in_a_shipped_rulebook_under_one_of_its_readings() -> None:
    found = set()
    for name in known():
        loaded = load(name)
        options = [(f"readings.{r}", json.dumps(o)) for r, x in loaded.rulebook.readings.items() for o in x.options]
        for changes in ([], *([option] for option in options)):
            found |= {part.kind for _, part in parse(loaded.text, name, changes).rulebook.parts()}
    assert set(KINDS) - found == set()


def test_the_maxima_of_what_is_earned_lost_or_taken_from_other_periods_are_no_part_of_the_scale() -> None:
    apart = {name: kind.is_of_scale for name, kind in ITEMS.items() if kind.is_of_scale is not True}
    assert apart == {"earn": False, "lose": False, "periods": False}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_told_in_the_documentation(kind: str) -> None:
    assert f"`{kind}`" in (ROOT / "docs" / "rulebooks.md").read_text("utf-8")


def test_a_text_with_a_kind_that_is_gone_is_refused_in_words() -> None:
    """So is a stored rulebook: what is kept of an assessment is the text."""
    gone = TEXT.replace("kind: deduct\n          points: 10\n          rules:", "kind: bands\n          rules:")
    with pytest.raises(RulebookInvalid) as e:
        parse(gone, "tiny.yaml")
    assert (e.value.facts["key"], e.value.facts["line"]) == ("stages.0.score.items.0", 30)
    assert (e.value.facts["reason"]["code"], e.value.facts["reason"]["tag"]) == ("invalid_kind", "bands")
    with pytest.raises(RulebookInvalid, match=r"bands.*amount.*beyond"):
        parse(TEXT.replace("kind: zero", "kind: bands"), "tiny.yaml")


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a copy of the project says of a new kind: its module and its texts were added, nothing else."""
    copy = tmp_path_factory.mktemp("project")
    for folder in ("gridmgmt", "data"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(NEW / "bands.py", copy / "gridmgmt" / "rulebooks" / "kinds")
    shutil.copy(NEW / "texts.yaml", copy / "data" / "texts" / "bands.yaml")
    made = subprocess.run(
        [sys.executable, NEW / "followed.py", NEW], env={"PYTHONPATH": str(copy)}, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


def test_a_new_kind_gives_what_its_example_expects(met: Any) -> None:
    assert (met["examples"], met["faults"]) == (1, [])


def test_a_new_kind_says_what_it_is_in_both_languages(met: Any) -> None:
    words = met["words"]
    assert "按“结案率”分档：90% 及以上 10 分，75% 及以上 6 分，1/3 及以上 1 分；其余 0 分" in words["zh"].replace(
        "100/3%", "1/3"
    )
    assert "by bands of “Closing rate”: from 90% 10, from 75% 6, from 100/3% 1; else 0" in words["en"]


def test_a_new_kind_is_completed_by_editors(met: Any) -> None:
    mapping = {x["if"]["properties"]["kind"]["const"]: x["then"]["$ref"] for x in met["schema"]["Item"]["allOf"]}
    assert mapping["bands"] == "#/$defs/Bands"
    assert {"bands", "rate", "input", "points"} <= set(met["schema"]["Bands"]["properties"])


def test_draws_score_a_new_kind_as_exactly_as_it_is_scored(met: Any) -> None:
    assert met["scored"] == ["0", "0", "0", "1", "1", "6", "6", "10", "10"]
    assert met["redrawn"] == [float(points) for points in met["scored"]]


def test_a_new_kind_can_be_changed_compared_and_explained(met: Any) -> None:
    assert met["diff"] == [["item", "bands.1.points", "10", "9"]]
    assert met["moved"] == ["closing_bands"]
    assert met["lines"][0] == "结案率（9 ÷ 10）90.00%，达到 90% 一档"
    assert any("未达到最低一档" in line for line in met["lines"])
