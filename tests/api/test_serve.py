"""`gridmgmt serve` binds loopback only."""

import pytest
from typer.testing import CliRunner

from api.cli import app as serve
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


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_serves_this_machine(run, host):
    assert run("--host", host, "--port", "8123") == [(host, 8123)]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_it_refuses_any_other_host(run, host):
    with pytest.raises(OptionInvalid, match="--host"):
        run("--host", host)
