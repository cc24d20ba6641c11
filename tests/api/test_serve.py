"""`gridmgmt serve` binds loopback only, and says its address when it can be reached there."""

import socket
import threading

import pytest
from typer.testing import CliRunner

from api import cli
from api.cli import app as serve
from gridmgmt import texts
from gridmgmt.cli.base import State
from gridmgmt.errors import OptionInvalid


@pytest.fixture
def run(server_settings, monkeypatch):
    calls = []
    monkeypatch.setattr("uvicorn.Server.run", lambda server: calls.append((server.config.host, server.config.port)))

    def go(*args):
        CliRunner().invoke(serve, args, obj=State(server_settings, None), catch_exceptions=False)
        return calls

    return go


@pytest.fixture
def free_port():
    """A port that nobody uses, whatever else runs on the machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_serves_this_machine(run, host, free_port):
    assert run("--host", host, "--port", str(free_port)) == [(host, free_port)]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_it_refuses_any_other_host(run, host):
    with pytest.raises(OptionInvalid, match="--host"):
        run("--host", host)


def test_a_port_that_another_program_uses_is_said_in_both_languages(run):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OptionInvalid) as refused:
        run("--port", str(taken.getsockname()[1]))
    for lang, said in (("zh", "没有其他程序占用的端口"), ("en", "a port that no other program uses")):
        assert said in texts.word(refused.value.code, refused.value.facts, lang)


def test_it_says_its_address_once_it_can_be_reached(server_settings, monkeypatch, free_port):
    told, port = [], free_port

    def hear(text):
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            told.append(text)

    monkeypatch.setattr(cli.typer, "echo", hear)
    server = cli._server(State(server_settings, None, "en"), "127.0.0.1", port)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not told and thread.is_alive():
        thread.join(0.05)
    server.should_exit = True
    thread.join()
    assert told == [f"ready at http://127.0.0.1:{port} (Ctrl+C stops it)"]
