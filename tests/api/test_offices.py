"""Assessments of units over HTTP: scores with consequences and missing inputs, no map, beside those of grids."""

import io

import openpyxl
import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from tests.api import offices
from tests.api.offices import NAME, TOTAL_D9
from tests.api.signed import sign_in
from tests.api.small_city import COMMUNITIES

PATH = f"/v1/assessments/{NAME}/scorecards"


@pytest.fixture(scope="module")
def client(databases):
    found = databases.built("api_offices", offices.build)
    with TestClient(create_app(found), base_url="http://localhost") as client:
        yield sign_in(client, found)


def test_the_ranking_of_units_says_what_followed_and_what_is_missing(get):
    ranking = get(f"{PATH}?level=unit")
    assert ranking["level"] == "unit"
    d9, s1 = ranking["rows"]
    assert (d9["code"], d9["total"], d9["grade"], d9["rank"], d9["n_missing"]) == ("D9", TOTAL_D9, "fail", 1, 0)
    assert d9["consequences"] == [
        {
            "consequence": "self_criticism", "tone": "penalty", "undecided": None,
            "title": {"zh": "分管领导作检查", "en": "The leader in charge makes a self-criticism"},
        }
    ]  # fmt: skip
    assert list(d9["points"].values()) == ["64.20", "4.00", "3.00", "-2.00"]
    assert (s1["code"], s1["total"], s1["status"], s1["n_missing"], s1["points"]["base"]) == (
        "S1", None, "incomplete", 1, None,
    )  # fmt: skip
    assert get(f"{PATH}?level=community")["rows"] == []
    assert get(f"{PATH}?level=community&format=csv", 422)["code"] == "level_unknown"


def test_a_units_scorecard_is_a_tree_with_its_texts(get):
    card = get(f"{PATH}/D9?level=unit")
    texts = {x["item"]: x for x in card["texts"]["lines"]}
    assert [x["item"] for x in card["texts"]["lines"]] == [x["item"] for x in card["document"]["lines"]]
    assert (texts["late"]["points"], texts["late"]["is_rule"], texts["late"]["depth"]) == ("-6.00", True, 1)
    assert (texts["digital_part"]["weight"], texts["discipline"]["maximum"]) == ("60", "10")
    assert texts["discipline"]["share"] == pytest.approx(0.4)
    assert card["texts"]["shown"][0]["points"] == "91.67%"
    assert card["texts"]["shown_total"] == TOTAL_D9
    assert card["texts"]["ranks"] == [{"name": "名次", "rank": "第 1 名 / 共 1 个（暂定）", "of": 1}]
    [reached] = card["texts"]["consequences"]
    assert (reached["tone"], reached["why"]) == (
        "penalty", "依据 2025-11、2025-12 的结果，已计 2 次；向工作领导小组书面检查",
    )  # fmt: skip
    missing = get(f"{PATH}/S1?lang=en")["texts"]
    assert missing["missing"] == [{"period": "2025-12", "inputs": "Street fronts"}]
    assert missing["shown_total"] == "open"


def test_a_units_files(client):
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"{PATH}/D9?format=xlsx").content))
    assert "考核数据 Inputs" in book.sheetnames
    text = client.get(f"{PATH}/D9?format=html").text
    assert "依据：县通报3号" in text
    assert 'class="sketch"' not in text
    assert client.get(f"{PATH}/D9?format=svg").content == b""
    summary = client.get(f"{PATH}?level=unit&format=csv").content.decode("utf-8-sig").splitlines()
    assert len(summary) == 3
    assert "分管领导作检查" in summary[1]
    assert client.get(f"{PATH}?level=unit&format=xlsx").status_code == 200


def test_explain_leads_to_entries_cases_and_periods(get):
    path = f"/v1/explain?assessment={NAME}&code=D9&item="
    events = get(path + "penalties")
    assert events["entry_texts"]["events"][0].startswith(
        "2025-12-04 · 被县通报 · 依据：县通报3号 · 录入人：王工 · 录入时间："
    )
    assert events["entries"]["events"][0]["entry"].startswith("departments/2025-12/D9/events/")
    assert events["input_names"]["events"] == {"zh": "奖惩事项", "en": "Events"}
    slow = get(path + "slow")
    assert (slow["evidence"]["due"]["n"], slow["evidence"]["due"]["name"]["zh"]) == (12, "应结案数")
    assert "11 ÷ 12" in slow["text"]
    why = get(path + "self_criticism")
    assert why["text"].startswith("分管领导作检查：依据 2025-11、2025-12 的结果")
    assert [(p["period"], p["assessment"], p["total"], p["grade"]) for p in why["periods"]] == [
        ("2025-11", "departments-2025-11-1", "74.00", "fail"), ("2025-12", NAME, TOTAL_D9, "fail"),
    ]  # fmt: skip
    assert get(path + "digital")["text"] == "数字城管得分：60"
    assert get(path + "luck", 404)["code"] == "item_missing"


def test_units_have_no_map_and_grids_keep_theirs(client, get):
    problem = get(f"/maps/choropleth?assessment={NAME}&lang=en", 404)
    assert problem["code"] == "assessment_without_map"
    assert "departments-2025-12-1 assesses no grids" in problem["detail"]
    assert client.get("/maps/choropleth").status_code == 200
    assert client.get(f"/maps/heat?assessment={NAME}").status_code == 200


def test_the_start_page_begins_with_grids_and_shows_units_when_asked(client):
    page = client.get("/").text
    assert '<option value="grid_baseline-2025-12-1" selected>' in page
    assert f'<option value="{NAME}">' in page
    assert "数据未齐" in page
    assert 'id="choropleth"' in page
    units = client.get(f"/?assessment={NAME}&level=community&code={COMMUNITIES[0]}").text
    assert 'id="choropleth"' not in units
    assert 'class="unmapped"' in units
    assert f'"code": "{COMMUNITIES[0]}"' not in units
    assert client.get("/?level=unit").status_code == 200
    assert client.get("/?level=village").status_code == 422
