"""Signing in by an identity provider: there and back, in server processes; what does not hold lets nobody in."""

import base64
import hashlib
import logging
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from gridmgmt.access.operations import auditing, users
from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Oidc, Settings
from tests.api import small_city
from tests.api.running import running
from tests.api.signed import account
from tests.servers import Databases

SECRET = "a-secret-that-no-log-holds"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider of somebody else's making, as a process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        transport = httpx2.HTTPTransport(retries=40)
        with httpx2.Client(transport=transport) as client:
            client.get(f"{address}/.well-known/openid-configuration").raise_for_status()
        yield address
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def settings(databases: Databases, issuer: str) -> Settings:
    found = databases.built("api_oidc", small_city.build)
    return replace(found, oidc=Oidc(issuer, "grid", SECRET))


@pytest.fixture(scope="module")
def address(settings: Settings) -> Iterator[str]:
    with running(settings) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def work(settings: Settings, issuer: str) -> Iterator[Work]:
    found = open_database(settings)
    account(settings, "wang", "city_centre")
    account(settings, "gone", "city_centre")
    users.link(found, "wang", issuer, "wang@city")
    users.link(found, "gone", issuer, "gone@city")
    users.change(found, "gone", is_disabled=True)
    yield found
    found.close()


@pytest.fixture
def browser(address: str, work: Work) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=address, headers={"Accept": "text/html", "Accept-Language": "en"}) as client:
        yield client


def at_provider(browser: httpx2.Client, subject: str, on: str = "/", action: str = "authorize") -> str:
    """Begin at our sign-in, say at the provider who one is; gives the address at which one comes back."""
    sent = browser.get("/oidc/login", params={"next": on})
    assert sent.status_code == 302, sent.text
    said = httpx2.post(sent.headers["location"], data={"sub": subject, "action": action})
    assert said.status_code in (302, 303), said.text
    return str(said.headers["location"])


def refused(browser: httpx2.Client, back: str, work: Work, said: str) -> None:
    """Nobody is let in; the page says why, and so does the audit."""
    answer = browser.get(back)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert said in answer.text
    assert "gridmgmt_session" not in browser.cookies
    assert browser.get("/v1/me").status_code == 401
    (row,) = auditing.listed(work, limit=1)
    assert (row["deed"], row["outcome"]) == ("sign_in", "refused")


def test_whoever_is_linked_comes_back_signed_in(
    browser: httpx2.Client, work: Work, issuer: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[httpx2.Request] = []
    send = httpx2.AsyncClient.send

    async def seen(self: httpx2.AsyncClient, request: httpx2.Request, **kwargs: Any) -> httpx2.Response:
        sent.append(request)
        return await send(self, request, **kwargs)

    monkeypatch.setattr(httpx2.AsyncClient, "send", seen)
    page = browser.get("/sign-in?next=/docs").text
    (link,) = re.findall(r'href="(/oidc/login[^"]*)"', page)
    assert link == "/oidc/login?next=%2Fdocs"
    with caplog.at_level(logging.INFO):
        begun = browser.get(link)
        asked = {k: v[0] for k, v in parse_qs(urlsplit(begun.headers["location"]).query).items()}
        assert begun.headers["location"].startswith(f"{issuer}/oauth2/authorize")
        assert (asked["scope"], asked["code_challenge_method"]) == ("openid", "S256")
        assert len(asked["state"]) >= 20
        assert len(asked["nonce"]) >= 20
        back = httpx2.post(begun.headers["location"], data={"sub": "wang@city"}).headers["location"]
        done = browser.get(back)
    assert (done.status_code, done.headers["location"]) == (303, "/docs")
    told = [x for x in done.headers.get_list("set-cookie") if x.startswith("gridmgmt_session=")]
    assert "HttpOnly" in told[0]
    assert "SameSite=lax" in told[0]
    assert "gridmgmt_oidc" not in browser.cookies, "the way there and back is over"
    assert browser.get("/v1/me").json()["login"] == "wang"
    (row,) = auditing.listed(work, limit=1)
    assert (row["login"], row["deed"], row["outcome"]) == ("wang", "sign_in", "done")
    (exchange,) = [x for x in sent if x.method == "POST"]
    (verifier,) = parse_qs(exchange.content.decode())["code_verifier"]
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert digest == asked["code_challenge"]
    assert caplog.records
    assert not [x for x in (SECRET, verifier, browser.cookies["gridmgmt_session"]) if x in caplog.text]


def test_whoever_is_linked_with_nobody_is_told_so_and_no_account_is_made(browser: httpx2.Client, work: Work) -> None:
    before = [a.login for a in users.every(work)]
    refused(browser, at_provider(browser, "stranger@city"), work, "gridmgmt user link LOGIN")
    assert [a.login for a in users.every(work)] == before
    (row,) = auditing.listed(work, limit=1)
    assert row["facts"]["tried"] == "stranger@city"


def test_a_disabled_account_is_nobodys(browser: httpx2.Client, work: Work) -> None:
    refused(browser, at_provider(browser, "gone@city"), work, "gone@city")


def test_who_says_no_at_the_provider_is_not_let_in(browser: httpx2.Client, work: Work) -> None:
    refused(browser, at_provider(browser, "wang@city", action="deny"), work, "access_denied")


def test_what_another_browser_began_is_not_finished_here(browser: httpx2.Client, address: str, work: Work) -> None:
    """A link with somebody else's code would sign one in as him."""
    with httpx2.Client(base_url=address) as other:
        back = at_provider(other, "wang@city")
    refused(browser, back, work, "mismatching_state")
    browser.get("/oidc/login")
    refused(browser, back, work, "mismatching_state")


def test_a_code_of_another_sign_in_does_not_hold(browser: httpx2.Client, address: str, work: Work) -> None:
    with httpx2.Client(base_url=address) as other:
        code = parse_qs(urlsplit(at_provider(other, "wang@city")).query)["code"][0]
    own = at_provider(browser, "stranger@city")
    refused(browser, re.sub(r"code=[^&]*", f"code={code}", own), work, "invalid_claim")


@pytest.mark.parametrize("change", [lambda x: x[:-3] + "abc", lambda x: "", lambda x: "a.b.c"])
def test_a_cookie_that_we_did_not_sign_is_none(change: Any, browser: httpx2.Client, work: Work) -> None:
    back = at_provider(browser, "wang@city")
    signed = browser.cookies["gridmgmt_oidc"]
    browser.cookies.clear()
    browser.cookies.set("gridmgmt_oidc", change(signed))
    refused(browser, back, work, "mismatching_state")


@pytest.mark.parametrize("on", ["//evil.example", "https://evil.example/", "/\\evil.example", "evil"])
def test_one_goes_on_within_the_application_only(on: str, browser: httpx2.Client) -> None:
    assert browser.get(at_provider(browser, "wang@city", on)).headers["location"] == "/"


@pytest.mark.parametrize(
    ("other", "status", "said"), [("{}/", 403, "issuer"), ("http://127.0.0.1:9", 503, "ConnectError")]
)
def test_a_provider_that_is_another_one_or_away_is_said_to_be(
    other: str, status: int, said: str, settings: Settings, issuer: str
) -> None:
    odd = replace(settings, oidc=Oidc(other.format(issuer), "grid", SECRET))
    with running(odd) as server:
        answer = httpx2.get(f"http://127.0.0.1:{server.port}/oidc/login", headers={"Accept-Language": "en"})
    assert answer.status_code == status
    assert said in answer.text
    assert "<form" in answer.text, "name and password still serve"


def test_without_a_provider_there_is_no_button(settings: Settings) -> None:
    with running(replace(settings, oidc=None)) as server:
        address = f"http://127.0.0.1:{server.port}"
        assert "/oidc/login" not in httpx2.get(f"{address}/sign-in").text
        assert httpx2.get(f"{address}/oidc/login").json()["code"] == "provider_missing"
        assert httpx2.get(f"{address}/oidc/callback").status_code == 404
