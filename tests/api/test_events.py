"""Events on a real server: nothing is lost or doubled though the line is cut; each in his scope, until signed out."""

import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from api import listening
from gridmgmt.access.operations import users
from gridmgmt.assessing.operations import publishing
from gridmgmt.casework.operations import cases
from gridmgmt.casework.operations.requests import Request
from gridmgmt.database import outbox
from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.running import Server, running
from tests.api.signed import PASSWORD, account, bearer
from tests.api.small_city import centre
from tests.servers import Databases

N_WRITERS, N_EACH = 4, 8
Told = dict[str, Any]


@pytest.fixture(scope="module")
def settings(databases: Databases) -> Settings:
    found = databases.built("api_events", small_city.build)
    return replace(found, bounds=replace(found.bounds, streams=3))


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[Server]:
    with running(settings) as made:
        yield made


@pytest.fixture(scope="module")
def work(settings: Settings) -> Iterator[Work]:
    made = open_database(settings)
    yield made
    made.close()


class Listener:
    """A client of its own making: it reads line by line what comes."""

    def __init__(self, server: Server, headers: dict[str, str], query: str = "", last: str | None = None) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        more = {"Last-Event-ID": last} if last else {}
        self._line.request("GET", f"/v1/events{query}", headers={**headers, **more})
        self.answer = self._line.getresponse()
        self.last = last

    def events(self) -> Iterator[tuple[str, Told]]:
        """Each event as it comes, comments left out; ends when the server ends."""
        event, data = "", ""
        while line := self.answer.readline().decode():
            name, _, value = line.rstrip("\r\n").partition(": ")
            if name == "id":
                self.last = value
            elif name == "event":
                event = value
            elif name == "data":
                data = value
            elif not line.strip() and event:
                yield event, json.loads(data)
                event = ""

    def some(self, n: int) -> list[tuple[str, Told]]:
        """The next n events."""
        found = self.events()
        return [next(found) for _ in range(n)]

    def close(self) -> None:
        """Hang up, as a network does."""
        self.answer.close()
        self._line.close()


def new(no: str, community: int = 0) -> Request:
    lon, lat = centre(community)
    return Request(
        "report", "王某", no, facts={"source": "监督员上报", "category": "matter:07001", "lon": lon, "lat": lat}
    )


def opened(work: Work, no: str, community: int = 0) -> None:
    [outcome] = cases.take(work, [new(no, community)])
    assert outcome.fault is None


def _write(work: Work, writer: int, waits: list[float]) -> None:
    """One case a transaction, which stays open for a while after it wrote."""
    for n, wait in enumerate(waits):
        with work.transaction() as connection:
            assert cases.take_within(connection, [new(f"W{writer}-{n}")])[0].fault is None
            time.sleep(wait)


def test_a_client_that_is_cut_loses_and_doubles_nothing(server: Server, settings: Settings, work: Work) -> None:
    """Four write at once and commit in another order than they wrote; the line is cut again and again."""
    headers, dice = bearer(settings), random.Random(13)
    listener = Listener(server, headers, "?kind=case")
    assert listener.some(1) == [("ready", {})]
    waits = [[dice.choice((0, 0.02, 0.15)) for _ in range(N_EACH)] for _ in range(N_WRITERS)]
    writers = [threading.Thread(target=_write, args=(work, w, waits[w])) for w in range(N_WRITERS)]
    for one in writers:
        one.start()
    found: list[Told] = []
    while len(found) < N_WRITERS * N_EACH:
        part, limit = listener.events(), dice.randrange(1, 9)
        for kind, told in part:
            if kind == "case":
                found.append(told)
                limit -= 1
            if not limit or len(found) == N_WRITERS * N_EACH:
                break
        listener.close()
        listener = Listener(server, headers, "?kind=case", listener.last)
    for one in writers:
        one.join()
    opened(work, "after")
    for kind, told in listener.events():
        if kind == "case":
            found.append(told)
            break
    listener.close()
    wanted = sorted(f"W{w}-{n}" for w in range(N_WRITERS) for n in range(N_EACH))
    assert sorted(e["case_no"] for e in found[:-1]) == wanted
    assert found[-1]["case_no"] == "after"
    for w in range(N_WRITERS):  # what one wrote after the other is told after the other
        own = [e["case_no"] for e in found if e["case_no"].startswith(f"W{w}-")]
        assert own == [f"W{w}-{n}" for n in range(N_EACH)]


def test_what_waits_for_an_older_transaction_is_told_after_it(server: Server, settings: Settings, work: Work) -> None:
    with closing(Listener(server, bearer(settings), "?kind=case")) as listener:
        listener.some(1)
        with work.transaction() as connection:
            cases.take_within(connection, [new("older")])
            opened(work, "younger")
            time.sleep(0.8)  # the younger one is committed, and must not be told yet
        assert [told["case_no"] for _, told in listener.some(2)] == ["older", "younger"]


def test_each_hears_of_his_own_area(server: Server, settings: Settings, work: Work) -> None:
    here, there = (bearer(settings, f"street@street:42990{n}001") for n in (1, 2))
    with closing(Listener(server, here)) as one, closing(Listener(server, there)) as other:
        one.some(1), other.some(1)
        opened(work, "S1", 0)
        opened(work, "S2", 4)
        [(kind, told)] = one.some(1)
        found = kind, told["case_no"], told["step"], told["state"], told["seq"]
        assert found == ("case", "S1", "report", "reported", 1)
        assert [told["case_no"] for _, told in other.some(1)] == ["S2"]
        opened(work, "S3", 0)
        assert [told["case_no"] for _, told in one.some(1)] == ["S3"]  # and nothing of S2 before it


def test_published_assessments_are_for_who_may_compare(server: Server, settings: Settings, work: Work) -> None:
    asked = "?kind=assessment&kind=case"
    with (
        closing(Listener(server, bearer(settings, "street@street:429902001"), asked)) as street,
        closing(Listener(server, bearer(settings, "inspector@street:429902001"), asked)) as inspector,
    ):
        street.some(1), inspector.some(1)
        publishing.publish(work.but(actor="局"), "grid_baseline-2025-12-1")
        opened(work, "P1", 4)
        assert [kind for kind, _ in street.some(2)] == ["assessment", "case"]
        assert [kind for kind, _ in inspector.some(1)] == ["case"]


def test_who_is_signed_out_hears_no_more_within_a_second(server: Server, settings: Settings, work: Work) -> None:
    account(settings, "leaver", "city_centre")
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as line:
        told = json.dumps({"login": "leaver", "password": PASSWORD})
        line.request("POST", "/v1/sessions", told, {"Content-Type": "application/json"})
        answer = line.getresponse()
        cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
        answer.read()
    with closing(Listener(server, {"Cookie": cookie})) as listener:
        listener.some(1)
        began = time.monotonic()
        users.change(work, "leaver", is_disabled=True)
        opened(work, "secret")
        assert list(listener.events()) == [("signed_out", {})]
        assert time.monotonic() - began < 3
    with closing(Listener(server, {"Cookie": cookie})) as again:
        assert again.answer.status == 401


def test_one_too_many_is_told_to_come_back(server: Server, settings: Settings) -> None:
    headers = bearer(settings)
    held = [Listener(server, headers) for _ in range(3)]
    for one in held:
        one.some(1)
    with closing(Listener(server, headers)) as refused:
        assert (refused.answer.status, refused.answer.headers["Retry-After"]) == (503, "5")
        assert json.loads(refused.answer.read())["code"] == "too_many_listeners"
    for one in held:
        one.close()


def test_a_line_on_which_nothing_happens_beats(
    server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_BEAT_S", 0.2)
    deadline = time.monotonic() + 10
    while (listener := Listener(server, bearer(settings))).answer.status == 503:  # those before are leaving still
        assert time.monotonic() < deadline
        listener.close()
    with closing(listener):
        lines = [listener.answer.readline().decode().strip() for _ in range(9)]
    assert ": beat" in lines
    assert lines[lines.index(": beat") + 1].startswith("id: ")


def test_without_following_one_gets_what_is_there(server: Server, settings: Settings, work: Work) -> None:
    headers = bearer(settings)
    _, _, first = server.get("/v1/events?follow=false", **headers)
    begun = first.decode().split("\r\n")[0].removeprefix("id: ")
    opened(work, "there")
    with work.transaction() as connection:
        outbox.tell(connection, "import", {"batch": 1, "facts": "cases"})
    for _ in range(200):  # transactions of other tests on the same server may still be open: events wait for them
        status, told, body = server.get(f"/v1/events?follow=false&after={begun}", **headers)
        if b"event: import" in body:
            break
        time.sleep(0.05)
    assert (status, told["content-type"].partition(";")[0]) == (200, "text/event-stream")
    assert [line for line in body.decode().split("\r\n") if line.startswith("event")] == [
        "event: case", "event: import", "event: ready"
    ]  # fmt: skip


@pytest.mark.parametrize(("after", "status"), [("x", 422), ("1-2-3", 422), ("1", 422)])
def test_a_position_that_is_none_is_refused(after: str, status: int, server: Server, settings: Settings) -> None:
    assert server.get(f"/v1/events?after={after}", **bearer(settings))[0] == status


def test_whose_events_are_gone_is_told_so(server: Server, settings: Settings) -> None:
    _, _, body = server.get("/v1/events?follow=false&after=999999999999-1", **bearer(settings))
    assert "event: gap" in body.decode()


def test_hooks_are_added_over_http_and_sent_to_by_the_server(server: Server, settings: Settings, work: Work) -> None:
    headers = {**bearer(settings, "administrator"), "Content-Type": "application/json"}
    account(settings, "hooked", "city_centre")
    with socket.create_server(("127.0.0.1", 0)) as other, closing(_line(server)) as line:
        other.settimeout(20)
        url = f"http://127.0.0.1:{other.getsockname()[1]}/robot?key=K"
        line.request("POST", "/v1/hooks", json.dumps({"login": "hooked", "name": "x", "url": url}), headers)
        answer = line.getresponse()
        made = json.loads(answer.read())
        assert (answer.status, len(made["secret"]) > 30) == (201, True)
        opened(work, "hooked")
        taken, _ = other.accept()
        with taken:
            taken.settimeout(20)
            got = b""
            while b"hooked" not in got:
                got += taken.recv(65_536)
            taken.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert got.startswith(b"POST /robot?key=K HTTP/1.1\r\n")
        line.request("GET", "/v1/hooks", headers=headers)
        [hook] = json.loads(line.getresponse().read())
        assert (hook["id"], hook["url"], hook["login"]) == (made["id"], url.partition("?")[0], "hooked")
        line.request("DELETE", f"/v1/hooks/{made['id']}", headers=headers)
        answer = line.getresponse()
        assert (answer.status, answer.read()) == (204, b"")


def _line(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
