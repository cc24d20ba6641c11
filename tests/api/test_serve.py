"""`gridmgmt serve` answers this machine alone unless it is made ready for others; it says its address when ready."""

import json
import socket
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
from typer.testing import CliRunner

from api.cli import app as serve
from api.standing import serving
from gridmgmt import texts
from gridmgmt.cli.base import State
from gridmgmt.database.engine import database_url
from gridmgmt.errors import DatabaseUnreachable, OptionInvalid, ServingRefused
from tests.api.running import ask, is_refused, process, running, sleeping, until
from tests.api.signed import bearer

OPEN = ("--host", "0.0.0.0")
PROXY = ("--behind-proxy", "127.0.0.1")


@pytest.fixture
def run(server_settings, monkeypatch):
    calls = []
    monkeypatch.setattr("uvicorn.Server.run", lambda server, sockets: calls.append((server.config, sockets[0])))
    monkeypatch.setattr("api.standing.serving.has_administrator", lambda work: True)

    def go(*args, **changes):
        state = State(replace(server_settings, **changes), None)
        CliRunner().invoke(serve, args, obj=state, catch_exceptions=False)
        for _, line in calls:
            line.close()
        return [(config.host, config.port) for config, _ in calls]

    return go


@pytest.fixture
def free_port():
    """A port that nobody uses, whatever else runs on the machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A certificate for localhost and its key."""
    folder = tmp_path_factory.mktemp("pair")
    names = folder / "certificate.pem", folder / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*made, "-out", names[0], "-keyout", names[1]], check=True, capture_output=True)
    return names


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_serves_this_machine(run, host, free_port):
    assert run("--host", host, "--port", str(free_port)) == [(host, free_port)]


@pytest.mark.parametrize(
    ("options", "hosts", "has_administrator", "wanted"),
    [
        (OPEN, (), False, ["administrator", "hosts", "cover"]),
        (OPEN, ("grid.example.cn",), True, ["cover"]),
        ((*OPEN, "--insecure-http"), (), True, ["hosts"]),
        ((*OPEN, *PROXY), ("grid.example.cn",), False, ["administrator"]),
        (PROXY, (), True, ["hosts"]),
        (PROXY, ("grid.example.cn",), False, ["administrator"]),
    ],
)
def test_it_says_what_lacks_before_others_may_reach_it(run, monkeypatch, options, hosts, has_administrator, wanted):
    monkeypatch.setattr("api.standing.serving.has_administrator", lambda work: has_administrator)
    with pytest.raises(ServingRefused) as refused:
        run(*options, hosts=hosts)
    assert refused.value.wanted == wanted
    mended = {"administrator": "gridmgmt user add", "hosts": "GRIDMGMT_HOSTS", "cover": "--behind-proxy"}
    for lang in ("zh", "en"):
        said = texts.word(refused.value.code, refused.value.facts, lang)
        assert [name for name, by in mended.items() if by in said] == wanted


def test_where_nobody_administers_that_is_said_first(make_database):
    state = State(replace(make_database("api_nobody"), hosts=("grid.example.cn",)), None)
    with pytest.raises(ServingRefused) as refused:
        CliRunner().invoke(serve, [*PROXY], obj=state, catch_exceptions=False)
    state.close()
    assert refused.value.wanted == ["administrator"]


def test_a_database_that_is_gone_is_said_before_it_serves(server_settings, monkeypatch):
    monkeypatch.setattr("api.standing.serving.has_administrator", lambda work: work.ready())
    gone = replace(server_settings, database_url="postgresql://nobody@127.0.0.1:1/none", hosts=("grid.example.cn",))
    with pytest.raises(DatabaseUnreachable):
        CliRunner().invoke(serve, [*PROXY], obj=State(gone, None), catch_exceptions=False)


def test_made_ready_it_serves_others(run, free_port, pair):
    certificate, key = map(str, pair)
    for options in (PROXY, ("--insecure-http",), ("--certificate", certificate, "--key", key)):
        served = run(*OPEN, "--port", str(free_port), *options, hosts=("grid.example.cn",))
        assert served[-1] == ("0.0.0.0", free_port)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("--behind-proxy", "*"), "--behind-proxy"), (("--behind-proxy", "0.0.0.0/0"), "--behind-proxy"),
        (("--behind-proxy", "proxy.example"), "--behind-proxy"), (("--certificate", "none.pem"), "--certificate"),
        (("--key", "none.pem"), "--certificate"), (("--host", "192.0.2.1", "--insecure-http"), "--host"),
        (("--host", "no.such.name.invalid", "--insecure-http"), "--host"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(run, options, name):
    with pytest.raises(OptionInvalid) as refused:
        run(*options, hosts=("grid.example.cn",))
    assert refused.value.name == name
    assert len({texts.word(refused.value.code, refused.value.facts, lang) for lang in ("zh", "en")}) == 2


def test_a_port_that_another_program_uses_is_said_in_both_languages(run):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OptionInvalid) as refused:
        run("--port", str(taken.getsockname()[1]))
    for lang, said in (("zh", "没有其他程序占用的端口"), ("en", "a port that no other program uses")):
        assert said in texts.word(refused.value.code, refused.value.facts, lang)


def test_only_the_proxys_word_is_taken_for_who_asks(small_settings):
    """Who comes from elsewhere may say what he likes: /metrics is told to this machine's own address."""
    claimed = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    for proxy, status, scheme in ((None, 200, None), ("127.0.0.1", 403, "max-age=31536000"), ("10.1.2.3", 200, None)):
        told = serving.Serving("127.0.0.1", 0, behind_proxy=proxy)
        with running(small_settings, told) as server:
            found = server.get("/metrics", **claimed)
            assert (found[0], found[1].get("strict-transport-security")) == (status, scheme)


def test_two_workers_from_the_first_word_to_the_last(small_settings):
    """One address is said; they tag and count alike; told to end they answer what is in work and let nobody in."""
    known = bearer(small_settings)
    with process(small_settings, "--workers", "2", GRIDMGMT_LANG="en") as server:
        assert server.lines[0] == f"ready at http://127.0.0.1:{server.port} (Ctrl+C stops it)\n"
        assert server.get("/readyz")[0] == 200
        tags, workers = set(), set()
        while len(workers) < 2:
            status, headers, _ = server.get("/v1/city", **known)
            assert status == 200
            tags.add(headers["etag"])
            workers = {json.loads(x)["process"] for x in server.lines if '"/v1/city"' in x}
        assert len(tags) == 1
        page = server.get("/metrics")[2].decode()
        n = sum('"/v1/city"' in x for x in server.lines)
        assert f'gridmgmt_requests_total{{method="GET",route="/v1/city",status="200"}} {n}.0' in page
        _ends_well(server, small_settings)
    told = [json.loads(x) for x in server.lines[1:]]
    assert {x["level"] for x in told} == {"info"}, told


def _ends_well(server, settings):
    with psycopg.connect(database_url(settings), autocommit=True) as connection:
        lines = ask(server.port, "/slow?seconds=2", 4)
        until(lambda: sleeping(connection) == 4)
    ending = threading.Thread(target=server.end)
    ending.start()
    until(lambda: is_refused(server.port))
    for line in lines:
        with closing(line):
            assert line.recv(10_000).startswith(b"HTTP/1.1 200"), "it was in work"
    ending.join()
    assert server.process.returncode == 0


def test_gdal_reads_an_address_in_ranges(small_settings):
    with running(small_settings) as server:
        address = f"http://127.0.0.1:{server.port}/v1/grids?level=community&limit=10000"
        known = "{'GDAL_HTTP_HEADERS': 'Authorization: " + bearer(small_settings)["Authorization"] + "'}"
        code = f"import pyogrio as p; p.set_gdal_config_options({known}); print(len(p.read_dataframe({address!r})))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "8\n", done.stderr
