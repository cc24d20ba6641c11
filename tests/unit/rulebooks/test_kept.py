"""Results of earlier periods that are read and ranked once give what reading them each time gives."""

from collections.abc import Mapping
from typing import Any

import pytest

from gridmgmt.rulebooks.dossier import Dossier
from gridmgmt.rulebooks.dossier_reading import read_after, read_dossier
from gridmgmt.rulebooks.kept import Kept
from gridmgmt.rulebooks.run import run
from tests.unit.rulebooks.tiny import FULL, tiny

BOOK = tiny().rulebook
WHO: Mapping[str, Any] = {"U": {"name": {"zh": "甲", "en": "U"}}, "V": {"name": {"zh": "乙", "en": "V"}}}
OCTOBER: Mapping[str, Any] = {"U": {"result": {"total": "91.5"}}, "V": {"result": {"total": 40, "rank": 7}}}
NOVEMBER: Mapping[str, Any] = {"U": {"result": {"total": "1/3"}}, "V": {"result": {"missing": ["due"]}}}


def dossier(subjects: Mapping[str, Any] = WHO, **periods: Mapping[str, Any]) -> Mapping[str, Any]:
    """Months before, and a December that is computed."""
    before = {label.replace("m", "2025-"): records for label, records in periods.items()}
    return {"rulebook": "tiny", "subjects": subjects, "periods": {**before, "2025-12": {"U": {"inputs": FULL}}}}


def read(kept: Kept, plain: Mapping[str, Any]) -> Dossier:
    """Read with what is kept; outcomes and all are those of a reading by itself."""
    found, alone = read_after(kept, BOOK, plain, "input"), read_dossier(BOOK, plain)
    assert (found.subjects, found.periods, found.plain) == (alone.subjects, alone.periods, alone.plain)
    again, made = run(BOOK, found, kept), run(BOOK, alone)
    assert (again.outcomes, again.periods, again.refusals) == (made.outcomes, made.periods, made.refusals)
    assert [list(o) for o in again.outcomes.values()] == [list(made.outcomes[label]) for label in again.outcomes]
    return found


def test_what_was_read_is_not_read_again() -> None:
    kept = Kept()
    first = read(kept, dossier(m10=OCTOBER))
    second = read(kept, dossier(m10=OCTOBER, m11=NOVEMBER))
    assert second.periods["2025-10"] is first.periods["2025-10"]
    assert second.periods["2025-12"] is not first.periods["2025-12"]  # computed each time
    done = kept.outcomes(second, "2025-10")
    assert done is not None
    assert (done["U"].rank, done["V"].rank) == (1, 7)
    assert kept.outcomes(second, "2025-12") is None


@pytest.mark.parametrize(
    "plain",
    [
        dossier(m10={**OCTOBER, "V": {"result": {"total": 99}}}),  # corrected
        dossier({**WHO, "V": {**WHO["V"], "group": "street"}}, m10=OCTOBER),
        dossier({"U": WHO["U"]}, m10={"U": OCTOBER["U"]}),
    ],
)
def test_other_records_or_subjects_are_read_anew(plain: Mapping[str, Any]) -> None:
    kept = Kept()
    first = read(kept, dossier(m10=OCTOBER))
    second = read(kept, plain)
    assert second.periods["2025-10"] is not first.periods["2025-10"]


def test_a_period_with_inputs_of_its_own_is_computed_each_time() -> None:
    kept = Kept()
    mixed = {"U": {"inputs": FULL}, "V": {"result": {"total": 40}}}
    assert kept.outcomes(read(kept, dossier(m10=mixed)), "2025-10") is None


def test_rules_with_the_same_inputs_take_the_values_that_were_read() -> None:
    plain = dossier(m10=OCTOBER)
    first, other = read_dossier(BOOK, plain, is_frozen=True), tiny(extra__points="4").rulebook
    found = read_dossier(other, plain, is_frozen=True, known=first)
    assert found == read_dossier(other, plain, is_frozen=True)
    assert all(found.periods[label][code] is r for label, own in first.periods.items() for code, r in own.items())
