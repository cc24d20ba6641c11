"""A server with more to do than it can: who is told to come back, who is cut off, what is dropped, what stays quick."""

import shutil
import socket
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from gridmgmt.bounds import Bounds
from gridmgmt.database import administration, server
from gridmgmt.database.engine import database_url
from gridmgmt.settings import Settings
from tests.api import served
from tests.api.running import LATE_S, ask, running, sleeping, until
from tests.api.signed import bearer

LONG = "/slow?seconds=300"


@pytest.fixture
def serve(small_settings, monkeypatch):
    """A server with slow routes and other bounds."""
    monkeypatch.setattr("api.main.create_app", served.with_routes)
    return lambda **bounds: running(replace(small_settings, bounds=Bounds(**bounds)))


@pytest.fixture
def elsewhere(small_settings):
    with psycopg.connect(database_url(small_settings), autocommit=True) as connection:
        yield connection


# --- too many --------------------------------------------------------------------------------------------------------


def test_sixty_at_once_are_answered_or_told_to_come_back(serve):
    """Each asks something else, so that nothing is made once for all; none of them is answered 500."""
    with serve(in_work=3, waiting=10, wait_s=1) as server, ThreadPoolExecutor(60) as many:
        answers = [*many.map(lambda n: server.get(f"/slow?seconds=0.{500 + n}"), range(60))]
        found = Counter(status for status, *_ in answers)
        assert set(found) == {200, 503}
        assert found[200] >= 3
        assert found[503] >= 60 - 3 - 10
        for status, headers, body in answers:
            if status == 503:
                assert headers["retry-after"] == "5"
                assert b"overloaded" in body
        assert server.get("/slow?seconds=0")[0] == 200, "and then all is as before"
        page = server.get("/metrics")[2].decode()
        assert f'gridmgmt_requests_refused_total{{why="overload"}} {found[503]}.0' in page
        assert "gridmgmt_requests_in_work 0.0" in page


def test_while_two_hundred_wait_what_needs_no_turn_is_answered(serve, small_settings, elsewhere):
    """Health, figures, files and what is kept: of a server that has all its turns taken and its line full."""
    with serve(in_work=2, waiting=300, wait_s=LATE_S) as server:
        known = bearer(small_settings)
        kept = server.get("/v1/city", **known)
        lines = ask(server.port, LONG, 200)
        until(lambda: sleeping(elsewhere) == 2)
        for path in ("/healthz", "/readyz", "/metrics", "/static/start.js", "/v1/city"):
            assert server.get(path, timeout=LATE_S, **known)[0] == 200, path
        assert server.get("/v1/city", **known)[2] == kept[2]
        for line in lines:
            line.close()
        until(lambda: sleeping(elsewhere) == 0)
        assert server.get("/slow?seconds=0")[0] == 200


# --- work that nobody waits for --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [LONG, "/kept?seconds=300"])
def test_who_hangs_up_leaves_no_work_behind(serve, elsewhere, path):
    with serve() as server:
        (line,) = ask(server.port, path)
        until(lambda: sleeping(elsewhere) == 1)
        line.close()
        until(lambda: sleeping(elsewhere) == 0)
        until(lambda: 'gridmgmt_requests_dropped_total{why="left"} 1.0' in server.get("/metrics")[2].decode())
        assert server.get("/slow?seconds=0")[0] == 200


def test_what_others_wait_for_too_goes_on(serve, elsewhere):
    """One that is made for two is dropped when both have left, and not before."""
    with serve() as server:
        leaving, staying = (ask(server.port, "/kept?seconds=301")[0] for _ in range(2))
        until(lambda: sleeping(elsewhere) == 1)
        time.sleep(0.2)  # the second has come in by now; if it had not, the next line would fail
        leaving.close()
        time.sleep(0.3)
        assert sleeping(elsewhere) == 1
        staying.close()
        until(lambda: sleeping(elsewhere) == 0)


@pytest.mark.parametrize("path", [LONG, "/kept?seconds=300"])
def test_what_takes_too_long_is_dropped_and_said(serve, elsewhere, path):
    with serve(request_s=1) as server:
        status, headers, body = server.get(path, **{"Accept-Language": "en"})
        assert (status, headers["retry-after"]) == (503, "5")
        assert b"there was no answer within 1 s" in body
        assert b"GRIDMGMT_MAX_REQUEST_S" in body
        assert sleeping(elsewhere) == 0
        assert server.get("/slow?seconds=0")[0] == 200


HALVES = {
    "nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: localh",
    "half a body": b"POST /v1/city HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\nhalf",
}


@pytest.mark.parametrize("half", HALVES)
def test_half_a_request_is_cut_off(small_settings, monkeypatch, half):
    monkeypatch.setattr("api.standing.connections.HEAD_S", 0.3)
    with running(small_settings) as server:
        lines = [socket.create_connection(("127.0.0.1", server.port), timeout=LATE_S) for _ in range(50)]
        for line in lines:
            line.sendall(HALVES[half])
        for line in lines:
            with closing(line):
                while line.recv(10_000):
                    pass
        assert server.get("/healthz")[0] == 200


# --- the database ----------------------------------------------------------------------------------------------------


def test_a_database_that_stops_under_load_is_told_and_found_again(monkeypatch):
    """503 while it is gone, whatever was in work then, and 200 by itself once it is back; never 500."""
    home = Path(tempfile.mkdtemp(prefix="gridmgmt-restarted-"))
    home.chmod(0o755)
    settings = Settings(None, home, "town")
    found = server.locate(settings)
    try:
        administration.start(settings)
        monkeypatch.setattr("api.main.create_app", served.with_routes)
        with running(settings) as made, psycopg.connect(found.url("town"), autocommit=True) as connection:
            get = made.get
            assert get("/readyz")[0] == 200
            lines = ask(made.port, LONG, 4)
            until(lambda: sleeping(connection) == 4)
            server.stop(found)
            for line in lines:
                with closing(line):
                    assert line.recv(10_000).startswith(b"HTTP/1.1 503"), "it was in work"
            until(lambda: get("/readyz")[0] == 503)
            status, headers, body = get("/slow?seconds=0")
            assert (status, headers["retry-after"]) == (503, "5"), body
            assert get("/healthz")[0] == 200
            server.start(found)
            until(lambda: get("/readyz")[0] == 200)
            assert get("/slow?seconds=0")[0] == 200
    finally:
        administration.stop(settings)
        shutil.rmtree(home)
