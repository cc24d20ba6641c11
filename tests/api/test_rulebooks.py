"""Rulebooks over HTTP: what the commands say; no name leads to a file, and numbers count as they are written."""

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from gridmgmt.assessing.operations import subjects
from gridmgmt.database.work import Work
from gridmgmt.rulebooks.load import known, load, versions
from gridmgmt.rulebooks.schema import schema
from gridmgmt.rulebooks.starter import starter
from tests.api import small_city
from tests.api.asking import Ask, asked
from tests.servers import Databases

CITY, STREET, WORKS = "city_centre", "street@street:429901001", "department@unit:D9"
STAFF = "code,name_zh,role\nP1,陈甲,person\nP2,林乙,person\n"
SAMPLED = "huiji"
BOOK = versions("grid_baseline")[0]
MOVED = ["closing.points=20", "on_time_closing.points=40"]


def build(work: Work, folder: Path) -> None:
    """The small city, and two people on a list."""
    small_city.build(work, folder)
    (folder / "staff.csv").write_text(STAFF, "utf-8")
    subjects.import_subjects(work, "bureau_staff", folder / "staff.csv")


@pytest.fixture(scope="module")
def ask(databases: Databases) -> Any:
    with asked(databases.built("api_rulebooks", build)) as found:
        yield found


def test_all_are_listed_in_the_readers_language(ask: Ask) -> None:
    for lang, title in (("zh", "网格基线考核办法"), ("en", "Grid baseline assessment")):
        rows = ask(STREET, f"GET /v1/rulebooks?lang={lang}")
        (own,) = [r for r in rows if r["id"] == "grid_baseline"]
        assert (own["title"], own["version"]) == (title, load("grid_baseline").rulebook.version)
    old = ask(STREET, "GET /v1/rulebooks?on=1999-12-31&lang=en")
    assert {r["id"] for r in old} == {r["id"] for r in rows}
    assert "told" in next(r for r in old if r["id"] == "grid_baseline")


def test_one_is_shown_whole_and_in_words(ask: Ask) -> None:
    found = ask(STREET, "GET /v1/rulebooks/grid_baseline")
    book = load("grid_baseline").rulebook
    assert found == json.loads(book.model_dump_json(by_alias=True))
    assert ask(STREET, f"GET /v1/rulebooks/grid_baseline@{book.version}") == found
    told = ask(STREET, "GET /v1/rulebooks/grid_baseline?format=text&lang=en", raw=True)
    assert told.headers["content-type"].startswith("text/plain")
    assert "Grid baseline assessment" in told.text
    assert ask(STREET, "GET /v1/rulebooks/schema") == json.loads(json.dumps(schema()))
    assert ask(STREET, "GET /v1/rulebooks/template?name=ours") == {"files": dict(starter("ours"))}
    assert ask(STREET, "GET /v1/rulebooks/template?name=../ours", status=422)["code"] == "option_invalid"


@pytest.mark.parametrize("name", ["nowhere", "grid_baseline@99", str(BOOK), "..%2F..%2Frulebook.yaml", "x.yaml", "*"])
def test_no_name_leads_to_a_file(name: str, ask: Ask) -> None:
    answer = ask(CITY, f"GET /v1/rulebooks/{name.replace('/', '%2F')}", status=404)
    assert answer["code"] in ("rulebook_missing", "path_unknown")
    given = {"rulebook": name, "set": MOVED, "period": "2025-12"}
    refused = ask(CITY, "POST /v1/whatif", status=404 if name in ("nowhere", "grid_baseline@99") else 422, json=given)
    assert refused["code"] in ("rulebook_missing", "periods_not_assessed", "request_invalid")
    assert ask(CITY, "POST /v1/rulebooks/diff", status=404, data={"old": name, "new": "grid_baseline"})["code"] == (
        "rulebook_missing"
    )


def test_what_must_be_told_and_its_form(ask: Ask) -> None:
    rows = ask(STREET, "GET /v1/rulebooks/bureau_staff/inputs")
    assert rows[0].keys() >= {"id", "title", "type", "codes", "stages"}
    answer = ask(STREET, "GET /v1/rulebooks/grid_baseline/inputs?format=xlsx&period=2025-12&lang=zh", raw=True)
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''grid_baseline-2025-12.xlsx"
    assert openpyxl.load_workbook(io.BytesIO(answer.content)).sheetnames
    assert ask(STREET, "GET /v1/rulebooks/grid_baseline/inputs?subjects=true", status=422)["code"] == "option_invalid"
    assert ask(STREET, "GET /v1/rulebooks/grid_baseline/inputs?period=spring", status=422)["code"] == "period_invalid"


def test_people_on_a_list_are_told_to_their_city_alone(ask: Ask) -> None:
    """Their names stood in the form and the list that any street could ask for."""
    form = "GET /v1/rulebooks/bureau_staff/inputs?format=xlsx&subjects=true"
    for post, n in ((CITY, 2), (STREET, 0), (WORKS, 0)):
        book = openpyxl.load_workbook(io.BytesIO(ask(post, form, raw=True).content))
        cells = [str(c) for sheet in book for row in sheet.iter_rows(values_only=True) for c in row if c]
        assert sum(any(name in c for c in cells) for name in ("陈甲", "林乙")) == n, post
        assert len(ask(post, "GET /v1/subjects?rulebook=bureau_staff")) == n


def test_samples_on_paper(ask: Ask) -> None:
    plain = ask(STREET, "GET /v1/rulebooks/grid_baseline/samples?units=street=1", status=422)
    assert plain["code"] == "option_invalid"
    (group, *_) = sorted({g for kind in load(SAMPLED).rulebook.samples for g in kind.only})
    plan = ask(STREET, f"GET /v1/rulebooks/{SAMPLED}/samples?units={group}=2&units={group}=1")
    assert [u["n_units"] for u in plan["units"]] == [2, 1]
    assert plan["n"] == 3 * plan["units"][0]["n_each"] == sum(plan["objects"].values()) > 0
    many = "&".join(["units=x=1"] * 51)
    assert ask(STREET, f"GET /v1/rulebooks/{SAMPLED}/samples?{many}", status=422)["code"] == "request_invalid"


# --- tried out --------------------------------------------------------------------------------------------------------


def part(text: str, name: str = "rulebook.yaml") -> tuple[str, bytes]:
    return name, text.encode()


def test_one_that_is_handed_in_is_checked_with_its_examples(ask: Ask) -> None:
    book, examples = starter("ours").values()
    files = {"file": part(book), "examples": part(examples, "examples.yaml")}
    found = ask(CITY, "POST /v1/rulebooks/check?lang=en", files=files)
    assert (found["file"], found["faults"]) == ("rulebook.yaml", [])
    assert found["examples"] > 0
    assert str(found["examples"]) in found["text"][1]
    assert "example" in found["text"][1]
    alone = ask(CITY, "POST /v1/rulebooks/check?lang=zh", files={"file": part(book)})
    assert (alone["examples"], alone["sha256"]) == (0, found["sha256"])
    wrong = examples.replace("total:", "total: 1 #", 1)
    told = ask(CITY, "POST /v1/rulebooks/check", files=files | {"examples": part(wrong, "examples.yaml")})
    assert len(told["faults"]) == 1
    assert ask(STREET, "POST /v1/rulebooks/check", status=403, files=files)["code"] == "access_denied"


def test_faults_are_told_by_file_line_and_key(ask: Ask) -> None:
    bomb = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
        f"{x}: &{x} [{', '.join([f'*{y}'] * 10)}]\n" for x, y in zip("bcdefgh", "abcdefg", strict=True)
    )
    deep = "a: " + "[" * 500
    for text, line in ((f"{bomb}", None), (deep, 1), ("id: x\nid: y\n", 2), ("\u0000", 1), ("- 1", 1), ("", 1)):
        found = ask(CITY, "POST /v1/rulebooks/check", status=422, files={"file": part(text)})
        assert found["code"] == "rulebook_invalid", found
        assert found["facts"]["file"] == "rulebook.yaml"
        assert line is None or found["facts"]["line"] == line
    binary = ask(CITY, "POST /v1/rulebooks/check", status=422, files={"file": ("r.yaml", b"\xff\xfe\x00")})
    assert binary["code"] == "rulebook_invalid"


def test_a_foreign_one_takes_results_of_the_installations(ask: Ask) -> None:
    books = (versions(name)[0] for name in known())
    taking = next(path for path in books if "result:" in path.read_text("utf-8"))
    assert ask(CITY, "POST /v1/rulebooks/check", files={"file": part(taking.read_text("utf-8"))})["faults"] == []


def test_two_are_compared_by_id_and_by_content(ask: Ask) -> None:
    same = ask(STREET, "POST /v1/rulebooks/diff", data={"old": "grid_baseline", "new": "grid_baseline"})
    assert same == []
    text = BOOK.read_text("utf-8")
    later = text.replace("points: 30", "points: 20", 1).replace("points: 30", "points: 40", 1)
    files = [("files", part(text, "a.yaml")), ("files", part(later, "b.yaml"))]
    changed = ask(CITY, "POST /v1/rulebooks/diff", files=files)
    assert [(d["id"], d["key"], d["old"], d["new"]) for d in changed] == [
        ("closing", "points", "30", "20"), ("on_time_closing", "points", "30", "40"),
    ]  # fmt: skip
    assert ask(STREET, "POST /v1/rulebooks/diff", status=403, files=files)["code"] == "access_denied"
    assert ask(CITY, "POST /v1/rulebooks/diff", status=422, files=files[:1])["code"] == "option_invalid"


# --- computed ---------------------------------------------------------------------------------------------------------

INPUTS = """{"subjects": {"G": {}}, "periods": {"2025-12": {"G": {"inputs": {
 "due": 40, "closed": 30, "closed_on_time": 20, "due_rework_known": 40, "rework_cases": 0,
 "registered_repeat_known": 40, "repeats": 0, "scored_samples": 1, "sample_scores": %s}}}}}"""


def test_numbers_count_as_they_are_written(ask: Ask) -> None:
    """90.1 is no binary fraction: as a float it would be another total."""
    path = "POST /v1/rulebooks/grid_baseline/evaluation"
    (period,) = ask(STREET, path, content=INPUTS % "90.1")
    (subject,) = period["subjects"]
    assert period["period"] == "2025-12"
    assert (subject["total"]["exact"], subject["inputs"]["sample_scores"]["value"]) == ("76.015", "90.1")
    (other,) = ask(STREET, f"{path}?set={MOVED[0]}&set={MOVED[1]}", content=INPUTS % "90.1")
    assert other["subjects"][0]["total"] != subject["total"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "file_unreadable"), ("[]", "file_unreadable"), ("{}", "dossier_invalid"), ("\xff", "dossier_invalid"),
        ("[" * 100_000, "file_unreadable"), (INPUTS % "NaN", "dossier_invalid"),
        (INPUTS % "1e999999", "dossier_invalid"),
        (INPUTS % ("9" * 5_000), "file_unreadable"), (INPUTS % '"x"', "dossier_invalid"),
    ],
)  # fmt: skip
def test_what_is_no_dossier_is_refused(text: str, code: str, ask: Ask) -> None:
    content = text.encode("latin-1") if text == "\xff" else text
    code = "file_unreadable" if text == "\xff" else code
    answer = ask(STREET, "POST /v1/rulebooks/grid_baseline/evaluation", status=422, content=content)
    assert answer["code"] == code, answer


def test_what_if_is_the_citys_to_ask(ask: Ask) -> None:
    given = {"rulebook": "grid_baseline", "set": MOVED, "period": "2025-12"}
    found = ask(CITY, "POST /v1/whatif", json=given)
    assert found["rules"][0]["key"] == "points"
    assert found["n_compared"] >= len(found["movers"]) > 1
    assert len(ask(CITY, "POST /v1/whatif", json=given | {"most": 1})["movers"]) == 1
    for wrong, status, code in (
        ({"set": []}, 422, "option_invalid"), ({"set": ["x"]}, 422, "option_invalid"),
        ({"set": ["closing.pints=4"]}, 422, "rulebook_invalid"), ({"with": "nowhere"}, 404, "rulebook_missing"),
        ({"period": "2025-11"}, 404, "periods_not_assessed"), ({"most": 0}, 422, "request_invalid"),
    ):  # fmt: skip
        assert ask(CITY, "POST /v1/whatif", status=status, json=given | wrong)["code"] == code
    other = ask(CITY, "POST /v1/whatif", json={**given, "set": [], "with": "grid_baseline"})
    assert other["movers"] == []
    for post in (STREET, WORKS):
        assert ask(post, "POST /v1/whatif", status=403, json=given)["code"] == "access_denied"
