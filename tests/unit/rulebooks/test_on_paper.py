"""How many samples a plan asks for, on paper figures; in which codes inputs are told."""

import pytest

from gridmgmt.errors import OptionInvalid
from gridmgmt.rulebooks.exports.input_text import codes_of
from gridmgmt.rulebooks.load import load
from gridmgmt.rulebooks.sampling import on_paper, totals

HUIJI = load("huiji").rulebook.samples


def asked(*told: str) -> int:
    return totals([x.plan for x in (on_paper(HUIJI, t) for t in told) for _ in range(x.n_units)])[0]


@pytest.mark.parametrize(
    ("told", "n"),
    [
        (("street=4", "town=7"), 4 * 31 + 7 * 29),
        (("street=1",), 31),
        (("town=0",), 0),
        (("street+no_air_defence=2",), 2 * 30),
        (("street+no_market=1",), 31),  # an urban village is looked at instead
        (("town + no_air_defence + no_market = 3",), 3 * 28),
    ],
)
def test_samples_of_a_city_on_paper(told: tuple[str, ...], n: int) -> None:
    assert asked(*told) == n


@pytest.mark.parametrize(
    "told", ["streets=4", "street", "street=", "street=-1", "street=1.5", "street=10001", "street+market=1", "=4"]
)
def test_what_looks_mistyped_is_refused_with_what_is_known(told: str) -> None:
    with pytest.raises(OptionInvalid) as e:
        on_paper(HUIJI, told)
    assert "street" in str(e.value.expected)
    assert "no_market" in str(e.value.expected)


def test_a_rulebook_without_samples_has_none_on_paper() -> None:
    with pytest.raises(OptionInvalid):
        on_paper(load("qixian").rulebook.samples, "street=1")


def test_inputs_say_in_which_codes_they_are_told() -> None:
    qixian, beijing, staff = (load(name).rulebook for name in ("qixian", "beijing_grid", "coadmin_staff"))
    assert "county_circular" in codes_of(qixian, "penalty_events")
    assert codes_of(qixian, "digital") == {}
    assert codes_of(staff, "result") == {"pass": {"zh": "合格", "en": "Pass"}, "fail": {"zh": "不合格", "en": "Fail"}}
    assert codes_of(beijing, "accounts")["missed"]["zh"] == "逾期未反馈"
