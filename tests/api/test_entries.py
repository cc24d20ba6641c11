"""What is entered by hand, over HTTP: good rows load, bad ones are told by row and column; each sees his own."""

from typing import Any

import pytest

from gridmgmt.assessing.operations import entries
from gridmgmt.database.work import open_database
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.asking import Ask, asked
from tests.servers import Databases

CITY, STREET, WORKS, READER = "city_centre", "street@street:429901001", "department@unit:D9", "viewer"
NORTH, SOUTH = "district@district:429901", "district@district:429902"
BOOK = "ningbo_district"
ROWS = """period,subject,input,value,code,on,n,evidence,ref
2025-12,429901,survey_units,91.5,,,,问卷,
2025-12,429902,survey_units,70,,,,问卷,
2025-12,429901,survey_communities,190,,,,,
2025-12,429903,survey_units,80,,,,,
2025-12,429901,untidy,,,2025-12-03,2,照片12,
"""


@pytest.fixture(scope="module")
def settings(databases: Databases) -> Settings:
    return databases.built("api_entries", small_city.build)


@pytest.fixture(scope="module")
def ask(settings: Settings) -> Any:
    with asked(settings) as found:
        yield found


def file(text: str, name: str = "十二月.csv") -> dict[str, Any]:
    return {"files": {"file": (name, text.encode(), "text/csv")}}


def test_good_rows_load_and_bad_ones_are_told_by_row_and_column(ask: Ask) -> None:
    path = f"POST /v1/entries?rulebook={BOOK}"
    tried = ask(CITY, f"{path}&dry_run=true&lang=en", **file(ROWS))
    assert (tried["n_new"], tried["n_refused"], tried["dry_run"]) == (3, 2, True)
    assert ask(CITY, f"GET /v1/entries?rulebook={BOOK}") == []
    found = ask(CITY, f"{path}&lang=en", **file(ROWS))
    assert {k: found[k] for k in ("file", "n_new", "n_loaded", "n_refused", "dry_run")} == {
        "file": "十二月.csv", "n_new": 3, "n_loaded": 3, "n_refused": 2, "dry_run": False,
    }  # fmt: skip
    told = [(p["row"], p["column"], p["value"]) for p in found["problems"]]
    assert told == [(4, "value", "190"), (5, "subject", "429903")]
    assert "100" in found["problems"][0]["reason"]
    again = ask(CITY, path, **file(ROWS))
    assert (again["n_new"], again["n_unchanged"]) == (0, 3)
    assert ask(CITY, path, status=422, **file("a,b\n1,2\n"))["code"] == "column_missing"
    assert ask(CITY, path, status=422, **file("\x00", "x.xlsx"))["code"] == "file_unreadable"
    assert ask(CITY, path.replace(BOOK, "nowhere"), status=404, **file(ROWS))["code"] == "rulebook_missing"
    named = path.replace(BOOK, "data/rulebooks/ningbo_district/rulebook.yaml")
    assert ask(CITY, named, status=422, **file(ROWS))["code"] == "request_invalid"
    for post in (STREET, NORTH, WORKS, READER):
        assert ask(post, path, status=403, **file(ROWS))["code"] == "access_denied"


def test_a_correction_keeps_what_it_replaced_and_who_entered_it(ask: Ask) -> None:
    later = ROWS.splitlines()[0] + "\n2025-12,429901,survey_units,92,,,,复核,\n"
    assert ask(CITY, f"POST /v1/entries?rulebook={BOOK}", **file(later, "更正.csv"))["n_corrected"] == 1
    path = f"GET /v1/entries?rulebook={BOOK}&period=2025-12"
    held = {(r["subject_code"], r["input"]): r for r in ask(CITY, path)}
    own = held["429901", "survey_units"]
    assert (own["value"], own["by"], own["file"], own["row"], own["evidence"]) == (92, CITY, "更正.csv", 2, "复核")
    past = [
        r for r in ask(CITY, f"{path}&history=true") if r["input"] == "survey_units" and r["subject_code"] == "429901"
    ]
    assert [(r["value"], r["replaces"], r["holds"]) for r in past] == [("91.5", None, False), (92, "91.5", True)]
    assert ask(CITY, f"{path.replace('2025-12', 'never')}", status=422)["code"] == "period_invalid"


def test_each_sees_what_was_entered_of_his_own_subjects(ask: Ask, settings: Settings) -> None:
    path = f"GET /v1/entries?rulebook={BOOK}&history=true"
    everything = ask(CITY, path)
    work = open_database(settings)
    assert len(everything) == len(entries.list_entries(work, BOOK, history=True)) == 4
    work.close()
    assert ask(READER, path) == everything
    for post, code in ((NORTH, "429901"), (SOUTH, "429902")):
        assert ask(post, path) == [r for r in everything if r["subject_code"] == code]
    assert ask(STREET, path) == ask(WORKS, path) == []


SUBJECTS = "code,name_zh,name_en,group,valid_from\n429901,一区,First,,2025-01-01\n429902,二区,Second,,2025-01-01\n"


def test_a_list_of_subjects_is_right_or_refused_as_a_whole(ask: Ask) -> None:
    path = "POST /v1/subjects?rulebook=taizhou"
    wrong = ask(CITY, path, status=422, **file(SUBJECTS + "429909,九区,Ninth,,2025-01-01\n"))
    assert wrong["code"] == "entry_invalid"
    assert ask(CITY, "GET /v1/subjects?rulebook=taizhou") == []
    found = ask(CITY, path, **file(SUBJECTS, "名单.csv"))
    assert found == {
        "file": "名单.csv", "n_new": 2, "n_changed": 0, "n_unchanged": 0, "n_renamed": 0, "n_not_listed": 0,
    }  # fmt: skip
    rows = ask(STREET, "GET /v1/subjects?rulebook=taizhou&on=2025-12-31")
    assert [(r["code"], r["kind"], r["valid_from"]) for r in rows] == [
        ("429901", "grid", "2025-01-01"), ("429902", "grid", "2025-01-01"),
    ]  # fmt: skip
    assert ask(STREET, "GET /v1/subjects?rulebook=taizhou&on=2024-12-31") == []
    assert ask(STREET, path, status=403, **file(SUBJECTS))["code"] == "access_denied"


def test_the_daily_staff_table(ask: Ask) -> None:
    head = "day,subject_code,person,worked_h,online_h,n_absent,n_all_off\n"
    rows = f"{head}2025-12-01,D9,甲,8,7.5,1,0\n2025-12-01,X,乙,8,8,0,0\n2025-12-01,D9,丙,8,9,0,0\n"
    found = ask(CITY, "POST /v1/staff", **file(rows))
    assert (found["n_new"], found["n_refused"]) == (1, 2)
    assert {(p["row"], p["column"]) for p in found["problems"]} == {(3, "subject_code"), (4, "online_h")}
    assert ask(WORKS, "POST /v1/staff", status=403, **file(rows))["code"] == "access_denied"


def test_a_limited_post_of_the_city_centre_enters_nothing_for_all(ask: Ask) -> None:
    post = "city_centre@street:429901001"
    for route in (f"/v1/entries?rulebook={BOOK}", "/v1/subjects?rulebook=taizhou", "/v1/staff"):
        assert ask(post, f"POST {route}", status=403, **file(ROWS))["code"] == "outside_scope"
