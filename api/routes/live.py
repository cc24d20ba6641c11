"""/v1/events: what happens, told to whoever listens (server-sent events)."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field
from sse_starlette import EventSourceResponse

from api import signing
from api.deps import Ask
from api.listening import Listeners, sent
from api.signing import verb
from api.standing.methods import HEADLESS
from gridmgmt.database.actors import Writer
from gridmgmt.database.work import Work
from gridmgmt.live.events import KINDS, Position

router = APIRouter(prefix="/v1", tags=["live"])


class AskEvents(Ask):
    """Behind which event, of which kinds, and whether to stay."""

    after: str | None = Field(None, max_length=40, description="Read on behind this event's id, as Last-Event-ID does.")
    kind: list[Literal["case", "step", "light", "import", "assessment"]] = Field(
        [], max_length=len(KINDS), description="Only events of these kinds; default: all."
    )
    follow: bool = Field(True, description="false: give what is there and end.")


@router.get(
    "/events",
    response_class=Response,
    responses={200: {"description": "A stream of events", "content": {"text/event-stream": {}}}},
    openapi_extra=verb("cases.read"),
)
async def events(
    ask: Annotated[AskEvents, Query()],
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
) -> Response:
    """New cases, steps, lights that turn, imports and published assessments, as they happen."""
    listeners: Listeners = request.app.state.listeners
    given = last_event_id or ask.after
    after, kinds = Position.parse(given) if given else None, tuple(ask.kind) or KINDS
    work = await _work(request)
    if not ask.follow or HEADLESS in request.scope:
        page = await listeners.read(work, after, kinds)
        told = b"".join(sent(event).encode() for event in page.events)
        tail = f"id: {page.position}\r\nevent: {'gap' if page.gap else 'ready'}\r\ndata: {{}}\r\n\r\n"
        return Response(told + tail.encode(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})
    listeners.check()
    stream = listeners.follow(work, signing.secret_of(request) or "", after, kinds)
    return EventSourceResponse(stream, ping=0)


async def _work(request: Request) -> Work:
    """The database as the listener may see it; he takes no turn, for he would keep it as long as he listens."""
    work: Work = request.app.state.work
    writer = Writer(None, "GET /v1/events", request=getattr(request.state, "request_id", None))
    return work.but(viewer=await signing.viewer(request), writer=writer)
