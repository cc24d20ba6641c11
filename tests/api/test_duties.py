"""What is due and the register, over HTTP: a district is told what it owes, as the city sees it, and of no other."""

from dataclasses import replace
from typing import Any

import pytest

from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.asking import Ask, asked
from tests.pictures import PDF
from tests.servers import Databases

CITY, STREET, WORKS, READER = "city_centre", "street@street:429901001", "department@unit:D9", "viewer"
NORTH, SOUTH = "district@district:429901", "district@district:429902"
MINE, OTHERS = "429901", "429902"
SCHEME = "/v1/duties/ningbo_district"
DUE = "GET /v1/duties/due?scheme=ningbo_district&on=2025-04-10&as_of=2025-05-01"


@pytest.fixture(scope="module")
def settings(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(databases.built("api_duties", small_city.build), files=tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def ask(settings: Settings) -> Any:
    with asked(settings) as found:
        yield found


def report(**more: Any) -> dict[str, Any]:
    told = {"duty": "month_situation", "about": "2025-03", "subject": MINE, "at": "2025-04-09"}
    return {"data": {**told, **more}}


def stands(rows: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    return {(r["duty"], r.get("subject_code", "")): r["state"] for r in rows if r["state"]}


def test_reports_are_entered_with_their_file_and_corrected(ask: Ask) -> None:
    path = f"POST {SCHEME}/reports"
    first = ask(CITY, path, status=201, **report(at="2025-04-11"))
    assert (first["change"], first["state"], first["due"]) == ("new", "done_late", "2025-04-10")
    found = ask(CITY, path, status=201, **report(note="收文簿"), files={"file": ("三月.pdf", PDF)})
    assert (found["change"], found["state"], found["early"]) == ("corrected", "done", False)
    ask(CITY, path, status=201, **report(subject=OTHERS, at="2025-04-12"))
    (own,) = [r for r in ask(CITY, f"GET {SCHEME}/reports") if r["subject_code"] == MINE]
    assert (own["by"], own["note"], len(own["sha256"])) == (CITY, "收文簿", 64)
    assert len(ask(CITY, f"GET {SCHEME}/reports?history=true")) == 3
    for wrong in ({"duty": "weekly"}, {"about": "2025-Q1"}, {"at": "2099-01-01"}, {"subject": "429909"}):
        assert ask(CITY, path, status=422, **report(**wrong))["code"] == "option_invalid"
    bad = ask(CITY, path, status=422, **report(about="2025-04"), files={"file": ("x.exe", b"MZ")})
    assert bad["code"] in ("file_refused", "option_invalid")
    assert ask(CITY, path.replace("ningbo_district", "nowhere"), status=404, **report())["code"] == "scheme_missing"


def test_each_is_told_his_own_duties_as_the_city_sees_them(ask: Ask) -> None:
    """Seen through row policies alone, those of others stood as late though they had come."""
    city = stands(ask(CITY, f"{DUE}&units=true"))
    assert city == {("month_situation", MINE): "done", ("month_situation", OTHERS): "done_late"}
    assert [(r["n_done"], r["n_owed"]) for r in ask(CITY, DUE) if r["state"]] == [(2, 2)]
    for post, code in ((NORTH, MINE), (SOUTH, OTHERS)):
        for query in (DUE, f"{DUE}&units=true"):
            rows = ask(post, query)
            assert stands(rows) == {k: v for k, v in city.items() if k[1] == code}
            assert not any("n_owed" in r for r in rows)
    for post in (STREET, WORKS):
        assert stands(ask(post, f"{DUE}&units=true")) == {}
    assert ask(READER, DUE, status=403)["code"] == "access_denied"


def test_the_register_is_told_to_whom_it_is_about(ask: Ask) -> None:
    path = f"GET {SCHEME}/reports?history=true"
    rows = ask(CITY, path)
    for post, code in ((NORTH, MINE), (SOUTH, OTHERS)):
        assert ask(post, path) == [r for r in rows if r["subject_code"] == code]
    assert ask(STREET, path) == ask(WORKS, path) == []


def test_what_follows_an_event_is_told_to_whom_it_happened(ask: Ask) -> None:
    event = {"event": "major_event", "no": "7", "subject": MINE, "at": "2025-04-05T10:00"}
    ask(CITY, f"POST {SCHEME}/events", status=201, json=event)
    told = {"duty": "major_event_oral", "about": "7", "at": "2025-04-05T10:20"}
    assert ask(CITY, f"POST {SCHEME}/reports", status=201, **report(**told))["state"] == "done"
    on = DUE.replace("2025-04-10", "2025-04-05")
    events = {k: v for k, v in stands(ask(CITY, on)).items() if k[0].startswith("major")}
    assert events == {("major_event_oral", MINE): "done", ("major_event_written", MINE): "late"}
    assert {k: v for k, v in stands(ask(NORTH, on)).items() if k[0].startswith("major")} == events
    assert not any(k[0].startswith("major") for k in stands(ask(SOUTH, on)))
    supposed = f"{DUE}&event=major_event=2025-04-10T08:00"
    assert {r["subject_code"] for r in ask(SOUTH, supposed) if r["after"] and r["state"]} == {OTHERS}
    moved = ask(CITY, f"POST {SCHEME}/events", status=201, json={**event, "at": "2025-04-05T09:00"})
    assert [(x["duty"], x["was"], x["state"]) for x in moved["rejudged"]] == [("major_event_oral", "done", "done_late")]
    gone = {"what": "major_event", "about": "7", "subject": MINE, "reason": "登记错"}
    assert ask(CITY, f"POST {SCHEME}/withdrawals", status=201, json=gone)["change"] == "withdrawn"
    assert ask(CITY, f"POST {SCHEME}/withdrawals", status=422, json=gone)["code"] == "option_invalid"


def test_lateness_becomes_findings_of_the_rulebook(ask: Ask) -> None:
    path, told = f"POST {SCHEME}/charges", {"period": "2025-04", "as_of": "2025-05-01"}
    tried = ask(CITY, path, json={**told, "dry_run": True})
    assert (tried["dry_run"], tried["n_refused"]) == (True, 0)
    assert ask(CITY, "GET /v1/entries?rulebook=ningbo_district") == []
    found = ask(CITY, path, json=told)
    assert found["n_new"] == tried["n_new"] > 0
    own = [r for r in ask(SOUTH, "GET /v1/entries?rulebook=ningbo_district") if "month_situation" in r["ref"]]
    assert [r["subject_code"] for r in own] == [OTHERS]
    assert ask(CITY, path, json=told)["n_unchanged"] == found["n_new"]
    assert ask(CITY, "POST /v1/duties/bureau_office/charges", status=422, json=told)["code"] == "option_invalid"


def test_only_the_city_writes_into_the_register(ask: Ask) -> None:
    for post, code in ((NORTH, "access_denied"), ("city_centre@district:429901", "outside_scope")):
        assert ask(post, f"POST {SCHEME}/reports", status=403, **report())["code"] == code
        charge = {"period": "2025-04"}
        assert ask(post, f"POST {SCHEME}/charges", status=403, json=charge)["code"] == code


@pytest.mark.parametrize("query", ["on=2025-04-10&until=2025-04-09", "on=1066-01-01", "on=2025-01-01&until=2029-01-01",
                                   "on=2025-04-10&as_of=yesterday", "on=2025-04-10&event=x", "on=today"])  # fmt: skip
def test_what_cannot_be_asked_is_refused(query: str, ask: Ask) -> None:
    assert ask(CITY, f"GET /v1/duties/due?{query}", status=422)["code"] in (
        "request_invalid", "option_invalid", "instant_invalid",
    )  # fmt: skip
