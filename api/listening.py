"""Who listens to events (消息流): each in his scope, until he leaves or is signed out.

A listener costs no thread and no connection while nothing happens: the event loop hears from the database that events
were written (:mod:`gridmgmt.database.changes`), and each listener then reads his own, by his row policies.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

from fastapi.concurrency import run_in_threadpool
from sse_starlette import ServerSentEvent

from api import signing
from gridmgmt.database.changes import Changes
from gridmgmt.database.work import Work
from gridmgmt.errors import AccessError, TooManyListeners, UnavailableError
from gridmgmt.live.events import Event, Page, Position
from gridmgmt.live.operations import reading

_BEAT_S = 15.0
"""So often something is sent, so that proxies keep the line and a dead one is noticed; then he is looked at again."""

_REST_S = 0.5
"""So long after one reading of a listener comes his next one."""

_AT_ONCE = 2
"""So many listeners read at once: they take no connection from those who work."""

_RETRY_MS = 3_000


class Listeners:
    """All who listen to one process; for one event loop."""

    def __init__(self, signed_in: signing.SignedIn, changes: Changes, most: int) -> None:
        self._signed_in, self._changes, self._most = signed_in, changes, most
        self._reading = asyncio.Semaphore(_AT_ONCE)
        self._n = 0

    def check(self) -> None:
        """Refuse one more where there are as many as may be.

        Raises
        ------
        TooManyListeners
        """
        if self._n >= self._most:
            raise TooManyListeners(n=self._most, setting="GRIDMGMT_MAX_STREAMS")

    async def read(self, work: Work, after: Position | None, kinds: Collection[str]) -> Page:
        """A page of somebody's events."""
        async with self._reading:
            return await run_in_threadpool(reading.read, work, after, kinds)

    async def follow(
        self, work: Work, secret: str, after: Position | None, kinds: Collection[str]
    ) -> AsyncIterator[ServerSentEvent]:
        """Events behind a position, then those that come, until the listener may listen no more."""
        with self._counted():
            try:
                async for event in self._told(work, secret, after, kinds):
                    yield event
            except AccessError:
                yield ServerSentEvent(event="signed_out", data="{}")
            except UnavailableError:
                return  # he comes back by himself, and reads on

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._n += 1
        try:
            yield
        finally:
            self._n -= 1

    async def _told(
        self, work: Work, secret: str, after: Position | None, kinds: Collection[str]
    ) -> AsyncIterator[ServerSentEvent]:
        page, loop = await self.read(work, after, kinds), asyncio.get_running_loop()
        begun = page.position if after is None or page.gap else after
        yield ServerSentEvent(event="gap" if page.gap else "ready", data="{}", id=str(begun), retry=_RETRY_MS)
        beat, known = loop.time() + _BEAT_S, self._changes.last(signing.KINDS)
        while True:
            for event in page.events:
                yield sent(event)
            heard = self._changes.last(("live",))  # before it is read: what is told meanwhile is read again
            if not page.more:
                await self._wait(heard, known, beat)
            await asyncio.sleep(0 if page.is_full else _REST_S)
            if loop.time() >= beat or self._changes.last(signing.KINDS) != known:
                known = self._changes.last(signing.KINDS)
                work = await self._still(work, secret)
            if loop.time() >= beat:
                beat = loop.time() + _BEAT_S
                yield ServerSentEvent(comment="beat", id=str(page.position))
            page = await self.read(work, page.position, kinds)

    async def _wait(self, heard: int, known: int, beat: float) -> None:
        """Until events are told, somebody's access changes, or it is time for a beat."""
        loop = asyncio.get_running_loop()
        while self._changes.last(("live",)) == heard and self._changes.last(signing.KINDS) == known:
            left = beat - loop.time()
            if left <= 0:
                return
            await asyncio.wait([self._changes.next_one()], timeout=left)

    async def _still(self, work: Work, secret: str) -> Work:
        """The work as he may do it by now.

        Raises
        ------
        SignInNeeded
        """
        viewer = await self._signed_in.who(secret, is_told=await self._changes.caught_up(), is_used=False)
        return work.but(viewer=replace(viewer, address=work.viewer.address if work.viewer else None))


def sent(event: Event) -> ServerSentEvent:
    """An event as a stream has it."""
    data = json.dumps(event.as_dict(), ensure_ascii=False)
    return ServerSentEvent(event=event.kind, data=data, id=str(event.position))
