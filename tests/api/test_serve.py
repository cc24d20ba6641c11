"""`gridmgmt serve` binds loopback only."""

import pytest
import typer
from typer.testing import CliRunner

from api.cli import app as serve
from gridmgmt.cli.base import State
from gridmgmt.errors import OptionInvalid


@pytest.fixture
def run(server_settings, monkeypatch):
    calls = []
    monkeypatch.setattr("uvicorn.run", lambda app, **options: calls.append(options))
    root = typer.Typer()

    @root.callback()
    def _root(context: typer.Context):
        context.obj = State(server_settings, None)

    root.add_typer(serve, name="serve")

    def go(*args):
        CliRunner().invoke(root, ["serve", *args], catch_exceptions=False)
        return calls

    return go


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_serves_this_machine(run, host):
    assert run("--host", host, "--port", "8123")[0] | {"log_level": ""} == {"host": host, "port": 8123, "log_level": ""}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_it_refuses_any_other_host(run, host):
    with pytest.raises(OptionInvalid, match="--host"):
        run("--host", host)
