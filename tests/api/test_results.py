"""Results over HTTP: published, compared, appealed against, corrected, computed again; each about oneself alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gridmgmt.assessing.operations import publishing
from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings
from tests.api import offices
from tests.api.asking import Ask, asked, worked_off
from tests.api.small_city import COMMUNITIES, NAMES, TOTAL_0, TOTAL_5
from tests.servers import Databases

CITY, STREET, ELSEWHERE = "city_centre", "street@street:429901001", "street@street:429902001"
OFFICE, WORKS, BARE = "department@unit:S1", "department@unit:D9", "administrator"
LIMITED = (STREET, ELSEWHERE, OFFICE, WORKS)
HERE, FIFTH = COMMUNITIES[0], COMMUNITIES[5]
DRAFT, UNITS = "grid_baseline-2025-12-1", offices.NAME
NOVEMBER = "departments-2025-11-1"


def build(work: Work, folder: Path) -> None:
    """Grids and departments assessed; November of the departments published."""
    offices.build(work, folder)
    publishing.publish(work.but(actor="局"), NOVEMBER)


@pytest.fixture(scope="module")
def settings(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(databases.built("api_results", build), files=tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def ask(settings: Settings) -> Any:
    with asked(settings) as found:
        yield found


def appeal(fact: str, subject: str = HERE, kind: str = "case", **more: str) -> dict[str, str]:
    return {"assessment": DRAFT, "subject": subject, "kind": kind, "fact": fact, "reason": "责任不在本街道", **more}


def test_a_draft_is_the_citys_until_it_is_published(ask: Ask) -> None:
    assert ask(CITY, f"GET /v1/assessments/{DRAFT}/ranks?level=community")["rows"][0]["total"] == TOTAL_5
    for post in LIMITED:
        assert ask(post, f"GET /v1/assessments/{DRAFT}/ranks", status=403)["code"] == "outside_scope"
        assert ask(post, "GET /v1/assessments/latest/ranks")["assessment"] == "departments-2025-11-1", (
            "the latest that is published"
        )
        subject = FIFTH if post == ELSEWHERE else HERE
        assert ask(post, "POST /v1/appeals", status=403, json=appeal("A009", subject))["code"] == "outside_scope"
        assert ask(post, f"POST /v1/assessments/{DRAFT}/publication", status=403)["code"] == "access_denied"
    assert ask(CITY, "POST /v1/appeals", status=409, json=appeal("A009"))["facts"]["why"] == "not_published"


def test_it_is_published_by_its_own_name_once(ask: Ask) -> None:
    found = ask(CITY, "POST /v1/assessments/latest/publication", status=422)
    assert (found["code"], found["facts"]["name"]) == ("option_invalid", "ASSESSMENT")
    lacking = ask(CITY, f"POST /v1/assessments/{UNITS}/publication", status=409)
    assert (lacking["code"], lacking["facts"]["n"]) == ("assessment_incomplete", 1)
    key = {"idempotency-key": "publish-1"}
    first, again = (
        ask(CITY, f"POST /v1/assessments/{DRAFT}/publication", status=201, raw=True, headers=key) for _ in range(2)
    )
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert (first.json()["assessment"], first.json()["published_by"]) == (DRAFT, CITY)
    assert ask(CITY, f"POST /v1/assessments/{DRAFT}/publication", status=201) == first.json()
    assert ask(CITY, "POST /v1/assessments/nothing-2025-12-1/publication", status=404)["code"] == "assessment_missing"


def test_everybody_compares_totals_and_ranks_of_grids_and_nothing_else(ask: Ask) -> None:
    path = f"GET /v1/assessments/{DRAFT}/ranks"
    whole = ask(CITY, f"{path}?level=community")
    assert [r["code"] for r in whole["rows"][:2]] == [FIFTH, HERE]
    fifth, own = whole["rows"][:2]
    assert fifth == {
        "level": "community", "code": FIFTH, "name": {"zh": NAMES[5], "en": "Community 5"}, "total": TOTAL_5,
        "exact": "100", "rank": 1,
    }  # fmt: skip
    assert (own["total"], own["exact"], own["rank"]) == (TOTAL_0, "1220/17", 2)
    assert {r["rank"] for r in whole["rows"][2:]} == {None}
    for post in (*LIMITED, BARE):
        assert ask(post, f"{path}?level=community") == whole
        assert ask(post, path) == ask(CITY, path)
    assert ask(CITY, f"{path}?level=hamlet", status=422)["code"] == "level_unknown"


def test_ranks_of_units_are_told_to_whom_they_belong(ask: Ask) -> None:
    path = f"GET /v1/assessments/{NOVEMBER}/ranks"
    codes = {r["code"] for r in ask(CITY, path)["rows"]}
    assert codes == {"D9", "S1"}
    assert [r["code"] for r in ask(WORKS, path)["rows"]] == ["D9"]
    assert [r["code"] for r in ask(OFFICE, path)["rows"]] == ["S1"]
    assert ask(STREET, path)["rows"] == []
    assert ask(BARE, path, status=403)["code"] == "access_denied"


# --- appeals ----------------------------------------------------------------------------------------------------------


def test_one_appeals_about_oneself_alone_and_is_told_no_other(ask: Ask) -> None:
    for post, subject in ((ELSEWHERE, HERE), (STREET, FIFTH), (STREET, "429901"), (OFFICE, HERE), (WORKS, HERE)):
        refused = ask(post, "POST /v1/appeals", status=403, json=appeal("A009", subject))
        assert refused["code"] == "outside_scope"
    assert ask(STREET, "POST /v1/appeals", status=409, json=appeal("A010"))["facts"]["why"] == "not_counted"
    assert ask(STREET, "POST /v1/appeals", status=404, json=appeal("A009", "nobody"))["code"] == "subject_missing"
    assert ask(STREET, "POST /v1/appeals", status=422, json=appeal("A009", kind="rumour"))["code"] == "request_invalid"
    assert ask(STREET, "POST /v1/appeals", status=422, json=appeal("A009\x00"))["code"] == "value_unstorable"
    opened = ask(STREET, "POST /v1/appeals", status=201, json=appeal("A009"))
    assert ask(STREET, "POST /v1/appeals", status=409, json=appeal("A009"))["facts"]["why"] == "again"
    (own,) = ask(STREET, "GET /v1/appeals")
    assert (own["id"], own["state"], own["opened_by"], own["fact_no"]) == (opened["id"], "open", STREET_NAME, "A009")
    assert ask(CITY, f"GET /v1/appeals?assessment={DRAFT}") == [own]
    for post in (ELSEWHERE, OFFICE, WORKS):
        assert ask(post, "GET /v1/appeals") == []
        assert ask(post, f"GET /v1/appeals?assessment={DRAFT}") == []
    assert ask(BARE, "GET /v1/appeals", status=403)["code"] == "access_denied"


STREET_NAME = "street-street-429901001"


def test_a_granted_one_is_carried_out_by_a_correction(ask: Ask, settings: Settings) -> None:
    (own,) = ask(STREET, "GET /v1/appeals")
    path, told = f"POST /v1/appeals/{own['id']}/decision", {"granted": True, "reason": "情况属实"}
    for post in LIMITED:
        assert ask(post, path, status=403, json=told)["code"] == "access_denied"
        assert ask(post, f"POST /v1/assessments/{DRAFT}/correction", status=403)["code"] == "access_denied"
    decided = ask(CITY, path, status=201, json=told)
    assert (decided["state"], decided["decided_by"], decided["decision"]) == ("granted", CITY, "情况属实")
    assert ask(CITY, path, status=409, json=told)["facts"]["why"] == "decided"
    assert ask(STREET, "GET /v1/appeals") == [decided]

    job = ask(CITY, f"POST /v1/assessments/{DRAFT}/correction", status=202)
    assert (job["kind"], job["asked"]) == ("correction", {"assessment": DRAFT})
    worked_off(settings, job)
    result = ask(CITY, f"GET /v1/jobs/{job['id']}/result")
    assert (result["assessment"], result["new"]) == ("grid_baseline-2025-12-2", True)
    moved = {d["subject"]["code"]: d for d in result["differences"]}
    assert {HERE, HERE[:9], HERE[:6], HERE[:4]} == moved.keys()
    assert moved[HERE]["total"][0] == "1220/17"
    ask(STREET, f"GET /v1/jobs/{job['id']}/result", status=404)
    assert ask(STREET, "GET /v1/assessments/grid_baseline-2025-12-2/ranks", status=403)["code"] == "outside_scope"
    ask(CITY, "POST /v1/assessments/grid_baseline-2025-12-2/publication", status=201)
    ranks = ask(STREET, "GET /v1/assessments/grid_baseline-2025-12-2/ranks?level=community")["rows"]
    assert {r["code"]: r["exact"] for r in ranks}[HERE] == moved[HERE]["total"][1]


def test_without_a_granted_appeal_there_is_nothing_to_correct(ask: Ask, settings: Settings) -> None:
    job = ask(CITY, f"POST /v1/assessments/{NOVEMBER}/correction", status=202)
    worked_off(settings, job)
    failed = ask(CITY, f"GET /v1/jobs/{job['id']}?lang=en")
    assert (failed["state"], failed["error"]["code"], failed["error"]["facts"]["why"]) == (
        "failed", "appeal_refused", "none_granted"
    )  # fmt: skip


def test_an_assessment_computed_again_is_the_same(ask: Ask, settings: Settings) -> None:
    for post in LIMITED:
        assert ask(post, f"POST /v1/assessments/{DRAFT}/recomputation", status=403)["code"] == "outside_scope"
    job = ask(CITY, f"POST /v1/assessments/{NOVEMBER}/recomputation", status=202)
    worked_off(settings, job)
    assert ask(CITY, f"GET /v1/jobs/{job['id']}")["kind"] == "recompute"
    found = ask(CITY, f"GET /v1/jobs/{job['id']}/result")
    assert (found["assessment"], found["same"], found["differences"]) == (NOVEMBER, True, [])
    assert found["sha256"] == found["again"]
    assert ask(CITY, "POST /v1/assessments/nothing-1/recomputation", status=404)["code"] == "assessment_missing"


# --- the ledger -------------------------------------------------------------------------------------------------------


def test_the_years_ledger_is_the_citys(ask: Ask, settings: Settings) -> None:
    path = "GET /v1/consequences?rulebook=departments&year=2025"
    found = ask(CITY, path)
    work = open_database(settings)
    assert len(found["reached"]) == len(publishing.ledger(work, "departments", 2025).reached) > 0
    work.close()
    (own,) = ask(CITY, f"{path}&subject=D9")["reached"]
    assert (own["consequence"], own["because"]) == ("self_criticism", ["2025-11", "2025-12"])
    for post in LIMITED:
        assert ask(post, path, status=403)["code"] == "outside_scope"
        assert ask(post, f"{path}&subject=D9", status=403)["code"] == "outside_scope"
    assert ask(CITY, path.replace("2025", "1066"), status=422)["code"] == "request_invalid"
    assert ask(CITY, path.replace("departments", "nowhere"), status=404)["code"] == "assessment_missing"
