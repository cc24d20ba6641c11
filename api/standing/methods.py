"""HEAD and OPTIONS of every route (请求方法): the head of what GET would answer, and what a path takes."""

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Match, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADLESS = "gridmgmt.headless"
"""Where a request's scope has that its answer's body goes nowhere, so that it need not be made."""

_ASKED = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Methods:
    """Answers HEAD as GET without its body, and OPTIONS with the methods of a path."""

    def __init__(self, app: ASGIApp, router: Router) -> None:
        self._app, self._router = app, router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self._head(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "OPTIONS" and (allowed := self._allowed(scope)):
            await Response(status_code=204, headers={"Allow": ", ".join(allowed)})(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def headless(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        scope["method"], scope[HEADLESS] = "GET", True
        try:
            await self._app(scope, receive, headless)
        finally:
            scope["method"] = "HEAD"

    def _allowed(self, scope: Scope) -> list[str]:
        """The methods that a path takes; none: there is no such path, or it is asked for by another one's page."""
        if "access-control-request-method" in Headers(scope=scope):
            return []
        found = {m for m in _ASKED if self._takes({**scope, "method": m})}
        return sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())) if found else []

    def _takes(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is Match.FULL for route in self._router.routes)
