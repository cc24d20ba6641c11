"""Repeat cases over HTTP are the city's, as the command tells them; tables of figures as files."""

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from gridmgmt.casework.operations import repeats
from gridmgmt.database.work import Work, open_database
from gridmgmt.periods import parse_period
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.asking import Ask, asked
from tests.api.small_city import COMMUNITIES
from tests.servers import Databases

CITY, STREET, WORKS = "city_centre", "street@street:429901001", "department@unit:D9"
PERIOD = "period=2025-12"


def build(work: Work, folder: Path) -> None:
    """The small city."""
    small_city.build(work, folder)


@pytest.fixture(scope="module")
def settings(databases: Databases) -> Settings:
    return databases.built("api_repeats", build)


@pytest.fixture(scope="module")
def ask(settings: Settings) -> Any:
    with asked(settings) as found:
        yield found


def test_repeats_are_those_of_the_command(ask: Ask, settings: Settings) -> None:
    work = open_database(settings)
    found = repeats.report(work, parse_period("2025-12"), "annex2").plain
    work.close()
    assert ask(CITY, f"GET /v1/repeats?{PERIOD}") == json.loads(json.dumps(found))
    assert found["n_filed"] == 14
    answer = ask(CITY, f"GET /v1/repeats?{PERIOD}&format=xlsx", raw=True)
    assert "repeats-2025-12.xlsx" in answer.headers["content-disposition"]
    assert len(openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets) == 2
    page = ask(CITY, f"GET /maps/repeats?{PERIOD}", raw=True)
    assert page.headers["content-type"].startswith("text/html")
    assert "sandbox" in page.headers["content-security-policy"]


def test_they_are_not_counted_on_a_part(ask: Ask) -> None:
    for post in (STREET, WORKS):
        for path in ("/v1/repeats", "/maps/repeats"):
            assert ask(post, f"GET {path}?{PERIOD}", status=403)["code"] == "outside_scope"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("period=spring", 422, "period_invalid"), (f"{PERIOD}&rule=nowhere", 404, "repeat_rule_missing"),
        (f"{PERIOD}&rule=../calendars/x", 422, "request_invalid"),
        (f"{PERIOD}&rule=suspects", 404, "repeat_rule_missing"),
        (f"{PERIOD}&rule=x.yaml", 422, "request_invalid"),
    ],
)  # fmt: skip
def test_a_rule_is_the_installations(query: str, status: int, code: str, ask: Ask) -> None:
    for path in ("/v1/repeats", "/maps/repeats"):
        assert ask(CITY, f"GET {path}?{query}", status=status)["code"] == code


def test_figures_as_a_table(ask: Ask) -> None:
    path = f"GET /v1/indicators?{PERIOD}&level=community&format=csv"
    answer = ask(STREET, path, raw=True)
    table = pd.read_csv(io.StringIO(answer.text), dtype={"code": str})
    assert table["code"].tolist() == COMMUNITIES[:2]
    assert table["n_due"].tolist() == [10, 0]
    assert "indicators-2025-12-community.csv" in answer.headers["content-disposition"]
    words = ask(STREET, f"{path}&columns=words&lang=zh", raw=True).text.splitlines()[0].split(",")
    assert "应结案数" in words
    whole = ask(CITY, f"GET /v1/indicators?{PERIOD}&by=unit&format=csv", raw=True).text
    assert [line.partition(",")[0] for line in whole.splitlines()[1:]] == ["D9", "S1", ""]
    assert ask(STREET, f"GET /v1/indicators?{PERIOD}&by=unit&format=csv", status=403)["code"] == "outside_scope"
    assert ask(STREET, f"GET /v1/indicators?{PERIOD}&by=person&names=true", status=403)["code"] == "outside_scope"
    assert ask(CITY, f"GET /v1/indicators?{PERIOD}&by=person&names=true")["by"] == "person"
    own = ask(WORKS, f"GET /v1/indicators?{PERIOD}&by=unit&format=csv", raw=True).text.splitlines()
    assert [line.partition(",")[0] for line in own[1:]] == ["D9"]
