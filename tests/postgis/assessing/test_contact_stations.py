"""Contact stations of communities: a working day without a report costs the unit that answers for the community."""

from pathlib import Path
from typing import Any

import pytest

from gridmgmt.assessing.operations import explaining, scoring
from gridmgmt.casework.operations.requests import Request
from gridmgmt.database.work import Work
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_period
from tests.postgis.towns import middle
from tests.postgis.worksite import acted, at

STATION = "社区联系站"


def reported(work: Work, no: str, place: str, day: int, hour: float = 9, source: str = STATION) -> None:
    lon, lat = middle(place)
    facts = {"source": source, "category": "component:01001", "lon": lon, "lat": lat}
    acted(work, Request("report", "王某", no, at(hour, day), facts=facts))


def scored(work: Work, until: float) -> dict[str, Any]:
    """Unit → what stands for its stations, at midnight of a December day."""
    made = scoring.score(work, "xihu", parse_period("2025-12"), as_of=at(0, int(until)))
    out = {}
    for d in made.subjects:
        line = next(x for x in d.shown if x.item == "stations")
        told = d.inputs.get("communities_failing")
        out[d.subject.code] = (line.points.exact if line.points else None, told.value if told else None)
    return out


@pytest.fixture
def week(desk: Work) -> Work:
    """Of U1's communities D1-1 reports on Monday to Wednesday, D1-2 not on Tuesday; of U2's only D2-1, on Monday."""
    for day in (1, 2, 3):
        reported(desk, f"A{day}", "D1-1", day)
    reported(desk, "B1", "D1-2", 1)
    reported(desk, "B2", "D1-2", 2, source="监督员上报")  # not through the station
    reported(desk, "B3", "D1-2", 3, hour=23.9)
    reported(desk, "C1", "D2-1", 1)
    return desk


def test_each_community_with_a_silent_working_day_costs_two_whatever_the_days(week: Work) -> None:
    found = scored(week, 4)
    assert {code: points for code, (points, _) in found.items()} == {"U1": "-2", "U2": "-4", "U9": "0"}
    assert found["U1"][1] == [{"on": "2025-12-02", "note": "D1-2 网格D1-2 (12-02)"}]
    assert [(f["on"], f["note"].rpartition("(")[2]) for f in found["U2"][1]] == [
        ("2025-12-02", "12-02, 12-03)"), ("2025-12-01", "12-01, 12-02, 12-03)"),
    ]  # fmt: skip


def test_the_silent_days_are_explained(week: Work) -> None:
    made = scoring.score(week, "xihu", parse_period("2025-12"), as_of=at(0, 4))
    found = explaining.explain(week, made.name, "U1", "stations")
    assert {x.item: x.points.exact for x in found.document.shown if x.points}["r_stations"] == "2"
    (record,) = (found.entries or {})["communities_failing"]
    assert record["note"] == "D1-2 网格D1-2 (12-02)"


def test_a_day_that_still_runs_and_days_off_are_not_judged(week: Work) -> None:
    assert scored(week, 2)["U1"] == ("0", [])
    assert scored(week, 3)["U1"][0] == "-2"
    for code in ("D1-1", "D1-2"):
        for day in (4, 5):
            reported(week, f"{code}/{day}", code, day)
    assert scored(week, 8)["U1"][1] == [{"on": "2025-12-02", "note": "D1-2 网格D1-2 (12-02)"}]  # then a weekend


def test_who_answers_is_that_of_the_last_day_that_the_cut_off_sees(week: Work, tmp_path: Path) -> None:
    """D1-2 passes from U1 to U2 on the 20th: until then its silent days are U1's, at the month's end U2's."""
    rule = "category,level,grid_code,unit_code,valid_from,valid_to\n*,community,D1-2,U2,2025-12-20,\n"
    (tmp_path / "passed.csv").write_text(rule, "utf-8")
    reference.import_rules(week, tmp_path / "passed.csv")

    def whose(until: float) -> set[str]:
        return {code for code, (_, found) in scored(week, until).items() for f in found if "D1-2" in f["note"]}

    assert whose(20) == {"U1"}
    assert whose(21) == whose(32) == {"U2"}


def test_where_no_case_came_from_a_station_people_enter_it_and_nothing_is_no_zero(desk: Work) -> None:
    reported(desk, "A", "D1-1", 1, source="监督员上报")
    assert scored(desk, 4) == dict.fromkeys(("U1", "U2", "U9"), (None, None))
