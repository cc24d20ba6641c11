"""Before any route (门口): whose name is asked for, how often, how much is sent, and for how long somebody waits."""

import asyncio
import re
from collections.abc import Callable
from functools import partial

from fastapi import Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import LOOPBACK
from api.errors import refusal
from api.standing.load import Rates
from api.standing.metrics import Metrics
from gridmgmt.bounds import Bounds
from gridmgmt.database.askers import Asker, working_for
from gridmgmt.errors import AnswerLate, AskerLeft, GridmgmtError

ASKER = "gridmgmt.asker"
"""Where a request's scope has who waits for it: a connection that ends tells him so."""

PAGES_CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'self'"
)
_HSTS = "max-age=31536000"
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\[\]:/?#@\\\s]+)(:\d{1,5})?", re.I)


class Doors:
    """Refuse names that are not ours, NULs and too many questions; let pages load from this application only.

    A page elsewhere could give its own name this machine's address and read along.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...], per_minute: int, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics
        self._hosts = (*LOOPBACK, *(h for h in hosts if h not in LOOPBACK))
        self._rates = Rates(per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", PAGES_CSP)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", _HSTS)
            await send(message)

        refused = await self._refused(scope)
        await (refused or self._app)(scope, receive, guarded)

    async def _refused(self, scope: Scope) -> Response | None:
        request = Request(scope)
        asked = request.headers.get("host", "")
        found = _HOST.fullmatch(asked)
        name = found["name"].strip("[]").lower() if found else None
        if name not in self._hosts:
            scope["headers"] = [(k, v) for k, v in scope["headers"] if k != b"host"]  # which may be no name at all
            self._metrics.refused.labels("host").inc()
            return refusal(Request(scope), 400, "host_refused", {"host": asked, "known": [*self._hosts]})
        if "\0" in scope["path"] or b"\0" in scope["query_string"] or b"%00" in scope["query_string"]:
            return refusal(request, 400, "request_nul", {})
        if scope["client"] is not None and not await self._rates.allows(scope["client"][0]):
            self._metrics.refused.labels("rate").inc()
            return refusal(request, 429, "too_often", {}, {"Retry-After": "60"})
        return None


class Bounded:
    """What is sent is not larger than allowed; what is done for somebody is dropped when he leaves or it is late."""

    def __init__(self, app: ASGIApp, bounds: Bounds, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics
        self._most, self._seconds = bounds.request_mb * 1_000_000, bounds.request_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > self._most:
            facts = {"most": self._most, "setting": "GRIDMGMT_MAX_REQUEST_MB"}
            await refusal(Request(scope), 413, "request_too_large", facts, {"Connection": "close"})(
                scope, receive, send
            )
            return
        asker = scope[ASKER] = Asker()
        asker.when_left(self._count)
        why = AnswerLate(seconds=self._seconds, setting="GRIDMGMT_MAX_REQUEST_S")
        late = asyncio.get_running_loop().call_later(self._seconds, leave, asker, why)

        async def begun(message: Message) -> None:
            late.cancel()
            asker.done()
            await send(message)

        try:
            with working_for(asker):
                await self._app(scope, self._counting(receive), begun)
        finally:
            late.cancel()
            asker.done()

    def _counting(self, receive: Receive) -> Receive:
        n_bytes = 0

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > self._most:
                raise HTTPException(413)
            return message

        return counted

    def _count(self, why: GridmgmtError) -> None:
        self._metrics.dropped.labels("left" if isinstance(why, AskerLeft) else "late").inc()


def leave(asker: Asker, why: GridmgmtError) -> None:
    """Tell that somebody waits no more, from the event loop, which is not kept waiting."""
    tell: Callable[[], None] = partial(asker.leave, why)
    asyncio.get_running_loop().run_in_executor(None, tell)
