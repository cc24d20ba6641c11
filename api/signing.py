"""Who asks (登录识别): by the session of a browser, a short-lived token or a key; what a route asks of him.

What is known of somebody is kept in the process until his account, the people or the grids change, which the database
tells at once, and for half a minute at most. Nobody is let in by what is kept while nobody tells changes.
"""

import asyncio
import base64
import binascii
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from gridmgmt.access.credentials import KEY_PREFIX, digest
from gridmgmt.access.operations import signing_in
from gridmgmt.database.actors import Writer
from gridmgmt.database.changes import Changes
from gridmgmt.database.work import Work
from gridmgmt.errors import OriginRefused, SignInNeeded
from gridmgmt.viewer import Viewer

COOKIE = "gridmgmt_session"
KINDS = ("access", "people", "places")
"""The changes by which somebody may do otherwise than before."""

_AGAIN_S = 30.0
_MOST = 10_000
_AT_ONCE = 4
"""So many are asked of the database at once: who only shows a key takes no turn from those who work."""

_SAFE = ("GET", "HEAD", "OPTIONS")

ANYBODY = Viewer("", means="nobody")
"""Who has not signed in: no verb is his."""

OPEN, ANY = "none", "me"
"""The verbs of routes that need no sign-in, and of those that need no more than that."""


def verb(name: str) -> dict[str, Any]:
    """What a route asks of who calls it, as its ``openapi_extra``."""
    return {"x-verb": name}


@dataclass(frozen=True)
class _Known:
    viewer: Viewer
    n: int
    until: float


class SignedIn:
    """Who is behind a session, token or key; for one event loop."""

    def __init__(self, work: Work, changes: Changes) -> None:
        self._work, self._changes = work, changes
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking = asyncio.Semaphore(_AT_ONCE)

    async def who(self, secret: str, *, is_told: bool, is_used: bool = True) -> Viewer:
        """Who shows this; ``is_used``: he does something now, so that his session is not idle.

        Raises
        ------
        SignInNeeded
        """
        key = digest(secret)
        if is_told and (found := self._kept(key)) is not None:
            return found
        async with self._asking:
            if is_told and (found := self._kept(key)) is not None:  # whom another request asked for meanwhile
                return found
            n, now = self._changes.n, asyncio.get_running_loop().time()
            viewer = await run_in_threadpool(self._asked, secret, is_used)
        self._known[key] = _Known(viewer, n, now + _AGAIN_S)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return viewer

    def _kept(self, key: str) -> Viewer | None:
        found = self._known.get(key)
        if found is None or found.n < self._changes.last(KINDS) or asyncio.get_running_loop().time() >= found.until:
            return None
        return found.viewer

    def _asked(self, secret: str, is_used: bool) -> Viewer:
        viewer = signing_in.known_by(self._work, secret)
        if is_used and viewer.means == "session":
            signing_in.seen(self._work, secret)
        return viewer


def secret_of(request: Request) -> str | None:
    """What the request shows: a bearer token or key, a key as the password of basic authentication, or a cookie.

    Raises
    ------
    OriginRefused
        A cookie that comes from another site's page, with a method that may write.
    """
    if (key := getattr(request.state, "api_key", None)) is not None:  # of Open311: see api/open311.py
        return str(key)
    kind, _, shown = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and shown:
        return shown.strip()
    if kind.lower() == "basic":
        return _key_of(shown)
    cookie = request.cookies.get(COOKIE)
    if cookie is not None and request.method not in _SAFE:
        origin = request.headers.get("origin")
        if origin != f"{request.url.scheme}://{request.headers.get('host', '')}":
            raise OriginRefused(origin=origin or "—")
    return cookie


def _key_of(shown: str) -> str | None:
    """The key that stands as the password, as GIS clients send it; any name may stand before it."""
    try:
        password = base64.b64decode(shown).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password if password.startswith(KEY_PREFIX) else None


async def viewer(request: Request) -> Viewer:
    """Who asks; once for each request.

    Raises
    ------
    SignInNeeded, AccessDenied, OriginRefused
        By what the route asks of him.
    """
    known: Viewer | None = getattr(request.state, "viewer", None)
    if known is not None:
        return known
    found = request.state.viewer = await _found(request)
    return found


async def _found(request: Request) -> Viewer:
    wanted = (request.scope["route"].openapi_extra or {}).get("x-verb", "")
    address = request.client.host if request.client else None
    changes: Changes = request.app.state.kept.changes
    request.state.is_told = await changes.caught_up()
    signed_in: SignedIn = request.app.state.signed_in
    try:
        secret = secret_of(request)
        if secret is None:
            raise SignInNeeded()
        known = await signed_in.who(secret, is_told=request.state.is_told)
    except SignInNeeded:
        if wanted != OPEN:
            raise
        return replace(ANYBODY, address=address)
    except OriginRefused as refused:
        await _tell(request, refused, address)
        raise
    seen = replace(known, address=address)
    if wanted not in (OPEN, ANY, *seen.verbs):
        await run_in_threadpool(_refuse, request, seen, wanted)
    return seen


async def _tell(request: Request, refused: OriginRefused, address: str | None) -> None:
    """Put into the audit whose session another site used; of one that holds no more nothing is told."""
    signed_in: SignedIn = request.app.state.signed_in
    cookie = request.cookies[COOKIE]
    try:
        known = await signed_in.who(cookie, is_told=request.state.is_told, is_used=False)
    except SignInNeeded:
        return
    work = _work(request, replace(known, address=address))
    await run_in_threadpool(lambda: work.audit(refused.code, outcome="refused", **refused.facts))


def job_of(request: Request) -> str:
    """What is asked, as the audit has it."""
    return f"{request.method} {request.scope['route'].path}"


def _refuse(request: Request, viewer: Viewer, wanted: str) -> None:
    work = _work(request, viewer)
    with work.refusals_told():
        work.allowed(wanted)


def _work(request: Request, viewer: Viewer) -> Work:
    writer = Writer(None, job_of(request), request=getattr(request.state, "request_id", None))
    work: Work = request.app.state.work
    return work.but(viewer=viewer, writer=writer)
