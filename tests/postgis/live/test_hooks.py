"""Hooks by a server of the test's own: signed, in the robots' documented forms, each event until it is taken."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote_plus, unquote_plus, urlsplit

import pytest
from sqlalchemy import text

from gridmgmt.access.operations import users
from gridmgmt.database.work import Work, open_database
from gridmgmt.errors import AccountMissing, HookMissing, OptionInvalid
from gridmgmt.live import hooks
from gridmgmt.live.operations import hooking, sending
from gridmgmt.settings import Settings
from tests.postgis.worksite import acted, reported, step


@dataclass
class Other:
    """Another system: what it was sent, and what it answers."""

    url: str = ""
    status: int = 200
    answer: bytes = b'{"errcode": 0, "errmsg": "ok"}'
    location: str = ""
    pause_s: float = 0.0
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.got]


@pytest.fixture
def other() -> Iterator[Other]:
    made = Other()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(made.status)
            if made.location:
                self.send_header("Location", made.location)
            self.send_header("Content-Length", str(len(made.answer)))
            self.end_headers()
            for n in range(len(made.answer)):
                time.sleep(made.pause_s)
                self.wfile.write(made.answer[n : n + 1])

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}/robot"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def web(desk: Work, postgis_settings: Settings) -> Iterator[Work]:
    """The database as requests have it, with accounts of the city, of a community and of nobody's cases."""
    for login, post in {"centre": "city_centre", "c11": "community@community:D1-1", "boss": "administrator"}.items():
        users.add(desk, login, [post])
    made = open_database(postgis_settings, "web")
    yield made.but(worker=desk.engine)
    made.close()


def soon(work: Work) -> None:
    """Let the pauses be over."""
    with work.transaction() as connection:
        connection.execute(text("UPDATE hook SET next_at = NULL"))


def test_what_is_sent_is_signed_and_of_the_account_s_scope(web: Work, desk: Work, other: Other) -> None:
    acted(desk, reported("BEFORE"))
    made = hooking.add(desk, "c11", "x", other.url, kinds=["case"])
    acted(desk, reported("A", "D1-1"), reported("C", "D2-1"))
    assert sending.send(web) == 1
    [(path, headers, body)] = other.got
    assert [e["case_no"] for e in json.loads(body)["events"]] == ["A"]
    stamp, _, signed = headers["x-gridmgmt-signature"].partition(",v1=")
    assert made.secret is not None
    told = hmac.new(made.secret.encode(), f"{stamp.removeprefix('t=')}.".encode() + body, hashlib.sha256)
    assert (path, signed) == ("/robot", told.hexdigest())
    assert abs(int(stamp.removeprefix("t=")) - time.time()) < 60
    soon(desk)
    assert (sending.send(web), len(other.got)) == (0, 1)


def test_a_wecom_robot_is_sent_markdown_that_fits(web: Work, desk: Work, other: Other) -> None:
    hooking.add(desk, "centre", "x", f"{other.url}?key=K", form="wecom", kinds=["case"])
    acted(desk, *(reported(f"N{n:02}" + "长" * 50, "D1-1") for n in range(25)))
    assert sending.send(web) == 20
    [(path, _, _)], [body] = other.got, other.bodies()
    assert (path, body["msgtype"], set(body)) == ("/robot?key=K", "markdown", {"msgtype", "markdown"})
    content = body["markdown"]["content"]
    assert len(content.encode()) <= 4096
    assert content.startswith("**网格案件消息（20 条）**\n\n> 新案件 N00长")
    assert sending.send(web) == 0  # 20 a minute at most
    soon(desk)
    assert sending.send(web) == 5


def test_a_dingtalk_robot_is_signed_as_it_documents(web: Work, desk: Work, other: Other) -> None:
    hooking.add(desk, "centre", "x", f"{other.url}?access_token=T", form="dingtalk", secret="SECabc", kinds=["step"])
    acted(desk, reported("A"))
    acted(desk, step("accept", 9.1))
    assert sending.send(web) == 1
    [(path, _, _)], [body] = other.got, other.bodies()
    asked = parse_qs(urlsplit(path).query)
    stamp = asked["timestamp"][0]
    wanted = hmac.new(b"SECabc", f"{stamp}\nSECabc".encode(), digestmod=hashlib.sha256).digest()
    assert (asked["access_token"], asked["sign"]) == (["T"], [base64.b64encode(wanted).decode()])
    assert abs(int(stamp) - time.time() * 1000) < 60_000
    assert body == {
        "msgtype": "markdown",
        "markdown": {"title": "网格案件消息（1 条）", "text": "**网格案件消息（1 条）**\n\n> A：受理，现为已受理"},
    }


@pytest.mark.parametrize(("form", "most"), [("wecom", 4_096), ("dingtalk", 20_000)])
def test_of_too_many_lines_whole_ones_are_shown_and_the_others_counted(form: str, most: int) -> None:
    lines = ["标题", *(f"第{n}行" + "长" * 100 for n in range(90))]
    body = hooks.made(form, "http://x/", "", 0, [], lines).body
    text_ = next(iter(v for k, v in json.loads(body).items() if k == "markdown"))
    shown = text_.get("content") or text_["text"]
    assert len(shown.encode()) <= len(body) <= most + 200
    assert len(shown.encode()) > 0.85 * most
    n = shown.count("> ")
    assert shown.endswith(f"> 第{n - 1}行" + "长" * 100 + f"\n\n… +{90 - n}")


def test_no_name_makes_a_link_or_calls_people() -> None:
    body = hooks.made("wecom", "http://x/", "", 0, [], ["标题", "<@all> [x](http://y)"]).body
    assert json.loads(body)["markdown"]["content"] == "**标题**\n\n> ‹@all› ［x］(http://y)"


def test_the_sign_of_dingtalk_by_a_known_example() -> None:
    """Computed apart by OpenSSL (``dgst -sha256 -hmac``) of the stamp, a line's end and the secret."""
    told = hooks.dingtalk_sign("this is secret", 1577262236757)
    assert unquote_plus(told) == "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="
    assert told == quote_plus("hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM=")


@pytest.mark.parametrize(
    ("form", "status", "answer"),
    [("json", 500, b"no"), ("json", 404, b""), ("wecom", 200, b'{"errcode": 45009}'), ("dingtalk", 200, b"<html>"),
     ("dingtalk", 200, b'{"errcode": 310000, "errmsg": "sign not match"}')],
)  # fmt: skip
def test_what_is_not_taken_is_sent_again_after_a_pause(
    form: str, status: int, answer: bytes, web: Work, desk: Work, other: Other
) -> None:
    hooking.add(desk, "centre", "x", other.url, form=form, kinds=["case"])
    acted(desk, reported("A"))
    good, (other.status, other.answer) = (other.status, other.answer), (status, answer)
    assert sending.send(web) == 0
    [hook] = hooking.every(desk)
    assert (hook.n_failed, hook.failure) == (1, f"{status} {answer.decode()}")
    assert (sending.send(web), len(other.got)) == (0, 1)  # not yet
    other.status, other.answer = good
    soon(desk)
    assert (sending.send(web), len(other.got)) == (1, 2)
    [hook] = hooking.every(desk)
    assert (hook.n_failed, hook.failure, hook.n_lost) == (0, None, 0)


def test_what_is_never_taken_is_given_up_and_counted(web: Work, desk: Work, other: Other) -> None:
    hooking.add(desk, "centre", "x", other.url, kinds=["case"])
    acted(desk, reported("A"))
    other.status = 500
    pauses = []
    for _ in hooks.PAUSES_S:
        soon(desk)
        sending.send(web)
        with desk.snapshot() as connection:
            found = connection.execute(text("SELECT extract(epoch FROM next_at - clock_timestamp()) FROM hook"))
            pauses.append(float(found.scalar_one()))
    assert pauses == pytest.approx(hooks.PAUSES_S, abs=2)
    [hook] = hooking.every(desk)
    assert (hook.n_lost, hook.n_failed, len(other.got)) == (1, 0, len(hooks.PAUSES_S))
    acted(desk, reported("B"))
    other.status = 200
    soon(desk)
    assert sending.send(web) == 1
    assert [e["case_no"] for e in other.bodies()[-1]["events"]] == ["B"]


def test_a_redirect_is_not_followed(web: Work, desk: Work, other: Other) -> None:
    hooking.add(desk, "centre", "x", other.url, kinds=["case"])
    acted(desk, reported("A"))
    other.status, other.location = 307, other.url + "/elsewhere"
    assert sending.send(web) == 0
    assert [path for path, _, _ in other.got] == ["/robot"]


def test_an_answer_that_drips_is_not_waited_for(
    web: Work, desk: Work, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_SECONDS", 0.3)
    hooking.add(desk, "centre", "x", other.url, kinds=["case"])
    acted(desk, reported("A"))
    other.pause_s = 0.05
    began = time.monotonic()
    assert sending.send(web) == 0
    assert time.monotonic() - began < 2
    assert str(hooking.every(desk)[0].failure).startswith("no answer")


def test_who_may_read_no_cases_or_is_disabled_is_sent_nothing(web: Work, desk: Work, other: Other) -> None:
    hooking.add(desk, "boss", "x", other.url)
    hooking.add(desk, "c11", "x", other.url)
    users.change(desk, "c11", is_disabled=True)
    acted(desk, reported("A"))
    assert (sending.send(web), other.got) == (0, [])


def test_one_sends_at_a_time(web: Work, desk: Work, other: Other) -> None:
    hooking.add(desk, "centre", "x", other.url)
    acted(desk, reported("A"))
    with desk.connect() as connection, sending.only_one(connection) as is_first:
        assert is_first
        assert sending.send(web) == 0
    assert sending.send(web) == 1


def test_a_hook_is_listed_without_its_keys_and_removed(web: Work, desk: Work, other: Other) -> None:
    number = hooking.add(web, "centre", "x", f"{other.url}?key=K").id
    [hook] = hooking.every(web)
    assert (hook.id, hook.shown_url, hook.kinds) == (
        number,
        other.url,
        ["case", "step", "light", "import", "assessment"],
    )
    hooking.remove(web, number)
    assert hooking.every(web) == []
    acted(desk, reported("A"))
    assert sending.send(web) == 0
    with pytest.raises(HookMissing):
        hooking.remove(web, number)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"url": "ftp://x/"}, OptionInvalid), ({"url": "http://"}, OptionInvalid),
     ({"url": "http://x:99999/"}, OptionInvalid),
     ({"form": "fax"}, OptionInvalid), ({"kinds": ["fire"]}, OptionInvalid), ({"login": "nobody"}, AccountMissing)],
)  # fmt: skip
def test_what_is_no_hook_is_refused(wrong: dict[str, Any], error: type[Exception], desk: Work) -> None:
    users.add(desk, "centre", ["city_centre"])
    given = {"login": "centre", "name": "x", "url": "http://example.cn/", **wrong}
    add: Callable[..., Any] = hooking.add
    with pytest.raises(error):
        add(desk, **given)
