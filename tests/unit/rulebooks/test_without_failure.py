"""A failure that is taken out of a hanging account's record: the rulebook reads what is left as if it had not been."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.rulebooks.inputs import Input
from gridmgmt.rulebooks.records import without_failure
from gridmgmt.rulebooks.values import FAILED, parse

SPEC = Input(title={"zh": "挂账", "en": "Accounts"}, type="accounts", entered={"zh": "甲", "en": "A"})
MARKS = {"missed": ["missed"], "failed": ["answered", "failed"], "passed": ["answered", "passed"]}


def record(hows: list[str], n_before: int = 0, **more: Any) -> dict[str, Any]:
    """An account of some periods, after failures of the issue elsewhere or before."""
    own = [f"P!hang{i}" for i, how in enumerate(hows, n_before + 1) if how in FAILED]
    issue = [*(f"P!hang{i}" for i in range(1, n_before + 1)), *own]
    out = {"id": "P", "steps": ["dispatched", *(s for how in hows for s in MARKS[how])], "unit": "U", **more}
    out |= {"earlier": n_before, "failures": own, "issue_failures": issue if n_before else []}
    return {k: v for k, v in out.items() if v != []}


@pytest.mark.parametrize(
    ("hows", "name", "left"),
    [
        (["missed", "failed"], "P!hang1", ["dispatched", "answered", "failed"]),
        (["missed", "failed"], "P!hang2", ["dispatched", "missed"]),
        (["failed", "missed", "passed"], "P!hang1", ["dispatched", "missed", "answered", "passed"]),
        (["missed"], "P!hang1", ["dispatched"]),
    ],
)
def test_the_steps_that_are_left(hows: list[str], name: str, left: list[str]) -> None:
    assert without_failure(record(hows), name)["steps"] == left


def test_a_failed_check_whose_answer_nobody_wrote_down_goes_alone() -> None:
    told = {"id": "P", "steps": ["dispatched", "missed", "failed"], "failures": ["P!hang1", "P!hang2"]}
    assert without_failure(told, "P!hang2")["steps"] == ["dispatched", "missed"]
    told = {"id": "P", "steps": ["dispatched", "answered", "missed"], "failures": ["P!hang1"]}
    assert without_failure(told, "P!hang1")["steps"] == ["dispatched", "answered"]


def test_a_failure_before_the_period_no_longer_counts_for_exposure() -> None:
    less = without_failure(record(["missed"], n_before=2), "P!hang1")
    assert less == record(["missed"], n_before=2) | {"earlier": 1, "issue_failures": ["P!hang2", "P!hang3"]}


def test_what_came_after_the_last_failure_left_was_not_earlier() -> None:
    """The unit's first, two of another, the unit's second, which is exempted: one failure is left, none before it."""
    order = ["P!hang1", "P!hang2.1", "P!hang2.2", "P!hang3"]
    given_ = {"id": "P", "steps": ["dispatched", "missed", "missed"], "unit": "U", "earlier": 2,
              "failures": ["P!hang1", "P!hang3"], "issue_failures": order}  # fmt: skip
    assert without_failure(given_, "P!hang3") == {
        "id": "P", "steps": ["dispatched", "missed"], "unit": "U", "earlier": 0, "failures": ["P!hang1"],
    }  # fmt: skip
    assert without_failure(given_, "P!hang2.1")["earlier"] == 1


def test_a_failure_that_is_not_named_changes_nothing() -> None:
    for account in (record(["missed", "failed"]), {"id": "P", "steps": ["dispatched", "missed"]}):
        assert without_failure(account, "P!hang9") == account


@given(
    st.lists(st.sampled_from(FAILED), max_size=5), st.booleans(), st.integers(0, 3), st.randoms(use_true_random=False)
)
def test_taking_all_out_in_any_order_leaves_none(hows: list[str], closes: bool, n_before: int, chance: Any) -> None:
    account = record([*hows, *(["passed"] if closes else [])], n_before)
    names = list(account.get("issue_failures", account.get("failures", [])))
    chance.shuffle(names)
    for n, name in enumerate(names, 1):
        account = without_failure(account, name)
        (read,) = parse(SPEC, [account])
        assert len(read.issue_failures or read.failures) <= len(names) - n
    assert account == record(["passed"] if closes else [], 0)


def test_each_failure_has_a_name_or_none_has() -> None:
    account = record(["missed", "failed"])
    with pytest.raises(ValueError, match="a name for each failure"):
        parse(SPEC, [account | {"failures": ["P!hang1"]}])
    with pytest.raises(ValueError, match="a list of names"):
        parse(SPEC, [account | {"failures": "P!hang1"}])
