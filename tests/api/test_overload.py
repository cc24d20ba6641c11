"""A server with more to do than it can: who is told to come back, who is cut off, what is dropped, what stays quick."""

import socket
from contextlib import closing

import pytest

from tests.api.running import running

HALVES = {
    "nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: localh",
    "half a body": b"POST /v1/city HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\nhalf",
}


@pytest.mark.parametrize("half", HALVES)
def test_half_a_request_is_cut_off(small_settings, monkeypatch, half):
    monkeypatch.setattr("api.standing.connections.HEAD_S", 0.3)
    with running(small_settings) as server:
        lines = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(50)]
        for line in lines:
            line.sendall(HALVES[half])
        for line in lines:
            with closing(line):
                while line.recv(10_000):
                    pass
        assert server.get("/healthz")[0] == 200
