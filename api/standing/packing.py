"""Packing of answers (压缩) for readers who take it: ``gzip;q=0`` is a refusal."""

import re

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipResponder, IdentityResponder
from starlette.types import ASGIApp, Receive, Scope, Send

LEAST = 1000
"""Bytes from which an answer is packed."""


def takes_gzip(headers: Headers) -> bool:
    """Whether Accept-Encoding names gzip, or anything, and does not refuse it."""
    weights = {}
    for part in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = part.replace(" ", "").partition(";q=")
        weights[name] = re.fullmatch(r"0(\.0*)?", weight) is None
    return weights.get("gzip", weights.get("*", False))


class Packed:
    """Packs what no route packed itself, unless a part of a file is asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        packs = takes_gzip(headers) and "range" not in headers
        await (GZipResponder if packs else IdentityResponder)(self._app, LEAST)(scope, receive, send)
