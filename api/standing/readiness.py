"""Whether the database can be worked with (就绪), asked once for all who want to know within a second."""

import asyncio
import time

from gridmgmt.database.work import Work

_KEPT_S = 1.0


class Readiness:
    """The answer to /readyz, of a thread that takes no turn from those who work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._asked_at = float("-inf")
        self._answer: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Return if the database answers with the tables of this release.

        Raises
        ------
        UnavailableError
        """
        if self._answer is None or (self._answer.done() and time.monotonic() > self._asked_at + _KEPT_S):
            self._asked_at = time.monotonic()
            self._answer = asyncio.create_task(asyncio.to_thread(self._work.ready))
        await asyncio.shield(self._answer)
