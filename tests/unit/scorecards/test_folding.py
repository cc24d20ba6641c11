"""Long lists of a scorecard: the ten worst stand open, the rest is folded; what makes the total never is."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from api.wording import scorecard_texts
from gridmgmt.scorecards.documents import InputValue, Missing
from gridmgmt.scorecards.exports import results
from gridmgmt.scorecards.exports.cards import Card
from gridmgmt.scorecards.exports.folding import folded
from gridmgmt.scorecards.exports.lines import score_lines
from gridmgmt.scorecards.exports.page import page
from tests.unit.scorecards.long_lists import penalised
from tests.unit.unit_scorecards import departments


def test_the_ten_worst_stand_open_and_three_are_folded() -> None:
    header, document = penalised()
    open_, rest = folded(score_lines(header, document))
    assert [x.item for x in open_.lines][-10:] == [f"penalty_{n}" for n in range(13, 3, -1)]
    assert ([x.item for x in rest.lines], rest.n_more) == (["penalty_3", "penalty_2", "penalty_1"], 3)
    assert open_.n_more == 0
    assert len([*open_.lines, *rest.lines]) == len(document.lines)


def test_short_lists_stay_as_they_are() -> None:
    header, documents = departments()
    for document in documents:
        (part,) = folded(score_lines(header, document))
        assert list(part.lines) == score_lines(header, document)


def test_a_list_of_ten_is_not_folded_and_one_of_eleven_is() -> None:
    header, document = penalised()
    lines = score_lines(header, document)
    assert [p.n_more for p in folded(lines[:-3])] == [0]
    assert [p.n_more for p in folded(lines[:-2])] == [0, 1]


def test_items_that_make_the_total_are_never_folded() -> None:
    header, document = penalised()
    (item,) = [x for x in document.lines if x.item == "digital_part"]
    parts = [item.model_copy(update={"item": f"part_{n}"}) for n in range(20)]
    wide = document.model_copy(update={"lines": [document.lines[0], *parts]})
    (part,) = folded(score_lines(header, wide))
    assert [x.item for x in part.lines] == ["base", *(f"part_{n}" for n in range(20))]


@pytest.mark.parametrize(("lang", "more"), [("zh", "…，另有 3 条"), ("en", "…, 3 more")])
def test_the_page_folds_and_says_how_many(lang: str, more: str) -> None:
    html = page(Card(*penalised(), None), lang)
    (fold,) = re.findall("<details>.*?</details>", html, re.DOTALL)
    assert more in fold
    assert len(re.findall("<tr", fold)) == 3
    assert "13.00" not in fold


def test_the_api_marks_what_is_folded() -> None:
    lines = scorecard_texts(*penalised(), "zh")["lines"]
    assert [x["n_more"] for x in lines if x["is_more"]] == [3, None, None]
    assert {x["n_more"] for x in lines if not x["is_more"]} == {None}


def test_inputs_still_to_be_handed_in_fold_by_period() -> None:
    header, document = penalised()
    months = [f"2025-{n:02}" for n in range(1, 13)]
    many = [Missing(period=month, input="faults", title={"zh": "问题数", "en": "Faults"}) for month in months]
    html = page(Card(header, document.model_copy(update={"missing": many}), None), "zh")
    assert "…，另有 2 条" in html


def _missing(*periods: str) -> list[Missing]:
    return [Missing(period=month, input="faults", title={"zh": "问题数", "en": "Faults"}) for month in periods]


def test_of_many_periods_those_that_lack_most_stand_open() -> None:
    """The last two months lack two inputs each: of twelve they are told first, of ten each stands in its place."""
    _, document = penalised()
    months = [f"2025-{n:02}" for n in range(1, 13)]
    many = document.model_copy(update={"missing": _missing(*months, "2025-11", "2025-12")})
    assert [period for period, _ in results.missing(many)] == [*months[10:], *months[:10]]
    few = document.model_copy(update={"missing": _missing(*months[:10], "2025-10")})
    assert [period for period, _ in results.missing(few)] == months[:10]


def _records(kind: str, n: int) -> tuple[list[dict[str, Any]], list[int]]:
    """So many records, the later the worse; and their places from the worst on."""
    make: dict[str, Callable[[int], dict[str, Any]]] = {
        "points": lambda k: {"note": f"r{k}", "points": k},
        "times": lambda k: {"note": f"r{k}", "n": k + 1},
        "accounts": lambda k: {"note": f"r{k}", "steps": ["dispatched"] + ["missed"] * k},
        "codes": lambda k: {"note": f"r{k}", "code": str(k + 1)},
    }
    return [make[kind](k) for k in range(n)], [*range(n)][::-1]


@pytest.mark.parametrize("kind", ["points", "times", "accounts", "codes"])
def test_of_many_records_those_that_cost_most_stand_open(kind: str) -> None:
    """By their points, else those of the line that they are called as, else how often; accounts by their failures."""
    header, document = penalised()
    for n in (10, 11):
        told, worst = _records(kind, n)
        held = {"faults": InputValue.model_validate({"value": told, "from": "entries"})}
        (row,) = results.input_rows(header, document.model_copy(update={"inputs": held}))
        shown = [re.findall(r"r(\d+)", x["en"])[0] for x in row.records]
        assert shown == [str(k) for k in (worst if n > 10 else range(n))]
