"""Every route and parameter of the API document is asked what nobody means: never a 5xx, always a documented answer."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from api.errors import MEDIA_TYPE
from api.main import create_app
from gridmgmt.settings import Settings
from gridmgmt.texts import catalogue
from tests.api.signed import sign_in
from tests.api.small_city import COMMUNITIES

NAME = "grid_baseline-2025-12-1"
GOOD = {
    "assessment": NAME, "name": NAME, "code": COMMUNITIES[0], "level": "community", "period": "2025-12",
    "lon": "114.005", "lat": "30.005", "collection": "cases", "fid": "A000", "layer": "roads-roads",
    "indicator": "n_due", "case_no": "A000", "sha256": "0" * 64,
    "fonts": "sans-serif", "span": "0-255", "z": "12", "x": "3345", "y": "1689", "number": "1",
    "service_code": "other", "service_request_id": "A000", "token": "A000",
    "sample_no": "P1", "a": "2025", "b": "2025", "kind": "roads",
    "rulebook": "grid_baseline", "scheme": "bureau_office", "on": "2025-12-31", "units": "street=1", "year": "2025",
}  # fmt: skip
"""A right value of every parameter that must be given."""

HOSTILE = (
    "%00", "a%00b", "", "%20", "9999-12-31", "0001-01-01", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00%2B14:00",
    "9" * 6_000, "-1", "-" + "9" * 30, "0", "1e309", "nan", "-inf", "Infinity", "0x10", "%D9%A3", "%ED%A0%80", "%FF%FE",
    "x" * 5_000, quote("'; DROP TABLE cases; --"), quote("<script>alert(1)</script>"), "%25s%25n", "%5B1,2%5D",
    "%7B%22a%22:1%7D", "..%2F..%2Fetc%2Fpasswd", "%0D%0ASet-Cookie:a=b", "%E2%80%AE%F0%9F%92%A9", "true", "null",
)  # fmt: skip
"""Percent-encoded: NUL, ends of the calendar, numbers without end or that are none, halves of characters, code."""

MORE = (
    "0000-00-00", "2025-12-31T24:00", "2025-13", "9999-12", "0001-01", "9999", "0001", "2025-Q9", "9999-Q4",
    "9999-H2", "2025-12@31", "10000-01-01", "-0001-01-01", "2025-02-29", "2025-12-01T00:00:00%2B99:99", "2%2E5",
    "1_000", "+5", str(2**31), str(2**63), str(2**64), str(-(2**63)), "1e400", "-0.0", "0.1" + "0" * 5_000,
    "180,90,-180,-90", "-180,-90,180,90", "nan,nan,nan,nan", "1,2,3,4,5", ",,,", "epsg:0", "epsg:-1", "epsg:" + "9"
    * 4_000, "EPSG:4326%00", "gcj02", "**", "*:*", "component:*", "component:" + "0" * 5_000, ":", "matter:",
    "latest", "latest%20", "all", "*", "%5C", "%22", "%27", "%60", "%3B", "%23", "%3F", "%26", "%2F", "%2E", "%09",
    "%7F", "%C0%80", "%F4%90%80%80", "%EF%BF%BE", "%EF%BB%BF", quote("网格" * 1_500), quote("1' OR '1'='1"),
    quote("$(id)"), quote("{{7*7}}"), quote("<img src=x onerror=alert(1)>社区"), quote("javascript:alert(1)"),
    quote("%" * 500), "a" * 60_000,
)  # fmt: skip
"""For the night."""

Asked = tuple[str, str, dict[str, Any]]
"""The method, the address asked, and what the document says of the route."""


def _address(path: str, known: Sequence[dict[str, Any]], wrong: str, value: str) -> str:
    """A route's address with one parameter wrong and the others that must be given right."""
    given = {p["name"]: GOOD[p["name"]] for p in known if p.get("required")} | ({wrong: value} if wrong else {})
    query = "&".join(f"{k}={v}" for k, v in given.items() if "{" + k + "}" not in path)
    for name, text in given.items():
        path = path.replace("{" + name + "}", text)
    return f"{path}?{query}" + ("&follow=false" if path == "/v1/events" else "")  # else it goes on for ever


def _addresses(document: dict[str, Any], values: Sequence[str], *, everywhere: bool) -> Iterator[Asked]:
    """Each parameter wrong in every way: in every route, or dealt out over the routes that have one of its name."""
    routes = [(path, "get", ways["get"]) for path, ways in document["paths"].items() if "get" in ways]
    n_routes = Counter(p["name"] for _, _, told in routes for p in told["parameters"])
    seen: Counter[str] = Counter()
    for path, how, told in routes:
        known = told["parameters"]
        for name in (p["name"] for p in known):
            own = values if everywhere else values[seen[name] :: n_routes[name]]
            yield from ((how, _address(path, known, name, value), told) for value in own)
            if everywhere or not seen[name]:
                yield how, _address(path, known, name, "1").replace("?", f"?{name}=2&{name}=1&"), told
                yield how, _address(path, known, "", "").replace("?", f"?{name}[]=1&"), told
            seen[name] += 1
        yield how, _address(path, known, "nobody", "1"), told


def _asked(settings: Settings, values: Sequence[str], *, everywhere: bool) -> list[str]:
    """What was not answered as it is documented."""
    app = create_app(settings)
    asked = list(_addresses(app.openapi(), values, everywhere=everywhere))
    names = {p["name"] for _, _, told in asked for p in told["parameters"]}
    assert len(asked) > len(values) * (60 if everywhere else len(names))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        sign_in(client, settings)
        found = ((address, _undocumented(told, client.request(how, address))) for how, address, told in asked)
        return [f"{address[:160]} → {wrong}" for address, wrong in found if wrong is not None]


def _undocumented(operation: dict[str, Any], response: Any) -> str | None:
    status = response.status_code
    if str(status) in operation["responses"] and status < 400:
        return None
    if not 400 <= status < 500:
        return str(status)
    if "application/json" in operation["responses"]["default"]["content"]:  # Open311 has a form of its own
        told = response.json()
        return None if told and all(x["code"] == status and x["description"] for x in told) else f"{status} {told}"
    if response.headers["content-type"] != MEDIA_TYPE:
        return f"{status} as {response.headers['content-type']}"
    problem = response.json()
    is_worded = problem["code"] in catalogue() and problem["detail"] and problem["status"] == status
    return None if is_worded else f"{status} {problem}"


def test_every_parameter_takes_hostile_values(small_settings: Settings) -> None:
    assert _asked(small_settings, HOSTILE[::3], everywhere=False) == []


@pytest.mark.night
def test_every_parameter_of_every_route_takes_more_of_them(small_settings: Settings) -> None:
    assert _asked(small_settings, (*HOSTILE, *MORE), everywhere=True) == []


@pytest.mark.parametrize("language", ["\x7f", "zh;q=9e999", "x" * 5_000, "zh;q=nan, en;q=-1", ",,,;;;===", "*"])
def test_a_hostile_wish_for_a_language_is_answered(client: TestClient, language: str) -> None:
    response = client.get("/v1/city", headers={"accept-language": language})
    assert response.status_code == 200
