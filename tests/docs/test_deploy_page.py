"""What the page on serving, the compose file and the image say is what there is."""

import re

import pytest
from ruamel.yaml import YAML
from typer.main import get_command

from api.cli import app
from api.standing import connections, serving
from gridmgmt import bounds, settings
from tests.docs.pages import ROOT, blocks

PAGE, COMPOSE, IMAGE = (ROOT / name for name in ("docs/deploy.md", "deploy/compose.yaml", "deploy/Containerfile"))
OPTIONS = {option for parameter in get_command(app).params for option in parameter.opts}


@pytest.fixture(scope="module")
def compose():
    return YAML(typ="safe").load(COMPOSE)


def test_options_are_those_of_the_command(compose):
    commands = [line for block in blocks(PAGE) for line in block.text.splitlines() if "gridmgmt serve -" in line]
    assert len(commands) == 3
    for words in (*(line.split("serve", 1)[1].split() for line in commands), compose["services"]["server"]["command"]):
        named = {w for w in map(str, words) if w.startswith("--")}
        assert named
        assert named <= OPTIONS


@pytest.mark.parametrize("path", [PAGE, COMPOSE, IMAGE], ids=lambda p: p.name)
def test_settings_are_there(path):
    named = set(re.findall(r"GRIDMGMT_\w+", path.read_text("utf-8")))
    assert named
    assert named <= set(settings.KEYS)


def test_bounds_of_the_server_are_told_and_times_are_those_of_the_code():
    page = PAGE.read_text("utf-8")
    for name in ("request_mb", "in_work", "waiting", "wait_s", "request_s", "per_minute"):
        assert f"GRIDMGMT_MAX_{name.upper()}" in page
    assert f"within {connections.HEAD_S:.0f} s, a body slower than {connections.LEAST_PER_S / 1000:.0f} kB/s" in page
    assert f"client_max_body_size {bounds.Bounds().request_mb}m;" in page
    assert f"proxy_read_timeout {bounds.Bounds().request_s + 10}s;" in page
    assert f"has {serving.END_S} seconds to end" in page
    assert page.count(f"TimeoutStopSec={serving.END_S + 10}") == 2


def test_no_password_has_a_default_and_nobody_but_this_machine_is_let_in(compose):
    services = compose["services"]
    assert set(services) == {"server", "worker", "postgis"}
    assert services["server"]["ports"] == ["127.0.0.1:8000:8000"]
    assert [name for name in ("worker", "postgis") if "ports" in services[name]] == []
    for password in re.findall(r"\$\{\w*PASSWORD[^}]*\}", COMPOSE.read_text("utf-8")):
        assert password.startswith("${POSTGRES_PASSWORD:?")
    assert (ROOT / services["server"]["build"]["dockerfile"]) == IMAGE


def test_what_goes_into_the_image_is_there():
    for line in IMAGE.read_text("utf-8").splitlines():
        if line.startswith("COPY "):
            assert all((ROOT / name).exists() for name in line.split()[1:-1]), line
