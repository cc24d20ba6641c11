"""Requests that may be sent again (Idempotency-Key): done once, answered the same."""

import hashlib
from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from python_multipart.multipart import parse_options_header

from api import signing
from gridmgmt.access.operations import once as kept
from gridmgmt.access.operations.once import Done, Once
from gridmgmt.database.work import Work
from gridmgmt.errors import GridmgmtError, OptionInvalid, RequestKeyReused, RequestUnderWay

HEADER = "idempotency-key"
_MOST = 200
_KEPT_HEADERS = ("content-type", "location", "etag", "content-language")


def _digest(said: bytes, _key: str) -> str:
    return hashlib.sha256(said).hexdigest()


def _slow_digest(said: bytes, key: str) -> str:
    return hashlib.scrypt(said, salt=key.encode(), n=1 << 14, r=8, p=1, dklen=32).hex()


class OnceRoute(APIRoute):
    """Routes whose requests may bear a key; without one they are as others are.

    What a route puts on ``request.state.kept_answer`` is kept in place of its answer.
    """

    fingerprint: Callable[[bytes, str], str] = staticmethod(_digest)
    """What is said and its key → by what it is known again."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Look whether it was done, do it, and keep what was answered."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            viewer = await signing.viewer(request)  # nothing is read of what a stranger sends
            key = request.headers.get(HEADER)
            if key is None:
                return await handle(request)
            if not 0 < len(key) <= _MOST or not key.isascii() or not key.isprintable():
                raise OptionInvalid(name="Idempotency-Key", value=key[:_MOST], expected=f"1–{_MOST} ASCII")
            work: Work = request.app.state.work.but(viewer=viewer)
            once = Once(viewer.login, key, await run_in_threadpool(self.fingerprint, await _said(request), key))
            done = await run_in_threadpool(kept.done, work, once)
            if done is not None:
                return _again(done, once)
            request.state.once = once
            try:
                response = await handle(request)
            except GridmgmtError:
                await run_in_threadpool(kept.release, work, once)
                raise
            if once.is_written or response.status_code < 400:
                headers = {k: v for k, v in response.headers.items() if k in _KEPT_HEADERS}
                told = getattr(request.state, "kept_answer", None)
                body = bytes(response.body) if told is None else told.model_dump_json().encode()
                await run_in_threadpool(kept.keep, work, once, response.status_code, headers, body)
            return response

        return answer


async def _said(request: Request) -> bytes:
    """What is compared: address and body; where a form parts its fields is drawn anew each time that it is sent."""
    kind, told = parse_options_header(request.headers.get("content-type", ""))
    body = await request.body()
    if kind == b"multipart/form-data":
        body = body.replace(told.get(b"boundary", b""), b"")
    return f"{request.method} {request.url.path}?{request.url.query}\n".encode() + body


class SecretRoute(OnceRoute):
    """Routes that are told passwords: what is kept of them must be no faster to guess than a password's own hash."""

    fingerprint = staticmethod(_slow_digest)


def _again(done: Done, once: Once) -> Response:
    if done.fingerprint != once.fingerprint:
        raise RequestKeyReused(key=once.key)
    if done.status is None:
        raise RequestUnderWay(key=once.key)
    headers = {**(done.headers or {}), "Idempotency-Replayed": "true"}
    return Response(done.body, done.status, headers)
