"""What is of Open311's own (GeoReport v2): JSON or XML by suffix or Accept, errors as lists, and ``api_key``.

Before anything else sees a request, its address is made plain: ``.json`` and ``.xml`` are taken off, and the key out of
the query, so that no log holds it.
"""

import re
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/open311/"
XML = "text/xml"
_XML_TYPES = (XML, "application/xml")
_STATUS = {401: 403, 422: 400}
"""Our status → GeoReport's: it knows neither."""

_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold."""

_ONE_OF = {
    "services": "service", "attributes": "attribute", "values": "value", "service_requests": "request",
    "errors": "error",
}  # fmt: skip
"""What the elements of a list are called in XML."""


class Plain:
    """Takes the form and the key off the address of an Open311 request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            _made_plain(scope)
        await self._app(scope, receive, send)


def _made_plain(scope: MutableMapping[str, Any]) -> None:
    state = scope.setdefault("state", {})
    path, dot, suffix = scope["path"].rpartition(".")
    if dot and suffix in ("json", "xml"):
        scope["path"], state["open311"] = path, suffix
    else:
        state["open311"] = _wanted(dict(scope["headers"]).get(b"accept", b"").decode("latin-1"))
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    keys = [value for name, value in query if name == "api_key"]
    if keys:
        state["api_key"] = keys[0]
        scope["query_string"] = urlencode([x for x in query if x[0] != "api_key"]).encode()


def _wanted(accept: str) -> str:
    named = [part.split(";")[0].strip() for part in accept.split(",")]
    first = next((x for x in named if x in (*_XML_TYPES, "application/json")), "")
    return "xml" if first in _XML_TYPES else "json"


def form_asked(request: Request) -> str | None:
    """``json`` or ``xml`` where the request is one of Open311."""
    form: str | None = getattr(request.state, "open311", None)
    return form


def answer(request: Request, root: str, content: Any, status: int = 200, headers: Mapping[str, str] = {}) -> Response:
    """An answer in the form that was asked for.

    Parameters
    ----------
    root
        What it is called in XML: ``services``, ``service_definition`` or ``service_requests``.
    """
    return _written(form_asked(request) or "json", root, content, status, headers)


def faults(
    form: str, status: int, descriptions: Sequence[str], lang: str, headers: Mapping[str, str] | None = None
) -> Response:
    """What was wrong, as GeoReport tells it: a list of code and description."""
    code = _STATUS.get(status, status)
    told = {name: value for name, value in (headers or {}).items() if name != "WWW-Authenticate"}
    found = [{"code": code, "description": x} for x in descriptions]
    return _written(form, "errors", found, code, {**told, "Content-Language": lang})


def _written(form: str, root: str, content: Any, status: int, headers: Mapping[str, str]) -> Response:
    told = {**headers, "Vary": "Accept, Accept-Language"}
    if form == "json":
        return JSONResponse(content, status, told)
    body = ElementTree.tostring(_element(root, content), "utf-8", xml_declaration=True)
    return Response(body, status, told, XML)


def _element(name: str, value: Any) -> ElementTree.Element:
    element = ElementTree.Element(name)
    if isinstance(value, Mapping):
        element.extend(_element(key, x) for key, x in value.items())
    elif isinstance(value, list):
        element.extend(_element(_ONE_OF[name], x) for x in value)
    elif value is not None:
        element.text = _UNFIT.sub("\ufffd", str(value).lower() if isinstance(value, bool) else str(value))
    return element
