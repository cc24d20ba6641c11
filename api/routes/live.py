"""/v1/events: what happens, told to whoever listens (server-sent events); /v1/hooks: sent to other systems."""

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse

from api import signing
from api.deps import Ask, Database
from api.listening import Listeners, sent
from api.once import SecretRoute
from api.signing import verb
from api.standing.methods import HEADLESS
from gridmgmt.database.actors import Writer
from gridmgmt.database.work import Work
from gridmgmt.live.events import KINDS, Position
from gridmgmt.live.operations import hooking

router = APIRouter(prefix="/v1", tags=["live"])
hooks = APIRouter(prefix="/v1", tags=["live"], route_class=SecretRoute)

EventKind = Literal["case", "step", "light", "import", "assessment"]


class AskEvents(Ask):
    """Behind which event, of which kinds, and whether to stay."""

    after: str | None = Field(None, max_length=40, description="Read on behind this event's id, as Last-Event-ID does.")
    kind: list[EventKind] = Field([], max_length=len(KINDS), description="Only events of these kinds; default: all.")
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


class NewHook(BaseModel):
    """An address that is told what happens in an account's scope."""

    model_config = ConfigDict(extra="forbid")

    login: str = Field(max_length=64)
    name: str = Field(max_length=200)
    url: str = Field(max_length=2_000, examples=["https://example.gov.cn/events"])
    form: Literal["json", "wecom", "dingtalk"] = "json"
    kinds: list[EventKind] = Field([], max_length=len(KINDS), description="None: all kinds.")
    secret: str | None = Field(None, max_length=1_000, description="None: one is made where the form is json.")


class MadeHook(BaseModel):
    """A new hook; a secret that was made for it is told this once."""

    id: int
    secret: str | None


class Hook(BaseModel):
    """A hook and how it fares; its address without what stands behind ``?``, where robots have their keys."""

    id: int
    login: str
    name: str
    url: str
    form: Literal["json", "wecom", "dingtalk"]
    kinds: list[str]
    n_failed: int = Field(description="Failures in a row.")
    n_lost: int = Field(description="Events that were given up.")
    next_at: dt.datetime | None
    failure: str | None


@hooks.get("/hooks", openapi_extra=verb("users.manage"))
def list_hooks(ask: Annotated[Ask, Query()], work: Database) -> list[Hook]:
    """All hooks."""
    return [
        Hook(**{name: getattr(h, name) for name in Hook.model_fields if name != "url"}, url=h.shown_url)
        for h in hooking.every(work)
    ]


@hooks.post("/hooks", status_code=201, openapi_extra=verb("users.manage"))
def add_hook(given: NewHook, ask: Annotated[Ask, Query()], request: Request, work: Database) -> MadeHook:
    """Send what happens in an account's scope to an address from now on."""
    made = hooking.add(
        work, given.login, given.name, given.url, form=given.form, kinds=given.kinds, secret=given.secret
    )
    request.state.kept_answer = MadeHook(id=made.id, secret=None)
    return MadeHook(id=made.id, secret=made.secret)


@hooks.delete("/hooks/{number}", status_code=204, openapi_extra=verb("users.manage"))
def remove_hook(number: int, ask: Annotated[Ask, Query()], work: Database) -> None:
    """Send nothing more to a hook."""
    hooking.remove(work, number)


async def _work(request: Request) -> Work:
    """The database as the listener may see it; he takes no turn, for he would keep it as long as he listens."""
    work: Work = request.app.state.work
    writer = Writer(None, "GET /v1/events", request=getattr(request.state, "request_id", None))
    return work.but(viewer=await signing.viewer(request), writer=writer)
