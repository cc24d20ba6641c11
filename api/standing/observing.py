"""Every request gets an id, and is told in the log and counted when it is answered."""

import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem
from api.standing import logs
from api.standing.metrics import Metrics

HEADER = "X-Request-ID"


class Observed:
    """The outermost of all: what is answered by any other is seen here."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, method = time.perf_counter(), scope["method"]
        name = logs.name_request(Headers(scope=scope).get(HEADER))
        scope.setdefault("state", {})["request_id"] = name
        status, n_bytes = 0, 0

        async def counted(message: Message) -> None:
            nonlocal status, n_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = name
            n_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        except Exception:
            if not status:
                await problem(Request(scope), 500, "unexpected", {})(scope, receive, counted)
            raise
        finally:
            seconds, route = time.perf_counter() - began, _route(scope)
            self._metrics.answered(method, route, status, seconds)
            logs.tell(
                "request", logging.WARNING if status >= 500 else logging.INFO,
                method=method if len(method) < 10 else "other", route=route, status=status,
                ms=round(1000 * seconds, 1), bytes=n_bytes,
            )  # fmt: skip


def _route(scope: Scope) -> str:
    """The path as the route declares it: what stands in its place may be somebody's number."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else "other"
