"""What the server keeps (缓存): whole answers, and what answers are computed from, until what they are made of changes.

Nothing kept is older than what was committed when the request came in: each request first waits until the database
has told all changes (:meth:`gridmgmt.database.changes.Changes.caught_up`, one round trip for all who wait); what
was begun before the last change of its kinds is not given. While nobody tells changes nothing is kept. All of it
lives in the event loop; what is made is made in threads.
"""

import asyncio
import gzip
import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from api import signing
from api.asked import forms, wanted_language
from api.standing.packing import LEAST, takes_gzip
from gridmgmt.database.askers import Shared, present, working_for
from gridmgmt.database.changes import EVERYTHING, Changes
from gridmgmt.viewer import Viewer

_PACKED_LEVEL = 4
"""Takes half the time of gzip's usual 6, for one or two per cent more bytes."""


class Weighed(Protocol):
    """Something that knows what it weighs."""

    @property
    def n_bytes(self) -> int:
        """About how many bytes of memory it takes."""


T = TypeVar("T", bound=Weighed)


@dataclass
class _Making(Generic[T]):
    """What is made or was: ``began`` is how many changes were told then; it weighs nothing until it is made."""

    began: int
    task: asyncio.Task[T]
    askers: Shared
    n_bytes: int = 0


class Kept:
    """Things by key, as heavy as allowed; the one that was asked for longest ago goes first.

    Whoever asks for one that is just being made waits for it. Where something changed since that was begun it would be
    too old for him: he waits for the next one, which is made once for all who wait. So a thing is made by one at a
    time, and nobody waits longer than for two makings, however often facts change. One that all have left is dropped.
    """

    def __init__(self, changes: Changes, most_bytes: int) -> None:
        self.changes = changes
        changes.when_lost = self.clear
        self._most = most_bytes
        self._weight = 0
        self._found: OrderedDict[Hashable, _Making[Any]] = OrderedDict()

    async def of(self, key: Hashable, made_of: Collection[str], make: Callable[[], Awaitable[T]]) -> T:
        """What is kept under a key, else what ``make`` gives; a failure is that of all who wait, and is not kept.

        To be asked right after :meth:`Changes.caught_up`.
        """
        asked = self.changes.last(made_of)
        while True:
            found = self._found.get(key)
            if found is not None and found.began >= asked and (found.task.done() or found.askers.join(present())):
                break
            if found is not None and not found.task.done():
                await asyncio.wait([found.task])
                continue
            self._begin(key, make)
        self._found.move_to_end(key)
        given: T = found.task.result() if found.task.done() else await asyncio.shield(found.task)
        return given

    async def within(self, request: Request, key: Hashable, made_of: Collection[str], make: Callable[[], T]) -> T:
        """The same within a request that has caught up already, or could not; ``make`` runs in a thread."""

        async def making() -> T:
            return await run_in_threadpool(make)

        return await self.of(key, made_of, making) if request.state.is_told else await making()

    def clear(self) -> None:
        """Forget everything; who waits for what is being made still gets it."""
        self._found.clear()
        self._weight = 0

    def _begin(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> None:
        async def making() -> T:
            try:
                thing = await make()
            except BaseException:
                if self._found.get(key) is made:
                    del self._found[key]
                raise
            finally:
                askers.done()
            if self._found.get(key) is made:
                self._keep(key, made, thing.n_bytes)
            return thing

        self._forget(key)
        askers = Shared()
        with working_for(askers):  # a task keeps what is set while it is made
            task = asyncio.create_task(making())
        made = self._found[key] = _Making(self.changes.n, task, askers)
        made.task.add_done_callback(lambda task: task.cancelled() or task.exception())  # told to those who wait

    def _keep(self, key: Hashable, made: _Making[Any], n_bytes: int) -> None:
        """Keep what was made, and let go what is too much then; what is just being made weighs nothing yet."""
        if n_bytes > self._most:
            del self._found[key]
            return
        made.n_bytes = n_bytes
        self._weight += n_bytes
        for oldest in [k for k, x in self._found.items() if x.n_bytes]:
            if self._weight <= self._most:
                return
            self._forget(oldest)

    def _forget(self, key: Hashable) -> None:
        gone = self._found.pop(key, None)
        self._weight -= gone.n_bytes if gone is not None else 0


@dataclass(frozen=True)
class Answer:
    """A whole answer as it was made, with its tags: the SHA-256 of what is sent, plain and packed."""

    body: bytes
    packed: bytes | None
    tag: str
    status: int
    headers: dict[str, str]

    @property
    def n_bytes(self) -> int:
        """What it weighs."""
        return len(self.body) + len(self.packed or b"") + 2_000

    def to(self, request: Request) -> Response:
        """The answer to one reader: packed if he takes it so, 304 if he has it already, or the part he asks for."""
        wanted = request.headers.get("range") if self.status == 200 else None
        packed = self.packed if wanted is None and takes_gzip(request.headers) else None
        tag = f'"{self.tag}{"" if packed is None else "-gzip"}"'
        headers = {**self.headers, "ETag": tag, "Accept-Ranges": "bytes"}
        if _has_already(request.headers.get("if-none-match", ""), tag):
            named = ("etag", "cache-control", "vary")
            return Response(status_code=304, headers={k: v for k, v in headers.items() if k.lower() in named})
        if wanted is not None and request.headers.get("if-range", tag) == tag:
            return self._part(wanted, headers)
        if packed is None:
            return Response(self.body, self.status, headers)
        return Response(packed, self.status, {**headers, "Content-Encoding": "gzip"})

    def _part(self, wanted: str, headers: Mapping[str, str]) -> Response:
        """A part of the plain answer (206), or 416 where it has no such bytes; several parts are given as the whole."""
        size = len(self.body)
        found = _range(wanted, size)
        if found is None:
            return Response(self.body, self.status, headers)
        first, end = found
        if first >= end:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})
        return Response(self.body[first:end], 206, {**headers, "Content-Range": f"bytes {first}-{end - 1}/{size}"})


def _range(wanted: str, size: int) -> tuple[int, int] | None:
    """The first byte and the one behind the last of one range; None: it is written otherwise, and not heeded."""
    found = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", wanted.replace(" ", ""))
    if found is None or found.group() == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        return max(size - int(last), 0), size
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size


def _has_already(wanted: str, tag: str) -> bool:
    """Whether If-None-Match names the tag (weakly compared) or takes any."""
    named = re.findall(r'(?:W/)?("[^"]*")', wanted)
    return wanted.strip() == "*" or tag in named


def _finished(response: Response) -> Answer:
    """A response as an answer that can be given again."""
    body = bytes(response.body)
    packed = gzip.compress(body, _PACKED_LEVEL, mtime=0) if len(body) >= LEAST else None
    if packed is not None and len(packed) > len(body) * 0.95:
        packed = None
    headers = {
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Accept-Encoding, Accept-Language, Authorization, Cookie",
        **{k: v for k, v in response.headers.items() if k != "content-length"},
    }
    return Answer(body, packed, hashlib.sha256(body).hexdigest()[:32], response.status_code, headers)


def _key(request: Request, viewer: Viewer) -> Hashable:
    """All of a request that an answer may depend on, with what its viewer may see."""
    url = request.scope
    asked = request.headers.get("host"), url["scheme"], url["path"], url["query_string"]
    return (*asked, wanted_language(request), forms(request), viewer.key)


def made_of(*kinds: str) -> type[APIRoute]:
    """The class of routes whose answers are kept until something of these kinds changes (default: anything)."""
    changing = frozenset(kinds) or EVERYTHING

    class KeptRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Any]:
            handle = super().get_route_handler()

            async def make(request: Request) -> Answer:
                return await run_in_threadpool(_finished, await handle(request))

            async def answer(request: Request) -> Response:
                kept: Kept = request.app.state.kept
                viewer = await signing.viewer(request)
                if request.state.is_told:
                    found = await kept.of(_key(request, viewer), changing, lambda: make(request))
                else:
                    found = await make(request)
                return found.to(request)

            return answer

    return KeptRoute
