"""/v1/sessions, tokens, me, users, keys, audit: who may do what, and what was done."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.deps import Ask, Database
from api.once import SecretRoute
from api.signing import ANY, COOKIE, OPEN, secret_of, verb
from gridmgmt.access.operations import auditing, signing_in, users
from gridmgmt.access.operations.signing_in import SignedIn
from gridmgmt.access.operations.users import Post
from gridmgmt.errors import SignInNeeded
from gridmgmt.viewer import Viewer

router = APIRouter(prefix="/v1", tags=["access"])
managing = APIRouter(prefix="/v1", tags=["access"], route_class=SecretRoute)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Credentials(_Body):
    """A name and its password."""

    login: str = Field(max_length=64, examples=["wang"])
    password: str = Field(max_length=1_000)


class Where(BaseModel):
    """Where a verb holds: everywhere, or in grids (``level:code``) and units with all below them."""

    everywhere: bool
    n_grids: int
    units: list[str]


class Me(BaseModel):
    """Who asks, and what he may do where."""

    login: str
    name: str
    means: Literal["session", "token", "key", "acting"]
    verbs: dict[str, Where]


class Session(Me):
    """A new session, kept in a cookie."""

    ends_at: dt.datetime


class Token(BaseModel):
    """A bearer token; it is told this once."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int


class User(BaseModel):
    """An account; ``may_sign_in``: it has a password, or an identity provider knows it."""

    login: str
    name: str | None
    may_sign_in: bool
    disabled_at: dt.datetime | None
    posts: Sequence[Post]


class NewUser(_Body):
    """An account with its posts, written as ``street@street:429901001``; without a password it shows keys only."""

    login: str = Field(max_length=64)
    name: str | None = Field(None, max_length=200)
    password: str | None = Field(None, max_length=1_000)
    posts: list[str] = Field(default=[], max_length=100)


class ChangedUser(_Body):
    """What is changed of an account; what is left out stays."""

    posts: list[str] | None = Field(None, max_length=100)
    disabled: bool | None = None


class Identity(_Body):
    """As whom an identity provider (统一身份认证) knows an account."""

    issuer: str = Field(max_length=2_000, examples=["https://id.example.gov.cn"])
    external_id: str = Field(max_length=200)


class Password(_Body):
    """A new password."""

    password: str = Field(max_length=1_000)


class NewKey(_Body):
    """A key for an account's programs."""

    login: str = Field(max_length=64)
    name: str = Field(max_length=200)
    days: int | None = Field(None, ge=1, le=3_650)


class MadeKey(BaseModel):
    """A new key; it is told this once, and null to who sends the same request again."""

    id: int
    key: str | None


class Key(BaseModel):
    """A key, by its beginning."""

    id: int
    login: str
    name: str
    start: str
    known_at: dt.datetime
    ends_at: dt.datetime | None
    revoked_at: dt.datetime | None


class AuditRow(BaseModel):
    """What was done or refused."""

    id: int
    at: dt.datetime
    login: str | None
    os_user: str | None
    means: str
    address: str | None
    request: str | None
    deed: str
    outcome: Literal["done", "refused", "failed"]
    facts: dict[str, Any]


class AskAudit(Ask):
    """Whose deeds, which, since when."""

    login: str | None = Field(None, max_length=64)
    deed: str | None = Field(None, max_length=200)
    since: AwareDatetime | None = None
    limit: int = Field(100, ge=1, le=10_000)


class AskChain(Ask):
    """Which head was written down elsewhere."""

    head: str | None = Field(None, max_length=100, description="N:SHA256, of the server's log or a backup.")


class Chain(BaseModel):
    """Whether the audit's chain is whole: how many rows it has, its head, and where it breaks."""

    n: int
    head: str
    n_unsealed: int
    broken_at: int | None
    why: str | None = Field(description="gone, changed or cut")


def _me(viewer: Viewer) -> dict[str, Any]:
    verbs = {
        name: Where(everywhere=x.everywhere, n_grids=len(x.grid_codes), units=sorted(x.unit_codes)[:1_000])
        for name, x in sorted(viewer.verbs.items())
    }
    return {"login": viewer.login, "name": viewer.name, "means": viewer.means, "verbs": verbs}


def address_of(request: Request) -> str | None:
    """Where a request comes from."""
    return request.client.host if request.client else None


def remember(response: Response, request: Request, made: SignedIn) -> None:
    """Keep a new session in a cookie."""
    response.set_cookie(
        COOKIE, made.secret, expires=made.ends_at, httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )


@router.post("/sessions", status_code=201, openapi_extra=verb(OPEN))
def sign_in(
    given: Credentials, ask: Annotated[Ask, Query()], request: Request, response: Response, work: Database
) -> Session:
    """Sign in by name and password; the session is kept in a cookie."""
    made = signing_in.sign_in(work, given.login, given.password, address=address_of(request))
    remember(response, request, made)
    return Session(**_me(made.viewer), ends_at=made.ends_at)


@router.delete("/sessions/current", status_code=204, openapi_extra=verb(OPEN))
def sign_out(ask: Annotated[Ask, Query()], request: Request, response: Response, work: Database) -> None:
    """End the session or token that is shown."""
    if (secret := secret_of(request)) is not None:
        signing_in.sign_out(work, secret)
    response.delete_cookie(COOKIE)


@router.get("/me", openapi_extra=verb(ANY))
def me(ask: Annotated[Ask, Query()], work: Database) -> Me:
    """Who asks, and what he may do where."""
    if work.viewer is None:
        raise SignInNeeded()
    return Me(**_me(work.viewer))


@router.post("/tokens", status_code=201, openapi_extra=verb(ANY))
def token(ask: Annotated[Ask, Query()], work: Database) -> Token:
    """A bearer token for a quarter of an hour, of whoever is known by a key or session."""
    if work.viewer is None:
        raise SignInNeeded()
    made = signing_in.token_by_key(work, work.viewer, address=work.viewer.address)
    return Token(access_token=made.secret, expires_in=int(signing_in.TOKEN_LASTS.total_seconds()))


@managing.post("/me/password", status_code=204, openapi_extra=verb(ANY))
def own_password(given: Password, ask: Annotated[Ask, Query()], work: Database) -> None:
    """Set one's own password; all of one's sessions end."""
    if work.viewer is None:
        raise SignInNeeded()
    users.set_password(work, work.viewer.login, given.password)


@managing.get("/users", openapi_extra=verb("users.manage"))
def list_users(ask: Annotated[Ask, Query()], work: Database) -> list[User]:
    """All accounts."""
    return [
        User(login=a.login, name=a.name, may_sign_in=a.may_sign_in, disabled_at=a.disabled_at, posts=a.posts)
        for a in users.every(work)
    ]


@managing.post("/users", status_code=201, openapi_extra=verb("users.manage"))
def add_user(given: NewUser, ask: Annotated[Ask, Query()], work: Database) -> Response:
    """Add an account."""
    users.add(work, given.login, given.posts, name=given.name, password=given.password)
    return Response(status_code=201, headers={"Location": "/v1/users"})


@managing.patch("/users/{login}", status_code=204, openapi_extra=verb("users.manage"))
def change_user(login: str, given: ChangedUser, ask: Annotated[Ask, Query()], work: Database) -> None:
    """Give an account other posts, disable it, or let it sign in again."""
    users.change(work, login, posts=given.posts, is_disabled=given.disabled)


@managing.post("/users/{login}/password", status_code=204, openapi_extra=verb("users.manage"))
def set_password(login: str, given: Password, ask: Annotated[Ask, Query()], work: Database) -> None:
    """Set an account's password."""
    users.set_password(work, login, given.password)


@managing.put("/users/{login}/identity", status_code=204, openapi_extra=verb("users.manage"))
def link(login: str, given: Identity, ask: Annotated[Ask, Query()], work: Database) -> None:
    """Say as whom an identity provider knows an account."""
    users.link(work, login, given.issuer, given.external_id)


@managing.get("/keys", openapi_extra=verb("users.manage"))
def list_keys(ask: Annotated[Ask, Query()], work: Database) -> list[Key]:
    """The keys of all programs."""
    return [Key(**asdict(k)) for k in users.keys(work)]


@managing.post("/keys", status_code=201, openapi_extra=verb("users.manage"))
def add_key(given: NewKey, ask: Annotated[Ask, Query()], request: Request, work: Database) -> MadeKey:
    """Make a key; it is told this once."""
    made = users.new_key(work, given.login, given.name, given.days)
    request.state.kept_answer = MadeKey(id=made.id, key=None)
    return MadeKey(id=made.id, key=made.secret)


@managing.delete("/keys/{number}", status_code=204, openapi_extra=verb("users.manage"))
def revoke_key(number: int, ask: Annotated[Ask, Query()], work: Database) -> None:
    """End a key."""
    users.revoke_key(work, number)


@router.get("/audit", openapi_extra=verb("audit.read"))
def audit(ask: Annotated[AskAudit, Query()], work: Database) -> list[AuditRow]:
    """What was done and refused, newest first."""
    found = auditing.listed(work, login=ask.login, deed=ask.deed, start=ask.since, limit=ask.limit)
    return [AuditRow(**{k: v for k, v in row.items() if k != "xid"}) for row in found]


@router.get(
    "/audit/lines", response_class=Response, responses={200: {"content": {"application/x-ndjson": {}}}},
    openapi_extra=verb("audit.read"),
)  # fmt: skip
def audit_lines(ask: Annotated[Ask, Query()], work: Database) -> Response:
    """Every sealed row with its seal, a JSON object a line, in the order of the chain."""
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(auditing.lines(work), media_type="application/x-ndjson", headers=headers)


@router.get("/audit/chain", openapi_extra=verb("audit.read"))
def chain(ask: Annotated[AskChain, Query()], work: Database) -> Chain:
    """Compute the audit's chain again from its beginning."""
    found = auditing.verify(work, auditing.head_of(ask.head) if ask.head is not None else None)
    broken = (found.fault.n, found.fault.why) if found.fault else (None, None)
    return Chain(
        n=found.n, head=f"{found.n}:{found.head}", n_unsealed=found.n_unsealed, broken_at=broken[0], why=broken[1]
    )
