"""Who has a part of the city, or other rights than yesterday, against what he is not to see, write or leave untold."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gridmgmt.access.operations import auditing, users
from gridmgmt.assessing.operations import browsing, publishing
from gridmgmt.database.work import Work, open_database
from gridmgmt.intake.operations import imports, step_sheets
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.signed import ORIGIN, Asking, account
from tests.api.small_city import COMMUNITIES, centre
from tests.pictures import encode
from tests.servers import Databases

ASSESSMENT = "grid_baseline-2025-12-1"
STREET, ELSEWHERE = "street@street:429901001", "street@street:429902001"
HERE, THERE = centre(0), centre(5)


def build(work: Work, folder: Path) -> None:
    """The small city with its assessment published."""
    small_city.build(work, folder)
    publishing.publish(work.but(actor="局"), ASSESSMENT)


@pytest.fixture(scope="module")
def settings(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(databases.built("api_attacks", build), files=tmp_path_factory.mktemp("files"))


@pytest.fixture
def work(settings: Settings) -> Iterator[Work]:
    found = open_database(settings)
    yield found
    found.close()


def new(place: tuple[float, float], **more: Any) -> dict[str, Any]:
    return {"source": "监督员上报", "category": "matter:07001", "lon": place[0], "lat": place[1], **more}


def opened(who: Asking, place: tuple[float, float], **more: Any) -> str:
    answer = who.post("/v1/cases", json=new(place, **more))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case_no"])


def audit(work: Work, login: str) -> list[dict[str, Any]]:
    return auditing.listed(work, login=login, limit=20)


def name(post: str) -> str:
    return post.replace("@", "-").replace(":", "-")


# --- numbers that others have -----------------------------------------------------------------------------------------


def test_a_number_that_a_hidden_case_has_keeps_no_other_step_back(ask: Callable[[str], Asking]) -> None:
    opened(ask(ELSEWHERE), THERE, case_no="TAKEN-1")
    own = opened(ask(STREET), HERE)
    told = ask(STREET).post("/v1/cases", json=new(HERE, case_no="TAKEN-1"))
    assert (told.status_code, told.json()["code"]) == (409, "case_exists")
    facts = new(HERE)
    steps = [{"case_no": "TAKEN-1", "kind": "report", "facts": facts}, {"case_no": own, "kind": "note", "reason": "x"}]
    took = ask(STREET).post("/v1/steps", json={"steps": steps})
    assert took.status_code == 200, took.text
    assert [x["problem"] and x["problem"]["code"] for x in took.json()] == ["case_exists", None]


def test_numbers_that_hidden_cases_have_are_passed_over(ask: Callable[[str], Asking]) -> None:
    last = opened(ask(STREET), HERE)
    for n in (1, 2):
        opened(ask(ELSEWHERE), THERE, case_no=f"{last[:-5]}{int(last[-5:]) + n:05d}")
    assert int(opened(ask(STREET), HERE)[-5:]) == int(last[-5:]) + 3


# --- what is refused stands in the audit ------------------------------------------------------------------------------


def test_a_step_that_is_refused_stands_in_the_audit(ask: Callable[[str], Asking], work: Work) -> None:
    no = opened(ask(STREET), HERE)
    before = len(audit(work, name(STREET)))
    assert ask(STREET).post(f"/v1/cases/{no}/steps", json={"kind": "close"}).status_code == 403
    rows = audit(work, name(STREET))
    assert len(rows) == before + 1
    assert (rows[0]["outcome"], rows[0]["deed"], rows[0]["facts"]["verb"]) == ("refused", "access_denied", "step:close")


def test_steps_of_which_none_was_taken_are_answered_the_same_again(ask: Callable[[str], Asking]) -> None:
    no, key = opened(ask(STREET), HERE), {"idempotency-key": "none-taken"}
    steps = {"steps": [{"case_no": no, "kind": "close"}]}
    first, again = (ask(STREET).post("/v1/steps", json=steps, headers=key) for _ in range(2))
    assert (first.status_code, first.json()) == (200, again.json())
    assert again.headers["idempotency-replayed"] == "true"


def test_steps_in_bulk_that_are_refused_stand_in_the_audit(ask: Callable[[str], Asking], work: Work) -> None:
    nos = [opened(ask(STREET), HERE) for _ in range(2)]
    steps = [{"case_no": no, "kind": "close"} for no in nos]
    took = ask(STREET).post("/v1/steps", json={"steps": steps}).json()
    assert {x["problem"]["code"] for x in took} == {"access_denied"}
    assert audit(work, name(STREET))[0]["outcome"] == "refused"


def test_figures_by_a_group_that_are_refused_stand_in_the_audit(ask: Callable[[str], Asking], work: Work) -> None:
    before = len(audit(work, name(STREET)))
    assert ask(STREET).get("/v1/indicators?period=2025-12&by=source").status_code == 403
    rows = audit(work, name(STREET))
    assert len(rows) == before + 1
    assert (rows[0]["outcome"], rows[0]["facts"]["verb"]) == ("refused", "figures.read")


def test_a_session_that_another_site_used_stands_in_the_audit(
    ask: Callable[[str], Asking], settings: Settings, work: Work
) -> None:
    client = ask(STREET).client
    account(settings, "used", STREET)
    made = client.post("/v1/sessions", json={"login": "used", "password": "correct horse battery"}, headers=ORIGIN)
    cookie = {"cookie": f"gridmgmt_session={made.cookies['gridmgmt_session']}"}
    client.cookies.clear()
    answer = client.post("/v1/cases", json=new(HERE), headers={**cookie, "origin": "http://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")
    assert any(r["deed"] == "origin_refused" for r in auditing.listed(work, limit=5))


def test_the_audit_says_on_which_rows_something_was_done(ask: Callable[[str], Asking], work: Work) -> None:
    city, street = ask("city_centre"), ask(STREET)

    def facts(post: str, deed: str) -> Any:
        return auditing.listed(work, login=name(post), deed=deed, limit=1)[0]["facts"]

    given = {"assessment": ASSESSMENT, "subject": COMMUNITIES[0], "kind": "case", "fact": "A009", "reason": "x"}
    number = street.post("/v1/appeals", json=given).json()["id"]
    assert facts(STREET, "POST /v1/appeals") == {"appeals": [number], "assessments": [ASSESSMENT]}
    assert city.post(f"/v1/appeals/{number}/decision", json={"granted": False, "reason": "x"}).status_code == 201
    assert facts("city_centre", "POST /v1/appeals/{number}/decision") == {"appeals": [number]}
    no = opened(street, HERE)
    files = [("files", ("a.png", encode(form="PNG"), "image/png"))]
    added = street.post(f"/v1/cases/{no}/photographs", files=files).json()
    told = facts(STREET, "POST /v1/cases/{case_no}/photographs")
    assert told == {"cases": [no], "attachments": [added[0]["id"]]}
    units = {"file": ("units.csv", small_city.UNITS.encode(), "text/csv")}
    assert city.post("/v1/units", files=units).status_code == 200
    assert facts("city_centre", "POST /v1/units") == {"units": ["S1", "D9"]}


# --- figures on a part ------------------------------------------------------------------------------------------------


def viewer_of(work: Work, settings: Settings, post: str) -> Any:
    account(settings, name(post), post)
    return users.acting(work, name(post))


@pytest.mark.parametrize("measure", ["on_time_closing_rate", "n_due"])
def test_a_rank_on_a_streets_map_is_that_of_the_citys(settings: Settings, work: Work, measure: str) -> None:
    seen = work.but(viewer=viewer_of(work, settings, STREET))
    maps = [browsing.assessment_map(who, ASSESSMENT, measure) for who in (work, seen)]
    ranks = [
        {(x.level.key, r["code"]): r["rank"] for x in found.levels for r in x.frame.to_dict("records")}
        for found in maps
    ]
    own = {key: rank for key, rank in ranks[1].items() if rank == rank}
    assert own
    assert own == {key: ranks[0][key] for key in own}


def test_a_count_that_is_not_told_is_not_told_as_none(settings: Settings, work: Work) -> None:
    seen = work.but(viewer=viewer_of(work, settings, STREET))
    found = browsing.assessment_map(seen, ASSESSMENT)
    (frame,) = [x.frame for x in found.levels if x.level.key == "community"]
    fifth = frame[frame["code"] == COMMUNITIES[5]].iloc[0]
    assert fifth["value"] == 100
    assert fifth["n_reported"] != fifth["n_reported"], "nothing is told, not nought"


def test_a_streets_map_says_among_how_many_its_ranks_are(settings: Settings, work: Work) -> None:
    seen = work.but(viewer=viewer_of(work, settings, STREET))
    maps = [browsing.assessment_map(who, ASSESSMENT, "on_time_closing_rate") for who in (work, seen)]
    assert {x.level.key: x.n_ranked for x in maps[1].levels} == {"city": 1, "district": 2, "street": 2, "community": 2}
    assert [x.n_ranked for x in maps[0].levels] == [x.n_ranked for x in maps[1].levels]


def test_a_part_of_the_audit_is_no_chain(ask: Callable[[str], Asking], work: Work) -> None:
    auditing.seal(work)
    answer = ask("administrator@district:429901").get("/v1/audit/chain")
    assert answer.json()["code"] == "outside_scope", answer.text


# --- numbers behind figures, names of reporters -----------------------------------------------------------------------


def test_numbers_behind_a_figure_are_told_to_whoever_may_see_what_they_name(
    ask: Callable[[str], Asking], work: Work, tmp_path: Path
) -> None:
    row = f"P1,2025-12-05,t,井盖,90,,{HERE[0]},{HERE[1]},CGCS2000"
    heads = "样本编号,检查时间,样本类型,检查对象,得分,检查发现,经度,纬度,坐标系"
    (tmp_path / "samples.csv").write_text(f"{heads}\n{row}", "utf-8")
    assert imports.import_file(work, tmp_path / "samples.csv", "demo_samples").n_new == 1
    path = f"/v1/indicators/behind?period=2025-12&by=grid&level=community&code={COMMUNITIES[0]}"

    def told(post: str) -> set[str]:
        return {no for numbers in ask(post).get(path).json()["numbers"].values() for no in numbers}

    whole = told("city_centre")
    assert {"P1", "A000"} <= whole
    assert told(STREET) == whole
    assert told(f"community@community:{COMMUNITIES[0]}") == whole - {"P1"}
    assert told("administrator") == set()
    refused = ask("administrator").get(f"{path}&count=n_due")
    assert (refused.status_code, refused.json()["facts"]["verb"]) == (403, "cases.read")


def test_where_problems_recur_is_told_to_whoever_may_see_cases(ask: Callable[[str], Asking]) -> None:
    for path in ("/v1/repeats?period=2025-12", "/maps/repeats?period=2025-12"):
        assert ask("administrator").get(path).status_code == 403
        assert ask("city_centre").get(path).status_code == 200


def test_who_may_not_read_reporters_writes_none_over(ask: Callable[[str], Asking]) -> None:
    no = opened(ask(STREET), HERE, reporter={"name": "甲某", "phone": "13900000001"})
    row = {"案件编号": no, "步骤": "备注", "理由": "x", "举报人": "乙某", "举报电话": "13900000002"}
    files = [("files", ("a.csv", filled(row), "text/csv"))]
    told = ask(STREET).post("/v1/steps/files", files=files)
    assert told.status_code == 200, told.text
    assert (told.json()[0]["n_refused"], told.json()[0]["refused"][0]["code"]) == (1, "access_denied")
    assert ask("district@district:429901").post("/v1/steps/files", files=files).json()[0]["n_taken"] == 1


def test_half_a_character_is_refused_in_words(ask: Callable[[str], Asking]) -> None:
    content, kind = b'{"steps":[{"case_no":"\\ud800","kind":"note"}]}', {"content-type": "application/json"}
    answer = ask(STREET).post("/v1/steps", content=content, headers=kind)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")


# --- rights -----------------------------------------------------------------------------------------------------------


def test_who_manages_a_district_gives_nobody_the_city(ask: Callable[[str], Asking], settings: Settings) -> None:
    limited = ask("administrator@district:429901")
    made = limited.post("/v1/users", json={"login": "climber", "posts": ["administrator", "city_centre"]})
    assert made.status_code == 403, made.text
    account(settings, "admin2", "administrator")
    assert limited.post("/v1/keys", json={"login": "admin2", "name": "x"}).status_code == 403
    assert limited.post("/v1/users/admin2/password", json={"password": "0123456789ab"}).status_code == 403


def test_a_revoked_key_lives_on_in_no_token(ask: Callable[[str], Asking], settings: Settings, work: Work) -> None:
    client = ask("city_centre").client
    account(settings, "leaky", "city_centre")
    key = users.new_key(work, "leaky", "x")
    token = client.post("/v1/tokens", headers={"Authorization": f"Bearer {key.secret}"}).json()["access_token"]
    users.revoke_key(work, key.id)
    shown = {"Authorization": f"Bearer {token}"}
    assert client.post("/v1/tokens", headers=shown).status_code in (401, 403)


def test_other_posts_other_answers_at_once(ask: Callable[[str], Asking], settings: Settings) -> None:
    boss, client = ask("administrator"), ask("administrator").client
    account(settings, "mover", STREET)
    work = open_database(settings)
    shown = {"Authorization": f"Bearer {users.new_key(work, 'mover', 'x').secret}"}
    work.close()
    paths = [
        "/v1/indicators?period=2025-12&level=community",
        f"/v1/assessments/{ASSESSMENT}/scorecards?level=community",
        "/v1/cases?limit=100",
        "/ogc/collections/cases/items",
        "/ogc/collections/indicators-community-2025-12/items",
    ]
    before = [client.get(p, headers=shown) for p in paths]
    assert {r.status_code for r in before} == {200}
    assert all(COMMUNITIES[0] in r.text or "A000" in r.text for r in before)
    assert boss.patch("/v1/users/mover", json={"posts": [ELSEWHERE]}).status_code == 204
    tags = [{**shown, "if-none-match": r.headers.get("etag", "")} for r in before]
    after = [client.get(path, headers=headers) for path, headers in zip(paths, tags, strict=True)]
    assert {r.status_code for r in after} == {200}
    assert not any(COMMUNITIES[0] in r.text or "A000" in r.text for r in after)
    assert boss.patch("/v1/users/mover", json={"posts": []}).status_code == 204
    assert {client.get(p, headers=shown).status_code for p in paths} == {403}


def test_what_was_exported_is_given_by_the_rights_of_today(ask: Callable[[str], Asking], settings: Settings) -> None:
    from tests.api.asking import worked_off

    boss, client = ask("administrator"), ask("administrator").client
    account(settings, "exporter", STREET)
    work = open_database(settings)
    shown = {"Authorization": f"Bearer {users.new_key(work, 'exporter', 'x').secret}"}
    work.close()
    job = client.post("/v1/exports", json={"list": "cases", "format": "csv"}, headers=shown).json()
    worked_off(settings, job)
    assert client.get(f"/v1/jobs/{job['id']}/result", headers=shown).status_code == 200
    assert boss.patch("/v1/users/exporter", json={"posts": [ELSEWHERE]}).status_code == 204
    assert client.get(f"/v1/jobs/{job['id']}/result", headers=shown).status_code != 200


def test_what_was_answered_is_told_again_by_the_posts_of_then_alone(
    ask: Callable[[str], Asking], settings: Settings, work: Work
) -> None:
    boss, client = ask("administrator"), ask("administrator").client
    account(settings, "replayer", STREET)
    shown = {"Authorization": f"Bearer {users.new_key(work, 'replayer', 'x').secret}", "idempotency-key": "other-posts"}
    assert client.post("/v1/cases", json=new(HERE), headers=shown).status_code == 201
    assert client.post("/v1/cases", json=new(HERE), headers=shown).status_code == 201
    assert boss.patch("/v1/users/replayer", json={"posts": [ELSEWHERE]}).status_code == 204
    again = client.post("/v1/cases", json=new(HERE), headers=shown)
    assert (again.status_code, again.json()["code"]) == (403, "outside_scope")


# --- once -------------------------------------------------------------------------------------------------------------


def test_one_key_at_once_for_what_writes_nothing(ask: Callable[[str], Asking]) -> None:
    who, answers = ask("city_centre"), []
    gate = threading.Barrier(4)

    def send() -> None:
        gate.wait(10)
        data = {"old": "grid_baseline", "new": "grid_baseline"}
        answers.append(who.post("/v1/rulebooks/diff", data=data, headers={"idempotency-key": "diff-1"}))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert {a.status_code for a in answers} == {200}, [a.text for a in answers]


def filled(*rows: dict[str, Any]) -> bytes:
    """A sheet of steps."""
    heads = [*step_sheets.columns("steps")]
    lines = [heads, *([str(row.get(head, "")) for head in heads] for row in rows)]
    return "\n".join(",".join(line) for line in lines).encode()


def test_of_several_sheets_none_is_taken_where_one_cannot_be_read(ask: Callable[[str], Asking]) -> None:
    who = ask("city_centre")
    no = opened(who, HERE)
    good = filled({"案件编号": no, "步骤": "备注", "理由": "x"})
    files = [("files", ("a.csv", good, "text/csv")), ("files", ("b.xlsx", b"no workbook", "application/x"))]
    answer = who.post("/v1/steps/files", files=files)
    assert 400 <= answer.status_code < 500, answer.text
    assert who.get(f"/v1/cases/{no}").json()["version"] == 1, answer.text


def test_a_case_that_an_import_changed_is_no_longer_what_the_reader_has(
    ask: Callable[[str], Asking], work: Work, tmp_path: Path
) -> None:
    who = ask("city_centre")
    tag = who.get("/v1/cases/A010").headers["etag"]
    small_city._write_cases(tmp_path / "cases.csv")
    text = (tmp_path / "cases.csv").read_text("utf-8").replace("2026-01-01 08:00:00", "2026-02-01 08:00:00")
    (tmp_path / "cases.csv").write_text(text.replace("采集员", "市民热线"), "utf-8")
    assert imports.import_file(work, tmp_path / "cases.csv", "demo_cases").n_newer == 14
    again = who.get("/v1/cases/A010", headers={"if-none-match": tag})
    assert again.status_code == 200


def test_a_sheet_again_whose_case_went_elsewhere(ask: Callable[[str], Asking]) -> None:
    who, city = ask(STREET), ask("city_centre")
    lon, lat = HERE
    told = {"步骤": "上报", "来源": "监督员上报", "问题类型": "事项", "类别": "07001", "经度": lon, "纬度": lat}
    sheet = filled({**told, "坐标系": "CGCS2000"})
    files = [("files", ("a.csv", sheet, "text/csv"))]
    first = who.post("/v1/steps/files", files=files)
    assert first.status_code == 200, first.text
    assert first.json()[0]["n_taken"] == 1, first.text
    (no,) = first.json()[0]["opened"].values()
    step = {"kind": "move", "facts": {"lon": THERE[0], "lat": THERE[1]}, "reason": "x"}
    moved = city.post(f"/v1/cases/{no}/steps", json=step)
    assert moved.status_code == 201, moved.text
    again = who.post("/v1/steps/files", files=files)
    assert again.status_code == 200, again.text
    assert again.json()[0]["n_taken"] == 0, again.text
