"""Accepted words: each reading takes what it always took, whatever the catalogue calls it when it is shown."""

from zoneinfo import ZoneInfo

import pytest

from gridmgmt import accepted, texts
from gridmgmt.accepted import closest, words, yes_no
from gridmgmt.casework import step_facts
from gridmgmt.casework.cases import MARKS, ORDER_KINDS, STATES, VERDICTS
from gridmgmt.casework.time_limits import STAGES
from gridmgmt.casework.transitions import BY_PEOPLE
from gridmgmt.deadlines import UNITS
from gridmgmt.files import forms

YES = {"是", "yes", "true", "1", "y", "t", "√", "✓", "✔"}
NO = {"否", "no", "false", "0", "n", "f", "×", "✗", "✘"}
CODES = {
    "step": BY_PEOPLE, "state": STATES, "fact": step_facts.READERS, "stage": STAGES, "verdict": VERDICTS,
    "order_kind": ORDER_KINDS, "mark": MARKS, "amount_unit": UNITS,
}  # fmt: skip
SHOWN = {"order_kind": "order", "amount_unit": "time_unit"}


def test_yes_and_no_are_one_list() -> None:
    assert [entry for entry in accepted._entries() if set(accepted._entries()[entry]) == {"yes", "no"}] == ["yes_no"]
    assert {w for w, meant in words("yes_no").items() if meant == "yes"} == YES
    assert {w for w, meant in words("yes_no").items() if meant == "no"} == NO
    assert all(yes_no(w.upper()) is True for w in YES)
    assert all(yes_no(f" {w}") is False for w in NO)
    assert yes_no("") is yes_no("maybe") is yes_no(None) is None


def test_the_closest_word_comes_first() -> None:
    assert closest("kerbs", ["bus_shelter", "kerb", "control_box"])[0] == "kerb"


def test_a_word_has_one_meaning() -> None:
    for entry, meanings in accepted._entries().items():
        every = [word for meaning, others in meanings.items() for word in {meaning, *others}]
        assert len(every) == len(set(every)), entry


def test_every_code_has_its_words_and_no_other_has() -> None:
    for entry, codes in CODES.items():
        assert set(words(entry).values()) == set(codes), entry


def test_what_is_shown_is_accepted() -> None:
    """Whoever writes what a page or form shows is understood; a new wording is added to the accepted ones."""
    for entry in ("step", "state", "fact", "verdict", "order_kind", "mark", "amount_unit"):
        for code in CODES[entry]:
            shown = texts.word(f"{SHOWN.get(entry, entry)}_{code}")
            assert words(entry).get(shown) == code, (entry, code)
    for kind in words("sheet").values():
        assert words("sheet").get(texts.word(f"form_{kind}")) == kind
    assert {words("stage")[zh] for zh in STAGES.values()} == set(STAGES)


def test_rewording_what_is_shown_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "catalogue", dict)
    told = step_facts.read("visit", {"回访结论": "满意"}, ZoneInfo("Asia/Shanghai"))
    assert told == {"verdict": "satisfied"}
    assert step_facts.meant("amount_unit", "working days") == "working_day"
    assert forms.flag("是") is True
