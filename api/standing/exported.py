"""Files that go out (导出留痕): whatever is answered as a file to be saved stands in the audit before it leaves."""

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import signing
from api.standing.methods import HEADLESS
from gridmgmt.database.actors import Writer
from gridmgmt.database.work import Work


class Exported:
    """Tells the audit who was given which file; without the audit there is no file."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or HEADLESS in scope:
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (200, 206):
                saved = Headers(raw=message["headers"]).get("content-disposition", "")
                if saved.startswith("attachment"):
                    await run_in_threadpool(_tell, Request(scope))
            await send(message)

        await self._app(scope, receive, told)


def _tell(request: Request) -> None:
    writer = Writer(None, signing.job_of(request), request=getattr(request.state, "request_id", None))
    work: Work = request.app.state.work.but(viewer=request.state.viewer, writer=writer)
    work.audit("export", path=request.url.path, given=dict(request.query_params))
